// SPDX-License-Identifier: MIT
#include <omp.h>

#include "src/kernel/isa/entry.h"

// What depends on the size of caches. Nothing here changes a result.

enum { OWN_FLOATS = 1 << 18 };    // of a tensor that a thread may still have in its own cache
enum { STREAM_FLOATS = 1 << 20 }; // of outputs that no cache keeps until they are read

void entry_share(const KernelShape *s, int tasks, int threads)
{
    const size_t floats = (size_t)s->n * (size_t)s->h * (size_t)s->w * (size_t)s->c;
    const int piece = tasks / (threads * 8);
    if (threads > 1 && floats / (size_t)threads > OWN_FLOATS)
        omp_set_schedule(omp_sched_dynamic, piece > 1 ? piece : 1);
    else
        omp_set_schedule(omp_sched_static, 0);
}

bool entry_streams(const KernelShape *s, const float *y, int ld, int vw, int outputs)
{
    const size_t floats = (size_t)s->n * (size_t)(s->oh * s->ow) * (size_t)s->oc;
    return floats * (size_t)outputs >= STREAM_FLOATS && s->oc % vw == 0 && ld % vw == 0 &&
           (uintptr_t)y % ((size_t)vw * sizeof(float)) == 0;
}
