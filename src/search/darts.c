// SPDX-License-Identifier: MIT
#include "src/search/darts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/engine/optim.h"
#include "src/search/record.h"
#include "src/search/table.h"

static SupernetOptions supernet_options(const SearchContext *ctx)
{
    const SearchOptions *o = &ctx->options;
    return (SupernetOptions){ .height = ctx->train_feed.height,
                              .width = ctx->train_feed.width,
                              .aux_skip = o->dartsminus > 0,
                              .partial = o->partial,
                              .edge_weights = o->edge_weights,
                              .skip_noise = (float)o->noisy_skip,
                              .skip_dropout = o->skip_dropout > 0,
                              .drop_path = o->drop_path > 0,
                              .cell_tables = o->layer_alignment };
}

static Status check_options(const SearchOptions *o, Error *err)
{
    if (o->epochs < 1 || o->batch < 1)
        return error_set(err, STATUS_ARG, "search.epochs and data.batch must be at least 1");
    if (o->pt && (o->sgas || strcmp(o->strategy, "gdas") == 0))
        return error_set(err, STATUS_ARG,
                         "search.pt goes with neither search.sgas nor strategy gdas");
    if (o->pdarts_stages > 1)
        return error_set(err, STATUS_ARG,
                         "search.pdarts_stages: stages are not available; leave it 1");
    if (o->fair && strcmp(o->strategy, "gdas") == 0)
        return error_set(err, STATUS_ARG,
                         "search.fair does not go with strategy gdas: it samples from a softmax");
    if (o->edge_weights && strcmp(o->strategy, "gdas") == 0)
        return error_set(err, STATUS_ARG, "search.edge_weights does not go with strategy gdas");
    if (o->order == ORDER_SECOND && strcmp(o->strategy, "gdas") == 0)
        return error_set(err, STATUS_ARG,
                         "strategy gdas is of first order; set search.order=first");
    return STATUS_OK;
}

static Status open_arrays(Darts *d, Error *err)
{
    const SearchOptions *o = &d->t.ctx.options;
    size_t n = (size_t)d->alpha.n, w = d->t.n_w + 1;
    bool weights = o->order == ORDER_SECOND || d->matching;
    d->p = mem_zero(n, sizeof(double));
    d->soft = mem_zero(n, sizeof(double));
    d->raw = mem_zero(n, sizeof(double));
    d->grad = mem_zero(n, sizeof(double));
    d->active = mem_zero(n, sizeof(bool));
    d->effective = mem_zero(n, sizeof(float));
    d->w0 = o->order == ORDER_SECOND ? mem_zero(w, sizeof(float)) : NULL;
    d->direction = weights ? mem_zero(w, sizeof(float)) : NULL;
    for (int t = 0; t < d->alpha.types; t++)
        if (d->alpha.rows[t] * d->alpha.cols[t] > d->table_stride)
            d->table_stride = d->alpha.rows[t] * d->alpha.cols[t];
    if (o->layer_alignment)
        d->table_grad =
            mem_zero((size_t)d->tables.n_alpha * (size_t)d->table_stride, sizeof(double));
    bool ok = d->p && d->soft && d->raw && d->grad && d->active && d->effective &&
              (!weights || d->direction) && (o->order != ORDER_SECOND || d->w0) &&
              (!o->layer_alignment || d->table_grad);
    ok = ok && (!d->matching || match_init(&d->match, d->t.plan, d->t.ctx.space));
    ok = ok && (!d->deciding || sgas_init(&d->sgas, &d->alpha));
    return ok ? STATUS_OK : error_set(err, STATUS_NOMEM, "no memory for the search");
}

static Status open_judge(Darts *d, Error *err)
{
    HealthLimits limits = d->t.ctx.health;
    limits.majority = trainer_majority(&d->t);
    limits.epochs = d->t.ctx.options.epochs;
    limits.warmup_epochs = d->t.ctx.options.warmup_epochs;
    return judge_open(&d->judge, &d->alpha, &limits, err);
}

static void darts_close(void *self)
{
    Darts *d = self;
    if (!d)
        return;
    judge_close(&d->judge);
    sgas_fini(&d->sgas);
    match_fini(&d->match);
    trainer_close(&d->t);
    alpha_fini(&d->alpha);
    book_fini(&d->book);
    mem_free(d->p);
    mem_free(d->soft);
    mem_free(d->raw);
    mem_free(d->grad);
    mem_free(d->active);
    mem_free(d->effective);
    mem_free(d->table_grad);
    mem_free(d->w0);
    mem_free(d->direction);
    mem_free(d);
}

static Status darts_open(const SearchContext *ctx, void **self, Error *err)
{
    const SearchOptions *o = &ctx->options;
    SupernetOptions net = supernet_options(ctx);
    Graph *graph = NULL;
    Status status = check_options(o, err);
    if (status == STATUS_OK)
        status = net_supernet(ctx->space, &net, &graph, err);
    if (status != STATUS_OK)
        return status;
    Darts *d = mem_zero(1, sizeof *d);
    if (!d) {
        graph_free(graph);
        return error_set(err, STATUS_NOMEM, "no memory for the search");
    }
    d->kind = o->fair                            ? WEIGHT_SIGMOID
              : strcmp(o->strategy, "gdas") == 0 ? WEIGHT_SAMPLED
                                                 : WEIGHT_SOFTMAX;
    d->matching = o->gradient_match || o->oles > 0;
    d->deciding = o->sgas || o->pt;
    d->drop = NAN;
    for (int t = 0; t < SPACE_CELLS; t++)
        d->lead[t] = NAN;
    net_tables(ctx->space, &net, &d->tables);
    status = trainer_open(&d->t, ctx, graph, err);
    if (status == STATUS_OK)
        status = trainer_open_alpha_feed(&d->t, err);
    if (status == STATUS_OK &&
        !alpha_init(&d->alpha, ctx->space, o->edge_weights, o->alpha.init, o->seed))
        status = error_set(err, STATUS_NOMEM, "no memory for alphas");
    if (status == STATUS_OK)
        status = open_arrays(d, err);
    if (status == STATUS_OK)
        status = open_judge(d, err);
    if (status != STATUS_OK) {
        darts_close(d);
        return status;
    }
    *self = d;
    return STATUS_OK;
}

static void darts_describe(const void *self, Json *record)
{
    const Darts *d = self;
    const SearchOptions *o = &d->t.ctx.options;
    json_put_str(record, "strategy", o->strategy);
    json_put_int(record, "seed", (int64_t)o->seed);
    json_put_int(record, "epochs", darts_epochs(d));
    json_put_int(record, "warmup_epochs", o->warmup_epochs);
    json_put_int(record, "steps_per_epoch", trainer_epoch_steps(&d->t));
    json_put_num(record, "majority", trainer_majority(&d->t));
    json_put_str(record, "isa", plan_isa(d->t.plan));
    json_put_int(record, "threads", plan_threads(d->t.plan));
    json_put(record, "cells", record_cells(d->t.ctx.space));
}

static Status darts_begin(void *self, Error *err)
{
    return darts_look(self, -1, err);
}

static void darts_progress(const void *self, SearchProgress *progress)
{
    const Darts *d = self;
    trainer_fill_progress(&d->t, progress);
    progress->steps = trainer_epoch_steps(&d->t) * darts_epochs(d);
    progress->done = d->t.epoch + 1 >= darts_epochs(d);
    progress->epoch_ended = d->t.epoch >= 0 && d->t.epoch_step == 0;
    progress->verdict = health_verdict(d->judge.health, &progress->cause);
}

int darts_epochs(const Darts *d)
{
    const SearchOptions *o = &d->t.ctx.options;
    return o->epochs + (o->pt ? PT_TUNE * pt_decisions(d->t.ctx.space) : 0);
}

// Rates and knobs that follow the epoch.
static void set_schedule(Darts *d)
{
    const SearchOptions *o = &d->t.ctx.options;
    int e = d->t.epoch + 1 < o->epochs ? d->t.epoch + 1 : o->epochs - 1;
    bool tuning = d->t.epoch + 1 >= o->epochs;
    d->t.lr = tuning ? o->w.lr / 10 : optim_cosine(o->w.lr, o->w.lr_min, e, o->epochs);
    d->t.drop_path = o->drop_path > 0 ? (float)(o->drop_path * e / o->epochs) : -1;
    d->t.mix_dropout = (float)skip_dropout_rate(o->skip_dropout, e, o->warmup_epochs, o->epochs);
}

static Status one_step(Darts *d, Error *err)
{
    const SearchOptions *o = &d->t.ctx.options;
    const Batch *train = feed_next(d->t.train);
    int epoch = d->t.epoch + 1;
    bool alpha = epoch >= o->warmup_epochs && epoch < o->epochs;
    Status status = pt_step(d, err);
    if (alpha && status == STATUS_OK && o->step_order == STEP_ALPHA_FIRST)
        status = darts_step_alpha(d, train, err);
    if (status == STATUS_OK)
        status = darts_step_weights(d, train, err);
    if (alpha && status == STATUS_OK && o->step_order == STEP_W_FIRST)
        status = darts_step_alpha(d, train, err);
    return status;
}

static Status darts_step(void *self, SearchProgress *progress, Error *err)
{
    Darts *d = self;
    const SearchOptions *o = &d->t.ctx.options;
    if (trainer_stopped(&d->t))
        return error_set(err, STATUS_STOPPED, "stopped on request");
    if (d->t.epoch + 1 >= darts_epochs(d)) {
        darts_progress(d, progress);
        return STATUS_OK;
    }
    set_schedule(d);
    Status status = one_step(d, err);
    if (status != STATUS_OK)
        return status;
    d->t.step++;
    if (++d->t.epoch_step >= trainer_epoch_steps(&d->t))
        status = darts_end_epoch(d, err);
    else if (o->look_steps > 0 && d->t.step % o->look_steps == 0)
        status = darts_look(d, d->t.epoch + 1, err);
    darts_progress(d, progress);
    return status;
}

// ---- state --------------------------------------------------------------------------------------

// Settings that change what a checkpoint must hold: if they differ, it is a fork.
static void signature(const Darts *d, char *text, size_t size)
{
    const SearchOptions *o = &d->t.ctx.options;
    snprintf(text, size, "%s aux%d partial%d edges%d match%d sgas%d pt%d fair%d", o->strategy,
             o->dartsminus > 0, o->partial, o->edge_weights, d->matching, o->sgas, o->pt, o->fair);
}

enum { SIGNALS = 2 + SPACE_CELLS };

static Status darts_save(void *self, SearchState *state, Error *err)
{
    Darts *d = self;
    char text[128];
    Book *b = &d->book;
    book_reset(b);
    signature(d, text, sizeof text);
    book_meta(b, "family", "darts");
    book_meta(b, "signature", text);
    book_meta(b, "space", d->t.ctx.space->name);
    trainer_save(&d->t, b);
    const Alpha *a = &d->alpha;
    double loose[SIGNALS] = { d->alpha_norm, d->alignment_sum };
    int64_t counts[2] = { a->steps, d->alignment_n };
    memcpy(loose + 2, d->lead, sizeof d->lead);
    book_put(b, "alpha.value", SAFE_F32, a->value, a->n);
    book_put(b, "alpha.adam_m", SAFE_F32, a->m, a->n);
    book_put(b, "alpha.adam_v", SAFE_F32, a->v, a->n);
    book_copy(b, "alpha.counts", SAFE_I64, counts, 2);
    book_copy(b, "alpha.signals", SAFE_F64, loose, SIGNALS);
    judge_save(&d->judge, b);
    if (d->deciding)
        sgas_save(&d->sgas, a, b);
    if (d->matching) {
        book_put(b, "match.train", SAFE_F32, d->t.grad, (int64_t)d->t.n_w);
        match_save(&d->match, b);
    }
    return book_finish(b, state, err);
}

// A fork that switched edge weights on or off has more or fewer entries: alphas come first.
static Status load_entries(const Darts *d, const SafeFile *file, const char *name, float *out,
                           bool fork, Error *err)
{
    const Alpha *a = &d->alpha;
    const SafeTensor *t = safetensors_find(file, name);
    if (!fork || !t || t->dtype != SAFE_F32 || t->rank != 1 || t->shape[0] < a->n_alpha)
        return book_get(file, name, SAFE_F32, out, a->n, false, err);
    int64_t n = t->shape[0] < a->n ? t->shape[0] : a->n;
    memcpy(out, t->data, (size_t)n * sizeof *out);
    return STATUS_OK;
}

static Status load_alpha(Darts *d, const SafeFile *file, bool fork, Error *err)
{
    Alpha *a = &d->alpha;
    double loose[SIGNALS];
    int64_t counts[2];
    Status status = load_entries(d, file, "alpha.value", a->value, fork, err);
    if (status == STATUS_OK)
        status = load_entries(d, file, "alpha.adam_m", a->m, fork, err);
    if (status == STATUS_OK)
        status = load_entries(d, file, "alpha.adam_v", a->v, fork, err);
    if (status == STATUS_OK)
        status = book_get(file, "alpha.counts", SAFE_I64, counts, 2, false, err);
    if (status == STATUS_OK)
        status = book_get(file, "alpha.signals", SAFE_F64, loose, SIGNALS, false, err);
    if (status != STATUS_OK)
        return status;
    a->steps = counts[0];
    d->alignment_n = counts[1];
    d->alpha_norm = loose[0];
    d->alignment_sum = loose[1];
    memcpy(d->lead, loose + 2, sizeof d->lead);
    return STATUS_OK;
}

static Status darts_load(void *self, const SafeFile *file, Error *err)
{
    Darts *d = self;
    char text[128];
    const char *family = safetensors_meta(file, "family");
    const char *was = safetensors_meta(file, "signature");
    signature(d, text, sizeof text);
    if (!family || strcmp(family, "darts") != 0)
        return error_set(err, STATUS_ARG,
                         "the checkpoint is of a search of another kind (%s), not of strategy %s",
                         family ? family : "unknown", d->t.ctx.options.strategy);
    bool fork = !was || strcmp(was, text) != 0;
    Status status = trainer_load(&d->t, file, fork, err);
    if (status == STATUS_OK)
        status = load_alpha(d, file, fork, err);
    if (status == STATUS_OK)
        status = judge_load(&d->judge, file, fork, err);
    if (status == STATUS_OK && d->deciding)
        status = sgas_load(&d->sgas, &d->alpha, file, fork, err);
    if (status == STATUS_OK && d->matching)
        status = book_get(file, "match.train", SAFE_F32, d->t.grad, (int64_t)d->t.n_w, fork, err);
    if (status == STATUS_OK && d->matching)
        status = match_load(&d->match, d->t.plan, file, fork, err);
    if (status == STATUS_OK)
        d->t.frozen = d->t.ctx.options.oles > 0 ? d->match.mask : NULL;
    if (status != STATUS_OK && fork)
        error_wrap(err,
                   "the checkpoint does not fit the settings (it was made with '%s', now "
                   "'%s')",
                   was ? was : "?", text);
    return status;
}

static Status darts_result(void *self, Genotype *geno, Candidate *value, Error *err)
{
    Darts *d = self;
    DerivedOptions options = trainer_derived(&d->t);
    darts_genotype(d, geno);
    *value = (Candidate){ .accuracy = d->t.valid_acc, .loss = d->t.valid_loss, .latency_ms = NAN };
    return net_cost(d->alpha.space, geno, &options, &value->params, &value->macs, err);
}

static const Health *darts_health(const void *self)
{
    return ((const Darts *)self)->judge.health;
}

#define DARTS_FUNCTIONS                                                                            \
    .open = darts_open, .close = darts_close, .describe = darts_describe, .begin = darts_begin,    \
    .step = darts_step, .progress = darts_progress, .save = darts_save, .load = darts_load,        \
    .result = darts_result, .health = darts_health

const SearchStrategy strategy_darts = {
    .name = "darts",
    .summary = "differentiable search: softmax over operators, alphas by gradient",
    .paper = "Liu et al. 2019, arXiv 1806.09055",
    DARTS_FUNCTIONS
};

const SearchStrategy strategy_gdas = {
    .name = "gdas",
    .summary = "differentiable search that runs one sampled operator an edge",
    .paper = "Dong and Yang 2019, arXiv 1910.04465",
    DARTS_FUNCTIONS
};
