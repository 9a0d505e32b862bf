// SPDX-License-Identifier: MIT
#include "src/health/health.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/health/rules.h"
#include "src/health/state.h"

enum { LAST_EPOCH = 100000000 };

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

bool state_reserve(Health *health, void **items, int n, int *cap, size_t size)
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

HealthAlarm *state_alarm(Health *health, Clause clause, int epoch, int good_epoch)
{
    void *items = health->alarms;
    bool room = state_reserve(health, &items, health->n_alarms, &health->cap_alarms,
                              sizeof *health->alarms);
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

// ---- cells --------------------------------------------------------------------------------------

static int clamp(int n, int most)
{
    return n < 0 ? 0 : n < most ? n : most;
}

static bool copy_shape(HealthCell *to, const HealthCell *from)
{
    HealthCell copy = *from;
    copy.n_edges = clamp(from->n_edges, HEALTH_EDGES);
    copy.n_ops = clamp(from->n_ops, HEALTH_OPS);
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

int health_cell(Health *health, const HealthCell *cell)
{
    int i = find_cell(health, cell->name);
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
        if (!copy_shape(&grown[i].shape, cell)) {
            health->failed = true;
            return -1;
        }
        health->n_cells++;
    } else if (!copy_shape(&health->cells[i].shape, cell)) {
        health->failed = true;
    }
    health->cells[i].limits.known = false;
    health->cells[i].reduction = health_is_reduction(&health->cells[i].shape);
    return i;
}

static uint64_t point_hash(const HealthLook *look)
{
    return look->geno.n_edges > 0 ? rule_cell_hash(&look->geno) : 0;
}

// NULL when out of memory or when the epoch cannot be one (records may say anything).
static Event *add_event(Health *health, EventKind kind, int epoch)
{
    if (health->ended || epoch < -1 || epoch > LAST_EPOCH)
        return NULL;
    void *items = health->events;
    bool room = state_reserve(health, &items, health->n_events, &health->cap_events,
                              sizeof *health->events);
    health->events = items;
    if (!room)
        return NULL;
    Event *event = &health->events[health->n_events++];
    memset(event, 0, sizeof *event);
    event->kind = kind;
    event->epoch = epoch;
    return event;
}

// A maker who knows the operators of its space has counted already. A cell without skips and
// other operators without parameters has depth, so all zero means: not counted.
static void take_counts(Signals *signals, const GenoCell *geno)
{
    if (geno->n_edges > 0) {
        Signals counted = *signals;
        signals_from_genotype(geno, &counted);
        if (signals->skips == 0 && signals->parameter_free == 0 && signals->conv_depth <= 0)
            *signals = counted;
        signals->kept = counted.kept;
    }
    signals->skips = clamp(signals->skips, HEALTH_EDGES);
    signals->parameter_free = clamp(signals->parameter_free, HEALTH_EDGES);
    signals->kept = clamp(signals->kept, HEALTH_EDGES);
    signals->conv_depth = signals->conv_depth < 0 ? -1 : clamp(signals->conv_depth, HEALTH_EDGES);
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
    take_counts(&event->point.signals, &look->geno);
    Point point = event->point;
    judge_look(health, cell, &point);
}

void health_accuracy(Health *health, int epoch, double train_acc, double valid_acc)
{
    Event *event = add_event(health, EVENT_ACC, epoch);
    if (!event)
        return;
    event->a = train_acc;
    event->b = valid_acc;
    judge_accuracy(health, epoch, train_acc, valid_acc);
}

void health_lambda(Health *health, int epoch, double lambda_max, int batches)
{
    Event *event = add_event(health, EVENT_LAMBDA, epoch);
    if (!event)
        return;
    event->a = lambda_max;
    event->batches = batches;
    judge_lambda(health, epoch, lambda_max, batches);
}

void health_match(Health *health, int epoch, double share)
{
    Event *event = add_event(health, EVENT_MATCH, epoch);
    if (!event)
        return;
    event->a = share;
    judge_match(health, epoch, share);
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
    case EVENT_ACC: judge_accuracy(health, event->epoch, event->a, event->b); break;
    case EVENT_LOOK: judge_look(health, event->cell, &event->point); break;
    case EVENT_LAMBDA: judge_lambda(health, event->epoch, event->a, event->batches); break;
    case EVENT_MATCH: judge_match(health, event->epoch, event->a); break;
    }
}

// A new block: what a shrunk one leaves is a hole just too small for the next search.
static void shrink_alarms(Health *health)
{
    size_t n = (size_t)health->n_alarms;
    HealthAlarm *alarms = n ? mem_array(n, sizeof *alarms) : NULL;
    if (n && !alarms)
        return;
    if (n)
        memcpy(alarms, health->alarms, n * sizeof *alarms);
    mem_free(health->alarms);
    health->alarms = alarms;
    health->cap_alarms = health->n_alarms;
}

void health_end(Health *health)
{
    health->ended = true;
    mem_free(health->events);
    health->events = NULL;
    health->n_events = health->cap_events = 0;
    for (int i = 0; i < health->n_cells; i++) {
        CellState *cell = &health->cells[i];
        mem_free(cell->points);
        cell->points = NULL;
        cell->n = cell->cap = 0;
    }
    mem_free(health->acc);
    mem_free(health->lambda);
    mem_free(health->lambda_epoch);
    health->acc = NULL;
    health->lambda = NULL;
    health->lambda_epoch = NULL;
    health->n_acc = health->cap_acc = health->n_lambda = health->cap_lambda = 0;
    shrink_alarms(health);
}

void health_rewind(Health *health, int epoch)
{
    if (health->ended)
        return;
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
