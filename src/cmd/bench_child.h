// SPDX-License-Identifier: MIT
#ifndef CMD_BENCH_CHILD_H
#define CMD_BENCH_CHILD_H

#include <stdio.h>
#include <sys/types.h>

#include "src/base/json.h"

// A process that measures. It writes JSON lines; for those that measure on request the parent
// writes an empty line for each. {"error": ...} is how a child fails.
typedef struct {
    pid_t pid; // 0: none
    FILE *from, *to;
} BenchChild;

typedef Status (*BenchJob)(void *self, FILE *in, FILE *out, Error *err);

Status bench_child_fork(BenchJob job, void *self, BenchChild *child, Error *err);
// argv[0] is looked up in PATH; standard error is shared.
Status bench_child_exec(char *const argv[], BenchChild *child, Error *err);
// Next record; *record NULL at the end. A child that ended badly is an error.
Status bench_child_read(BenchChild *child, Json **record, Error *err);
Status bench_child_ask(BenchChild *child, Json **record, Error *err); // writes a line, reads one
// Closes its input and waits. Safe on a zeroed child.
void bench_child_end(BenchChild *child);
void bench_child_say(FILE *out, Json *record); // writes a line and frees the record

#endif
