// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "src/search/darts.h"
#include "src/search/record.h"

static bool is_reduction(const SpaceCell *cell)
{
    return strncmp(cell->name, "reduc", 5) == 0;
}

void darts_update_effective(Darts *d)
{
    const Alpha *a = &d->alpha;
    if (darts_carries(d))
        memcpy(d->effective, d->carried, (size_t)a->n_alpha * sizeof *d->effective);
    else
        weights_effective(a, d->kind, d->effective);
    for (int t = 0; t < a->types; t++)
        for (int e = 0; e < a->rows[t]; e++)
            for (int k = 0; k < a->space->cells[t].edges[e].n_ops; k++) {
                int at = a->offset[t] + e * a->cols[t] + k;
                d->effective[at] = a->used[at] ? d->effective[at] : NAN;
            }
    if (!d->deciding)
        return;
    for (int i = 0; i < d->alpha.n_alpha; i++)
        d->p[i] = d->effective[i];
    sgas_apply(&d->sgas, &d->alpha, d->p, NULL);
    for (int i = 0; i < d->alpha.n_alpha; i++)
        d->effective[i] = (float)d->p[i];
}

static void derive_cell(Darts *d, int t, GenoCell *out)
{
    const SearchOptions *o = &d->t.ctx.options;
    const Space *space = d->alpha.space;
    float p[SPACE_EDGES * SPACE_OPS];
    int n = d->alpha.rows[t] * d->alpha.cols[t];
    memcpy(p, d->effective + d->alpha.offset[t], (size_t)n * sizeof *p);
    if (o->skip_cap > 0 && !is_reduction(&space->cells[t]))
        skip_cap_derive(space, t, p, o->skip_cap, out);
    else
        arch_derive_cell(space, t, p, out);
    if (o->fair && o->fair_threshold > 0 && space->cells[t].derive == DERIVE_TOP)
        fair_prune(space, t, p, o->fair_threshold, out);
}

void darts_genotype(Darts *d, Genotype *geno)
{
    memset(geno, 0, sizeof *geno);
    darts_update_effective(d);
    geno->n_cells = d->alpha.types;
    for (int t = 0; t < d->alpha.types; t++)
        derive_cell(d, t, &geno->cells[t]);
}

static Status emit_gradient(Darts *d, int epoch, Error *err)
{
    const SearchOptions *o = &d->t.ctx.options;
    if (!o->gradient_match && !o->layer_alignment && !o->discretisation && o->oles <= 0)
        return STATUS_OK;
    Json *record = record_new("gradient", epoch);
    json_put_int(record, "step", d->t.step);
    json_put_num(record, "norm", d->alpha_norm);
    double share = d->matching ? match_share(&d->match, 0.4) : NAN;
    if (!isnan(share))
        json_put_num(record, "match", share);
    if (d->alignment_n > 0)
        json_put_num(record, "alignment", d->alignment_sum / (double)d->alignment_n);
    if (!isnan(d->drop))
        json_put_num(record, "discretisation", d->drop);
    if (o->oles > 0)
        json_put_int(record, "frozen", match_frozen(&d->match));
    d->alignment_sum = 0;
    d->alignment_n = 0;
    d->drop = NAN; // said once
    return sink_emit(d->t.ctx.sink, record, err);
}

static Status look_at_cell(Darts *d, int t, int epoch, Error *err)
{
    const SpaceCell *type = &d->alpha.space->cells[t];
    bool sigmoid = d->kind == WEIGHT_SIGMOID && !darts_carries(d);
    AlphaRows rows = { .p = (sigmoid ? d->alpha.value : d->effective) + d->alpha.offset[t],
                       .used = d->alpha.used + d->alpha.offset[t],
                       .kind = sigmoid ? "sigmoid" : NULL };
    Json *alpha = record_alpha(type, epoch, d->t.step, &rows);
    Status status = sink_emit(d->t.ctx.sink, alpha, err);
    if (status != STATUS_OK)
        return status;
    Signals signals;
    GenoCell cell;
    judge_signals(&d->judge, t, d->effective, &signals);
    derive_cell(d, t, &cell);
    CellCount count = arch_cell_count(d->alpha.space, &cell);
    signals.skips = count.skips;
    signals.parameter_free = count.parameter_free;
    signals.conv_depth = count.conv_depth;
    Json *record = record_signals(type, epoch, d->t.step, &signals);
    if (!isnan(d->lead[t]))
        json_put_num(record, "lead", d->lead[t]);
    return sink_emit(d->t.ctx.sink, record, err);
}

Status darts_look(Darts *d, int epoch, Error *err)
{
    darts_update_effective(d);
    for (int t = 0; t < d->alpha.types; t++) {
        Status status = look_at_cell(d, t, epoch, err);
        if (status != STATUS_OK)
            return status;
    }
    return epoch >= 0 ? emit_gradient(d, epoch, err) : STATUS_OK;
}

static Status probe_lambda(Darts *d, double *lambda, Error *err)
{
    int every = d->t.ctx.options.hessian_every, epoch = d->t.epoch;
    *lambda = NAN;
    if (every <= 0 || epoch % every != 0)
        return STATUS_OK;
    Status status = darts_lambda(d, lambda, err);
    if (status != STATUS_OK)
        return status;
    Json *record = record_new("hessian", epoch);
    json_put_int(record, "step", d->t.step);
    json_put_num(record, "lambda_max", *lambda);
    json_put_int(record, "batches", PROBE_BATCHES);
    return sink_emit(d->t.ctx.sink, record, err);
}

static Status emit_genotype(Darts *d, const Genotype *geno, Error *err)
{
    int64_t params = 0, macs = 0;
    DerivedOptions options = trainer_derived(&d->t);
    Status status = net_cost(d->alpha.space, geno, &options, &params, &macs, err);
    if (status != STATUS_OK)
        return status;
    Json *record = record_genotype(geno, d->t.epoch, params, macs);
    json_put_int(record, "step", d->t.step);
    return sink_emit(d->t.ctx.sink, record, err);
}

static Status judge(Darts *d, const Genotype *geno, double lambda, Error *err)
{
    JudgeRow row = { .train_acc = d->t.train_acc,
                     .valid_acc = d->t.valid_acc,
                     .lambda = lambda,
                     .batches = PROBE_BATCHES,
                     .match = d->matching ? match_share(&d->match, 0.4) : NAN };
    Status status = judge_epoch(&d->judge, d->t.epoch, d->effective, geno, &row, err);
    return status == STATUS_OK ? judge_emit(&d->judge, d->t.step, d->t.ctx.sink, err) : status;
}

Status darts_end_epoch(Darts *d, Error *err)
{
    Genotype geno;
    double lambda = NAN;
    // The pass belongs to the epoch that ends: its mixing weights and knobs.
    darts_mix(d, MIX_FOR_EVAL);
    PassMode mode = d->kind == WEIGHT_SAMPLED ? PASS_BATCH : PASS_EVAL;
    Status status = trainer_evaluate(&d->t, mode, 0, &d->t.valid_loss, &d->t.valid_acc, err);
    if (status != STATUS_OK)
        return status;
    darts_genotype(d, &geno);
    if (d->t.ctx.options.discretisation)
        status = darts_discretisation(d, &geno, &d->drop, err);
    trainer_end_epoch(&d->t);
    if (d->t.ctx.options.sgas) {
        sgas_epoch(&d->sgas, &d->alpha, d->t.epoch);
        sgas_fix(&d->sgas, &d->alpha);
        darts_genotype(d, &geno);
    }
    if (status == STATUS_OK)
        status = darts_look(d, d->t.epoch, err);
    if (status == STATUS_OK)
        status = trainer_emit_epoch(&d->t, err);
    if (status == STATUS_OK)
        status = emit_genotype(d, &geno, err);
    if (status == STATUS_OK)
        status = probe_lambda(d, &lambda, err);
    return status == STATUS_OK ? judge(d, &geno, lambda, err) : status;
}
