// SPDX-License-Identifier: MIT
// health: signals and alarms of a run or log, without a screen.
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/cmd/cmd.h"
#include "src/cmd/health_report.h"
#include "src/cmd/load.h"
#include "src/run/session.h"
#include "src/script/script.h"
#include "src/watch/source.h"

enum { EXIT_COLLAPSED = 3 };

static const CmdOption options[] = {
    { "--majority", 0, "PERCENT", "share of the largest class, for logs that do not say it" },
    { "--space", 0, "NAME", "space script that says the operators of a foreign log" },
    { "--hessians", 0, "FILE", "derivatives_N.json of RobustDARTS beside the log" },
    { "--tag", 0, "PATTERN", "tag of alphas in event files, as in alpha/{cell}/{edge}/{op}" },
    { "--until", 0, "EPOCH", "judge as if the search had only come to this epoch" },
    { NULL, 0, NULL, NULL },
};
const Command command_health = {
    .name = "health",
    .args = "PATH",
    .summary = "judge a run or log: signals, alarms, verdict",
    .details = "PATH is a run, a journal, a text log of the DARTS family, a TensorBoard event\n"
               "file, one of these compressed with gzip, or a directory of them. The exit code is\n"
               "3 if any run is COLLAPSED or DEAD. With --json one document, for scripts.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
};

// ---- what the log does not say ------------------------------------------------------------------

typedef struct {
    SourceOptions source;
    HealthCell shape[SPACE_CELLS];
    int n_shapes;
} Told;

static Status read_majority(const CmdArgs *args, Told *told, Error *err)
{
    const char *text = cmd_value(args, "--majority");
    double percent;
    if (!text)
        return STATUS_OK;
    if (!str_to_double(text, &percent) || !(percent > 0 && percent <= 100))
        return error_set(err, STATUS_ARG,
                         "--majority %s: expected a percentage above 0, at most 100", text);
    told->source.majority = percent / 100;
    return STATUS_OK;
}

static Status read_space(const CmdArgs *args, Told *told, Error *err)
{
    char path[PATH_MAX];
    const char *name = cmd_value(args, "--space");
    Space *space = NULL;
    if (!name)
        return STATUS_OK;
    Status status = session_find_space(name, path, err);
    if (!status)
        status = script_load_space_guarded(path, NULL, &space, err);
    for (int c = 0; !status && c < space->n_cells; c++) {
        status = model_shape_of_space(space, c, &told->shape[c], err);
        told->n_shapes += !status;
    }
    space_free(space);
    told->source.space = name;
    told->source.shapes = told->shape;
    told->source.n_shapes = told->n_shapes;
    return status;
}

static void told_fini(Told *told)
{
    for (int c = 0; c < told->n_shapes; c++)
        mem_free(told->shape[c].edge_op);
}

static Status read_told(const CmdArgs *args, Told *told, Error *err)
{
    *told = (Told){ .source = { .majority = NAN, .until_epoch = INT_MAX } };
    told->source.hessians = cmd_value(args, "--hessians");
    told->source.tag_pattern = cmd_value(args, "--tag");
    const char *until = cmd_value(args, "--until");
    int64_t epoch = INT_MAX;
    if (until && (!str_to_int(until, &epoch) || epoch < 0 || epoch > INT_MAX))
        return error_set(err, STATUS_ARG, "--until %s: expected an epoch from 0", until);
    told->source.until_epoch = (int)epoch;
    Status status = read_majority(args, told, err);
    return status ? status : read_space(args, told, err);
}

// ---- the command --------------------------------------------------------------------------------

static Status print_report(const Model *model, const char *path, bool json, Error *err)
{
    Str out = { 0 };
    Status status = STATUS_OK;
    if (json) {
        Json *document = health_report_json(model, path);
        status = json_write(document, &out, err);
        json_free(document);
        str_addc(&out, '\n');
    } else {
        health_report_text(model, path, &out);
    }
    if (!status && out.failed)
        status = error_set(err, STATUS_NOMEM, "not enough memory for the report");
    if (!status && (fwrite(out.text, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
        status = error_errno(err, "standard output");
    str_fini(&out);
    return status;
}

static Status no_search(const Model *model, const char *path, Error *err)
{
    if (model->no_search[0])
        return error_set(err, STATUS_PARSE,
                         "%s: no search found in it: it is the log of %s; expected epochs of a "
                         "search with cells or architecture weights",
                         path, model->no_search);
    return error_set(err, STATUS_PARSE,
                     "%s: no search found in it (%lld lines not understood); expected a run, a "
                     "journal, a log of the DARTS family or an event file",
                     path, (long long)model->skipped_lines);
}

static Status judge(const CmdArgs *args, const char *path, Source *source, int *code, Error *err)
{
    bool more = true;
    Status status = STATUS_OK;
    Verdict worst;
    while (more && !status)
        status = source_poll(source, 0, &more, err);
    if (status)
        return status;
    const Model *model = source_model(source);
    if (!health_report_runs(model, &worst))
        return no_search(model, path, err);
    *code = worst >= VERDICT_COLLAPSED ? EXIT_COLLAPSED : 0;
    return print_report(model, path, cmd_has(args, "--json"), err);
}

int cmd_health(int argc, char **argv)
{
    CmdArgs args;
    Told told = { .n_shapes = 0 };
    Source *source = NULL;
    char path[PATH_MAX];
    int code = 0;
    Error err = { 0 };
    if (!cmd_parse(&command_health, argc, argv, &args, &code))
        return code;
    Status status = load_path(&args, args.arg[0], path, &err);
    if (status)
        err.code = STATUS_IO; // the use was right: the file is not there
    if (!status)
        status = read_told(&args, &told, &err);
    if (!status)
        status = source_open(path, &told.source, &source, &err);
    if (!status)
        status = judge(&args, path, source, &code, &err);
    source_close(source);
    told_fini(&told);
    return status ? cmd_fail(&command_health, &err) : code;
}
