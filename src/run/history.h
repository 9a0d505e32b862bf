// SPDX-License-Identifier: MIT
#ifndef RUN_HISTORY_H
#define RUN_HISTORY_H

#include <stdint.h>

#include "src/base/err.h"
#include "src/search/sink.h"

// Repeats the records of another run's journal up to and including `step`: what a fork has behind
// it. A reader of the fork's journal then sees, and judges, the same past as the search itself.
// Records of the parent that a resume of its own has undone are left out.
Status history_copy(const char *run, int64_t step, const Sink *sink, Error *err);

#endif
