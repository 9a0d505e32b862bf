// SPDX-License-Identifier: MIT
#include "src/search/darts.h"

#include <math.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/engine/optim.h"
#include "src/search/record.h"
#include "src/search/table.h"

static Status check_options(const SearchOptions *o, Error *err)
{
    if (o->epochs < 1 || o->batch < 1)
        return error_set(err, STATUS_ARG, "search.epochs and data.batch must be at least 1");
    if (o->pdarts_stages < 1)
        return error_set(err, STATUS_ARG, "search.pdarts_stages must be at least 1");
    if (o->pt && (o->sgas || strcmp(o->strategy, "gdas") == 0))
        return error_set(err, STATUS_ARG,
                         "search.pt goes with neither search.sgas nor strategy gdas");
    if (o->pdarts_stages > 1 && (o->sgas || o->pt || strcmp(o->strategy, "gdas") == 0))
        return error_set(err, STATUS_ARG,
                         "search.pdarts_stages goes with neither search.sgas, search.pt nor "
                         "strategy gdas");
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

// Arrays of entries.
static bool open_entries(Darts *d)
{
    size_t n = (size_t)d->alpha.n;
    d->p = mem_zero(n, sizeof(double));
    d->soft = mem_zero(n, sizeof(double));
    d->raw = mem_zero(n, sizeof(double));
    d->grad = mem_zero(n, sizeof(double));
    d->active = mem_zero(n, sizeof(bool));
    d->effective = mem_zero(n, sizeof(float));
    d->carried = mem_zero(n, sizeof(float));
    return d->p && d->soft && d->raw && d->grad && d->active && d->effective && d->carried &&
           (!d->deciding || sgas_init(&d->sgas, &d->alpha));
}

static Status open_judge(Darts *d, Error *err)
{
    HealthLimits limits = d->t.ctx.health;
    limits.majority = trainer_majority(&d->t);
    limits.epochs = d->t.ctx.options.epochs * d->t.ctx.options.pdarts_stages;
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
    darts_close_net(d);
    trainer_close(&d->t);
    alpha_fini(&d->alpha);
    book_fini(&d->book);
    mem_free(d->p);
    mem_free(d->soft);
    mem_free(d->raw);
    mem_free(d->grad);
    mem_free(d->active);
    mem_free(d->effective);
    mem_free(d->carried);
    mem_free(d);
}

static WeightKind kind_of(const SearchOptions *o)
{
    if (o->fair)
        return WEIGHT_SIGMOID;
    return strcmp(o->strategy, "gdas") == 0 ? WEIGHT_SAMPLED : WEIGHT_SOFTMAX;
}

static Status open_all(Darts *d, const SearchContext *ctx, Error *err)
{
    const SearchOptions *o = &ctx->options;
    d->kind = kind_of(o);
    d->matching = o->gradient_match || o->oles > 0;
    d->deciding = o->sgas || o->pt;
    d->drop = NAN;
    for (int t = 0; t < SPACE_CELLS; t++)
        d->lead[t] = NAN;
    if (!alpha_init(&d->alpha, ctx->space, o->edge_weights, o->alpha.init, o->seed))
        return error_set(err, STATUS_NOMEM, "no memory for alphas");
    if (!open_entries(d))
        return error_set(err, STATUS_NOMEM, "no memory for the search");
    Status status = darts_open_net(d, ctx, err);
    if (status == STATUS_OK)
        status = trainer_open_alpha_feed(&d->t, err);
    return status == STATUS_OK ? open_judge(d, err) : status;
}

static Status darts_open(const SearchContext *ctx, void **self, Error *err)
{
    Status status = check_options(&ctx->options, err);
    if (status != STATUS_OK)
        return status;
    Darts *d = mem_zero(1, sizeof *d);
    if (!d)
        return error_set(err, STATUS_NOMEM, "no memory for the search");
    status = open_all(d, ctx, err);
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
    json_put(record, "cells", record_cells(d->t.ctx.space, NULL));
}

static Status darts_begin(void *self, Error *err)
{
    return darts_look(self, -1, err);
}

static void darts_progress(const void *self, SearchProgress *progress)
{
    const Darts *d = self;
    trainer_fill_progress(&d->t, progress);
    int64_t left = darts_epochs(d) - (d->t.epoch + 1);
    progress->steps = d->t.step - d->t.epoch_step + left * trainer_epoch_steps(&d->t);
    progress->done = d->t.epoch + 1 >= darts_epochs(d);
    progress->epoch_ended = d->t.epoch >= 0 && d->t.epoch_step == 0;
    progress->verdict = health_verdict(d->judge.health, &progress->cause);
}

int darts_epochs(const Darts *d)
{
    const SearchOptions *o = &d->t.ctx.options;
    return o->epochs * o->pdarts_stages + (o->pt ? PT_TUNE * pt_decisions(d->t.ctx.space) : 0);
}

// Rates and knobs that follow the epoch.
static void set_schedule(Darts *d)
{
    const SearchOptions *o = &d->t.ctx.options;
    int now = darts_epoch(d), e = now < o->epochs ? now : o->epochs - 1;
    d->t.lr = now >= o->epochs ? o->w.lr / 10 : optim_cosine(o->w.lr, o->w.lr_min, e, o->epochs);
    d->t.drop_path = o->drop_path > 0 ? (float)(o->drop_path * e / o->epochs) : -1;
    double p0 = pdarts_dropout(o->skip_dropout, o->pdarts_dropout, d->stage);
    d->t.mix_dropout = (float)skip_dropout_rate(p0, e, o->warmup_epochs, o->epochs);
}

static Status one_step(Darts *d, Error *err)
{
    const SearchOptions *o = &d->t.ctx.options;
    const Batch *train = feed_next(d->t.train);
    int epoch = darts_epoch(d);
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
    Status status = darts_advance(d, err);
    if (status != STATUS_OK)
        return status;
    set_schedule(d);
    status = one_step(d, err);
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
