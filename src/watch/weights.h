// SPDX-License-Identifier: MIT
#ifndef WATCH_WEIGHTS_H
#define WATCH_WEIGHTS_H

#include <stdbool.h>

// From what a program prints to effective mixing weights, rows summing to 1 (SCIENCE.md 6.6).
// a: [rows][cols], in place; gone (may be NULL) marks entries that do not take part, which get 0.

void weights_of_logits(double *a, const bool *gone, int rows, int cols);
// Sigmoid values, or what goes into the sigmoid where a value lies outside [0, 1]; a row is
// divided by its sum, since every operator is mixed in by its own value.
void weights_of_sigmoid(double *a, const bool *gone, int rows, int cols);
// Dirichlet concentrations, or what elu(.) + 1 makes them from: the mean of the distribution.
void weights_of_dirichlet(double *a, int rows, int cols);

typedef enum { WEIGHTS_PROBABILITIES, WEIGHTS_LOGITS, WEIGHTS_SIGMOID } WeightsKind;
// What a printed table holds: rows that sum to 1 (as far as four digits say) are probabilities.
WeightsKind weights_guess(const double *a, int rows, int cols);

#endif
