// SPDX-License-Identifier: MIT
#include "src/health/machine.h"

#include <assert.h>

// The machine of one clause. A look is one epoch.
//
//              base                      base, streak >= need, extra
//    +------+ ------> +----------------+ ---------------------------> +---------------+
//    | idle |         | streak (began, | (track_step returns true:    | active, off 0 | <-+
//    +------+ <------ | good are set)  |  the alarm is written)       +---------------+   |
//        ^    no base +----------------+                          no base |    | base     |
//        |                                                                v    +----------+
//        |   `clear` looks in a row without base                +----------------+   base |
//        +----------------------------------------------------- | active, off++  | -------+
//                                                               +----------------+
//
// A cell type's level is the highest level of its active clauses, so it rises at once when a
// clause is raised (whose streak has waited already) and drops when the last clause of that
// level has been clear for `clear` looks.
//
// Invariants: began and good belong to the newest streak, and good < began; `off` counts only
// while active and is below `clear`; base at the newest look means off == 0.

static const ClauseInfo INFO[CLAUSES] = {
    [CLAUSE_T_WATCH] = { "t-watch", LEVEL_WATCH, CAUSE_SKIPS, FAMILY_T },
    [CLAUSE_GAP] = { "gap-forecast", LEVEL_WATCH, CAUSE_SKIPS, FAMILY_GAP },
    [CLAUSE_DEPTH_WATCH] = { "depth-watch", LEVEL_WATCH, CAUSE_DEPTH, FAMILY_DEPTH },
    [CLAUSE_T_WARN] = { "t-warn", LEVEL_WARN, CAUSE_SKIPS, FAMILY_T },
    [CLAUSE_SKIPS_WARN] = { "skips-warn", LEVEL_WARN, CAUSE_SKIPS, FAMILY_SKIPS },
    [CLAUSE_FREE_WARN] = { "parameter-free-warn", LEVEL_WARN, CAUSE_PARAMETER_FREE, FAMILY_FREE },
    [CLAUSE_SKIPS_ALARM] = { "skips-alarm", LEVEL_ALARM, CAUSE_SKIPS, FAMILY_SKIPS },
    [CLAUSE_SKIPS_SLOW] = { "skips-slow", LEVEL_ALARM, CAUSE_SKIPS, FAMILY_SKIPS },
    [CLAUSE_SKIPS_PRESENT] = { "present-from-start", LEVEL_ALARM, CAUSE_SKIPS, FAMILY_SKIPS },
    [CLAUSE_FREE_ALARM] = { "parameter-free-alarm", LEVEL_ALARM, CAUSE_PARAMETER_FREE,
                            FAMILY_FREE },
    [CLAUSE_FREE_SLOW] = { "parameter-free-slow", LEVEL_ALARM, CAUSE_PARAMETER_FREE, FAMILY_FREE },
    [CLAUSE_FREE_PRESENT] = { "parameter-free-present", LEVEL_ALARM, CAUSE_PARAMETER_FREE,
                              FAMILY_FREE },
    [CLAUSE_DEPTH] = { "depth", LEVEL_ALARM, CAUSE_DEPTH, FAMILY_DEPTH },
    [CLAUSE_MATCH] = { "gradient-match", LEVEL_WATCH, CAUSE_NONE, FAMILY_RUN },
    [CLAUSE_LAMBDA] = { "lambda", LEVEL_WARN, CAUSE_NONE, FAMILY_RUN },
    [CLAUSE_DEAD] = { "dead", LEVEL_ALARM, CAUSE_DEAD, FAMILY_RUN },
};

const ClauseInfo *clause_info(Clause clause)
{
    return &INFO[clause];
}

void track_check(const Track *track, int clear)
{
    assert(track->streak >= 0 && track->off >= 0);
    assert(track->streak == 0 || track->off == 0);
    assert(track->streak == 0 || track->good < track->began);
    assert(track->active || track->off == 0);
    assert(!track->active || track->off < clear);
    (void)clear;
}

bool track_step(Track *track, const TrackInput *input)
{
    if (!input->base) {
        track->streak = 0;
        if (track->active && ++track->off >= input->clear) {
            track->active = false;
            track->off = 0;
        }
        track_check(track, input->clear);
        return false;
    }
    if (track->streak++ == 0) {
        track->began = input->epoch;
        track->good = input->before;
    }
    track->off = 0;
    bool raised = !track->active && !input->quiet && input->extra && track->streak >= input->need;
    track->active |= raised;
    track_check(track, input->clear);
    return raised;
}
