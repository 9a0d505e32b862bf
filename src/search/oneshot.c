// SPDX-License-Identifier: MIT
#include "src/search/oneshot.h"

#include <math.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/clock.h"
#include "src/engine/optim.h"
#include "src/search/record.h"

enum { STREAM_PATH = 0x70617468, STREAM_TRIAL = 0x74726961, TRIALS_PER_EPOCH = 10 };

// ---- paths --------------------------------------------------------------------------------------

void oneshot_set_path(Oneshot *o, const Arch *arch)
{
    const Space *space = o->t.ctx.space;
    for (int t = 0; t < space->n_cells; t++) {
        int n = space->cells[t].n_edges * space->cells[t].max_ops;
        arch_mask(space, arch, t, o->active);
        for (int i = 0; i < n; i++)
            o->mix[i] = o->active[i] ? 1 : 0;
        plan_set_mix(o->t.plan, t, o->mix, o->active);
    }
}

Rng oneshot_rng(const Oneshot *o, int number)
{
    return rng_at(o->t.ctx.options.seed, STREAM_TRIAL, (uint64_t)number);
}

// ---- scoring ------------------------------------------------------------------------------------

static double metric(const Candidate *c, const char *name)
{
    const struct {
        const char *name;
        double value;
    } known[] = { { "accuracy", c->accuracy },
                  { "loss", c->loss },
                  { "params", (double)c->params },
                  { "macs", (double)c->macs },
                  { "latency_ms", c->latency_ms } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].value;
    return NAN;
}

static Status judge_candidate(const Oneshot *o, Trial *trial, Error *err)
{
    const SearchObjective *objective = &o->t.ctx.objective;
    const Space *space = o->t.ctx.space;
    if (objective->score)
        return objective->score(objective->self, &trial->value, trial->values, o->n_objectives,
                                err);
    for (int i = 0; i < o->n_objectives; i++)
        trial->values[i] = space->n_objectives > 0
                               ? metric(&trial->value, space->objectives[i].name)
                               : trial->value.accuracy;
    return STATUS_OK;
}

// Batch-norm statistics of the path that is set, from the first batches of the training part.
static Status reestimate(Oneshot *o, Error *err)
{
    Status status = STATUS_OK;
    int n = o->t.ctx.options.bn_batches;
    if (n <= 0)
        return status;
    feed_seek(o->stats, 0);
    plan_bn_begin(o->t.plan);
    for (int i = 0; i < n && status == STATUS_OK; i++) {
        PassResult result = { 0 };
        status = trainer_forward(&o->t, feed_next(o->stats), PASS_TRAIN, PASS_STREAM_PROBE, &result,
                                 err);
    }
    plan_bn_end(o->t.plan);
    return status;
}

Status oneshot_score(Oneshot *o, const Arch *arch, Trial *trial, Error *err)
{
    size_t bytes = plan_buffer_count(o->t.plan) * sizeof *o->buffers;
    DerivedOptions derived = trainer_derived(&o->t);
    Genotype geno;
    memset(trial, 0, sizeof *trial);
    trial->arch = *arch;
    trial->value.latency_ms = NAN;
    arch_to_genotype(o->t.ctx.space, arch, &geno);
    Status status =
        net_cost(o->t.ctx.space, &geno, &derived, &trial->value.params, &trial->value.macs, err);
    if (status != STATUS_OK)
        return status;
    memcpy(o->buffers, plan_buffers(o->t.plan), bytes);
    oneshot_set_path(o, arch);
    status = reestimate(o, err);
    feed_seek(o->t.eval, 0); // every candidate on the same images
    if (status == STATUS_OK)
        status = trainer_evaluate(&o->t, PASS_EVAL, o->t.ctx.options.score_batches,
                                  &trial->value.loss, &trial->value.accuracy, err);
    memcpy(plan_buffers(o->t.plan), o->buffers, bytes);
    trial->value.geno = &geno;
    if (status == STATUS_OK)
        status = judge_candidate(o, trial, err);
    trial->value.geno = NULL;
    return status;
}

bool oneshot_dominates(const Oneshot *o, const Trial *a, const Trial *b)
{
    const Space *space = o->t.ctx.space;
    bool better = false;
    for (int i = 0; i < o->n_objectives; i++) {
        bool maximize = space->n_objectives == 0 || space->objectives[i].maximize;
        double x = maximize ? a->values[i] : -a->values[i];
        double y = maximize ? b->values[i] : -b->values[i];
        if (!(x >= y)) // worse, or not comparable
            return false;
        better = better || x > y;
    }
    return better;
}

// ---- the two phases -----------------------------------------------------------------------------

static Status train_path(Oneshot *o, Error *err)
{
    const SearchOptions *so = &o->t.ctx.options;
    Rng rng = rng_at(so->seed, STREAM_PATH, (uint64_t)o->t.step);
    Arch arch;
    PassResult result = { 0 };
    const Batch *batch = feed_next(o->t.train);
    o->t.lr = optim_cosine(so->w.lr, so->w.lr_min, o->t.epoch + 1, so->share_epochs);
    arch_random(o->t.ctx.space, &rng, &arch);
    oneshot_set_path(o, &arch);
    Status status = trainer_forward(&o->t, batch, PASS_TRAIN, PASS_STREAM_TRAIN, &result, err);
    if (status == STATUS_OK)
        status = plan_backward(o->t.plan, GRAD_WEIGHTS, err);
    if (status != STATUS_OK)
        return status;
    trainer_count(&o->t, &result, batch->n);
    return trainer_descend(&o->t, err);
}

// The validation score of an epoch is that of one random path.
static Status end_epoch(Oneshot *o, Error *err)
{
    Rng rng = rng_at(o->t.ctx.options.seed, STREAM_PATH + 1, (uint64_t)o->t.step);
    Trial trial;
    Arch arch;
    arch_random(o->t.ctx.space, &rng, &arch);
    Status status = oneshot_score(o, &arch, &trial, err);
    if (status != STATUS_OK)
        return status;
    o->t.valid_loss = trial.value.loss;
    o->t.valid_acc = trial.value.accuracy;
    trainer_end_epoch(&o->t);
    return trainer_emit_epoch(&o->t, err);
}

static Status emit_trial(Oneshot *o, const Trial *trial, double seconds, Error *err)
{
    const Space *space = o->t.ctx.space;
    Genotype geno;
    Str text = { 0 };
    arch_to_genotype(space, &trial->arch, &geno);
    genotype_write(&geno, &text);
    Json *record = json_new_object(), *values = json_new_object();
    json_put_str(record, "t", "trial");
    json_put_int(record, "number", o->n_trials - 1);
    json_put_int(record, "step", o->t.step);
    json_put_str(record, "state", "COMPLETE");
    json_put_str(record, "arch", str_text(&text));
    json_put_num(values, "accuracy", trial->value.accuracy);
    json_put_num(values, "loss", trial->value.loss);
    json_put_int(values, "params", trial->value.params);
    json_put_int(values, "macs", trial->value.macs);
    for (int i = 0; i < space->n_objectives; i++)
        json_put_num(values, space->objectives[i].name, trial->values[i]);
    json_put(record, "values", values);
    json_put_num(record, "seconds", seconds);
    str_fini(&text);
    return sink_emit(o->t.ctx.sink, record, err);
}

static Status score_next(Oneshot *o, Error *err)
{
    double start = clock_mono();
    Arch arch;
    o->propose(o, &arch);
    Trial *trial = &o->trials[o->n_trials];
    Status status = oneshot_score(o, &arch, trial, err);
    if (status != STATUS_OK)
        return status;
    o->n_trials++;
    bool last = o->n_trials == o->t.ctx.options.trials;
    o->t.epoch_step = last ? 0 : (o->t.epoch_step + 1) % TRIALS_PER_EPOCH;
    o->t.epoch += o->t.epoch_step == 0;
    return emit_trial(o, trial, clock_mono() - start, err);
}

static bool sharing(const Oneshot *o)
{
    return o->t.epoch + 1 < o->t.ctx.options.share_epochs;
}

Status oneshot_step(void *self, SearchProgress *progress, Error *err)
{
    Oneshot *o = self;
    Status status = STATUS_OK;
    if (trainer_stopped(&o->t))
        return error_set(err, STATUS_STOPPED, "stopped on request");
    if (sharing(o)) {
        status = train_path(o, err);
        if (status != STATUS_OK)
            return status;
        o->t.step++;
        if (++o->t.epoch_step >= trainer_epoch_steps(&o->t))
            status = end_epoch(o, err);
    } else if (o->n_trials < o->t.ctx.options.trials) {
        o->t.step++;
        status = score_next(o, err);
    }
    oneshot_progress(o, progress);
    return status;
}

// ---- life ---------------------------------------------------------------------------------------

static Status open_rest(Oneshot *o, Error *err)
{
    const SearchContext *c = &o->t.ctx;
    for (int t = 0; t < c->space->n_cells; t++) {
        int n = c->space->cells[t].n_edges * c->space->cells[t].max_ops;
        o->entries = n > o->entries ? n : o->entries;
    }
    int trials = c->options.trials > 0 ? c->options.trials : 1;
    o->n_objectives = c->space->n_objectives > 0 ? c->space->n_objectives : 1;
    o->mix = mem_zero((size_t)o->entries, sizeof *o->mix);
    o->active = mem_zero((size_t)o->entries, sizeof *o->active);
    o->buffers = mem_zero(plan_buffer_count(o->t.plan) + 1, sizeof *o->buffers);
    o->trials = mem_zero((size_t)trials, sizeof *o->trials);
    if (!o->mix || !o->active || !o->buffers || !o->trials)
        return error_set(err, STATUS_NOMEM, "no memory for %d trials", trials);
    FeedOptions stats = c->train_feed;
    stats.batch = c->options.batch;
    stats.shuffle = true;
    stats.seed = c->options.seed * 8 + 3;
    trainer_fit_feed(&o->t, &stats);
    return feed_new(c->data, c->split->train, c->split->n_train, &stats, &o->stats, err);
}

Status oneshot_open(const SearchContext *ctx, Propose *propose, void **self, Error *err)
{
    SupernetOptions net = { .height = ctx->train_feed.height,
                            .width = ctx->train_feed.width,
                            .cells = ctx->options.cells,
                            .drop_path = ctx->options.drop_path > 0 };
    Graph *graph = NULL;
    if (ctx->options.trials < 1 || ctx->options.batch < 1)
        return error_set(err, STATUS_ARG, "search.trials and data.batch must be at least 1");
    Status status = net_supernet(ctx->space, &net, &graph, err);
    if (status != STATUS_OK)
        return status;
    Oneshot *o = mem_zero(1, sizeof *o);
    if (!o) {
        graph_free(graph);
        return error_set(err, STATUS_NOMEM, "no memory for the search");
    }
    o->propose = propose;
    status = trainer_open(&o->t, ctx, graph, err);
    if (status == STATUS_OK)
        status = open_rest(o, err);
    if (status != STATUS_OK) {
        oneshot_close(o);
        return status;
    }
    *self = o;
    return STATUS_OK;
}

void oneshot_close(void *self)
{
    Oneshot *o = self;
    if (!o)
        return;
    feed_free(o->stats);
    trainer_close(&o->t);
    mem_free(o->mix);
    mem_free(o->active);
    mem_free(o->buffers);
    mem_free(o->trials);
    book_fini(&o->book);
    mem_free(o);
}

void oneshot_describe(const void *self, Json *record)
{
    const Oneshot *o = self;
    const SearchOptions *so = &o->t.ctx.options;
    const Space *space = o->t.ctx.space;
    Json *directions = json_new_object();
    json_put_str(record, "strategy", so->strategy);
    json_put_int(record, "seed", (int64_t)so->seed);
    json_put_int(record, "epochs", so->share_epochs);
    json_put_int(record, "trials", so->trials);
    json_put_int(record, "steps_per_epoch", trainer_epoch_steps(&o->t));
    json_put_str(record, "isa", plan_isa(o->t.plan));
    json_put_int(record, "threads", plan_threads(o->t.plan));
    for (int i = 0; i < space->n_objectives; i++)
        json_put_str(directions, space->objectives[i].name,
                     space->objectives[i].maximize ? "maximize" : "minimize");
    if (space->n_objectives == 0)
        json_put_str(directions, "accuracy", "maximize");
    json_put(record, "directions", directions);
    json_put(record, "cells", record_cells(space, NULL));
}

Status oneshot_begin(void *self, Error *err)
{
    (void)self;
    (void)err;
    return STATUS_OK;
}

void oneshot_progress(const void *self, SearchProgress *progress)
{
    const Oneshot *o = self;
    trainer_fill_progress(&o->t, progress);
    const SearchOptions *so = &o->t.ctx.options;
    progress->steps = trainer_epoch_steps(&o->t) * so->share_epochs + so->trials;
    progress->done = !sharing(o) && o->n_trials >= so->trials;
    progress->epoch_ended = o->t.epoch >= 0 && o->t.epoch_step == 0 && o->t.step > 0;
    progress->verdict = VERDICT_OK;
    progress->cause = CAUSE_NONE;
}

// ---- state --------------------------------------------------------------------------------------

enum { ARCH_INTS = 1 + GENO_CELLS * (1 + 2 * GENO_EDGES), TRIAL_NUMBERS = 13 };

static void arch_to_ints(const Arch *arch, int32_t *out)
{
    *out++ = arch->n_cells;
    for (int c = 0; c < GENO_CELLS; c++) {
        bool there = c < arch->n_cells;
        int n = there ? arch->cell[c].n_edges : 0;
        *out++ = n;
        for (int i = 0; i < GENO_EDGES; i++) {
            *out++ = i < n ? arch->cell[c].pick[i].edge : 0;
            *out++ = i < n ? arch->cell[c].pick[i].op : 0;
        }
    }
}

static bool arch_from_ints(const Space *space, const int32_t *in, Arch *arch)
{
    memset(arch, 0, sizeof *arch);
    arch->n_cells = *in++;
    bool ok = arch->n_cells == space->n_cells;
    for (int c = 0; c < GENO_CELLS; c++) {
        int n = *in++;
        ok = ok && n >= 0 && n <= GENO_EDGES && (c >= space->n_cells || n >= 0);
        arch->cell[c].n_edges = ok ? n : 0;
        for (int i = 0; i < GENO_EDGES; i++, in += 2) {
            if (!ok || i >= n || c >= space->n_cells)
                continue;
            const SpaceCell *type = &space->cells[c];
            ok = in[0] >= 0 && in[0] < type->n_edges && in[1] >= 0 &&
                 in[1] < type->edges[in[0]].n_ops;
            arch->cell[c].pick[i].edge = in[0];
            arch->cell[c].pick[i].op = in[1];
        }
    }
    return ok;
}

static void trial_to_numbers(const Trial *trial, double *out)
{
    const Candidate *c = &trial->value;
    double head[5] = { c->accuracy, c->loss, (double)c->params, (double)c->macs, c->latency_ms };
    memcpy(out, head, sizeof head);
    memcpy(out + 5, trial->values, sizeof trial->values);
}

Status oneshot_save(void *self, SearchState *state, Error *err)
{
    Oneshot *o = self;
    Book *b = &o->book;
    book_reset(b);
    book_meta(b, "family", "oneshot");
    book_meta(b, "space", o->t.ctx.space->name);
    trainer_save(&o->t, b);
    int64_t n = o->n_trials;
    int32_t *archs = arena_alloc(&b->arena, (size_t)n * ARCH_INTS + 1, sizeof *archs);
    double *numbers = arena_alloc(&b->arena, (size_t)n * TRIAL_NUMBERS + 1, sizeof *numbers);
    if (!archs || !numbers)
        return error_set(err, STATUS_NOMEM, "no memory for the state of the search");
    for (int i = 0; i < n; i++) {
        arch_to_ints(&o->trials[i].arch, archs + (size_t)i * ARCH_INTS);
        trial_to_numbers(&o->trials[i], numbers + (size_t)i * TRIAL_NUMBERS);
    }
    book_copy(b, "trials.count", SAFE_I64, &n, 1);
    book_put(b, "trials.arch", SAFE_I32, archs, n * ARCH_INTS);
    book_put(b, "trials.values", SAFE_F64, numbers, n * TRIAL_NUMBERS);
    return book_finish(b, state, err);
}

// Trials from what trial_to_numbers and arch_to_ints made.
static Status read_trials(Oneshot *o, const int32_t *archs, const double *numbers, int64_t n,
                          Error *err)
{
    for (int64_t i = 0; i < n; i++) {
        const double *v = numbers + i * TRIAL_NUMBERS;
        Trial *trial = &o->trials[i];
        memset(trial, 0, sizeof *trial);
        if (!arch_from_ints(o->t.ctx.space, archs + i * ARCH_INTS, &trial->arch))
            return error_set(err, STATUS_PARSE,
                             "checkpoint: trial %d is no architecture of space '%s'", (int)i,
                             o->t.ctx.space->name);
        trial->value = (Candidate){ .accuracy = v[0],
                                    .loss = v[1],
                                    .params = (int64_t)v[2],
                                    .macs = (int64_t)v[3],
                                    .latency_ms = v[4] };
        memcpy(trial->values, v + 5, sizeof trial->values);
    }
    return STATUS_OK;
}

static Status load_trials(Oneshot *o, const SafeFile *file, int64_t n, Error *err)
{
    int64_t ints = n * ARCH_INTS, reals = n * TRIAL_NUMBERS;
    const SafeTensor *archs, *numbers;
    Status status = safetensors_need(file, "trials.arch", SAFE_I32, 1, &ints, &archs, err);
    if (status == STATUS_OK)
        status = safetensors_need(file, "trials.values", SAFE_F64, 1, &reals, &numbers, err);
    if (status != STATUS_OK)
        return status;
    Trial *trials = mem_grow(o->trials, (size_t)(n + o->t.ctx.options.trials), sizeof *trials);
    if (!trials)
        return error_set(err, STATUS_NOMEM, "no memory for %lld trials", (long long)n);
    o->trials = trials;
    return n > 0 ? read_trials(o, archs->data, numbers->data, n, err) : STATUS_OK;
}

Status oneshot_load(void *self, const SafeFile *file, Error *err)
{
    Oneshot *o = self;
    const char *family = safetensors_meta(file, "family");
    int64_t n = 0;
    if (!family || strcmp(family, "oneshot") != 0)
        return error_set(err, STATUS_ARG,
                         "the checkpoint is of a search of another kind (%s), not of strategy %s",
                         family ? family : "unknown", o->t.ctx.options.strategy);
    Status status = trainer_load(&o->t, file, false, err);
    if (status == STATUS_OK)
        status = book_get(file, "trials.count", SAFE_I64, &n, 1, false, err);
    if (status == STATUS_OK && (n < 0 || n > 100000000))
        status = error_set(err, STATUS_PARSE, "checkpoint: trials.count is out of range");
    if (status == STATUS_OK)
        status = load_trials(o, file, n, err);
    if (status == STATUS_OK)
        o->n_trials = (int)n;
    return status;
}

// The most accurate of the trials that no other dominates; before any trial a random one.
Status oneshot_result(void *self, Genotype *geno, Candidate *value, Error *err)
{
    Oneshot *o = self;
    const Trial *best = NULL;
    for (int i = 0; i < o->n_trials; i++) {
        const Trial *trial = &o->trials[i];
        bool beaten = false;
        for (int k = 0; k < o->n_trials && !beaten; k++)
            beaten = oneshot_dominates(o, &o->trials[k], trial);
        if (!beaten && (!best || trial->value.accuracy > best->value.accuracy))
            best = trial;
    }
    if (best) {
        arch_to_genotype(o->t.ctx.space, &best->arch, geno);
        *value = best->value;
        return STATUS_OK;
    }
    Rng rng = oneshot_rng(o, 0);
    Arch arch;
    DerivedOptions derived = trainer_derived(&o->t);
    arch_random(o->t.ctx.space, &rng, &arch);
    arch_to_genotype(o->t.ctx.space, &arch, geno);
    *value = (Candidate){ .accuracy = NAN, .loss = NAN, .latency_ms = NAN };
    return net_cost(o->t.ctx.space, geno, &derived, &value->params, &value->macs, err);
}
