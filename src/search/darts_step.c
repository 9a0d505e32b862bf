// SPDX-License-Identifier: MIT
// The gradients of DARTS (SCIENCE.md 1.3) and the two halves of a step.
#include <math.h>
#include <string.h>

#include "src/engine/optim.h"
#include "src/search/darts.h"

// Added to what a pass differentiates: the batch is a training batch and its noise too.
enum { ON_TRAIN = 0x100 };

// Forward and backward on one batch.
static Status pass(Darts *d, const Batch *batch, PassMode mode, int what, Error *err)
{
    PassResult result = { 0 };
    bool train = what & ON_TRAIN;
    Status status = trainer_forward(&d->t, batch, mode,
                                    train ? PASS_STREAM_TRAIN : PASS_STREAM_VALID, &result, err);
    return status == STATUS_OK ? plan_backward(d->t.plan, what & ~ON_TRAIN, err) : status;
}
static void note_alignment(Darts *d)
{
    double alignment = darts_alignment(d);
    if (!isnan(alignment)) {
        d->alignment_sum += alignment;
        d->alignment_n++;
    }
}

// grad_alpha L_val(w, alpha). The weights' gradient comes along when something wants it.
static Status first_order(Darts *d, const Batch *valid, Error *err)
{
    int what = GRAD_MIX | (d->matching ? GRAD_WEIGHTS : 0);
    Status status = pass(d, valid, PASS_TRAIN, what, err);
    if (status != STATUS_OK)
        return status;
    darts_read_mix(d, d->raw);
    note_alignment(d);
    if (d->matching)
        memcpy(d->direction, plan_grads(d->t.plan), d->t.n_w * sizeof *d->direction);
    return STATUS_OK;
}

// w' = w - eta (mu m + grad_w L_train(w) + wd w)
static Status unroll(Darts *d, const Batch *train, Error *err)
{
    const SearchOptions *o = &d->t.ctx.options;
    Status status = pass(d, train, PASS_TRAIN, GRAD_WEIGHTS | ON_TRAIN, err);
    if (status != STATUS_OK)
        return status;
    const float *g = plan_grads(d->t.plan), *m = d->t.momentum;
    float eta = (float)d->t.lr, mu = (float)o->w.momentum, wd = (float)o->w.decay;
    for (size_t i = 0; i < d->t.n_w; i++)
        d->direction[i] = mu * m[i] + g[i] + wd * d->w0[i];
    trainer_set_weights(&d->t, d->w0, -(double)eta, d->direction);
    return STATUS_OK;
}

// raw -= eta (grad L_train(w + eps v) - grad L_train(w - eps v)) / (2 eps), v in d->direction.
static Status finite_difference(Darts *d, const Batch *train, Error *err)
{
    double norm = optim_norm(d->direction, d->t.n_w), eps = 0.01 / norm;
    if (!(norm > 0) || !isfinite(norm))
        return STATUS_OK;
    for (int side = 1; side >= -1; side -= 2) {
        trainer_set_weights(&d->t, d->w0, side * eps, d->direction);
        Status status = pass(d, train, PASS_BATCH, GRAD_MIX | ON_TRAIN, err);
        if (status != STATUS_OK)
            return status;
        darts_read_mix(d, d->grad);
        for (int i = 0; i < d->alpha.n; i++)
            d->raw[i] -= side * d->t.lr * d->grad[i] / (2 * eps);
    }
    return STATUS_OK;
}

Status darts_second_order(Darts *d, const Batch *train, const Batch *valid, Error *err)
{
    memcpy(d->w0, plan_params(d->t.plan), d->t.n_w * sizeof *d->w0);
    Status status = unroll(d, train, err);
    if (status == STATUS_OK)
        status = pass(d, valid, PASS_BATCH, GRAD_MIX | GRAD_WEIGHTS, err);
    if (status == STATUS_OK) {
        darts_read_mix(d, d->raw);
        note_alignment(d);
        memcpy(d->direction, plan_grads(d->t.plan), d->t.n_w * sizeof *d->direction);
        status = finite_difference(d, train, err);
    }
    trainer_set_weights(&d->t, d->w0, 0, NULL);
    return status;
}

static double norm_of(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

// Over about 25 steps.
static void note_lead(Darts *d)
{
    for (int t = 0; t < d->alpha.types; t++) {
        double now = darts_skip_lead(d, t, d->grad);
        if (!isnan(now))
            d->lead[t] = isnan(d->lead[t]) ? now : d->lead[t] + 0.04 * (now - d->lead[t]);
    }
}

Status darts_step_alpha(Darts *d, const Batch *train, Error *err)
{
    const SearchOptions *o = &d->t.ctx.options;
    const Batch *valid = feed_next(d->t.valid);
    darts_mix(d, MIX_FOR_ALPHA);
    Status status = o->order == ORDER_SECOND ? darts_second_order(d, train, valid, err)
                                             : first_order(d, valid, err);
    if (status != STATUS_OK)
        return status;
    if (d->matching && d->t.w_steps > 0) {
        match_step(&d->match, d->t.plan, d->direction, d->t.grad, o->oles);
        d->t.frozen = o->oles > 0 ? d->match.mask : NULL;
    }
    darts_alpha_gradient(d, d->raw, d->grad);
    d->alpha_norm = norm_of(d->grad, d->alpha.n_alpha);
    note_lead(d);
    if (o->beta_decay > 0)
        beta_decay_add(&d->alpha, beta_decay_weight(o->beta_decay, darts_epoch(d), o->epochs),
                       d->grad);
    if (o->fair)
        fair_add(&d->alpha, o->fair_weight, d->grad);
    AlphaStep step = { o->alpha.lr, o->alpha.beta1, o->alpha.beta2, o->alpha.decay, o->alpha.clip };
    alpha_step(&d->alpha, d->grad, &step);
    return STATUS_OK;
}

Status darts_step_weights(Darts *d, const Batch *train, Error *err)
{
    PassResult result = { 0 };
    darts_mix(d, MIX_FOR_WEIGHTS);
    Status status = trainer_forward(&d->t, train, PASS_TRAIN, PASS_STREAM_TRAIN, &result, err);
    if (status == STATUS_OK)
        status = plan_backward(d->t.plan, GRAD_WEIGHTS, err);
    if (status != STATUS_OK)
        return status;
    trainer_count(&d->t, &result, train->n);
    return trainer_descend(&d->t, err);
}
