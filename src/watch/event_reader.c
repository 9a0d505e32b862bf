// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/proto/event.h"
#include "src/watch/effective.h"
#include "src/watch/model_priv.h"
#include "src/watch/reader.h"
#include "src/watch/sniff.h"
#include "src/watch/tags.h"

// TensorBoard event files. Framing: u64le length, u32le masked CRC-32C of these 8 bytes, data,
// u32le masked CRC-32C of the data. A bad length cannot be stepped over: reading stops. Bad data
// can: the record is counted and skipped.
//
// Steps are those of the writer, often batches. An epoch ends where a validation accuracy is
// written (without any: a training accuracy); readings belong to the first such end at or after
// their step.

enum { FRAME = 12, LONGEST_RECORD = 16 << 20, SERIES = 65536, TABLES = GENO_CELLS };

typedef struct {
    int64_t *step;
    double *value, *wall;
    int n, cap;
} Series;

typedef struct { // alphas written a number at a time
    char cell[GENO_NAME];
    int64_t step;
    int edges, ops, n;
    double a[HEALTH_EDGES * HEALTH_OPS];
    char op[HEALTH_OPS][GENO_NAME];
    int n_named;
} Table;

typedef struct {
    Model *model;
    ModelRun *run;
    const SourceOptions *options;
    Str rest;
    int64_t offset; // of rest in the file
    bool stopped;
    Series series[TAG_KINDS];
    bool changed;
    Table *table;
    int n_tables;
    char path[512], name[128];
} Events;

// ---- readings -----------------------------------------------------------------------------------

static Status series_add(Events *ev, TagKind kind, const EventValue *value, double reading,
                         Error *err)
{
    Series *s = &ev->series[kind];
    if (s->n == SERIES) {
        model_skip(ev->model, ev->run, ev->offset, "too many readings");
        return STATUS_OK;
    }
    if (s->n == s->cap) {
        int cap = s->cap ? 2 * s->cap : 64;
        void *step = mem_grow(s->step, (size_t)cap, sizeof *s->step);
        s->step = step ? step : s->step;
        void *values = mem_grow(s->value, (size_t)cap, sizeof *s->value);
        s->value = values ? values : s->value;
        void *wall = mem_grow(s->wall, (size_t)cap, sizeof *s->wall);
        s->wall = wall ? wall : s->wall;
        if (!step || !values || !wall)
            return error_set(err, STATUS_NOMEM, "not enough memory for the readings of %s",
                             ev->path);
        s->cap = cap;
    }
    s->step[s->n] = value->step;
    s->value[s->n] = reading;
    s->wall[s->n++] = value->wall;
    ev->changed = true;
    return STATUS_OK;
}

static const Series *epoch_clock(const Events *ev)
{
    static const TagKind order[] = { TAG_VALID_ACC, TAG_TRAIN_ACC, TAG_VALID_LOSS, TAG_TRAIN_LOSS };
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (ev->series[order[i]].n)
            return &ev->series[order[i]];
    return NULL;
}

// Ends of epochs before `step`: the index of the epoch that it belongs to.
static int epoch_of(const Series *ends, int64_t step)
{
    int n = 0;
    while (ends && n < ends->n && ends->step[n] < step)
        n++;
    return n;
}

// ---- alphas -------------------------------------------------------------------------------------

static Status put_alpha(Events *ev, const char *name, int64_t step, int edges, int ops, double *a,
                        const char (*op)[GENO_NAME], Error *err)
{
    HealthCell shape;
    int cell = model_cell_index(ev->run, name);
    Status status = STATUS_OK;
    if (edges > HEALTH_EDGES || ops > HEALTH_OPS || !model_shape_guess(name, edges, ops, &shape)) {
        model_skip(ev->model, ev->run, ev->offset, "alphas of no known cell");
        return STATUS_OK;
    }
    for (int i = 0; i < ev->options->n_shapes; i++) {
        const HealthCell *told = &ev->options->shapes[i];
        if (told->n_edges == edges && told->n_ops == ops && strcmp(told->name, name) == 0)
            shape = *told;
    }
    for (int k = 0; op && k < ops; k++)
        if (op[k][0])
            snprintf(shape.op[k], GENO_NAME, "%s", op[k]);
    if (cell < 0 || ev->run->cells[cell].shape.n_edges != edges ||
        ev->run->cells[cell].shape.n_ops != ops)
        status = model_cell(ev->run, &shape, &cell, err);
    if (status)
        return status;
    effective_apply(effective_guess(a, edges, ops, HINT_NONE), a, edges, ops);
    ev->changed = true;
    return model_alpha(ev->run, cell, epoch_of(epoch_clock(ev), step), step, a, err);
}

static Table *table_of(Events *ev, const char *cell, Error *err)
{
    for (int i = 0; i < ev->n_tables; i++)
        if (strcmp(ev->table[i].cell, cell) == 0)
            return &ev->table[i];
    if (ev->n_tables == TABLES)
        return NULL;
    if (!ev->table && !(ev->table = mem_zero(TABLES, sizeof *ev->table))) {
        error_set(err, STATUS_NOMEM, "not enough memory for alphas");
        return NULL;
    }
    Table *table = &ev->table[ev->n_tables++];
    snprintf(table->cell, sizeof table->cell, "%s", cell);
    return table;
}

static Status table_flush(Events *ev, Table *table, Error *err)
{
    Status status = STATUS_OK;
    if (table->n && table->n == table->edges * table->ops) {
        double a[HEALTH_EDGES * HEALTH_OPS];
        for (int e = 0; e < table->edges; e++)
            memcpy(a + (ptrdiff_t)e * table->ops, table->a + (ptrdiff_t)e * HEALTH_OPS,
                   (size_t)table->ops * sizeof *a);
        status = put_alpha(ev, table->cell, table->step, table->edges, table->ops, a,
                           (const char(*)[GENO_NAME])table->op, err);
    }
    table->n = table->edges = table->ops = 0;
    return status;
}

static int op_column(Table *table, const TagAlpha *tag)
{
    if (tag->op >= 0)
        return tag->op;
    for (int k = 0; k < table->n_named; k++)
        if (strcmp(table->op[k], tag->op_name) == 0)
            return k;
    if (table->n_named == HEALTH_OPS)
        return HEALTH_OPS;
    snprintf(table->op[table->n_named], GENO_NAME, "%s", tag->op_name);
    return table->n_named++;
}

// Numbers of one step make a table; the next step shows that it is whole.
static Status put_number(Events *ev, const TagAlpha *tag, const EventValue *value, Error *err)
{
    Table *table = table_of(ev, tag->cell, err);
    if (!table)
        return ev->table ? STATUS_OK : STATUS_NOMEM;
    Status status = STATUS_OK;
    if (table->n && table->step != value->step)
        status = table_flush(ev, table, err);
    int col = op_column(table, tag);
    if (status || tag->edge < 0 || tag->edge >= HEALTH_EDGES || col >= HEALTH_OPS)
        return status;
    table->step = value->step;
    table->a[tag->edge * HEALTH_OPS + col] = value->value[0];
    table->n++;
    table->edges = tag->edge + 1 > table->edges ? tag->edge + 1 : table->edges;
    table->ops = col + 1 > table->ops ? col + 1 : table->ops;
    return STATUS_OK;
}

static Status put_table(Events *ev, const TagAlpha *tag, const EventValue *value, Error *err)
{
    double a[EVENT_VALUES];
    int edges = value->n_dims == 2 ? value->dims[0] : 0, ops = edges ? value->dims[1] : 0;
    if (edges < 1 || ops < 2) {
        model_skip(ev->model, ev->run, ev->offset, "alphas that are no table");
        return STATUS_OK;
    }
    memcpy(a, value->value, (size_t)value->n * sizeof *a);
    return put_alpha(ev, tag->cell, value->step, edges, ops, a, NULL, err);
}

static Status need_run(Events *ev, Error *err)
{
    if (ev->run)
        return STATUS_OK;
    if (ev->model->n >= MODEL_RUNS) {
        ev->stopped = true;
        return error_set(err, STATUS_PARSE, "too many runs");
    }
    ev->run = model_add(ev->model, ev->name, err);
    if (!ev->run)
        return STATUS_NOMEM;
    snprintf(ev->run->path, sizeof ev->run->path, "%s", ev->path);
    snprintf(ev->run->dialect, sizeof ev->run->dialect, "tensorboard");
    ev->run->state = RUN_RUNNING;
    return STATUS_OK;
}

static Status take_value(void *self, const EventValue *value, Error *err)
{
    Events *ev = self;
    TagAlpha tag;
    bool error;
    Status status = need_run(ev, err);
    if (status)
        return status;
    if (!isfinite(ev->run->started))
        ev->run->started = value->wall;
    ev->run->last = value->wall;
    if (tag_alpha(ev->options->tag_pattern, value->tag, &tag)) {
        bool number = tag.edge >= 0 && tag.op != -1;
        return number && value->n == 1 ? put_number(ev, &tag, value, err)
                                       : put_table(ev, &tag, value, err);
    }
    TagKind kind = tag_kind(value->tag, &error);
    if (kind == TAG_OTHER || value->n != 1)
        return STATUS_OK;
    double reading = value->value[0];
    return series_add(ev, kind, value,
                      error ? (reading > 1 ? 100 - reading : 1 - reading) : reading, err);
}

// ---- epochs -------------------------------------------------------------------------------------

static double *field(EpochRow *row, TagKind kind)
{
    switch (kind) {
    case TAG_TRAIN_ACC: return &row->train_acc;
    case TAG_TRAIN_LOSS: return &row->train_loss;
    case TAG_VALID_ACC: return &row->valid_acc;
    case TAG_VALID_LOSS: return &row->valid_loss;
    case TAG_TEST_ACC: return &row->test_acc;
    default: return &row->lr;
    }
}

// Fractions where no reading of any accuracy is above 1.
static double acc_scale(const Events *ev)
{
    static const TagKind accs[] = { TAG_TRAIN_ACC, TAG_VALID_ACC, TAG_TEST_ACC };
    double max = 0;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < ev->series[accs[k]].n; i++)
            max = fmax(max, ev->series[accs[k]].value[i]);
    return max > 1.0 + 1e-6 ? 0.01 : 1.0;
}

static Status fill_rows(Events *ev, const Series *ends, TagKind kind, double scale, Error *err)
{
    const Series *s = &ev->series[kind];
    bool acc = kind == TAG_TRAIN_ACC || kind == TAG_VALID_ACC || kind == TAG_TEST_ACC;
    for (int i = 0, epoch = 0; i < s->n; i++) {
        while (epoch < ends->n && ends->step[epoch] < s->step[i])
            epoch++;
        if (epoch == ends->n)
            break;
        EpochRow *row = model_epoch(ev->run, epoch, err);
        if (!row)
            return STATUS_NOMEM;
        *field(row, kind) = acc ? s->value[i] * scale : s->value[i];
        row->wall = ends->wall[epoch];
        if (epoch > 0)
            row->seconds = ends->wall[epoch] - ends->wall[epoch - 1];
    }
    return STATUS_OK;
}

static Status rebuild(Events *ev, Error *err)
{
    const Series *ends = epoch_clock(ev);
    Status status = STATUS_OK;
    if (!ends || !ev->changed)
        return STATUS_OK;
    for (int kind = TAG_TRAIN_ACC; kind < TAG_KINDS && !status; kind++)
        status = fill_rows(ev, ends, (TagKind)kind, acc_scale(ev), err);
    for (int i = 0; i < ev->run->n_rows && !status; i++)
        if (!ev->run->rows[i].done)
            model_epoch_done(ev->run, ev->run->rows[i].epoch);
    if (!status && ev->run->judged >= 0)
        model_judge_again(ev->run, 0);
    ev->changed = false;
    return status;
}

// ---- framing ------------------------------------------------------------------------------------

static Status take_record(Events *ev, const unsigned char *data, size_t len, Error *err)
{
    Error why = { 0 };
    if (event_masked_crc(data, len) != event_u32(data + len)) {
        model_skip(ev->model, ev->run, ev->offset, "checksum of a record");
        return STATUS_OK;
    }
    Status status = event_decode(data, len, take_value, ev, &why);
    if (status == STATUS_PARSE) {
        model_skip(ev->model, ev->run, ev->offset, "record not understood");
        return STATUS_OK;
    }
    if (status && err)
        *err = why;
    return status;
}

// Uses up whole records at the front of rest.
static Status take_records(Events *ev, Error *err)
{
    size_t at = 0;
    Status status = STATUS_OK;
    while (!status && !ev->stopped && ev->rest.len - at >= FRAME) {
        const unsigned char *head = (const unsigned char *)ev->rest.text + at;
        uint64_t len = event_u64(head);
        if (event_masked_crc(head, 8) != event_u32(head + 8) || len > LONGEST_RECORD) {
            model_skip(ev->model, ev->run, ev->offset, "checksum of a length: reading stops");
            ev->stopped = true;
            break;
        }
        if (ev->rest.len - at < FRAME + len + 4)
            break;
        status = take_record(ev, head + FRAME, (size_t)len, err);
        at += FRAME + (size_t)len + 4;
        ev->offset += (int64_t)(FRAME + len + 4);
    }
    if (ev->stopped) {
        str_fini(&ev->rest);
        return status;
    }
    if (at) {
        memmove(ev->rest.text, ev->rest.text + at, ev->rest.len - at);
        ev->rest.len -= at;
    }
    return status;
}

static Status events_open(Model *model, const SourceOptions *options, const char *path,
                          const char *run_name, void **self, Error *err)
{
    Events *ev = mem_zero(1, sizeof *ev);
    if (!ev)
        return error_set(err, STATUS_NOMEM, "not enough memory to read %s", path);
    ev->model = model;
    ev->options = options;
    snprintf(ev->path, sizeof ev->path, "%s", path);
    snprintf(ev->name, sizeof ev->name, "%s", run_name);
    snprintf(model->dialect, sizeof model->dialect, "tensorboard");
    *self = ev;
    return STATUS_OK;
}

static Status events_feed(void *self, const char *data, size_t len, Error *err)
{
    Events *ev = self;
    if (ev->stopped)
        return STATUS_OK;
    str_addn(&ev->rest, data, len);
    if (ev->rest.failed)
        return error_set(err, STATUS_NOMEM, "not enough memory to read %s", ev->path);
    return take_records(ev, err);
}

static Status events_idle(void *self, bool last, Error *err)
{
    Events *ev = self;
    Status status = STATUS_OK;
    if (!ev->run)
        return STATUS_OK;
    for (int i = 0; i < ev->n_tables && !status; i++)
        if (last || ev->table[i].n == ev->table[i].edges * ev->table[i].ops)
            status = table_flush(ev, &ev->table[i], err);
    if (!status)
        status = rebuild(ev, err);
    if (last && ev->run->state == RUN_RUNNING)
        ev->run->state = RUN_STOPPED;
    return status;
}

static size_t events_unread(void *self)
{
    Events *ev = self;
    size_t n = ev->rest.len;
    str_clear(&ev->rest);
    return n;
}

static void events_close(void *self)
{
    Events *ev = self;
    for (int k = 0; k < TAG_KINDS; k++) {
        mem_free(ev->series[k].step);
        mem_free(ev->series[k].value);
        mem_free(ev->series[k].wall);
    }
    mem_free(ev->table);
    str_fini(&ev->rest);
    mem_free(ev);
}

const ReaderKind event_reader = { "tensorboard", events_open,   events_feed,
                                  events_idle,   events_unread, events_close };
