// SPDX-License-Identifier: MIT
#include "src/watch/event_run.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/watch/effective.h"
#include "src/watch/model_priv.h"

enum {
    SERIES = 65536,
    TABLES = GENO_CELLS,
    CELLS = HEALTH_EDGES * HEALTH_OPS,
    LOOKS = 8192,
    PARTS = 1024
};

typedef struct {
    int64_t *step;
    double *value, *wall;
    int n, cap;
} Series;

typedef struct {
    int64_t step;
    float *a; // [edges][ops] as written
} Look;

typedef struct { // alphas of one cell
    char cell[GENO_NAME];
    int edges, ops;
    Look *look;
    int n, cap, sent; // sent: of these are in the model
    // written a number at a time: by step, until they are all there
    Look *part; // a: [HEALTH_EDGES][HEALTH_OPS], NAN where nothing was written yet
    int n_parts, cap_parts, part_edges, part_ops;
    char op[HEALTH_OPS][GENO_NAME];
    int n_named;
} Table;

struct EventRun {
    EventRun *next;
    char dir[512];
    Model *model;
    ModelRun *run;
    const SourceOptions *options;
    Series series[TAG_KINDS];
    bool changed;
    int64_t offset; // of the record being read, for messages
    Table *table;
    int n_tables;
};

ModelRun *event_run_model(EventRun *ev)
{
    return ev->run;
}

// ---- the run of a directory ---------------------------------------------------------------------

static bool is_generic(const char *name)
{
    static const char *const names[] = { "runs",    "run",      "tb",     "tensorboard",
                                         "tb_logs", "logs",     "log",    "summary",
                                         "events",  "tfevents", "writer", "tflogs" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

void event_run_name(const char *dir, char *out, size_t size)
{
    char text[512];
    snprintf(text, sizeof text, "%s", dir);
    char *slash = strrchr(text, '/');
    while (slash && slash > text && is_generic(slash + 1)) {
        *slash = '\0';
        slash = strrchr(text, '/');
    }
    // "version_0" of Lightning says nothing without what stands before it
    if (slash && slash > text && strncmp(slash + 1, "version_", 8) == 0) {
        char *before = slash - 1;
        while (before > text && *before != '/')
            before--;
        slash = *before == '/' ? before : slash;
    }
    snprintf(out, size, "%s", slash && slash[1] ? slash + 1 : text);
}

static EventRun *run_new(Model *model, const SourceOptions *options, const char *dir, int number,
                         Error *err)
{
    char name[128], numbered[160];
    if (model->n >= MODEL_RUNS) {
        error_set(err, STATUS_PARSE, "too many runs");
        return NULL;
    }
    EventRun *ev = mem_zero(1, sizeof *ev);
    if (!ev) {
        error_set(err, STATUS_NOMEM, "not enough memory to read %s", dir);
        return NULL;
    }
    event_run_name(dir, name, sizeof name);
    snprintf(numbered, sizeof numbered, number > 1 ? "%s (%d)" : "%s", name, number);
    ev->run = model_add(model, numbered, err);
    if (!ev->run) {
        mem_free(ev);
        return NULL;
    }
    snprintf(ev->dir, sizeof ev->dir, "%s", dir);
    snprintf(ev->run->path, sizeof ev->run->path, "%s", dir);
    snprintf(ev->run->dialect, sizeof ev->run->dialect, "tensorboard");
    ev->run->state = RUN_RUNNING;
    ev->model = model;
    ev->options = options;
    ev->next = model->event_runs;
    model->event_runs = ev;
    return ev;
}

EventRun *event_run_for(Model *model, const SourceOptions *options, const char *dir,
                        const EventValue *first, Error *err)
{
    bool error;
    int number = 0;
    EventRun *newest = NULL;
    for (EventRun *ev = model->event_runs; ev; ev = ev->next)
        if (strcmp(ev->dir, dir) == 0) {
            newest = newest ? newest : ev;
            number++;
        }
    // a file that begins where the one before began is of another search
    const Series *s = newest ? &newest->series[tag_kind(first->tag, &error)] : NULL;
    bool again =
        s && tag_kind(first->tag, &error) != TAG_OTHER && s->n > 1 && first->step <= s->step[0];
    return newest && !again ? newest : run_new(model, options, dir, number + 1, err);
}

void event_runs_free(EventRun *first)
{
    while (first) {
        EventRun *next = first->next;
        for (int k = 0; k < TAG_KINDS; k++) {
            mem_free(first->series[k].step);
            mem_free(first->series[k].value);
            mem_free(first->series[k].wall);
        }
        for (int t = 0; t < first->n_tables; t++) {
            for (int i = 0; i < first->table[t].n; i++)
                mem_free(first->table[t].look[i].a);
            mem_free(first->table[t].look);
            for (int i = 0; i < first->table[t].n_parts; i++)
                mem_free(first->table[t].part[i].a);
            mem_free(first->table[t].part);
        }
        mem_free(first->table);
        mem_free(first);
        first = next;
    }
}

// ---- readings -----------------------------------------------------------------------------------

static Status series_grow(EventRun *ev, Series *s, Error *err)
{
    int cap = s->cap ? 2 * s->cap : 64;
    void *step = mem_grow(s->step, (size_t)cap, sizeof *s->step);
    s->step = step ? step : s->step;
    void *values = mem_grow(s->value, (size_t)cap, sizeof *s->value);
    s->value = values ? values : s->value;
    void *wall = mem_grow(s->wall, (size_t)cap, sizeof *s->wall);
    s->wall = wall ? wall : s->wall;
    if (!step || !values || !wall)
        return error_set(err, STATUS_NOMEM, "not enough memory for the readings of %s", ev->dir);
    s->cap = cap;
    return STATUS_OK;
}

static Status series_add(EventRun *ev, TagKind kind, const EventValue *value, double reading,
                         Error *err)
{
    Series *s = &ev->series[kind];
    while (s->n && s->step[s->n - 1] >= value->step)
        s->n--;
    if (s->n == SERIES) {
        model_skip(ev->model, ev->run, ev->offset, "too many readings");
        return STATUS_OK;
    }
    Status status = s->n == s->cap ? series_grow(ev, s, err) : STATUS_OK;
    if (status)
        return status;
    s->step[s->n] = value->step;
    s->value[s->n] = reading;
    s->wall[s->n++] = value->wall;
    ev->changed = true;
    return STATUS_OK;
}

static const Series *epoch_clock(const EventRun *ev)
{
    static const TagKind order[] = { TAG_VALID_ACC, TAG_TRAIN_ACC, TAG_VALID_LOSS, TAG_TRAIN_LOSS };
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (ev->series[order[i]].n)
            return &ev->series[order[i]];
    return NULL;
}

// ---- alphas -------------------------------------------------------------------------------------

static Table *table_of(EventRun *ev, const char *cell, Error *err)
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

static void table_drop(Table *table, int keep)
{
    for (int i = keep; i < table->n; i++)
        mem_free(table->look[i].a);
    table->n = keep;
    table->sent = table->sent > keep ? 0 : table->sent; // the model has them: all anew
}

// Every second look of the older half goes when there are too many.
static void table_thin(Table *table)
{
    int kept = 0, half = table->n / 2;
    for (int i = 0; i < table->n; i++)
        if (i < half && i % 2)
            mem_free(table->look[i].a);
        else
            table->look[kept++] = table->look[i];
    table->n = kept;
    table->sent = 0;
}

static Status table_put(EventRun *ev, Table *table, int64_t step, int edges, int ops,
                        const double *a, Error *err)
{
    HealthCell shape;
    if (edges > HEALTH_EDGES || ops > HEALTH_OPS || ops < 2 ||
        !model_shape_guess(table->cell, edges, ops, &shape)) {
        model_skip(ev->model, ev->run, ev->offset, "alphas of no known cell");
        return STATUS_OK;
    }
    if (table->edges != edges || table->ops != ops)
        table_drop(table, 0);
    table->edges = edges;
    table->ops = ops;
    int keep = table->n;
    while (keep && table->look[keep - 1].step >= step)
        keep--;
    table_drop(table, keep);
    if (table->n == LOOKS)
        table_thin(table);
    if (table->n == table->cap) {
        int cap = table->cap ? 2 * table->cap : 32;
        Look *look = mem_grow(table->look, (size_t)cap, sizeof *look);
        if (!look)
            return error_set(err, STATUS_NOMEM, "not enough memory for alphas");
        table->look = look;
        table->cap = cap;
    }
    float *copy = mem_array((size_t)(edges * ops), sizeof *copy);
    if (!copy)
        return error_set(err, STATUS_NOMEM, "not enough memory for alphas");
    for (int i = 0; i < edges * ops; i++)
        copy[i] = (float)a[i];
    table->look[table->n++] = (Look){ step, copy };
    ev->changed = true;
    return STATUS_OK;
}

// The tables whose numbers are all there become looks.
static Status table_flush(EventRun *ev, Table *table, Error *err)
{
    int kept = 0, edges = table->part_edges, ops = table->part_ops;
    Status status = STATUS_OK;
    if (edges < 1 || ops < 1)
        return STATUS_OK;
    for (int i = 0; i < table->n_parts; i++) {
        double a[CELLS] = { 0 };
        const float *part = table->part[i].a;
        bool whole = !status;
        for (int e = 0; e < edges; e++)
            for (int k = 0; k < ops; k++) {
                a[e * ops + k] = part[e * HEALTH_OPS + k];
                whole &= !isnan(part[e * HEALTH_OPS + k]);
            }
        if (!whole) {
            table->part[kept++] = table->part[i];
            continue;
        }
        status = table_put(ev, table, table->part[i].step, edges, ops, a, err);
        mem_free(table->part[i].a);
    }
    table->n_parts = kept;
    return status;
}

// The numbers of a step, in order of steps; NULL when out of memory.
static float *part_of(EventRun *ev, Table *table, int64_t step, Error *err)
{
    int at = table->n_parts;
    while (at && table->part[at - 1].step > step)
        at--;
    if (at && table->part[at - 1].step == step)
        return table->part[at - 1].a;
    if (table->n_parts == PARTS) {
        // the oldest one that never became whole gives up its place
        model_skip(ev->model, ev->run, ev->offset, "alphas of a step that are not all there");
        mem_free(table->part[0].a);
        memmove(table->part, table->part + 1, (size_t)(--table->n_parts) * sizeof *table->part);
        at -= at > 0;
    }
    if (table->n_parts == table->cap_parts) {
        int cap = table->cap_parts ? 2 * table->cap_parts : 16;
        Look *part = mem_grow(table->part, (size_t)cap, sizeof *part);
        table->part = part ? part : table->part;
        table->cap_parts = part ? cap : table->cap_parts;
    }
    float *a = table->n_parts < table->cap_parts ? mem_array(CELLS, sizeof *a) : NULL;
    if (!a) {
        error_set(err, STATUS_NOMEM, "not enough memory for alphas");
        return NULL;
    }
    for (int i = 0; i < CELLS; i++)
        a[i] = NAN;
    memmove(table->part + at + 1, table->part + at,
            (size_t)(table->n_parts - at) * sizeof *table->part);
    table->part[at] = (Look){ step, a };
    table->n_parts++;
    return a;
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

// Numbers of one step make a table. Files of one curve each come one after the other, a file of
// all of them step by step: there the next step shows that the last is whole.
static Status put_number(EventRun *ev, const TagAlpha *tag, const EventValue *value, bool curve,
                         Error *err)
{
    Table *table = table_of(ev, tag->cell, err);
    if (!table)
        return ev->table ? STATUS_OK : STATUS_NOMEM;
    int col = op_column(table, tag);
    if (tag->edge < 0 || tag->edge >= HEALTH_EDGES || col >= HEALTH_OPS)
        return STATUS_OK;
    bool next = table->n_parts && table->part[table->n_parts - 1].step < value->step;
    Status status = next && !curve ? table_flush(ev, table, err) : STATUS_OK;
    float *part = status ? NULL : part_of(ev, table, value->step, err);
    if (!part)
        return STATUS_NOMEM;
    part[tag->edge * HEALTH_OPS + col] = (float)value->value[0];
    table->part_edges = tag->edge + 1 > table->part_edges ? tag->edge + 1 : table->part_edges;
    table->part_ops = col + 1 > table->part_ops ? col + 1 : table->part_ops;
    ev->changed = true;
    return STATUS_OK;
}

static Status put_table(EventRun *ev, const TagAlpha *tag, const EventValue *value, Error *err)
{
    int edges = value->n_dims == 2 ? value->dims[0] : 0, ops = edges ? value->dims[1] : 0;
    if (edges < 1 || ops < 2) {
        model_skip(ev->model, ev->run, ev->offset, "alphas that are no table");
        return STATUS_OK;
    }
    Table *table = table_of(ev, tag->cell, err);
    if (!table)
        return ev->table ? STATUS_OK : STATUS_NOMEM;
    return table_put(ev, table, value->step, edges, ops, value->value, err);
}

Status event_run_take(EventRun *ev, const char *tag, const EventValue *value, int64_t offset,
                      Error *err)
{
    bool curve = tag != value->tag;
    TagAlpha alpha;
    bool error;
    ev->offset = offset;
    if (!isfinite(ev->run->started) || value->wall < ev->run->started)
        ev->run->started = value->wall;
    if (!isfinite(ev->run->last) || value->wall > ev->run->last)
        ev->run->last = value->wall;
    if (tag_alpha(ev->options->tag_pattern, tag, &alpha)) {
        bool number = alpha.edge >= 0 && alpha.op != -1;
        return number && value->n == 1 ? put_number(ev, &alpha, value, curve, err)
                                       : put_table(ev, &alpha, value, err);
    }
    TagKind kind = tag_kind(tag, &error);
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
static double acc_scale(const EventRun *ev)
{
    static const TagKind accs[] = { TAG_TRAIN_ACC, TAG_VALID_ACC, TAG_TEST_ACC };
    double max = 0;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < ev->series[accs[k]].n; i++)
            max = fmax(max, ev->series[accs[k]].value[i]);
    return max > 1.0 + 1e-6 ? 0.01 : 1.0;
}

// Programs that write batches number the validation of an epoch like the first batch of the next.
static bool is_of_next(const Series *s, int i, const Series *ends, int epoch)
{
    int64_t before = epoch > 0 ? ends->step[epoch - 1] : INT64_MIN;
    return s != ends && s->step[i] == ends->step[epoch] && i > 0 && s->step[i - 1] > before &&
           s->wall[i] > ends->wall[epoch];
}

static Status fill_rows(EventRun *ev, const Series *ends, TagKind kind, double scale, Error *err)
{
    const Series *s = &ev->series[kind];
    bool acc = kind == TAG_TRAIN_ACC || kind == TAG_VALID_ACC || kind == TAG_TEST_ACC;
    for (int i = 0, epoch = 0; i < s->n; i++) {
        while (epoch < ends->n && (ends->step[epoch] < s->step[i] || is_of_next(s, i, ends, epoch)))
            epoch++;
        if (epoch == ends->n)
            break;
        EpochRow *row = model_epoch(ev->run, epoch, err);
        if (!row)
            return STATUS_NOMEM;
        *field(row, kind) = acc ? s->value[i] * scale : s->value[i];
        row->wall = ends->wall[epoch];
        if (epoch > 0 && ends->wall[epoch] > ends->wall[epoch - 1])
            row->seconds = ends->wall[epoch] - ends->wall[epoch - 1];
    }
    return STATUS_OK;
}

static Status declare(EventRun *ev, const Table *table, int *cell, Error *err)
{
    HealthCell shape;
    *cell = model_cell_index(ev->run, table->cell);
    const HealthCell *now = *cell >= 0 ? &ev->run->cells[*cell].shape : NULL;
    if (now && now->n_edges == table->edges && now->n_ops == table->ops)
        return STATUS_OK;
    model_shape_guess(table->cell, table->edges, table->ops, &shape);
    for (int i = 0; i < ev->options->n_shapes; i++) {
        const HealthCell *told = &ev->options->shapes[i];
        if (told->n_edges == table->edges && told->n_ops == table->ops &&
            strcmp(told->name, table->cell) == 0)
            shape = *told;
    }
    for (int k = 0; k < table->ops; k++)
        if (table->op[k][0])
            snprintf(shape.op[k], GENO_NAME, "%s", table->op[k]);
    return model_cell(ev->run, &shape, cell, err);
}

// Looks go into the model when their epochs are known; without any clock every step is one.
static Status send_looks(EventRun *ev, Table *table, const Series *ends, Error *err)
{
    int cell, epoch = 0;
    Status status = table->n ? declare(ev, table, &cell, err) : STATUS_OK;
    for (int i = 0; i < table->n && !status; i++) {
        double a[CELLS];
        const Look *look = &table->look[i];
        while (ends && epoch < ends->n && ends->step[epoch] < look->step)
            epoch++;
        if (!ends)
            epoch = i;
        if (i < table->sent)
            continue;
        for (int k = 0; k < table->edges * table->ops; k++)
            a[k] = look->a[k];
        effective_apply(effective_guess(a, table->edges, table->ops, HINT_NONE), a, table->edges,
                        table->ops);
        status = model_alpha(ev->run, cell, epoch, look->step, a, err);
        if (!ends && !status && !model_epoch(ev->run, epoch, err))
            status = STATUS_NOMEM;
    }
    // one after the last end may get another epoch when that ends
    table->sent = table->n;
    while (ends && table->sent && ends->n &&
           table->look[table->sent - 1].step > ends->step[ends->n - 1])
        table->sent--;
    return status;
}

// A resumed writer takes epochs back, and alphas written before any clock get their epochs with it.
static void start_anew(EventRun *ev, const Series *ends)
{
    bool fewer = ends && ev->run->n_rows > ends->n, anew = false;
    for (int t = 0; t < ev->n_tables; t++)
        anew |= ev->table[t].sent == 0;
    if (fewer)
        model_rewind(ev->run, ends->n - 1, INT64_MAX);
    for (int t = 0; t < ev->n_tables && (anew || fewer); t++) {
        int cell = model_cell_index(ev->run, ev->table[t].cell);
        if (cell >= 0) {
            model_drop_looks(ev->run, &ev->run->cells[cell], 0, ev->run->cells[cell].n_looks);
            ev->run->cells[cell].n_genos = 0;
        }
        ev->table[t].sent = 0;
    }
}

Status event_runs_settle(Model *model, Error *err)
{
    Status status = STATUS_OK;
    for (EventRun *ev = model->event_runs; ev && !status; ev = ev->next)
        status = event_run_settle(ev, true, err);
    return status;
}

Status event_run_settle(EventRun *ev, bool numbers, Error *err)
{
    Status status = STATUS_OK;
    for (int i = 0; i < ev->n_tables && !status && numbers; i++)
        status = table_flush(ev, &ev->table[i], err);
    if (!ev->options->follow && ev->run->state == RUN_RUNNING)
        ev->run->state = RUN_STOPPED;
    if (status || !ev->changed)
        return status;
    const Series *ends = epoch_clock(ev);
    start_anew(ev, ends);
    for (int kind = TAG_TRAIN_ACC; ends && kind < TAG_KINDS && !status; kind++)
        status = fill_rows(ev, ends, (TagKind)kind, acc_scale(ev), err);
    for (int t = 0; t < ev->n_tables && !status; t++)
        status = send_looks(ev, &ev->table[t], ends, err);
    for (int i = 0; i < ev->run->n_rows && !status; i++)
        if (!ev->run->rows[i].done)
            model_epoch_done(ev->run, ev->run->rows[i].epoch);
    if (!status && ev->run->judged >= 0)
        model_judge_again(ev->run, 0);
    ev->changed = false;
    return status;
}
