// SPDX-License-Identifier: MIT
#ifndef WATCH_SOURCE_H
#define WATCH_SOURCE_H

#include "src/watch/model.h"

// A source feeds a Model from a file, directory or stream and follows it as it grows. The kind
// is recognised by content: run directory, journal, text log of the DARTS family, TensorBoard
// event file, gzip of any of these, a directory of any of these.
typedef struct Source Source;

typedef struct {
    double majority;          // majority-class rate for foreign logs, NAN unknown
    const char *space;        // name or path of a space that says the operators, NULL unknown
    const HealthCell *shapes; // cells of that space (model_shape_of_space), for foreign logs
    int n_shapes;             // owned by the caller, as long as the source lives
    const char *hessians;     // RobustDARTS derivatives file, NULL none
    const char *tag_pattern;  // event files: tag of alphas
    int until_epoch;          // replay: stop after this epoch; INT_MAX all
    bool follow;              // keep the file open and look for more
    bool (*is_dead)(const char *path); // of a journal: its process is known to be gone; may be NULL
} SourceOptions;

Status source_open(const char *path, const SourceOptions *options, Source **source, Error *err);
void source_close(Source *source);
Model *source_model(Source *source); // owned by the source
// Reads what is there, for at most `budget_ms` (<= 0: until the end). *more: input is left.
// Malformed input is counted, never an error.
Status source_poll(Source *source, int budget_ms, bool *more, Error *err);
int source_fd(const Source *source); // notify descriptor for poll(), -1 if none

#endif
