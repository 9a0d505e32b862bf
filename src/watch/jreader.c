// SPDX-License-Identifier: MIT
#include "src/watch/jreader.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/watch/model_priv.h"
#include "src/watch/reader.h"

// Reading, and the records that need a line or two; the shapes of cells and alphas are in
// jreader_record.c.
//
// A second `run` record in one file is either a writer that went on after a stop (RESUMED is the
// next record) or another search appended to the same file (anything else is).

enum { LONGEST_LINE = 8 << 20 };

ModelRun *jreader_run(Journal *journal, Error *err)
{
    if (journal->run)
        return journal->run;
    ModelRun *run = model_add(journal->model, journal->name, err);
    if (!run)
        return NULL;
    snprintf(run->path, sizeof run->path, "%s", journal->path);
    snprintf(run->dialect, sizeof run->dialect, "journal");
    run->state = RUN_RUNNING;
    journal->run = run;
    return run;
}

int jreader_epoch_of(const Json *record, const char *key)
{
    int64_t value = json_get_int(record, key, INT_MIN);
    return value < -1 || value > 100000000 ? INT_MIN : (int)value;
}

static Status epoch_record(Journal *journal, const Json *record, Error *err)
{
    ModelRun *run = jreader_run(journal, err);
    if (!run)
        return STATUS_NOMEM;
    int epoch = jreader_epoch_of(record, "epoch");
    if (epoch < 0)
        return error_set(err, STATUS_PARSE, "epoch without a number");
    EpochRow *row = model_epoch(run, epoch, err);
    if (!row)
        return STATUS_NOMEM;
    const Json *train = json_get(record, "train"), *valid = json_get(record, "valid");
    row->train_loss = json_get_num(train, "loss", NAN);
    row->train_acc = json_get_num(train, "acc", NAN);
    row->valid_loss = json_get_num(valid, "loss", NAN);
    row->valid_acc = json_get_num(valid, "acc", NAN);
    row->test_acc = json_get_num(json_get(record, "test"), "acc", NAN);
    row->lr = json_get_num(record, "lr", NAN);
    row->seconds = json_get_num(record, "seconds", NAN);
    row->wall = json_get_num(record, "wall", NAN);
    if (isfinite(row->wall)) {
        if (!isfinite(run->started))
            run->started = isfinite(row->seconds) ? row->wall - row->seconds : row->wall;
        run->last = row->wall;
    }
    if (run->state == RUN_UNKNOWN || run->state == RUN_LOST)
        run->state = RUN_RUNNING;
    model_epoch_done(run, epoch);
    return STATUS_OK;
}

static Status genotype_record(Journal *journal, const Json *record, Error *err)
{
    ModelRun *run = jreader_run(journal, err);
    if (!run)
        return STATUS_NOMEM;
    const char *text = json_get_str(record, "text", NULL);
    int epoch = jreader_epoch_of(record, "epoch");
    Genotype geno;
    if (!text || epoch == INT_MIN || genotype_parse(text, &geno, NULL, NULL))
        return error_set(err, STATUS_PARSE, "genotype not understood");
    run->params = json_get_int(record, "params", run->params);
    run->macs = json_get_int(record, "macs", run->macs);
    return model_genotype(run, epoch, &geno, err);
}

static const struct {
    const char *name;
    RunState state;
} states[] = {
    { "RUNNING", RUN_RUNNING }, { "PAUSED", RUN_PAUSED },   { "RESUMED", RUN_RUNNING },
    { "DONE", RUN_DONE },       { "STOPPED", RUN_STOPPED }, { "FAILED", RUN_FAILED },
};

static Status state_record(Journal *journal, const Json *record, Error *err)
{
    ModelRun *run = jreader_run(journal, err);
    if (!run)
        return STATUS_NOMEM;
    const char *name = json_get_str(record, "state", "");
    size_t i = 0;
    while (i < sizeof states / sizeof *states && strcmp(states[i].name, name) != 0)
        i++;
    if (i == sizeof states / sizeof *states)
        return error_set(err, STATUS_PARSE, "unknown state");
    run->state = states[i].state;
    if (strcmp(name, "RESUMED") == 0) {
        int epoch = jreader_epoch_of(record, "epoch");
        int64_t step = json_get_int(record, "step", INT64_MAX);
        model_rewind(run, epoch == INT_MIN ? INT_MAX : epoch, step);
    }
    run->complete = run->state == RUN_DONE;
    double wall = json_get_num(record, "wall", NAN);
    if (isfinite(wall))
        run->last = wall;
    run->version++;
    return STATUS_OK;
}

static Status trial_record(Journal *journal, const Json *record, Error *err)
{
    ModelRun *run = jreader_run(journal, err);
    if (!run)
        return STATUS_NOMEM;
    int64_t number = json_get_int(record, "number", -1);
    if (number < 0 || number > INT_MAX)
        return error_set(err, STATUS_PARSE, "trial without a number");
    TrialRow row = { .number = (int)number, .seconds = json_get_num(record, "seconds", NAN) };
    snprintf(row.state, sizeof row.state, "%s", json_get_str(record, "state", "COMPLETE"));
    const Json *values = json_get(record, "values");
    for (int k = 0; k < 8; k++)
        row.values[k] =
            k < run->n_objectives ? json_get_num(values, run->objective[k].name, NAN) : NAN;
    char *arch = mem_strdup(json_get_str(record, "arch", ""));
    row.arch = arch;
    Status status = arch ? model_trial(run, &row, err)
                         : error_set(err, STATUS_NOMEM, "not enough memory for a trial");
    mem_free(arch);
    return status;
}

static Status hessian_record(Journal *journal, const Json *record, Error *err)
{
    ModelRun *run = jreader_run(journal, err);
    LambdaRow row = { .epoch = jreader_epoch_of(record, "epoch"),
                      .lambda_max = json_get_num(record, "lambda_max", NAN),
                      .batches = (int)json_get_int(record, "batches", 1) };
    if (!run)
        return STATUS_NOMEM;
    if (row.epoch == INT_MIN)
        return error_set(err, STATUS_PARSE, "hessian without an epoch");
    return model_lambda(run, &row, err);
}

static Status gradient_record(Journal *journal, const Json *record, Error *err)
{
    ModelRun *run = jreader_run(journal, err);
    GradientRow row = { .epoch = jreader_epoch_of(record, "epoch"),
                        .step = json_get_int(record, "step", 0),
                        .match = json_get_num(record, "match", NAN),
                        .alignment = json_get_num(record, "alignment", NAN),
                        .norm = json_get_num(record, "norm", NAN),
                        .discretisation = json_get_num(record, "discretisation", NAN) };
    if (!run)
        return STATUS_NOMEM;
    if (row.epoch == INT_MIN)
        return error_set(err, STATUS_PARSE, "gradient without an epoch");
    return model_gradient(run, &row, err);
}

static Status checkpoint_record(Journal *journal, const Json *record, Error *err)
{
    ModelRun *run = jreader_run(journal, err);
    if (!run)
        return STATUS_NOMEM;
    int epoch = jreader_epoch_of(record, "epoch");
    if (epoch == INT_MIN)
        return error_set(err, STATUS_PARSE, "checkpoint without an epoch");
    run->last_checkpoint = epoch;
    run->version++;
    return STATUS_OK;
}

static Status device_record(Journal *journal, const Json *record, Error *err)
{
    ModelRun *run = jreader_run(journal, err);
    if (!run)
        return STATUS_NOMEM;
    run->rss_bytes = json_get_num(record, "rss", NAN);
    run->cpu = json_get_num(record, "cpu", NAN);
    run->version++;
    return STATUS_OK;
}

static Status note_record(Journal *journal, const Json *record, Error *err)
{
    ModelRun *run = jreader_run(journal, err);
    return run ? model_log(run, json_get_num(record, "wall", NAN), json_get_str(record, "text", ""),
                           err)
               : STATUS_NOMEM;
}

// Computed here again from the alphas, or judged here again.
static Status ignore_record(Journal *journal, const Json *record, Error *err)
{
    (void)journal;
    (void)record;
    (void)err;
    return STATUS_OK;
}

static const struct {
    const char *name;
    Status (*read)(Journal *journal, const Json *record, Error *err);
} records[] = {
    { "run", jreader_run_record }, { "alpha", jreader_alpha_record },
    { "epoch", epoch_record },     { "genotype", genotype_record },
    { "state", state_record },     { "trial", trial_record },
    { "hessian", hessian_record }, { "gradient", gradient_record },
    { "device", device_record },   { "checkpoint", checkpoint_record },
    { "note", note_record },       { "signals", ignore_record },
    { "alarm", ignore_record },
};

static Status dispatch(Journal *journal, const Json *record, Error *err)
{
    const char *name = json_get_str(record, "t", NULL);
    if (!name)
        return error_set(err, STATUS_PARSE, "not a record");
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        if (strcmp(records[i].name, name) == 0)
            return records[i].read(journal, record, err);
    return STATUS_OK;
}

// A run to write to, or room for one.
static bool has_room(const Journal *journal)
{
    return journal->run || journal->model->n < MODEL_RUNS;
}

// The `run` record that was put aside: the same search going on, or the next one.
static Status decide_pending(Journal *journal, const Json *next, Error *err)
{
    Json *pending = journal->pending;
    journal->pending = NULL;
    if (strcmp(json_get_str(next, "state", ""), "RESUMED") != 0)
        journal->run = NULL;
    Status status = has_room(journal) ? jreader_run_record(journal, pending, err) : STATUS_OK;
    json_free(pending);
    return status;
}

Status jreader_record(Journal *journal, const Json *record, Error *err)
{
    Status status = STATUS_OK;
    if (journal->pending)
        status = decide_pending(journal, record, err);
    if (status == STATUS_NOMEM)
        return status;
    if (status)
        model_skip(journal->model, journal->run, journal->line - 1, "run record not understood");
    return has_room(journal) ? dispatch(journal, record, err)
                             : error_set(err, STATUS_PARSE, "too many runs");
}

static Status jreader_line(void *self, char *text, size_t len, int64_t line, Error *err)
{
    Journal *journal = self;
    Error why = { 0 };
    journal->line = line;
    if (!text) {
        model_skip(journal->model, journal->run, line, "line too long");
        return STATUS_OK;
    }
    if (strspn(text, " \t") == len)
        return STATUS_OK;
    Json *record = json_parse(text, len, &why);
    Status status = why.code;
    if (record) {
        bool again = json_is_object(record) && journal->run && journal->run->n_rows &&
                     !journal->pending && strcmp(json_get_str(record, "t", ""), "run") == 0;
        if (again) {
            journal->pending = record;
            return STATUS_OK;
        }
        status = json_is_object(record) ? jreader_record(journal, record, &why)
                                        : error_set(&why, STATUS_PARSE, "not a record");
        json_free(record);
    } else {
        snprintf(why.msg, sizeof why.msg, "not JSON");
    }
    if (status == STATUS_NOMEM) {
        if (err)
            *err = why;
        return status;
    }
    if (status)
        model_skip(journal->model, journal->run, line, why.msg);
    return STATUS_OK;
}

static Status jreader_open(Model *model, const SourceOptions *options, const char *path,
                           const char *run_name, void **self, Error *err)
{
    (void)options;
    Journal *journal = mem_zero(1, sizeof *journal);
    if (!journal)
        return error_set(err, STATUS_NOMEM, "not enough memory to read %s", path);
    journal->model = model;
    journal->lines.longest = LONGEST_LINE;
    snprintf(journal->path, sizeof journal->path, "%s", path);
    snprintf(journal->name, sizeof journal->name, "%s", run_name);
    snprintf(model->dialect, sizeof model->dialect, "journal");
    *self = journal;
    return STATUS_OK;
}

static Status jreader_feed(void *self, const char *data, size_t len, Error *err)
{
    Journal *journal = self;
    return lines_feed(&journal->lines, data, len, jreader_line, journal, err);
}

static Status jreader_idle(void *self, bool last, Error *err)
{
    Journal *journal = self;
    if (last && journal->pending)
        return decide_pending(journal, NULL, err) == STATUS_NOMEM ? STATUS_NOMEM : STATUS_OK;
    return STATUS_OK;
}

static size_t jreader_unread(void *self)
{
    Journal *journal = self;
    return lines_unread(&journal->lines);
}

static void jreader_close(void *self)
{
    Journal *journal = self;
    lines_fini(&journal->lines);
    json_free(journal->pending);
    mem_free(journal);
}

const ReaderKind journal_reader = { "journal",    jreader_open,   jreader_feed,
                                    jreader_idle, jreader_unread, jreader_close };
