// SPDX-License-Identifier: MIT
#include "src/search/weights.h"

#include <math.h>

void weights_softmax(const float *x, const bool *used, int n, double scale, double *p)
{
    double top = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++)
        if ((!used || used[i]) && x[i] * scale > top)
            top = x[i] * scale;
    for (int i = 0; i < n; i++) {
        p[i] = !used || used[i] ? exp(x[i] * scale - top) : 0;
        sum += p[i];
    }
    for (int i = 0; i < n && sum > 0; i++)
        p[i] /= sum;
}

void weights_softmax_back(const double *p, const double *g, int n, double *out)
{
    double mean = 0;
    for (int i = 0; i < n; i++)
        mean += p[i] * g[i];
    for (int i = 0; i < n; i++)
        out[i] = p[i] * (g[i] - mean);
}

// The edges into a node are neighbours (edges are ordered by `to`): calls fn on each such run.
static int node_run(const SpaceCell *cell, int first)
{
    int last = first;
    while (last < cell->n_edges && cell->edges[last].to == cell->edges[first].to)
        last++;
    return last - first;
}

static void edges_forward(const Alpha *alpha, int t, double *p)
{
    int base = alpha->edge_offset[t];
    const SpaceCell *cell = &alpha->space->cells[t];
    for (int e = 0, n; base >= 0 && e < cell->n_edges; e += n) {
        n = node_run(cell, e);
        weights_softmax(alpha->value + base + e, NULL, n, 1, p + base + e);
    }
}

static void edges_backward(const Alpha *alpha, int t, const double *p, const double *g, double *out)
{
    int base = alpha->edge_offset[t];
    const SpaceCell *cell = &alpha->space->cells[t];
    for (int e = 0, n; base >= 0 && e < cell->n_edges; e += n) {
        n = node_run(cell, e);
        weights_softmax_back(p + base + e, g + base + e, n, out + base + e);
    }
}

void weights_forward(const Alpha *alpha, WeightKind kind, double *p)
{
    for (int t = 0; t < alpha->types; t++) {
        int cols = alpha->cols[t];
        for (int e = 0; e < alpha->rows[t]; e++) {
            int at = alpha->offset[t] + e * cols;
            if (kind != WEIGHT_SIGMOID)
                weights_softmax(alpha->value + at, alpha->used + at, cols, 1, p + at);
            else
                for (int k = 0; k < cols; k++)
                    p[at + k] =
                        alpha->used[at + k] ? 1 / (1 + exp(-(double)alpha->value[at + k])) : 0;
        }
        edges_forward(alpha, t, p);
    }
}

void weights_backward(const Alpha *alpha, WeightKind kind, const double *p, const double *g,
                      double *out)
{
    for (int t = 0; t < alpha->types; t++) {
        int cols = alpha->cols[t];
        for (int e = 0; e < alpha->rows[t]; e++) {
            int at = alpha->offset[t] + e * cols;
            if (kind != WEIGHT_SIGMOID)
                weights_softmax_back(p + at, g + at, cols, out + at);
            else
                for (int k = at; k < at + cols; k++)
                    out[k] = alpha->used[k] ? p[k] * (1 - p[k]) * g[k] : 0;
        }
        edges_backward(alpha, t, p, g, out);
    }
}

void weights_effective(const Alpha *alpha, WeightKind kind, float *p)
{
    for (int t = 0; t < alpha->types; t++) {
        const SpaceCell *cell = &alpha->space->cells[t];
        int cols = alpha->cols[t], n;
        for (int e = 0; e < alpha->rows[t]; e += n) {
            double row[SPACE_OPS], edge[SPACE_EDGES];
            n = node_run(cell, e);
            if (alpha->edge_offset[t] >= 0)
                weights_softmax(alpha->value + alpha->edge_offset[t] + e, NULL, n, 1, edge);
            for (int i = 0; i < n; i++) {
                int at = alpha->offset[t] + (e + i) * cols;
                double factor = alpha->edge_offset[t] >= 0 ? edge[i] : 1;
                if (kind != WEIGHT_SIGMOID)
                    weights_softmax(alpha->value + at, alpha->used + at, cols, 1, row);
                for (int k = 0; k < cols; k++) {
                    double x = kind == WEIGHT_SIGMOID ? 1 / (1 + exp(-(double)alpha->value[at + k]))
                                                      : row[k];
                    p[at + k] = alpha->used[at + k] ? (float)(x * factor) : 0;
                }
            }
        }
    }
}
