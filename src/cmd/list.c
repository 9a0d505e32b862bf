// SPDX-License-Identifier: MIT
#include "src/cmd/cmd.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/file.h"
#include "src/base/json.h"
#include "src/cmd/load.h"
#include "src/run/rundir.h"
#include "src/watch/source.h"

static const CmdOption options[] = { { "--dir", 0, "DIR", "where runs are kept (runs)" },
                                     { NULL, 0, NULL, NULL } };
const Command command_list = {
    .name = "list", .args = "", .summary = "the runs here, a line each", .options = options
};

static Json *describe(const ModelRun *run, const char *path)
{
    Cause cause = CAUSE_NONE;
    Verdict verdict = run->health ? health_verdict(run->health, &cause) : VERDICT_OK;
    double acc = load_valid_acc(run);
    RunState state = run->state;
    if (state == RUN_RUNNING && rundir_owner(path) == 0)
        state = RUN_LOST; // the journal says running, nobody holds the lock
    Json *o = json_new_object();
    json_put_str(o, "name", run->name);
    json_put_str(o, "state", run_state_name(state));
    json_put_int(o, "epoch", run->epoch);
    json_put_int(o, "epochs", run->epochs);
    json_put_num(o, "valid_acc", acc);
    json_put_str(o, "health", verdict_name(verdict));
    json_put_str(o, "strategy", run->strategy);
    json_put_int(o, "trials", run->n_trials);
    return o;
}

static void add_run(const char *path, Json *list)
{
    Source *source;
    SourceOptions o = { .majority = NAN, .until_epoch = INT_MAX };
    if (!rundir_is_run(path) || source_open(path, &o, &source, NULL) != STATUS_OK)
        return;
    bool more = true;
    while (more && source_poll(source, 0, &more, NULL) == STATUS_OK)
        ;
    const Model *model = source_model(source);
    if (model->n)
        json_add(list, describe(model->runs[model->n - 1], path));
    source_close(source);
}

static void print_line(const Json *o)
{
    printf("%-28s %-8s epoch %3d/%-3d valid acc %6.4f  %-9s %s\n", json_get_str(o, "name", ""),
           json_get_str(o, "state", ""), (int)json_get_int(o, "epoch", -1),
           (int)json_get_int(o, "epochs", 0) - 1, json_get_num(o, "valid_acc", NAN),
           json_get_str(o, "health", ""), json_get_str(o, "strategy", ""));
}

int cmd_list(int argc, char **argv)
{
    CmdArgs args;
    int code;
    if (!cmd_parse(&command_list, argc, argv, &args, &code))
        return code;
    const char *dir = cmd_value(&args, "--dir") ? cmd_value(&args, "--dir") : "runs";
    struct dirent **entries;
    int n = scandir(dir, &entries, NULL, alphasort);
    Json *list = json_new_array();
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        if (entries[i]->d_name[0] != '.' &&
            rundir_file(dir, entries[i]->d_name, path, NULL) == STATUS_OK)
            add_run(path, list);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    if (cmd_has(&args, "--json")) {
        Str out = { 0 };
        json_write_pretty(list, &out, NULL);
        puts(str_text(&out));
        str_fini(&out);
    } else if (json_length(list) == 0) {
        fprintf(stderr, "no runs in %s yet: 'dartboard run digits' starts one\n", dir);
    } else {
        for (int i = 0; i < json_length(list); i++)
            print_line(json_at(list, i));
    }
    json_free(list);
    return 0;
}
