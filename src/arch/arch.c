// SPDX-License-Identifier: MIT
// Architectures of a space by indices: sampling, mutation, conversion.
#include "src/arch/arch.h"

#include <string.h>

typedef struct ArchCell ArchCell;

static int edges_into(const SpaceCell *cell, int node, int *list)
{
    int n = 0;
    for (int i = 0; i < cell->n_edges; i++)
        if (cell->edges[i].to == node)
            list[n++] = i;
    return n;
}

// A column of the edge, uniformly; none only where the derivation may choose it. `except` is left
// out (-1: nothing is). -1 if no column is left.
static int random_op(const Space *space, const SpaceCell *cell, int edge, int except, Rng *rng)
{
    const SpaceEdge *e = &cell->edges[edge];
    int list[SPACE_OPS], n = 0;
    for (int k = 0; k < e->n_ops; k++) {
        bool none = space->ops[e->ops[k]].kind == OP_NONE;
        if (k != except && !(none && cell->derive == DERIVE_TOP))
            list[n++] = k;
    }
    return n ? list[rng_below(rng, (uint64_t)n)] : -1;
}

static void add_pick(ArchCell *out, int edge, int op)
{
    out->pick[out->n_edges].edge = edge;
    out->pick[out->n_edges++].op = op < 0 ? 0 : op;
}

static void random_cell(const Space *space, const SpaceCell *cell, Rng *rng, ArchCell *out)
{
    for (int node = cell->inputs; node < cell->inputs + cell->nodes; node++) {
        int list[SPACE_EDGES];
        int n = edges_into(cell, node, list), keep = n;
        if (cell->derive == DERIVE_TOP && cell->keep < n) {
            rng_shuffle(rng, list, n);
            keep = cell->keep;
        }
        // Kept edges in ascending order, so that one architecture has one form.
        for (int i = 1; i < keep; i++)
            for (int k = i; k > 0 && list[k - 1] > list[k]; k--) {
                int swap = list[k];
                list[k] = list[k - 1];
                list[k - 1] = swap;
            }
        for (int i = 0; i < keep; i++)
            add_pick(out, list[i], random_op(space, cell, list[i], -1, rng));
    }
}

void arch_random(const Space *space, Rng *rng, Arch *out)
{
    memset(out, 0, sizeof *out);
    out->n_cells = space->n_cells;
    for (int i = 0; i < space->n_cells; i++)
        random_cell(space, &space->cells[i], rng, &out->cell[i]);
}

// ---- mutation ----------------------------------------------------------------------------------

static int picks_into(const SpaceCell *cell, const ArchCell *arch, int node, int *list)
{
    int n = 0;
    for (int i = 0; i < arch->n_edges; i++)
        if (cell->edges[arch->pick[i].edge].to == node)
            list[n++] = i;
    return n;
}

static bool mutate_op(const Space *space, const SpaceCell *cell, ArchCell *arch, int pick, Rng *rng)
{
    int op = random_op(space, cell, arch->pick[pick].edge, arch->pick[pick].op, rng);
    if (op < 0)
        return false;
    arch->pick[pick].op = op;
    return true;
}

static int column_of(const SpaceEdge *edge, int op)
{
    for (int k = 0; k < edge->n_ops; k++)
        if (edge->ops[k] == op)
            return k;
    return -1;
}

static void sort_picks(ArchCell *arch)
{
    for (int i = 1; i < arch->n_edges; i++)
        for (int k = i; k > 0 && arch->pick[k - 1].edge > arch->pick[k].edge; k--) {
            int edge = arch->pick[k].edge, op = arch->pick[k].op;
            arch->pick[k] = arch->pick[k - 1];
            arch->pick[k - 1].edge = edge;
            arch->pick[k - 1].op = op;
        }
}

// Moves a kept edge to another source of the same node and takes the operator along where the
// new edge offers it.
static bool mutate_input(const Space *space, const SpaceCell *cell, ArchCell *arch, int pick,
                         Rng *rng)
{
    int old = arch->pick[pick].edge, list[SPACE_EDGES], used[SPACE_EDGES], n = 0;
    int into = edges_into(cell, cell->edges[old].to, list);
    int n_used = picks_into(cell, arch, cell->edges[old].to, used);
    for (int i = 0; i < into; i++) {
        bool taken = false;
        for (int k = 0; k < n_used; k++)
            taken = taken || arch->pick[used[k]].edge == list[i];
        if (!taken)
            list[n++] = list[i];
    }
    if (n == 0)
        return false;
    int edge = list[rng_below(rng, (uint64_t)n)];
    int op = column_of(&cell->edges[edge], cell->edges[old].ops[arch->pick[pick].op]);
    if (op < 0)
        op = random_op(space, cell, edge, -1, rng);
    arch->pick[pick].edge = edge;
    arch->pick[pick].op = op < 0 ? 0 : op;
    sort_picks(arch);
    return true;
}

// A node uniformly, then one of its kept edges, then a different operator (NB201, SCIENCE.md 5.2)
// or, where edges are chosen too, with even odds a different source.
static bool mutate_once(const Space *space, Arch *child, Rng *rng)
{
    int which = (int)rng_below(rng, (uint64_t)space->n_cells);
    const SpaceCell *cell = &space->cells[which];
    ArchCell *arch = &child->cell[which];
    int node = cell->inputs + (int)rng_below(rng, (uint64_t)cell->nodes);
    int list[SPACE_EDGES], n = picks_into(cell, arch, node, list);
    if (n == 0)
        return false;
    int pick = list[rng_below(rng, (uint64_t)n)];
    if (cell->derive == DERIVE_TOP && rng_below(rng, 2) == 1)
        return mutate_input(space, cell, arch, pick, rng);
    return mutate_op(space, cell, arch, pick, rng);
}

void arch_mutate(const Space *space, const Arch *parent, Rng *rng, Arch *child)
{
    // An edge may have nothing else to offer: try again, but not for ever.
    Arch next = *parent;
    for (int tries = 0; tries < 1000; tries++)
        if (mutate_once(space, &next, rng))
            break;
    *child = next;
}

// ---- conversion --------------------------------------------------------------------------------

static Status pick_gene(const Space *space, const SpaceCell *cell, const GenoEdge *gene,
                        ArchCell *out, Error *err)
{
    int edge = space_edge_index(cell, gene->from, gene->to);
    if (edge < 0)
        return error_set(err, STATUS_ARG, "cell '%s' of space '%s' has no edge %d-%d", cell->name,
                         space->name, gene->from, gene->to);
    int op = space_op_index(space, gene->op);
    int column = op < 0 ? -1 : column_of(&cell->edges[edge], op);
    if (column < 0)
        return error_set(err, STATUS_ARG,
                         "cell '%s', edge %d-%d: space '%s' does not offer operator '%s' there",
                         cell->name, gene->from, gene->to, space->name, gene->op);
    for (int i = 0; i < out->n_edges; i++)
        if (out->pick[i].edge == edge)
            return error_set(err, STATUS_ARG, "cell '%s', edge %d-%d is given twice", cell->name,
                             gene->from, gene->to);
    if (out->n_edges == GENO_EDGES)
        return error_set(err, STATUS_ARG, "cell '%s' has too many edges", cell->name);
    add_pick(out, edge, column);
    return STATUS_OK;
}

// Where every edge is kept, one that the text leaves out is none.
static Status fill_left_out(const Space *space, const SpaceCell *cell, ArchCell *out, Error *err)
{
    for (int i = 0; cell->derive == DERIVE_ARGMAX && i < cell->n_edges; i++) {
        bool there = false;
        for (int k = 0; k < out->n_edges; k++)
            there = there || out->pick[k].edge == i;
        if (there)
            continue;
        const SpaceEdge *e = &cell->edges[i];
        int column = -1;
        for (int k = 0; k < e->n_ops; k++)
            if (space->ops[e->ops[k]].kind == OP_NONE)
                column = k;
        if (column < 0 || out->n_edges == GENO_EDGES)
            return error_set(err, STATUS_ARG, "cell '%s': no operator for edge %d-%d", cell->name,
                             e->from, e->to);
        add_pick(out, i, column);
    }
    return STATUS_OK;
}

Status arch_from_genotype(const Space *space, const Genotype *geno, Arch *out, Error *err)
{
    memset(out, 0, sizeof *out);
    out->n_cells = space->n_cells;
    for (int i = 0; i < space->n_cells; i++) {
        const SpaceCell *cell = &space->cells[i];
        const GenoCell *from = genotype_cell(geno, cell->name);
        if (!from && space->n_cells == 1 && geno->n_cells == 1)
            from = &geno->cells[0];
        if (!from)
            return error_set(err, STATUS_ARG,
                             "the genotype has no cell '%s', which space '%s' needs", cell->name,
                             space->name);
        Status status = STATUS_OK;
        for (int k = 0; k < from->n_edges && status == STATUS_OK; k++)
            status = pick_gene(space, cell, &from->edges[k], &out->cell[i], err);
        if (status == STATUS_OK)
            status = fill_left_out(space, cell, &out->cell[i], err);
        if (status != STATUS_OK)
            return status;
        sort_picks(&out->cell[i]);
    }
    return STATUS_OK;
}

void arch_to_genotype(const Space *space, const Arch *arch, Genotype *out)
{
    memset(out, 0, sizeof *out);
    out->n_cells = space->n_cells;
    for (int i = 0; i < space->n_cells; i++) {
        const SpaceCell *cell = &space->cells[i];
        GenoCell *to = &out->cells[i];
        arch_cell_shape(space, i, to);
        for (int k = 0; k < arch->cell[i].n_edges; k++) {
            const SpaceEdge *e = &cell->edges[arch->cell[i].pick[k].edge];
            GenoEdge *gene = &to->edges[to->n_edges++];
            gene->from = e->from;
            gene->to = e->to;
            strncpy(gene->op, space->ops[e->ops[arch->cell[i].pick[k].op]].name, GENO_NAME - 1);
        }
    }
}

bool arch_equal(const Arch *a, const Arch *b)
{
    if (a->n_cells != b->n_cells)
        return false;
    for (int i = 0; i < a->n_cells; i++) {
        if (a->cell[i].n_edges != b->cell[i].n_edges)
            return false;
        for (int k = 0; k < a->cell[i].n_edges; k++)
            if (a->cell[i].pick[k].edge != b->cell[i].pick[k].edge ||
                a->cell[i].pick[k].op != b->cell[i].pick[k].op)
                return false;
    }
    return true;
}

void arch_mask(const Space *space, const Arch *arch, int cell, bool *active)
{
    const SpaceCell *c = &space->cells[cell];
    memset(active, 0, (size_t)c->n_edges * (size_t)c->max_ops * sizeof *active);
    for (int k = 0; k < arch->cell[cell].n_edges; k++)
        active[arch->cell[cell].pick[k].edge * c->max_ops + arch->cell[cell].pick[k].op] = true;
}
