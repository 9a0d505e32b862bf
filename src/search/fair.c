// SPDX-License-Identifier: MIT
#include <math.h>

#include "src/search/remedies.h"

static double sigmoid(float x)
{
    return 1 / (1 + exp(-(double)x));
}

// Calls of the loops below see every entry that counts: used and not none.
static bool counts(const Alpha *alpha, int t, int e, int k)
{
    return alpha->used[alpha->offset[t] + e * alpha->cols[t] + k] &&
           alpha_class(alpha, t, e, k) != OP_NONE;
}

static int entries(const Alpha *alpha)
{
    int n = 0;
    for (int t = 0; t < alpha->types; t++)
        for (int e = 0; e < alpha->rows[t]; e++)
            for (int k = 0; k < alpha->cols[t]; k++)
                n += counts(alpha, t, e, k);
    return n;
}

double fair_loss(const Alpha *alpha, double w)
{
    double sum = 0;
    for (int t = 0; t < alpha->types; t++)
        for (int e = 0; e < alpha->rows[t]; e++)
            for (int k = 0; k < alpha->cols[t]; k++) {
                double s = sigmoid(alpha->value[alpha->offset[t] + e * alpha->cols[t] + k]) - 0.5;
                sum += counts(alpha, t, e, k) ? s * s : 0;
            }
    return -w * sum / entries(alpha);
}

void fair_add(const Alpha *alpha, double w, double *grad)
{
    int n = entries(alpha);
    for (int t = 0; t < alpha->types; t++)
        for (int e = 0; e < alpha->rows[t]; e++)
            for (int k = 0; k < alpha->cols[t]; k++) {
                int at = alpha->offset[t] + e * alpha->cols[t] + k;
                double s = sigmoid(alpha->value[at]);
                if (counts(alpha, t, e, k))
                    grad[at] += -w * 2 * (s - 0.5) * s * (1 - s) / n;
            }
}

static float weight_of(const Space *space, const SpaceCell *type, const float *p,
                       const GenoEdge *gene)
{
    int e = space_edge_index(type, gene->from, gene->to), op = space_op_index(space, gene->op);
    for (int k = 0; e >= 0 && k < type->edges[e].n_ops; k++)
        if (type->edges[e].ops[k] == op)
            return p[e * type->max_ops + k];
    return 0;
}

void fair_prune(const Space *space, int cell, const float *p, double threshold, GenoCell *geno)
{
    const SpaceCell *type = &space->cells[cell];
    int kept = 0, node = -1;
    for (int i = 0; i < geno->n_edges; i++) {
        // Genes of a node stand together, the strongest first.
        bool first = geno->edges[i].to != node;
        node = geno->edges[i].to;
        if (first || weight_of(space, type, p, &geno->edges[i]) >= threshold)
            geno->edges[kept++] = geno->edges[i];
    }
    geno->n_edges = kept;
}
