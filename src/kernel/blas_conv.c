// SPDX-License-Identifier: MIT
#include "src/kernel/blas.h"

#include <string.h>

// Weight gradient of a dense convolution of stride 1 with "same" padding, over the whole batch at
// once. Input and dy of all images are laid out as rows of pixels with p zeros behind every line
// and p zero lines behind every image, p the reach of the window:
//
//   x x x 0      a pixel's neighbour at (dy, dx) is dy * (w + p) + dx rows further, whatever the
//   x x x 0      pixel: beyond a border it is one of the zeros, so that every tap of the window is
//   x x x 0      one product x[rows + shift]^T dy[rows] over all rows of the batch
//   0 0 0 0
//
// Jobs are (tap, 128 input channels), fixed whatever the number of threads.

// Weights from which on it pays: always, and where the batch has few pixels.
enum { WIDE = 1 << 18, WIDE_SMALL = 1 << 14, FEW_PIXELS = 2048, JOB_CHANNELS = 128 };

typedef struct {
    const KernelConv *v;
    BlasMix mix;
    int p, line, image, rows, margin; // reach; rows of a line, an image, the batch; zeros around x
    float *x, *dy;                    // [margin + rows + margin][c], [rows][oc]
    float *dense;                     // [n][h * w][c or oc], where p > 0
    float *vec;                       // [terms + 1][oc]
} Layout;

static bool is_same(const KernelShape *s)
{
    int reach = s->dil * (s->k - 1) / 2;
    return s->groups == 1 && s->stride == 1 && s->k % 2 == 1 && s->oh == s->h && s->ow == s->w &&
           s->pad_y == reach && s->pad_x == reach;
}

static bool pays(const KernelShape *s)
{
    int64_t weights = (int64_t)(s->k * s->k) * s->c * s->oc, pixels = (int64_t)s->n * s->h * s->w;
    return s->c >= 64 && s->oc >= 64 && weights >= (pixels <= FEW_PIXELS ? WIDE_SMALL : WIDE);
}

static bool lay_out(Layout *l, const KernelConv *v, BlasMix mix)
{
    const KernelShape *s = &v->shape;
    if (!pays(s) || !is_same(s))
        return false;
    *l = (Layout){ .v = v, .mix = mix, .p = s->dil * (s->k - 1) / 2 };
    l->line = s->w + l->p;
    l->image = (s->h + l->p) * l->line;
    l->margin = l->p * l->line + l->p;
    if ((int64_t)s->n * l->image > 1 << 26)
        return false;
    l->rows = s->n * l->image;
    size_t c = (size_t)s->c, oc = (size_t)s->oc, pixels = (size_t)s->n * (size_t)(s->h * s->w);
    size_t x = kernel_round((size_t)(2 * l->margin + l->rows) * c);
    size_t dy = kernel_round((size_t)l->rows * oc);
    size_t dense = l->p > 0 ? kernel_round(pixels * (c > oc ? c : oc)) : 0;
    size_t vec = (size_t)(v->grad.n + 1) * oc;
    l->x = v->work->group;
    l->dy = l->x + x;
    l->dense = l->dy + dy;
    l->vec = l->dense + dense;
    return x + dy + dense + vec <= KERNEL_GROUPS * kernel_round((size_t)(s->k * s->k) * c * oc);
}

// Pixels of all images from [h][w][c] into lines with zeros behind them.
static void spread(const Layout *l, int c, float *to)
{
    const KernelShape *s = &l->v->shape;
    size_t pixels = (size_t)s->w * (size_t)c, line = (size_t)l->line * (size_t)c;
#pragma omp parallel for schedule(static) num_threads(l->v->work->threads)
    for (int i = 0; i < s->n; i++) {
        const float *from = l->dense + (size_t)i * (size_t)s->h * pixels;
        float *out = to + (size_t)(i * l->image) * (size_t)c;
        for (int y = 0; y < s->h; y++, from += pixels, out += line) {
            memcpy(out, from, pixels * sizeof *out);
            memset(out + pixels, 0, (line - pixels) * sizeof *out);
        }
        memset(out, 0, (size_t)l->p * line * sizeof *out);
    }
}

// Sum of streams of the whole batch into out, channels c of ld.
static void load(const Layout *l, KernelMix m, float *out, int ld)
{
    const KernelShape *s = &l->v->shape;
    m.n = s->n;
    m.hw = s->h * s->w;
    m.out = out;
    m.out_ld = ld;
    m.work = l->v->work;
    l->mix(&m);
}

static void load_input(const Layout *l)
{
    const KernelConv *v = l->v;
    size_t c = (size_t)v->shape.c, margin = (size_t)l->margin * c;
    float *rows = l->x + margin, *out = l->p > 0 ? l->dense : rows;
    for (int i = 0; i < v->n_src; i++) {
        const KernelSrc *src = &v->src[i];
        bool affine = src->pre >= PRE_AFFINE;
        KernelStream stream = { src->x, src->ld, affine ? src->a : NULL };
        KernelMix m = { .c = src->c, .stream = &stream, .n_streams = 1 };
        m.b = affine ? src->b : NULL;
        m.relu = src->pre == PRE_RELU || src->pre == PRE_AFFINE_RELU;
        load(l, m, out, v->shape.c);
        out += src->c;
    }
    if (l->p == 0)
        return;
    spread(l, v->shape.c, rows);
    memset(l->x, 0, margin * sizeof *rows);
    memset(rows + (size_t)l->rows * c, 0, margin * sizeof *rows);
}

// dy = A * sum of terms + B * y + K as a sum of streams.
static void load_gradient(const Layout *l)
{
    const KernelGrad *g = &l->v->grad;
    size_t oc = (size_t)l->v->shape.oc;
    KernelStream stream[BLAS_TERMS + 1];
    KernelMix m = { .c = l->v->shape.oc, .stream = stream, .b = g->A ? g->K : NULL };
    for (; m.n_streams < g->n; m.n_streams++) {
        const KernelTerm *term = &g->term[m.n_streams];
        float *vec = l->vec + (size_t)m.n_streams * oc;
        for (size_t i = 0; i < oc; i++)
            vec[i] = g->A ? term->w * g->A[i] : term->w;
        stream[m.n_streams] = (KernelStream){ term->g, term->ld, vec };
    }
    if (g->A && g->B)
        stream[m.n_streams++] = (KernelStream){ g->y, g->y_ld, g->B };
    load(l, m, l->p > 0 ? l->dense : l->dy, l->v->shape.oc);
    if (l->p > 0)
        spread(l, l->v->shape.oc, l->dy);
}

static void run_job(const Layout *l, int tap, int from)
{
    const KernelConv *v = l->v;
    const KernelShape *s = &v->shape;
    int y = tap / s->k * s->dil - l->p, x = tap % s->k * s->dil - l->p;
    size_t row = (size_t)(l->margin + y * l->line + x);
    float *g_w = v->g_w + ((size_t)tap * (size_t)s->c + (size_t)from) * (size_t)s->oc;
    int count = s->c - from < JOB_CHANNELS ? s->c - from : JOB_CHANNELS;
    blas_product(&(BlasProduct){ .m = count,
                                 .n = s->oc,
                                 .k = l->rows,
                                 .a = l->x + row * (size_t)s->c + from,
                                 .a_ld = s->c,
                                 .a_turned = true,
                                 .b = l->dy,
                                 .b_ld = s->oc,
                                 .c = g_w,
                                 .c_ld = s->oc });
}

bool blas_conv_weights(const KernelConv *v, BlasMix mix)
{
    Layout l;
    if (!v->g_w || v->grad.n > BLAS_TERMS || !lay_out(&l, v, mix))
        return false;
    const KernelShape *s = &v->shape;
    int blocks = (s->c + JOB_CHANNELS - 1) / JOB_CHANNELS, jobs = s->k * s->k * blocks;
    load_input(&l);
    load_gradient(&l);
#pragma omp parallel for schedule(static) num_threads(v->work->threads)
    for (int i = 0; i < jobs; i++)
        run_job(&l, i / blocks, i % blocks * JOB_CHANNELS);
    return true;
}
