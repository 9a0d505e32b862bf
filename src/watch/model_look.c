// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/watch/model_priv.h"

// Looks at the alphas and genotypes of a run, both ordered by epoch.

static size_t look_bytes(const ModelCell *cell)
{
    return (size_t)cell->shape.n_edges * (size_t)cell->shape.n_ops * sizeof(float);
}

void model_drop_looks(ModelRun *run, ModelCell *cell, int from, int to)
{
    if (from >= to)
        return;
    for (int i = from; i < to; i++)
        mem_free(cell->looks[i].p);
    run->owner->bytes -= (size_t)(to - from) * look_bytes(cell);
    memmove(cell->looks + from, cell->looks + to,
            (size_t)(cell->n_looks - to) * sizeof *cell->looks);
    cell->n_looks -= to - from;
}

int model_look_count(const ModelCell *cell, int epoch)
{
    int low = 0, high = cell->n_looks;
    while (low < high) {
        int mid = (low + high) / 2;
        if (cell->looks[mid].epoch <= epoch)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int model_geno_count(const ModelCell *cell, int epoch)
{
    int low = 0, high = cell->n_genos;
    while (low < high) {
        int mid = (low + high) / 2;
        if (cell->genos[mid].epoch <= epoch)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const char *model_op(const ModelCell *cell, const AlphaLook *look, int edge, int col)
{
    const char *now = health_op(&cell->shape, edge, col);
    if (now[0] || !cell->declared)
        return now;
    bool there = !look || look->p[edge * cell->shape.n_ops + col] > 0; // removed ones are 0
    return there ? cell->declared[edge][col] : "";
}

const AlphaLook *model_look(const ModelRun *run, int cell, int epoch)
{
    if (cell < 0 || cell >= run->n_cells)
        return NULL;
    int n = model_look_count(&run->cells[cell], epoch);
    return n ? &run->cells[cell].looks[n - 1] : NULL;
}

const GenoRow *model_geno(const ModelRun *run, int cell, int epoch)
{
    if (cell < 0 || cell >= run->n_cells)
        return NULL;
    int n = model_geno_count(&run->cells[cell], epoch);
    return n ? &run->cells[cell].genos[n - 1] : NULL;
}

GenoRow *model_geno_at(ModelCell *cell, int epoch)
{
    int n = model_geno_count(cell, epoch);
    return n && cell->genos[n - 1].epoch == epoch ? &cell->genos[n - 1] : NULL;
}

// Keeps the last look of every epoch in the older three quarters; where that frees too little,
// every second of those epochs goes too. The newest quarter stays whole.
static void looks_thin(ModelRun *run, ModelCell *cell)
{
    int old = cell->n_looks * 3 / 4, kept = 0;
    for (int pass = 0; pass < 2; pass++) {
        kept = 0;
        for (int i = 0; i < old; i++) {
            bool last = i + 1 >= cell->n_looks || cell->looks[i + 1].epoch != cell->looks[i].epoch;
            bool keep = pass == 0 ? last : i % 2 == 0;
            if (keep) {
                cell->looks[kept++] = cell->looks[i];
            } else {
                mem_free(cell->looks[i].p);
                run->owner->bytes -= look_bytes(cell);
            }
        }
        memmove(cell->looks + kept, cell->looks + old,
                (size_t)(cell->n_looks - old) * sizeof *cell->looks);
        cell->n_looks -= old - kept;
        if (kept < old * 3 / 4)
            return;
        old = kept;
    }
}

static int look_cap(const ModelCell *cell)
{
    size_t each = look_bytes(cell) + sizeof(AlphaLook);
    size_t cap = MODEL_LOOK_BYTES / each;
    return cap > 8192 ? 8192 : cap < 64 ? 64 : (int)cap;
}

static Status look_room(ModelRun *run, ModelCell *cell, bool *full, Error *err)
{
    if (cell->n_looks >= look_cap(cell))
        looks_thin(run, cell);
    if (cell->n_looks > 8 && !model_room(run, look_bytes(cell)))
        looks_thin(run, cell);
    void *looks = cell->looks;
    Status status =
        model_reserve(run, &looks, cell->n_looks, &cell->cap_looks, sizeof *cell->looks, full, err);
    cell->looks = looks;
    return status;
}

// Where a look at (epoch, step) goes: after everything up to it. A look at the same place is
// replaced.
static int look_place(ModelCell *cell, int epoch, int64_t step, bool *same)
{
    int at = cell->n_looks;
    while (at > 0 && (cell->looks[at - 1].epoch > epoch ||
                      (cell->looks[at - 1].epoch == epoch && cell->looks[at - 1].step > step)))
        at--;
    *same = at > 0 && cell->looks[at - 1].epoch == epoch && cell->looks[at - 1].step == step;
    return *same ? at - 1 : at;
}

static Status look_insert(ModelRun *run, ModelCell *cell, int at, Error *err)
{
    float *p = mem_array((size_t)cell->shape.n_edges * (size_t)cell->shape.n_ops, sizeof *p);
    if (!p)
        return error_set(err, STATUS_NOMEM, "not enough memory for the alphas of run %s",
                         run->name);
    memmove(cell->looks + at + 1, cell->looks + at,
            (size_t)(cell->n_looks - at) * sizeof *cell->looks);
    cell->looks[at] = (AlphaLook){ .p = p };
    cell->n_looks++;
    run->owner->bytes += look_bytes(cell);
    return STATUS_OK;
}

Status model_alpha(ModelRun *run, int cell, int epoch, int64_t step, const double *p, Error *err)
{
    if (model_is_beyond(run, epoch))
        return STATUS_OK;
    ModelCell *mine = &run->cells[cell];
    bool full, same;
    Status status = look_room(run, mine, &full, err);
    if (status || full)
        return status;
    int at = look_place(mine, epoch, step, &same);
    if (!same && (status = look_insert(run, mine, at, err)))
        return status;
    AlphaLook *look = &mine->looks[at];
    look->epoch = epoch;
    look->step = step;
    for (int i = 0; i < mine->shape.n_edges * mine->shape.n_ops; i++)
        look->p[i] = (float)p[i];
    signals_compute(&mine->shape, p, &look->signals);
    if (step > run->step)
        run->step = step;
    model_judge_again(run, epoch);
    run->version++;
    return STATUS_OK;
}

Status model_put_geno(ModelRun *run, int cell, int epoch, const GenoCell *geno, bool logged,
                      Error *err)
{
    ModelCell *mine = &run->cells[cell];
    GenoRow *row = model_geno_at(mine, epoch);
    if (!row) {
        bool full;
        void *genos = mine->genos;
        Status status = model_reserve(run, &genos, mine->n_genos, &mine->cap_genos,
                                      sizeof *mine->genos, &full, err);
        mine->genos = genos;
        if (status || full)
            return status;
        int at = model_geno_count(mine, epoch);
        memmove(mine->genos + at + 1, mine->genos + at,
                (size_t)(mine->n_genos - at) * sizeof *mine->genos);
        mine->n_genos++;
        row = &mine->genos[at];
    }
    CellCount count = geno_cell_count(geno);
    *row = (GenoRow){ .epoch = epoch,
                      .geno = *geno,
                      .skips = count.skips,
                      .parameter_free = count.parameter_free,
                      .conv_depth = count.conv_depth,
                      .logged = logged };
    snprintf(row->geno.name, sizeof row->geno.name, "%s", mine->shape.name);
    run->version++;
    return STATUS_OK;
}

Status model_genotype(ModelRun *run, int epoch, const Genotype *geno, Error *err)
{
    if (model_is_beyond(run, epoch))
        return STATUS_OK;
    for (int c = 0; c < geno->n_cells; c++) {
        int index = model_cell_index(run, geno->cells[c].name);
        Status status = STATUS_OK;
        if (index < 0) {
            HealthCell shape;
            model_shape_of_genotype(&geno->cells[c], &shape);
            status = model_cell(run, &shape, &index, err);
        }
        if (!status)
            status = model_put_geno(run, index, epoch, &geno->cells[c], true, err);
        if (status)
            return status;
    }
    if (geno->n_cells && model_geno_count(&run->cells[0], epoch) == run->cells[0].n_genos) {
        Str text = { 0 };
        genotype_write(geno, &text);
        snprintf(run->genotype, sizeof run->genotype, "%s", str_text(&text));
        str_fini(&text);
    }
    model_judge_again(run, epoch);
    return STATUS_OK;
}
