// SPDX-License-Identifier: MIT
// Derivation of a cell from probabilities (SCIENCE.md 1.2). One routine for both callers: it
// sees a row, the number of its columns and which of them are none.
#include "src/arch/arch.h"

#include <math.h>
#include <string.h>

typedef struct {
    const char *const *names; // of the columns of one edge
    const OpClass *kinds;
    int n;
} Columns;

typedef struct {
    int edge, column;
    float strength;
} Ranked;

// Best column; first of equals. Columns that are not a number (removed operators) never win.
static Ranked best_of(const Columns *ops, const float *row, int edge, bool with_none)
{
    Ranked best = { edge, -1, -INFINITY };
    int fallback = 0;
    for (int k = 0; k < ops->n; k++) {
        if (ops->kinds[k] == OP_NONE && !with_none)
            continue;
        if (ops->kinds[fallback] == OP_NONE && !with_none)
            fallback = k;
        if (row[k] > best.strength) {
            best.strength = row[k];
            best.column = k;
        }
    }
    if (best.column < 0)
        best.column = fallback;
    return best;
}

static void put_gene(GenoCell *out, int from, int to, const char *op)
{
    if (out->n_edges == GENO_EDGES)
        return;
    GenoEdge *e = &out->edges[out->n_edges++];
    e->from = from;
    e->to = to;
    strncpy(e->op, op, GENO_NAME - 1);
    e->op[GENO_NAME - 1] = '\0';
}

// Stable: equal strengths keep the order of the edges.
static void rank(Ranked *list, int n)
{
    for (int i = 1; i < n; i++) {
        Ranked item = list[i];
        int k = i;
        for (; k > 0 && list[k - 1].strength < item.strength; k--)
            list[k] = list[k - 1];
        list[k] = item;
    }
}

// What the routine needs to know of an edge.
typedef struct {
    int from, to;
    Columns ops;
    const float *row;
} Edge;

static void derive(const Edge *edges, int n_edges, DeriveRule rule, int keep, GenoCell *out)
{
    out->n_edges = 0;
    for (int i = 0; i < n_edges;) {
        Ranked list[GENO_EDGES];
        int n = 0, to = edges[i].to;
        for (; i < n_edges && edges[i].to == to; i++)
            if (n < GENO_EDGES)
                list[n++] = best_of(&edges[i].ops, edges[i].row, i, rule == DERIVE_ARGMAX);
        if (rule == DERIVE_TOP) {
            rank(list, n);
            n = n < keep ? n : keep;
        }
        for (int k = 0; k < n; k++) {
            const Edge *e = &edges[list[k].edge];
            put_gene(out, e->from, to, e->ops.names[list[k].column]);
        }
    }
}

static void shape_from_space(const SpaceCell *cell, GenoCell *out)
{
    memset(out, 0, sizeof *out);
    strncpy(out->name, cell->name, GENO_NAME - 1);
    out->inputs = cell->inputs;
    out->nodes = cell->nodes;
    out->combine = cell->combine;
    if (cell->combine == COMBINE_CONCAT)
        for (int i = 0; i < cell->nodes && i < 16; i++)
            out->concat[out->n_concat++] = cell->inputs + i;
}

void arch_cell_shape(const Space *space, int cell, GenoCell *out)
{
    shape_from_space(&space->cells[cell], out);
}

void arch_derive_cell(const Space *space, int cell, const float *p, GenoCell *out)
{
    const SpaceCell *c = &space->cells[cell];
    const char *names[SPACE_EDGES][SPACE_OPS];
    OpClass kinds[SPACE_EDGES][SPACE_OPS];
    Edge edges[SPACE_EDGES];
    shape_from_space(c, out);
    for (int i = 0; i < c->n_edges; i++) {
        const SpaceEdge *e = &c->edges[i];
        for (int k = 0; k < e->n_ops; k++) {
            names[i][k] = space->ops[e->ops[k]].name;
            kinds[i][k] = space->ops[e->ops[k]].kind;
        }
        edges[i] = (Edge){
            e->from, e->to, { names[i], kinds[i], e->n_ops }, p + (size_t)i * (size_t)c->max_ops
        };
    }
    derive(edges, c->n_edges, c->derive, c->keep, out);
}

void geno_derive(const GenoCell *shape, const float *p, int n_edges, const char *const *ops,
                 int n_ops, DeriveRule rule, int keep, GenoCell *out)
{
    OpClass kinds[SPACE_OPS];
    Edge edges[GENO_EDGES];
    GenoCell made = *shape;
    n_ops = n_ops < SPACE_OPS ? n_ops : SPACE_OPS;
    for (int k = 0; k < n_ops; k++)
        kinds[k] = op_class_of_name(ops[k]);
    int from = 0, to = shape->inputs, n = 0;
    for (; n < n_edges && n < GENO_EDGES; n++) {
        edges[n] = (Edge){ from, to, { ops, kinds, n_ops }, p + (size_t)n * (size_t)n_ops };
        if (++from == to) {
            from = 0;
            to++;
        }
    }
    derive(edges, n_ops > 0 ? n : 0, rule, keep, &made);
    *out = made;
}
