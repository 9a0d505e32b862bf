// SPDX-License-Identifier: MIT
// Between tensors and tiles, at one vector width. Included by tile.c once a width.

#include "src/kernel/isa/tile.h"
#include "src/kernel/isa/width.h"

INLINE V AT_WIDTH(prologue)(KernelPre pre, V x, V a, V b)
{
    if (pre >= PRE_AFFINE)
        x = a * x + b;
    if (pre == PRE_RELU || pre == PRE_AFFINE_RELU)
        x = AT_WIDTH(relu)(x);
    return x;
}

// One row of one channel block; n channels of it exist.
INLINE void AT_WIDTH(load_row)(const Tile *t, float *to, const KernelSrc *src, const float *x,
                               int c0, KernelPre pre)
{
    int n = src->c - c0;
    V a = { 0 }, b = { 0 };
    if (pre >= PRE_AFFINE) {
        a = AT_WIDTH(load_part)(src->a + c0, n);
        b = AT_WIDTH(load_part)(src->b + c0, n);
    }
    if (n >= VW) {
        for (int i = 0; i < t->w; i++, x += src->ld) {
            PREFETCH(x + c0, src->ld);
            AT_WIDTH(store)(to + i * VW, AT_WIDTH(prologue)(pre, AT_WIDTH(loadu)(x + c0), a, b));
        }
        return;
    }
    for (int i = 0; i < t->w; i++, x += src->ld)
        AT_WIDTH(store)(to + i * VW, AT_WIDTH(prologue)(pre, AT_WIDTH(load_part)(x + c0, n), a, b));
}

static void AT_WIDTH(load_image)(const Tile *t, const KernelSrc *src, int block0, int image)
{
    const float *x = src->x + (size_t)image * (size_t)(t->h * t->w) * (size_t)src->ld;
    for (int y = 0; y < t->h; y++, x += (size_t)t->w * (size_t)src->ld) {
        for (int b = 0; b * VW < src->c; b++) {
            float *to = tile_at(t, block0 + b) + (size_t)y * tile_row(t);
            switch (src->pre) {
            case PRE_NONE: AT_WIDTH(load_row)(t, to, src, x, b * VW, PRE_NONE); break;
            case PRE_RELU: AT_WIDTH(load_row)(t, to, src, x, b * VW, PRE_RELU); break;
            case PRE_AFFINE: AT_WIDTH(load_row)(t, to, src, x, b * VW, PRE_AFFINE); break;
            case PRE_AFFINE_RELU: AT_WIDTH(load_row)(t, to, src, x, b * VW, PRE_AFFINE_RELU); break;
            }
        }
    }
}

static void AT_WIDTH(load_keys)(const Tile *t, const KernelSrc *src, int image)
{
    AT_WIDTH(load_image)(t, src, 0, image);
    for (int b = 0; b < t->blocks; b++) {
        for (int y = 0; y < t->h; y++) {
            float *p = tile_at(t, b) + (size_t)y * tile_row(t);
            for (int i = 0; i < t->w; i++)
                AT_WIDTH(store)(p + i * VW, (V)AT_WIDTH(order_key)(AT_WIDTH(load)(p + i * VW)));
        }
    }
}

typedef struct {
    V a, b, k;
} AT_WIDTH(GradState);

// w pixels of one channel block of dy, from pixel `first` of the tensors; n channels exist.
INLINE void AT_WIDTH(grad_row)(const AT_WIDTH(GradState) * s, float *to, const KernelGrad *g,
                               size_t first, int w, int c0, int n)
{
    bool with_y = g->A && g->B;
    for (int i = 0; i < w; i++) {
        size_t px = first + (size_t)i;
        V sum = { 0 };
        for (int j = 0; j < g->n; j++) {
            const KernelTerm *term = &g->term[j];
            PREFETCH(term->g + px * (size_t)term->ld + c0, term->ld);
            sum += term->w * AT_WIDTH(load_part)(term->g + px * (size_t)term->ld + c0, n);
        }
        if (g->A)
            sum = s->a * sum + s->k;
        if (with_y) {
            PREFETCH(g->y + px * (size_t)g->y_ld + c0, g->y_ld);
            sum += s->b * AT_WIDTH(load_part)(g->y + px * (size_t)g->y_ld + c0, n);
        }
        AT_WIDTH(store)(to + i * VW, sum);
    }
}

static void AT_WIDTH(fill_grad)(const Tile *t, const KernelGrad *g, int channel0, size_t first)
{
    for (int b = 0; b < t->blocks; b++) {
        int n = t->c - b * VW, c0 = channel0 + b * VW;
        AT_WIDTH(GradState) s = { 0 };
        if (g->A)
            s.a = AT_WIDTH(load_part)(g->A + c0, n);
        if (g->A && g->B)
            s.b = AT_WIDTH(load_part)(g->B + c0, n);
        if (g->A && g->K)
            s.k = AT_WIDTH(load_part)(g->K + c0, n);
        float *to = tile_at(t, b);
        size_t px = first;
        for (int y = 0; y < t->h; y++, to += tile_row(t), px += (size_t)t->w) {
            if (n >= VW)
                AT_WIDTH(grad_row)(&s, to, g, px, t->w, c0, VW);
            else
                AT_WIDTH(grad_row)(&s, to, g, px, t->w, c0, n);
        }
    }
}

typedef struct {
    V a, b, sum, dot;
} AT_WIDTH(DxState);

// Row y of one block of an input gradient; n channels exist.
INLINE void AT_WIDTH(dx_row)(AT_WIDTH(DxState) * s, const float *from, const KernelSrc *src,
                             const KernelDst *dst, size_t first, int w, int c0, int n)
{
    bool masked = src->pre == PRE_RELU || src->pre == PRE_AFFINE_RELU;
    V zero = { 0 };
    for (int i = 0; i < w; i++) {
        size_t px = first + (size_t)i;
        V d = AT_WIDTH(load)(from + i * VW), x = zero;
        if (masked || dst->stat) {
            PREFETCH(src->x + px * (size_t)src->ld + c0, src->ld);
            x = AT_WIDTH(load_part)(src->x + px * (size_t)src->ld + c0, n);
        }
        if (masked) {
            V z = x;
            if (src->pre == PRE_AFFINE_RELU)
                z = s->a * x + s->b;
            d = AT_WIDTH(select)((VI)(z <= zero), zero, d);
        }
        for (int j = 0; j < dst->n_plus; j++) {
            const KernelTerm *plus = &dst->plus[j];
            d += plus->w * AT_WIDTH(load_part)(plus->g + px * (size_t)plus->ld + c0, n);
        }
        float *to = dst->dx + px * (size_t)dst->ld + c0;
        PREFETCH(to, dst->ld);
        if (dst->add)
            d += AT_WIDTH(load_part)(to, n);
        AT_WIDTH(store_part)(to, d, n);
        s->sum += d;
        s->dot += d * x;
    }
}

static void AT_WIDTH(store_dx)(const Tile *t, int block0, const KernelSrc *src,
                               const KernelDst *dst, int image)
{
    for (int b = 0; b * VW < src->c; b++) {
        int c0 = b * VW, n = src->c - c0;
        AT_WIDTH(DxState) s = { 0 };
        if (src->pre == PRE_AFFINE_RELU) {
            s.a = AT_WIDTH(load_part)(src->a + c0, n);
            s.b = AT_WIDTH(load_part)(src->b + c0, n);
        }
        const float *from = tile_at(t, block0 + b);
        size_t first = (size_t)image * (size_t)(t->h * t->w);
        for (int y = 0; y < t->h; y++, from += tile_row(t), first += (size_t)t->w) {
            if (n >= VW)
                AT_WIDTH(dx_row)(&s, from, src, dst, first, t->w, c0, VW);
            else
                AT_WIDTH(dx_row)(&s, from, src, dst, first, t->w, c0, n);
        }
        if (!dst->stat)
            continue;
        float *stat = dst->stat + (size_t)image * 2 * (size_t)dst->stat_ld + c0;
        AT_WIDTH(store_part)(stat, s.sum, n);
        AT_WIDTH(store_part)(stat + dst->stat_ld, s.dot, n);
    }
}

static void AT_WIDTH(sum_image)(const Tile *t, float *sum)
{
    for (int b = 0; b < t->blocks; b++) {
        V s = { 0 };
        for (int y = 0; y < t->h; y++) {
            const float *p = tile_at(t, b) + (size_t)y * tile_row(t);
            for (int i = 0; i < t->w; i++)
                s += AT_WIDTH(load)(p + i * VW);
        }
        float *to = sum + b * VW;
        AT_WIDTH(store_part)(to, s + AT_WIDTH(load_part)(to, t->c - b * VW), t->c - b * VW);
    }
}

static void AT_WIDTH(moments_image)(const Tile *t, float *sum, float *sum_sq)
{
    for (int b = 0; b < t->blocks; b++) {
        V s = { 0 }, q = { 0 };
        for (int y = 0; y < t->h; y++) {
            const float *p = tile_at(t, b) + (size_t)y * tile_row(t);
            for (int i = 0; i < t->w; i++) {
                V v = AT_WIDTH(load)(p + i * VW);
                s += v;
                q += v * v;
            }
        }
        AT_WIDTH(store_part)(sum + b * VW, s, t->c - b * VW);
        AT_WIDTH(store_part)(sum_sq + b * VW, q, t->c - b * VW);
    }
}
