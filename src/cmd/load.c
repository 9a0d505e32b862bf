// SPDX-License-Identifier: MIT
#include "src/cmd/load.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/file.h"
#include "src/run/rundir.h"

Status load_path(const CmdArgs *args, const char *name, char *path, Error *err)
{
    const char *dir = cmd_value(args, "--dir");
    if (rundir_find(dir ? dir : "runs", name, path, NULL) == STATUS_OK)
        return STATUS_OK;
    if (!file_exists(name))
        return error_set(err, STATUS_ARG, "no run, journal or log '%s' (looked here and in %s)",
                         name, dir ? dir : "runs");
    snprintf(path, PATH_MAX, "%s", name);
    return STATUS_OK;
}

Status load_run(const char *path, Source **source, const ModelRun **run, Error *err)
{
    SourceOptions options = { .majority = NAN, .until_epoch = INT_MAX };
    Status status = source_open(path, &options, source, err);
    if (status != STATUS_OK)
        return status;
    bool more = true;
    while (more && status == STATUS_OK)
        status = source_poll(*source, 0, &more, err);
    const Model *model = source_model(*source);
    if (status == STATUS_OK && model->n == 0)
        status = error_set(err, STATUS_PARSE, "%s: no search found in it", path);
    if (status != STATUS_OK) {
        source_close(*source);
        *source = NULL;
        return status;
    }
    *run = model->runs[model->n - 1];
    return STATUS_OK;
}

double load_valid_acc(const ModelRun *run)
{
    double acc = NAN;
    for (int i = run->n_rows - 1; i >= 0 && isnan(acc); i--)
        acc = run->rows[i].valid_acc;
    return acc;
}
