// SPDX-License-Identifier: MIT
#include "src/kernel/kernel.h"

#include <string.h>

void kernel_finish(const float *part, int n, int rows, int c, int ld, double *sums)
{
    memset(sums, 0, (size_t)rows * c * sizeof *sums);
    for (int image = 0; image < n; image++)
        for (int r = 0; r < rows; r++) {
            const float *p = part + ((size_t)image * rows + r) * ld;
            for (int q = 0; q < c; q++)
                sums[(size_t)r * c + q] += p[q];
        }
}

void kernel_sum_groups(const float *group, size_t stride, size_t count, float *out, int threads)
{
    // Small tensors are not worth waking the other threads.
    int team = count < 4096 ? 1 : threads;
#pragma omp parallel for schedule(static) num_threads(team) if (team > 1)
    for (size_t block = 0; block < count; block += 1024) {
        size_t end = block + 1024 < count ? block + 1024 : count;
        for (size_t i = block; i < end; i++)
            out[i] = group[i];
        for (int g = 1; g < KERNEL_GROUPS; g++)
            for (size_t i = block; i < end; i++)
                out[i] += group[(size_t)g * stride + i];
    }
}
