// SPDX-License-Identifier: MIT
#include "src/kernel/blas.h"

#include <string.h>

#include <omp.h>

// Linear layers over the whole batch, attention image by image; the other layers by the plain
// loops. Parts of the batch or of the weights are fixed, whatever the number of threads.

enum { PART_IMAGES = 16, PART_ROWS = 256, LEAST = 64 };

static int inputs_of(const KernelShape *s)
{
    return s->h * s->w * s->c;
}

static int parts(int count, int part)
{
    return (count + part - 1) / part;
}

static int at_most(int count, int from, int part)
{
    return count - from < part ? count - from : part;
}

// The images lie as the rows of one matrix, and it is large enough for a call to pay.
static bool is_matrix(const KernelGenericArgs *a)
{
    const KernelShape *s = &a->shape;
    return a->kind == GEN_LINEAR && a->src.pre == PRE_NONE &&
           (a->src.ld == s->c || s->h * s->w == 1) && inputs_of(s) >= LEAST;
}

static int row_ld(const KernelGenericArgs *a)
{
    return a->shape.h * a->shape.w == 1 ? a->src.ld : inputs_of(&a->shape);
}

static void linear_part(const KernelGenericArgs *a, int from)
{
    const KernelShape *s = &a->shape;
    int n = at_most(s->n, from, PART_IMAGES);
    float *y = a->y + (size_t)from * a->y_ld;
    for (int i = 0; i < n && a->bias; i++)
        memcpy(y + (size_t)i * a->y_ld, a->bias, (size_t)s->oc * sizeof *y);
    blas_product(&(BlasProduct){ .m = n,
                                 .n = s->oc,
                                 .k = inputs_of(s),
                                 .a = a->src.x + (size_t)from * row_ld(a),
                                 .a_ld = row_ld(a),
                                 .b = a->w,
                                 .b_ld = s->oc,
                                 .add = a->bias != NULL,
                                 .c = y,
                                 .c_ld = a->y_ld });
}

static void linear_fwd(const KernelGenericArgs *a)
{
    int n = parts(a->shape.n, PART_IMAGES);
#pragma omp parallel for schedule(static) num_threads(a->work->threads)
    for (int i = 0; i < n; i++)
        linear_part(a, i * PART_IMAGES);
}

// ---- backward -----------------------------------------------------------------------------------

// The gradient of the input goes where it belongs without anything being done to it.
static bool writes_plainly(const KernelGenericArgs *a)
{
    const KernelDst *d = &a->dst;
    return !d->add && d->n_plus == 0 && !d->stat &&
           (d->ld == a->shape.c || a->shape.h * a->shape.w == 1);
}

// dx of some images = dy w^T
static void input_part(const KernelGenericArgs *a, const float *dy, int from, int n, float *dx,
                       int ld)
{
    const KernelShape *s = &a->shape;
    blas_product(&(BlasProduct){ .m = n,
                                 .n = inputs_of(s),
                                 .k = s->oc,
                                 .a = dy + (size_t)from * s->oc,
                                 .a_ld = s->oc,
                                 .b = a->w,
                                 .b_ld = s->oc,
                                 .b_turned = true,
                                 .c = dx,
                                 .c_ld = ld });
}

static void input_gradient(const KernelGenericArgs *a, const float *dy, int from)
{
    const KernelShape *s = &a->shape;
    int n = at_most(s->n, from, PART_IMAGES);
    if (writes_plainly(a)) {
        int ld = s->h * s->w == 1 ? a->dst.ld : inputs_of(s);
        input_part(a, dy, from, n, a->dst.dx + (size_t)from * ld, ld);
        return;
    }
    float *dx = a->work->tile + (size_t)omp_get_thread_num() * a->work->tile_floats;
    for (int i = from; i < from + n; i++) {
        input_part(a, dy, i, 1, dx, inputs_of(s));
        ref_write(&a->dst, &a->src, i, (RefDelta){ dx, s->c, s->h * s->w });
    }
}

// Rows of the weight gradient x^T dy, over all images.
static void weight_rows(const KernelGenericArgs *a, const float *dy, int from)
{
    const KernelShape *s = &a->shape;
    blas_product(&(BlasProduct){ .m = at_most(inputs_of(s), from, PART_ROWS),
                                 .n = s->oc,
                                 .k = s->n,
                                 .a = a->src.x + from,
                                 .a_ld = row_ld(a),
                                 .a_turned = true,
                                 .b = dy,
                                 .b_ld = s->oc,
                                 .c = a->g_w + (size_t)from * s->oc,
                                 .c_ld = s->oc });
}

static void bias_gradient(const KernelGenericArgs *a, const float *dy)
{
    const KernelShape *s = &a->shape;
    memset(a->g_bias, 0, (size_t)s->oc * sizeof *a->g_bias);
    for (int i = 0; i < s->n; i++)
        for (int o = 0; o < s->oc; o++)
            a->g_bias[o] += dy[(size_t)i * s->oc + o];
}

static void linear_bwd(const KernelGenericArgs *a)
{
    const KernelShape *s = &a->shape;
    float *dy = a->work->group;
    int images = parts(s->n, PART_IMAGES), rows = parts(inputs_of(s), PART_ROWS);
    for (int i = 0; i < s->n; i++)
        ref_grad(&a->grad, i, 1, s->oc, dy + (size_t)i * s->oc);
#pragma omp parallel num_threads(a->work->threads)
    {
#pragma omp for schedule(static) nowait
        for (int i = 0; i < (a->dst.dx ? images : 0); i++)
            input_gradient(a, dy, i * PART_IMAGES);
#pragma omp for schedule(static)
        for (int i = 0; i < (a->g_w ? rows : 0); i++)
            weight_rows(a, dy, i * PART_ROWS);
    }
    if (a->g_bias)
        bias_gradient(a, dy);
}

// Gradients of the batch fit into the scratch of groups.
static bool has_room(const KernelGenericArgs *a)
{
    const KernelShape *s = &a->shape;
    size_t weights = kernel_round((size_t)inputs_of(s) * (size_t)s->oc);
    return (size_t)s->n * (size_t)s->oc <= KERNEL_GROUPS * weights;
}

// ---- entries ------------------------------------------------------------------------------------

void blas_generic_fwd(const KernelGenericArgs *a)
{
    if (is_matrix(a))
        linear_fwd(a);
    else
        ref_generic_fwd_by(a, blas_attention_fwd);
}

void blas_generic_bwd(const KernelGenericArgs *a)
{
    if (is_matrix(a) && has_room(a))
        linear_bwd(a);
    else
        ref_generic_bwd_by(a, blas_attention_bwd);
}
