// SPDX-License-Identifier: MIT
#include <omp.h>

#include "src/kernel/isa/pack.h"
#include "src/kernel/isa/unit.h"
#include "src/kernel/isa/width.h"

// Units on tiles of several images. Small images cost little but what is done once a tile, and
// narrow ones fill the widest vector. A tile's images share a group of weight gradients and one
// row of sums.

enum { PACK_FLOATS = 4096, PACK_VECTORS = 8 }; // of a tile's block; of a pixel
enum { PACK_WINDOWS = 8 };                     // windows made once a call

// Tiles of one thread. Two views of the same memory: as images interleaved and as one long row.
typedef struct {
    const KernelUnits *u;
    int first, n;   // images in the tile
    int pitch;      // images there is room for: whole widest vectors
    int lanes;      // images in a widest vector
    Tile in, mid;   // h rows of w * pitch
    Tile dy, d, dx; // backward
    float *room, *acc, *room_pw;
    bool fresh;
    PackWindow cache[PACK_WINDOWS]; // of this call's windows
    int cached;
} PackTiles;

static int image_lanes(const KernelShape *s)
{
    return KERNEL_VL / unit_width(s);
}

int pack_images(const KernelShape *s)
{
    const int vw = unit_width(s), lanes = image_lanes(s), pixels = s->h * s->w;
    if (s->h > PACK_SIDE || s->w > PACK_SIDE || s->oh > PACK_SIDE || s->ow > PACK_SIDE)
        return 1;
    int vectors = PACK_VECTORS;
    while (vectors > 1 && pixels * vectors * lanes * vw > PACK_FLOATS)
        vectors /= 2;
    // One vector a pixel: tiles of an image with a border are as fast, unless it is very narrow.
    if (vectors == 1 && (lanes < 4 || s->stride > 1))
        return 1;
    return vectors * lanes;
}

static int round_pitch(int images, int lanes)
{
    return (images + lanes - 1) / lanes * lanes;
}

size_t pack_floats(const KernelShape *s)
{
    const int images = pack_images(s), vw = unit_width(s);
    const size_t c = round_to(s->c, vw), oc = round_to(s->oc, vw);
    const size_t in_px = (size_t)(s->h * s->w * images), o_px = (size_t)(s->oh * s->ow * images);
    const size_t wide = c > KERNEL_VL ? c : KERNEL_VL, taps = (size_t)(TAP_MAX * TAP_MAX);
    if (images == 1)
        return 0;
    return c * 2 * (in_px + o_px) + oc * o_px + taps * (wide + KERNEL_VL) + 2 * c * oc + 9 * 16;
}

// All of the tile as rows of pixels of all images.
static float *set_tile(Tile *t, float *at, const PackTiles *p, int c, int h, int w)
{
    return tile_set(t, at, unit_width(&p->u->shape), c, h, w * p->pitch, (Border){ 0 });
}

static void tiles_init(PackTiles *t, const KernelUnits *u, bool backward)
{
    const KernelShape *s = &u->shape;
    const int vw = unit_width(s), images = pack_images(s);
    const size_t wide = s->c > KERNEL_VL ? round_to(s->c, vw) : KERNEL_VL;
    float *at = u->work->tile + (size_t)omp_get_thread_num() * u->work->tile_floats;
    t->u = u;
    t->lanes = image_lanes(s);
    t->cached = 0;
    t->pitch = round_pitch(images < s->n ? images : s->n, t->lanes);
    at = set_tile(&t->in, at, t, s->c, s->h, s->w);
    at = set_tile(&t->mid, at, t, s->c, s->oh, s->ow);
    if (backward) {
        at = set_tile(&t->d, at, t, s->c, s->oh, s->ow);
        at = set_tile(&t->dy, at, t, s->oc, s->oh, s->ow);
        at = set_tile(&t->dx, at, t, s->c, s->h, s->w);
    }
    t->room = at;
    t->acc = t->room + kernel_round((size_t)(TAP_MAX * TAP_MAX) * wide);
    t->room_pw = t->acc + (size_t)(TAP_MAX * TAP_MAX) * KERNEL_VL;
}

// Tiles of a call.
static int tile_count(const KernelUnits *u)
{
    int images = pack_images(&u->shape);
    return (u->shape.n + images - 1) / images;
}

static void clear_tail(const Tile *t, int vw, int pitch, int used)
{
    for (size_t px = 0; used < pitch && px < tile_size(t); px += (size_t)(pitch * vw))
        memset(t->data + px + used * vw, 0, (size_t)((pitch - used) * vw) * sizeof(float));
}

// Images that a shorter last tile lacks count as zeros.
static void tile_begin(PackTiles *t, int index, bool backward)
{
    const int images = pack_images(&t->u->shape), left = t->u->shape.n - index * images;
    const bool shorter = left < t->pitch;
    t->first = index * images;
    t->n = left < images ? left : images;
    if (!shorter)
        return;
    clear_tail(&t->in, t->in.vw, t->pitch, t->n);
    if (backward)
        clear_tail(&t->dy, t->in.vw, t->pitch, t->n);
    if (backward)
        clear_tail(&t->d, t->in.vw, t->pitch, t->n);
}

// The images of a tile, the pixels of each in one row.
static Tile image_tile(const PackTiles *t, const Tile *all)
{
    Tile images = *all;
    images.px = (size_t)(t->pitch * all->vw);
    images.n = t->n;
    images.h = images.rows = 1;
    images.w = images.cols = all->rows * all->cols / t->pitch;
    return images;
}

static Tile flat_tile(const Tile *all)
{
    Tile flat = *all;
    flat.h = flat.rows = 1;
    flat.w = flat.cols = all->rows * all->cols;
    return flat;
}

// Pixels as rows, images as columns.
static Tile pixel_tile(const PackTiles *t, const Tile *all)
{
    Tile px = *all;
    px.h = px.rows = all->rows * all->cols / t->pitch;
    px.w = px.cols = t->pitch;
    return px;
}

static void load_images(const PackTiles *t)
{
    Tile in = image_tile(t, &t->in);
    tile_load(&in, &t->u->src, 0, t->first);
}

// ---- depthwise ---------------------------------------------------------------------------------

// Rows of weights as widest vectors: narrower ones once for every image of a vector.
static const float *wide_weights(const PackTiles *t, const KernelUnit *unit, size_t *ld)
{
    const int c = t->u->shape.c, vw = t->in.vw, taps = unit->k * unit->k;
    if (t->lanes == 1)
        return weights_pad(unit->dw, (size_t)taps, c, (size_t)c, vw, t->room, ld);
    for (int i = 0; i < taps; i++)
        pack_spread(unit->dw + i * c, c, vw, t->room + i * KERNEL_VL);
    *ld = KERNEL_VL;
    return t->room;
}

static int pixel_vectors(const PackTiles *t)
{
    return t->pitch / t->lanes;
}

static void run_window(const PackTiles *t, const KernelUnit *unit, const PackWindow *win,
                       const Tile *in, const Tile *out, bool add)
{
    PackJob job = { .win = win, .add = add };
    const float *w = wide_weights(t, unit, &job.w_ld);
    for (int b = 0; b < in->blocks; b++) {
        job.in = tile_at(in, b);
        job.out = tile_at(out, b);
        job.w = w + b * in->vw;
        pack_depth(&job);
    }
}

// Many units of a call have the same window.
static const PackWindow *find_window(PackTiles *t, int i, bool backward)
{
    const KernelUnit *unit = &t->u->unit[i];
    for (int j = 0; j < t->cached; j++) {
        const PackWindow *p = &t->cache[j];
        if (p->k == unit->k && p->y.dil == unit->dil && p->y.pad == unit->pad_y &&
            p->x.pad == unit->pad_x && p->backward == backward)
            return p;
    }
    Window win = unit_window(t->u, i);
    PackWindow *p = &t->cache[t->cached < PACK_WINDOWS ? t->cached++ : PACK_WINDOWS - 1];
    (backward ? pack_backward : pack_forward)(p, &win, pixel_vectors(t));
    return p;
}

static void run_depth(PackTiles *t, int i)
{
    const PackWindow *p = find_window(t, i, false);
    run_window(t, &t->u->unit[i], p, &t->in, &t->mid, false);
}

static void depth_backward(PackTiles *t, int i, bool add)
{
    const PackWindow *p = find_window(t, i, true);
    run_window(t, &t->u->unit[i], p, &t->d, &t->dx, add);
}

// Adds the images of a widest vector up.
static void fold_weights(const PackTiles *t, int block, int taps, float *gw)
{
    const int c = t->u->shape.c, vw = t->in.vw, c0 = block * vw;
    for (int i = 0; i < taps; i++)
        pack_fold(t->acc + i * KERNEL_VL, vw, gw + i * c + c0, c - c0, t->fresh);
}

static void depth_weights(PackTiles *t, int i, float *gw)
{
    const PackWindow *p = find_window(t, i, false);
    for (int b = 0; b < t->in.blocks; b++) {
        pack_grad(p, tile_at(&t->in, b), tile_at(&t->d, b), t->acc);
        fold_weights(t, b, p->k * p->k, gw);
    }
}

// ---- pointwise ---------------------------------------------------------------------------------

static const Taps one_tap = { .k = 1, .step = 1, .n_ky = 1, .n_kx = 1 };

// Sums of a tile lie in the row of its first image, the other rows are zero.
static float *tile_stat(const PackTiles *t, float *stat, int ld, int c)
{
    float *first = stat + (size_t)t->first * 2 * (size_t)ld;
    for (int row = 0; row < 2 * t->n; row++)
        memset(first + (size_t)row * (size_t)ld, 0, (size_t)c * sizeof(float));
    return first;
}

static void run_point(const PackTiles *t, int i)
{
    const KernelUnit *unit = &t->u->unit[i];
    const KernelShape *s = &t->u->shape;
    const size_t ld = (size_t)unit->y_ld, pixels = (size_t)(s->oh * s->ow);
    Tile mid = pixel_tile(t, &t->mid);
    Segment seg = { 0, s->c, 0 };
    ConvJob job = {
        .in = &mid,
        .seg = &seg,
        .n_seg = 1,
        .taps = &one_tap,
        .oc = s->oc,
        .ny = mid.h,
        .nx = t->n,
        .out = unit->y + (size_t)t->first * pixels * ld,
        .px = pixels * ld,
        .row = ld,
        .block = (size_t)mid.vw,
        .stream = entry_streams(s, unit->y, unit->y_ld, mid.vw, t->u->n_units),
    };
    job.w =
        weights_pad(unit->pw, (size_t)s->c, s->oc, (size_t)s->oc, mid.vw, t->room_pw, &job.w_ld);
    if (unit->stat) {
        job.sum = tile_stat(t, unit->stat, unit->stat_ld, s->oc);
        job.sum_sq = job.sum + unit->stat_ld;
    }
    conv_run(&job);
}

// dD = dy W^T
static void point_backward(const PackTiles *t, const KernelUnit *unit)
{
    const KernelShape *s = &t->u->shape;
    Tile dy = flat_tile(&t->dy);
    Segment seg = { 0, s->oc, 0 };
    ConvJob job = {
        .in = &dy,
        .seg = &seg,
        .n_seg = 1,
        .taps = &one_tap,
        .oc = s->c,
        .ny = 1,
        .nx = dy.w,
        .out = t->d.data,
        .px = (size_t)t->d.vw,
        .block = tile_plane(&t->d),
        .whole = true,
    };
    job.w =
        weights_pad(unit->pw_t, (size_t)s->oc, s->c, (size_t)s->c, t->d.vw, t->room_pw, &job.w_ld);
    conv_run(&job);
}

static void point_grad(const PackTiles *t, float *gw)
{
    const KernelShape *s = &t->u->shape;
    Tile mid = flat_tile(&t->mid), dy = flat_tile(&t->dy);
    Segment seg = { 0, s->c, 0 };
    ConvGradJob job = {
        .in = &mid,
        .d = &dy,
        .seg = &seg,
        .n_seg = 1,
        .taps = &one_tap,
        .gw = gw,
        .w_ld = (size_t)s->oc,
        .oc = s->oc,
        .fresh = t->fresh,
    };
    conv_grad(&job);
}

// ---- calls -------------------------------------------------------------------------------------

// Depthwise alone: the middle is the output.
static void store_mid(const PackTiles *t, int i)
{
    const KernelUnit *unit = &t->u->unit[i];
    KernelSrc none = { .c = t->mid.c, .pre = PRE_NONE };
    KernelDst dst = { .dx = unit->y, .ld = unit->y_ld };
    Tile images = image_tile(t, &t->mid), one = images;
    tile_store_dx(&images, 0, &none, &dst, t->first);
    for (int k = 0; k < t->n && unit->stat; k++, one.data += one.vw) {
        float *sum = unit->stat + (size_t)(t->first + k) * 2 * (size_t)unit->stat_ld;
        tile_moments(&one, sum, sum + unit->stat_ld);
    }
}

void pack_units_fwd(const KernelUnits *u)
{
    const int tiles = tile_count(u);
    entry_share(&u->shape, tiles, u->work->threads);
#pragma omp parallel num_threads(u->work->threads)
    {
        PackTiles t;
        tiles_init(&t, u, false);
#pragma omp for schedule(runtime)
        for (int tile = 0; tile < tiles; tile++) {
            tile_begin(&t, tile, false);
            load_images(&t);
            for (int i = 0; i < u->n_units; i++) {
                run_depth(&t, i);
                if (u->unit[i].pw)
                    run_point(&t, i);
                else
                    store_mid(&t, i);
            }
        }
        width_fence();
    }
}

static void make_grad(const PackTiles *t, const Tile *all, const KernelGrad *grad)
{
    const size_t pixels = (size_t)(t->u->shape.oh * t->u->shape.ow);
    Tile images = image_tile(t, all);
    tile_grad(&images, grad, 0, (size_t)t->first * pixels);
}

static void unit_backward(PackTiles *t, int i, float *gw)
{
    const KernelUnit *unit = &t->u->unit[i];
    size_t pw_at;
    unit_weights(t->u, i, &pw_at);
    if (!unit->pw) {
        make_grad(t, &t->d, &unit->grad);
    } else {
        make_grad(t, &t->dy, &unit->grad);
        if (unit->g_pw) {
            run_depth(t, i);
            point_grad(t, gw + pw_at);
        }
        if (t->u->dst.dx || unit->g_dw)
            point_backward(t, unit);
    }
    if (unit->g_dw)
        depth_weights(t, i, gw);
    if (t->u->dst.dx)
        depth_backward(t, i, i > 0);
}

static void tile_backward(PackTiles *t, float *gw)
{
    const KernelUnits *u = t->u;
    size_t pw;
    if (gw)
        load_images(t);
    for (int i = 0; i < u->n_units; i++) {
        unit_backward(t, i, gw);
        gw = gw ? gw + unit_weights(u, i, &pw) : NULL;
    }
    Tile dx = image_tile(t, &t->dx);
    if (u->dst.dx)
        tile_store_dx(&dx, 0, &u->src, &u->dst, t->first);
}

void pack_units_bwd(const KernelUnits *u)
{
    const int tiles = tile_count(u), groups = tiles < KERNEL_GROUPS ? tiles : KERNEL_GROUPS;
    const size_t stride = unit_group_floats(u);
    entry_share(&u->shape, groups, u->work->threads);
#pragma omp parallel num_threads(u->work->threads)
    {
        PackTiles t;
        tiles_init(&t, u, true);
#pragma omp for schedule(runtime)
        for (int g = 0; g < groups; g++) {
            float *gw = stride ? u->work->group + (size_t)g * stride : NULL;
            const int from = (int)((int64_t)tiles * g / groups);
            const int to = (int)((int64_t)tiles * (g + 1) / groups);
            for (int tile = from; tile < to; tile++) {
                t.fresh = tile == from;
                tile_begin(&t, tile, true);
                tile_backward(&t, gw);
            }
        }
    }
    unit_finish(u, groups);
}
