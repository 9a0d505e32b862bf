// SPDX-License-Identifier: MIT
// Depthwise convolution on one image, at one vector width. Included by depth.c once a width.

#include "src/kernel/isa/tap.h"
#include "src/kernel/isa/width.h"

// Accumulators in flight: two sets of what hides the latency where the registers hold them.
#undef DEPTH_PIXELS
#define DEPTH_PIXELS (KERNEL_VL >= 16 ? 16 : 8)

typedef struct {
    const float *in; // source of tap position 0 of the first pixel
    const float *w;
    float *out;
} AT_WIDTH(DepthAt);

INLINE void AT_WIDTH(depth_put)(const DepthJob *job, float *out, V *acc, const int P, const int R,
                                const size_t px)
{
    const size_t line = tile_row(job->out) * (size_t)job->stride;
    const bool add = job->add;
    UNROLL(8)
    for (int r = 0; r < R; r++) {
        OPAQUE(out);
        if (add) {
            UNROLL(8)
            for (int p = 0; p < P; p++)
                acc[r * P + p] += AT_WIDTH(load)(out + (size_t)p * px);
        }
        UNROLL(8)
        for (int p = 0; p < P; p++)
            AT_WIDTH(store)(out + (size_t)p * px, acc[r * P + p]);
        out += line;
    }
}

INLINE void AT_WIDTH(depth_store)(const DepthJob *job, float *out, V *acc, const int P, const int R)
{
    if (job->stride == 1)
        AT_WIDTH(depth_put)(job, out, acc, P, R, VW);
    else
        AT_WIDTH(depth_put)(job, out, acc, P, R, (size_t)job->stride * VW);
}

// R rows of P pixels, any taps: one weight load serves R*P multiply-adds whose pixel operand comes
// straight from the tile.
INLINE void AT_WIDTH(depth_pixels)(const DepthJob *job, const TapList *list, TapRange range,
                                   AT_WIDTH(DepthAt) at, const int P, const int R, const int IS)
{
    const size_t row = tile_row(job->in) * (size_t)job->taps->step;
    V acc[16];
    UNROLL(16)
    for (int p = 0; p < R * P; p++)
        acc[p] = (V){ 0 };
    for (int t = range.from; t < range.to; t++) {
        const float *in = at.in + list->in[t];
        V wv = AT_WIDTH(loadu)(at.w + list->w[t]);
        UNROLL(8)
        for (int r = 0; r < R; r++) {
            OPAQUE(in);
            UNROLL(8)
            for (int p = 0; p < P; p++)
                acc[r * P + p] += wv * AT_WIDTH(load)(in + p * IS * VW);
            in += row;
        }
    }
    AT_WIDTH(depth_store)(job, at.out, acc, P, R);
}

// The same for rows of K taps D pixels apart at stride 1: every pixel is loaded once a row of taps
// and used for all of them.
INLINE void AT_WIDTH(depth_slide)(const DepthJob *job, const TapList *list, TapRange range,
                                  AT_WIDTH(DepthAt) at, const int P, const int R, const int K,
                                  const int D)
{
    const size_t row = tile_row(job->in);
    V acc[16];
    UNROLL(16)
    for (int p = 0; p < R * P; p++)
        acc[p] = (V){ 0 };
    for (int t = range.from; t < range.to; t += K) {
        const float *in[4] = { at.in + list->in[t] };
        V wv[5];
        UNROLL(5)
        for (int k = 0; k < K; k++)
            wv[k] = AT_WIDTH(loadu)(at.w + list->w[t + k]);
        UNROLL(4)
        for (int r = 0; r < R; r++) {
            in[r] = r ? in[r - 1] + row : in[0];
            OPAQUE(in[r]);
        }
        UNROLL(16)
        for (int j = 0; j < P + (K - 1) * D; j++) {
            UNROLL(4)
            for (int r = 0; r < R; r++) {
                V x = AT_WIDTH(load)(in[r] + j * VW);
                UNROLL(5)
                for (int k = 0; k < K; k++)
                    if (j - k * D >= 0 && j - k * D < P)
                        acc[r * P + j - k * D] += wv[k] * x;
            }
        }
    }
    AT_WIDTH(depth_store)(job, at.out, acc, P, R);
}

// The same for all rows of a 3x3 window, its weights in registers.
INLINE void AT_WIDTH(depth_slide9)(const DepthJob *job, const TapList *list, const V *w,
                                   AT_WIDTH(DepthAt) at, const int P, const int R, const int D)
{
    const size_t row = tile_row(job->in);
    V acc[16];
    UNROLL(16)
    for (int p = 0; p < R * P; p++)
        acc[p] = (V){ 0 };
    UNROLL(3)
    for (int i = 0; i < 3; i++) {
        const float *in = at.in + list->in[3 * i];
        UNROLL(4)
        for (int r = 0; r < R; r++) {
            OPAQUE(in);
            UNROLL(3)
            for (int k = 0; k < 3; k++) {
                UNROLL(8)
                for (int p = 0; p < P; p++)
                    acc[r * P + p] += w[3 * i + k] * AT_WIDTH(load)(in + (p + k * D) * VW);
            }
            in += row;
        }
    }
    AT_WIDTH(depth_store)(job, at.out, acc, P, R);
}

// Columns [x0, x1) of one channel block in steps of P, all rows in steps of R. K 0: any taps.
INLINE void AT_WIDTH(depth_strip)(const DepthJob *job, const TapList *list, int b, int x0, int x1,
                                  const int P, const int R, const int IS, const int K, const int D)
{
    const size_t step = (size_t)job->taps->step, in_row = step * tile_row(job->in);
    const size_t out_row = tile_row(job->out) * (size_t)job->stride;
    const size_t out_px = (size_t)job->stride * VW;
    const float *in = tile_at(job->in, b);
    float *out = tile_at(job->out, b) + (size_t)job->y0 * tile_row(job->out) + job->x0 * VW;
    const bool is_3x3 = K == 3 && list->n == 9;
    V nine[9] = { { 0 } };
    UNROLL(9)
    for (int t = 0; t < 9; t++)
        if (is_3x3)
            nine[t] = AT_WIDTH(loadu)(job->w + b * VW + list->w[t]);
    for (int y = 0; y < job->ny;) {
        const int rows = job->ny - y < R ? 1 : R;
        TapRange range = tap_range(list, job->taps, job->in->h, job->from + y, rows);
        AT_WIDTH(DepthAt)
        at = { in + (size_t)(job->from + y) * in_row + (size_t)x0 * step * VW, job->w + b * VW,
               out + (size_t)y * out_row + (size_t)x0 * out_px };
        for (int x = x0; x < x1; x += P) {
            if (rows == R && is_3x3 && range.to - range.from == 9)
                AT_WIDTH(depth_slide9)(job, list, nine, at, P, R, D);
            else if (rows == R && K > 0)
                AT_WIDTH(depth_slide)(job, list, range, at, P, R, K, D);
            else if (rows == R)
                AT_WIDTH(depth_pixels)(job, list, range, at, P, R, IS);
            else
                AT_WIDTH(depth_pixels)(job, list, range, at, P, 1, IS);
            at.in += P * step * VW;
            at.out += P * out_px;
        }
        y += rows;
    }
}

#define STRIP(name, P, IS, K, D)                                                                   \
    static void AT_WIDTH(name)(const DepthJob *job, const TapList *list, int b, int x0, int x1)    \
    {                                                                                              \
        AT_WIDTH(depth_strip)(job, list, b, x0, x1, P, DEPTH_PIXELS / P, IS, K, D);                \
    }
STRIP(depth_8_s1, 8, 1, 0, 0)
STRIP(depth_4_s1, 4, 1, 0, 0)
STRIP(depth_2_s1, 2, 1, 0, 0)
STRIP(depth_8_s2, 8, 2, 0, 0)
STRIP(depth_4_s2, 4, 2, 0, 0)
STRIP(depth_2_s2, 2, 2, 0, 0)
STRIP(depth_1, 1, 1, 0, 0)
STRIP(depth_8_k3_d1, 8, 1, 3, 1)
STRIP(depth_8_k3_d2, 8, 1, 3, 2)
STRIP(depth_8_k5_d1, 8, 1, 5, 1)
STRIP(depth_8_k5_d2, 8, 1, 5, 2)
STRIP(depth_4_k3_d1, 4, 1, 3, 1)
STRIP(depth_4_k3_d2, 4, 1, 3, 2)
STRIP(depth_4_k5_d1, 4, 1, 5, 1)
STRIP(depth_4_k5_d2, 4, 1, 5, 2)
#undef STRIP

typedef void AT_WIDTH(DepthStrip)(const DepthJob *, const TapList *, int, int, int);

// Kernels of 8, 4 and 2 pixels for the taps of a job.
static AT_WIDTH(DepthStrip) *const *AT_WIDTH(depth_strips)(const Taps *taps)
{
    static AT_WIDTH(DepthStrip) *const any[2][3] = {
        { AT_WIDTH(depth_8_s1), AT_WIDTH(depth_4_s1), AT_WIDTH(depth_2_s1) },
        { AT_WIDTH(depth_8_s2), AT_WIDTH(depth_4_s2), AT_WIDTH(depth_2_s2) },
    };
    static AT_WIDTH(DepthStrip) *const slide[2][2][3] = {
        { { AT_WIDTH(depth_8_k3_d1), AT_WIDTH(depth_4_k3_d1), AT_WIDTH(depth_2_s1) },
          { AT_WIDTH(depth_8_k3_d2), AT_WIDTH(depth_4_k3_d2), AT_WIDTH(depth_2_s1) } },
        { { AT_WIDTH(depth_8_k5_d1), AT_WIDTH(depth_4_k5_d1), AT_WIDTH(depth_2_s1) },
          { AT_WIDTH(depth_8_k5_d2), AT_WIDTH(depth_4_k5_d2), AT_WIDTH(depth_2_s1) } },
    };
    int n = taps->n_kx, apart = n > 1 ? taps->col[1] - taps->col[0] : 0;
    if (taps->step == 1 && (n == 3 || n == 5) && (apart == 1 || apart == 2))
        return slide[n == 5][apart - 1];
    return any[taps->step - 1];
}

static void AT_WIDTH(depth_image)(const DepthJob *job)
{
    TapList list;
    tap_list(&list, job->taps, job->in, job->w_ld);
    const int step = job->taps->step;
    for (int b = 0; b < job->in->blocks; b++) {
        int x = 0;
        for (int i = 0; i < 3 && step <= 2; i++) {
            int end = x + (job->nx - x) / (8 >> i) * (8 >> i);
            if (end > x)
                AT_WIDTH(depth_strips)(job->taps)[i](job, &list, b, x, end);
            x = end;
        }
        if (x < job->nx)
            AT_WIDTH(depth_1)(job, &list, b, x, job->nx);
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
        if (!job->fresh)
            sum += AT_WIDTH(load_part)(to, n);
        AT_WIDTH(store_part)(to, sum, n);
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
