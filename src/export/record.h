// SPDX-License-Identifier: MIT
#ifndef EXPORT_RECORD_H
#define EXPORT_RECORD_H

#include "src/base/err.h"
#include "src/base/str.h"
#include "src/watch/model.h"

// A run as tables for other tools. Absent numbers are empty fields in CSV and null in JSON.

// One line an epoch: losses, accuracies, rate, seconds, and per cell type its signals and counts.
Status export_csv(const ModelRun *run, Str *out, Error *err);
// One line a trial; with a header that names the objectives.
Status export_trials_csv(const ModelRun *run, Str *out, Error *err);
// One document: everything of the run including alphas of every epoch's last look.
Status export_json(const ModelRun *run, Str *out, Error *err);

#endif
