// SPDX-License-Identifier: MIT
#ifndef HEALTH_NULL_H
#define HEALTH_NULL_H

#include "src/base/err.h"
#include "src/health/machine.h"

// The null model: what a search without any preference would make of each clause.
//
// Every logit of a cell starts at N(0, start_sd) and walks by v <- momentum * v + step_sd *
// sqrt(1 - momentum^2) * N(0, 1) a look, v itself started in its stationary state N(0, step_sd).
// One look is one epoch, and the first look comes after one step. The cell is derived from the
// softmax rows and judged by the detector itself, so that a rate is the rate of the rule that
// ships, hysteresis and waiting included. Edges walk independently; those of a real supernet do
// not, so rates are optimistic.
typedef struct {
    double start_sd, step_sd, momentum;
    uint64_t seed;
    int runs, looks;
} NullWalk;
void null_walk_default(NullWalk *walk); // 1e-3, 0.015, 0.9, seed 1, 2000 runs, 50 looks

typedef struct {
    double rate[CELL_CLAUSES];   // share of runs in which the clause writes an alarm
    bool exact;                  // the table has this shape; else the nearest one was taken
    double any[LEVEL_ALARM + 1]; // with an alarm of this level or above; of a simulation only
} NullRates;

Status null_simulate(const NullWalk *walk, const HealthCell *cell, NullRates *out, Error *err);

// From the shipped table (nulltable.c), interpolated in the logarithm of looks; NAN rates when
// the cell's operators are unknown or leave nothing to choose, and where alpha is not known those
// of the clauses that ask for it.
void null_rates(const HealthCell *cell, int looks, NullRates *out);

// The shapes of the table, to print it again: `dartboard null` does.
typedef struct {
    const char *name;
    DeriveRule derive;
    int inputs, nodes, keep;
    const char *ops[9]; // NULL-terminated
} NullShape;
typedef struct {
    int shape, looks;
    float rate[CELL_CLAUSES];
} NullRow;
extern const NullShape NULL_SHAPES[];
extern const int NULL_SHAPE_COUNT;
extern const NullRow NULL_TABLE[];
extern const int NULL_TABLE_COUNT;
void null_shape_cell(const NullShape *shape, HealthCell *cell);

#endif
