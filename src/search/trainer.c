// SPDX-License-Identifier: MIT
#include "src/search/trainer.h"

#include <math.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/clock.h"
#include "src/engine/optim.h"
#include "src/search/record.h"

enum { BAD_STEPS = 100 };

void trainer_fit_feed(const Trainer *t, FeedOptions *feed)
{
    const SearchContext *c = &t->ctx;
    feed->height = c->train_feed.height > 0 ? c->train_feed.height : c->space->height;
    feed->width = c->train_feed.width > 0 ? c->train_feed.width : c->space->width;
    feed->channels = c->space->channels;
}

DerivedOptions trainer_derived(const Trainer *t)
{
    return (DerivedOptions){ .height = t->ctx.train_feed.height, .width = t->ctx.train_feed.width };
}

static Status open_feed(const Trainer *t, bool train, bool replace, int tag, Feed **feed,
                        Error *err)
{
    const SearchContext *c = &t->ctx;
    FeedOptions o = train ? c->train_feed : c->valid_feed;
    o.batch = c->options.batch;
    o.shuffle = train;
    o.replace = replace;
    o.seed = c->options.seed * 8 + (uint64_t)tag;
    trainer_fit_feed(t, &o);
    const int *indices = train ? c->split->train : c->split->valid;
    int count = train ? c->split->n_train : c->split->n_valid;
    if (count < 1)
        return error_set(err, STATUS_ARG, "the %s part has no images; see data.valid",
                         train ? "training" : "validation");
    return feed_new(c->data, indices, count, &o, feed, err);
}

static Status open_feeds(Trainer *t, Error *err)
{
    Status status = open_feed(t, true, false, 0, &t->train, err);
    return status == STATUS_OK ? open_feed(t, false, false, 2, &t->eval, err) : status;
}

static Status open_plan(Trainer *t, Error *err)
{
    const SearchOptions *o = &t->ctx.options;
    PlanOptions options = {
        .batch = o->batch, .threads = o->threads, .isa = o->isa, .recompute = o->recompute
    };
    Status status = plan_compile(t->graph, &options, &t->plan, err);
    if (status != STATUS_OK)
        return status;
    plan_init_params(t->plan, o->seed + ((uint64_t)t->round << 40));
    plan_params_changed(t->plan);
    t->n_w = plan_param_count(t->plan);
    t->momentum = mem_zero(t->n_w + 1, sizeof *t->momentum);
    t->grad = mem_zero(t->n_w + 1, sizeof *t->grad);
    if (!t->momentum || !t->grad)
        return error_set(err, STATUS_NOMEM, "no memory for the optimiser of %zu weights", t->n_w);
    return STATUS_OK;
}

Status trainer_open(Trainer *t, const SearchContext *ctx, Graph *graph, Error *err)
{
    *t = (Trainer){ .ctx = *ctx, .graph = graph, .epoch = -1 };
    t->train_loss = t->train_acc = t->valid_loss = t->valid_acc = NAN;
    t->lr = ctx->options.w.lr;
    t->wall = clock_mono();
    t->cpu = record_cpu_seconds();
    Status status = open_feeds(t, err);
    if (status == STATUS_OK)
        status = open_plan(t, err);
    if (status != STATUS_OK)
        trainer_close(t);
    return status;
}

Status trainer_open_alpha_feed(Trainer *t, Error *err)
{
    return open_feed(t, false, true, 1, &t->valid, err);
}

static void close_feeds(Trainer *t)
{
    feed_free(t->train);
    feed_free(t->valid);
    feed_free(t->eval);
    t->train = t->valid = t->eval = NULL;
}

static void close_plan(Trainer *t)
{
    plan_free(t->plan);
    mem_free(t->momentum);
    mem_free(t->grad);
    t->plan = NULL;
    t->momentum = t->grad = NULL;
    t->frozen = NULL;
}

void trainer_close(Trainer *t)
{
    close_feeds(t);
    close_plan(t);
    graph_free(t->graph);
    *t = (Trainer){ 0 };
}

// The old plan goes first: both at once may not fit.
Status trainer_set_graph(Trainer *t, Graph *graph, int round, Error *err)
{
    close_plan(t);
    graph_free(t->graph);
    t->graph = graph;
    t->round = round;
    t->w_steps = t->bad_steps = 0;
    return open_plan(t, err);
}

// Feeds count batches over the whole run: the next epoch begins at the next whole one.
static Status reopen_feeds(Trainer *t, Error *err)
{
    bool alpha = t->valid;
    close_feeds(t);
    Status status = open_feeds(t, err);
    if (status == STATUS_OK && alpha)
        status = trainer_open_alpha_feed(t, err);
    Feed *const feed[] = { t->train, t->eval, t->valid };
    for (int i = 0; i < (alpha ? 3 : 2) && status == STATUS_OK; i++)
        feed_seek(feed[i], (t->epoch + 1) * feed_batches_per_epoch(feed[i]));
    return status;
}

static float *copy_floats(const float *from, size_t n)
{
    float *to = mem_array(n + 1, sizeof *to);
    if (to && n > 0)
        memcpy(to, from, n * sizeof *to);
    return to;
}

// Everything that was learned goes over by copies.
static Status reopen_plan(Trainer *t, Error *err)
{
    size_t n_buffers = plan_buffer_count(t->plan);
    float *w = copy_floats(plan_params(t->plan), t->n_w);
    float *buffers = copy_floats(plan_buffers(t->plan), n_buffers);
    float *momentum = t->momentum, *grad = t->grad;
    const unsigned char *frozen = t->frozen;
    t->momentum = t->grad = NULL;
    close_plan(t);
    Status status = w && buffers ? open_plan(t, err)
                                 : error_set(err, STATUS_NOMEM, "no memory to copy the weights");
    if (status == STATUS_OK) {
        memcpy(plan_buffers(t->plan), buffers, n_buffers * sizeof *buffers);
        memcpy(t->momentum, momentum, t->n_w * sizeof *momentum);
        memcpy(t->grad, grad, t->n_w * sizeof *grad);
        trainer_set_weights(t, w, 0, NULL);
        t->frozen = frozen;
    }
    mem_free(w);
    mem_free(buffers);
    mem_free(momentum);
    mem_free(grad);
    return status;
}

Status trainer_set_batch(Trainer *t, int batch, Error *err)
{
    if (batch == t->ctx.options.batch)
        return STATUS_OK;
    t->ctx.options.batch = batch;
    Status status = reopen_feeds(t, err);
    return status == STATUS_OK ? reopen_plan(t, err) : status;
}

Status trainer_forward(Trainer *t, const Batch *batch, PassMode mode, int stream,
                       PassResult *result, Error *err)
{
    PassInput input = { .images = batch->images,
                        .labels = batch->labels,
                        .n = batch->n,
                        .mode = mode,
                        .seed = t->ctx.options.seed,
                        .step = (uint64_t)t->step * PASS_STREAMS + (uint64_t)stream,
                        .drop_path = t->drop_path,
                        .mix_dropout = t->mix_dropout };
    return plan_forward(t->plan, &input, result, err);
}

// SGD over the runs of weights that may move.
static void descend_free(Trainer *t, float *w, const SgdOptions *sgd)
{
    for (size_t i = 0; i < t->n_w;) {
        size_t end = i + 1;
        while (end < t->n_w && t->frozen[end] == t->frozen[i])
            end++;
        if (!t->frozen[i])
            optim_sgd(w + i, t->grad + i, t->momentum + i, end - i, sgd, t->w_steps == 0);
        i = end;
    }
}

Status trainer_descend(Trainer *t, Error *err)
{
    const SearchOptions *o = &t->ctx.options;
    memcpy(t->grad, plan_grads(t->plan), t->n_w * sizeof *t->grad);
    for (size_t i = 0; t->frozen && i < t->n_w; i++)
        if (t->frozen[i])
            t->grad[i] = 0;
    double norm = optim_clip(t->grad, t->n_w, o->w.clip);
    if (!isfinite(norm)) {
        if (++t->bad_steps < BAD_STEPS)
            return STATUS_OK;
        return error_set(err, STATUS_NUMERIC,
                         "the gradient was not finite in %d steps in a row; lower search.w.lr "
                         "(now %g) or set search.w.clip",
                         BAD_STEPS, o->w.lr);
    }
    t->bad_steps = 0;
    SgdOptions sgd = { (float)t->lr, (float)o->w.momentum, (float)o->w.decay, o->w.nesterov };
    float *w = plan_params(t->plan);
    if (t->frozen)
        descend_free(t, w, &sgd);
    else
        optim_sgd(w, t->grad, t->momentum, t->n_w, &sgd, t->w_steps == 0);
    t->w_steps++;
    plan_params_changed(t->plan);
    return STATUS_OK;
}

void trainer_set_weights(Trainer *t, const float *base, double factor, const float *direction)
{
    float *w = plan_params(t->plan);
    float f = (float)factor;
    for (size_t i = 0; i < t->n_w; i++)
        w[i] = direction ? base[i] + f * direction[i] : base[i];
    plan_params_changed(t->plan);
}

void trainer_count(Trainer *t, const PassResult *result, int n)
{
    t->loss_sum += result->main_loss * n;
    t->correct += result->correct;
    t->seen += n;
}

static Status evaluate(Trainer *t, PassMode mode, int64_t batches, double *loss, double *acc,
                       Error *err)
{
    double sum = 0;
    int64_t correct = 0, seen = 0;
    for (int64_t b = 0; b < batches; b++) {
        const Batch *batch = feed_next(t->eval);
        PassResult result = { 0 };
        Status status = trainer_forward(t, batch, mode, PASS_STREAM_PROBE, &result, err);
        if (status != STATUS_OK)
            return status;
        sum += result.main_loss * batch->n;
        correct += result.correct;
        seen += batch->n;
    }
    *loss = sum / (double)seen;
    *acc = (double)correct / (double)seen;
    return STATUS_OK;
}

Status trainer_evaluate(Trainer *t, PassMode mode, int batches, double *loss, double *acc,
                        Error *err)
{
    int64_t all = feed_batches_per_epoch(t->eval);
    float drop_path = t->drop_path, mix_dropout = t->mix_dropout;
    t->drop_path = t->mix_dropout = 0;
    Status status = evaluate(t, mode, batches > 0 && batches < all ? batches : all, loss, acc, err);
    t->drop_path = drop_path;
    t->mix_dropout = mix_dropout;
    return status;
}

int64_t trainer_epoch_steps(const Trainer *t)
{
    return t->train ? feed_batches_per_epoch(t->train) : 0;
}

bool trainer_stopped(const Trainer *t)
{
    return t->ctx.stop && atomic_load(t->ctx.stop) != 0;
}

void trainer_end_epoch(Trainer *t)
{
    t->train_loss = t->seen > 0 ? t->loss_sum / (double)t->seen : NAN;
    t->train_acc = t->seen > 0 ? (double)t->correct / (double)t->seen : NAN;
    t->loss_sum = 0;
    t->correct = t->seen = 0;
    t->epoch_step = 0;
    t->epoch++;
}

Status trainer_emit_epoch(Trainer *t, Error *err)
{
    double now = clock_mono(), cpu = record_cpu_seconds(), seconds = now - t->wall;
    Json *epoch = record_new("epoch", t->epoch);
    json_put_int(epoch, "step", t->step);
    record_put_score(epoch, "train", t->train_loss, t->train_acc);
    if (isfinite(t->valid_acc))
        record_put_score(epoch, "valid", t->valid_loss, t->valid_acc);
    json_put_num(epoch, "lr", t->lr);
    json_put_num(epoch, "seconds", seconds);
    Status status = sink_emit(t->ctx.sink, epoch, err);
    if (status != STATUS_OK)
        return status;
    Json *device = record_new("device", t->epoch);
    json_put_int(device, "step", t->step);
    json_put_num(device, "seconds", seconds);
    json_put_num(device, "cpu", seconds > 0 ? (cpu - t->cpu) / seconds : 0);
    json_put_int(device, "rss", record_rss_bytes());
    t->wall = now;
    t->cpu = cpu;
    return sink_emit(t->ctx.sink, device, err);
}

void trainer_fill_progress(const Trainer *t, SearchProgress *progress)
{
    *progress = (SearchProgress){ .epoch = t->epoch, .step = t->step };
    bool running = t->seen > 0;
    progress->loss = running ? t->loss_sum / (double)t->seen : t->train_loss;
    progress->train_acc = running ? (double)t->correct / (double)t->seen : t->train_acc;
    progress->valid_acc = t->valid_acc;
    progress->memory_bytes = t->plan ? (int64_t)plan_memory(t->plan) : 0;
}

double trainer_majority(const Trainer *t)
{
    const Dataset *data = t->ctx.data;
    int *count = mem_zero((size_t)data->classes, sizeof *count), most = 0;
    if (!count)
        return NAN;
    for (int i = 0; i < t->ctx.split->n_train; i++) {
        int n = ++count[data->labels[t->ctx.split->train[i]]];
        most = n > most ? n : most;
    }
    mem_free(count);
    return (double)most / t->ctx.split->n_train;
}

// ---- state --------------------------------------------------------------------------------------

enum { COUNTERS = 10, SUMS = 6 };

void trainer_save(Trainer *t, Book *book)
{
    int64_t counters[COUNTERS] = { t->step,
                                   t->epoch_step,
                                   t->w_steps,
                                   t->bad_steps,
                                   t->epoch,
                                   t->correct,
                                   t->seen,
                                   feed_tell(t->train),
                                   t->valid ? feed_tell(t->valid) : 0,
                                   feed_tell(t->eval) };
    double sums[SUMS] = { t->loss_sum,   t->train_loss, t->train_acc,
                          t->valid_loss, t->valid_acc,  t->lr };
    book_copy(book, "train.counters", SAFE_I64, counters, COUNTERS);
    book_copy(book, "train.sums", SAFE_F64, sums, SUMS);
    book_params(book, "w", t->plan, false, plan_params(t->plan));
    book_params(book, "momentum", t->plan, false, t->momentum);
    book_params(book, "buffer", t->plan, true, plan_buffers(t->plan));
}

Status trainer_load(Trainer *t, const SafeFile *file, bool fork, Error *err)
{
    int64_t counters[COUNTERS];
    double sums[SUMS];
    Status status = book_get(file, "train.counters", SAFE_I64, counters, COUNTERS, false, err);
    if (status == STATUS_OK)
        status = book_get(file, "train.sums", SAFE_F64, sums, SUMS, false, err);
    if (status == STATUS_OK)
        status = book_get_params(file, "w", t->plan, false, plan_params(t->plan), fork, err);
    if (status == STATUS_OK)
        status = book_get_params(file, "momentum", t->plan, false, t->momentum, fork, err);
    if (status == STATUS_OK)
        status = book_get_params(file, "buffer", t->plan, true, plan_buffers(t->plan), fork, err);
    if (status != STATUS_OK)
        return status;
    plan_params_changed(t->plan);
    int64_t *counter[] = { &t->step, &t->epoch_step, &t->w_steps, &t->bad_steps };
    for (int i = 0; i < 4; i++)
        *counter[i] = counters[i];
    t->epoch = (int)counters[4];
    t->correct = counters[5];
    t->seen = counters[6];
    feed_seek(t->train, counters[7]);
    if (t->valid)
        feed_seek(t->valid, counters[8]);
    feed_seek(t->eval, counters[9]);
    double *sum[] = { &t->loss_sum,   &t->train_loss, &t->train_acc,
                      &t->valid_loss, &t->valid_acc,  &t->lr };
    for (int i = 0; i < SUMS; i++)
        *sum[i] = sums[i];
    return STATUS_OK;
}
