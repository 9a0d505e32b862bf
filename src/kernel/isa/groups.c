// SPDX-License-Identifier: MIT
#include "src/kernel/isa/entry.h"

// Sums of the groups' weight gradients, in the order of the groups, at full vector width. Groups
// are padded to whole lines, so that they are read to the end.

#define VW KERNEL_VL
#include "src/kernel/isa/width.h"

enum { LINES = 4, SPAN = LINES * KERNEL_VL, BLOCK = 1024 };

INLINE void sum_vectors(const float *group, size_t stride, int groups, float *out, int left,
                        const int n)
{
    V acc[LINES];
    UNROLL(4)
    for (int i = 0; i < n; i++)
        acc[i] = AT_WIDTH(load)(group + i * VW);
    for (int g = 1; g < groups; g++) {
        group += stride;
        UNROLL(4)
        for (int i = 0; i < n; i++)
            acc[i] += AT_WIDTH(load)(group + i * VW);
    }
    UNROLL(4)
    for (int i = 0; i < n; i++)
        AT_WIDTH(store_part)(out + i * VW, acc[i], left - i * VW);
}

static void sum_block(const float *group, size_t stride, int groups, size_t count, float *out)
{
    size_t i = 0;
    for (; i + SPAN <= count; i += SPAN)
        sum_vectors(group + i, stride, groups, out + i, SPAN, LINES);
    for (; i < count; i += VW)
        sum_vectors(group + i, stride, groups, out + i, (int)(count - i), 1);
}

void groups_sum(const float *group, size_t stride, int groups, size_t count, float *out,
                int threads)
{
    // Small tensors are not worth waking the other threads.
    int team = count < 8192 ? 1 : threads;
#pragma omp parallel for schedule(static) num_threads(team) if (team > 1)
    for (size_t block = 0; block < count; block += BLOCK)
        sum_block(group + block, stride, groups, count - block < BLOCK ? count - block : BLOCK,
                  out + block);
}
