// SPDX-License-Identifier: MIT
// Dense and pointwise convolution of one image, at one vector width. A pointwise one is a single
// tap over a flattened image. Included by conv.c once a width.

#include "src/kernel/isa/tap.h"
#include "src/kernel/isa/width.h"

// Pixels in flight next to NB vectors of output channels: what the registers hold.
#undef CONV_PIXELS
#define CONV_PIXELS(NB) ((KERNEL_VL >= 16 ? 16 : 8) / (NB))

typedef struct {
    V sum[2], sum_sq[2];
} AT_WIDTH(ConvSums);

// Where one block of pixels is read and written.
typedef struct {
    const float *in, *w;
    float *out;
    int co;
} AT_WIDTH(ConvAt);

// acc[p][v] += in[p][l] * w[l][v] for the n channels l of one block.
INLINE void AT_WIDTH(conv_lanes)(V *acc, const float *in, const float *w, size_t w_ld, size_t row,
                                 int n, const int P, const int R, const int NB, const int IS)
{
    UNROLL(4)
    for (int l = 0; l < n; l++, w += w_ld) {
        V wv[2];
        UNROLL(2)
        for (int v = 0; v < NB; v++)
            wv[v] = AT_WIDTH(loadu)(w + v * VW);
        UNROLL(16)
        for (int p = 0; p < P * R; p++) {
            float s = in[(size_t)(p / P) * row + (size_t)(p % P * IS * VW + l)];
            UNROLL(2)
            for (int v = 0; v < NB; v++)
                acc[p * NB + v] += wv[v] * s;
        }
    }
}

// Adds the accumulators of n pixels to the sums, pairwise.
INLINE void AT_WIDTH(conv_sum)(AT_WIDTH(ConvSums) * s, const V *acc, const int n, const int NB)
{
    UNROLL(2)
    for (int v = 0; v < NB; v++) {
        V a = { 0 }, b = { 0 }, aa = { 0 }, bb = { 0 };
        UNROLL(8)
        for (int p = 0; p < n; p += 2) {
            a += acc[p * NB + v];
            aa += acc[p * NB + v] * acc[p * NB + v];
        }
        UNROLL(8)
        for (int p = 1; p < n; p += 2) {
            b += acc[p * NB + v];
            bb += acc[p * NB + v] * acc[p * NB + v];
        }
        s->sum[v] += a + b;
        s->sum_sq[v] += aa + bb;
    }
}

// `n` lanes of the last vector exist.
INLINE void AT_WIDTH(conv_put)(const ConvJob *job, const V *acc, float *out, int n, const int P,
                               const int R, const int NB, const bool stream)
{
    const size_t px = job->px, row = job->row, block = job->block;
    UNROLL(4)
    for (int r = 0; r < R; r++, out += row) {
        float *to = out;
        UNROLL(16)
        for (int p = 0; p < P; p++, to += px) {
            OPAQUE(to);
            const V *from = &acc[(r * P + p) * NB];
            UNROLL(2)
            for (int v = 0; v < NB; v++) {
                if (stream)
                    AT_WIDTH(stream)(to + (size_t)v * block, from[v]);
                else
                    AT_WIDTH(store_part)(to + (size_t)v * block, from[v], v == NB - 1 ? n : VW);
            }
        }
    }
}

INLINE void AT_WIDTH(conv_store)(const ConvJob *job, const V *acc, float *out, int n, const int P,
                                 const int R, const int NB)
{
    if (job->stream)
        AT_WIDTH(conv_put)(job, acc, out, VW, P, R, NB, true);
    else
        AT_WIDTH(conv_put)(job, acc, out, n, P, R, NB, false);
}

// Adds the bias, takes the sums, writes.
INLINE void AT_WIDTH(conv_finish)(const ConvJob *job, V *acc, const AT_WIDTH(ConvAt) * at,
                                  AT_WIDTH(ConvSums) * sums, const int P, const int R, const int NB)
{
    const int co = at->co;
    if (job->bias) {
        V bias[2];
        UNROLL(2)
        for (int v = 0; v < NB; v++)
            bias[v] = AT_WIDTH(load_part)(job->bias + co + v * VW, job->oc - co - v * VW);
        UNROLL(16)
        for (int i = 0; i < P * R * NB; i++)
            acc[i] += bias[i % NB];
    }
    if (job->sum)
        AT_WIDTH(conv_sum)(sums, acc, P * R, NB);
    if (job->whole || job->oc - co >= NB * VW)
        AT_WIDTH(conv_store)(job, acc, at->out, VW, P, R, NB);
    else
        AT_WIDTH(conv_store)(job, acc, at->out, job->oc - co - (NB - 1) * VW, P, R, NB);
}

// R rows of P pixels by NB vectors of channels. The runs of channels of each tap (one unless the
// convolution is pointwise) lie in the list one after the other.
INLINE void AT_WIDTH(conv_pixels)(const ConvJob *job, const TapList *list, TapRange range,
                                  const AT_WIDTH(ConvAt) * at, AT_WIDTH(ConvSums) * sums,
                                  const int P, const int R, const int NB, const int IS)
{
    const size_t row = tile_row(job->in) * (size_t)job->taps->step;
    const size_t plane = tile_plane(job->in), w_ld = job->w_ld;
    V acc[16];
    UNROLL(16)
    for (int i = 0; i < P * R * NB; i++)
        acc[i] = (V){ 0 };
    for (int t = range.from; t < range.to; t++) {
        const float *in = at->in + list->in[t], *w = at->w + list->w[t];
        int n = job->n_seg == 1 ? job->seg->c : job->seg[t].c;
        for (; n >= VW; n -= VW, in += plane, w += VW * w_ld)
            AT_WIDTH(conv_lanes)(acc, in, w, w_ld, row, VW, P, R, NB, IS);
        if (n > 0)
            AT_WIDTH(conv_lanes)(acc, in, w, w_ld, row, n, P, R, NB, IS);
    }
    AT_WIDTH(conv_finish)(job, acc, at, sums, P, R, NB);
}

// Columns [x0, x1) in steps of P, all rows in steps of R.
INLINE void AT_WIDTH(conv_strip)(const ConvJob *job, const TapList *list, int co, int x0, int x1,
                                 void *state, const int P, const int R, const int NB, const int IS)
{
    const size_t step = (size_t)job->taps->step, in_row = step * tile_row(job->in);
    const size_t in_px = P * step * VW, out_px = P * job->px;
    const float *in = tile_at(job->in, 0) + (size_t)x0 * step * VW;
    float *out = job->out + (size_t)(co / VW) * job->block + (size_t)x0 * job->px;
    AT_WIDTH(ConvSums) sums = *(AT_WIDTH(ConvSums) *)state;
    for (int y = 0; y < job->ny;) {
        const int rows = job->ny - y < R ? 1 : R;
        TapRange range = tap_range(list, job->taps, job->in->h, y, rows);
        if (job->n_seg > 1)
            range.to *= job->n_seg;
        AT_WIDTH(ConvAt)
        at = { in + (size_t)y * in_row, job->w + co, out + (size_t)y * job->row, co };
        for (int x = x0; x < x1; x += P) {
            if (rows == R)
                AT_WIDTH(conv_pixels)(job, list, range, &at, &sums, P, R, NB, IS);
            else
                AT_WIDTH(conv_pixels)(job, list, range, &at, &sums, P, 1, NB, IS);
            at.in += in_px;
            at.out += out_px;
        }
        y += rows;
    }
    *(AT_WIDTH(ConvSums) *)state = sums;
}

#define STRIP(P, NB, IS)                                                                           \
    static void AT_WIDTH(conv_##P##_n##NB##_s##IS)(const ConvJob *job, const TapList *list,        \
                                                   int co, int x0, int x1, void *sums)             \
    {                                                                                              \
        AT_WIDTH(conv_strip)(job, list, co, x0, x1, sums, P, CONV_PIXELS(NB) / P, NB, IS);         \
    }
#if KERNEL_VL >= 16
STRIP(16, 1, 1)
STRIP(16, 1, 2)
STRIP(8, 2, 1)
STRIP(8, 2, 2)
#endif
STRIP(4, 2, 1)
STRIP(2, 2, 1)
STRIP(1, 2, 1)
STRIP(4, 2, 2)
STRIP(2, 2, 2)
STRIP(8, 1, 1)
STRIP(4, 1, 1)
STRIP(2, 1, 1)
STRIP(1, 1, 1)
STRIP(8, 1, 2)
STRIP(4, 1, 2)
STRIP(2, 1, 2)
#undef STRIP
#if KERNEL_VL >= 16
#define CONV_IF_WIDE(strip) AT_WIDTH(strip)
#else
#define CONV_IF_WIDE(strip) NULL
#endif

typedef void AT_WIDTH(ConvStrip)(const ConvJob *, const TapList *, int, int, int, void *);

// By [stride - 1][NB - 1][16, 8, 4, 2 pixels].
static AT_WIDTH(ConvStrip) *const AT_WIDTH(conv_strips)[2][2][4] = {
    { { CONV_IF_WIDE(conv_16_n1_s1), AT_WIDTH(conv_8_n1_s1), AT_WIDTH(conv_4_n1_s1),
        AT_WIDTH(conv_2_n1_s1) },
      { NULL, CONV_IF_WIDE(conv_8_n2_s1), AT_WIDTH(conv_4_n2_s1), AT_WIDTH(conv_2_n2_s1) } },
    { { CONV_IF_WIDE(conv_16_n1_s2), AT_WIDTH(conv_8_n1_s2), AT_WIDTH(conv_4_n1_s2),
        AT_WIDTH(conv_2_n1_s2) },
      { NULL, CONV_IF_WIDE(conv_8_n2_s2), AT_WIDTH(conv_4_n2_s2), AT_WIDTH(conv_2_n2_s2) } },
};
#undef CONV_IF_WIDE

static void AT_WIDTH(conv_columns)(const ConvJob *job, const TapList *list, int co, int nb)
{
    AT_WIDTH(ConvSums) sums = { 0 };
    int x = 0, step = job->taps->step;
    for (int i = 0; i < 4 && step <= 2; i++) {
        AT_WIDTH(ConvStrip) *strip = AT_WIDTH(conv_strips)[step - 1][nb - 1][i];
        int end = strip ? x + (job->nx - x) / (16 >> i) * (16 >> i) : x;
        if (end > x)
            strip(job, list, co, x, end, &sums);
        x = end;
    }
    if (x < job->nx && nb == 2)
        AT_WIDTH(conv_1_n2_s1)(job, list, co, x, job->nx, &sums);
    else if (x < job->nx)
        AT_WIDTH(conv_1_n1_s1)(job, list, co, x, job->nx, &sums);
    for (int v = 0; v < nb && job->sum; v++) {
        int c0 = co + v * VW, n = job->oc - c0;
        V *sum = &sums.sum[v], *sum_sq = &sums.sum_sq[v];
        AT_WIDTH(store_part)(job->sum + c0, *sum + AT_WIDTH(load_part)(job->sum + c0, n), n);
        AT_WIDTH(store_part)
        (job->sum_sq + c0, *sum_sq + AT_WIDTH(load_part)(job->sum_sq + c0, n), n);
    }
}

static void AT_WIDTH(conv_image)(const ConvJob *job)
{
    TapList list;
    tap_list(&list, job->taps, job->in, job->w_tap);
    const int32_t plane = (int32_t)tile_plane(job->in), w_ld = (int32_t)job->w_ld;
    for (int s = job->n_seg - 1; s >= 0 && list.n > 0; s--) {
        list.in[s] = list.in[0] + job->seg[s].block0 * plane;
        list.w[s] = list.w[0] + job->seg[s].row0 * w_ld;
    }
    for (int co = 0; co < job->oc;) {
        int nb = job->oc - co > VW ? 2 : 1;
        AT_WIDTH(conv_columns)(job, &list, co, nb);
        co += nb * VW;
    }
}
