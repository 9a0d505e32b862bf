// SPDX-License-Identifier: MIT
#include <omp.h>

#include "src/kernel/isa/entry.h"

#define VW 4
#include "src/kernel/isa/mix_body.h"
#if KERNEL_VL >= 8
#undef VW
#define VW 8
#include "src/kernel/isa/mix_body.h"
#endif
#if KERNEL_VL >= 16
#undef VW
#define VW 16
#include "src/kernel/isa/mix_body.h"
#endif

// Widest vector that divides the channels: tensors are read where they lie.
static int stream_width(int c)
{
    int vw = KERNEL_VL;
    while (vw > 4 && c % vw != 0)
        vw /= 2;
    return vw;
}

static void share(const KernelMix *m)
{
    KernelShape s = { .n = m->n, .h = m->hw, .w = 1, .c = m->c };
    entry_share(&s, m->n, m->work->threads);
}

void streams_fwd(const KernelMix *m)
{
    const int vw = stream_width(m->c);
    share(m);
#pragma omp parallel for num_threads(m->work->threads) schedule(runtime)
    for (int i = 0; i < m->n; i++)
        WIDTH_CALL(vw, mix_image, m, i);
}

void streams_reduce(const KernelMix *m)
{
    const int vw = stream_width(m->c);
    share(m);
#pragma omp parallel for num_threads(m->work->threads) schedule(runtime)
    for (int i = 0; i < m->n; i++)
        WIDTH_CALL(vw, mix_reduce_image, m, i);
}
