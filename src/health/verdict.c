// SPDX-License-Identifier: MIT
// Answers: levels, the verdict, alarms and the rate at which all this would happen by chance.
#include <math.h>

#include "src/health/null.h"
#include "src/health/state.h"

HealthLevel health_level(const Health *health, int cell)
{
    return cell >= 0 && cell < health->n_cells ? health->cells[cell].level : LEVEL_OK;
}

// Cause behind a cell's level, in the order skips, parameter-free, depth.
static Cause cause_of(const CellState *cell)
{
    Cause cause = CAUSE_NONE;
    for (int c = 0; c < CELL_CLAUSES; c++) {
        Cause other = clause_info((Clause)c)->cause;
        if (cell->track[c].active && clause_level((Clause)c, cell) == cell->level &&
            (cause == CAUSE_NONE || other < cause))
            cause = other;
    }
    return cause;
}

Verdict health_verdict(const Health *health, Cause *cause)
{
    HealthLevel level = LEVEL_OK;
    Cause found = CAUSE_NONE;
    for (int i = 0; i < health->n_cells; i++)
        if (health->cells[i].level > level) {
            level = health->cells[i].level;
            found = cause_of(&health->cells[i]);
        }
    for (int c = 0; c < RUN_CLAUSES; c++) {
        const ClauseInfo *info = clause_info((Clause)(c + CELL_CLAUSES));
        if (health->track[c].active && info->level > level) {
            level = info->level;
            found = info->cause;
        }
    }
    bool dead = state_dead(health);
    if (cause)
        *cause = dead ? CAUSE_DEAD : found;
    static const Verdict verdicts[] = { VERDICT_OK, VERDICT_WATCH, VERDICT_WARN,
                                        VERDICT_COLLAPSED };
    return dead ? VERDICT_DEAD : verdicts[level];
}

int health_alarm_count(const Health *health)
{
    return health->n_alarms;
}

const HealthAlarm *health_alarm(const Health *health, int index)
{
    return index >= 0 && index < health->n_alarms ? &health->alarms[index] : NULL;
}

const HealthAlarm *health_next_alarm(Health *health)
{
    return health->next < health->n_alarms ? &health->alarms[health->next++] : NULL;
}

bool health_clause_fired(const Health *health, int cell, int clause)
{
    return health->cells[cell].fired[clause];
}

bool health_failed(const Health *health)
{
    return health->failed;
}

double health_false_alarm_rate(const Health *health, HealthLevel level)
{
    double sum = 0.0;
    bool known = false;
    for (int i = 0; i < health->n_cells; i++) {
        const CellState *cell = &health->cells[i];
        Look look = { &health->limits, cell, cell->n - 1 };
        if (cell->n == 0)
            continue;
        NullRates rates;
        null_rates(&cell->shape, look_horizon(&look) + 1, &rates);
        for (int c = 0; c < CELL_CLAUSES; c++) {
            if (clause_level((Clause)c, cell) < level || !clause_applies((Clause)c, cell))
                continue;
            sum += rates.rate[c];
            known = true;
        }
    }
    if (!known || isnan(sum))
        return NAN;
    return sum < 1.0 ? sum : 1.0;
}

void health_alarm_json(const HealthAlarm *alarm, Json *record)
{
    json_put_int(record, "epoch", alarm->epoch);
    if (alarm->cell[0])
        json_put_str(record, "cell", alarm->cell);
    json_put_str(record, "level", level_name(alarm->level));
    json_put_str(record, "rule", alarm->rule);
    const char *cause = cause_name(alarm->cause);
    json_put(record, "cause", cause ? json_new_str(cause) : json_new_null());
    Json *numbers = json_new_object();
    for (int i = 0; i < alarm->n_numbers; i++)
        json_put_num(numbers, alarm->numbers[i].key, alarm->numbers[i].value);
    json_put(record, "evidence", numbers);
    json_put_str(record, "words", alarm->evidence);
    json_put_int(record, "good_epoch", alarm->good_epoch);
    if (!isnan(alarm->null_rate))
        json_put_num(record, "null_rate", alarm->null_rate);
}
