// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/search/remedies.h"

int pdarts_keep(int n, int s, int S)
{
    int keep = n - ((s + 1) * (n - 1) + S - 1) / S, least = n < 2 ? n : 2;
    return keep > least ? keep : least;
}

// The weakest used entry of a row, the first of equals.
static int weakest(const bool *used, const double *p, int n)
{
    int low = -1;
    for (int k = 0; k < n; k++)
        if (used[k] && (low < 0 || p[k] < p[low]))
            low = k;
    return low;
}

void pdarts_drop(Alpha *alpha, const double *p, int s, int S)
{
    for (int t = 0; t < alpha->types; t++)
        for (int e = 0; e < alpha->rows[t]; e++) {
            int n = alpha->space->cells[t].edges[e].n_ops, keep = pdarts_keep(n, s, S);
            int at = alpha->offset[t] + e * alpha->cols[t], left = 0;
            for (int k = at; k < at + n; k++)
                left += alpha->used[k];
            for (; left > keep; left--)
                alpha->used[at + weakest(alpha->used + at, p + at, n)] = false;
        }
}

double pdarts_dropout(double first, double step, int s)
{
    return first > 0 ? fmin(first + s * step, 0.99) : 0;
}

// ---- the space of a stage -----------------------------------------------------------------------

static bool pruned_alloc(PrunedSpace *out, const Space *space)
{
    size_t edges = 0, entries = 0;
    for (int t = 0; t < space->n_cells; t++) {
        edges += (size_t)space->cells[t].n_edges;
        entries += (size_t)space->cells[t].n_edges * (size_t)space->cells[t].max_ops;
    }
    out->edges = mem_zero(edges + 1, sizeof *out->edges);
    out->ops = mem_zero((size_t)space->n_ops + 1, sizeof *out->ops);
    out->lists = mem_zero(entries + 1, sizeof *out->lists);
    return out->edges && out->ops && out->lists;
}

bool pdarts_space(const Alpha *alpha, PrunedSpace *out)
{
    const Space *space = alpha->space;
    *out = (PrunedSpace){ .space = *space };
    if (!pruned_alloc(out, space)) {
        pdarts_space_fini(out);
        return false;
    }
    memcpy(out->ops, space->ops, (size_t)space->n_ops * sizeof *out->ops);
    out->ops[space->n_ops] = (SpaceOp){ .name = "removed", .code = "gone", .kind = OP_NONE };
    out->space.ops = out->ops;
    out->space.n_ops++;
    out->space.cells = out->cells;
    SpaceEdge *edge = out->edges;
    int *list = out->lists;
    for (int t = 0; t < space->n_cells; t++) {
        out->cells[t] = space->cells[t];
        out->cells[t].edges = edge;
        for (int e = 0; e < space->cells[t].n_edges; e++, edge++) {
            const bool *used = alpha->used + alpha->offset[t] + e * alpha->cols[t];
            *edge = space->cells[t].edges[e];
            for (int k = 0; k < edge->n_ops; k++)
                list[k] = used[k] ? edge->ops[k] : space->n_ops;
            edge->ops = list;
            list += edge->n_ops;
        }
    }
    return true;
}

void pdarts_space_fini(PrunedSpace *pruned)
{
    mem_free(pruned->edges);
    mem_free(pruned->ops);
    mem_free(pruned->lists);
    *pruned = (PrunedSpace){ 0 };
}
