// SPDX-License-Identifier: MIT
#include "src/search/remedies.h"

static bool is_skip(const Space *space, const char *op)
{
    int k = space_op_index(space, op);
    return k >= 0 && space->ops[k].kind == OP_SKIP;
}

// Entry of the gene in p, -1 if it has none.
static int entry_of(const Space *space, const SpaceCell *cell, const GenoEdge *gene)
{
    int e = space_edge_index(cell, gene->from, gene->to), op = space_op_index(space, gene->op);
    for (int k = 0; e >= 0 && k < cell->edges[e].n_ops; k++)
        if (cell->edges[e].ops[k] == op)
            return e * cell->max_ops + k;
    return -1;
}

void skip_cap_derive(const Space *space, int cell, float *p, int most, GenoCell *out)
{
    const SpaceCell *type = &space->cells[cell];
    for (int round = 0; round <= type->n_edges; round++) {
        int skips = 0, weakest = -1;
        arch_derive_cell(space, cell, p, out);
        for (int i = 0; i < out->n_edges; i++) {
            int at = entry_of(space, type, &out->edges[i]);
            if (at < 0 || !is_skip(space, out->edges[i].op))
                continue;
            skips++;
            if (weakest < 0 || p[at] < p[weakest])
                weakest = at;
        }
        if (skips <= most || p[weakest] <= 0)
            return;
        p[weakest] = 0;
    }
}
