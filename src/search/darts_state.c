// SPDX-License-Identifier: MIT
// Everything that a search of the DARTS family needs to go on, in and out of a checkpoint.
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/search/darts.h"

// Settings that change what a checkpoint must hold: if they differ, it is a fork.
static void signature(const Darts *d, char *text, size_t size)
{
    const SearchOptions *o = &d->t.ctx.options;
    snprintf(text, size, "%s aux%d partial%d edges%d match%d sgas%d pt%d fair%d stages%d cells%d",
             o->strategy, o->dartsminus > 0, o->partial, o->edge_weights, d->matching, o->sgas,
             o->pt, o->fair, o->pdarts_stages, o->cells);
}

enum { SIGNALS = 2 + SPACE_CELLS };

static void save_stage(const Darts *d, Book *book)
{
    int64_t stage = d->stage;
    book_copy(book, "pdarts.stage", SAFE_I64, &stage, 1);
    book_put(book, "pdarts.used", SAFE_U8, d->alpha.used, d->alpha.n_alpha);
    book_put(book, "pdarts.carried", SAFE_F32, d->carried, d->alpha.n_alpha);
}

Status darts_save(void *self, SearchState *state, Error *err)
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
    if (d->deciding) {
        int64_t batch = d->t.ctx.options.batch;
        sgas_save(&d->sgas, a, b);
        book_copy(b, "train.batch", SAFE_I64, &batch, 1);
    }
    if (d->t.ctx.options.pdarts_stages > 1)
        save_stage(d, b);
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

// The network that the checkpoint is of, before its weights can be read.
static Status load_stage(Darts *d, const SafeFile *file, bool fork, Error *err)
{
    int64_t stage = 0;
    int stages = d->t.ctx.options.pdarts_stages;
    Alpha *a = &d->alpha;
    Status status = book_get(file, "pdarts.stage", SAFE_I64, &stage, 1, fork || stages <= 1, err);
    if (status == STATUS_OK && (stage < 0 || stage >= stages))
        status = error_set(err, STATUS_ARG,
                           "the checkpoint is of stage %lld of P-DARTS: search.pdarts_stages must "
                           "be more than that, not %d",
                           (long long)stage, stages);
    if (status != STATUS_OK || stages <= 1 || !safetensors_find(file, "pdarts.used"))
        return status;
    status = book_get(file, "pdarts.used", SAFE_U8, a->used, a->n_alpha, false, err);
    if (status == STATUS_OK)
        status = book_get(file, "pdarts.carried", SAFE_F32, d->carried, a->n_alpha, false, err);
    if (status == STATUS_OK && (stage > 0 || d->stage > 0))
        status = darts_change_net(d, (int)stage, err);
    return status;
}

// Decided edges, and the batches that the checkpoint counts by.
static Status load_decisions(Darts *d, const SafeFile *file, bool fork, Error *err)
{
    int64_t batch = d->t.ctx.options.batch;
    Status status = sgas_load(&d->sgas, &d->alpha, file, fork, err);
    sgas_fix(&d->sgas, &d->alpha);
    if (status == STATUS_OK)
        status = book_get(file, "train.batch", SAFE_I64, &batch, 1, fork, err);
    if (status == STATUS_OK && (batch < 1 || batch > INT_MAX))
        status = error_set(err, STATUS_PARSE, "checkpoint: train.batch is out of range");
    return status == STATUS_OK ? trainer_set_batch(&d->t, (int)batch, err) : status;
}

Status darts_load(void *self, const SafeFile *file, Error *err)
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
    Status status = load_stage(d, file, fork, err);
    if (status == STATUS_OK && d->deciding)
        status = load_decisions(d, file, fork, err);
    if (status == STATUS_OK)
        status = trainer_load(&d->t, file, fork, err);
    if (status == STATUS_OK)
        status = load_alpha(d, file, fork, err);
    if (status == STATUS_OK)
        status = judge_load(&d->judge, file, fork, err);
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
