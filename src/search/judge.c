// SPDX-License-Identifier: MIT
#include "src/search/judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/search/record.h"

// Names of the operators by edge; none where p is NAN (NULL: nothing is). True if that is news.
static bool name_ops(const Space *space, const SpaceCell *from, const float *p, HealthCell *to)
{
    bool changed = false;
    for (int e = 0; e < from->n_edges; e++)
        for (int k = 0; k < from->edges[e].n_ops; k++) {
            bool gone = p && isnan(p[e * from->max_ops + k]);
            const char *name = gone ? "" : space->ops[from->edges[e].ops[k]].name;
            changed = changed || strncmp(to->edge_op[e][k], name, GENO_NAME - 1) != 0;
            snprintf(to->edge_op[e][k], GENO_NAME, "%s", name);
        }
    return changed;
}

Status judge_shape(const Space *space, int type, HealthCell *to, Error *err)
{
    const SpaceCell *from = &space->cells[type];
    *to = (HealthCell){ .inputs = from->inputs,
                        .nodes = from->nodes,
                        .keep = from->keep,
                        .derive = from->derive,
                        .combine = from->combine,
                        .n_edges = from->n_edges,
                        .n_ops = from->max_ops,
                        .per_edge = true,
                        .alpha_known = true };
    if (from->n_edges > HEALTH_EDGES || from->max_ops > HEALTH_OPS)
        return error_set(err, STATUS_ARG,
                         "cell '%s' has %d edges and %d operators on one; at most %d and %d can "
                         "be searched",
                         from->name, from->n_edges, from->max_ops, HEALTH_EDGES, HEALTH_OPS);
    snprintf(to->name, sizeof to->name, "%s", from->name);
    to->edge_op = mem_zero((size_t)from->n_edges, sizeof *to->edge_op);
    if (!to->edge_op)
        return error_set(err, STATUS_NOMEM, "no memory for cell '%s'", from->name);
    for (int e = 0; e < from->n_edges; e++) {
        to->edge[e].from = from->edges[e].from;
        to->edge[e].to = from->edges[e].to;
    }
    name_ops(space, from, NULL, to);
    return STATUS_OK;
}

static Status new_health(Judge *judge, Error *err)
{
    health_free(judge->health);
    judge->health = health_new(&judge->limits);
    if (!judge->health)
        return error_set(err, STATUS_NOMEM, "no memory for the collapse detector");
    for (int t = 0; t < judge->alpha->types; t++)
        judge->index[t] = health_cell(judge->health, &judge->cell[t]);
    return STATUS_OK;
}

Status judge_open(Judge *judge, const Alpha *alpha, const HealthLimits *limits, Error *err)
{
    *judge = (Judge){ .alpha = alpha, .limits = *limits };
    Status status = STATUS_OK;
    for (int t = 0; t < alpha->types && status == STATUS_OK; t++)
        status = judge_shape(alpha->space, t, &judge->cell[t], err);
    return status == STATUS_OK ? new_health(judge, err) : status;
}

void judge_close(Judge *judge)
{
    for (int t = 0; t < SPACE_CELLS; t++)
        mem_free(judge->cell[t].edge_op);
    health_free(judge->health);
    mem_free(judge->p);
    mem_free(judge->row);
    mem_free(judge->text);
    *judge = (Judge){ 0 };
}

void judge_signals(Judge *judge, int type, const float *p, Signals *out)
{
    double wide[HEALTH_EDGES * HEALTH_OPS];
    const Alpha *a = judge->alpha;
    const SpaceCell *cell = &a->space->cells[type];
    if (name_ops(a->space, cell, p + a->offset[type], &judge->cell[type]))
        health_cell(judge->health, &judge->cell[type]);
    for (int i = 0; i < a->rows[type] * a->cols[type]; i++)
        wide[i] = p[a->offset[type] + i];
    signals_compute(&judge->cell[type], wide, out);
}

// A number that moves when any weight moves.
static double norm_of(const Judge *judge, int type, const float *p)
{
    double sum = 0;
    const Alpha *a = judge->alpha;
    for (int i = 0; i < a->rows[type] * a->cols[type]; i++)
        sum += isnan(p[a->offset[type] + i]) ? 0 : p[a->offset[type] + i] * sin(1.0 + 0.7 * i);
    return sum;
}

static void feed(Judge *judge, int epoch, const float *p, const Genotype *geno, const JudgeRow *row)
{
    health_accuracy(judge->health, epoch, row->train_acc, row->valid_acc);
    if (!isnan(row->lambda))
        health_lambda(judge->health, epoch, row->lambda, (int)row->batches);
    for (int t = 0; t < judge->alpha->types; t++) {
        HealthLook look = { .epoch = epoch, .has_alpha = true };
        judge_signals(judge, t, p, &look.signals);
        const GenoCell *cell = genotype_cell(geno, judge->cell[t].name);
        if (!cell && t < geno->n_cells)
            cell = &geno->cells[t];
        if (!cell)
            continue;
        CellCount count = arch_cell_count(judge->alpha->space, cell);
        look.geno = *cell;
        look.signals.skips = count.skips;
        look.signals.parameter_free = count.parameter_free;
        look.signals.conv_depth = count.conv_depth;
        look.p_norm = norm_of(judge, t, p);
        health_look(judge->health, judge->index[t], &look);
    }
    if (!isnan(row->match))
        health_match(judge->health, epoch, row->match);
}

static Status reserve(Judge *judge, int epochs, Error *err)
{
    if (epochs <= judge->cap)
        return STATUS_OK;
    int cap = epochs + epochs / 2 + 16;
    size_t n = (size_t)cap * (size_t)judge->alpha->n_alpha;
    float *p = mem_grow(judge->p, n, sizeof *p);
    judge->p = p ? p : judge->p;
    JudgeRow *row = mem_grow(judge->row, (size_t)cap, sizeof *row);
    judge->row = row ? row : judge->row;
    char *text = mem_grow(judge->text, (size_t)cap, JUDGE_TEXT);
    judge->text = text ? text : judge->text;
    if (!p || !row || !text)
        return error_set(err, STATUS_NOMEM, "no memory for the history of the search");
    judge->cap = cap;
    return STATUS_OK;
}

Status judge_epoch(Judge *judge, int epoch, const float *p, const Genotype *geno,
                   const JudgeRow *row, Error *err)
{
    Status status = reserve(judge, judge->epochs + 1, err);
    if (status != STATUS_OK)
        return status;
    size_t n = (size_t)judge->alpha->n_alpha, at = (size_t)judge->epochs++;
    Str text = { 0 };
    genotype_write(geno, &text);
    memcpy(judge->p + at * n, p, n * sizeof *p);
    judge->row[at] = *row;
    memset(judge->text + at * JUDGE_TEXT, 0, JUDGE_TEXT);
    snprintf(judge->text + at * JUDGE_TEXT, JUDGE_TEXT, "%s", str_text(&text));
    str_fini(&text);
    feed(judge, epoch, p, geno, row);
    return STATUS_OK;
}

Status judge_emit(Judge *judge, int64_t step, const Sink *sink, Error *err)
{
    const HealthAlarm *alarm;
    while ((alarm = health_next_alarm(judge->health)) != NULL) {
        Json *record = record_new("alarm", alarm->epoch);
        json_put_int(record, "step", step);
        health_alarm_json(alarm, record);
        Status status = sink_emit(sink, record, err);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

void judge_save(const Judge *judge, Book *book)
{
    int64_t epochs = judge->epochs;
    book_copy(book, "health.epochs", SAFE_I64, &epochs, 1);
    book_put(book, "health.p", SAFE_F32, judge->p, epochs * judge->alpha->n_alpha);
    book_put(book, "health.rows", SAFE_F64, judge->row, epochs * 5);
    book_put(book, "health.genotypes", SAFE_U8, judge->text, epochs * JUDGE_TEXT);
}

// Feeds the history again; a fork from another space's shape starts with an empty one.
Status judge_load(Judge *judge, const SafeFile *file, bool fork, Error *err)
{
    int64_t epochs = 0, n = judge->alpha->n_alpha;
    Status status = book_get(file, "health.epochs", SAFE_I64, &epochs, 1, fork, err);
    if (status == STATUS_OK && (epochs < 0 || epochs > 1000000))
        status = error_set(err, STATUS_PARSE, "checkpoint: health.epochs is out of range");
    if (status == STATUS_OK)
        status = reserve(judge, (int)epochs, err);
    if (status == STATUS_OK && epochs > 0)
        status = book_get(file, "health.p", SAFE_F32, judge->p, epochs * n, false, err);
    if (status == STATUS_OK && epochs > 0)
        status = book_get(file, "health.rows", SAFE_F64, judge->row, epochs * 5, false, err);
    if (status == STATUS_OK && epochs > 0)
        status = book_get(file, "health.genotypes", SAFE_U8, judge->text, epochs * JUDGE_TEXT,
                          false, err);
    if (status == STATUS_OK)
        status = new_health(judge, err);
    judge->epochs = 0;
    for (int e = 0; e < epochs && status == STATUS_OK; e++) {
        Genotype geno;
        judge->text[(size_t)e * JUDGE_TEXT + JUDGE_TEXT - 1] = '\0';
        status = genotype_parse(judge->text + (size_t)e * JUDGE_TEXT, &geno, NULL, err);
        if (status == STATUS_OK)
            feed(judge, e, judge->p + (size_t)e * (size_t)n, &geno, &judge->row[e]);
        judge->epochs = e + 1;
    }
    while (status == STATUS_OK && health_next_alarm(judge->health))
        ; // journaled before
    return status;
}
