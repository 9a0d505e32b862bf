// SPDX-License-Identifier: MIT
#include <omp.h>

#include "src/kernel/isa/unit.h"
#include "src/kernel/isa/width.h"

// Units (depthwise, then pointwise) and depthwise alone. The bordered input of an image is made
// once and serves all units of the call; everything of one image stays in a thread's scratch. What
// lies between depthwise and pointwise is made strip by strip, so that it never leaves L1.

// Tiles of one thread.
typedef struct {
    const KernelUnits *u;
    Tile in, mid; // input; depthwise output (a strip of it where a pointwise convolution follows)
    Tile dy, d;   // backward: gradients of the outputs of pointwise (a strip) and depthwise
    Tile dx;
    int strip;             // rows
    float *room, *room_pw; // padded copies of weights
    bool fresh;            // the group's gradients are not begun
} UnitTiles;

// Output rows [from, from + rows) of image `image`.
typedef struct {
    int image, from, rows;
} Strip;

enum { STRIP_FLOATS = 4096 }; // 16 KB of depthwise output a strip

void entry_border(const Window *win, Border *in, Border *d)
{
    Taps taps;
    taps_forward(&taps, win);
    taps_border(in, &taps, win->oh, win->ow, win->h, win->w);
    for (int py = 0; d && py < win->stride && py < win->h; py++) {
        for (int px = 0; px < win->stride && px < win->w; px++) {
            int ny = phase_count(win->h, py, win->stride),
                nx = phase_count(win->w, px, win->stride);
            taps_backward(&taps, win, py, px);
            taps_border(d, &taps, ny, nx, win->oh, win->ow);
        }
    }
}

int unit_width(const KernelShape *s)
{
    return width_of(s->c > s->oc ? s->c : s->oc);
}

size_t unit_floats(const KernelShape *s)
{
    Window win = entry_window(s, s->k, s->dil, s->pad_y, s->pad_x);
    Border in = { 0 }, d = { 0 };
    entry_border(&win, &in, &d);
    int reach = border_reach(&in) > border_reach(&d) ? border_reach(&in) : border_reach(&d);
    int vw = unit_width(s), m = 2 * reach;
    size_t c = round_to(s->c, vw), oc = round_to(s->oc, vw);
    size_t in_px = (size_t)(s->h + m) * (size_t)(s->w + m);
    size_t d_px = (size_t)(s->oh + m) * (size_t)(s->ow + m);
    size_t h_w = (size_t)s->h * (size_t)s->w, o_px = (size_t)s->oh * (size_t)s->ow;
    size_t weights = (size_t)(TAP_MAX * TAP_MAX) * c + 2 * c * oc;
    size_t floats = c * (in_px + d_px + h_w + o_px) + oc * o_px + weights + 8 * 16;
    size_t packed = pack_floats(s);
    return packed > floats ? packed : floats;
}

static int strip_rows(const KernelUnits *u, const Tile *mid)
{
    int rows = (int)(STRIP_FLOATS / ((size_t)mid->blocks * tile_row(mid)));
    rows = rows < 2 ? 2 : rows / 2 * 2;
    return !u->unit->pw || rows > u->shape.oh ? u->shape.oh : rows;
}

// The strip's part of a dense tile, as rows and as one long row.
static Tile strip_tile(const Tile *t, const Strip *s, bool flat)
{
    Tile part = *t;
    part.h = part.rows = flat ? 1 : s->rows;
    part.w = part.cols = flat ? s->rows * t->w : t->w;
    return part;
}

Window unit_window(const KernelUnits *u, int i)
{
    const KernelUnit *unit = &u->unit[i];
    return entry_window(&u->shape, unit->k, unit->dil, unit->pad_y, unit->pad_x);
}

// Lays out the tiles in this thread's scratch and clears the borders.
static void tiles_init(UnitTiles *t, const KernelUnits *u, bool backward)
{
    const KernelShape *s = &u->shape;
    const int vw = unit_width(s);
    float *at = u->work->tile + (size_t)omp_get_thread_num() * u->work->tile_floats;
    Border in = { 0 }, d = { 0 }, none = { 0 };
    for (int i = 0; i < u->n_units; i++) {
        Window win = unit_window(u, i);
        entry_border(&win, &in, backward ? &d : NULL);
    }
    t->u = u;
    at = tile_set(&t->in, at, vw, s->c, s->h, s->w, in);
    memset(t->in.data, 0, tile_size(&t->in) * sizeof(float));
    at = tile_set(&t->mid, at, vw, s->c, s->oh, s->ow, none);
    if (backward) {
        at = tile_set(&t->d, at, vw, s->c, s->oh, s->ow, d);
        memset(t->d.data, 0, tile_size(&t->d) * sizeof(float));
        at = tile_set(&t->dy, at, vw, s->oc, s->oh, s->ow, none);
        at = tile_set(&t->dx, at, vw, s->c, s->h, s->w, none);
    }
    t->strip = strip_rows(u, &t->mid);
    t->room = at;
    t->room_pw = at + kernel_round((size_t)(TAP_MAX * TAP_MAX) * round_to(s->c, vw));
}

static void run_depth(const UnitTiles *t, int i, const Strip *strip)
{
    const KernelUnit *unit = &t->u->unit[i];
    Window win = unit_window(t->u, i);
    Taps taps;
    taps_forward(&taps, &win);
    Tile mid = strip_tile(&t->mid, strip, false);
    DepthJob job = {
        .in = &t->in,
        .out = &mid,
        .taps = &taps,
        .stride = 1,
        .from = strip->from,
        .ny = strip->rows,
        .nx = win.ow,
    };
    job.w = weights_pad(unit->dw, (size_t)(unit->k * unit->k), t->in.c, (size_t)t->in.c, t->in.vw,
                        t->room, &job.w_ld);
    depth_run(&job);
}

static const Taps one_tap = { .k = 1, .step = 1, .n_ky = 1, .n_kx = 1 };

// Pixels of a batch before the strip.
static size_t strip_pixel(const KernelShape *s, const Strip *strip)
{
    return ((size_t)strip->image * (size_t)s->oh + (size_t)strip->from) * (size_t)s->ow;
}

static void run_point(const UnitTiles *t, int i, const Strip *strip)
{
    const KernelUnit *unit = &t->u->unit[i];
    const KernelShape *s = &t->u->shape;
    Tile mid = strip_tile(&t->mid, strip, true);
    Segment seg = { 0, s->c, 0 };
    ConvJob job = {
        .in = &mid,
        .seg = &seg,
        .n_seg = 1,
        .taps = &one_tap,
        .oc = s->oc,
        .ny = 1,
        .nx = mid.w,
        .out = unit->y + strip_pixel(s, strip) * (size_t)unit->y_ld,
        .px = (size_t)unit->y_ld,
        .block = (size_t)t->mid.vw,
        .stream = entry_streams(s, unit->y, unit->y_ld, t->mid.vw, t->u->n_units),
    };
    job.w =
        weights_pad(unit->pw, (size_t)s->c, s->oc, (size_t)s->oc, t->mid.vw, t->room_pw, &job.w_ld);
    if (unit->stat) {
        job.sum = unit->stat + (size_t)strip->image * 2 * (size_t)unit->stat_ld;
        job.sum_sq = job.sum + unit->stat_ld;
    }
    if (unit->stat && strip->from == 0) {
        memset(job.sum, 0, (size_t)s->oc * sizeof(float));
        memset(job.sum_sq, 0, (size_t)s->oc * sizeof(float));
    }
    conv_run(&job);
}

static Strip next_strip(const UnitTiles *t, int image, int from)
{
    int left = t->u->shape.oh - from;
    return (Strip){ image, from, left < t->strip ? left : t->strip };
}

void units_fwd(const KernelUnits *u)
{
    if (pack_images(&u->shape) > 1) {
        pack_units_fwd(u);
        return;
    }
    entry_share(&u->shape, u->shape.n, u->work->threads);
#pragma omp parallel num_threads(u->work->threads)
    {
        UnitTiles t;
        tiles_init(&t, u, false);
#pragma omp for schedule(runtime)
        for (int image = 0; image < u->shape.n; image++) {
            tile_load(&t.in, &u->src, 0, image);
            for (int i = 0; i < u->n_units; i++) {
                for (int y = 0; y < u->shape.oh; y += t.strip) {
                    Strip strip = next_strip(&t, image, y);
                    run_depth(&t, i, &strip);
                    run_point(&t, i, &strip);
                }
            }
        }
        width_fence();
    }
}

static void depth_output(const UnitTiles *t, int i, int image)
{
    const KernelUnit *unit = &t->u->unit[i];
    KernelSrc none = { .c = t->mid.c, .pre = PRE_NONE };
    KernelDst dst = { .dx = unit->y, .ld = unit->y_ld };
    tile_store_dx(&t->mid, 0, &none, &dst, image);
    if (!unit->stat)
        return;
    float *sum = unit->stat + (size_t)image * 2 * (size_t)unit->stat_ld;
    tile_moments(&t->mid, sum, sum + unit->stat_ld);
}

void depthwise_fwd(const KernelUnits *u)
{
    if (pack_images(&u->shape) > 1) {
        pack_units_fwd(u);
        return;
    }
    entry_share(&u->shape, u->shape.n, u->work->threads);
#pragma omp parallel num_threads(u->work->threads)
    {
        UnitTiles t;
        tiles_init(&t, u, false);
#pragma omp for schedule(runtime)
        for (int image = 0; image < u->shape.n; image++) {
            tile_load(&t.in, &u->src, 0, image);
            for (int i = 0; i < u->n_units; i++) {
                Strip whole = { image, 0, u->shape.oh };
                run_depth(&t, i, &whole);
                depth_output(&t, i, image);
            }
        }
    }
}

// ---- backward ----------------------------------------------------------------------------------

// dD = dy W^T, into the bordered tile.
static void point_backward(const UnitTiles *t, const KernelUnit *unit, const Strip *strip)
{
    const KernelShape *s = &t->u->shape;
    Tile dy = strip_tile(&t->dy, strip, false);
    Segment seg = { 0, s->oc, 0 };
    ConvJob job = {
        .in = &dy,
        .seg = &seg,
        .n_seg = 1,
        .taps = &one_tap,
        .oc = s->c,
        .ny = strip->rows,
        .nx = s->ow,
        .out = tile_at(&t->d, 0) + (size_t)strip->from * tile_row(&t->d),
        .px = (size_t)t->d.vw,
        .row = tile_row(&t->d),
        .block = tile_plane(&t->d),
        .whole = true,
    };
    job.w =
        weights_pad(unit->pw_t, (size_t)s->oc, s->c, (size_t)s->c, t->d.vw, t->room_pw, &job.w_ld);
    conv_run(&job);
}

static void point_grad(const UnitTiles *t, const Strip *strip, float *gw)
{
    const KernelShape *s = &t->u->shape;
    Tile mid = strip_tile(&t->mid, strip, true), dy = strip_tile(&t->dy, strip, true);
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
        .fresh = t->fresh && strip->from == 0,
    };
    conv_grad(&job);
}

// dx (+)= gradient through the depthwise convolution, one phase of the stride at a time.
static void depth_backward(const UnitTiles *t, int i, bool add)
{
    const KernelUnit *unit = &t->u->unit[i];
    Window win = unit_window(t->u, i);
    Taps taps;
    DepthJob job = { .in = &t->d, .out = &t->dx, .taps = &taps, .stride = win.stride, .add = add };
    job.w = weights_pad(unit->dw, (size_t)(unit->k * unit->k), t->d.c, (size_t)t->d.c, t->d.vw,
                        t->room, &job.w_ld);
    for (int py = 0; py < win.stride; py++) {
        for (int px = 0; px < win.stride; px++) {
            taps_backward(&taps, &win, py, px);
            job.y0 = py;
            job.x0 = px;
            job.ny = phase_count(win.h, py, win.stride);
            job.nx = phase_count(win.w, px, win.stride);
            depth_run(&job);
        }
    }
}

static void depth_weights(const UnitTiles *t, int i, float *gw)
{
    Window win = unit_window(t->u, i);
    Taps taps;
    taps_forward(&taps, &win);
    DepthGradJob job = {
        .in = &t->in, .d = &t->d, .taps = &taps, .dil = win.dil, .gw = gw, .fresh = t->fresh
    };
    depth_grad(&job);
}

size_t unit_weights(const KernelUnits *u, int i, size_t *pw)
{
    const KernelUnit *unit = &u->unit[i];
    *pw = unit->g_dw ? kernel_round((size_t)(unit->k * unit->k) * (size_t)u->shape.c) : 0;
    return *pw + (unit->g_pw ? kernel_round((size_t)u->shape.c * (size_t)u->shape.oc) : 0);
}

// dy, dD and the pointwise weights, strip by strip.
static void point_image(const UnitTiles *t, int i, int image, float *g_pw)
{
    const KernelUnit *unit = &t->u->unit[i];
    for (int y = 0; y < t->u->shape.oh; y += t->strip) {
        Strip strip = next_strip(t, image, y);
        Tile dy = strip_tile(&t->dy, &strip, false);
        tile_grad(&dy, &unit->grad, 0, strip_pixel(&t->u->shape, &strip));
        if (g_pw) {
            run_depth(t, i, &strip);
            point_grad(t, &strip, g_pw);
        }
        if (t->u->dst.dx || unit->g_dw)
            point_backward(t, unit, &strip);
    }
}

// One image of one unit; gw: the group's gradients of its weights.
static void unit_image(const UnitTiles *t, int i, int image, float *gw)
{
    const KernelUnit *unit = &t->u->unit[i];
    const KernelShape *s = &t->u->shape;
    size_t pw_at;
    unit_weights(t->u, i, &pw_at);
    if (unit->pw)
        point_image(t, i, image, unit->g_pw ? gw + pw_at : NULL);
    else
        tile_grad(&t->d, &unit->grad, 0, (size_t)image * (size_t)(s->oh * s->ow));
    if (unit->g_dw)
        depth_weights(t, i, gw);
    if (t->u->dst.dx)
        depth_backward(t, i, i > 0);
}

static void units_image(const UnitTiles *t, int image, float *gw)
{
    const KernelUnits *u = t->u;
    size_t pw;
    if (gw)
        tile_load(&t->in, &u->src, 0, image);
    for (int i = 0; i < u->n_units; i++) {
        unit_image(t, i, image, gw);
        size_t count = unit_weights(u, i, &pw);
        gw = gw ? gw + count : NULL;
    }
    if (u->dst.dx)
        tile_store_dx(&t->dx, 0, &u->src, &u->dst, image);
}

size_t unit_group_floats(const KernelUnits *u)
{
    size_t sum = 0, pw;
    for (int i = 0; i < u->n_units; i++)
        sum += unit_weights(u, i, &pw);
    return sum;
}

void unit_finish(const KernelUnits *u, int groups)
{
    const size_t stride = unit_group_floats(u);
    const float *at = u->work->group;
    for (int i = 0; i < u->n_units; i++) {
        const KernelUnit *unit = &u->unit[i];
        size_t pw, size = unit_weights(u, i, &pw);
        if (unit->g_dw)
            groups_sum(at, stride, groups, (size_t)(unit->k * unit->k) * (size_t)u->shape.c,
                       unit->g_dw, u->work->threads);
        if (unit->g_pw)
            groups_sum(at + pw, stride, groups, (size_t)u->shape.c * (size_t)u->shape.oc,
                       unit->g_pw, u->work->threads);
        at += size;
    }
}

void units_bwd(const KernelUnits *u)
{
    if (pack_images(&u->shape) > 1) {
        pack_units_bwd(u);
        return;
    }
    const size_t stride = unit_group_floats(u);
    entry_share(&u->shape, KERNEL_GROUPS, u->work->threads);
#pragma omp parallel num_threads(u->work->threads)
    {
        UnitTiles t;
        tiles_init(&t, u, true);
#pragma omp for schedule(runtime)
        for (int g = 0; g < KERNEL_GROUPS; g++) {
            float *gw = stride ? u->work->group + (size_t)g * stride : NULL;
            const int from = kernel_group(u->shape.n, g), to = kernel_group(u->shape.n, g + 1);
            if (stride && from == to)
                memset(gw, 0, stride * sizeof(float));
            for (int image = from; image < to; image++) {
                t.fresh = image == from;
                units_image(&t, image, gw);
            }
        }
    }
    unit_finish(u, KERNEL_GROUPS);
}

void depthwise_bwd(const KernelUnits *u)
{
    units_bwd(u);
}
