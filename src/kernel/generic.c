// SPDX-License-Identifier: MIT
#include "src/kernel/reference.h"

#include <string.h>

#include <omp.h>

// The rarely used layers. Scratch of a thread: x, dx (input size), y, dy (output size), then
// what attention needs.

static int in_hw(const KernelShape *s)
{
    return s->h * s->w;
}

static int out_hw(const KernelShape *s)
{
    return s->oh * s->ow;
}

// ---- forward, one image, dense ------------------------------------------------------------------

static void global_pool_fwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    memset(r->y, 0, (size_t)s->c * sizeof *r->y);
    for (int p = 0; p < in_hw(s); p++)
        for (int c = 0; c < s->c; c++)
            r->y[c] += r->x[(size_t)p * s->c + c];
    for (int c = 0; c < s->c; c++)
        r->y[c] /= (float)in_hw(s);
}

static void linear_fwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    size_t in = (size_t)in_hw(s) * s->c;
    for (int o = 0; o < s->oc; o++)
        r->y[o] = r->a->bias ? r->a->bias[o] : 0;
    for (size_t i = 0; i < in; i++)
        for (int o = 0; o < s->oc; o++)
            r->y[o] += r->x[i] * r->a->w[i * s->oc + o];
}

static void scale_fwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    const float *f = r->a->src2 + (size_t)r->image * r->a->src2_ld;
    for (int p = 0; p < in_hw(s); p++)
        for (int c = 0; c < s->c; c++)
            r->y[(size_t)p * s->c + c] = r->x[(size_t)p * s->c + c] * f[c];
}

static void shift_fwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    memset(r->y, 0, (size_t)in_hw(s) * s->c * sizeof *r->y);
    for (int i = 0; i + 1 < s->h; i++)
        memcpy(r->y + (size_t)i * s->w * s->c, r->x + ((size_t)(i + 1) * s->w + 1) * s->c,
               (size_t)(s->w - 1) * s->c * sizeof *r->y);
}

static void image_fwd(const RefImage *r, RefStep attention)
{
    const KernelShape *s = &r->a->shape;
    switch (r->a->kind) {
    case GEN_GLOBAL_POOL: global_pool_fwd(r); break;
    case GEN_LINEAR: linear_fwd(r); break;
    case GEN_SCALE: scale_fwd(r); break;
    case GEN_SHUFFLE: ref_shuffle_fwd(r); break;
    case GEN_SHIFT: shift_fwd(r); break;
    case GEN_LAYER_NORM: ref_norm_fwd(r); break;
    case GEN_ATTENTION: attention(r); break;
    case GEN_DROPOUT:
    case GEN_DROP_PATH:
    case GEN_NOISE: ref_random_fwd(r); break;
    default: memset(r->y, 0, (size_t)out_hw(s) * s->oc * sizeof *r->y);
    }
}

static RefImage scratch(const KernelGenericArgs *a, int image)
{
    const KernelShape *s = &a->shape;
    size_t in = (size_t)in_hw(s) * s->c, out = (size_t)out_hw(s) * s->oc;
    float *tile = a->work->tile + (size_t)omp_get_thread_num() * a->work->tile_floats;
    ref_read(&a->src, 1, image, in_hw(s), tile);
    return (RefImage){ .a = a,
                       .image = image,
                       .x = tile,
                       .dx = tile + in,
                       .y = tile + 2 * in,
                       .dy = tile + 2 * in + out,
                       .tmp = tile + 2 * in + 2 * out };
}

void ref_generic_fwd_by(const KernelGenericArgs *a, RefStep attention)
{
    const KernelShape *s = &a->shape;
    int hw = out_hw(s);
#pragma omp parallel for schedule(static) num_threads(a->work->threads)
    for (int image = 0; image < s->n; image++) {
        if (ref_shuffle_direct(a, image))
            continue;
        RefImage r = scratch(a, image);
        float *y = a->y + (size_t)image * hw * a->y_ld;
        image_fwd(&r, attention);
        for (int p = 0; p < hw; p++)
            memcpy(y + (size_t)p * a->y_ld, r.y + (size_t)p * s->oc, (size_t)s->oc * sizeof *y);
    }
}

void ref_generic_fwd(const KernelGenericArgs *a)
{
    ref_generic_fwd_by(a, ref_attention_fwd);
}

// ---- backward -----------------------------------------------------------------------------------

static void global_pool_bwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    float factor = 1 / (float)in_hw(s);
    for (int p = 0; p < in_hw(s); p++)
        for (int c = 0; c < s->c; c++)
            r->dx[(size_t)p * s->c + c] = r->dy[c] * factor;
}

static void linear_bwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    size_t in = (size_t)in_hw(s) * s->c;
    for (size_t i = 0; i < in; i++) {
        const float *w = r->a->w + i * s->oc;
        float sum = 0;
        for (int o = 0; o < s->oc; o++)
            sum += r->dy[o] * w[o];
        r->dx[i] = sum;
        for (int o = 0; r->g_w && o < s->oc; o++)
            r->g_w[i * s->oc + o] += r->x[i] * r->dy[o];
    }
    for (int o = 0; r->g_bias && o < s->oc; o++)
        r->g_bias[o] += r->dy[o];
}

// The gradient of the scale goes to tmp [c].
static void scale_bwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    const float *f = r->a->src2 + (size_t)r->image * r->a->src2_ld;
    memset(r->tmp, 0, (size_t)s->c * sizeof *r->tmp);
    for (int p = 0; p < in_hw(s); p++)
        for (int c = 0; c < s->c; c++) {
            size_t at = (size_t)p * s->c + c;
            r->dx[at] = r->dy[at] * f[c];
            r->tmp[c] += r->dy[at] * r->x[at];
        }
}

static void shift_bwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    memset(r->dx, 0, (size_t)in_hw(s) * s->c * sizeof *r->dx);
    for (int i = 0; i + 1 < s->h; i++)
        memcpy(r->dx + ((size_t)(i + 1) * s->w + 1) * s->c, r->dy + (size_t)i * s->w * s->c,
               (size_t)(s->w - 1) * s->c * sizeof *r->dx);
}

static void image_bwd(const RefImage *r, RefStep attention)
{
    const KernelShape *s = &r->a->shape;
    switch (r->a->kind) {
    case GEN_GLOBAL_POOL: global_pool_bwd(r); break;
    case GEN_LINEAR: linear_bwd(r); break;
    case GEN_SCALE: scale_bwd(r); break;
    case GEN_SHUFFLE: ref_shuffle_bwd(r); break;
    case GEN_SHIFT: shift_bwd(r); break;
    case GEN_LAYER_NORM: ref_norm_bwd(r); break;
    case GEN_ATTENTION: attention(r); break;
    case GEN_DROPOUT:
    case GEN_DROP_PATH:
    case GEN_NOISE: ref_random_bwd(r); break;
    default: memset(r->dx, 0, (size_t)in_hw(s) * s->c * sizeof *r->dx);
    }
}

// Sizes of w, bias, w2, bias2; zero where absent.
static void weight_sizes(const KernelGenericArgs *a, size_t size[4])
{
    const KernelShape *s = &a->shape;
    size_t c = (size_t)s->c;
    memset(size, 0, 4 * sizeof *size);
    if (a->kind == GEN_LINEAR) {
        size[0] = (size_t)in_hw(s) * c * s->oc;
        size[1] = (size_t)s->oc;
    } else if (a->kind == GEN_LAYER_NORM) {
        size[0] = size[1] = a->w ? c : 0;
    } else if (a->kind == GEN_ATTENTION) {
        size[0] = 3 * c * c;
        size[1] = 3 * c;
        size[2] = c * c;
        size[3] = c;
    }
}

static void backward_image(const KernelGenericArgs *a, int image, float *const part[4],
                           RefStep attention)
{
    const KernelShape *s = &a->shape;
    if (ref_shuffle_direct_back(a, image))
        return;
    RefImage r = scratch(a, image);
    r.g_w = a->g_w ? part[0] : NULL;
    r.g_bias = a->g_bias ? part[1] : NULL;
    r.g_w2 = a->g_w2 ? part[2] : NULL;
    r.g_bias2 = a->g_bias2 ? part[3] : NULL;
    ref_grad(&a->grad, image, out_hw(s), s->oc, (float *)r.dy);
    image_bwd(&r, attention);
    if (a->dst.dx)
        ref_write(&a->dst, &a->src, image, (RefDelta){ r.dx, s->c, in_hw(s) });
    if (a->kind == GEN_SCALE && a->dst2.dx) {
        KernelSrc plain = { .x = a->src2, .c = s->c, .ld = a->src2_ld };
        ref_write(&a->dst2, &plain, image, (RefDelta){ r.tmp, s->c, 1 });
    }
}

void ref_generic_bwd_by(const KernelGenericArgs *a, RefStep attention)
{
    size_t size[4], stride = 0;
    float *out[4] = { a->g_w, a->g_bias, a->g_w2, a->g_bias2 };
    bool weights = a->g_w || a->g_bias || a->g_w2 || a->g_bias2;
    weight_sizes(a, size);
    for (int k = 0; k < 4; k++)
        stride += kernel_round(size[k]);
#pragma omp parallel for schedule(static) num_threads(a->work->threads)
    for (int g = 0; g < KERNEL_GROUPS; g++) {
        float *part[4] = { a->work->group + (size_t)g * stride };
        for (int k = 1; k < 4; k++)
            part[k] = part[k - 1] + kernel_round(size[k - 1]);
        if (weights)
            memset(part[0], 0, stride * sizeof *part[0]);
        for (int i = kernel_group(a->shape.n, g); i < kernel_group(a->shape.n, g + 1); i++)
            backward_image(a, i, part, attention);
    }
    const float *group = a->work->group;
    for (int k = 0; k < 4; k++) {
        if (out[k])
            kernel_sum_groups(group, stride, size[k], out[k], a->work->threads);
        group += kernel_round(size[k]);
    }
}

void ref_generic_bwd(const KernelGenericArgs *a)
{
    ref_generic_bwd_by(a, ref_attention_bwd);
}

size_t ref_tile_floats(KernelEntry entry, const KernelShape *s)
{
    size_t in = (size_t)s->h * s->w * s->c;
    size_t out = (size_t)s->oh * s->ow * (size_t)(s->oc > s->c ? s->oc : s->c);
    size_t plain = 2 * in + 3 * out + 64;
    return entry == ENTRY_GENERIC ? plain + (size_t)s->c + ref_attention_floats(s) : plain;
}
