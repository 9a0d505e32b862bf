// SPDX-License-Identifier: MIT
#include "src/cmd/cmd.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/cmd/load.h"
#include "src/export/record.h"
#include "src/run/checkpoint.h"
#include "src/run/rundir.h"

static const CmdOption options[] = {
    { "--genotype", 0, NULL, "the derived architecture as text that PyTorch code reads" },
    { "--csv", 0, NULL, "a line an epoch: losses, accuracies, signals" },
    { "--trials", 0, NULL, "a line a trial, as CSV" },
    { "--safetensors", 0, "FILE", "the newest checkpoint: weights, alphas, optimiser" },
    { "--dir", 0, "DIR", "where runs are kept (runs)" },
    { NULL, 0, NULL, NULL },
};
const Command command_export = {
    .name = "export",
    .args = "RUN",
    .summary = "take the result away: genotype, CSV, JSON, weights",
    .details = "RUN is a run or a foreign log; --json gives everything as one document.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
};

enum { CHECKPOINT_LIMIT = INT_MAX };

static Status export_weights(const char *run, const char *to, Error *err)
{
    char name[CHECKPOINT_NAME], path[PATH_MAX], *data;
    size_t len;
    int epoch = checkpoint_before(run, INT_MAX);
    if (epoch == INT_MIN)
        return error_set(err, STATUS_ARG, "%s has no checkpoint", run);
    checkpoint_name(epoch, name);
    Status status = rundir_file(run, name, path, err);
    if (status == STATUS_OK)
        status = file_read(path, CHECKPOINT_LIMIT, &data, &len, err);
    if (status != STATUS_OK)
        return status;
    status = file_write_atomic(to, data, len, err);
    mem_free(data);
    if (status == STATUS_OK)
        fprintf(stderr, "wrote the state after epoch %d to %s\n", epoch, to);
    return status;
}

static Status export_text(const CmdArgs *args, const ModelRun *run, Str *out, Error *err)
{
    if (cmd_has(args, "--json"))
        return export_json(run, out, err);
    if (cmd_has(args, "--trials"))
        return export_trials_csv(run, out, err);
    if (cmd_has(args, "--csv"))
        return export_csv(run, out, err);
    if (!run->genotype[0])
        return error_set(err, STATUS_ARG, "%s has no genotype yet", run->name);
    str_addf(out, "%s\n", run->genotype);
    return STATUS_OK;
}

int cmd_export(int argc, char **argv)
{
    CmdArgs args;
    int code;
    char path[PATH_MAX];
    Error err;
    Source *source;
    if (!cmd_parse(&command_export, argc, argv, &args, &code))
        return code;
    const char *weights = cmd_value(&args, "--safetensors");
    Status status = load_path(&args, args.arg[0], path, &err);
    if (status == STATUS_OK && weights)
        status = export_weights(path, weights, &err);
    if (status != STATUS_OK || weights)
        return status == STATUS_OK ? 0 : cmd_fail(&command_export, &err);
    const ModelRun *run;
    status = load_run(path, &source, &run, &err);
    Str out = { 0 };
    if (status == STATUS_OK) {
        status = export_text(&args, run, &out, &err);
        fputs(str_text(&out), stdout);
        source_close(source);
    }
    str_fini(&out);
    return status == STATUS_OK ? 0 : cmd_fail(&command_export, &err);
}
