// SPDX-License-Identifier: MIT
#ifndef HEALTH_MACHINE_H
#define HEALTH_MACHINE_H

#include "src/health/health.h"

// Inside of the detector, shared by the files of this module only.
//
// A clause is one line of the rules: a plain condition at a look (`base`), and what more must
// hold for it to be raised (`extra`). Every clause runs the same small machine (machine.c);
// the level of a cell type is the highest level among its active clauses.

// In the order in which they are judged within a look: lower levels first, skips before the
// wider parameter-free count, so that the narrower cause is the one named.
typedef enum {
    CLAUSE_T_WATCH,
    CLAUSE_GAP,
    CLAUSE_DEPTH_WATCH,
    CLAUSE_T_WARN,
    CLAUSE_SKIPS_WARN,
    CLAUSE_FREE_WARN,
    CLAUSE_SKIPS_ALARM,
    CLAUSE_SKIPS_SLOW,
    CLAUSE_SKIPS_PRESENT,
    CLAUSE_FREE_ALARM,
    CLAUSE_FREE_SLOW,
    CLAUSE_FREE_PRESENT,
    CLAUSE_DEPTH,
    CELL_CLAUSES,
    // of the whole run
    CLAUSE_MATCH = CELL_CLAUSES,
    CLAUSE_LAMBDA,
    CLAUSE_DEAD,
    CLAUSES
} Clause;

// Clauses of one family measure the same thing: a lower one adds nothing once a higher is active.
typedef enum { FAMILY_T, FAMILY_GAP, FAMILY_SKIPS, FAMILY_FREE, FAMILY_DEPTH, FAMILY_RUN } Family;

typedef struct {
    const char *rule;
    HealthLevel level;
    Cause cause;
    Family family;
} ClauseInfo;
const ClauseInfo *clause_info(Clause clause);

typedef struct {
    int streak; // looks in a row at which base held
    int began;  // epoch of the first of them
    int good;   // last epoch before it, -1 none
    int off;    // looks in a row without base, while active
    bool active;
} Track;

// One step of a clause's machine; true when it becomes active at this look. `quiet` keeps a
// clause from becoming active (the run is dead).
typedef struct {
    bool base, extra, quiet;
    int need, clear;   // looks to raise, clear looks to drop
    int epoch, before; // of this look and of the one before it, -1 none
} TrackInput;
bool track_step(Track *track, const TrackInput *input);
void track_check(const Track *track, int clear); // asserts the invariants

// One recorded look.
typedef struct {
    int epoch;
    bool has_alpha, stage_end, judged;
    uint64_t hash; // of the genotype
    double p_norm;
    Signals signals;
} Point;

typedef struct {
    int skips, skips_warn, skips_present; // limits of this cell type
    int parameter_free, parameter_free_warn, parameter_free_present;
    double t_watch, t_warn;
    int kept, kept_seen; // by the shape, by the newest genotype
    bool known;
} CellLimits;

typedef struct {
    HealthCell shape;
    bool reduction; // judged less: see clauses.c
    CellLimits limits;
    Point *points;
    int n, cap;
    int looks;                 // judged ones so far
    int min_skips, min_free;   // smallest so far, frozen epochs included
    int held_skips, held_free; // looks in a row with a rise of 2 above them
    bool had_conv;             // D >= 1 at an earlier look
    Track track[CELL_CLAUSES];
    bool fired[CELL_CLAUSES]; // wrote an alarm at some look
    HealthLevel level;
} CellState;

// Everything that a clause may look at, at the newest point of a cell.
typedef struct {
    const HealthLimits *limits;
    const CellState *cell;
    int index; // of the point
} Look;

typedef struct {
    bool base, extra;
    int need;
} Condition;
bool clause_applies(Clause clause, const CellState *cell);
Condition clause_condition(Clause clause, const Look *look);
int look_rise(const Look *look, bool parameter_free);      // over the last 8 epochs
double look_gap_slope(const Look *look);                   // per epoch, over the last 8
bool look_gap_crosses(const Look *look, int *cross_epoch); // forecast
int look_horizon(const Look *look);                        // last epoch expected
HealthLevel clause_level(Clause clause, const CellState *cell);

// limits.c
int health_kept(const HealthCell *cell);
double health_binomial_tail(int n, double p, int k); // P(Binomial(n, p) >= k)
int health_skip_chance_limit(const HealthCell *cell, int kept);
int health_parameter_free_chance_limit(const HealthCell *cell, int kept);
int health_skip_limit_kept(const HealthCell *cell, int kept);
int health_parameter_free_limit_kept(const HealthCell *cell, int kept);
bool health_is_reduction(const HealthCell *cell);

// verdict.c: whether the clause has written an alarm since the last rewind.
bool health_clause_fired(const Health *health, int cell, int clause);

// dead.c: the run as a whole.
typedef struct {
    int epoch;
    double train, valid;
} AccPoint;
typedef enum { DEAD_MAJORITY, DEAD_STUCK, DEAD_FLAT } DeadRule;
// Whether the newest accuracy satisfies a dead rule, for how many epochs in a row, and which.
bool dead_condition(const HealthLimits *limits, const AccPoint *acc, int n, DeadRule *rule,
                    int *epochs);

// evidence.c: fills rule, words and numbers of an alarm that a clause raised.
void evidence_cell(HealthAlarm *alarm, Clause clause, const Look *look);
void evidence_dead(HealthAlarm *alarm, DeadRule rule, const HealthLimits *limits,
                   const AccPoint *acc, int n, int epochs);
void evidence_number(HealthAlarm *alarm, const char *key, double value);

#endif
