// SPDX-License-Identifier: MIT
#ifndef RUN_RUNDIR_H
#define RUN_RUNDIR_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "src/base/err.h"

// The directory of one run: run.yaml, space.lua, lua/, journal.jsonl, checkpoints/, control,
// lock, log.txt. One process owns it through an fcntl lock, which the kernel drops when that
// process dies, however it dies.
typedef struct {
    char path[PATH_MAX];
    int lock_fd; // -1: not held
} RunDir;

// Makes dir/name, or dir/name-2, -3 ... if taken and `exact` is false, and locks it.
Status rundir_create(const char *dir, const char *name, bool exact, RunDir *rd, Error *err);
// Locks an existing run; STATUS_BUSY with pid and host if another process holds it.
Status rundir_lock(const char *path, RunDir *rd, Error *err);
void rundir_unlock(RunDir *rd);
// Who holds the lock; 0 if nobody.
pid_t rundir_owner(const char *path);
// path/file into buf (PATH_MAX); STATUS_ARG if it is too long.
Status rundir_file(const char *path, const char *file, char *buf, Error *err);
// A run by name ("tiny", looked up in dir) or path (a run directory).
Status rundir_find(const char *dir, const char *name_or_path, char *path, Error *err);
bool rundir_is_run(const char *path); // has a journal or a run.yaml

#endif
