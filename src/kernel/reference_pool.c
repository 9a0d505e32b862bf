// SPDX-License-Identifier: MIT
#include "src/kernel/reference.h"

#include <math.h>
#include <string.h>

#include <omp.h>

// Input rows and columns of output pixel o: [y0, y1) x [x0, x1) inside the image.
typedef struct {
    int y0, y1, x0, x1, count;
} Patch;

static Patch patch(const KernelPool *p, int o)
{
    const KernelShape *s = &p->shape;
    int y = o / s->ow * s->stride - s->pad_y, x = o % s->ow * s->stride - s->pad_x;
    Patch r = { y < 0 ? 0 : y, y + s->k > s->h ? s->h : y + s->k, x < 0 ? 0 : x,
                x + s->k > s->w ? s->w : x + s->k, s->k * s->k };
    if (!p->count_pad)
        r.count = (r.y1 - r.y0) * (r.x1 - r.x0);
    return r;
}

static void max_pixel(const KernelPool *p, const float *in, int o, float *y)
{
    const KernelShape *s = &p->shape;
    Patch r = patch(p, o);
    for (int c = 0; c < s->c; c++) {
        float m = -INFINITY;
        for (int i = r.y0; i < r.y1; i++)
            for (int j = r.x0; j < r.x1; j++) {
                float v = in[((size_t)i * s->w + j) * s->c + c];
                m = v > m || isnan(v) ? v : m;
            }
        y[c] = m;
    }
}

static void avg_pixel(const KernelPool *p, const float *in, int o, float *y)
{
    const KernelShape *s = &p->shape;
    Patch r = patch(p, o);
    for (int c = 0; c < s->c; c++) {
        float sum = 0;
        for (int i = r.y0; i < r.y1; i++)
            for (int j = r.x0; j < r.x1; j++)
                sum += in[((size_t)i * s->w + j) * s->c + c];
        y[c] = sum / (float)r.count;
    }
}

void ref_pool_fwd(const KernelPool *p)
{
    const KernelShape *s = &p->shape;
    int hw = s->oh * s->ow;
#pragma omp parallel for schedule(static) num_threads(p->work->threads)
    for (int image = 0; image < s->n; image++) {
        float *in = p->work->tile + (size_t)omp_get_thread_num() * p->work->tile_floats;
        size_t first = (size_t)image * hw * s->c, stat = (size_t)image * 2 * s->c;
        ref_read(&p->src, 1, image, s->h * s->w, in);
        for (int o = 0; p->max && o < hw; o++)
            max_pixel(p, in, o, p->max + first + (size_t)o * s->c);
        for (int o = 0; p->avg && o < hw; o++)
            avg_pixel(p, in, o, p->avg + first + (size_t)o * s->c);
        if (p->max && p->max_stat)
            ref_stat(p->max + first, s->c, hw, s->c, p->max_stat + stat, s->c);
        if (p->avg && p->avg_stat)
            ref_stat(p->avg + first, s->c, hw, s->c, p->avg_stat + stat, s->c);
    }
}

static void max_route(const KernelPool *p, const float *in, int o, const float *y, const float *dy,
                      float *dx)
{
    const KernelShape *s = &p->shape;
    Patch r = patch(p, o);
    for (int c = 0; c < s->c; c++)
        for (int k = 0; k < (r.y1 - r.y0) * (r.x1 - r.x0); k++) {
            int i = r.y0 + k / (r.x1 - r.x0), j = r.x0 + k % (r.x1 - r.x0);
            size_t at = ((size_t)i * s->w + j) * s->c + c;
            if (in[at] == y[c]) {
                dx[at] += dy[c];
                break;
            }
        }
}

static void avg_route(const KernelPool *p, int o, const float *dy, float *dx)
{
    const KernelShape *s = &p->shape;
    Patch r = patch(p, o);
    float factor = 1 / (float)r.count;
    for (int i = r.y0; i < r.y1; i++)
        for (int j = r.x0; j < r.x1; j++)
            for (int c = 0; c < s->c; c++)
                dx[((size_t)i * s->w + j) * s->c + c] += dy[c] * factor;
}

static void backward_image(const KernelPool *p, int image)
{
    const KernelShape *s = &p->shape;
    int hw = s->oh * s->ow;
    size_t in_size = (size_t)s->h * s->w * s->c;
    float *in = p->work->tile + (size_t)omp_get_thread_num() * p->work->tile_floats;
    float *dx = in + in_size, *dy = dx + in_size;
    memset(dx, 0, in_size * sizeof *dx);
    if (p->max && p->max_grad.n > 0) {
        ref_read(&p->src, 1, image, s->h * s->w, in);
        ref_grad(&p->max_grad, image, hw, s->c, dy);
        const float *y = p->max + (size_t)image * hw * s->c;
        for (int o = 0; o < hw; o++)
            max_route(p, in, o, y + (size_t)o * s->c, dy + (size_t)o * s->c, dx);
    }
    if (p->avg && p->avg_grad.n > 0) {
        ref_grad(&p->avg_grad, image, hw, s->c, dy);
        for (int o = 0; o < hw; o++)
            avg_route(p, o, dy + (size_t)o * s->c, dx);
    }
    ref_write(&p->dst, &p->src, image, (RefDelta){ dx, s->c, s->h * s->w });
}

void ref_pool_bwd(const KernelPool *p)
{
#pragma omp parallel for schedule(static) num_threads(p->work->threads)
    for (int image = 0; image < p->shape.n; image++)
        backward_image(p, image);
}
