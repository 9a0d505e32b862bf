// SPDX-License-Identifier: MIT
#ifndef RUN_JOURNAL_H
#define RUN_JOURNAL_H

#include "src/base/err.h"
#include "src/base/json.h"

// Append-only journal: one JSON object a line. A line is written with one write(2) and counts
// once its newline is there; a torn last line left by a crash is cut before the first append.
typedef struct Journal Journal;

Status journal_open(const char *path, Journal **out, Error *err);
// Does not take ownership of the record. On a full disk the line is cut off again, so that the
// journal stays whole, and STATUS_IO comes back.
Status journal_append(Journal *journal, const Json *record, Error *err);
Status journal_sync(Journal *journal, Error *err); // fsync
void journal_close(Journal *journal);

#endif
