// SPDX-License-Identifier: MIT
#ifndef HEALTH_RULES_H
#define HEALTH_RULES_H

#include <stdint.h>

#include "src/health/signals.h"

// The published rules, for comparison, each a pure function of a series indexed from 0.
// All return the epoch (index) at which the rule fires when run live, -1 for never.

// First i >= 5 with s(i), s(i-1), s(i-2) all >= k and s(i) - s(max(0, i-8)) >= rise.
int rule_skips(const int *skips, int n, int k, int rise);
// DARTS+ criterion 1: two or more skips in one normal cell.
int rule_darts_plus_1(const int *skips, int n);
// DARTS+ criterion 2, approximated: derived cell unchanged for `epochs` epochs.
int rule_stable(const uint64_t *cell_hash, int n, int epochs);
// Hash of a cell for it: the genes of a node count as a set, whatever their order.
uint64_t rule_cell_hash(const GenoCell *cell);
// RobustDARTS early stop, live: values of lambda_max at epochs[]; decision epoch, and the epoch
// it returns to in *returned (-1 for never; may be NULL). Points off the grid of the first two
// (the extra one of the last epoch in published files) are left out.
int rule_lambda(const double *lambda, const int *epochs, int n, double factor, int *returned);
// The ratio of that rule at the newest point, NAN while it is not defined; *returned is the
// epoch it would return to.
double rule_lambda_ratio(const double *lambda, const int *epochs, int n, int *returned);
// CUSUM s = max(0, s + skips - k) >= limit, decided from index 5 on.
int rule_cusum(const int *skips, int n, int k, int limit);

// SGAS (SCIENCE.md 2.4): scores of the edges of one cell type. q tables are [edges][ops]
// probabilities; `then` are those of the last epochs, oldest first, at most 4 of which are used.
// Without any, stability is NAN and the score leaves it out. Arrays of n_edges, caller's.
typedef struct {
    double *importance, *certainty, *stability, *score;
} SgasScores;
void rule_sgas(const HealthCell *cell, const double *now, const double *const *then, int n_then,
               SgasScores *out);

#endif
