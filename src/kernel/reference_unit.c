// SPDX-License-Identifier: MIT
#include "src/kernel/reference.h"

#include <string.h>

#include <omp.h>

// One window of a unit on one image. Shapes: in [h][w][c], out [oh][ow][c].
typedef struct {
    const KernelShape *s;
    const KernelUnit *u;
} Window;

static int tap(int o, int k, int stride, int dil, int pad)
{
    return o * stride + k * dil - pad;
}

static void depthwise(const Window *win, const float *in, float *out)
{
    const KernelShape *s = win->s;
    const KernelUnit *u = win->u;
    memset(out, 0, (size_t)s->oh * s->ow * s->c * sizeof *out);
    for (int oy = 0; oy < s->oh; oy++)
        for (int ox = 0; ox < s->ow; ox++)
            for (int t = 0; t < u->k * u->k; t++) {
                int y = tap(oy, t / u->k, s->stride, u->dil, u->pad_y);
                int x = tap(ox, t % u->k, s->stride, u->dil, u->pad_x);
                if (y < 0 || y >= s->h || x < 0 || x >= s->w)
                    continue;
                const float *i = in + ((size_t)y * s->w + x) * s->c, *w = u->dw + (size_t)t * s->c;
                float *o = out + ((size_t)oy * s->ow + ox) * s->c;
                for (int c = 0; c < s->c; c++)
                    o[c] += w[c] * i[c];
            }
}

// dx += and, if g_dw, g_dw += from the gradient d of the depthwise output.
static void depthwise_bwd(const Window *win, const float *in, const float *d, float *dx,
                          float *g_dw)
{
    const KernelShape *s = win->s;
    const KernelUnit *u = win->u;
    for (int oy = 0; oy < s->oh; oy++)
        for (int ox = 0; ox < s->ow; ox++)
            for (int t = 0; t < u->k * u->k; t++) {
                int y = tap(oy, t / u->k, s->stride, u->dil, u->pad_y);
                int x = tap(ox, t % u->k, s->stride, u->dil, u->pad_x);
                if (y < 0 || y >= s->h || x < 0 || x >= s->w)
                    continue;
                size_t at = ((size_t)y * s->w + x) * s->c, wt = (size_t)t * s->c;
                const float *g = d + ((size_t)oy * s->ow + ox) * s->c;
                for (int c = 0; c < s->c; c++)
                    dx[at + c] += u->dw[wt + c] * g[c];
                for (int c = 0; g_dw && c < s->c; c++)
                    g_dw[wt + c] += in[at + c] * g[c];
            }
}

// out [m][b] = in [m][a] * w [a][b]
static void multiply(const float *in, const float *w, float *out, int m, int a, int b)
{
    memset(out, 0, (size_t)m * b * sizeof *out);
    for (int p = 0; p < m; p++)
        for (int i = 0; i < a; i++) {
            float v = in[(size_t)p * a + i];
            for (int o = 0; o < b; o++)
                out[(size_t)p * b + o] += v * w[(size_t)i * b + o];
        }
}

// gw [a][b] += in^T [a][m] * d [m][b]
static void multiply_weight(const float *in, const float *d, float *gw, int m, int a, int b)
{
    for (int p = 0; p < m; p++)
        for (int i = 0; i < a; i++) {
            float v = in[(size_t)p * a + i];
            for (int o = 0; o < b; o++)
                gw[(size_t)i * b + o] += v * d[(size_t)p * b + o];
        }
}

static void unit_image(const KernelUnits *u, const KernelUnit *one, int image, const float *in,
                       float *depth)
{
    const KernelShape *s = &u->shape;
    int hw = s->oh * s->ow;
    depthwise(&(Window){ s, one }, in, depth);
    float *y = one->y + (size_t)image * hw * one->y_ld, *row = depth;
    if (one->pw) {
        row = depth + (size_t)hw * s->c;
        multiply(depth, one->pw, row, hw, s->c, s->oc);
    }
    for (int p = 0; p < hw; p++)
        memcpy(y + (size_t)p * one->y_ld, row + (size_t)p * s->oc, (size_t)s->oc * sizeof *y);
    if (one->stat)
        ref_stat(row, s->oc, hw, s->oc, one->stat + (size_t)image * 2 * one->stat_ld, one->stat_ld);
}

void ref_unit_fwd(const KernelUnits *u)
{
    const KernelShape *s = &u->shape;
#pragma omp parallel for schedule(static) num_threads(u->work->threads)
    for (int image = 0; image < s->n; image++) {
        float *in = u->work->tile + (size_t)omp_get_thread_num() * u->work->tile_floats;
        ref_read(&u->src, 1, image, s->h * s->w, in);
        for (int i = 0; i < u->n_units; i++)
            unit_image(u, &u->unit[i], image, in, in + (size_t)s->h * s->w * s->c);
    }
}

void ref_dw_fwd(const KernelUnits *u)
{
    ref_unit_fwd(u);
}

static size_t unit_weights(const KernelUnits *u, int i)
{
    const KernelUnit *one = &u->unit[i];
    size_t dw = kernel_round((size_t)one->k * one->k * u->shape.c);
    return dw + (one->pw ? kernel_round((size_t)u->shape.c * u->shape.oc) : 0);
}

static void unit_bwd_image(const KernelUnits *u, const KernelUnit *one, int image, float *in,
                           float *group)
{
    const KernelShape *s = &u->shape;
    int hw = s->oh * s->ow;
    float *dx = in + (size_t)s->h * s->w * s->c, *depth = dx + (size_t)s->h * s->w * s->c;
    float *dd = depth + (size_t)hw * s->c, *dy = one->pw ? dd + (size_t)hw * s->c : dd;
    bool weights = one->g_dw != NULL;
    ref_grad(&one->grad, image, hw, s->oc, dy);
    if (one->pw) {
        if (weights) {
            float *g_pw = group + kernel_round((size_t)one->k * one->k * s->c);
            depthwise(&(Window){ s, one }, in, depth);
            multiply_weight(depth, dy, g_pw, hw, s->c, s->oc);
        }
        multiply(dy, one->pw_t, dd, hw, s->oc, s->c);
    }
    depthwise_bwd(&(Window){ s, one }, in, dd, dx, weights ? group : NULL);
}

static void unit_bwd_one(const KernelUnits *u, int image, float *group)
{
    const KernelShape *s = &u->shape;
    float *in = u->work->tile + (size_t)omp_get_thread_num() * u->work->tile_floats;
    float *dx = in + (size_t)s->h * s->w * s->c;
    ref_read(&u->src, 1, image, s->h * s->w, in);
    memset(dx, 0, (size_t)s->h * s->w * s->c * sizeof *dx);
    for (int i = 0; i < u->n_units; i++) {
        unit_bwd_image(u, &u->unit[i], image, in, group);
        group += unit_weights(u, i);
    }
    if (u->dst.dx)
        ref_write(&u->dst, &u->src, image, (RefDelta){ dx, s->c, s->h * s->w });
}

static void sum_units(const KernelUnits *u, size_t stride)
{
    const float *group = u->work->group;
    for (int i = 0; i < u->n_units; i++) {
        const KernelUnit *one = &u->unit[i];
        size_t count = (size_t)one->k * one->k * u->shape.c;
        if (one->g_dw)
            kernel_sum_groups(group, stride, count, one->g_dw, u->work->threads);
        if (one->g_pw)
            kernel_sum_groups(group + kernel_round(count), stride, (size_t)u->shape.c * u->shape.oc,
                              one->g_pw, u->work->threads);
        group += unit_weights(u, i);
    }
}

void ref_unit_bwd(const KernelUnits *u)
{
    size_t stride = 0;
    bool weights = false;
    for (int i = 0; i < u->n_units; i++) {
        stride += unit_weights(u, i);
        weights = weights || u->unit[i].g_dw;
    }
#pragma omp parallel for schedule(static) num_threads(u->work->threads)
    for (int g = 0; g < KERNEL_GROUPS; g++) {
        float *group = u->work->group + (size_t)g * stride;
        if (weights)
            memset(group, 0, stride * sizeof *group);
        for (int i = kernel_group(u->shape.n, g); i < kernel_group(u->shape.n, g + 1); i++)
            unit_bwd_one(u, i, group);
    }
    if (weights)
        sum_units(u, stride);
}

void ref_dw_bwd(const KernelUnits *u)
{
    ref_unit_bwd(u);
}
