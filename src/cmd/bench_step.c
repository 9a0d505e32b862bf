// SPDX-License-Identifier: MIT
// One first-order search step of a supernet, as a DARTS search makes it: alpha pass with Adam,
// w pass with clipping and SGD. Inputs are random and made once. Runs in a child.
#include <limits.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "src/cmd/bench.h"
#include "src/engine/optim.h"
#include "src/engine/plan.h"
#include "src/run/session.h"
#include "src/script/script.h"

enum { TABLES = NET_CELLS + 1 + GENO_CELLS };

// One table of mixing weights with its logits. Softmax over the columns of a row; tables of edge
// weights have one column: softmax over the edges into a node.
typedef struct {
    int rows, cols;
    const SpaceCell *by_node; // set for edge weights
    float *logit, *p, *hard, *grad, *m, *v;
    bool *active;
} Table;

typedef struct {
    const BenchNet *net;
    Space *space;
    Graph *graph;
    Plan *plan;
    Table table[TABLES];
    int n_tables;
    float *images[2]; // training, validation
    int *labels[2];
    float *grad, *momentum; // of the weights
    size_t n_w;
    size_t predicted;
    int count;
} Step;

static Status open_space(Step *s, Error *err)
{
    char path[PATH_MAX];
    Status status = session_find_space(s->net->space, path, err);
    if (status == STATUS_OK)
        status = script_load_space(path, NULL, &s->space, err);
    if (status == STATUS_OK && s->net->channels)
        s->space->channels = s->net->channels;
    return status;
}

static Status open_plan(Step *s, const BenchOptions *o, Error *err)
{
    PlanOptions options = { .batch = BENCH_BATCH, .threads = o->threads, .isa = o->isa };
    Status status = net_supernet(s->space, &s->net->net, &s->graph, err);
    if (status == STATUS_OK)
        status = plan_bytes(s->graph, &options, &s->predicted, err);
    if (status == STATUS_OK)
        status = plan_compile(s->graph, &options, &s->plan, err);
    if (status != STATUS_OK)
        return status;
    plan_init_params(s->plan, 1);
    plan_params_changed(s->plan);
    s->n_w = plan_param_count(s->plan);
    return STATUS_OK;
}

static bool open_table(Table *t, Rng *rng)
{
    size_t n = (size_t)(t->rows * t->cols);
    t->logit = mem_zero(n, sizeof(float));
    t->p = mem_zero(n, sizeof(float));
    t->hard = mem_zero(n, sizeof(float));
    t->grad = mem_zero(n, sizeof(float));
    t->m = mem_zero(n, sizeof(float));
    t->v = mem_zero(n, sizeof(float));
    t->active = mem_zero(n, sizeof(bool));
    if (!t->logit || !t->p || !t->hard || !t->grad || !t->m || !t->v || !t->active)
        return false;
    for (size_t i = 0; i < n; i++)
        t->logit[i] = 1e-3F * (float)rng_normal(rng);
    return true;
}

static Status open_tables(Step *s, Error *err)
{
    NetTables names;
    Rng rng = rng_new(2);
    net_tables(s->space, &s->net->net, &names);
    s->n_tables = graph_tables(s->graph);
    for (int i = 0; i < s->n_tables && i < TABLES; i++) {
        Table *t = &s->table[i];
        graph_table_size(s->graph, i, &t->rows, &t->cols);
        for (int c = 0; c < s->space->n_cells; c++)
            if (names.edges[c] == i)
                t->by_node = &s->space->cells[c];
        if (!open_table(t, &rng))
            return error_set(err, STATUS_NOMEM, "no memory for alphas");
    }
    return STATUS_OK;
}

static Status open_arrays(Step *s, Error *err)
{
    Rng rng = rng_new(3);
    int height = s->net->net.height ? s->net->net.height : s->space->height;
    int width = s->net->net.width ? s->net->net.width : s->space->width;
    size_t n = (size_t)BENCH_BATCH * (size_t)height * (size_t)width * (size_t)s->space->channels;
    s->grad = mem_zero(s->n_w + 1, sizeof(float));
    s->momentum = mem_zero(s->n_w + 1, sizeof(float));
    for (int b = 0; b < 2; b++) {
        s->images[b] = mem_array(n, sizeof(float));
        s->labels[b] = mem_array(BENCH_BATCH, sizeof(int));
        if (!s->images[b] || !s->labels[b])
            return error_set(err, STATUS_NOMEM, "no memory for images");
        for (size_t i = 0; i < n; i++)
            s->images[b][i] = (float)rng_normal(&rng);
        for (int i = 0; i < BENCH_BATCH; i++)
            s->labels[b][i] = (int)rng_below(&rng, (uint64_t)s->space->classes);
    }
    return s->grad && s->momentum ? STATUS_OK
                                  : error_set(err, STATUS_NOMEM, "no memory for gradients");
}

static void close_step(Step *s)
{
    for (int i = 0; i < s->n_tables && i < TABLES; i++) {
        Table *t = &s->table[i];
        mem_free(t->logit);
        mem_free(t->p);
        mem_free(t->hard);
        mem_free(t->grad);
        mem_free(t->m);
        mem_free(t->v);
        mem_free(t->active);
    }
    for (int b = 0; b < 2; b++) {
        mem_free(s->images[b]);
        mem_free(s->labels[b]);
    }
    mem_free(s->grad);
    mem_free(s->momentum);
    plan_free(s->plan);
    graph_free(s->graph);
    if (s->space)
        space_free(s->space);
}

// ---- mixing weights ----------------------------------------------------------------------------

// Entries that one softmax goes over: [from, to).
static int group_end(const Table *t, int from)
{
    if (!t->by_node)
        return from + t->cols;
    int to = from + 1;
    while (to < t->rows && t->by_node->edges[to].to == t->by_node->edges[from].to)
        to++;
    return to;
}

static void softmax(float *p, const float *logit, int n)
{
    float top = logit[0], sum = 0;
    for (int i = 1; i < n; i++)
        top = logit[i] > top ? logit[i] : top;
    for (int i = 0; i < n; i++)
        sum += p[i] = expf(logit[i] - top);
    for (int i = 0; i < n; i++)
        p[i] /= sum;
}

// One operator an edge, each of them once in as many steps as there are operators, so that the
// mean over these is that of a uniform sample.
static void sample(Table *t, int table, int count)
{
    memset(t->hard, 0, sizeof(float) * (size_t)(t->rows * t->cols));
    memset(t->active, 0, sizeof(bool) * (size_t)(t->rows * t->cols));
    for (int r = 0; r < t->rows; r++) {
        int order[SPACE_OPS];
        for (int i = 0; i < t->cols; i++)
            order[i] = i;
        Rng rng = rng_at(4, (uint64_t)table, (uint64_t)r);
        rng_shuffle(&rng, order, t->cols);
        int pick = r * t->cols + order[count % t->cols];
        t->hard[pick] = 1;
        t->active[pick] = true;
    }
}

static void set_mix(Step *s)
{
    for (int i = 0; i < s->n_tables; i++) {
        Table *t = &s->table[i];
        for (int at = 0, end; at < t->rows * t->cols; at = end) {
            end = group_end(t, at);
            softmax(t->p + at, t->logit + at, end - at);
        }
        if (s->net->sampled)
            sample(t, i, s->count);
        plan_set_mix(s->plan, i, s->net->sampled ? t->hard : t->p,
                     s->net->sampled ? t->active : NULL);
    }
}

// Through the softmax (a sample passes its gradient straight through), then Adam.
static void step_alphas(Step *s)
{
    AdamOptions adam = { .lr = 3e-4, .beta1 = 0.5, .beta2 = 0.999, .eps = 1e-8, .decay = 1e-3 };
    for (int i = 0; i < s->n_tables; i++) {
        Table *t = &s->table[i];
        const double *g = plan_mix_grad(s->plan, i);
        for (int at = 0, end; at < t->rows * t->cols; at = end) {
            double mean = 0;
            end = group_end(t, at);
            for (int k = at; k < end; k++)
                mean += (double)t->p[k] * g[k];
            for (int k = at; k < end; k++)
                t->grad[k] = (float)((double)t->p[k] * (g[k] - mean));
        }
        optim_adam(t->logit, t->grad, t->m, t->v, (size_t)(t->rows * t->cols), &adam, s->count + 1);
    }
}

static void step_weights(Step *s)
{
    SgdOptions sgd = { .lr = 0.025F, .momentum = 0.9F, .decay = 3e-4F };
    memcpy(s->grad, plan_grads(s->plan), s->n_w * sizeof *s->grad);
    optim_clip(s->grad, s->n_w, 5);
    optim_sgd(plan_params(s->plan), s->grad, s->momentum, s->n_w, &sgd, s->count == 0);
    plan_params_changed(s->plan);
}

static Status pass(Step *s, int batch, int what, PassResult *result, Error *err)
{
    PassInput input = {
        .images = s->images[batch],
        .labels = s->labels[batch],
        .n = BENCH_BATCH,
        .mode = PASS_TRAIN,
        .seed = 1,
        .step = (uint64_t)s->count,
        .drop_path = -1,
    };
    Status status = plan_forward(s->plan, &input, result, err);
    return status == STATUS_OK ? plan_backward(s->plan, what, err) : status;
}

static Status make_step(Step *s, Json *record, Error *err)
{
    PassResult alpha, weights;
    double began = bench_now(), cpu = bench_cpu();
    set_mix(s);
    Status status = pass(s, 1, GRAD_MIX, &alpha, err);
    if (status != STATUS_OK)
        return status;
    step_alphas(s);
    double middle = bench_now();
    set_mix(s);
    status = pass(s, 0, GRAD_WEIGHTS, &weights, err);
    if (status != STATUS_OK)
        return status;
    step_weights(s);
    s->count++;
    json_put_num(record, "seconds", bench_now() - began);
    json_put_num(record, "alpha_seconds", middle - began);
    json_put_num(record, "cpu", bench_cpu() - cpu);
    json_put_num(record, "loss", weights.main_loss);
    return STATUS_OK;
}

// ---- the child ---------------------------------------------------------------------------------

// Multiply-adds of an image on edges: layers of operators are named "cells.N.TYPE.FROM-TO.OP...".
static double edge_macs(const Graph *g)
{
    double sum = 0;
    for (int i = 0; i < graph_count(g); i++) {
        Shape in[SPACE_OP_LAYERS];
        const int *inputs;
        const char *name = graph_name(g, i);
        int from, to, n = graph_inputs(g, i, &inputs);
        if (!name || sscanf(name, "cells.%*d.%*[^.].%d-%d.", &from, &to) != 2 ||
            n > SPACE_OP_LAYERS)
            continue;
        for (int k = 0; k < n; k++)
            in[k] = graph_shape(g, inputs[k]);
        sum += (double)layer_macs(graph_attr(g, i), in, n);
    }
    return sum;
}

// An alpha pass is forward and the inputs' gradients, a w pass has the weights' too: five times
// the forward pass.
static double step_macs(const Step *s)
{
    double all = (double)graph_macs(s->graph), edges = edge_macs(s->graph);
    if (s->net->sampled)
        all -= edges * (1 - 1.0 / s->table[0].cols);
    return 5 * all * BENCH_BATCH;
}

static double peak_rss(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss * 1024;
}

static Json *describe(const Step *s, double base_rss)
{
    Json *o = json_new_object();
    json_put_str(o, "name", s->net->name);
    json_put_int(o, "batch", BENCH_BATCH);
    json_put_int(o, "threads", plan_threads(s->plan));
    json_put_str(o, "isa", plan_isa(s->plan));
    json_put_int(o, "params", (int64_t)s->n_w);
    json_put_int(o, "macs_image", graph_macs(s->graph));
    json_put_num(o, "step_macs", step_macs(s));
    json_put_num(o, "predicted_bytes", (double)s->predicted);
    json_put_num(o, "plan_bytes", (double)plan_memory(s->plan));
    json_put_num(o, "base_rss", base_rss);
    json_put_bool(o, "sampled", s->net->sampled);
    json_put_int(o, "cycle", s->net->sampled ? s->table[0].cols : 1);
    return o;
}

static Status serve(Step *s, FILE *in, FILE *out, Error *err)
{
    char line[16];
    while (fgets(line, sizeof line, in)) {
        Json *record = json_new_object();
        Status status = make_step(s, record, err);
        if (status != STATUS_OK) {
            json_free(record);
            return status;
        }
        json_put_num(record, "peak_rss", peak_rss());
        bench_child_say(out, record);
    }
    return STATUS_OK;
}

// Memory is new at its first use, which no search pays twice: every sampled operator runs once.
static Status warm_up(Step *s, Error *err)
{
    int steps = s->net->sampled ? s->table[0].cols : 1;
    Status status = STATUS_OK;
    for (int i = 0; i < steps && status == STATUS_OK; i++) {
        Json *record = json_new_object();
        status = make_step(s, record, err);
        json_free(record);
    }
    return status;
}

Status bench_step_job(void *self, FILE *in, FILE *out, Error *err)
{
    const BenchStepJob *job = self;
    double base = peak_rss();
    Step s = { .net = job->net };
    Status status = open_space(&s, err);
    if (status == STATUS_OK)
        status = open_plan(&s, job->options, err);
    if (status == STATUS_OK)
        status = open_tables(&s, err);
    if (status == STATUS_OK)
        status = open_arrays(&s, err);
    if (status == STATUS_OK)
        status = warm_up(&s, err);
    if (status == STATUS_OK) {
        bench_child_say(out, describe(&s, base));
        status = serve(&s, in, out, err);
    }
    close_step(&s);
    return status;
}
