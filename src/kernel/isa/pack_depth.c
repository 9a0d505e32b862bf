// SPDX-License-Identifier: MIT
#include "src/kernel/isa/pack.h"

#define VW KERNEL_VL
#include "src/kernel/isa/width.h"

// Vectors in flight: two sets of what hides the latency where the registers hold them.
#define PACK_VECTORS (KERNEL_VL >= 16 ? 16 : 8)

// ---- axes --------------------------------------------------------------------------------------

// The taps of one output.
static PackRun forward_taps(const PackAxis *a, int o)
{
    const int first = o * a->stride - a->pad;
    PackRun r = { .at = o, .n = 1 };
    for (int k = 0; k < a->k; k++) {
        int i = first + k * a->dil;
        if (i < 0 || i >= a->in_size)
            continue;
        if (r.taps++ == 0) {
            r.from = k;
            r.src = i;
        }
    }
    return r;
}

// The taps that lead from one input to outputs; in_size counts outputs here.
static PackRun backward_taps(const PackAxis *a, int i)
{
    PackRun r = { .at = i, .n = 1 };
    for (int k = 0; k < a->k; k++) {
        int o = i + a->pad - k * a->dil;
        if (o < 0 || o % a->stride != 0 || o / a->stride >= a->in_size)
            continue;
        if (r.taps++ == 0) {
            r.from = k;
            r.src = o / a->stride;
        }
    }
    return r;
}

// Runs over outputs first, first + a->every, ... that see the same taps, each a->step inputs on.
static void join_runs(PackAxis *a, int first, int size, PackRun (*taps)(const PackAxis *, int))
{
    PackRun *last = NULL;
    for (int i = first; i < size; i += a->every) {
        PackRun r = taps(a, i);
        bool same =
            last && a->step > 0 && last->taps == r.taps &&
            (r.taps == 0 || (last->from == r.from && last->src + last->n * a->step == r.src));
        if (!same) {
            last = &a->run[a->n++];
            *last = r;
        } else {
            last->n++;
        }
    }
}

static PackAxis window_axis(const Window *win, int size, int pad)
{
    return (PackAxis){
        .in_size = size, .k = win->k, .dil = win->dil, .pad = pad, .stride = win->stride
    };
}

void pack_forward(PackWindow *p, const Window *win, int vectors)
{
    *p = (PackWindow){ .k = win->k, .vectors = vectors, .in_w = win->w, .out_w = win->ow };
    p->y = window_axis(win, win->h, win->pad_y);
    p->x = window_axis(win, win->w, win->pad_x);
    p->y.tap = p->x.tap = 1;
    p->y.src = p->x.src = win->dil;
    // A kernel steps over vectors, one or every second: of several a pixel only one.
    p->y.every = p->x.every = 1;
    p->y.step = win->stride;
    p->x.step = win->stride == 1 || (win->stride == 2 && vectors == 1) ? win->stride : 0;
    join_runs(&p->y, 0, win->oh, forward_taps);
    join_runs(&p->x, 0, win->ow, forward_taps);
}

void pack_backward(PackWindow *p, const Window *win, int vectors)
{
    *p = (PackWindow){
        .k = win->k, .vectors = vectors, .backward = true, .in_w = win->ow, .out_w = win->w
    };
    p->y = window_axis(win, win->oh, win->pad_y);
    p->x = window_axis(win, win->ow, win->pad_x);
    int tap = 1;
    while (tap * win->dil % win->stride != 0)
        tap++;
    p->y.tap = p->x.tap = tap;
    p->y.src = p->x.src = -(tap * win->dil / win->stride);
    // Rows a stride apart see the same taps; columns of several vectors are taken one by one.
    p->y.step = 1;
    p->x.step = win->stride == 1;
    p->y.every = win->stride;
    p->x.every = 1;
    for (int first = 0; first < win->stride; first++)
        join_runs(&p->y, first, win->h, backward_taps);
    join_runs(&p->x, 0, win->w, backward_taps);
}

// ---- sums over taps ----------------------------------------------------------------------------

// Where a run of rows by a run of columns lies, all distances in floats.
typedef struct {
    const float *in, *w;
    float *out;
    ptrdiff_t in_row, out_row; // from an output row to the next
    ptrdiff_t in_y, in_x;      // from a tap to the next
    ptrdiff_t w_y, w_x;
    int n_y, n_x; // taps
    bool add;
} PackArea;

// R rows of P vectors.
INLINE void area_vectors(const PackArea *a, const float *in, float *out, const int P, const int R,
                         const int IS)
{
    V acc[16];
    UNROLL(16)
    for (int p = 0; p < R * P; p++)
        acc[p] = (V){ 0 };
    const float *w = a->w;
    for (int i = 0; i < a->n_y; i++, in += a->in_y, w += a->w_y) {
        const float *at = in, *wt = w;
        for (int j = 0; j < a->n_x; j++, at += a->in_x, wt += a->w_x) {
            const float *from = at;
            V wv = AT_WIDTH(loadu)(wt);
            UNROLL(16)
            for (int r = 0; r < R; r++) {
                OPAQUE(from);
                UNROLL(16)
                for (int p = 0; p < P; p++)
                    acc[r * P + p] += wv * AT_WIDTH(load)(from + p * IS * VW);
                from += a->in_row;
            }
        }
    }
    UNROLL(16)
    for (int r = 0; r < R; r++, out += a->out_row) {
        OPAQUE(out);
        UNROLL(16)
        for (int p = 0; p < P; p++) {
            V sum = acc[r * P + p];
            if (a->add)
                sum += AT_WIDTH(load)(out + p * VW);
            AT_WIDTH(store)(out + p * VW, sum);
        }
    }
}

// Rows [y, rows) in steps of R; returns the first row left over.
INLINE int area_rows(const PackArea *a, int y, int rows, int v, const int P, const int R,
                     const int IS)
{
    const float *in = a->in + y * a->in_row + (ptrdiff_t)v * IS * VW;
    float *out = a->out + y * a->out_row + (ptrdiff_t)v * VW;
    for (; y + R <= rows; y += R, in += R * a->in_row, out += R * a->out_row)
        area_vectors(a, in, out, P, R, IS);
    return y;
}

// Vectors [v, width) in steps of P; returns the first vector left over.
INLINE int area_columns(const PackArea *a, int rows, int v, int width, const int P, const int IS)
{
    const int R = PACK_VECTORS / P;
    for (; v + P <= width; v += P) {
        int y = area_rows(a, 0, rows, v, P, R, IS);
        if (R > 8)
            y = area_rows(a, y, rows, v, P, 8, IS);
        if (R > 4)
            y = area_rows(a, y, rows, v, P, 4, IS);
        if (R > 2)
            y = area_rows(a, y, rows, v, P, 2, IS);
        area_rows(a, y, rows, v, P, 1, IS);
    }
    return v;
}

#define COLUMNS(P, IS)                                                                             \
    static __attribute__((noinline)) int columns_##P##_s##IS(const PackArea *a, int rows, int v,   \
                                                             int width)                            \
    {                                                                                              \
        return area_columns(a, rows, v, width, P, IS);                                             \
    }
#if KERNEL_VL >= 16
COLUMNS(16, 1)
COLUMNS(16, 2)
#endif
COLUMNS(8, 1)
COLUMNS(4, 1)
COLUMNS(2, 1)
COLUMNS(1, 1)
COLUMNS(8, 2)
COLUMNS(4, 2)
COLUMNS(2, 2)
#undef COLUMNS

static void area_run(const PackArea *a, int rows, int width, int step)
{
    int v = 0;
    if (step == 2) {
#if KERNEL_VL >= 16
        v = columns_16_s2(a, rows, v, width);
#endif
        v = v + 8 <= width ? columns_8_s2(a, rows, v, width) : v;
        v = v + 4 <= width ? columns_4_s2(a, rows, v, width) : v;
        v = v + 2 <= width ? columns_2_s2(a, rows, v, width) : v;
        if (v < width) {
            PackArea last = *a;
            last.in += v * 2 * VW;
            last.out += v * VW;
            columns_1_s1(&last, rows, 0, 1);
        }
        return;
    }
#if KERNEL_VL >= 16
    v = columns_16_s1(a, rows, v, width);
#endif
    v = v + 8 <= width ? columns_8_s1(a, rows, v, width) : v;
    v = v + 4 <= width ? columns_4_s1(a, rows, v, width) : v;
    v = v + 2 <= width ? columns_2_s1(a, rows, v, width) : v;
    if (v < width)
        columns_1_s1(a, rows, v, width);
}

void pack_depth(const PackJob *job)
{
    const PackWindow *p = job->win;
    const ptrdiff_t px = (ptrdiff_t)p->vectors * VW, w_ld = (ptrdiff_t)job->w_ld;
    PackArea a = { .in_row = p->y.step * p->in_w * px,
                   .out_row = p->y.every * p->out_w * px,
                   .in_y = p->y.src * p->in_w * px,
                   .in_x = p->x.src * px,
                   .w_y = p->y.tap * p->k * w_ld,
                   .w_x = p->x.tap * w_ld,
                   .add = job->add };
    for (int i = 0; i < p->y.n; i++) {
        const PackRun *y = &p->y.run[i];
        a.n_y = y->taps;
        for (int j = 0; j < p->x.n; j++) {
            const PackRun *x = &p->x.run[j];
            a.n_x = x->taps;
            a.in = job->in + (y->src * p->in_w + x->src) * px;
            a.out = job->out + (y->at * p->out_w + x->at) * px;
            a.w = job->w + (y->from * p->k + x->from) * w_ld;
            area_run(&a, y->n, x->n * p->vectors, x->n > 1 ? p->x.step : 1);
        }
    }
}

// ---- gradient of the weights -------------------------------------------------------------------

// One row of taps over one run of columns.
typedef struct {
    const float *in, *d;
    ptrdiff_t in_row, d_row; // from an output row to the next
    ptrdiff_t tap;           // from a tap's input to the next's
    int rows, width;         // width: vectors
    float *acc;              // of the first tap, added to
} GradArea;

// N taps; S sets of accumulators for neighbouring vectors hide the latency.
INLINE void grad_taps(const GradArea *g, const int N, const int S, const int IS)
{
    V acc[20];
    UNROLL(20)
    for (int q = 0; q < S * N; q++)
        acc[q] = (V){ 0 };
    const float *d_row = g->d, *in_row = g->in;
    const ptrdiff_t tap = g->tap;
    for (int y = 0; y < g->rows; y++, d_row += g->d_row, in_row += g->in_row) {
        const float *d = d_row, *in = in_row;
        int v = 0;
        for (; v + S <= g->width; v += S, d += S * VW, in += S * IS * VW) {
            UNROLL(4)
            for (int s = 0; s < S; s++) {
                V dv = AT_WIDTH(load)(d + s * VW);
                UNROLL(5)
                for (int q = 0; q < N; q++)
                    acc[s * N + q] += dv * AT_WIDTH(load)(in + q * tap + s * IS * VW);
            }
        }
        for (; v < g->width; v++, d += VW, in += IS * VW) {
            V dv = AT_WIDTH(load)(d);
            UNROLL(5)
            for (int q = 0; q < N; q++)
                acc[q] += dv * AT_WIDTH(load)(in + q * tap);
        }
    }
    UNROLL(5)
    for (int q = 0; q < N; q++) {
        V sum = AT_WIDTH(load)(g->acc + q * VW);
        UNROLL(4)
        for (int s = 0; s < S; s++)
            sum += acc[s * N + q];
        AT_WIDTH(store)(g->acc + q * VW, sum);
    }
}

#define SETS(N) (KERNEL_VL >= 16 || (N) < 3 ? 4 : 2)
#define GRAD(N, IS)                                                                                \
    static __attribute__((noinline)) void grad_##N##_s##IS(const GradArea *g)                      \
    {                                                                                              \
        grad_taps(g, N, SETS(N), IS);                                                              \
    }
GRAD(1, 1)
GRAD(2, 1)
GRAD(3, 1)
GRAD(4, 1)
GRAD(5, 1)
GRAD(1, 2)
GRAD(2, 2)
GRAD(3, 2)
GRAD(4, 2)
GRAD(5, 2)
#undef GRAD
#undef SETS

enum { GRAD_TAPS = 5 };
typedef void GradKernel(const GradArea *);

static void grad_run(GradArea g, int taps, int step)
{
    static GradKernel *const kernels[2][GRAD_TAPS] = {
        { grad_1_s1, grad_2_s1, grad_3_s1, grad_4_s1, grad_5_s1 },
        { grad_1_s2, grad_2_s2, grad_3_s2, grad_4_s2, grad_5_s2 },
    };
    while (taps > 0) {
        int n = taps <= GRAD_TAPS ? taps : 4;
        kernels[step - 1][n - 1](&g);
        taps -= n;
        g.in += n * g.tap;
        g.acc += n * VW;
    }
}

// Output rows whose source row under tap ky is inside the image.
static void tap_outputs(const PackAxis *y, int ky, int *from, int *to)
{
    *from = *to = 0;
    for (int i = 0; i < y->n; i++) {
        const PackRun *r = &y->run[i];
        if (ky < r->from || ky >= r->from + r->taps)
            continue;
        *from = *to == 0 ? r->at : *from;
        *to = r->at + r->n;
    }
}

void pack_grad(const PackWindow *p, const float *in, const float *d, float *acc)
{
    const ptrdiff_t px = (ptrdiff_t)p->vectors * VW;
    memset(acc, 0, (size_t)(p->k * p->k) * VW * sizeof *acc);
    for (int ky = 0; ky < p->k; ky++) {
        int from, to;
        tap_outputs(&p->y, ky, &from, &to);
        const int row = from * p->y.stride + ky * p->y.dil - p->y.pad;
        for (int j = 0; j < p->x.n && to > from; j++) {
            const PackRun *x = &p->x.run[j];
            GradArea g = { .in = in + (row * p->in_w + x->src) * px,
                           .d = d + (from * p->out_w + x->at) * px,
                           .in_row = p->y.stride * p->in_w * px,
                           .d_row = p->out_w * px,
                           .tap = p->x.src * px,
                           .rows = to - from,
                           .width = x->n * p->vectors,
                           .acc = acc + (ky * p->k + x->from) * VW };
            grad_run(g, x->taps, x->n > 1 && p->x.step == 2 ? 2 : 1);
        }
    }
}

// ---- narrow blocks -----------------------------------------------------------------------------

void pack_spread(const float *from, int c, int vw, float *to)
{
    const int n = c < vw ? c : vw;
    memset(to, 0, (size_t)vw * sizeof *to);
    memcpy(to, from, (size_t)n * sizeof *to);
    for (int l = vw; l < KERNEL_VL; l += vw)
        memcpy(to + l, to, (size_t)vw * sizeof *to);
}

void pack_fold(const float *wide, int vw, float *to, int c, bool fresh)
{
    if (vw == KERNEL_VL) {
        V sum = AT_WIDTH(load)(wide);
        if (!fresh)
            sum += AT_WIDTH(load_part)(to, c);
        AT_WIDTH(store_part)(to, sum, c);
        return;
    }
    for (int q = 0; q < vw && q < c; q++) {
        float sum = fresh ? 0 : to[q];
        for (int l = q; l < KERNEL_VL; l += vw)
            sum += wide[l];
        to[q] = sum;
    }
}
