// SPDX-License-Identifier: MIT
// Training of a derived network from scratch (SCIENCE.md 1.4): SGD with the cosine to lr_min,
// clipping, drop path growing linearly, auxiliary head. It learns on all images that are not in
// the sealed test part; only the end looks at that part.
#include <math.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/clock.h"
#include "src/engine/optim.h"
#include "src/engine/weights.h"
#include "src/search/trainer.h"

typedef struct {
    Trainer t;
    Split split; // train: training and validation images; valid: the test part
    const RetrainJob *job;
    const RetrainOptions *o; // of the job
    RetrainProgress *result;
    double start;
} Retrain;

static Status join_split(Retrain *r, const Split *unsealed, Error *err)
{
    int n = unsealed->n_train + unsealed->n_valid;
    if (unsealed->n_test < 1)
        return error_set(err, STATUS_ARG, "no sealed test part to end on; see data.test");
    int *all = mem_array((size_t)n + 1, sizeof *all);
    if (!all)
        return error_set(err, STATUS_NOMEM, "no memory for %d image numbers", n);
    memcpy(all, unsealed->train, (size_t)unsealed->n_train * sizeof *all);
    if (unsealed->n_valid > 0)
        memcpy(all + unsealed->n_train, unsealed->valid, (size_t)unsealed->n_valid * sizeof *all);
    r->split =
        (Split){ .train = all, .n_train = n, .valid = unsealed->test, .n_valid = unsealed->n_test };
    return STATUS_OK;
}

static Status build(const RetrainJob *job, Graph **graph, Error *err)
{
    const RetrainOptions *o = &job->options;
    const FeedOptions *feed = &job->train_feed;
    DerivedOptions options = { .channels = o->channels,
                               .cells = o->cells,
                               .height = feed->height,
                               .width = feed->width,
                               .aux = o->aux,
                               .drop_path = o->drop_path > 0,
                               .aux_weight = (float)o->aux_weight,
                               .smoothing = (float)o->smoothing };
    if (job->space->n_layers > 0)
        return net_fixed(job->space, options.smoothing, graph, err);
    return net_derived(job->space, job->geno, &options, graph, err);
}

static SearchOptions trainer_options(const RetrainOptions *o)
{
    return (SearchOptions){ .batch = o->batch,
                            .threads = o->threads,
                            .isa = o->isa,
                            .recompute = o->recompute,
                            .seed = o->seed,
                            .epochs = o->epochs,
                            .w = { o->lr, o->lr_min, o->momentum, o->decay, o->clip, false } };
}

static Status train_epoch(Retrain *r, int epoch, Error *err)
{
    Trainer *t = &r->t;
    const RetrainOptions *o = r->o;
    t->lr = optim_cosine(o->lr, o->lr_min, epoch, o->epochs);
    bool fixed = t->ctx.space->n_layers > 0;
    t->drop_path = fixed ? -1 : (float)(o->drop_path * epoch / o->epochs);
    for (int64_t b = 0; b < trainer_epoch_steps(t); b++) {
        PassResult pass = { 0 };
        if (trainer_stopped(t))
            return error_set(err, STATUS_STOPPED, "stopped on request in epoch %d", epoch);
        const Batch *batch = feed_next(t->train);
        Status status = trainer_forward(t, batch, PASS_TRAIN, PASS_STREAM_TRAIN, &pass, err);
        if (status == STATUS_OK)
            status = plan_backward(t->plan, GRAD_WEIGHTS, err);
        if (status == STATUS_OK)
            status = trainer_descend(t, err);
        if (status != STATUS_OK)
            return status;
        trainer_count(t, &pass, batch->n);
        t->step++;
    }
    trainer_end_epoch(t);
    return STATUS_OK;
}

static void report(Retrain *r)
{
    RetrainProgress *p = r->result;
    p->epoch = r->t.epoch;
    p->train_loss = r->t.train_loss;
    p->train_acc = r->t.train_acc;
    p->seconds = clock_mono() - r->start;
    if (r->job->progress)
        r->job->progress(r->job->self, p);
}

static Status run(Retrain *r, Error *err)
{
    for (int epoch = 0; epoch < r->o->epochs; epoch++) {
        Status status = train_epoch(r, epoch, err);
        if (status != STATUS_OK)
            return status;
        if (epoch + 1 < r->o->epochs)
            report(r);
    }
    double loss;
    Status status = trainer_evaluate(&r->t, PASS_EVAL, 0, &loss, &r->result->test_acc, err);
    if (status == STATUS_OK && r->o->epochs > 0)
        report(r);
    return status;
}

Status search_retrain(const RetrainJob *job, RetrainProgress *result, Error *err)
{
    const RetrainOptions *options = &job->options;
    Retrain r = { .job = job, .o = options, .result = result };
    Graph *graph = NULL;
    *result = (RetrainProgress){ -1, NAN, NAN, NAN, 0 };
    r.start = clock_mono();
    if (options->batch < 1 || options->epochs < (job->weights ? 0 : 1))
        return error_set(err, STATUS_ARG,
                         "retrain.epochs and retrain.batch must be at least 1 (epochs 0 with "
                         "weights to start from)");
    Status status = join_split(&r, job->split, err);
    if (status == STATUS_OK)
        status = build(job, &graph, err);
    SearchContext ctx = { .space = job->space,
                          .data = job->data,
                          .split = &r.split,
                          .train_feed = job->train_feed,
                          .valid_feed = job->test_feed,
                          .options = trainer_options(options),
                          .stop = job->stop };
    if (status == STATUS_OK)
        status = trainer_open(&r.t, &ctx, graph, err);
    if (status == STATUS_OK) {
        if (job->weights)
            status = weights_read(r.t.plan, job->weights, err);
        if (status == STATUS_OK)
            status = run(&r, err);
        if (status == STATUS_OK && job->save)
            status = weights_write(r.t.plan, job->save, err);
        trainer_close(&r.t);
    }
    mem_free(r.split.train);
    return status;
}
