// SPDX-License-Identifier: MIT
// The conditions of SCIENCE.md 6.2 as 6.7 and 6.8 correct them, one function a family.
//
// Three readings that the text leaves open are settled here:
// - Frozen epochs are not judged, but a rise and the minimum so far are measured against them:
//   a cell that fills up in the first epoch after alpha is released has risen.
// - t is judged on q, which is p where none does not compete.
// - Counts of operators without parameters and lost depth say what the derived cell looks like, not
//   that the search prefers it: where three of five operators have no parameters, one driftless
//   search in three loses its depth for a while. So where alpha is known these clauses also ask for
//   a consensus over the edges (t_free over its WATCH limit). Skips keep the published rules.
// - A cell type named reduction... is judged by its skips and t alone and never given more than
//   WATCH. Reduction cells of healthy searches are full of pools (DARTS_V2: 8 of 8 without
//   parameters, D = 0), and every published rule and truth is about the normal cell.
#include <math.h>

#include "src/health/machine.h"

enum { PUBLISHED_WAIT = 5 }; // the published rules decide from index 5 on
enum { DARTS_EPOCHS = 50 };  // assumed where a log does not say how long it will be

static const Point *newest(const Look *look)
{
    return &look->cell->points[look->index];
}

static int count_of(const Point *point, bool parameter_free)
{
    return parameter_free ? point->signals.parameter_free : point->signals.skips;
}

// Newest point at or before `epoch`, else the first.
static const Point *point_before(const Look *look, int epoch)
{
    int i = look->index;
    while (i > 0 && look->cell->points[i].epoch > epoch)
        i--;
    return &look->cell->points[i];
}

int look_rise(const Look *look, bool parameter_free)
{
    const Point *now = newest(look);
    const Point *then = point_before(look, now->epoch - look->limits->rise_epochs);
    return count_of(now, parameter_free) - count_of(then, parameter_free);
}

int look_horizon(const Look *look)
{
    int epochs = look->limits->epochs;
    int now = newest(look)->epoch;
    if (epochs <= 0)
        epochs = DARTS_EPOCHS;
    return epochs - 1 > now ? epochs - 1 : now;
}

// Whether the edges agree on operators without parameters; true where that cannot be told: in logs
// without alpha, and where an edge does not offer both classes.
static bool favours_free(const Look *look)
{
    const Point *now = newest(look);
    return !now->has_alpha || isnan(now->signals.t_free) ||
           now->signals.t_free > look->cell->limits.t_watch;
}

// ---- counts: skips and, with their own limits, all operators without parameters -----------------

static Condition count_rises(const Look *look, bool parameter_free, int limit)
{
    const Point *now = newest(look);
    // A stage's end cell stands for the stage: no second look at it will come, and the rise is
    // measured against the stages before.
    if (now->stage_end) {
        int held = parameter_free ? look->cell->held_free : look->cell->held_skips;
        return (Condition){ count_of(now, parameter_free) >= limit, held > 0, 1 };
    }
    return (Condition){ count_of(now, parameter_free) >= limit,
                        now->epoch >= PUBLISHED_WAIT &&
                            look_rise(look, parameter_free) >= look->limits->rise,
                        look->limits->looks };
}

static Condition count_slow(const Look *look, bool parameter_free, int limit)
{
    const Point *now = newest(look);
    int held = parameter_free ? look->cell->held_free : look->cell->held_skips;
    return (Condition){ count_of(now, parameter_free) >= limit,
                        now->epoch >= PUBLISHED_WAIT && held >= look->limits->slow_hold,
                        look->limits->looks };
}

// In each of the first looks, and still.
static Condition count_present(const Look *look, bool parameter_free, int limit)
{
    const Point *now = newest(look);
    return (Condition){ !now->stage_end && count_of(now, parameter_free) >= limit,
                        look->cell->looks == look->limits->looks, look->limits->looks };
}

static Condition skips_condition(Clause clause, const Look *look)
{
    const CellLimits *limits = &look->cell->limits;
    switch (clause) {
    case CLAUSE_SKIPS_WARN: return count_rises(look, false, limits->skips_warn);
    case CLAUSE_SKIPS_ALARM: return count_rises(look, false, limits->skips);
    case CLAUSE_SKIPS_SLOW: return count_slow(look, false, limits->skips);
    default: return count_present(look, false, limits->skips_present);
    }
}

static Condition free_count(Clause clause, const Look *look)
{
    const CellLimits *limits = &look->cell->limits;
    switch (clause) {
    case CLAUSE_FREE_WARN: return count_rises(look, true, limits->parameter_free_warn);
    case CLAUSE_FREE_ALARM: return count_rises(look, true, limits->parameter_free);
    case CLAUSE_FREE_SLOW: return count_slow(look, true, limits->parameter_free);
    default: return count_present(look, true, limits->parameter_free_present);
    }
}

static Condition free_condition(Clause clause, const Look *look)
{
    Condition condition = free_count(clause, look);
    condition.extra = condition.extra && favours_free(look);
    return condition;
}

// ---- conv depth ---------------------------------------------------------------------------------

static Condition depth_condition(Clause clause, const Look *look)
{
    const Point *now = newest(look);
    bool t_high = now->has_alpha && now->signals.t_q > look->cell->limits.t_warn;
    bool worse = (look->cell->had_conv && favours_free(look)) || t_high;
    return (Condition){ now->signals.kept > 0 && now->signals.conv_depth <= 0,
                        clause == CLAUSE_DEPTH ? worse : !worse,
                        now->stage_end ? 1 : look->limits->depth_epochs };
}

// ---- consensus and gap --------------------------------------------------------------------------

static Condition t_condition(const Look *look, double limit)
{
    const Point *now = newest(look);
    return (Condition){ now->has_alpha && now->signals.t_q > limit, true, look->limits->looks };
}

// Judged points with alpha in the last rise_epochs epochs, oldest first; 0 if one is missing.
static int gap_window(const Look *look, const Point **first)
{
    int need = look->limits->rise_epochs + 1;
    if (look->index + 1 < need)
        return 0;
    *first = &look->cell->points[look->index + 1 - need];
    for (int i = 0; i < need; i++)
        if (!(*first)[i].judged || !(*first)[i].has_alpha || !isfinite((*first)[i].signals.gap_q))
            return 0;
    return need;
}

static bool gap_rises(const Look *look)
{
    const Point *window;
    int n = gap_window(look, &window);
    for (int i = 1; i < n; i++)
        if (!(window[i].signals.gap_q > window[i - 1].signals.gap_q))
            return false;
    return n > 0;
}

double look_gap_slope(const Look *look)
{
    const Point *window;
    int n = gap_window(look, &window);
    if (n == 0)
        return NAN;
    const Point *last = &window[n - 1];
    return (last->signals.gap_q - window[0].signals.gap_q) / (last->epoch - window[0].epoch);
}

bool look_gap_crosses(const Look *look, int *cross_epoch)
{
    const Point *now = newest(look);
    double slope = look_gap_slope(look);
    if (!(slope > 0.0))
        return false;
    double ahead = now->signals.gap_q < 0.0 ? ceil(-now->signals.gap_q / slope) : 0.0;
    if (ahead > look_horizon(look) - now->epoch)
        return false;
    *cross_epoch = now->epoch + (int)ahead;
    return true;
}

// Raised while the gap is still below 0; once crossed, it holds as long as the gap stays above.
static Condition gap_condition(const Look *look)
{
    const Point *now = newest(look);
    int cross;
    bool below = now->signals.gap_q < 0.0;
    bool base = now->has_alpha && gap_rises(look) && look_gap_crosses(look, &cross);
    if (look->cell->track[CLAUSE_GAP].active && now->has_alpha && now->signals.gap_q >= 0.0)
        base = true;
    return (Condition){ base, below, look->limits->looks };
}

bool clause_applies(Clause clause, const CellState *cell)
{
    Family family = clause_info(clause)->family;
    return !cell->reduction || (family != FAMILY_FREE && family != FAMILY_DEPTH);
}

Condition clause_condition(Clause clause, const Look *look)
{
    switch (clause) {
    case CLAUSE_T_WATCH: return t_condition(look, look->cell->limits.t_watch);
    case CLAUSE_T_WARN: return t_condition(look, look->cell->limits.t_warn);
    case CLAUSE_GAP: return gap_condition(look);
    case CLAUSE_DEPTH_WATCH:
    case CLAUSE_DEPTH: return depth_condition(clause, look);
    default:
        return clause_info(clause)->family == FAMILY_SKIPS ? skips_condition(clause, look)
                                                           : free_condition(clause, look);
    }
}

HealthLevel clause_level(Clause clause, const CellState *cell)
{
    HealthLevel level = clause_info(clause)->level;
    return cell->reduction && level > LEVEL_WATCH ? LEVEL_WATCH : level;
}
