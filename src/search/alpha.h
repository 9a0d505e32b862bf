// SPDX-License-Identifier: MIT
#ifndef SEARCH_ALPHA_H
#define SEARCH_ALPHA_H

#include <stdbool.h>
#include <stdint.h>

#include "src/space/space.h"

// Architecture parameters as one flat array: for each cell type its [edges][max_ops] alphas,
// then (edge weights) for each type its [edges] betas. Arrays of "entries" elsewhere in this
// module have the same layout. Columns that an edge does not have are never used and stay 0.
typedef struct {
    const Space *space;
    int types;
    int rows[SPACE_CELLS], cols[SPACE_CELLS], offset[SPACE_CELLS];
    int edge_offset[SPACE_CELLS]; // -1: no edge weights
    int n_alpha;                  // alphas without edge weights
    int n;                        // entries in all
    float *value, *m, *v;         // parameters, moments of Adam
    bool *used;                   // false: no such operator, or removed
    bool *fixed;                  // no longer learns
    int64_t steps;                // of Adam
} Alpha;

typedef struct {
    double lr, beta1, beta2, decay, clip;
} AlphaStep;

// Values: init * N(0,1), a function of the seed and the entry. STATUS_NOMEM is the only failure.
bool alpha_init(Alpha *alpha, const Space *space, bool edge_weights, double init, uint64_t seed);
void alpha_fini(Alpha *alpha);
// Starts anew, after operators were taken out of `used`: other values for every round (0: those of
// alpha_init), no moments, nothing fixed.
void alpha_restart(Alpha *alpha, double init, uint64_t seed, int round);
// One step of Adam on the gradient, which is used up.
void alpha_step(Alpha *alpha, double *grad, const AlphaStep *o);
// Number of edges of the types before this one: where its edges begin in a list of all.
int alpha_first_edge(const Alpha *alpha, int type);
// Class of the operator in column col of an edge.
OpClass alpha_class(const Alpha *alpha, int type, int edge, int col);

#endif
