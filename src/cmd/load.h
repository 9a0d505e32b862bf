// SPDX-License-Identifier: MIT
#ifndef CMD_LOAD_H
#define CMD_LOAD_H

#include "src/cmd/cmd.h"
#include "src/watch/source.h"

// Reading a run or log to its end, for commands that need it whole.

// Path of a run by name (in --dir or runs), or the given path if it exists.
Status load_path(const CmdArgs *args, const char *name, char *path, Error *err);
// Opens and reads all. *run: the last run in it; valid until source_close.
Status load_run(const char *path, Source **source, const ModelRun **run, Error *err);
// Validation accuracy of the newest epoch that has one, a fraction; NAN if none has.
double load_valid_acc(const ModelRun *run);

#endif
