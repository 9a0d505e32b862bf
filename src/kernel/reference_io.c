// SPDX-License-Identifier: MIT
#include "src/kernel/reference.h"

#include <string.h>

static void read_pixel(const KernelSrc *s, const float *x, float *out)
{
    for (int c = 0; c < s->c; c++) {
        float v = x[c];
        if (s->pre >= PRE_AFFINE)
            v = s->a[c] * v + s->b[c];
        if (s->pre == PRE_RELU || s->pre == PRE_AFFINE_RELU)
            v = v < 0 ? 0 : v;
        out[c] = v;
    }
}

void ref_read(const KernelSrc *src, int n_src, int image, int hw, float *out)
{
    int total = 0, at = 0;
    for (int i = 0; i < n_src; i++)
        total += src[i].c;
    for (int i = 0; i < n_src; i++) {
        const KernelSrc *s = &src[i];
        const float *x = s->x + (size_t)image * hw * s->ld;
        for (int p = 0; p < hw; p++)
            read_pixel(s, x + (size_t)p * s->ld, out + (size_t)p * total + at);
        at += s->c;
    }
}

void ref_grad(const KernelGrad *grad, int image, int hw, int c, float *out)
{
    size_t first = (size_t)image * hw;
    memset(out, 0, (size_t)hw * c * sizeof *out);
    for (int t = 0; t < grad->n; t++) {
        const KernelTerm *term = &grad->term[t];
        for (int p = 0; p < hw; p++) {
            const float *g = term->g + (first + p) * term->ld;
            for (int q = 0; q < c; q++)
                out[(size_t)p * c + q] += term->w * g[q];
        }
    }
    if (!grad->A)
        return;
    for (int p = 0; p < hw; p++) {
        float *o = out + (size_t)p * c;
        for (int q = 0; q < c; q++)
            o[q] *= grad->A[q];
        if (!grad->B)
            continue;
        const float *y = grad->y + (first + p) * grad->y_ld;
        for (int q = 0; q < c; q++)
            o[q] += grad->B[q] * y[q] + grad->K[q];
    }
}

// relu's input is not positive (false for NaN).
static bool is_cut(const KernelSrc *s, const float *x, int c)
{
    if (s->pre == PRE_RELU)
        return x[c] <= 0;
    return s->pre == PRE_AFFINE_RELU && s->a[c] * x[c] + s->b[c] <= 0;
}

void ref_write(const KernelDst *dst, const KernelSrc *src, int image, RefDelta delta)
{
    size_t first = (size_t)image * delta.hw;
    float *stat = dst->stat ? dst->stat + (size_t)image * 2 * dst->stat_ld : NULL;
    for (int c = 0; stat && c < src->c; c++)
        stat[c] = stat[dst->stat_ld + c] = 0;
    for (int p = 0; p < delta.hw; p++) {
        const float *x = src->x + (first + p) * src->ld;
        const float *d = delta.d + (size_t)p * delta.ld;
        float *dx = dst->dx + (first + p) * dst->ld;
        for (int c = 0; c < src->c; c++) {
            float v = is_cut(src, x, c) ? 0 : d[c];
            if (dst->add)
                v += dx[c];
            for (int t = 0; t < dst->n_plus; t++)
                v += dst->plus[t].w * dst->plus[t].g[(first + p) * dst->plus[t].ld + c];
            dx[c] = v;
            if (stat) {
                stat[c] += v;
                stat[dst->stat_ld + c] += v * x[c];
            }
        }
    }
}

void ref_stat(const float *y, int ld, int hw, int c, float *stat, int stat_ld)
{
    float *square = stat + stat_ld;
    for (int q = 0; q < c; q++)
        stat[q] = square[q] = 0;
    for (int p = 0; p < hw; p++)
        for (int q = 0; q < c; q++) {
            float v = y[(size_t)p * ld + q];
            stat[q] += v;
            square[q] += v * v;
        }
}
