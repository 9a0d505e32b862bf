// SPDX-License-Identifier: MIT
// Max and average pools of one image, at one vector width. Maxima run on ordered integers, so that
// NaN is the largest value and one instruction a tap is enough. Included by pool_tile.c once a
// width.

#include "src/kernel/isa/tap.h"
#include "src/kernel/isa/width.h"

typedef struct {
    const PoolJob *job;
    const TapList *list;
    TapRange range;
    V sum, sum_sq;
    int n; // channels that exist in this block
} AT_WIDTH(PoolState);

// P pixels; `at` is the source of tap position 0 of the first, `pixel` its number.
INLINE void AT_WIDTH(pool_pixels)(AT_WIDTH(PoolState) * s, const float *at, float *out, int pixel,
                                  const bool is_max, const int P, const int IS)
{
    V acc[8];
    UNROLL(8)
    for (int p = 0; p < P; p++)
        acc[p] = (V)((VI){ 0 } + (is_max ? INT32_MIN : 0));
    for (int t = s->range.from; t < s->range.to; t++) {
        const float *in = at + s->list->in[t];
        UNROLL(8)
        for (int p = 0; p < P; p++) {
            V x = AT_WIDTH(load)(in + p * IS * VW);
            if (is_max)
                acc[p] = (V)AT_WIDTH(imax)((VI)acc[p], (VI)x);
            else
                acc[p] += x;
        }
    }
    UNROLL(8)
    for (int p = 0; p < P; p++) {
        V v = acc[p];
        if (is_max)
            v = AT_WIDTH(order_value)((VI)v);
        else
            v *= s->job->inverse[pixel + p];
        AT_WIDTH(store_part)(out + (size_t)p * (size_t)s->job->c, v, s->n);
        s->sum += v;
        s->sum_sq += v * v;
    }
}

INLINE void AT_WIDTH(pool_row)(AT_WIDTH(PoolState) * s, const float *at, int y, int c0,
                               const bool is_max)
{
    const PoolJob *job = s->job;
    const int step = job->taps->step;
    int x = 0, pixel = y * job->nx;
    float *out = job->out + (size_t)pixel * (size_t)job->c + c0;
    for (; step == 1 && x + 8 <= job->nx; x += 8, at += 8 * VW)
        AT_WIDTH(pool_pixels)(s, at, out + (size_t)x * (size_t)job->c, pixel + x, is_max, 8, 1);
    for (; step == 2 && x + 4 <= job->nx; x += 4, at += 8 * VW)
        AT_WIDTH(pool_pixels)(s, at, out + (size_t)x * (size_t)job->c, pixel + x, is_max, 4, 2);
    for (; x < job->nx; x++, at += step * VW)
        AT_WIDTH(pool_pixels)(s, at, out + (size_t)x * (size_t)job->c, pixel + x, is_max, 1, 1);
}

INLINE void AT_WIDTH(pool_image)(const PoolJob *job, const bool is_max)
{
    TapList list;
    tap_list(&list, job->taps, job->in, 0);
    for (int b = 0; b < job->in->blocks; b++) {
        AT_WIDTH(PoolState) s = { .job = job, .list = &list, .n = job->c - b * VW };
        for (int y = 0; y < job->ny; y++) {
            s.range = tap_range(&list, job->taps, job->in->h, y, 1);
            const float *at =
                tile_at(job->in, b) + (size_t)(y * job->taps->step) * tile_row(job->in);
            AT_WIDTH(pool_row)(&s, at, y, b * VW, is_max);
        }
        if (job->sum) {
            AT_WIDTH(store_part)(job->sum + b * VW, s.sum, s.n);
            AT_WIDTH(store_part)(job->sum_sq + b * VW, s.sum_sq, s.n);
        }
    }
}

static void AT_WIDTH(max_image)(const PoolJob *job)
{
    AT_WIDTH(pool_image)(job, true);
}

static void AT_WIDTH(avg_image)(const PoolJob *job)
{
    AT_WIDTH(pool_image)(job, false);
}

// Routes the gradients of one output pixel to its window: the maximum's to the first equal pixel.
INLINE void AT_WIDTH(pool_scatter)(const PoolGradJob *job, const TapList *list, TapRange range,
                                   float *dx, const float *key, V max, V d_max, V d_avg)
{
    VI want = AT_WIDTH(order_key)(max), free = ~(VI){ 0 };
    for (int t = range.from; t < range.to; t++) {
        V d = AT_WIDTH(load)(dx + list->in[t]) + d_avg;
        if (job->max) {
            VI hit = (VI)((VI)AT_WIDTH(load)(key + list->in[t]) == want) & free;
            free &= ~hit;
            d += (V)((VI)d_max & hit);
        }
        AT_WIDTH(store)(dx + list->in[t], d);
    }
}

static void AT_WIDTH(pool_grad_image)(const PoolGradJob *job)
{
    const int step = job->taps->step, c = job->dx->c;
    TapList list;
    tap_list(&list, job->taps, job->dx, 0);
    for (int b = 0; b < job->dx->blocks; b++) {
        const float *d_max = job->d_max ? tile_at(job->d_max, b) : NULL;
        const float *d_avg = job->d_avg ? tile_at(job->d_avg, b) : NULL;
        for (int y = 0; y < job->ny; y++) {
            TapRange range = tap_range(&list, job->taps, job->dx->h, y, 1);
            size_t row = (size_t)(y * step) * tile_row(job->dx);
            float *dx = tile_at(job->dx, b) + row;
            const float *key = job->max ? tile_at(job->key, b) + row : NULL;
            for (int x = 0; x < job->nx; x++, dx += step * VW) {
                size_t pixel = (size_t)(y * job->nx + x);
                V max = { 0 }, dm = { 0 }, da = { 0 };
                if (d_avg)
                    da = AT_WIDTH(load)(d_avg + pixel * VW) * job->inverse[pixel];
                if (job->max) {
                    dm = AT_WIDTH(load)(d_max + pixel * VW);
                    max = AT_WIDTH(load_part)(job->max + pixel * (size_t)c + b * VW, c - b * VW);
                }
                AT_WIDTH(pool_scatter)(job, &list, range, dx, key, max, dm, da);
                if (key)
                    key += step * VW;
            }
        }
    }
}
