// SPDX-License-Identifier: MIT
#include <omp.h>

#include "src/kernel/blas.h"
#include "src/kernel/isa/entry.h"
#include "src/kernel/isa/width.h"

// Dense, grouped and pointwise convolution. Sources lie one after the other in the blocks of one
// tile, each from a new block on. A pointwise convolution sees the image as one row; a strided one
// loads and stores only the pixels that it reads.

typedef struct {
    const KernelConv *v;
    int group, c, oc; // group of channels now in work; channels and outputs of a group
    bool flat, sampled;
    Window win;
    Segment seg[KERNEL_MAX_SRC];
    Tile in, d, dx;
    const float *w;
    size_t w_tap, w_ld;
    const float *back[KERNEL_MAX_SRC]; // per source: weights for the input gradient
    size_t back_tap[KERNEL_MAX_SRC], back_ld[KERNEL_MAX_SRC];
    float *room; // padded or transposed copies of weights
} ConvTiles;

size_t dense_floats(const KernelShape *s)
{
    Window win = entry_window(s, s->k, s->dil, s->pad_y, s->pad_x);
    Border in = { 0 }, d = { 0 };
    entry_border(&win, &in, &d);
    int c = s->c / s->groups, m = 2 * border_reach(&in), m_d = 2 * border_reach(&d);
    // Up to KERNEL_MAX_SRC sources are rounded up to whole vectors each, and any may be the widest.
    int sources = s->k > 1 || s->groups > 1 ? 1 : c < KERNEL_MAX_SRC ? c : KERNEL_MAX_SRC;
    size_t cs = (size_t)c + (size_t)(sources * (KERNEL_VL > 4 ? KERNEL_VL : 4));
    size_t oc = round_to(s->oc / s->groups, KERNEL_VL > 4 ? KERNEL_VL : 4);
    size_t in_px = (size_t)(s->h + m) * (size_t)(s->w + m);
    size_t d_px = (size_t)(s->oh + m_d) * (size_t)(s->ow + m_d);
    size_t weights = (size_t)(s->k * s->k) * 2 * cs * oc;
    return cs * (in_px + (size_t)(s->h * s->w)) + oc * d_px + weights + (5 + 2 * 16) * 16;
}

static float *layout_input(ConvTiles *t, float *at, int vw, Border border)
{
    const KernelConv *v = t->v;
    int lanes = 0, row = 0;
    for (int i = 0; i < v->n_src; i++) {
        int c = v->shape.groups > 1 ? t->c : v->src[i].c;
        t->seg[i] = (Segment){ lanes / vw, c, row };
        lanes += (int)round_to(c, vw);
        row += c;
    }
    return tile_set(&t->in, at, vw, lanes, t->win.h, t->win.w, border);
}

// A strided pointwise convolution all of whose pixels are inside the image. Pixels between them
// have a gradient only through what is added there.
static bool is_sampled(const KernelConv *v, bool backward)
{
    const KernelShape *s = &v->shape;
    if (s->k != 1 || s->groups != 1 || s->stride == 1 || s->pad_y > 0 || s->pad_x > 0)
        return false;
    for (int i = 0; backward && v->dst && i < v->n_src; i++)
        if (v->dst[i].dx && (v->dst[i].stat || v->dst[i].n_plus > 0))
            return false;
    return (s->oh - 1) * s->stride - s->pad_y < s->h && (s->ow - 1) * s->stride - s->pad_x < s->w;
}

// Lays out the tiles in this thread's scratch and clears the borders.
static void tiles_init(ConvTiles *t, const KernelConv *v, bool backward)
{
    const KernelShape *s = &v->shape;
    *t = (ConvTiles){ .v = v, .c = s->c / s->groups, .oc = s->oc / s->groups };
    t->flat = s->k == 1 && s->stride == 1 && s->pad_y == 0 && s->pad_x == 0 && s->h == s->oh &&
              s->w == s->ow;
    t->win = entry_window(s, s->k, s->dil, s->pad_y, s->pad_x);
    t->sampled = is_sampled(v, backward);
    if (t->flat || t->sampled) {
        const int pixels = s->oh * s->ow;
        t->win =
            (Window){ .k = 1, .dil = 1, .stride = 1, .h = 1, .w = pixels, .oh = 1, .ow = pixels };
    }
    int widest = t->oc;
    for (int i = 0; i < v->n_src; i++) {
        int c = s->groups > 1 ? t->c : v->src[i].c;
        widest = c > widest ? c : widest;
    }
    const int vw = width_of(widest);
    Border in = { 0 }, d = { 0 }, none = { 0 };
    entry_border(&t->win, &in, backward ? &d : NULL);
    float *at = v->work->tile + (size_t)omp_get_thread_num() * v->work->tile_floats;
    at = layout_input(t, at, vw, in);
    memset(t->in.data, 0, tile_size(&t->in) * sizeof(float));
    if (backward) {
        at = tile_set(&t->d, at, vw, t->oc, t->win.oh, t->win.ow, d);
        memset(t->d.data, 0, tile_size(&t->d) * sizeof(float));
        at = tile_set(&t->dx, at, vw, t->in.c, t->win.h, t->win.w, none);
    }
    t->room = at;
}

// Source i as the channels of the group in work.
static KernelSrc group_src(const ConvTiles *t, int i)
{
    KernelSrc src = t->v->src[i];
    if (t->v->shape.groups > 1) {
        size_t at = (size_t)(t->group * t->c);
        src.x += at;
        src.a = src.a ? src.a + at : NULL;
        src.b = src.b ? src.b + at : NULL;
        src.c = t->c;
    }
    return src;
}

// Row y of the pixels of an image that a strided pointwise convolution reads: `row` becomes the row
// of the tile, the result the first pixel.
static size_t sampled_row(const ConvTiles *t, const Tile *all, int image, int y, Tile *row)
{
    const KernelShape *s = &t->v->shape;
    *row = *all;
    row->w = s->ow;
    row->data += (size_t)(y * s->ow) * all->px;
    size_t line = (size_t)image * (size_t)s->h + (size_t)(y * s->stride - s->pad_y);
    return line * (size_t)s->w + (size_t)-s->pad_x;
}

static void load_sampled(const ConvTiles *t, KernelSrc src, int block0, int image)
{
    const float *x = src.x;
    const size_t ld = (size_t)src.ld;
    src.ld *= t->v->shape.stride;
    for (int y = 0; y < t->v->shape.oh; y++) {
        Tile row;
        src.x = x + sampled_row(t, &t->in, image, y, &row) * ld;
        tile_load(&row, &src, block0, 0);
    }
}

static void load_input(const ConvTiles *t, int image)
{
    for (int i = 0; i < t->v->n_src; i++) {
        KernelSrc src = group_src(t, i);
        if (t->sampled)
            load_sampled(t, src, t->seg[i].block0, image);
        else
            tile_load(&t->in, &src, t->seg[i].block0, image);
    }
}

static void set_weights(ConvTiles *t)
{
    const KernelShape *s = &t->v->shape;
    size_t rows = (size_t)(s->k * s->k) * (size_t)t->c;
    t->w = weights_pad(t->v->w + (size_t)(t->group * t->oc), rows, t->oc, (size_t)s->oc, t->in.vw,
                       t->room, &t->w_ld);
    t->w_tap = (size_t)t->c * t->w_ld;
}

static void conv_image_fwd(const ConvTiles *t, int image)
{
    const KernelConv *v = t->v;
    const size_t c0 = (size_t)(t->group * t->oc), ld = (size_t)v->y_ld;
    const int pixels = t->win.oh * t->win.ow;
    Taps taps;
    taps_forward(&taps, &t->win);
    ConvJob job = {
        .in = &t->in,
        .seg = t->seg,
        .n_seg = v->n_src,
        .taps = &taps,
        .w = t->w,
        .w_tap = t->w_tap,
        .w_ld = t->w_ld,
        .bias = v->bias ? v->bias + c0 : NULL,
        .oc = t->oc,
        .ny = t->win.oh,
        .nx = t->win.ow,
        .out = v->y + (size_t)image * (size_t)pixels * ld + c0,
        .px = ld,
        .row = ld * (size_t)t->win.ow,
        .block = (size_t)t->in.vw,
        .stream = v->shape.groups == 1 && entry_streams(&v->shape, v->y, v->y_ld, t->in.vw, 1),
    };
    if (v->stat) {
        job.sum = v->stat + (size_t)image * 2 * (size_t)v->stat_ld + c0;
        job.sum_sq = job.sum + v->stat_ld;
        memset(job.sum, 0, (size_t)t->oc * sizeof(float));
        memset(job.sum_sq, 0, (size_t)t->oc * sizeof(float));
    }
    load_input(t, image);
    conv_run(&job);
}

void dense_fwd(const KernelConv *v)
{
    entry_share(&v->shape, v->shape.n, v->work->threads);
#pragma omp parallel num_threads(v->work->threads)
    {
        ConvTiles t;
        tiles_init(&t, v, false);
        for (t.group = 0; t.group < v->shape.groups; t.group++) {
            set_weights(&t);
#pragma omp for schedule(runtime) nowait
            for (int image = 0; image < v->shape.n; image++)
                conv_image_fwd(&t, image);
        }
        width_fence();
    }
}

// ---- backward ----------------------------------------------------------------------------------

static bool wants_dx(const KernelConv *v)
{
    for (int i = 0; v->dst && i < v->n_src; i++)
        if (v->dst[i].dx)
            return true;
    return false;
}

// [k*k][oc][c] of the group in work, rows whole vectors long.
static const float *transpose_group(const ConvTiles *t, float *room, size_t ld)
{
    const KernelShape *s = &t->v->shape;
    for (int tap = 0; tap < s->k * s->k; tap++) {
        const float *from = t->v->w + (size_t)(tap * t->c) * (size_t)s->oc + t->group * t->oc;
        float *to = room + (size_t)(tap * t->oc) * ld;
        for (int o = 0; o < t->oc; o++)
            for (size_t i = 0; i < ld; i++)
                to[(size_t)o * ld + i] = i < (size_t)t->c ? from[i * (size_t)s->oc + o] : 0.0f;
    }
    return room;
}

// Weights for the input gradient, a view or a copy a source.
static void set_back_weights(ConvTiles *t)
{
    const KernelShape *s = &t->v->shape;
    const size_t rows = (size_t)(s->k * s->k) * (size_t)t->oc;
    float *room = t->room;
    for (int i = 0; i < t->v->n_src; i++) {
        const Segment *seg = &t->seg[i];
        if (s->groups > 1 || !t->v->w_t) {
            t->back_ld[i] = round_to(seg->c, t->in.vw);
            t->back[i] = transpose_group(t, room, t->back_ld[i]);
        } else {
            t->back[i] = weights_pad(t->v->w_t + seg->row0, rows, seg->c, (size_t)s->c, t->in.vw,
                                     room, &t->back_ld[i]);
        }
        t->back_tap[i] = (size_t)t->oc * t->back_ld[i];
        if (t->back[i] == room)
            room += kernel_round(rows * t->back_ld[i]);
    }
}

// Gradient of source i into the dx tile, one phase of the stride at a time.
static void source_backward(const ConvTiles *t, int i)
{
    Taps taps;
    Segment seg = { 0, t->oc, 0 };
    const size_t stride = (size_t)t->win.stride;
    ConvJob job = {
        .in = &t->d,
        .seg = &seg,
        .n_seg = 1,
        .taps = &taps,
        .w = t->back[i],
        .w_tap = t->back_tap[i],
        .w_ld = t->back_ld[i],
        .oc = t->seg[i].c,
        .px = stride * (size_t)t->dx.vw,
        .row = stride * tile_row(&t->dx),
        .block = tile_plane(&t->dx),
        .whole = true,
    };
    for (int py = 0; py < t->win.stride; py++) {
        for (int px = 0; px < t->win.stride; px++) {
            taps_backward(&taps, &t->win, py, px);
            job.ny = phase_count(t->win.h, py, t->win.stride);
            job.nx = phase_count(t->win.w, px, t->win.stride);
            job.out =
                tile_at(&t->dx, t->seg[i].block0) + (size_t)py * tile_row(&t->dx) + px * t->dx.vw;
            conv_run(&job);
        }
    }
}

static void clear_image(const ConvTiles *t, const KernelDst *dst, int c, int image)
{
    const size_t pixels = (size_t)(t->v->shape.h * t->v->shape.w), ld = (size_t)dst->ld;
    float *dx = dst->dx + (size_t)image * pixels * ld;
    if (dst->ld == c)
        memset(dx, 0, pixels * ld * sizeof *dx);
    for (size_t p = 0; p < pixels && dst->ld != c; p++)
        memset(dx + p * ld, 0, (size_t)c * sizeof *dx);
}

static void store_sampled(const ConvTiles *t, int i, int image)
{
    KernelSrc src = t->v->src[i];
    KernelDst dst = t->v->dst[i];
    const float *x = src.x;
    float *dx = dst.dx;
    const size_t ld = (size_t)dst.ld, x_ld = (size_t)src.ld;
    if (!dst.add)
        clear_image(t, &dst, src.c, image);
    src.ld *= t->v->shape.stride;
    dst.ld *= t->v->shape.stride;
    for (int y = 0; y < t->v->shape.oh; y++) {
        Tile row;
        size_t first = sampled_row(t, &t->dx, image, y, &row);
        src.x = x + first * x_ld;
        dst.dx = dx + first * ld;
        tile_store_dx(&row, t->seg[i].block0, &src, &dst, 0);
    }
}

static void store_source(const ConvTiles *t, int i, int image)
{
    KernelDst dst = t->v->dst[i];
    KernelSrc src = group_src(t, i);
    KernelTerm plus[KERNEL_MAX_SRC];
    const int c0 = t->group * t->c;
    if (c0 > 0) {
        dst.dx += c0;
        dst.stat = dst.stat ? dst.stat + c0 : NULL;
        for (int j = 0; j < dst.n_plus; j++) {
            plus[j] = dst.plus[j];
            plus[j].g += c0;
        }
        dst.plus = plus;
    }
    tile_store_dx(&t->dx, t->seg[i].block0, &src, &dst, image);
}

static void weights_backward(const ConvTiles *t, float *gw, float *gb, bool fresh)
{
    const KernelConv *v = t->v;
    const size_t c0 = (size_t)(t->group * t->oc);
    if (v->g_bias && fresh)
        memset(gb + c0, 0, (size_t)t->oc * sizeof *gb);
    if (v->g_bias)
        tile_sum(&t->d, gb + c0);
    if (!v->g_w)
        return;
    Taps taps;
    taps_forward(&taps, &t->win);
    ConvGradJob job = {
        .in = &t->in,
        .d = &t->d,
        .seg = t->seg,
        .n_seg = v->n_src,
        .taps = &taps,
        .gw = gw + c0,
        .w_tap = (size_t)t->c * (size_t)v->shape.oc,
        .w_ld = (size_t)v->shape.oc,
        .oc = t->oc,
        .fresh = fresh,
    };
    conv_grad(&job);
}

static void conv_image_bwd(const ConvTiles *t, int image, float *gw, float *gb, bool fresh)
{
    const KernelConv *v = t->v;
    tile_grad(&t->d, &v->grad, t->group * t->oc,
              (size_t)image * (size_t)(v->shape.oh * v->shape.ow));
    if (v->g_w)
        load_input(t, image);
    if (v->g_w || v->g_bias)
        weights_backward(t, gw, gb, fresh);
    for (int i = 0; v->dst && i < v->n_src; i++) {
        if (!v->dst[i].dx)
            continue;
        source_backward(t, i);
        if (t->sampled)
            store_sampled(t, i, image);
        else
            store_source(t, i, image);
    }
}

void dense_bwd(const KernelConv *all)
{
    KernelConv rest = *all;
    const KernelConv *v = &rest;
    const KernelShape *s = &v->shape;
    if (blas_conv_weights(all, streams_fwd))
        rest.g_w = NULL;
    const size_t count = (size_t)(s->k * s->k) * (size_t)(s->c / s->groups) * (size_t)s->oc;
    const size_t w = v->g_w ? kernel_round(count) : 0;
    const size_t stride = w + (v->g_bias ? kernel_round((size_t)s->oc) : 0);
    entry_share(&v->shape, KERNEL_GROUPS, v->work->threads);
#pragma omp parallel num_threads(v->work->threads)
    {
        ConvTiles t;
        tiles_init(&t, v, true);
        for (t.group = 0; t.group < s->groups; t.group++) {
            if (wants_dx(v))
                set_back_weights(&t);
#pragma omp for schedule(runtime) nowait
            for (int g = 0; g < KERNEL_GROUPS; g++) {
                float *gw = stride ? v->work->group + (size_t)g * stride : NULL;
                float *gb = v->g_bias ? gw + w : NULL;
                const int from = kernel_group(s->n, g), to = kernel_group(s->n, g + 1);
                if (stride && from == to)
                    memset(gw, 0, stride * sizeof(float));
                for (int image = from; image < to; image++)
                    conv_image_bwd(&t, image, gw, gb, image == from);
            }
        }
    }
    if (v->g_w)
        groups_sum(v->work->group, stride, KERNEL_GROUPS, count, v->g_w, v->work->threads);
    if (v->g_bias)
        groups_sum(v->work->group + w, stride, KERNEL_GROUPS, (size_t)s->oc, v->g_bias,
                   v->work->threads);
}
