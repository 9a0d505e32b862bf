// SPDX-License-Identifier: MIT
#ifndef SEARCH_WEIGHTS_H
#define SEARCH_WEIGHTS_H

#include "src/search/alpha.h"

// From architecture parameters to mixing weights and back, and to the "effective weights" that
// signals and derivation use (SCIENCE.md 6.6). Every function works on arrays of entries in the
// layout of Alpha; what is not used is 0. Doubles inside, floats at the edges.
typedef enum {
    WEIGHT_SOFTMAX, // DARTS: softmax over the operators of an edge, none included
    WEIGHT_SIGMOID, // FairDARTS: every operator on its own
    WEIGHT_SAMPLED  // GDAS: one operator an edge; effective weights are those of the softmax
} WeightKind;

// Mixing weights of the operators, and softmax over the edges into a node for edge weights.
void weights_forward(const Alpha *alpha, WeightKind kind, double *p);
// Gradient of the loss in alpha from p and the gradient g in the mixing weights.
// Softmax: p_k (g_k - sum_j p_j g_j). Sigmoid: p (1 - p) g.
void weights_backward(const Alpha *alpha, WeightKind kind, const double *p, const double *g,
                      double *out);
// What an operator counts for: its mixing weight, times the weight of its edge where edges have
// weights (PC-DARTS).
void weights_effective(const Alpha *alpha, WeightKind kind, float *p);

// Softmax over n numbers where used (NULL: all); the maximum is taken out. -inf gives 0.
void weights_softmax(const float *x, const bool *used, int n, double scale, double *p);
// p_k (g_k - sum_j p_j g_j) over n entries.
void weights_softmax_back(const double *p, const double *g, int n, double *out);

#endif
