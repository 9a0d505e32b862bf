// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/watch/log.h"
#include "src/watch/model_priv.h"

// The state of a text log; log.h has the transitions.

void log_skip(LogReader *log, const char *reason)
{
    model_skip(log->model, log->run, log->line, reason);
}

// Epochs that begin without a stamp begin with the first one in them.
void log_clock(LogReader *log, double time)
{
    if (!isfinite(time) || !log->run)
        return;
    log->time = time;
    log->has_year = true;
    if (log->clock_epoch == log->current)
        return;
    double span = time - log->clock_time;
    EpochRow *row = log->clock_epoch == log->current - 1 && log->clock_epoch >= 0
                        ? model_epoch(log->run, log->clock_epoch, NULL)
                        : NULL;
    if (row && span > 0 && span < 30 * 86400.0)
        row->seconds = span;
    log->clock_epoch = log->current;
    log->clock_time = log->epoch_time = time;
}

void log_dialect(LogReader *log, const char *name)
{
    if (log->run && (!log->run->dialect[0] || strcmp(log->run->dialect, "darts") == 0))
        snprintf(log->run->dialect, sizeof log->run->dialect, "%s", name);
    if (!log->model->dialect[0] || strcmp(log->model->dialect, "darts") == 0)
        snprintf(log->model->dialect, sizeof log->model->dialect, "%s", name);
}

void log_started(LogReader *log)
{
    log->start_hint = true;
    log->base = log->stages = 0;
    log->in_final = log->retrain = false;
}

// ---- runs ---------------------------------------------------------------------------------------

static void apply_settings(LogReader *log)
{
    ModelRun *run = log->run;
    const LogSettings *set = &log->settings;
    run->seed = set->seed >= 0 ? set->seed : run->seed;
    if (set->epochs > run->epochs)
        run->epochs = set->epochs;
    snprintf(run->strategy, sizeof run->strategy, "%s", set->strategy);
    run->retrain = log->retrain;
    if (set->space[0])
        snprintf(run->space, sizeof run->space, "%s", set->space);
    if (log->options->space)
        snprintf(run->space, sizeof run->space, "%s", log->options->space);
}

Status log_need_run(LogReader *log, Error *err)
{
    char name[160];
    if (log->run)
        return STATUS_OK;
    if (log->n_runs)
        snprintf(name, sizeof name, "%s (%d)", log->name, log->n_runs + 1);
    else
        snprintf(name, sizeof name, "%s", log->name);
    if (log->model->n >= MODEL_RUNS)
        return STATUS_OK; // what follows belongs to no run
    log->run = model_add(log->model, name, err);
    if (!log->run)
        return STATUS_NOMEM;
    log->n_runs++;
    snprintf(log->run->path, sizeof log->run->path, "%s", log->path);
    snprintf(log->run->dialect, sizeof log->run->dialect, "%s", log->model->dialect);
    log->run->state = RUN_RUNNING;
    log->run->started = log->has_year ? log->time : NAN;
    apply_settings(log);
    return STATUS_OK;
}

static const EpochRow *row_at(const ModelRun *run, int epoch)
{
    int n = model_row_count(run, epoch);
    return n && run->rows[n - 1].epoch == epoch ? &run->rows[n - 1] : NULL;
}

static bool has_geno(const LogReader *log, int epoch)
{
    for (int c = 0; c < log->run->n_cells; c++) {
        const GenoRow *row = model_geno_at(&log->run->cells[c], epoch);
        if (row && row->logged)
            return true;
    }
    return false;
}

static bool has_accuracy(const LogReader *log, int epoch)
{
    const EpochRow *row = row_at(log->run, epoch);
    bool running = epoch == log->current && log->running[METRIC_TRAIN];
    return (row && ((isfinite(row->train_acc) && !running) || isfinite(row->valid_acc))) ||
           (row && epoch <= log->ended);
}

// Judges what is known of the current epoch. Only one with an accuracy counts as finished.
static void judge_current(LogReader *log, bool over)
{
    ModelRun *run = log->run;
    if (!run || log->current < 0)
        return;
    bool finished = has_accuracy(log, log->current);
    if (!finished && !has_geno(log, log->current) && !over)
        return;
    if (!finished && !has_geno(log, log->current) && !model_look(run, 0, log->current))
        return;
    int before = run->epoch;
    model_epoch_done(run, log->current);
    if (!finished && !over)
        run->epoch = before;
}

// Accuracies of a run that never pass 1 are fractions.
static void check_fractions(LogReader *log)
{
    enum { ENOUGH = 4 };
    if (log->fractions || log->percent || log->n_acc < ENOUGH || log->max_acc > 1.0)
        return;
    log->fractions = true;
    // an error of 0.3 was taken for 0.3 %
    double shift = log->errors ? -99 : 0;
    for (int i = 0; i < log->run->n_rows; i++) {
        EpochRow *row = &log->run->rows[i];
        row->train_acc = row->train_acc * 100 + shift;
        row->valid_acc = row->valid_acc * 100 + shift;
        row->test_acc = row->test_acc * 100 + shift;
    }
    model_judge_again(log->run, 0);
}

static void guess_plan(LogReader *log)
{
    double lr[8];
    ModelRun *run = log->run;
    if (run->epochs > 0 || run->n_rows < 8 || run->n_rows > 64)
        return;
    for (int i = 0; i < 8; i++) {
        if (run->rows[i].epoch != i)
            return;
        lr[i] = run->rows[i].lr;
    }
    run->epochs = log_cosine_epochs(lr, 8);
}

// What health has to know of the run. Where the cell is told only at the end of a stage, one
// telling stands for many epochs: it is enough for a look, and a rise is one since the last.
static void sync_limits(LogReader *log)
{
    enum { STAGE_EPOCHS = 100 };
    ModelRun *run = log->run;
    HealthLimits limits = run->limits;
    bool staged = log->stages > 0;
    if (limits.epochs == run->epochs && limits.warmup_epochs == log->settings.warmup &&
        (!staged || limits.looks == 1))
        return;
    limits.epochs = run->epochs;
    limits.warmup_epochs = log->settings.warmup;
    if (staged) {
        limits.looks = limits.depth_epochs = limits.slow_hold = 1;
        limits.rise_epochs = STAGE_EPOCHS;
    }
    model_limits(run, &limits, NULL);
}

static void close_run(LogReader *log)
{
    ModelRun *run = log->run;
    if (!run)
        return;
    judge_current(log, true);
    check_fractions(log);
    guess_plan(log);
    run->complete =
        run->epochs > 0 && run->epoch + 1 >= run->epochs && has_accuracy(log, run->epoch);
    run->state = run->complete ? RUN_DONE : RUN_STOPPED;
    sync_limits(log);
    run->version++;
}

// The next search of the file. One that has not finished an epoch is dropped: its place is used.
static void next_run(LogReader *log)
{
    close_run(log);
    if (log->run && log->run->epoch >= 0) {
        log->run = NULL;
    } else if (log->run) {
        model_rewind(log->run, -2, -1);
        log->run->complete = false;
        log->run->state = RUN_RUNNING;
        log->run->started = log->has_year ? log->time : NAN;
        apply_settings(log);
    }
    log->current = -1;
    log->max_acc = log->n_acc = 0;
    log->fractions = log->weak_geno = log->after_style = false;
    log->percent = log->errors = log->zero_based = false;
    log->ended = -1;
    log->epoch_time = NAN;
}

// ---- epochs -------------------------------------------------------------------------------------

static void time_epoch(LogReader *log, int next)
{
    double span = log->time - log->epoch_time;
    if (log->current >= 0 && span < -180 * 86400.0)
        span += 365 * 86400.0; // a clock without a year passed New Year
    EpochRow *row = log->current >= 0 ? model_epoch(log->run, log->current, NULL) : NULL;
    if (row && !isfinite(row->seconds) && span > 0 && span < 30 * 86400.0 && next > log->current)
        row->seconds = span / (next - log->current);
    log->epoch_time = log->time;
}

// Cells that only genotypes tell take their operators from the space that the user named.
static Status declare_told(LogReader *log, const Genotype *geno, Error *err)
{
    Status status = STATUS_OK;
    for (int c = 0; c < geno->n_cells && !status; c++)
        for (int i = 0; i < log->options->n_shapes && !status; i++) {
            HealthCell shape = log->options->shapes[i], form;
            model_shape_of_genotype(&geno->cells[c], &form);
            int index = model_cell_index(log->run, form.name);
            if (index >= 0 || strcmp(shape.name, form.name) != 0 || shape.n_edges != form.n_edges)
                continue;
            shape.alpha_known = false;
            status = model_cell(log->run, &shape, &index, err);
        }
    return status;
}

static Status begin(LogReader *log, int index, double lr, Error *err)
{
    judge_current(log, index > log->current);
    time_epoch(log, index);
    log->current = index;
    log->weak_geno = false;
    memset(log->running, 0, sizeof log->running);
    Status status = log_need_run(log, err);
    if (status || !log->run)
        return status;
    EpochRow *row = model_epoch(log->run, index, err);
    if (!row)
        return STATUS_NOMEM;
    if (isfinite(lr))
        row->lr = lr;
    if (log->has_year)
        row->wall = log->run->last = log->time;
    check_fractions(log);
    guess_plan(log);
    sync_limits(log);
    if (log->has_pending) {
        log->has_pending = false;
        log->weak_geno = true;
        status = declare_told(log, &log->pending, err);
        if (!status)
            status = model_genotype(log->run, index, &log->pending, err);
    }
    return status;
}

// The genotype of the current epoch is that of the next one to begin.
static void keep_genotype(LogReader *log)
{
    log->has_pending = false;
    log->pending.n_cells = 0;
    for (int c = 0; c < log->run->n_cells && log->pending.n_cells < GENO_CELLS; c++) {
        const GenoRow *row = model_geno_at(&log->run->cells[c], log->current);
        if (row && row->logged)
            log->pending.cells[log->pending.n_cells++] = row->geno;
    }
    log->has_pending = log->pending.n_cells > 0;
}

Status log_epoch(LogReader *log, int printed, double lr, int total, Error *err)
{
    Status status = log_alpha_flush(log, err);
    int index = log->base + printed;
    if (status)
        return status;
    bool bare = isnan(lr) && (log->had_lr || log->after) && !log->start_hint;
    if (bare && (log->after || index < log->current)) {
        if (!log->after)
            time_epoch(log, log->current + 1);
        log->after = true;
        return STATUS_OK;
    }
    // accuracies before the first line about an epoch are those of a state that was loaded, a
    // genotype is the first one
    if (log->run && !log->has_header && log->current == 0) {
        keep_genotype(log);
        model_rewind(log->run, -2, -1);
        log->current = -1;
    }
    bool restart = index == 0 && (log->current > 0 || (log->current == 0 && log->start_hint));
    if (restart)
        next_run(log);
    else if (log->run && index < log->current)
        model_rewind(log->run, index - 1, index - 1);
    log->had_lr |= isfinite(lr);
    log->has_header = true;
    log->after = log->start_hint = log->in_final = false;
    const EpochRow *old = log->run && index == log->current ? row_at(log->run, index) : NULL;
    bool resumed = old && isfinite(lr) && isfinite(old->lr) && has_accuracy(log, index);
    if (resumed) {
        model_rewind(log->run, index - 1, index - 1);
        log->current = index - 1;
    }
    if (log->run && index == log->current) {
        EpochRow *row = model_epoch(log->run, index, err);
        if (row && isfinite(lr) && isfinite(row->lr))
            log_skip(log, "an epoch that has begun: two writers");
        if (row && isfinite(lr))
            row->lr = lr;
        return row ? STATUS_OK : STATUS_NOMEM;
    }
    if (log->run && index < log->current)
        log->current = index - 1;
    status = begin(log, index, lr, err);
    if (log->run && total > log->run->epochs) {
        log->run->epochs = total;
        sync_limits(log);
    }
    return status;
}

Status log_epoch_of_total(LogReader *log, int printed, double lr, int total, Error *err)
{
    log->zero_based |= printed == 0;
    return log_epoch(log, printed - !log->zero_based, lr, total, err);
}

void log_epoch_ended(LogReader *log)
{
    if (log->current > log->ended)
        log->ended = log->current;
}

// Stages have as many epochs as the first one; P-DARTS has three.
void log_next_stage(LogReader *log)
{
    enum { STAGES = 3 };
    if (!log->run || log->current < 0 || log->base == log->current + 1)
        return;
    log->base = log->current + 1;
    log->stages++;
    int each = log->base / log->stages;
    if (log->run->epochs < each * STAGES) {
        log->run->epochs = each * STAGES;
        log->run->version++;
    }
}

void log_roll_back(LogReader *log, int printed)
{
    int index = log->base + printed;
    if (!log->run || log->after || index >= log->current)
        return;
    model_rewind(log->run, index, index);
    log->current = index;
    log->ended = log->ended < index ? log->ended : index;
}

void log_selection(LogReader *log)
{
    if (log->after)
        return;
    log->after = true;
    if (log->had_lr)
        return;
    // what was taken for an epoch is the state that the program has loaded
    if (log->run)
        model_rewind(log->run, -2, -1);
    log->current = -1;
    snprintf(log->model->no_search, sizeof log->model->no_search, "%s",
             "the choice of operators after a search (DARTS-PT), without the search");
}

// Logs that never announce an epoch: the first thing said twice begins the next one.
static Status imply_epoch(LogReader *log, bool again, Error *err)
{
    if (log->has_header || (log->current >= 0 && !again))
        return STATUS_OK;
    Status status = log_alpha_flush(log, err);
    return status ? status : begin(log, log->current + 1, NAN, err);
}

// ---- readings -----------------------------------------------------------------------------------

static double *acc_field(EpochRow *row, LogSplit split)
{
    return split == METRIC_TRAIN   ? &row->train_acc
           : split == METRIC_VALID ? &row->valid_acc
                                   : &row->test_acc;
}

static EpochRow *current_row(LogReader *log, Error *err)
{
    return log->run && log->current >= 0 ? model_epoch(log->run, log->current, err) : NULL;
}

// As a fraction; what turns out to be one already is corrected by check_fractions.
static double as_fraction(LogReader *log, double value, LogAccForm form)
{
    bool open = form == ACC_UNKNOWN || form == ACC_ERROR;
    log->percent |= form == ACC_PERCENT;
    log->errors |= form == ACC_ERROR;
    if (open) {
        log->n_acc++;
        log->max_acc = value > log->max_acc ? value : log->max_acc;
    }
    bool fraction = form == ACC_FRACTION || (open && log->fractions);
    if (form == ACC_ERROR)
        value = (fraction ? 1 : 100) - value;
    return fraction ? value : value / 100;
}

// Does the accuracy belong to an epoch? *row is NULL if not.
static Status acc_row(LogReader *log, LogSplit split, double value, EpochRow **row, Error *err)
{
    *row = NULL;
    if (log->after || !(value >= -1e-9 && value <= 100.0 + 1e-9)) {
        if (!log->after)
            log_skip(log, "accuracy out of range");
        return STATUS_OK;
    }
    Status status = log_alpha_flush(log, err);
    const EpochRow *old = log->run ? row_at(log->run, log->current) : NULL;
    bool again = old && isfinite(*acc_field((EpochRow *)old, split)) && !log->running[split];
    if (!status)
        status = imply_epoch(log, again, err);
    if (!status)
        *row = current_row(log, err);
    return status;
}

Status log_accuracy(LogReader *log, LogSplit split, double value, LogAccForm form, Error *err)
{
    EpochRow *row;
    Status status = acc_row(log, split, value, &row, err);
    if (status || !row || (isfinite(*acc_field(row, split)) && !log->running[split]))
        return status;
    log->running[split] = false;
    *acc_field(row, split) = as_fraction(log, value, form);
    if (log->has_year)
        row->wall = log->run->last = log->time;
    log->run->version++;
    if (split == METRIC_VALID && has_geno(log, log->current))
        judge_current(log, false);
    return STATUS_OK;
}

Status log_running(LogReader *log, LogSplit split, double value, LogAccForm form, Error *err)
{
    EpochRow *row;
    Status status = acc_row(log, split, value, &row, err);
    if (status || !row || (isfinite(*acc_field(row, split)) && !log->running[split]))
        return status;
    log->running[split] = true;
    *acc_field(row, split) = as_fraction(log, value, form);
    if (log->has_year)
        row->wall = log->run->last = log->time;
    log->run->version++;
    return STATUS_OK;
}

Status log_lambda(LogReader *log, double lambda, Error *err)
{
    if (log->after || !log->run || log->current < 0 || !isfinite(lambda))
        return STATUS_OK;
    LambdaRow row = { .epoch = log->current, .lambda_max = lambda, .batches = 1 };
    return model_lambda(log->run, &row, err);
}

Status log_loss(LogReader *log, LogSplit split, double value, bool exact, Error *err)
{
    if (log->after || split == METRIC_TEST)
        return STATUS_OK;
    Status status = log_alpha_flush(log, err);
    EpochRow *row = status ? NULL : current_row(log, err);
    if (!row)
        return status;
    // the running mean of a step line is close; it gives way to the loss of the epoch
    double *loss = split == METRIC_TRAIN ? &row->train_loss : &row->valid_loss;
    bool done = isfinite(*acc_field(row, split)) && !log->running[split];
    if (exact || !done)
        *loss = value;
    log->run->version++;
    return STATUS_OK;
}

Status log_seconds(LogReader *log, double seconds, Error *err)
{
    EpochRow *row = log->after ? NULL : current_row(log, err);
    if (row && seconds > 0 && seconds < 30 * 86400.0)
        row->seconds = seconds;
    return STATUS_OK;
}

Status log_genotype(LogReader *log, const char *text, Error *err)
{
    Genotype geno;
    if (!log_genotype_read(text, &geno)) {
        log_skip(log, "genotype not understood");
        return STATUS_OK;
    }
    if (log->after || log->in_final)
        return STATUS_OK;
    Status status = STATUS_OK;
    bool taken = log->run && log->current >= 0 && has_geno(log, log->current) && !log->weak_geno;
    if (!log->has_header) {
        if (log->current >= 0 || log->has_pending)
            status = imply_epoch(log, taken, err);
    }
    taken = log->run && log->current >= 0 && has_geno(log, log->current) && !log->weak_geno;
    if (status)
        return status;
    if (taken || log->current < 0 || log->current <= log->ended) {
        log->pending = geno;
        log->has_pending = true;
        return STATUS_OK;
    }
    log->weak_geno = false;
    log->has_pending = false;
    if (!log->run)
        return STATUS_OK;
    bool after = has_accuracy(log, log->current);
    status = declare_told(log, &geno, err);
    if (!status)
        status = model_genotype(log->run, log->current, &geno, err);
    log->after_style |= after;
    if (after)
        judge_current(log, false);
    return status;
}

// ---- the end ------------------------------------------------------------------------------------

Status log_finish(LogReader *log, bool last, Error *err)
{
    if (log->tensor.state == TENSOR_IDLE || last) {
        Status status = log_alpha_flush(log, err);
        if (status)
            return status;
    }
    if (!log->run)
        return STATUS_OK;
    if (last) {
        if (!log->after)
            time_epoch(log, log->current + 1);
        close_run(log);
        return STATUS_OK;
    }
    judge_current(log, false);
    ModelRun *run = log->run;
    run->complete = run->epochs > 0 && run->epoch + 1 >= run->epochs &&
                    has_accuracy(log, run->epoch) && has_geno(log, run->epoch);
    run->state = run->complete ? RUN_DONE : RUN_RUNNING;
    return STATUS_OK;
}

// lr_e = lr_min + (lr_0 - lr_min) (1 + cos(pi e / T)) / 2, printed at e or, by programs that step
// the scheduler first, at e + 1.
int log_cosine_epochs(const double *lr, int n)
{
    static const double minima[] = { 0.001, 0.0, 0.0001, 0.0025 };
    static const double starts[] = { 0, 0.025, 0.1, 0.05, 0.2, 0.01, 0.005 };
    for (int shift = 0; shift < 2; shift++)
        for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
            for (size_t m = 0; m < sizeof minima / sizeof *minima; m++) {
                double first = s == 0 ? lr[0] : starts[s];
                if ((s == 0) == (shift == 1))
                    continue;
                for (int T = 5; T <= 1000; T++) {
                    bool fits = true;
                    for (int e = 0; e < n && fits; e++) {
                        double want = minima[m] + (first - minima[m]) *
                                                      (1 + cos(acos(-1) * (e + shift) / T)) / 2;
                        fits = fabs(want - lr[e]) <= 1e-6 * want;
                    }
                    if (fits)
                        return T;
                }
            }
    return 0;
}
