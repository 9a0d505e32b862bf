// SPDX-License-Identifier: MIT
#ifndef RUN_CHECKPOINT_H
#define RUN_CHECKPOINT_H

#include <limits.h>
#include <stdbool.h>

#include "src/base/err.h"
#include "src/search/search.h"

// Files checkpoints/NNNN.safetensors, NNNN = epoch + 1 in four digits or more, so that the initial
// state (epoch -1) is 0000. Written atomically; equal states give equal bytes (times and paths
// are in the journal only).

enum { CHECKPOINT_NAME = 64 };

// Relative name "checkpoints/0010.safetensors" of the state after `epoch`.
void checkpoint_name(int epoch, char name[CHECKPOINT_NAME]);
Status checkpoint_write(const char *run, int epoch, Search *search, Error *err);
// Epochs of the checkpoints of a run, ascending, into epochs[cap]; returns their number.
int checkpoint_list(const char *run, int *epochs, int cap);
// Newest checkpoint at or before `epoch`; INT_MIN if none.
int checkpoint_before(const char *run, int epoch);
Status checkpoint_load(const char *run, int epoch, Search *search, Error *err);
// The state between two epochs, in a file of its own (CHECKPOINT_NOW); dropped once the next
// epoch's checkpoint stands.
#define CHECKPOINT_NOW "checkpoints/now.safetensors"
Status checkpoint_write_now(const char *run, Search *search, Error *err);
Status checkpoint_load_now(const char *run, Search *search, Error *err);
void checkpoint_drop_now(const char *run);
// Removes what need not stay: everything but the newest `keep`, those of the last `window` epochs
// (an alarm may still name one), the initial state and the epochs in `pinned`.
void checkpoint_prune(const char *run, int keep, int window, const int *pinned, int n_pinned);

#endif
