// SPDX-License-Identifier: MIT
// Alarms in words and numbers: what was seen, for how long, and how often a search without any
// preference would show it.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/health/null.h"

static void add_text(HealthAlarm *alarm, const char *text)
{
    size_t used = strlen(alarm->evidence);
    snprintf(alarm->evidence + used, sizeof alarm->evidence - used, "%s", text);
}

void evidence_number(HealthAlarm *alarm, const char *key, double value)
{
    int room = (int)(sizeof alarm->numbers / sizeof alarm->numbers[0]);
    if (alarm->n_numbers == room)
        return;
    int i = alarm->n_numbers++;
    snprintf(alarm->numbers[i].key, sizeof alarm->numbers[i].key, "%s", key);
    alarm->numbers[i].value = value;
}

static void add_rate(HealthAlarm *alarm, bool exact)
{
    if (isnan(alarm->null_rate))
        return;
    char text[32];
    double percent = 100.0 * alarm->null_rate;
    const char *about = exact ? "" : "about ";
    if (percent < 0.1)
        snprintf(text, sizeof text, "under 0.1 %%");
    else
        snprintf(text, sizeof text, "%s%.*f %%", about, percent < 10.0 ? 1 : 0, percent);
    add_text(alarm, "; a driftless search of this length shows this in ");
    add_text(alarm, text);
    add_text(alarm, " of runs");
}

static void words_t(HealthAlarm *alarm, const Look *look, int looks)
{
    const Signals *s = &look->cell->points[look->index].signals;
    snprintf(alarm->evidence, sizeof alarm->evidence,
             "skip consensus t = %.1f on %d edges for %d looks", s->t_q, s->t_edges, looks);
    evidence_number(alarm, "t_q", s->t_q);
    evidence_number(alarm, "t_p", s->t_p);
    evidence_number(alarm, "edges", s->t_edges);
    evidence_number(alarm, "looks", looks);
}

// The second witness of counts and depth, where alpha is known.
static void words_free(HealthAlarm *alarm, const Look *look)
{
    const Point *now = &look->cell->points[look->index];
    if (!now->has_alpha || isnan(now->signals.t_free))
        return;
    char text[48];
    snprintf(text, sizeof text, "; parameter-free consensus t = %.1f", now->signals.t_free);
    add_text(alarm, text);
    evidence_number(alarm, "t_free", now->signals.t_free);
}

static void words_gap(HealthAlarm *alarm, const Look *look)
{
    const Signals *s = &look->cell->points[look->index].signals;
    int cross = 0;
    look_gap_crosses(look, &cross);
    snprintf(alarm->evidence, sizeof alarm->evidence,
             "skip logit gap %.2f, rising for %d epochs, forecast above 0 at epoch %d%s", s->gap_q,
             look->limits->rise_epochs, cross,
             look->limits->epochs > 0 ? "" : " (50 epochs assumed)");
    evidence_number(alarm, "gap_q", s->gap_q);
    evidence_number(alarm, "slope", look_gap_slope(look));
    evidence_number(alarm, "cross", cross);
}

static int count_limit(Clause clause, const CellLimits *limits)
{
    switch (clause) {
    case CLAUSE_SKIPS_WARN: return limits->skips_warn;
    case CLAUSE_SKIPS_PRESENT: return limits->skips_present;
    case CLAUSE_FREE_WARN: return limits->parameter_free_warn;
    case CLAUSE_FREE_PRESENT: return limits->parameter_free_present;
    case CLAUSE_FREE_ALARM:
    case CLAUSE_FREE_SLOW: return limits->parameter_free;
    default: return limits->skips;
    }
}

static void words_count(HealthAlarm *alarm, Clause clause, const Look *look, int looks)
{
    const CellState *cell = look->cell;
    const Point *now = &cell->points[look->index];
    bool all = clause_info(clause)->cause == CAUSE_PARAMETER_FREE;
    int count = all ? now->signals.parameter_free : now->signals.skips;
    int limit = count_limit(clause, &cell->limits);
    int smallest = all ? cell->min_free : cell->min_skips;
    char how[80];
    if (clause == CLAUSE_SKIPS_PRESENT || clause == CLAUSE_FREE_PRESENT)
        snprintf(how, sizeof how, "in each of the first %d looks", looks);
    else if (now->stage_end)
        snprintf(how, sizeof how, "at the end of a stage, up from %d", smallest);
    else if (clause == CLAUSE_SKIPS_SLOW || clause == CLAUSE_FREE_SLOW)
        snprintf(how, sizeof how, "for %d looks, up from %d and for %d looks at least 2 above it",
                 looks, smallest, all ? cell->held_free : cell->held_skips);
    else
        snprintf(how, sizeof how, "for %d looks, %d more than %d epochs ago", looks,
                 look_rise(look, all), look->limits->rise_epochs);
    snprintf(alarm->evidence, sizeof alarm->evidence, "%d of %d operators %s (limit %d) %s", count,
             cell->limits.kept, all ? "have no parameters" : "are skips", limit, how);
    evidence_number(alarm, all ? "parameter_free" : "skips", count);
    evidence_number(alarm, "limit", limit);
    evidence_number(alarm, "epochs", looks);
    evidence_number(alarm, "rise", look_rise(look, all));
    if (all)
        words_free(alarm, look);
}

static void words_depth(HealthAlarm *alarm, const Look *look, int looks)
{
    const Point *now = &look->cell->points[look->index];
    int depth = now->signals.conv_depth;
    snprintf(alarm->evidence, sizeof alarm->evidence, "%s for %d looks%s",
             depth < 0 ? "no live path from input to output (D = -1)"
                       : "no convolution on any path from input to output (D = 0)",
             looks, look->cell->had_conv ? ", there was one before" : "");
    evidence_number(alarm, "conv_depth", depth);
    evidence_number(alarm, "looks", looks);
    words_free(alarm, look);
}

void evidence_cell(HealthAlarm *alarm, Clause clause, const Look *look)
{
    int looks = look->cell->track[clause].streak;
    switch (clause) {
    case CLAUSE_T_WATCH:
    case CLAUSE_T_WARN: words_t(alarm, look, looks); break;
    case CLAUSE_GAP: words_gap(alarm, look); break;
    case CLAUSE_DEPTH_WATCH:
    case CLAUSE_DEPTH: words_depth(alarm, look, looks); break;
    default: words_count(alarm, clause, look, looks); break;
    }
    if (look->cell->reduction && clause_info(clause)->level > LEVEL_WATCH)
        add_text(alarm, " (a reduction cell is only watched)");
    NullRates rates;
    null_rates(&look->cell->shape, look_horizon(look) + 1, &rates);
    alarm->null_rate = rates.rate[clause];
    add_rate(alarm, rates.exact);
}

void evidence_dead(HealthAlarm *alarm, DeadRule rule, const HealthLimits *limits,
                   const AccPoint *acc, int n, int epochs)
{
    double train = 100.0 * acc[n - 1].train;
    char *text = alarm->evidence;
    size_t size = sizeof alarm->evidence;
    if (rule == DEAD_MAJORITY)
        snprintf(text, size,
                 "training accuracy %.1f %% is at most 1 point above the majority class (%.1f %%) "
                 "for %d epochs",
                 train, 100.0 * limits->majority, epochs);
    else if (rule == DEAD_STUCK)
        snprintf(text, size,
                 "training accuracy %.1f %% is within 1 point of its first value for %d epochs and "
                 "validation accuracy is below 25 %% (majority class not known)",
                 train, epochs);
    else
        snprintf(text, size,
                 "training accuracy %.1f %% moved by less than 1 point in %d epochs and is below "
                 "25 %%, as is validation accuracy (majority class not known)",
                 train, epochs);
    evidence_number(alarm, "train_acc", acc[n - 1].train);
    evidence_number(alarm, "valid_acc", acc[n - 1].valid);
    evidence_number(alarm, "epochs", epochs);
    if (rule == DEAD_MAJORITY)
        evidence_number(alarm, "majority", limits->majority);
}
