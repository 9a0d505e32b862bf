// SPDX-License-Identifier: MIT
// Sums of streams and their reductions, at one vector width. Included by mix.c once a width.

#include "src/kernel/isa/width.h"
#include "src/kernel/kernel.h"

// P pixels of NB vectors of channels from c0 on, n lanes of the last vector exist.
INLINE void AT_WIDTH(mix_pixels)(const KernelMix *m, size_t px, int c0, int n, const int P,
                                 const int NB)
{
    float *out = m->out + px * (size_t)m->out_ld + c0;
    V acc[16];
    UNROLL(16)
    for (int i = 0; i < P * NB; i++) {
        int v = i % NB, lanes = v == NB - 1 ? n : VW;
        acc[i] = (V){ 0 };
        if (m->b)
            acc[i] = AT_WIDTH(load_part)(m->b + c0 + v * VW, lanes);
        if (m->add)
            acc[i] += AT_WIDTH(load_part)(out + (size_t)(i / NB * m->out_ld + v * VW), lanes);
    }
    for (int s = 0; s < m->n_streams; s++) {
        const KernelStream *from = &m->stream[s];
        const float *x = from->x + px * (size_t)from->ld + c0;
        V a[4];
        UNROLL(4)
        for (int v = 0; v < NB; v++) {
            a[v] = (V){ 0 } + 1.0f;
            if (from->a)
                a[v] = AT_WIDTH(load_part)(from->a + c0 + v * VW, v == NB - 1 ? n : VW);
        }
        UNROLL(16)
        for (int i = 0; i < P * NB; i++)
            acc[i] += a[i % NB] *
                      AT_WIDTH(load_part)(x + (size_t)(i / NB) * (size_t)from->ld + i % NB * VW,
                                          i % NB == NB - 1 ? n : VW);
    }
    UNROLL(16)
    for (int i = 0; i < P * NB; i++) {
        if (m->relu)
            acc[i] = AT_WIDTH(relu)(acc[i]);
        AT_WIDTH(store_part)
        (out + (size_t)(i / NB * m->out_ld + i % NB * VW), acc[i], i % NB == NB - 1 ? n : VW);
    }
}

// Vectors that a row of pixels is summed in, so that streams are read in order.
#undef MIX_VECTORS
#define MIX_VECTORS (KERNEL_VL >= 16 ? 16 : 8)

INLINE void AT_WIDTH(mix_columns)(const KernelMix *m, size_t first, int c0, const int NB)
{
    const int P = MIX_VECTORS / NB;
    int i = 0;
    for (; i + P <= m->hw; i += P)
        AT_WIDTH(mix_pixels)(m, first + (size_t)i, c0, VW, P, NB);
    for (; i < m->hw; i++)
        AT_WIDTH(mix_pixels)(m, first + (size_t)i, c0, VW, 1, NB);
}

static void AT_WIDTH(mix_image)(const KernelMix *m, int image)
{
    size_t first = (size_t)image * (size_t)m->hw;
    int c0 = 0;
    for (; c0 + 4 * VW <= m->c; c0 += 4 * VW)
        AT_WIDTH(mix_columns)(m, first, c0, 4);
    for (; c0 + 2 * VW <= m->c; c0 += 2 * VW)
        AT_WIDTH(mix_columns)(m, first, c0, 2);
    for (; c0 + VW <= m->c; c0 += VW)
        AT_WIDTH(mix_columns)(m, first, c0, 1);
    for (int i = 0; i < m->hw && c0 < m->c; i++)
        AT_WIDTH(mix_pixels)(m, first + (size_t)i, c0, m->c - c0, 1, 1);
}

// ---- reductions --------------------------------------------------------------------------------

enum { AT_WIDTH(MIX_CHUNK) = 64 }; // pixels whose g stays in L1 while the streams pass

// g of `count` pixels from px on, NB vectors a pixel.
INLINE void AT_WIDTH(mix_gradient)(const KernelMix *m, float *g, size_t px, int count, int c0,
                                   int n, const int NB)
{
    for (int i = 0; i < count; i++) {
        UNROLL(4)
        for (int v = 0; v < NB; v++) {
            V sum = { 0 };
            for (int t = 0; t < m->n_terms; t++) {
                const KernelTerm *term = &m->term[t];
                sum +=
                    term->w * AT_WIDTH(load_part)(
                                  term->g + (px + (size_t)i) * (size_t)term->ld + c0 + v * VW, n);
            }
            AT_WIDTH(store)(g + (i * NB + v) * VW, sum);
        }
    }
}

// sums[NB vectors] += sum over `count` pixels of g * x; x NULL: of g.
INLINE void AT_WIDTH(mix_dot)(float *sums, const float *g, const float *x, size_t ld, int count,
                              int n, const int NB)
{
    enum { CHAINS = 8 };
    const int P = CHAINS / NB;
    V acc[CHAINS];
    UNROLL(8)
    for (int i = 0; i < CHAINS; i++)
        acc[i] = (V){ 0 };
    int p = 0;
    for (; p + P <= count; p += P, g += CHAINS * VW) {
        UNROLL(8)
        for (int i = 0; i < CHAINS; i++) {
            V gv = AT_WIDTH(load)(g + i * VW);
            if (x)
                gv *= AT_WIDTH(load_part)(x + (size_t)(p + i / NB) * ld + i % NB * VW, n);
            acc[i] += gv;
        }
    }
    for (; p < count; p++, g += NB * VW) {
        UNROLL(4)
        for (int v = 0; v < NB; v++) {
            V gv = AT_WIDTH(load)(g + v * VW);
            if (x)
                gv *= AT_WIDTH(load_part)(x + (size_t)p * ld + v * VW, n);
            acc[v] += gv;
        }
    }
    UNROLL(4)
    for (int v = 0; v < NB; v++) {
        V sum = AT_WIDTH(load_part)(sums + v * VW, n);
        UNROLL(8)
        for (int i = v; i < CHAINS; i += NB)
            sum += acc[i];
        AT_WIDTH(store_part)(sums + v * VW, sum, n);
    }
}

// One group of NB channel vectors of one image; n lanes exist (VW unless NB is 1).
INLINE void AT_WIDTH(mix_reduce_columns)(const KernelMix *m, int image, int c0, int n, const int NB)
{
    _Alignas(64) float g[AT_WIDTH(MIX_CHUNK) * 4 * VW];
    float *sums = m->sums + (size_t)image * (size_t)(m->n_streams + 1) * (size_t)m->c + c0;
    for (int from = 0; from < m->hw; from += AT_WIDTH(MIX_CHUNK)) {
        int count = m->hw - from < AT_WIDTH(MIX_CHUNK) ? m->hw - from : AT_WIDTH(MIX_CHUNK);
        size_t px = (size_t)image * (size_t)m->hw + (size_t)from;
        AT_WIDTH(mix_gradient)(m, g, px, count, c0, n, NB);
        for (int s = 0; s < m->n_streams; s++) {
            const KernelStream *x = &m->stream[s];
            AT_WIDTH(mix_dot)
            (sums + (size_t)s * (size_t)m->c, g, x->x + px * (size_t)x->ld + c0, (size_t)x->ld,
             count, n, NB);
        }
        AT_WIDTH(mix_dot)(sums + (size_t)m->n_streams * (size_t)m->c, g, NULL, 0, count, n, NB);
    }
}

static void AT_WIDTH(mix_reduce_image)(const KernelMix *m, int image)
{
    size_t count = (size_t)(m->n_streams + 1) * (size_t)m->c;
    memset(m->sums + (size_t)image * count, 0, count * sizeof(float));
    int c0 = 0;
    for (; c0 + 4 * VW <= m->c; c0 += 4 * VW)
        AT_WIDTH(mix_reduce_columns)(m, image, c0, VW, 4);
    for (; c0 + 2 * VW <= m->c; c0 += 2 * VW)
        AT_WIDTH(mix_reduce_columns)(m, image, c0, VW, 2);
    for (; c0 + VW <= m->c; c0 += VW)
        AT_WIDTH(mix_reduce_columns)(m, image, c0, VW, 1);
    if (c0 < m->c)
        AT_WIDTH(mix_reduce_columns)(m, image, c0, m->c - c0, 1);
}
