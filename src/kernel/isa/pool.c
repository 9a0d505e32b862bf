// SPDX-License-Identifier: MIT
#include <omp.h>

#include "src/kernel/isa/entry.h"

typedef struct {
    Tile key, in; // bordered: ordered integers, values
    Tile dx, d_max, d_avg;
    float *inverse; // [oh*ow] factors of the average
    Taps taps;
} PoolTiles;

static Window pool_window(const KernelShape *s)
{
    return entry_window(s, s->k, 1, s->pad_y, s->pad_x);
}

size_t pools_floats(const KernelShape *s)
{
    Window win = pool_window(s);
    Border in = { 0 };
    entry_border(&win, &in, NULL);
    int vw = width_of(s->c), m = 2 * border_reach(&in);
    size_t c = (size_t)((s->c + vw - 1) / vw * vw);
    size_t in_px = (size_t)(s->h + m) * (size_t)(s->w + m), o_px = (size_t)s->oh * (size_t)s->ow;
    return c * (2 * in_px + 2 * o_px) + o_px + 6 * 16;
}

// Pixels of a window at `at` that lie inside the image along one axis.
static int inside(int at, const int *pos, int k, int size)
{
    int n = 0;
    for (int i = 0; i < k; i++)
        n += at + pos[i] >= 0 && at + pos[i] < size;
    return n;
}

static void fill_inverse(float *inverse, const KernelShape *s, const Taps *taps, bool count_pad)
{
    for (int y = 0; y < s->oh; y++) {
        for (int x = 0; x < s->ow; x++) {
            int n = count_pad ? s->k * s->k
                              : inside(y * s->stride, taps->row, s->k, s->h) *
                                    inside(x * s->stride, taps->col, s->k, s->w);
            inverse[y * s->ow + x] = n ? 1.0f / (float)n : 0.0f;
        }
    }
}

static void fill_keys(const Tile *t)
{
    int32_t lowest = INT32_MIN;
    for (size_t i = 0; i < tile_size(t); i++)
        memcpy(t->data + i, &lowest, sizeof(lowest));
}

static void tiles_init(PoolTiles *t, const KernelPool *p, bool backward)
{
    const KernelShape *s = &p->shape;
    const int vw = width_of(s->c);
    Window win = pool_window(s);
    Border in = { 0 }, none = { 0 };
    entry_border(&win, &in, NULL);
    taps_forward(&t->taps, &win);
    float *at = p->work->tile + (size_t)omp_get_thread_num() * p->work->tile_floats;
    at = tile_set(&t->key, at, vw, s->c, s->h, s->w, in);
    if (p->max)
        fill_keys(&t->key);
    t->inverse = at;
    at += kernel_round((size_t)s->oh * (size_t)s->ow);
    if (p->avg)
        fill_inverse(t->inverse, s, &t->taps, p->count_pad);
    if (!backward) {
        tile_set(&t->in, at, vw, s->c, s->h, s->w, in);
        memset(t->in.data, 0, tile_size(&t->in) * sizeof(float));
        return;
    }
    at = tile_set(&t->dx, at, vw, s->c, s->h, s->w, in);
    at = tile_set(&t->d_max, at, vw, s->c, s->oh, s->ow, none);
    tile_set(&t->d_avg, at, vw, s->c, s->oh, s->ow, none);
}

static void pool_one(const KernelPool *p, const PoolTiles *t, int image, bool is_max)
{
    const KernelShape *s = &p->shape;
    float *stat = is_max ? p->max_stat : p->avg_stat;
    size_t at = (size_t)image * (size_t)(s->oh * s->ow) * (size_t)s->c;
    PoolJob job = {
        .in = is_max ? &t->key : &t->in,
        .taps = &t->taps,
        .ny = s->oh,
        .nx = s->ow,
        .out = (is_max ? p->max : p->avg) + at,
        .c = s->c,
        .inverse = t->inverse,
    };
    if (stat) {
        job.sum = stat + (size_t)image * 2 * (size_t)s->c;
        job.sum_sq = job.sum + s->c;
    }
    if (is_max) {
        tile_keys(&t->key, &p->src, image);
        pool_max(&job);
    } else {
        tile_load(&t->in, &p->src, 0, image);
        pool_avg(&job);
    }
}

void pools_fwd(const KernelPool *p)
{
    entry_share(&p->shape, p->shape.n, p->work->threads);
#pragma omp parallel num_threads(p->work->threads)
    {
        PoolTiles t;
        tiles_init(&t, p, false);
#pragma omp for schedule(runtime)
        for (int image = 0; image < p->shape.n; image++) {
            if (p->max)
                pool_one(p, &t, image, true);
            if (p->avg)
                pool_one(p, &t, image, false);
        }
    }
}

static void pool_back(const KernelPool *p, const PoolTiles *t, int image)
{
    const KernelShape *s = &p->shape;
    size_t at = (size_t)image * (size_t)(s->oh * s->ow) * (size_t)s->c;
    const bool max = p->max && p->max_grad.n > 0, avg = p->avg && p->avg_grad.n > 0;
    PoolGradJob job = {
        .key = &t->key,
        .dx = &t->dx,
        .taps = &t->taps,
        .ny = s->oh,
        .nx = s->ow,
        .max = max ? p->max + at : NULL,
        .d_max = max ? &t->d_max : NULL,
        .d_avg = avg ? &t->d_avg : NULL,
        .inverse = t->inverse,
    };
    if (max) {
        tile_keys(&t->key, &p->src, image);
        tile_grad(&t->d_max, &p->max_grad, 0, (size_t)image * (size_t)(s->oh * s->ow));
    }
    if (avg)
        tile_grad(&t->d_avg, &p->avg_grad, 0, (size_t)image * (size_t)(s->oh * s->ow));
    memset(t->dx.data, 0, tile_size(&t->dx) * sizeof(float));
    pool_grad(&job);
    tile_store_dx(&t->dx, 0, &p->src, &p->dst, image);
}

void pools_bwd(const KernelPool *p)
{
    if (!p->dst.dx)
        return;
    entry_share(&p->shape, p->shape.n, p->work->threads);
#pragma omp parallel num_threads(p->work->threads)
    {
        PoolTiles t;
        tiles_init(&t, p, true);
#pragma omp for schedule(runtime)
        for (int image = 0; image < p->shape.n; image++)
            pool_back(p, &t, image);
    }
}
