// SPDX-License-Identifier: MIT
#ifndef RUN_RUNNER_H
#define RUN_RUNNER_H

#include <limits.h>
#include <stdatomic.h>

#include "src/health/health.h"
#include "src/run/session.h"
#include "src/search/search.h"

// Runs a search in a run directory: journal, checkpoints, control socket, alarms, roll-backs.
// One thread. The life of a run:
//
//      start --> RUNNING <--> PAUSED        pause, resume: control socket
//                  |  ^
//      RESUMED ----+  +---- roll-back       resume after a crash or stop; on_alarm = rollback
//                  v
//           DONE, STOPPED or FAILED
//
// Each transition is a "state" record in the journal.

typedef struct {
    Sink observer;    // sees every record, after the journal; may be empty
    atomic_int *stop; // set by signal handlers: 1 stop with a checkpoint
    void (*ready)(void *self, const char *run_path);          // the directory stands; may be NULL
    void (*tick)(void *self, const SearchProgress *progress); // after every step; may be NULL
    void *self;
} RunHooks;

typedef enum { RUN_END_DONE, RUN_END_STOPPED, RUN_END_ALARM } RunEnd;

typedef struct {
    char path[PATH_MAX];
    RunEnd end;
    Genotype geno;
    Candidate value;
    int64_t params, macs;
    double accuracy; // supernet validation accuracy, fraction
    double seconds;
    Verdict verdict;
    Cause cause;
} RunOutcome;

// A new run. name NULL: SPACE-STRATEGY-sSEED, with -2, -3 … if taken.
Status run_start(Session *session, const char *space_path, const char *name, const RunHooks *hooks,
                 RunOutcome *outcome, Error *err);
// Goes on from the newest checkpoint of the run at `path`.
Status run_resume(const char *path, const RunHooks *hooks, RunOutcome *outcome, Error *err);
// A new run from the newest checkpoint at or before `epoch` of the run at `from`; `user` applies
// --set to the settings. *at: the checkpoint's epoch.
typedef struct {
    const char *from, *name;
    int epoch;
    Status (*user)(void *self, Settings *settings, Error *err);
    void *self;
    int *at;
} ForkRequest;
Status run_fork(const ForkRequest *q, const RunHooks *hooks, RunOutcome *outcome, Error *err);
// Epoch of the checkpoint that a fork at `epoch` starts from; INT_MIN if there is none.
int run_fork_epoch(const char *path, int epoch);
// The session of an existing run (its own script and settings).
Status run_session(const char *path, bool unseal, Status (*user)(void *, Settings *, Error *),
                   void *self, Session *session, Error *err);

#endif
