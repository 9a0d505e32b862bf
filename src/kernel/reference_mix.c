// SPDX-License-Identifier: MIT
#include "src/kernel/reference.h"

#include <string.h>

#include <omp.h>

static void mix_pixel(const KernelMix *m, size_t pixel)
{
    float *out = m->out + pixel * m->out_ld;
    for (int c = 0; c < m->c; c++) {
        float v = m->add ? out[c] : 0;
        if (m->b)
            v += m->b[c];
        for (int s = 0; s < m->n_streams; s++) {
            const KernelStream *st = &m->stream[s];
            float x = st->x[pixel * st->ld + c];
            v += st->a ? st->a[c] * x : x;
        }
        out[c] = m->relu && v < 0 ? 0 : v;
    }
}

void ref_mix_fwd(const KernelMix *m)
{
#pragma omp parallel for schedule(static) num_threads(m->work->threads)
    for (int image = 0; image < m->n; image++)
        for (int p = 0; p < m->hw; p++)
            mix_pixel(m, (size_t)image * m->hw + p);
}

static void reduce_image(const KernelMix *m, int image, float *g)
{
    float *sums = m->sums + (size_t)image * (m->n_streams + 1) * m->c;
    KernelGrad grad = { .term = m->term, .n = m->n_terms };
    ref_grad(&grad, image, m->hw, m->c, g);
    memset(sums, 0, (size_t)(m->n_streams + 1) * m->c * sizeof *sums);
    for (int s = 0; s <= m->n_streams; s++)
        for (int p = 0; p < m->hw; p++)
            for (int c = 0; c < m->c; c++) {
                float v = g[(size_t)p * m->c + c];
                if (s < m->n_streams) {
                    const KernelStream *st = &m->stream[s];
                    v *= st->x[((size_t)image * m->hw + p) * st->ld + c];
                }
                sums[(size_t)s * m->c + c] += v;
            }
}

void ref_mix_reduce(const KernelMix *m)
{
#pragma omp parallel for schedule(static) num_threads(m->work->threads)
    for (int image = 0; image < m->n; image++)
        reduce_image(m, image, m->work->tile + (size_t)omp_get_thread_num() * m->work->tile_floats);
}
