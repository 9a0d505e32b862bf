// SPDX-License-Identifier: MIT
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/space/space.h"

// Space scripts: Lua in a sandbox (text chunks only; base, table, string and math without what
// reaches outside; memory, instructions and time limited), read into a validated Space. The only
// module that knows Lua. Failures are STATUS_SCRIPT with the user's file and line.

typedef struct {
    uint64_t seed;        // of math.random
    const char *lua_dir;  // where require looks first (a run's own copies); NULL: share directory
    size_t memory_limit;  // bytes; 0: 64 MB
    int64_t instructions; // 0: 50 million
    double seconds;       // wall clock; 0: 5
    bool quiet;           // print writes nothing instead of to stderr
} ScriptOptions;

// Loads in this process. Stops endless loops, but not a C function that runs long (a bad
// string.find pattern): use the guarded form for anything a user just typed. NULL options: the
// defaults. The caller frees the space with space_free.
Status script_load_space(const char *path, const ScriptOptions *options, Space **out, Error *err);
// Loads in a child process first, which is killed at the deadline, then here.
Status script_load_space_guarded(const char *path, const ScriptOptions *options, Space **out,
                                 Error *err);
// Only the judgement of the child: for editors and views. *out not needed.
Status script_check_guarded(const char *path, const ScriptOptions *options, Error *err);

// ---- objectives --------------------------------------------------------------------------------

typedef struct {
    double accuracy, loss; // of the candidate on the validation part; accuracy is a fraction
    int64_t params, macs;
} ScriptMetrics;

// What a script may ask of the program while it judges a candidate. Called in this process, on
// the caller's thread, while the script waits; its time does not count against the deadline.
typedef struct {
    void *self;
    Status (*measure_latency)(void *self, double *ms, Error *err); // may be NULL
} ScriptHost;

typedef struct ScriptObjective ScriptObjective;

// Keeps the script loaded. Works for spaces without an objective function too: then the values
// are the metrics that the directions name (accuracy when there are none).
Status script_objective_open(const char *path, const ScriptOptions *options, ScriptObjective **out,
                             Error *err);
// Values of one candidate in the order of Space.objectives. The function runs in a child process
// made for the call: what it changes in the script is gone afterwards, and a call that runs over
// its time (options.seconds) is killed, whatever it is doing.
Status script_objective_call(ScriptObjective *objective, const ScriptMetrics *metrics,
                             const ScriptHost *host, double *values, Error *err);
int script_objective_count(const ScriptObjective *objective);
void script_objective_free(ScriptObjective *objective);

#endif
