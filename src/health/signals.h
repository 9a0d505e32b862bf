// SPDX-License-Identifier: MIT
#ifndef HEALTH_SIGNALS_H
#define HEALTH_SIGNALS_H

#include <stdbool.h>

#include "src/arch/arch.h"

// Signals of one cell type at one look (SCIENCE.md 6.1), pure functions of the effective mixing
// weights p [edges][ops]. A value that cannot be computed is NAN: a non-finite weight of a live
// operator makes the signals that use it NAN and nothing else. Columns of operators that are
// absent on an edge (empty name) are not read. q is p without none, renormalised by row.

enum { HEALTH_EDGES = 64, HEALTH_OPS = 32 };

// Shape of a cell type, from a space, a journal's "cells" record or guessed from a foreign log.
typedef struct {
    char name[GENO_NAME];
    int inputs, nodes, keep;
    DeriveRule derive;
    CombineRule combine;
    int n_edges, n_ops;
    struct {
        int from, to;
    } edge[HEALTH_EDGES];
    // Operator names per column; one list for all edges (n_lists 1) or one per edge. NULL-like
    // empty name: operator absent or removed there.
    char op[HEALTH_OPS][GENO_NAME];
    bool per_edge;                          // ops differ by edge: see edge_op
    char (*edge_op)[HEALTH_OPS][GENO_NAME]; // [edges] when per_edge; owned by the maker
    bool alpha_known; // false: only genotypes are known (foreign log without alpha)
} HealthCell;

const char *health_op(const HealthCell *cell, int edge, int col);

typedef struct {
    double entropy_all;  // mean row entropy over all operators / log n
    double entropy;      // none dropped and renormalised / log (n-1): SGAS (2.4)
    double t_p, t_q;     // skip consensus on p and on q; infinite when all edges agree exactly
    double t_free;       // the same of the operators without parameters over the convolutions
    double lift;         // K' * mean q_skip
    double gap_p, gap_q; // skip logit gap: mean (log skip - mean log others)
    double win_share;    // edges whose best op except none is skip
    double margin;       // mean top1 - top2 over the operators
    double none_mass;    // mean p(none)
    double p_skip;       // mean p(skip)
    double mean_d;       // numerator of t_p, for the noise floor of 6.6
    int t_edges;         // edges that offer skip and a rival: E of t
    int skips, parameter_free, kept, conv_depth; // of the derived cell
} Signals;

void signals_compute(const HealthCell *cell, const double *p, Signals *out);
// Counts only, from a genotype.
void signals_from_genotype(const GenoCell *geno, Signals *out);
// True when t and the gap say something: mean d stands clear of the start's spread of 1e-3, or
// alpha has had an epoch of steps. Before, views show the noise sign instead of a number.
bool signals_settled(const HealthCell *cell, const Signals *signals, double alpha_epochs);
// Rows of logits to probabilities in place: softmax over the finite columns of each row.
void signals_softmax(double *a, int rows, int cols);
void signals_sigmoid(double *a, int rows, int cols);
// Slope per look of values[0..n), least squares over the finite ones; NAN below two of them.
double signals_slope(const double *values, int n);

#endif
