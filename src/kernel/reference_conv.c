// SPDX-License-Identifier: MIT
#include "src/kernel/reference.h"

#include <string.h>

#include <omp.h>

// Pixel that tap t of output pixel o reads, or -1 outside the image.
static long tap_pixel(const KernelShape *s, int o, int t)
{
    int y = o / s->ow * s->stride + t / s->k * s->dil - s->pad_y;
    int x = o % s->ow * s->stride + t % s->k * s->dil - s->pad_x;
    return y < 0 || y >= s->h || x < 0 || x >= s->w ? -1 : (long)y * s->w + x;
}

// Weights [k*k][c/groups][oc]: output channel o belongs to group o / (oc/groups).
static void forward_image(const KernelConv *v, const float *in, float *out)
{
    const KernelShape *s = &v->shape;
    int cg = s->c / s->groups, og = s->oc / s->groups;
    for (int o = 0; o < s->oh * s->ow; o++) {
        float *y = out + (size_t)o * s->oc;
        for (int q = 0; q < s->oc; q++)
            y[q] = v->bias ? v->bias[q] : 0;
        for (int t = 0; t < s->k * s->k; t++) {
            long at = tap_pixel(s, o, t);
            for (int g = 0; at >= 0 && g < s->groups; g++)
                for (int c = 0; c < cg; c++) {
                    float x = in[(size_t)at * s->c + g * cg + c];
                    const float *w = v->w + ((size_t)t * cg + c) * s->oc + g * og;
                    for (int q = 0; q < og; q++)
                        y[g * og + q] += x * w[q];
                }
        }
    }
}

void ref_conv_fwd(const KernelConv *v)
{
    const KernelShape *s = &v->shape;
    int hw = s->oh * s->ow;
#pragma omp parallel for schedule(static) num_threads(v->work->threads)
    for (int image = 0; image < s->n; image++) {
        float *in = v->work->tile + (size_t)omp_get_thread_num() * v->work->tile_floats;
        float *out = in + (size_t)s->h * s->w * s->c;
        float *y = v->y + (size_t)image * hw * v->y_ld;
        ref_read(v->src, v->n_src, image, s->h * s->w, in);
        forward_image(v, in, out);
        for (int p = 0; p < hw; p++)
            memcpy(y + (size_t)p * v->y_ld, out + (size_t)p * s->oc, (size_t)s->oc * sizeof *y);
        if (v->stat)
            ref_stat(out, s->oc, hw, s->oc, v->stat + (size_t)image * 2 * v->stat_ld, v->stat_ld);
    }
}

static void weight_image(const KernelConv *v, const float *in, const float *dy, float *gw)
{
    const KernelShape *s = &v->shape;
    int cg = s->c / s->groups, og = s->oc / s->groups;
    for (int o = 0; o < s->oh * s->ow; o++)
        for (int t = 0; t < s->k * s->k; t++) {
            long at = tap_pixel(s, o, t);
            for (int g = 0; at >= 0 && g < s->groups; g++)
                for (int c = 0; c < cg; c++) {
                    float x = in[(size_t)at * s->c + g * cg + c];
                    float *w = gw + ((size_t)t * cg + c) * s->oc + g * og;
                    const float *d = dy + (size_t)o * s->oc + g * og;
                    for (int q = 0; q < og; q++)
                        w[q] += x * d[q];
                }
        }
}

static void input_image(const KernelConv *v, const float *dy, float *dx)
{
    const KernelShape *s = &v->shape;
    int cg = s->c / s->groups, og = s->oc / s->groups;
    memset(dx, 0, (size_t)s->h * s->w * s->c * sizeof *dx);
    for (int o = 0; o < s->oh * s->ow; o++)
        for (int t = 0; t < s->k * s->k; t++) {
            long at = tap_pixel(s, o, t);
            for (int g = 0; at >= 0 && g < s->groups; g++)
                for (int c = 0; c < cg; c++) {
                    const float *w = v->w + ((size_t)t * cg + c) * s->oc + g * og;
                    const float *d = dy + (size_t)o * s->oc + g * og;
                    float sum = 0;
                    for (int q = 0; q < og; q++)
                        sum += w[q] * d[q];
                    dx[(size_t)at * s->c + g * cg + c] += sum;
                }
        }
}

static void backward_image(const KernelConv *v, int image, float *gw, float *gb)
{
    const KernelShape *s = &v->shape;
    int hw = s->oh * s->ow, at = 0;
    float *in = v->work->tile + (size_t)omp_get_thread_num() * v->work->tile_floats;
    float *dy = in + (size_t)s->h * s->w * s->c, *dx = dy + (size_t)hw * s->oc;
    bool wanted = false;
    ref_grad(&v->grad, image, hw, s->oc, dy);
    if (v->g_w) {
        ref_read(v->src, v->n_src, image, s->h * s->w, in);
        weight_image(v, in, dy, gw);
    }
    for (int p = 0; v->g_bias && p < hw; p++)
        for (int q = 0; q < s->oc; q++)
            gb[q] += dy[(size_t)p * s->oc + q];
    for (int i = 0; i < v->n_src; i++)
        wanted = wanted || v->dst[i].dx;
    if (!wanted)
        return;
    input_image(v, dy, dx);
    for (int i = 0; i < v->n_src; at += v->src[i++].c)
        if (v->dst[i].dx)
            ref_write(&v->dst[i], &v->src[i], image, (RefDelta){ dx + at, s->c, s->h * s->w });
}

void ref_conv_bwd(const KernelConv *v)
{
    const KernelShape *s = &v->shape;
    size_t count = (size_t)s->k * s->k * (s->c / s->groups) * s->oc;
    size_t stride = kernel_round(count) + (v->bias ? kernel_round((size_t)s->oc) : 0);
#pragma omp parallel for schedule(static) num_threads(v->work->threads)
    for (int g = 0; g < KERNEL_GROUPS; g++) {
        float *group = v->work->group + (size_t)g * stride;
        if (v->g_w || v->g_bias)
            memset(group, 0, stride * sizeof *group);
        for (int i = kernel_group(s->n, g); i < kernel_group(s->n, g + 1); i++)
            backward_image(v, i, group, group + kernel_round(count));
    }
    if (v->g_w)
        kernel_sum_groups(v->work->group, stride, count, v->g_w, v->work->threads);
    if (v->g_bias)
        kernel_sum_groups(v->work->group + kernel_round(count), stride, (size_t)s->oc, v->g_bias,
                          v->work->threads);
}
