// SPDX-License-Identifier: MIT
#ifndef WATCH_JREADER_H
#define WATCH_JREADER_H

#include "src/base/json.h"
#include "src/watch/lines.h"
#include "src/watch/model.h"

// Reader of journals, the open protocol: one JSON object a line. Records go into the model as
// they are read; what is torn, unparsable, of another shape or too long is counted with its
// line. Unknown records and keys are passed over (newer writers).
typedef struct {
    Model *model;
    ModelRun *run; // NULL before the first record that needs one
    Lines lines;
    char path[512], name[128];
    bool run_again; // a second `run` record was seen: the next record says what it means
    Json *pending;  // that record
    int64_t line;
} Journal;

// STATUS_PARSE with a short reason: the record is to be counted as skipped.
Status jreader_record(Journal *journal, const Json *record, Error *err);
ModelRun *jreader_run(Journal *journal, Error *err); // makes one if there is none
Status jreader_run_record(Journal *journal, const Json *record, Error *err);
Status jreader_alpha_record(Journal *journal, const Json *record, Error *err);
int jreader_epoch_of(const Json *record, const char *key); // INT_MIN if absent or out of range

#endif
