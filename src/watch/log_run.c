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
    model_skip(log->model, log->now.run, log->line, reason);
}

// Epochs that begin without a stamp begin with the first one in them.
void log_clock(LogReader *log, double time)
{
    if (!isfinite(time) || !log->now.run)
        return;
    log->time = time;
    log->has_year = true;
    if (log->now.clock_epoch == log->now.current)
        return;
    double span = time - log->now.clock_time;
    EpochRow *row = log->now.clock_epoch == log->now.current - 1 && log->now.clock_epoch >= 0
                        ? model_epoch(log->now.run, log->now.clock_epoch, NULL)
                        : NULL;
    if (row && span > 0 && span < 30 * 86400.0)
        row->seconds = span;
    log->now.clock_epoch = log->now.current;
    log->now.clock_time = log->now.epoch_time = time;
}

void log_dialect(LogReader *log, const char *name)
{
    if (log->now.run && (!log->now.run->dialect[0] || strcmp(log->now.run->dialect, "darts") == 0))
        snprintf(log->now.run->dialect, sizeof log->now.run->dialect, "%s", name);
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

// Of a file of many searches only the last ones can still be written to.
static void end_older(LogReader *log)
{
    ModelRun **place = &log->recent[log->n_runs % LOG_RECENT];
    if (log->full)
        return;
    if (*place && *place != log->other.run)
        model_end(*place);
    *place = log->now.run;
}

Status log_need_run(LogReader *log, Error *err)
{
    char name[160];
    if (log->now.run)
        return STATUS_OK;
    if (log->n_runs)
        snprintf(name, sizeof name, "%s (%d)", log->name, log->n_runs + 1);
    else
        snprintf(name, sizeof name, "%s", log->name);
    log->full = log->model->n >= MODEL_RUNS; // what follows belongs to no run
    log->now.run = model_add(log->model, name, err);
    if (!log->now.run)
        return STATUS_NOMEM;
    end_older(log);
    log->n_runs++;
    snprintf(log->now.run->path, sizeof log->now.run->path, "%s", log->path);
    snprintf(log->now.run->dialect, sizeof log->now.run->dialect, "%s", log->model->dialect);
    log->now.run->state = RUN_RUNNING;
    log->now.run->started = log->has_year ? log->time : NAN;
    log_apply_settings(log);
    return STATUS_OK;
}

const EpochRow *log_row(const ModelRun *run, int epoch)
{
    int n = model_row_count(run, epoch);
    return n && run->rows[n - 1].epoch == epoch ? &run->rows[n - 1] : NULL;
}

double *log_acc_field(EpochRow *row, LogSplit split)
{
    return split == METRIC_TRAIN   ? &row->train_acc
           : split == METRIC_VALID ? &row->valid_acc
                                   : &row->test_acc;
}

bool log_has_genotype(const LogTrack *track, int epoch)
{
    for (int c = 0; c < track->run->n_cells; c++) {
        const GenoRow *row = model_geno_at(&track->run->cells[c], epoch);
        if (row && row->logged)
            return true;
    }
    return false;
}

static bool has_accuracy(const LogReader *log, int epoch)
{
    const EpochRow *row = log_row(log->now.run, epoch);
    bool running = epoch == log->now.current && log->now.running[METRIC_TRAIN];
    return (row && ((isfinite(row->train_acc) && !running) || isfinite(row->valid_acc))) ||
           (row && epoch <= log->now.ended);
}

// Judges what is known of the current epoch. Only one with an accuracy counts as finished.
static void judge_current(LogReader *log, bool over)
{
    ModelRun *run = log->now.run;
    if (!run || log->now.current < 0)
        return;
    bool finished = has_accuracy(log, log->now.current);
    if (!finished && !log_has_genotype(&log->now, log->now.current) && !over)
        return;
    if (!finished && !log_has_genotype(&log->now, log->now.current) &&
        !model_look(run, 0, log->now.current))
        return;
    int before = run->epoch;
    model_epoch_done(run, log->now.current);
    if (!finished && !over)
        run->epoch = before;
}

// Is an accuracy that never passed 1 a percentage near chance? The loss tells: a network that knows
// nothing of C classes has a loss of log C and is right once in C. (ImageNet begins with 0.1 %.)
static bool is_near_chance(const ModelRun *run)
{
    for (int i = 0; i < run->n_rows; i++)
        if (isfinite(run->rows[i].train_acc) && isfinite(run->rows[i].train_loss))
            return run->rows[i].train_acc >= 0.5 * exp(-run->rows[i].train_loss);
    return false;
}

static void scale_accuracies(LogReader *log, double factor, double shift)
{
    for (int i = 0; i < log->now.run->n_rows; i++) {
        EpochRow *row = &log->now.run->rows[i];
        row->train_acc = row->train_acc * factor + shift;
        row->valid_acc = row->valid_acc * factor + shift;
        row->test_acc = row->test_acc * factor + shift;
    }
    model_judge_again(log->now.run, 0);
}

// Accuracies of a run that never pass 1 are fractions.
static void check_fractions(LogReader *log)
{
    enum { ENOUGH = 4 };
    LogTrack *now = &log->now;
    if (now->fractions && now->max_acc > 1.0) { // they were not, after all
        now->fractions = false;
        now->percent = true;
        scale_accuracies(log, 0.01, now->errors ? 0.99 : 0);
    }
    if (now->fractions || now->percent || now->n_acc < ENOUGH || now->max_acc > 1.0)
        return;
    if (!now->errors && is_near_chance(now->run))
        return;
    now->fractions = true;
    // an error of 0.3 was taken for 0.3 %
    scale_accuracies(log, 100, now->errors ? -99 : 0);
}

static void close_run(LogReader *log)
{
    ModelRun *run = log->now.run;
    if (!run)
        return;
    judge_current(log, true);
    check_fractions(log);
    log_guess_plan(log);
    run->complete =
        run->epochs > 0 && run->epoch + 1 >= run->epochs && has_accuracy(log, run->epoch);
    run->state = run->complete ? RUN_DONE : RUN_STOPPED;
    log_sync_limits(log);
    run->version++;
}

static void track_init(LogTrack *track)
{
    *track = (LogTrack){
        .current = -1, .ended = -1, .clock_epoch = -1, .epoch_time = NAN, .heard = NAN
    };
}

// The next search of the file. One that has not finished an epoch is dropped: its place is used.
// One that has not come to its end may go on: another program may be writing it.
static void next_run(LogReader *log)
{
    ModelRun *run = log->now.run;
    close_run(log);
    if (run && run->epoch >= 0) {
        if (!run->complete && !log->now.gaps && !log->stages && !log->interleaved)
            log->other = log->now;
        run = NULL;
    } else if (run) {
        model_rewind(run, -2, -1);
        run->complete = false;
        run->state = RUN_RUNNING;
        run->started = log->has_year ? log->time : NAN;
        log_apply_settings(log);
    }
    track_init(&log->now);
    log->now.run = run;
}

// ---- epochs -------------------------------------------------------------------------------------

static void time_epoch(LogReader *log, int next)
{
    double span = log->time - log->now.epoch_time;
    if (log->now.current >= 0 && span < -180 * 86400.0)
        span += 365 * 86400.0; // a clock without a year passed New Year
    EpochRow *row =
        log->now.current >= 0 ? model_epoch(log->now.run, log->now.current, NULL) : NULL;
    if (row && !isfinite(row->seconds) && span > 0 && span < 30 * 86400.0 &&
        next > log->now.current)
        row->seconds = span / (next - log->now.current);
    log->now.epoch_time = log->time;
}

// Cells that only genotypes tell take their operators from the space that the user named.
static Status declare_told(LogReader *log, const Genotype *geno, Error *err)
{
    Status status = STATUS_OK;
    for (int c = 0; c < geno->n_cells && !status; c++)
        for (int i = 0; i < log->options->n_shapes && !status; i++) {
            HealthCell shape = log->options->shapes[i], form;
            model_shape_of_genotype(&geno->cells[c], &form);
            int index = model_cell_index(log->now.run, form.name);
            if (index >= 0 || strcmp(shape.name, form.name) != 0 || shape.n_edges != form.n_edges)
                continue;
            shape.alpha_known = false;
            status = model_cell(log->now.run, &shape, &index, err);
        }
    return status;
}

static Status begin(LogReader *log, int index, double lr, Error *err)
{
    judge_current(log, index > log->now.current);
    time_epoch(log, index);
    log->now.gaps |= log->now.current >= 0 && index > log->now.current + 1;
    log->now.current = index;
    log->now.began = log->line;
    log->now.heard = log->time;
    for (int k = 0; k < 3; k++)
        log->now.step[k] = -1;
    log->now.weak_geno = false;
    memset(log->now.running, 0, sizeof log->now.running);
    Status status = log_need_run(log, err);
    if (status || !log->now.run)
        return status;
    EpochRow *row = model_epoch(log->now.run, index, err);
    if (!row)
        return STATUS_NOMEM;
    if (isfinite(lr))
        row->lr = lr;
    if (log->has_year)
        row->wall = log->now.run->last = log->time;
    check_fractions(log);
    log_guess_plan(log);
    log_sync_limits(log);
    if (log->now.has_pending) {
        log->now.has_pending = false;
        log->now.weak_geno = true;
        status = declare_told(log, &log->now.pending, err);
        if (!status)
            status = model_genotype(log->now.run, index, &log->now.pending, err);
    }
    return status;
}

// The genotype of the current epoch is that of the next one to begin.
static void keep_genotype(LogReader *log)
{
    log->now.has_pending = false;
    log->now.pending.n_cells = 0;
    for (int c = 0; c < log->now.run->n_cells && log->now.pending.n_cells < GENO_CELLS; c++) {
        const GenoRow *row = model_geno_at(&log->now.run->cells[c], log->now.current);
        if (row && row->logged)
            log->now.pending.cells[log->now.pending.n_cells++] = row->geno;
    }
    log->now.has_pending = log->now.pending.n_cells > 0;
}

Status log_epoch(LogReader *log, int printed, double lr, int total, Error *err)
{
    Status status = log_alpha_flush(log, err);
    int index = log->base + printed;
    if (status)
        return status;
    bool bare = isnan(lr) && (log->had_lr || log->after) && !log->start_hint;
    if (bare && (log->after || index < log->now.current)) {
        if (!log->after)
            time_epoch(log, log->now.current + 1);
        log->after = true;
        return STATUS_OK;
    }
    // accuracies before the first line about an epoch are those of a state that was loaded, a
    // genotype is the first one
    if (log->now.run && !log->has_header && log->now.current == 0) {
        keep_genotype(log);
        model_rewind(log->now.run, -2, -1);
        log->now.current = -1;
    }
    log_writers_epoch(log, index);
    bool restart =
        index == 0 && (log->now.current > 0 || (log->now.current == 0 && log->start_hint));
    if (restart)
        next_run(log);
    else if (log->now.run && index < log->now.current)
        model_rewind(log->now.run, index - 1, index - 1);
    log->had_lr |= isfinite(lr);
    log->has_header = true;
    log->after = log->start_hint = log->in_final = false;
    const EpochRow *old =
        log->now.run && index == log->now.current ? log_row(log->now.run, index) : NULL;
    bool resumed = old && isfinite(lr) && isfinite(old->lr) && has_accuracy(log, index) &&
                   !log->doubled && !log->summary;
    if (resumed) {
        model_rewind(log->now.run, index - 1, index - 1);
        log->now.current = index - 1;
    }
    if (log->now.run && index == log->now.current) {
        EpochRow *row = model_epoch(log->now.run, index, err);
        if (row && isfinite(lr) && isfinite(row->lr)) {
            log_skip(log, "an epoch that has begun: two writers");
            log->doubled = true;
        }
        if (row && isfinite(lr))
            row->lr = lr;
        return row ? STATUS_OK : STATUS_NOMEM;
    }
    if (log->now.run && index < log->now.current)
        log->now.current = index - 1;
    status = begin(log, index, lr, err);
    if (log->now.run && total > log->now.run->epochs) {
        log->now.run->epochs = total;
        log_sync_limits(log);
    }
    return status;
}

Status log_epoch_of_total(LogReader *log, int printed, double lr, int total, Error *err)
{
    log->now.zero_based |= printed == 0;
    return log_epoch(log, printed - !log->now.zero_based, lr, total, err);
}

void log_epoch_ended(LogReader *log)
{
    if (log->now.current > log->now.ended)
        log->now.ended = log->now.current;
}

// Stages have as many epochs as the first one; P-DARTS has three.
void log_next_stage(LogReader *log)
{
    enum { STAGES = 3 };
    if (!log->now.run || log->now.current < 0 || log->base == log->now.current + 1)
        return;
    log->base = log->now.current + 1;
    log->stages++;
    int each = log->base / log->stages;
    if (log->now.run->epochs < each * STAGES) {
        log->now.run->epochs = each * STAGES;
        log->now.run->version++;
    }
}

void log_roll_back(LogReader *log, int printed)
{
    int index = log->base + printed;
    if (!log->now.run || log->after || index >= log->now.current)
        return;
    model_rewind(log->now.run, index, index);
    log->now.current = index;
    log->now.ended = log->now.ended < index ? log->now.ended : index;
}

void log_selection(LogReader *log)
{
    if (log->after)
        return;
    log->after = true;
    if (log->had_lr)
        return;
    // what was taken for an epoch is the state that the program has loaded
    if (log->now.run)
        model_rewind(log->now.run, -2, -1);
    log->now.current = -1;
    snprintf(log->model->no_search, sizeof log->model->no_search, "%s",
             "the choice of operators after a search (DARTS-PT), without the search");
}

// Logs that never announce an epoch: the first thing said twice begins the next one.
static Status imply_epoch(LogReader *log, bool again, Error *err)
{
    if (log->has_header || (log->now.current >= 0 && !again))
        return STATUS_OK;
    Status status = log_alpha_flush(log, err);
    return status ? status : begin(log, log->now.current + 1, NAN, err);
}

// ---- readings -----------------------------------------------------------------------------------

static EpochRow *current_row(LogReader *log, Error *err)
{
    return log->now.run && log->now.current >= 0 ? model_epoch(log->now.run, log->now.current, err)
                                                 : NULL;
}

// As a fraction; what turns out to be one already is corrected by check_fractions.
static double as_fraction(LogReader *log, double value, LogAccForm form)
{
    bool open = form == ACC_UNKNOWN || form == ACC_ERROR;
    log->now.percent |= form == ACC_PERCENT;
    log->now.errors |= form == ACC_ERROR;
    if (open) {
        log->now.n_acc++;
        log->now.max_acc = value > log->now.max_acc ? value : log->now.max_acc;
    }
    bool fraction = form == ACC_FRACTION || (open && log->now.fractions);
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
    log_writers_accuracy(log, split, value);
    const EpochRow *old = log->now.run ? log_row(log->now.run, log->now.current) : NULL;
    bool again =
        old && isfinite(*log_acc_field((EpochRow *)old, split)) && !log->now.running[split];
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
    if (status || !row || (isfinite(*log_acc_field(row, split)) && !log->now.running[split]))
        return status;
    log->now.running[split] = false;
    log->now.heard = log->time;
    *log_acc_field(row, split) = as_fraction(log, value, form);
    if (log->has_year)
        row->wall = log->now.run->last = log->time;
    log->now.run->version++;
    if (split == METRIC_VALID && log_has_genotype(&log->now, log->now.current))
        judge_current(log, false);
    return STATUS_OK;
}

Status log_running(LogReader *log, LogSplit split, double value, LogAccForm form, Error *err)
{
    EpochRow *row;
    Status status = acc_row(log, split, value, &row, err);
    if (status || !row || (isfinite(*log_acc_field(row, split)) && !log->now.running[split]))
        return status;
    log->now.running[split] = true;
    *log_acc_field(row, split) = as_fraction(log, value, form);
    if (log->has_year)
        row->wall = log->now.run->last = log->time;
    log->now.run->version++;
    return STATUS_OK;
}

Status log_lambda(LogReader *log, double lambda, Error *err)
{
    if (log->after || !log->now.run || log->now.current < 0 || !isfinite(lambda))
        return STATUS_OK;
    LambdaRow row = { .epoch = log->now.current, .lambda_max = lambda, .batches = 1 };
    return model_lambda(log->now.run, &row, err);
}

Status log_loss(LogReader *log, LogSplit split, double value, bool exact, Error *err)
{
    // whose steps these are cannot be told where two write
    if (log->after || split == METRIC_TEST || (log->interleaved && !exact))
        return STATUS_OK;
    Status status = log_alpha_flush(log, err);
    EpochRow *row = status ? NULL : current_row(log, err);
    if (!row)
        return status;
    // the running mean of a step line is close; it gives way to the loss of the epoch
    double *loss = split == METRIC_TRAIN ? &row->train_loss : &row->valid_loss;
    bool done = isfinite(*log_acc_field(row, split)) && !log->now.running[split];
    if (exact || !done)
        *loss = value;
    log->now.run->version++;
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
    log_writers_genotype(log, &geno);
    Status status = STATUS_OK;
    bool taken = log->now.run && log->now.current >= 0 &&
                 log_has_genotype(&log->now, log->now.current) && !log->now.weak_geno;
    if (!log->has_header) {
        if (log->now.current >= 0 || log->now.has_pending)
            status = imply_epoch(log, taken, err);
    }
    taken = log->now.run && log->now.current >= 0 &&
            log_has_genotype(&log->now, log->now.current) && !log->now.weak_geno;
    if (status)
        return status;
    if (taken || log->now.current < 0 || log->now.current <= log->now.ended) {
        log->now.pending = geno;
        log->now.has_pending = true;
        return STATUS_OK;
    }
    log->now.weak_geno = false;
    log->now.has_pending = false;
    if (!log->now.run)
        return STATUS_OK;
    bool after = has_accuracy(log, log->now.current);
    status = declare_told(log, &geno, err);
    if (!status)
        status = model_genotype(log->now.run, log->now.current, &geno, err);
    log->now.after_style |= after;
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
    if (!log->now.run)
        return STATUS_OK;
    if (last) {
        if (!log->after)
            time_epoch(log, log->now.current + 1);
        close_run(log);
        if (log->interleaved) {
            log_writers_swap(log);
            close_run(log);
        }
        return STATUS_OK;
    }
    judge_current(log, false);
    ModelRun *run = log->now.run;
    run->complete = run->epochs > 0 && run->epoch + 1 >= run->epochs &&
                    has_accuracy(log, run->epoch) && log_has_genotype(&log->now, run->epoch);
    run->state = run->complete ? RUN_DONE : RUN_RUNNING;
    return STATUS_OK;
}
