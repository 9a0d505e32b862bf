// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "src/watch/log.h"
#include "src/watch/model_priv.h"

// Two searches that write one file at the same time: an epoch, a step or a reading is given to the
// search that it fits. A search that has not come to its end when another begins may go on; that
// it does shows in an epoch or a step that the new one cannot have come to.

void log_writers_swap(LogReader *log)
{
    LogTrack track = log->now;
    log->now = log->other;
    log->other = track;
    log->interleaved = true;
    log->now.run->state = RUN_RUNNING;
}

// What is said within a second belongs together.
static bool is_soon(const LogReader *log, const LogTrack *track)
{
    return fabs(log->time - track->heard) < 1;
}

// An epoch that only the other search can begin; if both can, the one that has just ended its last,
// else the one that has waited longer.
void log_writers_epoch(LogReader *log, int index)
{
    const LogTrack *now = &log->now, *other = &log->other;
    if (!other->run || index < 1 || other->current + 1 != index || now->gaps || log->stages)
        return;
    bool both = now->current + 1 == index;
    bool soon = is_soon(log, now), others_soon = is_soon(log, other);
    bool waited = soon != others_soon ? others_soon : other->began < now->began;
    if (both ? !log->interleaved || !waited : now->current < 0)
        return;
    if (!log->interleaved)
        log_skip(log, "an epoch of another search: two writers");
    log_writers_swap(log);
}

// Has the search seen the last step of its epoch?
static bool is_through(const LogReader *log, const LogTrack *track, LogSplit split)
{
    return log->last_step[split] > 0 && track->step[split] >= log->last_step[split];
}

// Can the search be at a step of this part of its epoch? It trains first, then validates.
static bool is_at(const LogReader *log, const LogTrack *track, LogSplit split)
{
    if (split == METRIC_VALID)
        return log->last_step[METRIC_TRAIN] == 0 || is_through(log, track, METRIC_TRAIN);
    return split != METRIC_TRAIN || track->step[METRIC_VALID] < 0;
}

// Steps count up within an epoch. One that the newest epoch cannot have come to is of the search
// before it, which therefore still runs. Where both may be meant, the nearer accuracy decides.
void log_step(LogReader *log, LogSplit split, int step, double accuracy)
{
    LogTrack *now = &log->now, *other = &log->other;
    int ahead = step - now->step[split], others = step - other->step[split];
    double mine = fabs(accuracy - now->mean[split]), theirs = fabs(accuracy - other->mean[split]);
    // the first batch alone says little, but it comes at once
    bool nearer = step > 0 ? theirs < mine : is_soon(log, other) && !is_soon(log, now);
    bool fits = is_at(log, now, split), fits_other = is_at(log, other, split);
    bool is_other = log->interleaved && others > 0 &&
                    (ahead <= 0 || others < ahead || (others == ahead && nearer));
    if (log->interleaved && fits != fits_other)
        is_other = fits_other;
    if (step > log->last_step[split])
        log->last_step[split] = step;
    log->from_zero |= step == 0;
    if (other->run && !log->interleaved && step > 0 && other->step[split] >= 0 && others > 0) {
        log->interleaved = is_other = (now->step[split] < 0 && log->from_zero) || ahead <= 0;
        if (is_other)
            log_skip(log, "steps of two searches: two writers");
        // the same step twice: the first of them may have been the other's
        if (is_other && ahead == 0 && fabs(now->mean[split] - other->mean[split]) < theirs) {
            other->mean[split] = now->mean[split];
            other->step[split] = step;
            is_other = false;
        }
    }
    LogTrack *owner = is_other ? other : now;
    owner->step[split] = step;
    if (step > 0)
        owner->mean[split] = accuracy;
}

enum { FAR = 1000 };

// How far a reading is from what the search said last, FAR where its steps have not come to it;
// INFINITY if it wants none.
static double accuracy_distance(const LogReader *log, const LogTrack *track, LogSplit split,
                                double fraction)
{
    const EpochRow *row = log_row(track->run, track->current);
    const EpochRow *before = log_row(track->run, track->current - 1);
    if (!row || !isnan(*log_acc_field((EpochRow *)row, split)))
        return INFINITY;
    double last = before ? *log_acc_field((EpochRow *)before, split) : NAN;
    if (!is_through(log, track, split))
        return FAR;
    last = isnan(track->mean[split]) ? last : track->mean[split] / 100;
    return isnan(last) ? 1 : fabs(fraction - last);
}

static double genotype_distance(const LogTrack *track, const Genotype *geno)
{
    int differ = 0;
    if (track->current < 0 || log_has_genotype(track, track->current))
        return INFINITY;
    for (int c = 0; c < geno->n_cells; c++) {
        int index = model_cell_index(track->run, geno->cells[c].name);
        const GenoRow *last = model_geno(track->run, index, track->current);
        for (int i = 0; i < geno->cells[c].n_edges; i++) {
            const GenoEdge *a = &geno->cells[c].edges[i], *b = last ? &last->geno.edges[i] : a;
            differ += !last || a->from != b->from || strcmp(a->op, b->op) != 0;
        }
    }
    return differ;
}

// The search that a reading fits clearly better, that has just said something else, or whose
// epoch has waited longer.
static void reading_of(LogReader *log, double mine, double others)
{
    bool soon = is_soon(log, &log->now), others_soon = is_soon(log, &log->other);
    if (!isfinite(others))
        return;
    if (isfinite(mine) && fmax(mine, others) < FAR && soon != others_soon) {
        if (others_soon)
            log_writers_swap(log);
        return;
    }
    bool fits = others < mine / 2, fits_mine = mine < others / 2;
    if (fits || (log->other.began < log->now.began && !fits_mine))
        log_writers_swap(log);
}

void log_writers_accuracy(LogReader *log, LogSplit split, double percent)
{
    if (log->interleaved)
        reading_of(log, accuracy_distance(log, &log->now, split, percent / 100),
                   accuracy_distance(log, &log->other, split, percent / 100));
}

void log_writers_genotype(LogReader *log, const Genotype *geno)
{
    if (log->interleaved)
        reading_of(log, genotype_distance(&log->now, geno), genotype_distance(&log->other, geno));
}
