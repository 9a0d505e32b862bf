// SPDX-License-Identifier: MIT
#ifndef RUN_RUNNER_STATE_H
#define RUN_RUNNER_STATE_H

#include "src/run/control.h"
#include "src/run/journal.h"
#include "src/run/rundir.h"
#include "src/run/runner.h"

// State of a run in progress, shared by runner.c (its life) and runner_record.c (what it writes).

enum { PINNED = 64 };

typedef struct {
    RunDir dir;
    Journal *journal;
    Control *control;
    Session *session;
    SearchContext context;
    Sink sink; // journal, then the observer
    Search *search;
    const RunHooks *hooks;
    RunOutcome *out;
    int pinned[PINNED], n_pinned; // epochs whose checkpoints stay
    int best_epoch;
    double best_acc;
    bool alarm;     // an ALARM was journaled since the last look of act_on_alarm
    int good_epoch; // of that alarm
    int rollbacks;
    double started;
    bool finished; // leave the loop
} Runner;

// Sink of the search: journal first, then the observer.
Status runner_emit(void *self, Json *record, Error *err);
Status emit_state(Runner *r, const char *state, Error *err);
Status emit_note(Runner *r, const char *text, Error *err);
Status emit_run(Runner *r, const char *fork_of, int fork_epoch, Error *err);
Status save_epoch(Runner *r, int epoch, Error *err); // checkpoint, prune, record
// Checkpoint of the state as it is, also between epochs.
Status save_now(Runner *r, Error *err);

#endif
