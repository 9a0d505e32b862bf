// SPDX-License-Identifier: MIT
#include "src/health/health.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/health/machine.h"
#include "src/health/null.h"
#include "src/health/rules.h"

// What was fed, in order, so that a rewind can replay it.
typedef enum { EVENT_ACC, EVENT_LOOK, EVENT_LAMBDA, EVENT_MATCH } EventKind;

typedef struct {
    EventKind kind;
    int epoch, cell, batches;
    double a, b; // accuracies, lambda or share
    Point point;
} Event;

enum { RUN_CLAUSES = CLAUSES - CELL_CLAUSES, FOUR_BATCHES = 4 };

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
    bool failed;
};

Health *health_new(const HealthLimits *limits)
{
    Health *health = mem_zero(1, sizeof *health);
    if (health)
        health->limits = *limits;
    return health;
}

static void free_cell(CellState *cell)
{
    mem_free(cell->shape.edge_op);
    mem_free(cell->points);
}

void health_free(Health *health)
{
    if (!health)
        return;
    for (int i = 0; i < health->n_cells; i++)
        free_cell(&health->cells[i]);
    mem_free(health->cells);
    mem_free(health->acc);
    mem_free(health->lambda);
    mem_free(health->lambda_epoch);
    mem_free(health->alarms);
    mem_free(health->events);
    mem_free(health);
}

// Room for one more of *items; false and the sticky flag when memory runs out.
static bool reserve(Health *health, void **items, int n, int *cap, size_t size)
{
    if (n < *cap)
        return true;
    int more = *cap ? 2 * *cap : 16;
    void *grown = mem_grow(*items, (size_t)more, size);
    if (!grown) {
        health->failed = true;
        return false;
    }
    *items = grown;
    *cap = more;
    return true;
}

// ---- cells --------------------------------------------------------------------------------------

static bool copy_shape(HealthCell *to, const HealthCell *from)
{
    HealthCell copy = *from;
    copy.n_edges = from->n_edges < HEALTH_EDGES ? from->n_edges : HEALTH_EDGES;
    copy.n_ops = from->n_ops < HEALTH_OPS ? from->n_ops : HEALTH_OPS;
    copy.edge_op = NULL;
    if (from->per_edge && from->edge_op && copy.n_edges > 0) {
        size_t bytes = sizeof *from->edge_op;
        copy.edge_op = mem_array((size_t)copy.n_edges, bytes);
        if (!copy.edge_op)
            return false;
        memcpy(copy.edge_op, from->edge_op, (size_t)copy.n_edges * bytes);
    }
    mem_free(to->edge_op);
    *to = copy;
    return true;
}

static int find_cell(const Health *health, const char *name)
{
    for (int i = 0; i < health->n_cells; i++)
        if (strcmp(health->cells[i].shape.name, name) == 0)
            return i;
    return -1;
}

int health_cell(Health *health, const HealthCell *shape)
{
    int i = find_cell(health, shape->name);
    if (i < 0) {
        CellState *grown =
            mem_grow(health->cells, (size_t)health->n_cells + 1, sizeof *health->cells);
        if (!grown) {
            health->failed = true;
            return -1;
        }
        health->cells = grown;
        i = health->n_cells;
        memset(&grown[i], 0, sizeof grown[i]);
        if (!copy_shape(&grown[i].shape, shape)) {
            health->failed = true;
            return -1;
        }
        health->n_cells++;
    } else if (!copy_shape(&health->cells[i].shape, shape)) {
        health->failed = true;
    }
    health->cells[i].reduction = health_is_reduction(&health->cells[i].shape);
    return i;
}

static void set_limits(CellState *cell, const HealthLimits *limits, int kept_seen)
{
    CellLimits *out = &cell->limits;
    const HealthCell *shape = &cell->shape;
    int kept = health_kept(shape);
    out->kept = kept > 0 ? kept : kept_seen;
    out->skips = limits->skips > 0 ? limits->skips : health_skip_limit_kept(shape, out->kept);
    out->skips_warn = out->skips > 1 ? out->skips - 1 : 1;
    out->skips_present = health_skip_chance_limit(shape, out->kept);
    out->parameter_free = limits->parameter_free > 0
                              ? limits->parameter_free
                              : health_parameter_free_limit_kept(shape, out->kept);
    out->parameter_free_warn = out->parameter_free > 1 ? out->parameter_free - 1 : 1;
    out->parameter_free_present = health_parameter_free_chance_limit(shape, out->kept);
    out->t_watch = limits->t_watch;
    // Fewer edges have a wider null distribution of t.
    out->t_warn = limits->t_warn > 0.0 ? limits->t_warn : shape->n_edges < 10 ? 5.0 : 4.0;
}

// ---- alarms -------------------------------------------------------------------------------------

static HealthAlarm *add_alarm(Health *health, Clause clause, int epoch, int good_epoch)
{
    void *items = health->alarms;
    bool room =
        reserve(health, &items, health->n_alarms, &health->cap_alarms, sizeof *health->alarms);
    health->alarms = items;
    if (!room)
        return NULL;
    HealthAlarm *alarm = &health->alarms[health->n_alarms++];
    const ClauseInfo *info = clause_info(clause);
    *alarm = (HealthAlarm){ .epoch = epoch,
                            .level = info->level,
                            .cause = info->cause,
                            .good_epoch = good_epoch,
                            .null_rate = NAN };
    snprintf(alarm->rule, sizeof alarm->rule, "%s", info->rule);
    return alarm;
}

// Whether skips at this level or above are active: then the wider count is the same disease.
static bool skips_named(const CellState *cell, HealthLevel level)
{
    for (int c = 0; c < CELL_CLAUSES; c++) {
        const ClauseInfo *info = clause_info((Clause)c);
        if (info->family == FAMILY_SKIPS && info->level >= level && cell->track[c].active)
            return true;
    }
    return false;
}

// Whether another active clause of the same family has said this already, or worse.
static bool said(const CellState *cell, Clause clause)
{
    const ClauseInfo *info = clause_info(clause);
    for (int c = 0; c < CELL_CLAUSES; c++) {
        const ClauseInfo *other = clause_info((Clause)c);
        if ((Clause)c != clause && cell->track[c].active && other->family == info->family &&
            other->level >= info->level)
            return true;
    }
    return false;
}

static HealthLevel level_of(const CellState *cell)
{
    HealthLevel level = LEVEL_OK;
    for (int c = 0; c < CELL_CLAUSES; c++)
        if (cell->track[c].active && clause_level((Clause)c, cell) > level)
            level = clause_level((Clause)c, cell);
    return level;
}

// ---- looks --------------------------------------------------------------------------------------

static bool has_changed(const Point *now, const Point *before)
{
    if (isfinite(now->p_norm) && isfinite(before->p_norm))
        return now->p_norm != before->p_norm;
    return now->hash != before->hash;
}

// Nothing is judged while alpha is frozen. The alphas of all cell types move together, so one
// that has changed speaks for all.
static bool is_judged(Health *health, const CellState *cell)
{
    const Point *now = &cell->points[cell->n - 1];
    if (cell->n > 1 && has_changed(now, &cell->points[cell->n - 2]))
        health->moving = true;
    if (now->stage_end)
        return true;
    return health->moving && now->epoch >= health->limits.warmup_epochs;
}

static void count_extremes(CellState *cell, const Point *now, int rise)
{
    int skips = now->signals.skips, all = now->signals.parameter_free;
    if (cell->n == 1 || skips < cell->min_skips)
        cell->min_skips = skips;
    if (cell->n == 1 || all < cell->min_free)
        cell->min_free = all;
    if (!now->judged)
        return;
    cell->held_skips = skips - cell->min_skips >= rise ? cell->held_skips + 1 : 0;
    cell->held_free = all - cell->min_free >= rise ? cell->held_free + 1 : 0;
}

static void judge_clause(Health *health, CellState *cell, Clause clause, const Look *look)
{
    const Point *now = &cell->points[look->index];
    Condition condition = clause_condition(clause, look);
    const ClauseInfo *info = clause_info(clause);
    bool dead = health->track[CLAUSE_DEAD - CELL_CLAUSES].active;
    bool named = info->cause == CAUSE_PARAMETER_FREE && skips_named(cell, info->level);
    TrackInput input = { .base = condition.base,
                         .extra = condition.extra,
                         .quiet = dead || named,
                         .need = condition.need,
                         .clear = health->limits.clear,
                         .epoch = now->epoch,
                         .before = look->index > 0 ? cell->points[look->index - 1].epoch : -1 };
    Track *track = &cell->track[clause];
    if (!track_step(track, &input))
        return;
    cell->fired[clause] = true;
    if (said(cell, clause))
        return;
    HealthAlarm *alarm = add_alarm(health, clause, now->epoch, track->good);
    if (!alarm)
        return;
    alarm->level = clause_level(clause, cell);
    snprintf(alarm->cell, sizeof alarm->cell, "%s", cell->shape.name);
    evidence_cell(alarm, clause, look);
}

static void apply_look(Health *health, int index, const Point *point)
{
    CellState *cell = &health->cells[index];
    void *items = cell->points;
    bool room = reserve(health, &items, cell->n, &cell->cap, sizeof *cell->points);
    cell->points = items;
    if (!room)
        return;
    cell->points[cell->n++] = *point;
    Point *now = &cell->points[cell->n - 1];
    now->judged = is_judged(health, cell);
    set_limits(cell, &health->limits, now->signals.kept);
    count_extremes(cell, now, health->limits.rise);
    if (!now->judged)
        return;
    cell->looks++;
    Look look = { &health->limits, cell, cell->n - 1 };
    for (int c = 0; c < CELL_CLAUSES; c++)
        if (clause_applies((Clause)c, cell))
            judge_clause(health, cell, (Clause)c, &look);
    cell->had_conv |= now->signals.conv_depth >= 1;
    cell->level = level_of(cell);
}

static uint64_t point_hash(const HealthLook *look)
{
    return look->geno.n_edges > 0 ? rule_cell_hash(&look->geno) : 0;
}

static Event *add_event(Health *health, EventKind kind, int epoch)
{
    void *items = health->events;
    bool room =
        reserve(health, &items, health->n_events, &health->cap_events, sizeof *health->events);
    health->events = items;
    if (!room)
        return NULL;
    Event *event = &health->events[health->n_events++];
    memset(event, 0, sizeof *event);
    event->kind = kind;
    event->epoch = epoch;
    return event;
}

void health_look(Health *health, int cell, const HealthLook *look)
{
    if (cell < 0 || cell >= health->n_cells)
        return;
    const CellState *state = &health->cells[cell];
    if (state->n > 0 && look->epoch <= state->points[state->n - 1].epoch)
        return;
    Event *event = add_event(health, EVENT_LOOK, look->epoch);
    if (!event)
        return;
    event->cell = cell;
    event->point = (Point){ .epoch = look->epoch,
                            .has_alpha = look->has_alpha,
                            .stage_end = look->stage_end,
                            .hash = point_hash(look),
                            .p_norm = look->p_norm,
                            .signals = look->signals };
    if (look->geno.n_edges > 0)
        signals_from_genotype(&look->geno, &event->point.signals);
    Point point = event->point;
    apply_look(health, cell, &point);
}

// ---- the run as a whole -------------------------------------------------------------------------

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

static void apply_accuracy(Health *health, int epoch, double train, double valid)
{
    void *items = health->acc;
    bool room = reserve(health, &items, health->n_acc, &health->cap_acc, sizeof *health->acc);
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
    HealthAlarm *alarm = add_alarm(health, CLAUSE_DEAD, epoch, good);
    if (alarm)
        evidence_dead(alarm, rule, &health->limits, health->acc, n, epochs);
}

void health_accuracy(Health *health, int epoch, double train_acc, double valid_acc)
{
    Event *event = add_event(health, EVENT_ACC, epoch);
    if (!event)
        return;
    event->a = train_acc;
    event->b = valid_acc;
    apply_accuracy(health, epoch, train_acc, valid_acc);
}

static bool push_lambda(Health *health, int epoch, double value)
{
    int cap = health->cap_lambda;
    void *items = health->lambda;
    bool room = reserve(health, &items, health->n_lambda, &cap, sizeof *health->lambda);
    health->lambda = items;
    items = health->lambda_epoch;
    room = room && reserve(health, &items, health->n_lambda, &health->cap_lambda,
                           sizeof *health->lambda_epoch);
    health->lambda_epoch = items;
    if (!room)
        return false;
    health->lambda[health->n_lambda] = value;
    health->lambda_epoch[health->n_lambda++] = epoch;
    return true;
}

static void apply_lambda(Health *health, int epoch, double value, int batches)
{
    if (batches < FOUR_BATCHES || !push_lambda(health, epoch, value))
        return;
    int returned, n = health->n_lambda;
    double ratio = rule_lambda_ratio(health->lambda, health->lambda_epoch, n, &returned);
    bool base = ratio > health->limits.lambda_ratio;
    int before = n > 1 ? health->lambda_epoch[n - 2] : -1;
    if (!run_step(health, CLAUSE_LAMBDA, base, health->limits.looks, epoch, before))
        return;
    HealthAlarm *alarm = add_alarm(health, CLAUSE_LAMBDA, epoch, returned);
    if (!alarm)
        return;
    snprintf(alarm->evidence, sizeof alarm->evidence,
             "the largest Hessian eigenvalue, %d-batch means, is %.2f times its value of four "
             "looks ago (limit %.2f) for %d looks",
             batches, ratio, health->limits.lambda_ratio, health->limits.looks);
    evidence_number(alarm, "lambda_max", value);
    evidence_number(alarm, "ratio", ratio);
}

void health_lambda(Health *health, int epoch, double lambda_max, int batches)
{
    Event *event = add_event(health, EVENT_LAMBDA, epoch);
    if (!event)
        return;
    event->a = lambda_max;
    event->batches = batches;
    apply_lambda(health, epoch, lambda_max, batches);
}

static void apply_match(Health *health, int epoch, double share)
{
    if (!run_step(health, CLAUSE_MATCH, share > 0.5, health->limits.looks, epoch, epoch - 1))
        return;
    HealthAlarm *alarm = add_alarm(health, CLAUSE_MATCH, epoch, -1);
    if (!alarm)
        return;
    alarm->good_epoch = health->track[CLAUSE_MATCH - CELL_CLAUSES].good;
    snprintf(alarm->evidence, sizeof alarm->evidence,
             "%.0f %% of the convolutions have a gradient match below 0.4 for %d looks",
             100.0 * share, health->limits.looks);
    evidence_number(alarm, "share", share);
}

void health_match(Health *health, int epoch, double share)
{
    Event *event = add_event(health, EVENT_MATCH, epoch);
    if (!event)
        return;
    event->a = share;
    apply_match(health, epoch, share);
}

// ---- rewind -------------------------------------------------------------------------------------

static void reset(Health *health)
{
    for (int i = 0; i < health->n_cells; i++) {
        CellState *cell = &health->cells[i];
        *cell = (CellState){ .shape = cell->shape,
                             .reduction = cell->reduction,
                             .points = cell->points,
                             .cap = cell->cap };
    }
    memset(health->track, 0, sizeof health->track);
    health->moving = false;
    health->n_acc = health->n_lambda = health->n_alarms = 0;
}

static void apply_event(Health *health, const Event *event)
{
    switch (event->kind) {
    case EVENT_ACC: apply_accuracy(health, event->epoch, event->a, event->b); break;
    case EVENT_LOOK: apply_look(health, event->cell, &event->point); break;
    case EVENT_LAMBDA: apply_lambda(health, event->epoch, event->a, event->batches); break;
    case EVENT_MATCH: apply_match(health, event->epoch, event->a); break;
    }
}

void health_rewind(Health *health, int epoch)
{
    int kept = 0;
    for (int i = 0; i < health->n_events; i++)
        if (health->events[i].epoch <= epoch)
            health->events[kept++] = health->events[i];
    health->n_events = kept;
    reset(health);
    for (int i = 0; i < kept; i++)
        apply_event(health, &health->events[i]);
    if (health->next > health->n_alarms)
        health->next = health->n_alarms;
}

void health_set_limits(Health *health, const HealthLimits *limits)
{
    health->limits = *limits;
    health_rewind(health, INT32_MAX);
}

// ---- answers ------------------------------------------------------------------------------------

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
    bool dead = health->track[CLAUSE_DEAD - CELL_CLAUSES].active;
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
            if (clause_level((Clause)c, cell) < level || !clause_applies((Clause)c, cell) ||
                isnan(rates.rate[c]))
                continue;
            sum += rates.rate[c];
            known = true;
        }
    }
    if (!known)
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
