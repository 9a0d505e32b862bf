// SPDX-License-Identifier: MIT
// One look at one cell type.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/health/state.h"

// From the space, so the same at every look, except where the log alone says what is kept.
static void set_limits(CellState *cell, const HealthLimits *limits, int kept_seen)
{
    CellLimits *out = &cell->limits;
    if (out->known && out->kept_seen == kept_seen)
        return;
    out->known = true;
    out->kept_seen = kept_seen;
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
    bool dead = state_dead(health);
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
    if (said(cell, clause))
        return;
    cell->fired[clause] = true;
    HealthAlarm *alarm = state_alarm(health, clause, now->epoch, track->good);
    if (!alarm)
        return;
    alarm->level = clause_level(clause, cell);
    snprintf(alarm->cell, sizeof alarm->cell, "%s", cell->shape.name);
    evidence_cell(alarm, clause, look);
}

void judge_look(Health *health, int index, const Point *point)
{
    CellState *cell = &health->cells[index];
    void *items = cell->points;
    bool room = state_reserve(health, &items, cell->n, &cell->cap, sizeof *cell->points);
    cell->points = items;
    if (!room)
        return;
    cell->points[cell->n++] = *point;
    Point *now = &cell->points[cell->n - 1];
    // A look after a long silence stands for all of it: there is no streak to wait for.
    int before = cell->n > 1 ? now[-1].epoch : -1;
    now->stage_end |= now->epoch - before > health->limits.rise_epochs;
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
