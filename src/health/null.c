// SPDX-License-Identifier: MIT
#include "src/health/null.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"

void null_walk_default(NullWalk *walk)
{
    *walk = (NullWalk){
        .start_sd = 1e-3, .step_sd = 0.015, .momentum = 0.9, .seed = 1, .runs = 2000, .looks = 50
    };
}

// ---- simulation ---------------------------------------------------------------------------------

typedef struct {
    double a[HEALTH_EDGES * HEALTH_OPS], v[HEALTH_EDGES * HEALTH_OPS];
    double p[HEALTH_EDGES * HEALTH_OPS];
    float f[HEALTH_EDGES * HEALTH_OPS];
    const char *names[HEALTH_OPS];
    GenoCell shape;
} Walker;

static void walk_start(Walker *w, const NullWalk *walk, int n, Rng *rng)
{
    for (int i = 0; i < n; i++) {
        w->a[i] = walk->start_sd * rng_normal(rng);
        w->v[i] = walk->step_sd * rng_normal(rng);
    }
}

static void walk_step(Walker *w, const NullWalk *walk, int n, Rng *rng)
{
    double kick = walk->step_sd * sqrt(1.0 - walk->momentum * walk->momentum);
    for (int i = 0; i < n; i++) {
        w->v[i] = walk->momentum * w->v[i] + kick * rng_normal(rng);
        w->a[i] += w->v[i];
    }
}

static void walk_look(Walker *w, const HealthCell *cell, int epoch, HealthLook *look)
{
    int n = cell->n_edges * cell->n_ops;
    memcpy(w->p, w->a, (size_t)n * sizeof *w->p);
    signals_softmax(w->p, cell->n_edges, cell->n_ops);
    for (int i = 0; i < n; i++)
        w->f[i] = (float)w->p[i];
    look->epoch = epoch;
    look->has_alpha = true;
    look->p_norm = epoch;
    signals_compute(cell, w->p, &look->signals);
    geno_derive(&w->shape, w->f, cell->n_edges, w->names, cell->n_ops, cell->derive, cell->keep,
                &look->geno);
}

static void walker_shape(Walker *w, const HealthCell *cell)
{
    memset(w, 0, sizeof *w);
    for (int k = 0; k < cell->n_ops; k++)
        w->names[k] = cell->op[k];
    w->shape.inputs = cell->inputs;
    w->shape.nodes = cell->nodes;
    w->shape.combine = cell->combine;
    if (cell->combine == COMBINE_CONCAT)
        for (int i = 0; i < cell->nodes && i < 16; i++)
            w->shape.concat[w->shape.n_concat++] = cell->inputs + i;
}

// One run; seen[c] says whether clause c was raised.
static bool simulate_run(Walker *w, const NullWalk *walk, const HealthCell *cell, int run,
                         bool *seen)
{
    HealthLimits limits;
    health_limits_default(&limits);
    limits.epochs = walk->looks;
    Health *health = health_new(&limits);
    if (!health)
        return false;
    int index = health_cell(health, cell), n = cell->n_edges * cell->n_ops;
    Rng rng = rng_at(walk->seed, (uint64_t)run, 0);
    walk_start(w, walk, n, &rng);
    HealthLook look = { 0 };
    walk_look(w, cell, -1, &look);
    health_look(health, index, &look);
    for (int e = 0; e < walk->looks; e++) {
        walk_step(w, walk, n, &rng);
        walk_look(w, cell, e, &look);
        health_look(health, index, &look);
    }
    memset(seen, 0, CELL_CLAUSES * sizeof *seen);
    bool ok = index >= 0 && !health_failed(health);
    for (int c = 0; ok && c < CELL_CLAUSES; c++)
        seen[c] = health_clause_fired(health, index, c);
    health_free(health);
    return ok;
}

static void count_run(NullRates *out, const HealthCell *cell, const bool *seen, int runs)
{
    CellState state = { .reduction = health_is_reduction(cell) };
    HealthLevel highest = LEVEL_OK;
    for (int c = 0; c < CELL_CLAUSES; c++) {
        HealthLevel level = clause_level((Clause)c, &state);
        out->rate[c] += (double)seen[c] / runs;
        if (seen[c] && level > highest)
            highest = level;
    }
    for (int level = LEVEL_OK; level <= (int)highest; level++)
        out->any[level] += 1.0 / runs;
}

Status null_simulate(const NullWalk *walk, const HealthCell *cell, NullRates *out, Error *err)
{
    *out = (NullRates){ .exact = true };
    if (cell->per_edge || cell->n_edges <= 0 || cell->n_ops <= 0 || cell->n_edges > GENO_EDGES)
        return error_set(err, STATUS_ARG,
                         "null model: expected a cell with one list of operators for all of its "
                         "1 to %d edges",
                         GENO_EDGES);
    Walker *w = mem_zero(1, sizeof *w);
    if (!w)
        return error_set(err, STATUS_NOMEM, "not enough memory for the null model");
    walker_shape(w, cell);
    Status status = STATUS_OK;
    for (int run = 0; run < walk->runs && status == STATUS_OK; run++) {
        bool seen[CELL_CLAUSES] = { false };
        if (!simulate_run(w, walk, cell, run, seen))
            status = error_set(err, STATUS_NOMEM, "not enough memory for the null model");
        else
            count_run(out, cell, seen, walk->runs);
    }
    mem_free(w);
    return status;
}

// ---- table --------------------------------------------------------------------------------------

void null_shape_cell(const NullShape *shape, HealthCell *cell)
{
    memset(cell, 0, sizeof *cell);
    strcpy(cell->name, "cell");
    cell->inputs = shape->inputs;
    cell->nodes = shape->nodes;
    cell->keep = shape->keep;
    cell->derive = shape->derive;
    cell->combine = shape->derive == DERIVE_ARGMAX ? COMBINE_SUM : COMBINE_CONCAT;
    cell->alpha_known = true;
    for (; shape->ops[cell->n_ops]; cell->n_ops++)
        strncpy(cell->op[cell->n_ops], shape->ops[cell->n_ops], GENO_NAME - 1);
    for (int to = cell->inputs; to < cell->inputs + cell->nodes; to++)
        for (int from = 0; from < to; from++) {
            cell->edge[cell->n_edges].from = from;
            cell->edge[cell->n_edges++].to = to;
        }
}

// What the rates depend on: edges, kept ones, operators by class.
typedef struct {
    DeriveRule derive;
    int edges, kept, competing, none, free_ops;
} Key;

// Means over the edges where lists differ.
static Key key_of(const HealthCell *cell)
{
    double none = 0.0, competing = 0.0, free_ops = 0.0;
    for (int e = 0; e < cell->n_edges; e++)
        for (int k = 0; k < cell->n_ops; k++) {
            const char *name = health_op(cell, e, k);
            OpClass kind = op_class_of_name(name);
            if (!name[0])
                continue;
            none += kind == OP_NONE;
            competing += kind != OP_NONE;
            free_ops += kind != OP_NONE && kind != OP_CONV;
        }
    double edges = cell->n_edges > 0 ? cell->n_edges : 1;
    return (Key){ .derive = cell->derive,
                  .edges = cell->n_edges,
                  .kept = health_kept(cell),
                  .competing = (int)lround(competing / edges),
                  .none = none > 0.0,
                  .free_ops = (int)lround(free_ops / edges) };
}

static double key_distance(const Key *a, const Key *b)
{
    double d = a->derive == b->derive ? 0.0 : 2.0;
    d += 2.0 * fabs(log((double)a->edges / b->edges));
    d += fabs(log((double)(a->kept + 1) / (b->kept + 1)));
    d += 2.0 * fabs(log((double)(a->competing + 1) / (b->competing + 1)));
    d += 0.5 * (a->none != b->none);
    d += 0.3 * abs(a->free_ops - b->free_ops);
    return d;
}

static int nearest_shape(const HealthCell *cell, bool *exact)
{
    Key key = key_of(cell);
    int best = -1;
    double distance = INFINITY;
    if (key.edges <= 0 || key.competing < 2) // unknown, or nothing to choose from
        return -1;
    for (int i = 0; i < NULL_SHAPE_COUNT; i++) {
        HealthCell other;
        null_shape_cell(&NULL_SHAPES[i], &other);
        Key theirs = key_of(&other);
        double d = key_distance(&key, &theirs);
        if (d < distance) {
            distance = d;
            best = i;
        }
    }
    *exact = distance == 0.0 && !cell->per_edge;
    return best;
}

// Rows of one shape stand in the table by rising looks; ends are held.
static double interpolate(int shape, int looks, int clause)
{
    const NullRow *below = NULL, *above = NULL;
    for (int i = 0; i < NULL_TABLE_COUNT; i++) {
        const NullRow *row = &NULL_TABLE[i];
        if (row->shape != shape)
            continue;
        if (row->looks <= looks)
            below = row;
        if (row->looks >= looks && !above)
            above = row;
    }
    if (!below || !above || below == above)
        return below ? below->rate[clause] : above ? above->rate[clause] : NAN;
    double share = log((double)looks / below->looks) / log((double)above->looks / below->looks);
    return (1.0 - share) * below->rate[clause] + share * above->rate[clause];
}

static bool offers_skip(const HealthCell *cell)
{
    for (int e = 0; e < cell->n_edges; e++)
        for (int k = 0; k < cell->n_ops; k++)
            if (op_class_of_name(health_op(cell, e, k)) == OP_SKIP)
                return true;
    return false;
}

// The walks are judged with their alpha; a cell without has other rates where clauses ask for it.
static bool asks_alpha(Clause clause)
{
    Family family = clause_info(clause)->family;
    return family == FAMILY_FREE || family == FAMILY_DEPTH;
}

void null_rates(const HealthCell *cell, int looks, NullRates *out)
{
    *out = (NullRates){ .any = { NAN, NAN, NAN, NAN } };
    int shape = nearest_shape(cell, &out->exact);
    bool skips = offers_skip(cell);
    for (int c = 0; c < CELL_CLAUSES; c++) {
        bool none = !skips && clause_info((Clause)c)->cause == CAUSE_SKIPS;
        if (shape < 0 || (!cell->alpha_known && asks_alpha((Clause)c)))
            out->rate[c] = NAN;
        else
            out->rate[c] = none ? 0.0 : interpolate(shape, looks > 0 ? looks : 1, c);
    }
}
