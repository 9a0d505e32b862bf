// SPDX-License-Identifier: MIT
#include <omp.h>

#include "src/kernel/isa/entry.h"

// Units (depthwise, then pointwise) and depthwise alone. The bordered input of an image is made
// once and serves all units of the call; everything of one image stays in a thread's scratch.

// Tiles of one thread. The flat ones are the same memory seen as one row, as a pointwise
// convolution wants it.
typedef struct {
    const KernelUnits *u;
    Tile in, mid, mid_flat; // input, depthwise output
    Tile dy, dy_flat, d;    // backward: gradients of the outputs of pointwise and depthwise
    Tile dx;
    float *room, *room_pw; // padded copies of weights
} UnitTiles;

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

static int unit_width(const KernelShape *s)
{
    return width_of(s->c > s->oc ? s->c : s->oc);
}

static size_t round_to(int c, int vw)
{
    return (size_t)((c + vw - 1) / vw * vw);
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
    return c * (in_px + d_px + h_w + o_px) + oc * o_px + weights + 8 * 16;
}

static Window unit_window(const KernelUnits *u, int i)
{
    const KernelUnit *unit = &u->unit[i];
    return entry_window(&u->shape, unit->k, unit->dil, unit->pad_y, unit->pad_x);
}

// Lays out the tiles in this thread's scratch and clears the borders.
static void tiles_init(UnitTiles *t, const KernelUnits *u, bool backward)
{
    const KernelShape *s = &u->shape;
    const int vw = unit_width(s), pixels = s->oh * s->ow;
    float *at = u->work->tile + (size_t)omp_get_thread_num() * u->work->tile_floats;
    Border in = { 0 }, d = { 0 }, none = { 0 };
    for (int i = 0; i < u->n_units; i++) {
        Window win = unit_window(u, i);
        entry_border(&win, &in, backward ? &d : NULL);
    }
    t->u = u;
    at = tile_set(&t->in, at, vw, s->c, s->h, s->w, in);
    memset(t->in.data, 0, tile_size(&t->in) * sizeof(float));
    tile_set(&t->mid_flat, at, vw, s->c, 1, pixels, none);
    at = tile_set(&t->mid, at, vw, s->c, s->oh, s->ow, none);
    if (backward) {
        at = tile_set(&t->d, at, vw, s->c, s->oh, s->ow, d);
        memset(t->d.data, 0, tile_size(&t->d) * sizeof(float));
        tile_set(&t->dy_flat, at, vw, s->oc, 1, pixels, none);
        at = tile_set(&t->dy, at, vw, s->oc, s->oh, s->ow, none);
        at = tile_set(&t->dx, at, vw, s->c, s->h, s->w, none);
    }
    t->room = at;
    t->room_pw = at + kernel_round((size_t)(TAP_MAX * TAP_MAX) * round_to(s->c, vw));
}

static void run_depth(const UnitTiles *t, int i)
{
    const KernelUnit *unit = &t->u->unit[i];
    Window win = unit_window(t->u, i);
    Taps taps;
    taps_forward(&taps, &win);
    DepthJob job = {
        .in = &t->in,
        .out = &t->mid,
        .taps = &taps,
        .stride = 1,
        .ny = win.oh,
        .nx = win.ow,
    };
    job.w = weights_pad(unit->dw, (size_t)(unit->k * unit->k), t->in.c, (size_t)t->in.c, t->in.vw,
                        t->room, &job.w_ld);
    depth_run(&job);
}

static const Taps one_tap = { .k = 1, .step = 1, .n_ky = 1, .n_kx = 1 };

static void run_point(const UnitTiles *t, int i, int image)
{
    const KernelUnit *unit = &t->u->unit[i];
    const KernelShape *s = &t->u->shape;
    const int pixels = s->oh * s->ow;
    Segment seg = { 0, s->c, 0 };
    ConvJob job = {
        .in = &t->mid_flat,
        .seg = &seg,
        .n_seg = 1,
        .taps = &one_tap,
        .oc = s->oc,
        .ny = 1,
        .nx = pixels,
        .out = unit->y + (size_t)image * (size_t)pixels * (size_t)unit->y_ld,
        .px = (size_t)unit->y_ld,
        .block = (size_t)t->mid.vw,
    };
    job.w =
        weights_pad(unit->pw, (size_t)s->c, s->oc, (size_t)s->oc, t->mid.vw, t->room_pw, &job.w_ld);
    if (unit->stat) {
        job.sum = unit->stat + (size_t)image * 2 * (size_t)unit->stat_ld;
        job.sum_sq = job.sum + unit->stat_ld;
    }
    conv_run(&job);
}

void units_fwd(const KernelUnits *u)
{
#pragma omp parallel num_threads(u->work->threads)
    {
        UnitTiles t;
        tiles_init(&t, u, false);
#pragma omp for schedule(static)
        for (int image = 0; image < u->shape.n; image++) {
            tile_load(&t.in, &u->src, 0, image);
            for (int i = 0; i < u->n_units; i++) {
                run_depth(&t, i);
                run_point(&t, i, image);
            }
        }
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
#pragma omp parallel num_threads(u->work->threads)
    {
        UnitTiles t;
        tiles_init(&t, u, false);
#pragma omp for schedule(static)
        for (int image = 0; image < u->shape.n; image++) {
            tile_load(&t.in, &u->src, 0, image);
            for (int i = 0; i < u->n_units; i++) {
                run_depth(&t, i);
                depth_output(&t, i, image);
            }
        }
    }
}

// ---- backward ----------------------------------------------------------------------------------

// dD = dy W^T, into the bordered tile.
static void point_backward(const UnitTiles *t, const KernelUnit *unit)
{
    const KernelShape *s = &t->u->shape;
    Segment seg = { 0, s->oc, 0 };
    ConvJob job = {
        .in = &t->dy,
        .seg = &seg,
        .n_seg = 1,
        .taps = &one_tap,
        .oc = s->c,
        .ny = s->oh,
        .nx = s->ow,
        .out = tile_at(&t->d, 0),
        .px = (size_t)t->d.vw,
        .row = tile_row(&t->d),
        .block = tile_plane(&t->d),
        .whole = true,
    };
    job.w =
        weights_pad(unit->pw_t, (size_t)s->oc, s->c, (size_t)s->c, t->d.vw, t->room_pw, &job.w_ld);
    conv_run(&job);
}

static void point_grad(const UnitTiles *t, float *gw)
{
    const KernelShape *s = &t->u->shape;
    Segment seg = { 0, s->c, 0 };
    ConvGradJob job = {
        .in = &t->mid_flat,
        .d = &t->dy_flat,
        .seg = &seg,
        .n_seg = 1,
        .taps = &one_tap,
        .gw = gw,
        .w_ld = (size_t)s->oc,
        .oc = s->oc,
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
    DepthGradJob job = { .in = &t->in, .d = &t->d, .taps = &taps, .dil = win.dil, .gw = gw };
    depth_grad(&job);
}

// Floats of one group's weight gradients of unit i; *pw: where its pointwise ones start.
static size_t unit_weights(const KernelUnits *u, int i, size_t *pw)
{
    const KernelUnit *unit = &u->unit[i];
    *pw = unit->g_dw ? kernel_round((size_t)(unit->k * unit->k) * (size_t)u->shape.c) : 0;
    return *pw + (unit->g_pw ? kernel_round((size_t)u->shape.c * (size_t)u->shape.oc) : 0);
}

// One image of one unit; gw: the group's gradients of its weights.
static void unit_image(const UnitTiles *t, int i, int image, float *gw)
{
    const KernelUnit *unit = &t->u->unit[i];
    size_t pw_at;
    unit_weights(t->u, i, &pw_at);
    if (unit->pw) {
        tile_grad(&t->dy, &unit->grad, 0, image);
        if (unit->g_pw) {
            run_depth(t, i);
            point_grad(t, gw + pw_at);
        }
        if (t->u->dst.dx || unit->g_dw)
            point_backward(t, unit);
    } else {
        tile_grad(&t->d, &unit->grad, 0, image);
    }
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

static void finish_weights(const KernelUnits *u, size_t stride)
{
    const float *at = u->work->group;
    for (int i = 0; i < u->n_units; i++) {
        const KernelUnit *unit = &u->unit[i];
        size_t pw, size = unit_weights(u, i, &pw);
        if (unit->g_dw)
            kernel_sum_groups(at, stride, (size_t)(unit->k * unit->k) * (size_t)u->shape.c,
                              unit->g_dw, u->work->threads);
        if (unit->g_pw)
            kernel_sum_groups(at + pw, stride, (size_t)u->shape.c * (size_t)u->shape.oc, unit->g_pw,
                              u->work->threads);
        at += size;
    }
}

void units_bwd(const KernelUnits *u)
{
    size_t stride = 0, pw;
    for (int i = 0; i < u->n_units; i++)
        stride += unit_weights(u, i, &pw);
#pragma omp parallel num_threads(u->work->threads)
    {
        UnitTiles t;
        tiles_init(&t, u, true);
#pragma omp for schedule(static)
        for (int g = 0; g < KERNEL_GROUPS; g++) {
            float *gw = stride ? u->work->group + (size_t)g * stride : NULL;
            if (stride)
                memset(gw, 0, stride * sizeof(float));
            int to = kernel_group(u->shape.n, g + 1);
            for (int image = kernel_group(u->shape.n, g); image < to; image++)
                units_image(&t, image, gw);
        }
    }
    finish_weights(u, stride);
}

void depthwise_bwd(const KernelUnits *u)
{
    units_bwd(u);
}
