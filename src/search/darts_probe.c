// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/health/lanczos.h"
#include "src/search/darts.h"

enum { STREAM_LANCZOS = 0x6c616e63 };

// Product of the alpha Hessian of the first cell type with a vector, by central differences.
typedef struct {
    Darts *d;
    const Batch *batch;
    float *alpha; // as they were
    int n;
} Hessian;

static const double STEP = 0.05;

static Status gradient_at(Hessian *h, const double *v, double side, double *grad, Error *err)
{
    Darts *d = h->d;
    for (int i = 0; i < h->n; i++)
        d->alpha.value[i] = (float)(h->alpha[i] + side * STEP * v[i]);
    WeightKind kind = d->kind == WEIGHT_SIGMOID ? WEIGHT_SIGMOID : WEIGHT_SOFTMAX;
    weights_forward(&d->alpha, kind, d->p);
    darts_mix_exact(d, d->p, NULL);
    PassResult result = { 0 };
    Status status = trainer_forward(&d->t, h->batch, PASS_BATCH, PASS_STREAM_PROBE, &result, err);
    if (status == STATUS_OK)
        status = plan_backward(d->t.plan, GRAD_MIX, err);
    if (status != STATUS_OK)
        return status;
    darts_read_mix(d, d->raw);
    weights_backward(&d->alpha, kind, d->p, d->raw, grad);
    return STATUS_OK;
}

static Status apply(void *self, const double *v, double *out, Error *err)
{
    Hessian *h = self;
    Darts *d = h->d;
    Status status = gradient_at(h, v, 1, d->grad, err);
    if (status == STATUS_OK)
        memcpy(out, d->grad, (size_t)h->n * sizeof *out);
    if (status == STATUS_OK)
        status = gradient_at(h, v, -1, d->grad, err);
    double decay = d->t.ctx.options.alpha.decay; // is part of the published values
    for (int i = 0; i < h->n && status == STATUS_OK; i++)
        out[i] = (out[i] - d->grad[i]) / (2 * STEP) + decay * v[i];
    return status;
}

// Batches of the validation part from another place each epoch; the feed goes back afterwards.
static const Batch *probe_batch(Darts *d, int i)
{
    int64_t per_epoch = feed_batches_per_epoch(d->t.eval);
    feed_seek(d->t.eval, ((int64_t)(d->t.epoch + 1) * PROBE_BATCHES + i) % per_epoch);
    return feed_next(d->t.eval);
}

Status darts_lambda(Darts *d, double *lambda, Error *err)
{
    int n = d->alpha.rows[0] * d->alpha.cols[0];
    int64_t position = feed_tell(d->t.eval);
    Hessian h = { .d = d, .alpha = mem_array((size_t)n, sizeof(float)), .n = n };
    if (!h.alpha)
        return error_set(err, STATUS_NOMEM, "no memory for the Hessian of %d alphas", n);
    memcpy(h.alpha, d->alpha.value, (size_t)n * sizeof(float));
    Status status = STATUS_OK;
    double sum = 0;
    for (int i = 0; i < PROBE_BATCHES && status == STATUS_OK; i++) {
        double value = NAN;
        h.batch = probe_batch(d, i);
        LanczosTask task = { apply, &h, n, PROBE_PRODUCTS,
                             STREAM_LANCZOS + d->t.ctx.options.seed * 8 + (uint64_t)i };
        status = lanczos_largest(&task, &value, NULL, err);
        if (status == STATUS_NUMERIC) { // a reading, not a reason to stop
            value = NAN;
            status = STATUS_OK;
        }
        sum += value;
    }
    memcpy(d->alpha.value, h.alpha, (size_t)n * sizeof(float));
    mem_free(h.alpha);
    feed_seek(d->t.eval, position);
    *lambda = sum / PROBE_BATCHES;
    return status;
}

// One-hot mixing weights of the derived operators.
static void genotype_mask(const Alpha *a, const Genotype *geno, double *p, bool *active)
{
    memset(p, 0, (size_t)a->n * sizeof *p);
    memset(active, 0, (size_t)a->n);
    for (int t = 0; t < a->types && t < geno->n_cells; t++) {
        const SpaceCell *type = &a->space->cells[t];
        for (int i = 0; i < geno->cells[t].n_edges; i++) {
            const GenoEdge *gene = &geno->cells[t].edges[i];
            int e = space_edge_index(type, gene->from, gene->to);
            int op = space_op_index(a->space, gene->op);
            for (int k = 0; e >= 0 && k < type->edges[e].n_ops; k++)
                if (type->edges[e].ops[k] == op) {
                    p[a->offset[t] + e * a->cols[t] + k] = 1;
                    active[a->offset[t] + e * a->cols[t] + k] = true;
                }
        }
    }
    for (int i = a->n_alpha; i < a->n; i++)
        p[i] = 1; // weights of edges
}

static Status batch_accuracy(Darts *d, double *acc, Error *err)
{
    int64_t correct = 0, seen = 0;
    for (int i = 0; i < DROP_BATCHES; i++) {
        const Batch *batch = probe_batch(d, i);
        PassResult result = { 0 };
        Status status = trainer_forward(&d->t, batch, PASS_BATCH, PASS_STREAM_PROBE, &result, err);
        if (status != STATUS_OK)
            return status;
        correct += result.correct;
        seen += batch->n;
    }
    *acc = (double)correct / (double)seen;
    return STATUS_OK;
}

Status darts_discretisation(Darts *d, const Genotype *geno, double *drop, Error *err)
{
    int64_t position = feed_tell(d->t.eval);
    double whole = NAN, derived = NAN;
    darts_mix(d, MIX_FOR_EVAL);
    Status status = batch_accuracy(d, &whole, err);
    if (status == STATUS_OK) {
        genotype_mask(&d->alpha, geno, d->p, d->active);
        darts_mix_exact(d, d->p, d->active);
        status = batch_accuracy(d, &derived, err);
    }
    feed_seek(d->t.eval, position);
    *drop = whole - derived;
    return status;
}
