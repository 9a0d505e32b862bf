// SPDX-License-Identifier: MIT
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/json.h"
#include "src/health/signals.h"

// The collapse detector: signals in, levels and alarms out. One Health judges one run: all its
// cell types plus the dead-supernet test. The same code judges a living run, a journal and a
// foreign log. It looks once an epoch (SCIENCE.md 6.8).

typedef enum { LEVEL_OK, LEVEL_WATCH, LEVEL_WARN, LEVEL_ALARM } HealthLevel;
typedef enum { VERDICT_OK, VERDICT_WATCH, VERDICT_WARN, VERDICT_COLLAPSED, VERDICT_DEAD } Verdict;
typedef enum { CAUSE_NONE, CAUSE_SKIPS, CAUSE_PARAMETER_FREE, CAUSE_DEPTH, CAUSE_DEAD } Cause;

const char *level_name(HealthLevel level); // "OK" "WATCH" "WARN" "ALARM"
const char *verdict_name(Verdict verdict); // "OK" "WATCH" "WARN" "COLLAPSED" "DEAD"
const char *cause_name(Cause cause);       // "skips" ... ; NULL for CAUSE_NONE

// Limits of every rule; settings section `health`. health_limits_default gives the published
// and corrected values; 0 in `skips` and `parameter_free` means "from the space".
typedef struct {
    int looks, clear;       // 3 looks to raise, 5 clear looks to drop
    double t_watch, t_warn; // 3; 4 (14 edges) or 5 (6 edges): 0 = by the number of edges
    int skips, parameter_free;
    int rise, rise_epochs; // +2 in 8 epochs
    int slow_hold;         // slow collapse: the rise held for 8 epochs
    int depth_epochs;      // D <= 0 for 3 epochs
    double majority;       // majority-class rate, fraction; NAN unknown (foreign logs)
    double lambda_ratio;   // 1.3
    int warmup_epochs;     // alpha warm-up of the run
    int epochs;            // planned, 0 unknown: forecasts and null rates
} HealthLimits;
void health_limits_default(HealthLimits *limits);

// One epoch of one cell type.
typedef struct {
    int epoch;
    bool has_alpha; // signals.t_p and the like are valid
    Signals signals;
    GenoCell geno; // derived (or logged) cell of that epoch
    double p_norm; // any number that changes when alpha changes; NAN: use the genotype
    // The only look of a search stage (P-DARTS logs print a cell at stage ends and no other).
    // It stands for the whole stage: judged from the first one on, raised without waiting for
    // further looks, the rise measured against the stages before. Need not be set where the look
    // before is more than rise_epochs back: the detector sees that.
    bool stage_end;
} HealthLook;

typedef struct {
    int epoch;
    char cell[GENO_NAME]; // "" for the run as a whole (dead, lambda, gradient-match)
    HealthLevel level;
    Cause cause;
    char rule[40];      // "skips-alarm", "skips-warn", "skips-slow", "present-from-start",
                        // "parameter-free-alarm", "-warn", "-slow", "-present", "depth",
                        // "depth-watch", "t-watch", "t-warn", "gap-forecast", "lambda",
                        // "gradient-match", "dead"
    char evidence[240]; // in words, with the null rate
    int good_epoch;     // last good epoch before the condition began, -1 none
    double null_rate;   // share of driftless runs that show this; NAN unknown
    // numbers behind the words, for the journal's "evidence" object
    int n_numbers;
    struct {
        char key[16];
        double value;
    } numbers[8];
} HealthAlarm;

typedef struct Health Health;
Health *health_new(const HealthLimits *limits); // NULL when out of memory
void health_free(Health *health);
// Declares a cell type (again when operators are removed); returns its index.
int health_cell(Health *health, const HealthCell *cell);
// Feed in epoch order, at one epoch the accuracy before the looks, so that a dead supernet is
// named before its skips. A second look of a cell at the same or an earlier epoch is ignored.
// Accuracies are fractions, NAN if absent. Counts (skips, parameter_free, conv_depth) are those
// in `signals` if any is above 0, else made from the names in `geno`.
void health_accuracy(Health *health, int epoch, double train_acc, double valid_acc);
void health_look(Health *health, int cell, const HealthLook *look);
// Judged only for means over 4 batches or more; one batch is too noisy (SCIENCE.md 2.3).
void health_lambda(Health *health, int epoch, double lambda_max, int batches);
// Share of conv operators whose gradient match is below 0.4: WATCH above one half.
void health_match(Health *health, int epoch, double share);
// The majority-class rate or the planned epochs when they become known after health_new.
void health_set_limits(Health *health, const HealthLimits *limits);
// Drops everything after `epoch` (roll-back, resume): the state is as if it had never been fed.
void health_rewind(Health *health, int epoch);
// The search is over: only levels, alarms and verdict stay, what is fed from now on is ignored.
void health_end(Health *health);

HealthLevel health_level(const Health *health, int cell);
Verdict health_verdict(const Health *health, Cause *cause);
int health_alarm_count(const Health *health);
const HealthAlarm *health_alarm(const Health *health, int index); // in order of raising
// Raised since the last call of this function (so that a runner journals each once).
const HealthAlarm *health_next_alarm(Health *health);
void health_alarm_json(const HealthAlarm *alarm, Json *record);

// Sum over all cell types and clauses of at least this level of the rates at which a driftless
// search of the run's length raises them: an upper bound on its share of false alarms. NAN when
// the rate of one of them is not known (no operators, or no alpha where a clause asks for it).
double health_false_alarm_rate(const Health *health, HealthLevel level);
bool health_failed(const Health *health); // memory ran out: something was not judged

// Skip limit of SCIENCE.md 6.8: ceil(kept/2), at least c_hi where 4 or more operators compete.
int health_skip_limit(const HealthCell *cell);
int health_parameter_free_limit(const HealthCell *cell);

#endif
