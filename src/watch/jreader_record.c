// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/watch/jreader.h"
#include "src/watch/model_priv.h"
#include "src/watch/effective.h"

// The run record with its cells, and alphas.

static Status bad(Error *err, const char *reason)
{
    return error_set(err, STATUS_PARSE, "%s", reason);
}

// ---- cells --------------------------------------------------------------------------------------

static int copy_ops(const Json *list, char ops[HEALTH_OPS][GENO_NAME])
{
    int n = json_length(list);
    if (n < 1 || n > HEALTH_OPS)
        return 0;
    for (int k = 0; k < n; k++)
        snprintf(ops[k], GENO_NAME, "%s", json_to_str(json_at(list, k), ""));
    return n;
}

static bool read_edges(const Json *list, HealthCell *cell)
{
    cell->n_edges = json_length(list);
    if (cell->n_edges < 1 || cell->n_edges > HEALTH_EDGES)
        return false;
    for (int e = 0; e < cell->n_edges; e++) {
        const Json *edge = json_at(list, e);
        int64_t from = json_to_int(json_at(edge, 0), -1), to = json_to_int(json_at(edge, 1), -1);
        if (from < 0 || to <= from || to >= cell->inputs + cell->nodes)
            return false;
        cell->edge[e].from = (int)from;
        cell->edge[e].to = (int)to;
    }
    return true;
}

// One list of operators, or one per edge: then edge_op is made, for the caller to free.
static Status read_ops(const Json *list, HealthCell *cell, Error *err)
{
    if (!json_is_array(json_at(list, 0))) {
        cell->n_ops = copy_ops(list, cell->op);
        return cell->n_ops ? STATUS_OK : bad(err, "cell without operators");
    }
    if (json_length(list) != cell->n_edges)
        return bad(err, "cell with operators for other edges");
    cell->edge_op = mem_zero((size_t)cell->n_edges, sizeof *cell->edge_op);
    if (!cell->edge_op)
        return error_set(err, STATUS_NOMEM, "not enough memory for a cell");
    cell->per_edge = true;
    for (int e = 0; e < cell->n_edges; e++) {
        int n = copy_ops(json_at(list, e), cell->edge_op[e]);
        if (n > cell->n_ops)
            cell->n_ops = n;
        if (!n)
            return bad(err, "edge without operators");
    }
    return STATUS_OK;
}

static Status read_cell(const Json *from, HealthCell *cell, Error *err)
{
    *cell = (HealthCell){ .alpha_known = true };
    int64_t inputs = json_get_int(from, "inputs", 2), nodes = json_get_int(from, "nodes", 4);
    int64_t keep = json_get_int(from, "keep", 2);
    const char *name = json_get_str(from, "name", "cell");
    snprintf(cell->name, sizeof cell->name, "%s", strcmp(name, "reduce") ? name : "reduction");
    if (inputs < 1 || inputs > 16 || nodes < 1 || nodes > 16 || keep < 0 || keep > HEALTH_EDGES)
        return bad(err, "cell of an impossible size");
    cell->inputs = (int)inputs;
    cell->nodes = (int)nodes;
    cell->keep = (int)keep;
    bool sum = strcmp(json_get_str(from, "combine", "concat"), "sum") == 0;
    cell->combine = sum ? COMBINE_SUM : COMBINE_CONCAT;
    const char *derive = json_get_str(from, "derive", sum ? "argmax" : "top");
    cell->derive = strcmp(derive, "argmax") == 0 ? DERIVE_ARGMAX : DERIVE_TOP;
    const Json *edges = json_get(from, "edges");
    if (!edges)
        model_shape_edges(cell);
    else if (!read_edges(edges, cell))
        return bad(err, "cell with impossible edges");
    return read_ops(json_get(from, "ops"), cell, err);
}

static Status read_cells(ModelRun *run, const Json *cells, Error *err)
{
    if (json_length(cells) > GENO_CELLS)
        return bad(err, "too many cells");
    for (int c = 0; c < json_length(cells); c++) {
        HealthCell cell;
        int index;
        Status status = read_cell(json_at(cells, c), &cell, err);
        if (!status)
            status = model_cell(run, &cell, &index, err);
        mem_free(cell.edge_op);
        if (status)
            return status;
    }
    return STATUS_OK;
}

// ---- run ----------------------------------------------------------------------------------------

static void copy_text(char *to, size_t size, const Json *record, const char *key)
{
    const char *text = json_get_str(record, key, NULL);
    if (text)
        snprintf(to, size, "%s", text);
}

static void read_limits(HealthLimits *limits, const Json *run)
{
    const Json *from = json_get(run, "health");
    const struct {
        const char *key;
        int *value;
    } ints[] = { { "looks", &limits->looks },         { "clear", &limits->clear },
                 { "skips", &limits->skips },         { "parameter_free", &limits->parameter_free },
                 { "rise", &limits->rise },           { "rise_epochs", &limits->rise_epochs },
                 { "slow_hold", &limits->slow_hold }, { "depth_epochs", &limits->depth_epochs } };
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        int64_t value = json_get_int(from, ints[i].key, *ints[i].value);
        if (value >= 0 && value < 100000)
            *ints[i].value = (int)value;
    }
    limits->t_watch = json_get_num(from, "t_watch", limits->t_watch);
    limits->t_warn = json_get_num(from, "t_warn", limits->t_warn);
    limits->lambda_ratio = json_get_num(from, "lambda_ratio", limits->lambda_ratio);
    limits->majority = json_get_num(run, "majority", limits->majority);
    int64_t warmup = json_get_int(run, "warmup_epochs", limits->warmup_epochs);
    if (warmup >= 0 && warmup < 100000)
        limits->warmup_epochs = (int)warmup;
}

// [{"name":"params","direction":"minimize"}, ...], and the short form {"params":"minimize"}.
static bool add_objective(void *self, const char *key, const Json *value)
{
    ModelRun *run = self;
    if (run->n_objectives == 8)
        return false;
    snprintf(run->objective[run->n_objectives].name, sizeof run->objective[0].name, "%s", key);
    run->objective[run->n_objectives++].maximize =
        strncmp(json_to_str(value, "minimize"), "max", 3) == 0;
    return true;
}

Status jreader_run_record(Journal *journal, const Json *record, Error *err)
{
    ModelRun *run = jreader_run(journal, err);
    if (!run)
        return STATUS_NOMEM;
    copy_text(run->name, sizeof run->name, record, "name");
    copy_text(run->strategy, sizeof run->strategy, record, "strategy");
    copy_text(run->space, sizeof run->space, record, "space");
    copy_text(run->producer, sizeof run->producer, record, "producer");
    copy_text(run->producer, sizeof run->producer, record, "host");
    copy_text(run->fork_of, sizeof run->fork_of, record, "fork_of");
    run->fork_epoch = (int)json_get_int(record, "fork_epoch", run->fork_epoch);
    run->seed = json_get_int(record, "seed", run->seed);
    int64_t epochs = json_get_int(record, "epochs", run->epochs);
    run->epochs = epochs > 0 && epochs < 100000000 ? (int)epochs : 0;
    run->steps_per_epoch = json_get_int(record, "steps_per_epoch", run->steps_per_epoch);
    double wall = json_get_num(record, "wall", NAN);
    if (isfinite(wall) && !isfinite(run->started))
        run->started = wall;
    run->n_objectives = 0;
    const Json *objectives = json_get(record, "objectives");
    for (int i = 0; i < json_length(objectives); i++) {
        const Json *one = json_at(objectives, i);
        add_objective(run, json_get_str(one, "name", ""), json_get(one, "direction"));
    }
    json_each(json_get(record, "directions"), add_objective, run);
    HealthLimits limits = run->limits;
    read_limits(&limits, record);
    limits.epochs = run->epochs;
    Status status = read_cells(run, json_get(record, "cells"), err);
    return status ? status : model_limits(run, &limits, err);
}

// ---- alpha --------------------------------------------------------------------------------------

// The rows of `a` into p; gone[e][k]: null there, the operator was removed.
static bool read_rows(const Json *a, const HealthCell *shape, double *p, bool *gone)
{
    if (json_length(a) != shape->n_edges)
        return false;
    for (int e = 0; e < shape->n_edges; e++) {
        const Json *row = json_at(a, e);
        int n = json_length(row);
        if (n < 1 || n > shape->n_ops)
            return false;
        for (int k = 0; k < shape->n_ops; k++) {
            const Json *value = k < n ? json_at(row, k) : NULL;
            bool number = json_is_number(value);
            if (value && !number)
                return false;
            gone[e * shape->n_ops + k] = !number;
            p[e * shape->n_ops + k] = number ? json_to_num(value, NAN) : 0.0;
        }
    }
    return true;
}

// Keeps the names of the operators that a cell was declared with.
static bool keep_declared(ModelCell *cell)
{
    const HealthCell *shape = &cell->shape;
    if (cell->declared)
        return true;
    cell->declared = mem_zero((size_t)shape->n_edges, sizeof *cell->declared);
    for (int e = 0; cell->declared && e < shape->n_edges; e++)
        for (int k = 0; k < shape->n_ops; k++)
            snprintf(cell->declared[e][k], GENO_NAME, "%s", health_op(shape, e, k));
    return cell->declared != NULL;
}

// Takes the operators that are null in a table out of the shape; what was removed and has a number
// again (a roll-back) comes back.
static Status mark_gone(ModelRun *run, int *cell, const bool *gone, Error *err)
{
    const ModelCell *from = &run->cells[*cell];
    HealthCell shape = from->shape;
    bool changed = false;
    shape.edge_op = mem_zero((size_t)shape.n_edges, sizeof *shape.edge_op);
    if (!shape.edge_op)
        return error_set(err, STATUS_NOMEM, "not enough memory for a cell");
    for (int e = 0; e < shape.n_edges; e++)
        for (int k = 0; k < shape.n_ops; k++) {
            const char *now = health_op(&from->shape, e, k);
            const char *name = from->declared ? from->declared[e][k] : now;
            name = gone[e * shape.n_ops + k] ? "" : name;
            snprintf(shape.edge_op[e][k], GENO_NAME, "%s", name);
            changed |= strcmp(now, name) != 0;
        }
    shape.per_edge = true;
    Status status = STATUS_OK;
    if (changed && !keep_declared(&run->cells[*cell]))
        status = error_set(err, STATUS_NOMEM, "not enough memory for a cell");
    if (changed && status == STATUS_OK)
        status = model_cell(run, &shape, cell, err);
    mem_free(shape.edge_op);
    return status;
}

static Status guess_cell(ModelRun *run, const char *name, const Json *a, int *cell, Error *err)
{
    HealthCell shape;
    if (!model_shape_guess(name, json_length(a), json_length(json_at(a, 0)), &shape))
        return bad(err, "alpha of an unknown cell");
    return model_cell(run, &shape, cell, err);
}

Status jreader_alpha_record(Journal *journal, const Json *record, Error *err)
{
    enum { CELLS = HEALTH_EDGES * HEALTH_OPS };
    double p[CELLS];
    bool gone[CELLS];
    ModelRun *run = jreader_run(journal, err);
    if (!run)
        return STATUS_NOMEM;
    int epoch = jreader_epoch_of(record, "epoch");
    const char *name = json_get_str(record, "cell", "cell");
    const Json *a = json_get(record, "a");
    if (epoch == INT_MIN || !json_is_array(a))
        return bad(err, "alpha without epoch or rows");
    name = strcmp(name, "reduce") ? name : "reduction";
    int cell = model_cell_index(run, name);
    Status status = cell < 0 ? guess_cell(run, name, a, &cell, err) : STATUS_OK;
    if (status)
        return status;
    const HealthCell *shape = &run->cells[cell].shape;
    if (!read_rows(a, shape, p, gone))
        return bad(err, "alpha of another shape than its cell");
    const char *kind = json_get_str(record, "kind", "probabilities");
    int edges = shape->n_edges, ops = shape->n_ops;
    if (strcmp(kind, "logits") == 0)
        effective_of_logits(p, gone, edges, ops);
    else if (strcmp(kind, "sigmoid") == 0)
        effective_of_sigmoid(p, gone, edges, ops);
    status = mark_gone(run, &cell, gone, err);
    return status ? status
                  : model_alpha(run, cell, epoch, json_get_int(record, "step", epoch), p, err);
}
