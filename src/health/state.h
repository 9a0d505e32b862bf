// SPDX-License-Identifier: MIT
#ifndef HEALTH_STATE_H
#define HEALTH_STATE_H

#include <stddef.h>

#include "src/health/machine.h"

// The detector's state and how its files divide the work: health.c is fed and can rewind,
// judge.c judges a look at a cell, run.c judges the run as a whole, verdict.c answers.

// What was fed, in order, so that a rewind can replay it.
typedef enum { EVENT_ACC, EVENT_LOOK, EVENT_LAMBDA, EVENT_MATCH } EventKind;

typedef struct {
    EventKind kind;
    int epoch, cell, batches;
    double a, b; // accuracies, lambda or share
    Point point;
} Event;

enum { RUN_CLAUSES = CLAUSES - CELL_CLAUSES };

struct Health {
    HealthLimits limits;
    CellState *cells;
    int n_cells;
    AccPoint *acc;
    int n_acc, cap_acc;
    double *lambda;
    int *lambda_epoch;
    int n_lambda, cap_lambda;
    bool moving; // alpha has changed
    Track track[RUN_CLAUSES];
    HealthAlarm *alarms;
    int n_alarms, cap_alarms, next;
    Event *events;
    int n_events, cap_events;
    bool ended; // events and points are gone: no way back, nothing more is judged
    bool failed;
};

// Room for one more of *items; false and the sticky flag when memory runs out.
bool state_reserve(Health *health, void **items, int n, int *cap, size_t size);
// Appends an alarm with what the clause says of itself; NULL when out of memory.
HealthAlarm *state_alarm(Health *health, Clause clause, int epoch, int good_epoch);
bool state_dead(const Health *health);

void judge_look(Health *health, int index, const Point *point); // of the cell
void judge_accuracy(Health *health, int epoch, double train, double valid);
void judge_lambda(Health *health, int epoch, double value, int batches);
void judge_match(Health *health, int epoch, double share);

#endif
