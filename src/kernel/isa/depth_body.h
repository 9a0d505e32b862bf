// SPDX-License-Identifier: MIT
// Depthwise convolution on one image, at one vector width. Included by depth.c once a width.

#include "src/kernel/isa/tap.h"
#include "src/kernel/isa/width.h"

// R rows of P pixels from `in` (the source of tap position 0) on. One weight load serves R*P
// multiply-adds whose pixel operand comes straight from the tile; 8 accumulators hide the latency.
INLINE void AT_WIDTH(depth_pixels)(const DepthJob *job, const TapList *list, TapRange range,
                                   const float *in, const float *w, float *out, const int P,
                                   const int R, const int IS)
{
    const size_t row = tile_row(job->in) * (size_t)job->taps->step;
    V acc[8];
    UNROLL(8)
    for (int p = 0; p < R * P; p++)
        acc[p] = (V){ 0 };
    for (int t = range.from; t < range.to; t++) {
        const float *at = in + list->in[t];
        V wv = AT_WIDTH(loadu)(w + list->w[t]);
        UNROLL(8)
        for (int p = 0; p < R * P; p++)
            acc[p] += wv * AT_WIDTH(load)(at + (size_t)(p / P) * row + p % P * IS * VW);
    }
    const size_t px = (size_t)job->stride * VW;
    const size_t line = tile_row(job->out) * (size_t)job->stride;
    UNROLL(8)
    for (int p = 0; p < R * P; p++) {
        float *to = out + (size_t)(p / P) * line + (size_t)(p % P) * px;
        if (job->add)
            acc[p] += AT_WIDTH(load)(to);
        AT_WIDTH(store)(to, acc[p]);
    }
}

// Columns [x0, x1) of one channel block in steps of P, all rows in steps of R.
INLINE void AT_WIDTH(depth_strip)(const DepthJob *job, const TapList *list, int b, int x0, int x1,
                                  const int P, const int R, const int IS)
{
    const size_t step = (size_t)job->taps->step;
    const float *in = tile_at(job->in, b), *w = job->w + b * VW;
    float *out = tile_at(job->out, b) + (size_t)job->y0 * tile_row(job->out) + job->x0 * VW;
    const size_t line = tile_row(job->out) * (size_t)job->stride;
    for (int y = 0; y < job->ny; y += R) {
        const float *from = in + (size_t)y * step * tile_row(job->in);
        float *to = out + (size_t)y * line;
        const int rows = job->ny - y < R ? 1 : R;
        for (int r = y; r < job->ny && r < y + R; r += rows) {
            TapRange range = tap_rows(job->taps, job->in->h, r, rows);
            for (int x = x0; x < x1; x += P) {
                const float *at = from + (size_t)x * step * VW;
                float *px = to + (size_t)x * (size_t)job->stride * VW;
                if (rows == R)
                    AT_WIDTH(depth_pixels)(job, list, range, at, w, px, P, R, IS);
                else
                    AT_WIDTH(depth_pixels)(job, list, range, at, w, px, P, 1, IS);
            }
            from += step * tile_row(job->in);
            to += line;
        }
    }
}

#define STRIP(name, P, R, IS)                                                                      \
    static void AT_WIDTH(name)(const DepthJob *job, const TapList *list, int b, int x0, int x1)    \
    {                                                                                              \
        AT_WIDTH(depth_strip)(job, list, b, x0, x1, P, R, IS);                                     \
    }
STRIP(depth_8x1_s1, 8, 1, 1)
STRIP(depth_4x2_s1, 4, 2, 1)
STRIP(depth_2x4_s1, 2, 4, 1)
STRIP(depth_8x1_s2, 8, 1, 2)
STRIP(depth_4x2_s2, 4, 2, 2)
STRIP(depth_2x4_s2, 2, 4, 2)
STRIP(depth_1x8, 1, 8, 1)
#undef STRIP

static void AT_WIDTH(depth_image)(const DepthJob *job)
{
    typedef void Strip(const DepthJob *, const TapList *, int, int, int);
    static Strip *const strips[2][3] = {
        { AT_WIDTH(depth_8x1_s1), AT_WIDTH(depth_4x2_s1), AT_WIDTH(depth_2x4_s1) },
        { AT_WIDTH(depth_8x1_s2), AT_WIDTH(depth_4x2_s2), AT_WIDTH(depth_2x4_s2) },
    };
    TapList list;
    tap_list(&list, job->taps, job->in, job->w_ld);
    const int step = job->taps->step;
    for (int b = 0; b < job->in->blocks; b++) {
        int x = 0;
        for (int i = 0; i < 3 && step <= 2; i++) {
            int end = x + (job->nx - x) / (8 >> i) * (8 >> i);
            if (end > x)
                strips[step - 1][i](job, &list, b, x, end);
            x = end;
        }
        if (x < job->nx)
            AT_WIDTH(depth_1x8)(job, &list, b, x, job->nx);
    }
}

// ---- gradient of the weights -------------------------------------------------------------------

// R rows of K taps at distance DIL from tap (i, j) on: accumulators over the whole image, S sets of
// them for neighbouring pixels where R*K alone would not hide the latency.
INLINE void AT_WIDTH(depth_grad_taps)(const DepthGradJob *job, int b, int i, int j, const int K,
                                      const int DIL, const int R, const int S, const int IS)
{
    const Taps *taps = job->taps;
    const size_t row = tile_row(job->in), down = row * (size_t)job->dil;
    const int w = job->d->w;
    V acc[18];
    UNROLL(18)
    for (int q = 0; q < S * R * K; q++)
        acc[q] = (V){ 0 };
    for (int y = 0; y < job->d->h; y++) {
        int first = y * taps->step + taps->row[i], last = first + (R - 1) * job->dil;
        if (last < 0 || first >= job->in->h)
            continue;
        const float *d = tile_at(job->d, b) + (size_t)y * tile_row(job->d);
        const float *in = tile_at(job->in, b) + (ptrdiff_t)first * (ptrdiff_t)row;
        in += (ptrdiff_t)taps->col[j] * VW;
        int x = 0;
        for (; x + S <= w; x += S, d += S * VW, in += S * IS * VW) {
            UNROLL(4)
            for (int s = 0; s < S; s++) {
                V dv = AT_WIDTH(load)(d + s * VW);
                UNROLL(18)
                for (int q = 0; q < R * K; q++)
                    acc[s * R * K + q] += dv * AT_WIDTH(load)(in + (size_t)(q / K) * down +
                                                              (q % K * DIL + s * IS) * VW);
            }
        }
        for (; S > 1 && x < w; x++, d += VW, in += IS * VW) {
            V dv = AT_WIDTH(load)(d);
            UNROLL(18)
            for (int q = 0; q < R * K; q++)
                acc[q] += dv * AT_WIDTH(load)(in + (size_t)(q / K) * down + q % K * DIL * VW);
        }
    }
    const int c = job->in->c, n = c - b * VW;
    UNROLL(18)
    for (int q = 0; q < R * K; q++) {
        V sum = acc[q];
        UNROLL(4)
        for (int s = 1; s < S; s++)
            sum += acc[s * R * K + q];
        float *to = job->gw + (size_t)((i + q / K) * taps->k + j + q % K) * (size_t)c + b * VW;
        AT_WIDTH(store_part)(to, sum + AT_WIDTH(load_part)(to, n), n);
    }
}

#define GRAD(name, K, DIL, R, S, IS)                                                               \
    static void AT_WIDTH(name)(const DepthGradJob *job, int b, int i)                              \
    {                                                                                              \
        AT_WIDTH(depth_grad_taps)(job, b, i, 0, K, DIL, R, S, IS);                                 \
    }
#define GRADS(dil, is)                                                                             \
    GRAD(grad3_d##dil##_s##is, 3, dil, 3, 1, is)                                                   \
    GRAD(grad5x2_d##dil##_s##is, 5, dil, 2, 1, is)                                                 \
    GRAD(grad5_d##dil##_s##is, 5, dil, 1, 2, is)                                                   \
    GRAD(grad7_d##dil##_s##is, 7, dil, 1, 2, is)
GRADS(1, 1)
GRADS(2, 1)
GRADS(1, 2)
GRADS(2, 2)
#undef GRADS
#undef GRAD

typedef void AT_WIDTH(GradRows)(const DepthGradJob *, int, int);

// Row kernels by [stride - 1][dil - 1][which].
#define ROWS(dil, is)                                                                              \
    {                                                                                              \
        AT_WIDTH(grad3_d##dil##_s##is), AT_WIDTH(grad5x2_d##dil##_s##is),                          \
            AT_WIDTH(grad5_d##dil##_s##is), AT_WIDTH(grad7_d##dil##_s##is)                         \
    }
static AT_WIDTH(GradRows) *const AT_WIDTH(grad_rows)[2][2][4] = {
    { ROWS(1, 1), ROWS(2, 1) },
    { ROWS(1, 2), ROWS(2, 2) },
};
#undef ROWS

static void AT_WIDTH(depth_grad_any)(const DepthGradJob *job, int b)
{
    for (int i = 0; i < job->taps->k; i++)
        for (int j = 0; j < job->taps->k; j++)
            AT_WIDTH(depth_grad_taps)(job, b, i, j, 1, 0, 1, 4, job->taps->step);
}

static void AT_WIDTH(depth_grad_image)(const DepthGradJob *job)
{
    const int k = job->taps->k, step = job->taps->step;
    const bool fast = step <= 2 && job->dil <= 2 && (k == 3 || k == 5 || k == 7);
    for (int b = 0; b < job->in->blocks; b++) {
        if (!fast) {
            AT_WIDTH(depth_grad_any)(job, b);
            continue;
        }
        AT_WIDTH(GradRows) *const *rows = AT_WIDTH(grad_rows)[step - 1][job->dil - 1];
        if (k == 3) {
            rows[0](job, b, 0);
        } else if (k == 5) {
            rows[1](job, b, 0);
            rows[1](job, b, 2);
            rows[2](job, b, 4);
        } else {
            for (int i = 0; i < 7; i++)
                rows[3](job, b, i);
        }
    }
}
