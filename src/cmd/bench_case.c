// SPDX-License-Identifier: MIT
#include "src/cmd/bench_case.h"

#include <stddef.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"

#define FORWARD_AND_BACKWARD(name, entry, k, dil)                                                  \
    { name " fwd", entry, k, dil, false, false }, { name " bwd", entry, k, dil, true, true },      \
    {                                                                                              \
        name " bwd, dx alone", entry, k, dil, true, false                                          \
    }

const CaseKind *case_kinds(int *n)
{
    static const CaseKind kinds[] = {
        FORWARD_AND_BACKWARD("sep 3x3", CASE_UNIT, 3, 1),
        FORWARD_AND_BACKWARD("sep 5x5", CASE_UNIT, 5, 1),
        FORWARD_AND_BACKWARD("dil 3x3", CASE_UNIT, 3, 2),
        FORWARD_AND_BACKWARD("dil 5x5", CASE_UNIT, 5, 2),
        FORWARD_AND_BACKWARD("conv 3x3", CASE_CONV, 3, 1),
        FORWARD_AND_BACKWARD("conv 1x1", CASE_CONV, 1, 1),
        { "pools 3x3 fwd", CASE_POOL, 3, 1, false, false },
        { "pools 3x3 bwd", CASE_POOL, 3, 1, true, false },
        { "mix of 7 fwd", CASE_MIX, 0, 0, false, false },
        { "mix of 7 reduce", CASE_MIX, 0, 0, true, false },
    };
    *n = sizeof kinds / sizeof kinds[0];
    return kinds;
}

const CaseSize *case_sizes(int *n)
{
    static const CaseSize sizes[] = { { 16, 32 }, { 32, 16 }, { 64, 8 }, { 256, 4 }, { 8, 8 } };
    *n = sizeof sizes / sizeof sizes[0];
    return sizes;
}

static float *take(Case *c, size_t count)
{
    float *x = c->n_blocks < CASE_BLOCKS ? mem_aligned(count * sizeof *x + 64) : NULL;
    if (!x) {
        c->failed = true;
        return NULL;
    }
    c->block[c->n_blocks++] = x;
    return x;
}

static float *take_random(Case *c, size_t count, float scale)
{
    Rng rng = rng_at(1, (uint64_t)c->n_blocks, count);
    float *x = take(c, count);
    for (size_t i = 0; x && i < count; i++)
        x[i] = scale * (2 * (float)rng_uniform(&rng) - 1);
    return x;
}

static size_t pixels(const KernelShape *s)
{
    return (size_t)s->n * (size_t)s->h * (size_t)s->w;
}

// Gradient of a batch norm's input: one term, all of A, B, K.
static KernelGrad take_grad(Case *c, const float *y)
{
    int channels = c->shape.oc;
    c->term = (KernelTerm){ take_random(c, pixels(&c->shape) * (size_t)channels, 1), channels, 1 };
    return (KernelGrad){
        .term = &c->term,
        .n = 1,
        .A = take_random(c, (size_t)channels, 1),
        .B = take_random(c, (size_t)channels, 0.1F),
        .K = take_random(c, (size_t)channels, 0.1F),
        .y = y,
        .y_ld = channels,
    };
}

static void take_work(Case *c, KernelEntry entry, int threads, size_t weights)
{
    size_t tile = kernel_round(c->kernels->tile_floats(entry, &c->shape));
    c->work = (KernelWork){
        .threads = threads,
        .tile = take(c, tile * (size_t)threads),
        .tile_floats = tile,
        .group = take(c, weights * KERNEL_GROUPS),
    };
}

static void open_unit(Case *c, int threads)
{
    const KernelShape *s = &c->shape;
    size_t w = (size_t)(s->k * s->k * s->c), pw = (size_t)(s->c * s->oc);
    size_t out = pixels(s) * (size_t)s->oc;
    bool weights = c->kind.weights;
    c->unit = (KernelUnit){
        .k = s->k,
        .dil = s->dil,
        .pad_y = s->pad_y,
        .pad_x = s->pad_x,
        .dw = take_random(c, w, 0.3F),
        .pw = take_random(c, pw, 0.3F),
        .pw_t = take_random(c, pw, 0.3F),
        .y = take_random(c, out, 1),
        .y_ld = s->oc,
        .stat = take(c, (size_t)(s->n * 2 * s->oc)),
        .stat_ld = s->oc,
        .g_dw = weights ? take(c, w) : NULL,
        .g_pw = weights ? take(c, pw) : NULL,
    };
    c->unit.grad = take_grad(c, c->unit.y);
    take_work(c, ENTRY_UNIT, threads, kernel_round(w) + kernel_round(pw));
    c->units = (KernelUnits){ *s, c->src, &c->unit, 1, c->dst, &c->work };
    c->macs = (double)out * (s->k * s->k + s->c);
}

static void open_conv(Case *c, int threads)
{
    const KernelShape *s = &c->shape;
    size_t w = (size_t)(s->k * s->k * s->c * s->oc), out = pixels(s) * (size_t)s->oc;
    c->conv = (KernelConv){
        .shape = *s,
        .src = &c->src,
        .n_src = 1,
        .w = take_random(c, w, 0.3F),
        .w_t = take_random(c, w, 0.3F),
        .y = take_random(c, out, 1),
        .y_ld = s->oc,
        .stat = take(c, (size_t)(s->n * 2 * s->oc)),
        .stat_ld = s->oc,
        .g_w = c->kind.weights ? take(c, w) : NULL,
        .dst = &c->dst,
    };
    c->conv.grad = take_grad(c, c->conv.y);
    take_work(c, ENTRY_CONV, threads, kernel_round(w));
    c->conv.work = &c->work;
    c->macs = (double)out * s->k * s->k * s->c;
}

static void open_pool(Case *c, int threads)
{
    const KernelShape *s = &c->shape;
    size_t count = pixels(s) * (size_t)s->c, stat = (size_t)(s->n * 2 * s->c);
    c->pool = (KernelPool){
        .shape = *s,
        .src = c->src,
        .max = take(c, count),
        .avg = take(c, count),
        .max_stat = take(c, stat),
        .avg_stat = take(c, stat),
        .dst = c->dst,
    };
    c->pool.src.pre = PRE_NONE;
    c->pool.max_grad = take_grad(c, c->pool.max);
    c->pool.avg_grad = c->pool.max_grad;
    c->pool.avg_grad.y = c->pool.avg;
    take_work(c, ENTRY_POOL, threads, 0);
    c->pool.work = &c->work;
    if (!c->failed)
        c->kernels->pool_fwd(&c->pool); // the maxima that backward looks for
}

static void open_mix(Case *c, int threads)
{
    const KernelShape *s = &c->shape;
    size_t count = pixels(s) * (size_t)s->c;
    for (int i = 0; i < CASE_STREAMS; i++)
        c->stream[i] =
            (KernelStream){ take_random(c, count, 1), s->c, take_random(c, (size_t)s->c, 1) };
    c->term = (KernelTerm){ take_random(c, count, 1), s->c, 1 };
    c->mix = (KernelMix){
        .n = s->n,
        .hw = s->h * s->w,
        .c = s->c,
        .stream = c->stream,
        .n_streams = CASE_STREAMS,
        .b = take_random(c, (size_t)s->c, 1),
        .out = take(c, count),
        .out_ld = s->c,
        .term = &c->term,
        .n_terms = 1,
        .sums = take(c, (size_t)(s->n * (CASE_STREAMS + 1) * s->c)),
        .work = &c->work,
    };
    take_work(c, ENTRY_MIX, threads, 0);
}

// Tensors of the input's size that a call reads or writes.
static double tensors(const CaseKind *kind)
{
    switch (kind->entry) {
    case CASE_UNIT:
    case CASE_CONV: return kind->backward ? 4 : 2; // x, y; and g, dx
    case CASE_POOL: return kind->backward ? 5 : 3; // x, max, avg; and g, dx
    case CASE_MIX: break;
    }
    return CASE_STREAMS + 1;
}

Status case_open(Case *c, const Kernels *kernels, const CaseKind *kind, const CaseSize *size,
                 int batch, int threads, Error *err)
{
    int ch = size->c, side = size->side, pad = kind->dil * (kind->k - 1) / 2;
    *c = (Case){ .kernels = kernels, .kind = *kind };
    c->shape =
        (KernelShape){ batch, side, side, ch, side, side, ch, kind->k, 1, kind->dil, pad, pad, 1 };
    size_t count = pixels(&c->shape) * (size_t)ch;
    if (kind->entry != CASE_MIX) {
        c->src = (KernelSrc){ .x = take_random(c, count, 1), .c = ch, .ld = ch, .pre = PRE_RELU };
        c->dst = (KernelDst){ .dx = take(c, count), .ld = ch };
    }
    switch (kind->entry) {
    case CASE_UNIT: open_unit(c, threads); break;
    case CASE_CONV: open_conv(c, threads); break;
    case CASE_POOL: open_pool(c, threads); break;
    case CASE_MIX: open_mix(c, threads); break;
    }
    // Backward: the input's gradient, and as much again for the weights'.
    c->macs *= kind->weights ? 2 : 1;
    c->bytes = tensors(kind) * (double)count * sizeof(float);
    if (!c->failed)
        return STATUS_OK;
    case_close(c);
    return error_set(err, STATUS_NOMEM, "no memory for the tensors of %s", kind->name);
}

void case_run(const Case *c)
{
    const Kernels *k = c->kernels;
    bool backward = c->kind.backward;
    switch (c->kind.entry) {
    case CASE_UNIT: (backward ? k->unit_bwd : k->unit_fwd)(&c->units); break;
    case CASE_CONV: (backward ? k->conv_bwd : k->conv_fwd)(&c->conv); break;
    case CASE_POOL: (backward ? k->pool_bwd : k->pool_fwd)(&c->pool); break;
    case CASE_MIX: (backward ? k->mix_reduce : k->mix_fwd)(&c->mix); break;
    }
}

void case_close(Case *c)
{
    while (c->n_blocks > 0)
        mem_free(c->block[--c->n_blocks]);
}
