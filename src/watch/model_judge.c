// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/watch/model_priv.h"

// Tells health what is known, one finished epoch after the other.

// A number that moves when any weight moves: weights are irrational, so that changes which keep
// the sum do not cancel.
static double look_norm(const ModelCell *cell, const AlphaLook *look)
{
    double sum = 0;
    int n = cell->shape.n_edges * cell->shape.n_ops;
    for (int i = 0; i < n; i++)
        sum += look->p[i] * sin(1.0 + 0.7 * i);
    return sum;
}

static void judge_cell(ModelRun *run, int index, int epoch)
{
    ModelCell *cell = &run->cells[index];
    const AlphaLook *alpha = model_look(run, index, epoch);
    if (alpha && alpha->epoch != epoch)
        alpha = NULL;
    GenoRow *row = model_geno_at(cell, epoch);
    if (alpha && (!row || !row->logged)) {
        GenoCell derived;
        model_derive(&cell->shape, alpha->p, &derived);
        if (model_put_geno(run, index, epoch, &derived, false, NULL))
            return;
        row = model_geno_at(cell, epoch);
    }
    if (!row)
        return;
    HealthLook look = { .epoch = epoch, .has_alpha = alpha != NULL, .geno = row->geno };
    if (alpha)
        look.signals = alpha->signals;
    else
        signals_from_genotype(&row->geno, &look.signals);
    look.signals.skips = row->skips;
    look.signals.parameter_free = row->parameter_free;
    look.signals.conv_depth = row->conv_depth;
    look.p_norm = alpha ? look_norm(cell, alpha) : NAN;
    health_look(run->health, cell->health, &look);
}

static void judge_epoch(ModelRun *run, int at)
{
    int epoch = run->rows[at].epoch;
    health_accuracy(run->health, epoch, run->rows[at].train_acc, run->rows[at].valid_acc);
    for (int i = 0; i < run->n_lambdas; i++)
        if (run->lambdas[i].epoch == epoch)
            health_lambda(run->health, epoch, run->lambdas[i].lambda_max, run->lambdas[i].batches);
    for (int c = 0; c < run->n_cells; c++)
        judge_cell(run, c, epoch);
    run->judged = epoch;
}

static void judge_from(ModelRun *run, int epoch)
{
    for (int i = model_row_count(run, epoch - 1); i < run->n_rows; i++)
        if (run->rows[i].done)
            judge_epoch(run, i);
}

void model_judge_again(ModelRun *run, int epoch)
{
    if (!run->closed && epoch <= run->judged && epoch < run->stale)
        run->stale = epoch;
}

void model_settle(ModelRun *run)
{
    if (run->stale > run->judged) {
        run->stale = INT_MAX;
        return;
    }
    int from = run->stale;
    run->stale = INT_MAX;
    health_rewind(run->health, from - 1);
    run->judged = from - 1;
    judge_from(run, from);
    run->version++;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Median of the last 15 epochs whose length is known.
static void update_pace(ModelRun *run)
{
    enum { RECENT = 15 };
    double seconds[RECENT];
    int n = 0;
    for (int i = run->n_rows - 1; i >= 0 && n < RECENT && run->n_rows - i < 4 * RECENT; i--)
        if (isfinite(run->rows[i].seconds) && run->rows[i].seconds > 0)
            seconds[n++] = run->rows[i].seconds;
    if (!n)
        return;
    qsort(seconds, (size_t)n, sizeof *seconds, by_value);
    run->seconds_per_epoch = n % 2 ? seconds[n / 2] : (seconds[n / 2 - 1] + seconds[n / 2]) / 2;
}

void model_epoch_done(ModelRun *run, int epoch)
{
    EpochRow *row = epoch < 0 ? NULL : model_epoch(run, epoch, NULL);
    if (!row || row == &run->beyond)
        return;
    row->done = true;
    if (epoch > run->epoch)
        run->epoch = epoch;
    update_pace(run);
    if (epoch <= run->judged)
        model_judge_again(run, epoch);
    else
        judge_epoch(run, model_row_count(run, epoch) - 1);
    run->version++;
}

Status model_limits(ModelRun *run, const HealthLimits *limits, Error *err)
{
    Health *health = health_new(limits);
    if (!health)
        return error_set(err, STATUS_NOMEM, "not enough memory to judge run %s", run->name);
    health_free(run->health);
    run->health = health;
    run->limits = *limits;
    run->judged = -1;
    run->stale = INT_MAX;
    for (int c = 0; c < run->n_cells; c++) {
        Status status = model_declare(run, &run->cells[c], err);
        if (status)
            return status;
    }
    judge_from(run, INT_MIN + 1);
    run->version++;
    return STATUS_OK;
}
