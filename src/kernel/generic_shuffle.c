// SPDX-License-Identifier: MIT
#include "src/kernel/reference.h"

// Channel shuffle: [groups][each] channels of a pixel become [each][groups]. Backward is the
// shuffle with the two exchanged.

typedef struct {
    const float *from;
    float *to;
    size_t from_ld, to_ld;
    int rows, cols; // of the channels of `from`
} Exchange;

// Constant rows or cols let the compiler interleave vectors.
static inline __attribute__((always_inline)) void exchange(const Exchange *e, int hw, int rows,
                                                           int cols)
{
    const float *restrict from = e->from;
    float *restrict to = e->to;
    for (int p = 0; p < hw; p++, from += e->from_ld, to += e->to_ld)
        for (int j = 0; j < cols; j++)
            for (int i = 0; i < rows; i++)
                to[j * rows + i] = from[i * cols + j];
}

static void exchange_pixels(const Exchange *e, int hw)
{
    if (e->rows == 4 && e->cols == 4)
        exchange(e, hw, 4, 4);
    else if (e->rows == 4)
        exchange(e, hw, 4, e->cols);
    else if (e->cols == 4)
        exchange(e, hw, e->rows, 4);
    else if (e->rows == 2)
        exchange(e, hw, 2, e->cols);
    else if (e->cols == 2)
        exchange(e, hw, e->rows, 2);
    else
        exchange(e, hw, e->rows, e->cols);
}

void ref_shuffle_fwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    const size_t c = (size_t)s->c;
    exchange_pixels(&(Exchange){ r->x, r->y, c, c, s->groups, s->c / s->groups }, s->h * s->w);
}

void ref_shuffle_bwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    const size_t c = (size_t)s->c;
    exchange_pixels(&(Exchange){ r->dy, r->dx, c, c, s->c / s->groups, s->groups }, s->h * s->w);
}

bool ref_shuffle_direct(const KernelGenericArgs *a, int image)
{
    const KernelShape *s = &a->shape;
    const size_t px = (size_t)image * (size_t)(s->h * s->w), ld = (size_t)a->src.ld,
                 y_ld = (size_t)a->y_ld;
    if (a->kind != GEN_SHUFFLE || a->src.pre != PRE_NONE)
        return false;
    exchange_pixels(
        &(Exchange){ a->src.x + px * ld, a->y + px * y_ld, ld, y_ld, s->groups, s->c / s->groups },
        s->h * s->w);
    return true;
}

bool ref_shuffle_direct_back(const KernelGenericArgs *a, int image)
{
    const KernelShape *s = &a->shape;
    const KernelDst *dst = &a->dst;
    if (a->kind != GEN_SHUFFLE || a->src.pre != PRE_NONE || a->grad.A || a->grad.n != 1 ||
        a->grad.term[0].w != 1 || !dst->dx || dst->add || dst->n_plus > 0 || dst->stat)
        return false;
    const KernelTerm *g = &a->grad.term[0];
    const size_t px = (size_t)image * (size_t)(s->h * s->w), ld = (size_t)g->ld,
                 dx_ld = (size_t)dst->ld;
    exchange_pixels(
        &(Exchange){ g->g + px * ld, dst->dx + px * dx_ld, ld, dx_ld, s->c / s->groups, s->groups },
        s->h * s->w);
    return true;
}
