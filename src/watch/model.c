// SPDX-License-Identifier: MIT
#include "src/watch/model.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/watch/event_run.h"
#include "src/watch/model_priv.h"

const char *run_state_name(RunState state)
{
    static const char *const names[] = { "UNKNOWN", "RUNNING", "PAUSED", "DONE",
                                         "STOPPED", "FAILED",  "LOST" };
    return names[state];
}

// A new block, not a shrunk one: the rest of that would be a hole just too small for the next run.
static void *only_first(void *items, size_t size)
{
    void *first = mem_array(1, size);
    if (first) {
        memcpy(first, items, size);
        mem_free(items);
    }
    return first;
}

// Takes looks and genotypes but the newest from a run that is over.
static void empty_cell(ModelRun *run, ModelCell *cell)
{
    model_drop_looks(run, cell, 0, cell->n_looks - 1);
    if (cell->n_genos > 1) {
        cell->genos[0] = cell->genos[cell->n_genos - 1];
        cell->n_genos = 1;
    }
    GenoRow *genos = cell->n_genos ? only_first(cell->genos, sizeof *genos) : NULL;
    if (genos) {
        run->owner->bytes -= (size_t)(cell->cap_genos - 1) * sizeof *genos;
        cell->genos = genos;
        cell->cap_genos = 1;
    }
    AlphaLook *looks = cell->n_looks ? only_first(cell->looks, sizeof *looks) : NULL;
    if (looks) {
        run->owner->bytes -= (size_t)(cell->cap_looks - 1) * sizeof *looks;
        cell->looks = looks;
        cell->cap_looks = 1;
    }
}

void model_end(ModelRun *run)
{
    run->closed = true;
    health_end(run->health);
}

// Room for the newest run, from the oldest ones: a file of very many searches.
bool model_room(const ModelRun *run, size_t more)
{
    Model *model = run->owner;
    while (model->bytes + more > MODEL_BYTES) {
        if (model->n_emptied >= model->n || model->runs[model->n_emptied] == run)
            return false;
        ModelRun *old = model->runs[model->n_emptied++];
        for (int c = 0; c < old->n_cells; c++)
            empty_cell(old, &old->cells[c]);
        old->closed = true; // what it was judged by is gone
        old->version++;
    }
    return true;
}

Status model_reserve(ModelRun *run, void **items, int n, int *cap, size_t size, bool *full,
                     Error *err)
{
    *full = false;
    if (n < *cap)
        return STATUS_OK;
    int wanted = *cap ? *cap * 2 : size > 1024 ? 2 : 16;
    size_t more = (size_t)(wanted - *cap) * size;
    if (n >= INT_MAX / 4 || !model_room(run, more)) {
        *full = true;
        run->skipped++;
        return STATUS_OK;
    }
    void *grown = mem_grow(*items, (size_t)wanted, size);
    if (!grown)
        return error_set(err, STATUS_NOMEM, "not enough memory for the record of run %s",
                         run->name);
    *items = grown;
    *cap = wanted;
    run->owner->bytes += more;
    return STATUS_OK;
}

static void run_defaults(ModelRun *run, Model *model, const char *name)
{
    snprintf(run->name, sizeof run->name, "%s", name ? name : "");
    run->owner = model;
    run->seed = run->epoch = run->judged = run->last_checkpoint = run->fork_epoch = -1;
    run->started = run->last = run->seconds_per_epoch = NAN;
    run->rss_bytes = run->cpu = NAN;
    run->stale = INT_MAX;
    health_limits_default(&run->limits);
    if (model->majority > 0)
        run->limits.majority = model->majority;
}

ModelRun *model_add(Model *model, const char *name, Error *err)
{
    ModelRun *run = NULL;
    bool listed = model->n < MODEL_RUNS;
    if (!listed && model->spare)
        return model->spare;
    if (listed && model->n == model->cap) {
        int cap = model->cap ? model->cap * 2 : 8;
        void *runs = mem_grow(model->runs, (size_t)cap, sizeof *model->runs);
        if (!runs)
            goto nomem;
        model->runs = runs;
        model->cap = cap;
    }
    run = mem_zero(1, sizeof *run);
    if (!run)
        goto nomem;
    run_defaults(run, model, name);
    run->health = health_new(&run->limits);
    if (!run->health)
        goto nomem;
    model->bytes += sizeof *run;
    if (!listed) {
        model->spare = run;
        return run;
    }
    model->runs[model->n++] = run;
    return run;
nomem:
    mem_free(run);
    error_set(err, STATUS_NOMEM, "not enough memory for another run");
    return NULL;
}

static void run_free(ModelRun *run)
{
    for (int c = 0; c < run->n_cells; c++) {
        model_drop_looks(run, &run->cells[c], 0, run->cells[c].n_looks);
        mem_free(run->cells[c].looks);
        mem_free(run->cells[c].genos);
        mem_free(run->cells[c].shape.edge_op);
        mem_free(run->cells[c].declared);
    }
    for (int i = 0; i < run->n_trials; i++)
        mem_free(run->trials[i].arch);
    for (int i = 0; i < run->n_log; i++)
        mem_free(run->log[i].text);
    mem_free(run->cells);
    mem_free(run->rows);
    mem_free(run->trials);
    mem_free(run->lambdas);
    mem_free(run->gradients);
    mem_free(run->log);
    health_free(run->health);
    mem_free(run);
}

void model_free(Model *model)
{
    if (!model)
        return;
    for (int i = 0; i < model->n; i++)
        run_free(model->runs[i]);
    if (model->spare)
        run_free(model->spare);
    mem_free(model->runs);
    event_runs_free(model->event_runs);
    *model = (Model){ 0 };
}

int model_cell_index(const ModelRun *run, const char *name)
{
    for (int c = 0; c < run->n_cells; c++)
        if (strcmp(run->cells[c].shape.name, name) == 0)
            return c;
    return -1;
}

// The shape with its own copy of the operators of each edge.
static Status shape_copy(const HealthCell *from, HealthCell *to, Error *err)
{
    *to = *from;
    to->edge_op = NULL;
    if (!from->per_edge || !from->edge_op)
        return STATUS_OK;
    to->edge_op = mem_array((size_t)from->n_edges, sizeof *to->edge_op);
    if (!to->edge_op)
        return error_set(err, STATUS_NOMEM, "not enough memory for cell %s", from->name);
    memcpy(to->edge_op, from->edge_op, (size_t)from->n_edges * sizeof *to->edge_op);
    return STATUS_OK;
}

static Status cell_append(ModelRun *run, int *index, Error *err)
{
    bool full;
    void *cells = run->cells;
    Status status =
        model_reserve(run, &cells, run->n_cells, &run->cap_cells, sizeof *run->cells, &full, err);
    run->cells = cells;
    if (status || full)
        return status
                   ? status
                   : error_set(err, STATUS_NOMEM, "no room for another cell of run %s", run->name);
    *index = run->n_cells++;
    run->cells[*index] = (ModelCell){ .health = -1 };
    return STATUS_OK;
}

Status model_declare(ModelRun *run, ModelCell *cell, Error *err)
{
    cell->health = health_cell(run->health, &cell->shape);
    if (cell->health < 0)
        return error_set(err, STATUS_NOMEM, "not enough memory to judge cell %s", cell->shape.name);
    return STATUS_OK;
}

Status model_cell(ModelRun *run, const HealthCell *cell, int *index, Error *err)
{
    HealthCell copy;
    Status status = shape_copy(cell, &copy, err);
    if (status)
        return status;
    *index = model_cell_index(run, cell->name);
    if (*index < 0 && (status = cell_append(run, index, err))) {
        mem_free(copy.edge_op);
        return status;
    }
    ModelCell *mine = &run->cells[*index];
    if (mine->shape.n_edges != copy.n_edges || mine->shape.n_ops != copy.n_ops) {
        model_drop_looks(run, mine, 0, mine->n_looks);
        mem_free(mine->declared);
        mine->declared = NULL;
    }
    mem_free(mine->shape.edge_op);
    mine->shape = copy;
    run->version++;
    return model_declare(run, mine, err);
}

// Does a record at (epoch, step) come after what a resume keeps? The step decides; records of
// producers that count no steps go by their epoch.
static bool is_later(int at_epoch, int64_t at_step, int epoch, int64_t step)
{
    return at_step > 0 ? at_step > step : at_epoch > epoch;
}

// Cuts the tail of a cell: looks after the step, genotypes after the epoch.
static void cell_rewind(ModelRun *run, ModelCell *cell, int epoch, int64_t step)
{
    int keep = cell->n_looks;
    while (keep > 0 &&
           is_later(cell->looks[keep - 1].epoch, cell->looks[keep - 1].step, epoch, step))
        keep--;
    model_drop_looks(run, cell, keep, cell->n_looks);
    cell->n_genos = model_geno_count(cell, epoch);
}

void model_rewind(ModelRun *run, int epoch, int64_t step)
{
    for (int c = 0; c < run->n_cells; c++)
        cell_rewind(run, &run->cells[c], epoch, step);
    run->n_rows = model_row_count(run, epoch);
    while (run->n_lambdas > 0 && run->lambdas[run->n_lambdas - 1].epoch > epoch)
        run->n_lambdas--;
    while (run->n_gradients > 0 && is_later(run->gradients[run->n_gradients - 1].epoch,
                                            run->gradients[run->n_gradients - 1].step, epoch, step))
        run->n_gradients--;
    if (run->last_checkpoint > epoch)
        run->last_checkpoint = epoch;
    if (run->epoch > epoch)
        run->epoch = epoch < -1 ? -1 : epoch;
    if (run->step > step)
        run->step = step;
    if (run->judged > epoch) {
        run->judged = epoch;
        health_rewind(run->health, epoch);
    }
    run->complete = false;
    run->version++;
}

void model_skip(Model *model, ModelRun *run, int64_t line, const char *reason)
{
    enum { HALF = MODEL_SKIPS / 2 };
    int64_t n = model->skipped_lines++;
    int at = n < HALF ? (int)n : HALF + (int)((n - HALF) % HALF);
    model->skips[at].line = line;
    snprintf(model->skips[at].reason, sizeof model->skips[at].reason, "%s", reason);
    if (model->n_skips < MODEL_SKIPS)
        model->n_skips++;
    if (run)
        run->skipped++;
}
