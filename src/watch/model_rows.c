// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/watch/model_priv.h"

// Rows by epoch, trials with their front, eigenvalues, messages, time left.

int model_row_count(const ModelRun *run, int epoch)
{
    int low = 0, high = run->n_rows;
    while (low < high) {
        int mid = (low + high) / 2;
        if (run->rows[mid].epoch <= epoch)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

EpochRow *model_epoch(ModelRun *run, int epoch, Error *err)
{
    if (model_is_beyond(run, epoch))
        return &run->beyond;
    int at = model_row_count(run, epoch);
    run->version++;
    if (at && run->rows[at - 1].epoch == epoch)
        return &run->rows[at - 1];
    bool full;
    void *rows = run->rows;
    Status status =
        model_reserve(run, &rows, run->n_rows, &run->cap_rows, sizeof *run->rows, &full, err);
    run->rows = rows;
    if (status)
        return NULL;
    if (full)
        return &run->beyond;
    memmove(run->rows + at + 1, run->rows + at, (size_t)(run->n_rows - at) * sizeof *run->rows);
    run->n_rows++;
    run->rows[at] = (EpochRow){ .epoch = epoch,
                                .train_loss = NAN,
                                .train_acc = NAN,
                                .valid_loss = NAN,
                                .valid_acc = NAN,
                                .lr = NAN,
                                .seconds = NAN,
                                .test_acc = NAN,
                                .wall = NAN };
    return &run->rows[at];
}

// ---- trials -------------------------------------------------------------------------------------

static bool on_scale(const ModelRun *run, const TrialRow *trial)
{
    for (int k = 0; k < run->n_objectives; k++)
        if (!isfinite(trial->values[k]))
            return false;
    return run->n_objectives > 0 && strcmp(trial->state, "COMPLETE") == 0;
}

// a is nowhere worse than b and somewhere better.
static bool dominates(const ModelRun *run, const TrialRow *a, const TrialRow *b)
{
    bool better = false;
    for (int k = 0; k < run->n_objectives; k++) {
        double gain = a->values[k] - b->values[k];
        if (!run->objective[k].maximize)
            gain = -gain;
        if (gain < 0)
            return false;
        better |= gain > 0;
    }
    return better;
}

static void front_update(ModelRun *run, int added)
{
    TrialRow *mine = &run->trials[added];
    mine->on_front = on_scale(run, mine);
    for (int i = 0; i < run->n_trials && mine->on_front; i++)
        if (i != added && run->trials[i].on_front && dominates(run, &run->trials[i], mine))
            mine->on_front = false;
    for (int i = 0; i < run->n_trials && mine->on_front; i++)
        if (i != added && run->trials[i].on_front && dominates(run, mine, &run->trials[i]))
            run->trials[i].on_front = false;
}

static void front_rebuild(ModelRun *run)
{
    for (int i = 0; i < run->n_trials; i++)
        run->trials[i].on_front = false;
    for (int i = 0; i < run->n_trials; i++)
        front_update(run, i);
}

// A trial comes again when its state changes: RUNNING, then COMPLETE.
static TrialRow *trial_find(ModelRun *run, int number)
{
    for (int i = run->n_trials - 1; i >= 0; i--)
        if (run->trials[i].number == number)
            return &run->trials[i];
    return NULL;
}

Status model_trial(ModelRun *run, const TrialRow *trial, Error *err)
{
    char *arch = mem_strdup(trial->arch ? trial->arch : "");
    if (!arch)
        return error_set(err, STATUS_NOMEM, "not enough memory for trial %d", trial->number);
    run->version++;
    TrialRow *row = trial_find(run, trial->number);
    if (row) {
        mem_free(row->arch);
        *row = *trial;
        row->arch = arch;
        front_rebuild(run);
        return STATUS_OK;
    }
    bool full;
    void *trials = run->trials;
    Status status = model_reserve(run, &trials, run->n_trials, &run->cap_trials,
                                  sizeof *run->trials, &full, err);
    run->trials = trials;
    if (status || full) {
        mem_free(arch);
        return status;
    }
    run->owner->bytes += strlen(arch) + 32;
    run->trials[run->n_trials] = *trial;
    run->trials[run->n_trials].arch = arch;
    run->n_trials++;
    front_update(run, run->n_trials - 1);
    return STATUS_OK;
}

// ---- extras -------------------------------------------------------------------------------------

Status model_lambda(ModelRun *run, const LambdaRow *row, Error *err)
{
    int at = run->n_lambdas;
    while (at > 0 && run->lambdas[at - 1].epoch > row->epoch)
        at--;
    bool same = at > 0 && run->lambdas[at - 1].epoch == row->epoch;
    if (!same) {
        bool full;
        void *rows = run->lambdas;
        Status status = model_reserve(run, &rows, run->n_lambdas, &run->cap_lambdas,
                                      sizeof *run->lambdas, &full, err);
        run->lambdas = rows;
        if (status || full)
            return status;
        memmove(run->lambdas + at + 1, run->lambdas + at,
                (size_t)(run->n_lambdas - at) * sizeof *run->lambdas);
        run->n_lambdas++;
    }
    run->lambdas[same ? at - 1 : at] = *row;
    model_judge_again(run, row->epoch);
    run->version++;
    return STATUS_OK;
}

Status model_gradient(ModelRun *run, const GradientRow *row, Error *err)
{
    GradientRow *last = run->n_gradients ? &run->gradients[run->n_gradients - 1] : NULL;
    if (!last || last->epoch != row->epoch || last->step != row->step) {
        bool full;
        void *rows = run->gradients;
        Status status = model_reserve(run, &rows, run->n_gradients, &run->cap_gradients,
                                      sizeof *run->gradients, &full, err);
        run->gradients = rows;
        if (status || full)
            return status;
        last = &run->gradients[run->n_gradients++];
    }
    *last = *row;
    run->version++;
    return STATUS_OK;
}

// The newest half stays when the list is full.
static void log_trim(ModelRun *run)
{
    int drop = run->n_log / 2;
    for (int i = 0; i < drop; i++)
        mem_free(run->log[i].text);
    memmove(run->log, run->log + drop, (size_t)(run->n_log - drop) * sizeof *run->log);
    run->n_log -= drop;
}

Status model_log(ModelRun *run, double wall, const char *text, Error *err)
{
    enum { LONGEST = 400 };
    if (run->n_log >= MODEL_LOG_ROWS)
        log_trim(run);
    bool full;
    void *rows = run->log;
    Status status =
        model_reserve(run, &rows, run->n_log, &run->cap_log, sizeof *run->log, &full, err);
    run->log = rows;
    if (status || full)
        return status;
    size_t n = strlen(text);
    char *copy = mem_alloc((n > LONGEST ? LONGEST : n) + 1);
    if (!copy)
        return error_set(err, STATUS_NOMEM, "not enough memory for a message of run %s", run->name);
    snprintf(copy, (n > LONGEST ? LONGEST : n) + 1, "%s", text);
    run->log[run->n_log++] = (LogRow){ wall, copy };
    run->version++;
    return STATUS_OK;
}

// ---- time ---------------------------------------------------------------------------------------

double model_eta(const ModelRun *run)
{
    if (run->complete || run->state == RUN_DONE)
        return 0;
    int left = run->epochs - 1 - run->epoch;
    if (run->epochs <= 0 || !isfinite(run->seconds_per_epoch))
        return NAN;
    return left > 0 ? left * run->seconds_per_epoch : 0;
}
