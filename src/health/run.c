// SPDX-License-Identifier: MIT
// What is judged of the run as a whole: dead supernet, Hessian eigenvalue, gradient match.
#include <math.h>
#include <stdio.h>

#include "src/health/rules.h"
#include "src/health/state.h"

enum { FOUR_BATCHES = 4 };

bool state_dead(const Health *health)
{
    return health->track[CLAUSE_DEAD - CELL_CLAUSES].active;
}

static bool run_step(Health *health, Clause clause, bool base, int need, int epoch, int before)
{
    TrackInput input = { .base = base,
                         .extra = true,
                         .need = need,
                         .clear = health->limits.clear,
                         .epoch = epoch,
                         .before = before };
    return track_step(&health->track[clause - CELL_CLAUSES], &input);
}

void judge_accuracy(Health *health, int epoch, double train, double valid)
{
    void *items = health->acc;
    bool room = state_reserve(health, &items, health->n_acc, &health->cap_acc, sizeof *health->acc);
    health->acc = items;
    if (!room || isnan(train))
        return;
    int n = ++health->n_acc;
    health->acc[n - 1] = (AccPoint){ epoch, train, valid };
    DeadRule rule;
    int epochs;
    bool dead = dead_condition(&health->limits, health->acc, n, &rule, &epochs);
    if (!run_step(health, CLAUSE_DEAD, dead, 1, epoch, epoch - 1))
        return;
    int good = n > epochs ? health->acc[n - epochs - 1].epoch : -1;
    HealthAlarm *alarm = state_alarm(health, CLAUSE_DEAD, epoch, good);
    if (alarm)
        evidence_dead(alarm, rule, &health->limits, health->acc, n, epochs);
}

static bool push_lambda(Health *health, int epoch, double value)
{
    int cap = health->cap_lambda;
    void *items = health->lambda;
    bool room = state_reserve(health, &items, health->n_lambda, &cap, sizeof *health->lambda);
    health->lambda = items;
    items = health->lambda_epoch;
    room = room && state_reserve(health, &items, health->n_lambda, &health->cap_lambda,
                                 sizeof *health->lambda_epoch);
    health->lambda_epoch = items;
    if (!room)
        return false;
    health->lambda[health->n_lambda] = value;
    health->lambda_epoch[health->n_lambda++] = epoch;
    return true;
}

void judge_lambda(Health *health, int epoch, double value, int batches)
{
    if (batches < FOUR_BATCHES || !push_lambda(health, epoch, value))
        return;
    int returned, n = health->n_lambda;
    double ratio = rule_lambda_ratio(health->lambda, health->lambda_epoch, n, &returned);
    bool base = ratio > health->limits.lambda_ratio;
    int before = n > 1 ? health->lambda_epoch[n - 2] : -1;
    if (!run_step(health, CLAUSE_LAMBDA, base, health->limits.looks, epoch, before))
        return;
    HealthAlarm *alarm = state_alarm(health, CLAUSE_LAMBDA, epoch, returned);
    if (!alarm)
        return;
    snprintf(alarm->evidence, sizeof alarm->evidence,
             "the largest Hessian eigenvalue, %d-batch means, is %.2f times its value of four "
             "looks ago (limit %.2f) for %d looks",
             batches, ratio, health->limits.lambda_ratio, health->limits.looks);
    evidence_number(alarm, "lambda_max", value);
    evidence_number(alarm, "ratio", ratio);
}

void judge_match(Health *health, int epoch, double share)
{
    if (!run_step(health, CLAUSE_MATCH, share > 0.5, health->limits.looks, epoch, epoch - 1))
        return;
    HealthAlarm *alarm = state_alarm(health, CLAUSE_MATCH, epoch, -1);
    if (!alarm)
        return;
    alarm->good_epoch = health->track[CLAUSE_MATCH - CELL_CLAUSES].good;
    snprintf(alarm->evidence, sizeof alarm->evidence,
             "%.0f %% of the convolutions have a gradient match below 0.4 for %d looks",
             100.0 * share, health->limits.looks);
    evidence_number(alarm, "share", share);
}
