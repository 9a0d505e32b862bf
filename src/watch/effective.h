// SPDX-License-Identifier: MIT
#ifndef WATCH_EFFECTIVE_H
#define WATCH_EFFECTIVE_H

#include <stdbool.h>

// From what a program prints to effective mixing weights, rows summing to 1 (SCIENCE.md 6.6).
// a: [rows][cols], in place; gone (may be NULL) marks entries that do not take part, which get 0.

void effective_of_logits(double *a, const bool *gone, int rows, int cols);
// Sigmoid values, or what goes into the sigmoid where a value lies outside [0, 1]; a row is
// divided by its sum, since every operator is mixed in by its own value.
void effective_of_sigmoid(double *a, const bool *gone, int rows, int cols);
// Dirichlet concentrations, or what elu(.) + 1 makes them from: the mean of the distribution.
void effective_of_dirichlet(double *a, int rows, int cols);

// What the text around a table says about it.
typedef enum { HINT_NONE, HINT_SIGMOID, HINT_DIRICHLET } EffectiveHint;
typedef enum {
    EFFECTIVE_PROBABILITIES,
    EFFECTIVE_LOGITS,
    EFFECTIVE_SIGMOID,
    EFFECTIVE_DIRICHLET
} EffectiveKind;
// What a printed table holds: rows that sum to 1 (as far as four digits say) are probabilities;
// values within [0, 1] that do not are sigmoids; anything else is logits unless hinted.
EffectiveKind effective_guess(const double *a, int rows, int cols, EffectiveHint hint);
void effective_apply(EffectiveKind kind, double *a, int rows, int cols);

#endif
