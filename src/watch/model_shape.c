// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/watch/model_priv.h"

// Shapes of cells: guessed from a genotype, taken from a space; and the cell that alphas derive.

// Every edge from earlier nodes to later ones, by target and then source.
void model_shape_edges(HealthCell *shape)
{
    shape->n_edges = 0;
    for (int j = 0; j < shape->nodes; j++)
        for (int from = 0; from < shape->inputs + j && shape->n_edges < HEALTH_EDGES; from++) {
            shape->edge[shape->n_edges].from = from;
            shape->edge[shape->n_edges++].to = shape->inputs + j;
        }
}

void model_shape_of_genotype(const GenoCell *geno, HealthCell *out)
{
    *out = (HealthCell){ .inputs = geno->inputs,
                         .nodes = geno->nodes,
                         .combine = geno->combine,
                         .n_ops = 0,
                         .alpha_known = false };
    snprintf(out->name, sizeof out->name, "%s", geno->name);
    model_shape_edges(out);
    bool all = geno->combine == COMBINE_SUM;
    out->derive = all ? DERIVE_ARGMAX : DERIVE_TOP;
    out->keep = geno->nodes > 0 ? geno->n_edges / geno->nodes : 0;
    if (out->keep < 1)
        out->keep = 1;
}

// Operators by the number of columns, in the order of the code that prints them.
static const char *const known_ops[] = {
    "none,skip_connect,nor_conv_1x1,nor_conv_3x3,avg_pool_3x3",
    "max_pool_3x3,avg_pool_3x3,skip_connect,sep_conv_3x3,sep_conv_5x5,dil_conv_3x3,dil_conv_5x5",
    "none,max_pool_3x3,avg_pool_3x3,skip_connect,sep_conv_3x3,sep_conv_5x5,dil_conv_3x3,"
    "dil_conv_5x5",
};
static const char recurrent_ops[] = "none,tanh,relu,sigmoid,identity";

void model_shape_ops(HealthCell *cell, const char *names)
{
    cell->n_ops = 0;
    while (*names && cell->n_ops < HEALTH_OPS) {
        int n = (int)strcspn(names, ",");
        snprintf(cell->op[cell->n_ops++], GENO_NAME, "%.*s", n, names);
        names += n + (names[n] == ',');
    }
}

static bool shape_nodes(HealthCell *cell, int n_edges)
{
    for (int inputs = 2; inputs >= 1; inputs--)
        for (int nodes = 1, edges = inputs; edges <= n_edges; edges += inputs + nodes++) {
            if (edges != n_edges || (inputs == 2 && n_edges < 9))
                continue;
            cell->inputs = inputs;
            cell->nodes = nodes;
            model_shape_edges(cell);
            return true;
        }
    return false;
}

bool model_shape_guess(const char *name, int n_edges, int n_ops, HealthCell *out)
{
    *out = (HealthCell){ .n_ops = n_ops, .alpha_known = true };
    snprintf(out->name, sizeof out->name, "%s", name);
    if (n_edges > HEALTH_EDGES || n_ops > HEALTH_OPS || n_ops < 1 || !shape_nodes(out, n_edges))
        return false;
    // recurrent cells of DARTS: a gene a node, all nodes averaged
    bool recurrent = strcmp(name, "recurrent") == 0 && n_ops == 5;
    bool sum = out->inputs == 1 && !recurrent;
    out->combine = sum ? COMBINE_SUM : COMBINE_CONCAT;
    out->derive = sum ? DERIVE_ARGMAX : DERIVE_TOP;
    out->keep = sum ? out->nodes : recurrent ? 1 : 2;
    for (int k = 0; k < n_ops; k++)
        snprintf(out->op[k], GENO_NAME, "op_%d", k);
    if (recurrent)
        model_shape_ops(out, recurrent_ops);
    else if (n_ops == 5)
        model_shape_ops(out, known_ops[0]);
    else if (n_ops == 7 || n_ops == 8)
        model_shape_ops(out, known_ops[n_ops - 6]);
    return true;
}

static bool edges_agree(const SpaceCell *cell)
{
    for (int e = 1; e < cell->n_edges; e++)
        if (cell->edges[e].n_ops != cell->edges[0].n_ops ||
            memcmp(cell->edges[e].ops, cell->edges[0].ops,
                   (size_t)cell->edges[0].n_ops * sizeof(int)) != 0)
            return false;
    return true;
}

Status model_shape_of_space(const Space *space, int cell, HealthCell *out, Error *err)
{
    const SpaceCell *from = &space->cells[cell];
    if (from->n_edges > HEALTH_EDGES || from->max_ops > HEALTH_OPS || from->n_edges < 1)
        return error_set(err, STATUS_ARG, "cell %s: up to %d edges and %d operators can be judged",
                         from->name, HEALTH_EDGES, HEALTH_OPS);
    *out = (HealthCell){ .inputs = from->inputs,
                         .nodes = from->nodes,
                         .keep = from->keep,
                         .derive = from->derive,
                         .combine = from->combine,
                         .n_edges = from->n_edges,
                         .n_ops = from->max_ops,
                         .alpha_known = true };
    snprintf(out->name, sizeof out->name, "%s", from->name);
    for (int e = 0; e < from->n_edges; e++) {
        out->edge[e].from = from->edges[e].from;
        out->edge[e].to = from->edges[e].to;
    }
    for (int k = 0; k < from->edges[0].n_ops; k++)
        snprintf(out->op[k], GENO_NAME, "%s", space->ops[from->edges[0].ops[k]].name);
    if (edges_agree(from))
        return STATUS_OK;
    out->per_edge = true;
    out->edge_op = mem_zero((size_t)from->n_edges, sizeof *out->edge_op);
    if (!out->edge_op)
        return error_set(err, STATUS_NOMEM, "not enough memory for cell %s", from->name);
    for (int e = 0; e < from->n_edges; e++)
        for (int k = 0; k < from->edges[e].n_ops; k++)
            snprintf(out->edge_op[e][k], GENO_NAME, "%s", space->ops[from->edges[e].ops[k]].name);
    return STATUS_OK;
}

// Derives with columns for names, so that edges may have operators of their own: what cannot be
// chosen gets a negative weight, and the column of the chosen one is looked up on its edge.
void model_derive(const HealthCell *shape, const float *p, GenoCell *out)
{
    enum { CELLS = HEALTH_EDGES * HEALTH_OPS };
    static const char digits[] = "0123456789";
    char names[HEALTH_OPS][4];
    const char *ops[HEALTH_OPS];
    float weight[CELLS];
    for (int k = 0; k < shape->n_ops; k++) {
        snprintf(names[k], sizeof names[k], "c%c%c", digits[k / 10], digits[k % 10]);
        ops[k] = names[k];
    }
    for (int e = 0; e < shape->n_edges; e++)
        for (int k = 0; k < shape->n_ops; k++) {
            const char *op = health_op(shape, e, k);
            bool out_of_choice =
                !op || !op[0] || (shape->derive == DERIVE_TOP && strcmp(op, "none") == 0);
            float w = p[e * shape->n_ops + k];
            weight[e * shape->n_ops + k] = out_of_choice ? -1.0f : w == w ? w : 0.0f;
        }
    GenoCell form = { .inputs = shape->inputs, .nodes = shape->nodes, .combine = shape->combine };
    snprintf(form.name, sizeof form.name, "%s", shape->name);
    if (shape->combine == COMBINE_CONCAT)
        for (int j = 0; j < shape->nodes && j < 16; j++)
            form.concat[form.n_concat++] = shape->inputs + j;
    geno_derive(&form, weight, shape->n_edges, ops, shape->n_ops, shape->derive, shape->keep, out);
    for (int i = 0; i < out->n_edges; i++) {
        int edge = 0, col = 0;
        while (edge + 1 < shape->n_edges && (shape->edge[edge].from != out->edges[i].from ||
                                             shape->edge[edge].to != out->edges[i].to))
            edge++;
        if (out->edges[i].op[0] == 'c')
            col = (out->edges[i].op[1] - '0') * 10 + (out->edges[i].op[2] - '0');
        const char *op = health_op(shape, edge, col);
        snprintf(out->edges[i].op, GENO_NAME, "%s", op && op[0] ? op : "none");
    }
}
