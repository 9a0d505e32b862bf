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
    const size_t px = t->px;
    if (n >= VW) {
        for (int i = 0; i < t->w; i++, x += src->ld, to += px) {
            PREFETCH(x + c0, src->ld);
            AT_WIDTH(storeu)(to, AT_WIDTH(prologue)(pre, AT_WIDTH(loadu)(x + c0), a, b));
        }
        return;
    }
    for (int i = 0; i < t->w; i++, x += src->ld, to += px)
        AT_WIDTH(storeu)(to, AT_WIDTH(prologue)(pre, AT_WIDTH(load_part)(x + c0, n), a, b));
}

// All rows of one block of every image.
INLINE void AT_WIDTH(load_block)(const Tile *t, float *to, const KernelSrc *src, int image, int c0,
                                 const KernelPre pre)
{
    const size_t row = (size_t)t->w * (size_t)src->ld;
    const float *x = src->x + (size_t)image * (size_t)t->h * row;
    for (int i = 0; i < t->n; i++, to += VW)
        for (int y = 0; y < t->h; y++, x += row)
            AT_WIDTH(load_row)(t, to + (size_t)y * tile_row(t), src, x, c0, pre);
}

static void AT_WIDTH(load_image)(const Tile *t, const KernelSrc *src, int block0, int image)
{
    for (int b = 0; b * VW < src->c; b++) {
        float *to = tile_at(t, block0 + b);
        switch (src->pre) {
        case PRE_NONE: AT_WIDTH(load_block)(t, to, src, image, b * VW, PRE_NONE); break;
        case PRE_RELU: AT_WIDTH(load_block)(t, to, src, image, b * VW, PRE_RELU); break;
        case PRE_AFFINE: AT_WIDTH(load_block)(t, to, src, image, b * VW, PRE_AFFINE); break;
        case PRE_AFFINE_RELU:
            AT_WIDTH(load_block)(t, to, src, image, b * VW, PRE_AFFINE_RELU);
            break;
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

// What is done to the sum of the terms.
#undef GRAD_PLAIN
#undef GRAD_A
#undef GRAD_AB
#define GRAD_PLAIN 0
#define GRAD_A 1
#define GRAD_AB 2

// to = affine(w * g) of one term, w pixels of one channel block from pixel `first` of the tensors
// on; n channels exist.
INLINE void AT_WIDTH(grad_term)(const AT_WIDTH(GradState) * s, float *to, size_t px,
                                const KernelGrad *g, size_t first, int w, int c0, int n,
                                const int mode)
{
    const KernelTerm *term = &g->term[0];
    const size_t ld = (size_t)term->ld, y_ld = (size_t)g->y_ld;
    const float *from = term->g + first * ld + c0;
    const float *y = mode == GRAD_AB ? g->y + first * y_ld + c0 : NULL;
    const V a = mode == GRAD_PLAIN ? (V){ 0 } + term->w : s->a * term->w, b = s->b, k = s->k;
    for (int i = 0; i < w; i++, from += ld, to += px) {
        PREFETCH(from, ld);
        V v = a * AT_WIDTH(load_part)(from, n);
        if (mode != GRAD_PLAIN)
            v += k;
        if (mode == GRAD_AB) {
            PREFETCH(y, y_ld);
            v += b * AT_WIDTH(load_part)(y, n);
            y += y_ld;
        }
        AT_WIDTH(storeu)(to, v);
    }
}

// The same for any number of terms.
INLINE void AT_WIDTH(grad_terms)(const AT_WIDTH(GradState) * s, float *to, size_t step,
                                 const KernelGrad *g, size_t first, int w, int c0, int n)
{
    bool with_y = g->A && g->B;
    for (int i = 0; i < w; i++, to += step) {
        size_t px = first + (size_t)i;
        V sum = { 0 };
        for (int j = 0; j < g->n; j++) {
            const KernelTerm *term = &g->term[j];
            PREFETCH(term->g + px * (size_t)term->ld + c0, term->ld);
            sum += term->w * AT_WIDTH(load_part)(term->g + px * (size_t)term->ld + c0, n);
        }
        if (g->A)
            sum = s->a * sum + s->k;
        if (with_y)
            sum += s->b * AT_WIDTH(load_part)(g->y + px * (size_t)g->y_ld + c0, n);
        AT_WIDTH(storeu)(to, sum);
    }
}

// px: from a pixel of the tile to the next.
INLINE void AT_WIDTH(grad_row)(const AT_WIDTH(GradState) * s, float *to, size_t px,
                               const KernelGrad *g, size_t first, int w, int c0, int n)
{
    if (g->n != 1)
        AT_WIDTH(grad_terms)(s, to, px, g, first, w, c0, n);
    else if (!g->A)
        AT_WIDTH(grad_term)(s, to, px, g, first, w, c0, n, GRAD_PLAIN);
    else if (!g->B)
        AT_WIDTH(grad_term)(s, to, px, g, first, w, c0, n, GRAD_A);
    else
        AT_WIDTH(grad_term)(s, to, px, g, first, w, c0, n, GRAD_AB);
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
        size_t px = first;
        for (int row = 0; row < t->n * t->h; row++, px += (size_t)t->w) {
            float *to = tile_at(t, b) + (size_t)(row % t->h) * tile_row(t) + row / t->h * VW;
            if (n >= VW)
                AT_WIDTH(grad_row)(&s, to, t->px, g, px, t->w, c0, VW);
            else
                AT_WIDTH(grad_row)(&s, to, t->px, g, px, t->w, c0, n);
        }
    }
}

typedef struct {
    V a, b, sum, dot;
} AT_WIDTH(DxState);

// One row of one block of an input gradient.
typedef struct {
    const float *from;
    const KernelSrc *src;
    const KernelDst *dst;
    size_t first; // pixel
    int w, c0, n; // n channels exist
    size_t px;    // from a pixel of the tile to the next
} AT_WIDTH(DxRow);

INLINE V AT_WIDTH(dx_mask)(const AT_WIDTH(DxState) * s, V d, V x, const KernelPre pre)
{
    V zero = { 0 }, z = x;
    if (pre != PRE_RELU && pre != PRE_AFFINE_RELU)
        return d;
    if (pre == PRE_AFFINE_RELU)
        z = s->a * x + s->b;
    return AT_WIDTH(select)((VI)(z <= zero), zero, d);
}

INLINE void AT_WIDTH(dx_row)(AT_WIDTH(DxState) * state, const AT_WIDTH(DxRow) * r, int n,
                             const KernelPre pre, const bool stat, const bool add, const bool plus)
{
    const bool masked = pre == PRE_RELU || pre == PRE_AFFINE_RELU;
    const size_t ld = (size_t)r->dst->ld, x_ld = (size_t)r->src->ld;
    const float *x = masked || stat ? r->src->x + r->first * x_ld + r->c0 : NULL, *from = r->from;
    float *to = r->dst->dx + r->first * ld + r->c0;
    AT_WIDTH(DxState) s = *state;
    for (int i = 0; i < r->w; i++, from += r->px, to += ld) {
        V d = AT_WIDTH(loadu)(from), xv = { 0 };
        if (masked || stat) {
            PREFETCH(x, x_ld);
            xv = AT_WIDTH(load_part)(x, n);
            x += x_ld;
        }
        d = AT_WIDTH(dx_mask)(&s, d, xv, pre);
        for (int j = 0; plus && j < r->dst->n_plus; j++) {
            const KernelTerm *p = &r->dst->plus[j];
            d += p->w *
                 AT_WIDTH(load_part)(p->g + (r->first + (size_t)i) * (size_t)p->ld + r->c0, n);
        }
        PREFETCH(to, ld);
        if (add)
            d += AT_WIDTH(load_part)(to, n);
        AT_WIDTH(store_part)(to, d, n);
        if (stat) {
            s.sum += d;
            s.dot += d * xv;
        }
    }
    *state = s;
}

typedef void AT_WIDTH(DxRowKernel)(AT_WIDTH(DxState) *, const AT_WIDTH(DxRow) *);

#define DX_ROW(name, pre, stat, add)                                                               \
    static void AT_WIDTH(name)(AT_WIDTH(DxState) * s, const AT_WIDTH(DxRow) * r)                   \
    {                                                                                              \
        AT_WIDTH(dx_row)(s, r, VW, pre, stat, add, false);                                         \
    }
#define DX_ROWS(name, pre)                                                                         \
    DX_ROW(name, pre, false, false)                                                                \
    DX_ROW(name##_add, pre, false, true)                                                           \
    DX_ROW(name##_stat, pre, true, false)                                                          \
    DX_ROW(name##_stat_add, pre, true, true)
DX_ROWS(dx_plain, PRE_NONE)
DX_ROWS(dx_relu, PRE_RELU)
DX_ROWS(dx_affine, PRE_AFFINE_RELU)
#undef DX_ROWS
#undef DX_ROW

// Whole vectors and no terms to add: the kernel without tests in its loop, else NULL.
static AT_WIDTH(DxRowKernel) * AT_WIDTH(dx_kernel)(const KernelSrc *src, const KernelDst *dst)
{
    static AT_WIDTH(DxRowKernel) *const rows[3][2][2] = {
        { { AT_WIDTH(dx_plain), AT_WIDTH(dx_plain_add) },
          { AT_WIDTH(dx_plain_stat), AT_WIDTH(dx_plain_stat_add) } },
        { { AT_WIDTH(dx_relu), AT_WIDTH(dx_relu_add) },
          { AT_WIDTH(dx_relu_stat), AT_WIDTH(dx_relu_stat_add) } },
        { { AT_WIDTH(dx_affine), AT_WIDTH(dx_affine_add) },
          { AT_WIDTH(dx_affine_stat), AT_WIDTH(dx_affine_stat_add) } },
    };
    int pre = src->pre == PRE_RELU ? 1 : src->pre == PRE_AFFINE_RELU ? 2 : 0;
    return dst->n_plus > 0 ? NULL : rows[pre][dst->stat != NULL][dst->add];
}

// Any row.
static void AT_WIDTH(dx_any)(AT_WIDTH(DxState) * s, const AT_WIDTH(DxRow) * r)
{
    switch (r->src->pre) {
    case PRE_NONE:
    case PRE_AFFINE: AT_WIDTH(dx_row)(s, r, r->n, PRE_NONE, r->dst->stat, r->dst->add, true); break;
    case PRE_RELU: AT_WIDTH(dx_row)(s, r, r->n, PRE_RELU, r->dst->stat, r->dst->add, true); break;
    case PRE_AFFINE_RELU:
        AT_WIDTH(dx_row)(s, r, r->n, PRE_AFFINE_RELU, r->dst->stat, r->dst->add, true);
        break;
    }
}

// One block of one image.
INLINE void AT_WIDTH(dx_block)(const Tile *t, AT_WIDTH(DxRow) r, AT_WIDTH(DxRowKernel) * whole,
                               AT_WIDTH(DxState) s, int image)
{
    const KernelDst *dst = r.dst;
    for (int y = 0; y < t->h; y++, r.from += tile_row(t), r.first += (size_t)t->w) {
        if (r.n == VW && whole)
            whole(&s, &r);
        else
            AT_WIDTH(dx_any)(&s, &r);
    }
    if (!dst->stat)
        return;
    float *stat = dst->stat + (size_t)image * 2 * (size_t)dst->stat_ld + r.c0;
    AT_WIDTH(store_part)(stat, s.sum, r.n);
    AT_WIDTH(store_part)(stat + dst->stat_ld, s.dot, r.n);
}

static void AT_WIDTH(store_dx)(const Tile *t, int block0, const KernelSrc *src,
                               const KernelDst *dst, int image)
{
    AT_WIDTH(DxRowKernel) *whole = AT_WIDTH(dx_kernel)(src, dst);
    for (int b = 0; b * VW < src->c; b++) {
        int c0 = b * VW, n = src->c - c0;
        AT_WIDTH(DxState) s = { 0 };
        if (src->pre == PRE_AFFINE_RELU) {
            s.a = AT_WIDTH(load_part)(src->a + c0, n);
            s.b = AT_WIDTH(load_part)(src->b + c0, n);
        }
        for (int i = 0; i < t->n; i++) {
            AT_WIDTH(DxRow)
            r = { tile_at(t, block0 + b) + i * VW,
                  src,
                  dst,
                  (size_t)(image + i) * (size_t)(t->h * t->w),
                  t->w,
                  c0,
                  n < VW ? n : VW,
                  t->px };
            AT_WIDTH(dx_block)(t, r, whole, s, image + i);
        }
    }
}

static void AT_WIDTH(sum_image)(const Tile *t, float *sum)
{
    for (int b = 0; b < t->blocks; b++) {
        V s = { 0 };
        for (int y = 0; y < t->h; y++) {
            const float *p = tile_at(t, b) + (size_t)y * tile_row(t);
            for (int i = 0; i < t->w; i++, p += t->px)
                s += AT_WIDTH(load)(p);
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
            for (int i = 0; i < t->w; i++, p += t->px) {
                V v = AT_WIDTH(load)(p);
                s += v;
                q += v * v;
            }
        }
        AT_WIDTH(store_part)(sum + b * VW, s, t->c - b * VW);
        AT_WIDTH(store_part)(sum_sq + b * VW, q, t->c - b * VW);
    }
}
