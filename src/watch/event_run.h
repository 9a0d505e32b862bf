// SPDX-License-Identifier: MIT
#ifndef WATCH_EVENT_RUN_H
#define WATCH_EVENT_RUN_H

#include "src/proto/event.h"
#include "src/watch/source.h"
#include "src/watch/tags.h"

// What the event files of one directory say together: torch's SummaryWriter makes a new file at
// every start, and a directory of its own for every curve of add_scalars. Owned by the model.
//
// Steps are those of the writer, often batches. An epoch ends where a validation accuracy is
// written (without any: a training accuracy, a loss, alphas); readings belong to the first such
// end at or after their step. A writer that goes back to an earlier step has been resumed: what
// it said from there on no longer counts.
typedef struct EventRun EventRun;

// The run of a directory; made if there is none, or if `step` of this kind of reading shows that
// another search has begun in it. NULL when out of memory or if there are too many runs.
EventRun *event_run_for(Model *model, const SourceOptions *options, const char *dir,
                        const EventValue *first, Error *err);
// `tag` is that of the value, or with the curve's name where add_scalars has taken it off.
Status event_run_take(EventRun *ev, const char *tag, const EventValue *value, int64_t offset,
                      Error *err);
// Nothing more is there for now: readings become epochs, alphas looks. `numbers`: also those that
// were written a number at a time, which is for when all files of the run have been read.
Status event_run_settle(EventRun *ev, bool numbers, Error *err);
Status event_runs_settle(Model *model, Error *err); // all of them, numbers too
ModelRun *event_run_model(EventRun *ev);
void event_runs_free(EventRun *first);
// The name of a run by the directory of its files: without the names that programs choose.
void event_run_name(const char *dir, char *out, size_t size);

#endif
