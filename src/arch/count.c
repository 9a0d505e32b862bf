// SPDX-License-Identifier: MIT
#include "src/arch/arch.h"

#include <string.h>

typedef OpClass ClassOf(const void *self, const char *op);

// Most convolutions on a path from an input to each node; -1 where no path without none arrives.
static int depth_of(const GenoCell *cell, ClassOf *class_of, const void *self)
{
    int depth[16], last = cell->inputs + cell->nodes - 1;
    for (int i = 0; i < 16; i++)
        depth[i] = i < cell->inputs ? 0 : -1;
    // Edges are ordered by `to`, so a node's depth is final before it is used.
    for (int i = 0; i < cell->n_edges; i++) {
        const GenoEdge *e = &cell->edges[i];
        OpClass kind = class_of(self, e->op);
        if (kind == OP_NONE || depth[e->from] < 0)
            continue;
        int through = depth[e->from] + (kind == OP_CONV);
        if (through > depth[e->to])
            depth[e->to] = through;
    }
    if (cell->combine == COMBINE_SUM)
        return depth[last];
    int most = -1;
    for (int i = 0; i < cell->n_concat; i++)
        if (depth[cell->concat[i]] > most)
            most = depth[cell->concat[i]];
    return most;
}

static CellCount count(const GenoCell *cell, ClassOf *class_of, const void *self)
{
    CellCount out = { .kept = cell->n_edges };
    for (int i = 0; i < cell->n_edges; i++) {
        OpClass kind = class_of(self, cell->edges[i].op);
        out.skips += kind == OP_SKIP;
        out.parameter_free += kind != OP_CONV;
    }
    out.conv_depth = depth_of(cell, class_of, self);
    return out;
}

static OpClass class_by_name(const void *self, const char *op)
{
    (void)self;
    return op_class_of_name(op);
}

static OpClass class_in_space(const void *self, const char *op)
{
    const Space *space = self;
    int index = space_op_index(space, op);
    return index < 0 ? op_class_of_name(op) : space->ops[index].kind;
}

CellCount geno_cell_count(const GenoCell *cell)
{
    return count(cell, class_by_name, NULL);
}

CellCount arch_cell_count(const Space *space, const GenoCell *cell)
{
    return count(cell, class_in_space, space);
}
