// SPDX-License-Identifier: MIT
#include "src/cmd/cmd.h"

#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "src/arch/arch.h"
#include "src/base/file.h"
#include "src/base/json.h"
#include "src/base/str.h"
#include "src/cmd/load.h"
#include "src/cmd/start.h"
#include "src/watch/source.h"

// watch and replay without the dashboard: one line an event from the read model.

static const CmdOption watch_options[] = {
    { "--plain", 0, NULL, "one line an event, no dashboard" },
    { "--once", 0, NULL, "catch up, print the state and leave" },
    { "--dir", 0, "DIR", "where runs are kept (runs)" },
    { NULL, 0, NULL, NULL },
};
const Command command_watch = {
    .name = "watch",
    .args = "PATH",
    .summary = "the dashboard on a run, a journal, a foreign log, or a directory of these",
    .details =
        "Logs of the DARTS family (quark0/darts, PC-DARTS, P-DARTS, RobustDARTS, DARTS-PT,\n"
        "pt.darts, NAS-Bench-201 codes …) are recognised by content and followed as they grow;\n"
        "gzip is accepted. Leaving with q never stops a search.",
    .options = watch_options,
    .min_args = 1,
    .max_args = 1,
};
static const CmdOption replay_options[] = {
    { "--plain", 0, NULL, "one line an event, no dashboard" },
    { "--speed", 0, "EPOCHS", "epochs a second (2)" },
    { "--until", 0, "EPOCH", "the state after this epoch" },
    { "--dir", 0, "DIR", "where runs are kept (runs)" },
    { NULL, 0, NULL, NULL },
};
const Command command_replay = {
    .name = "replay",
    .args = "PATH",
    .summary = "play a record back, at any speed, back and forth by epoch",
    .options = replay_options,
    .min_args = 1,
    .max_args = 1,
};

// What of a run has been printed.
typedef struct {
    int rows, alarms, trials;
    RunState state;
    bool named;
} Printed;

enum { RUNS = 256 };

static void print_row(const ModelRun *run, const EpochRow *e)
{
    printf("%s epoch %d", run->name, e->epoch);
    if (!isnan(e->train_loss) || !isnan(e->train_acc))
        printf("  train loss %.4f acc %.4f", e->train_loss, e->train_acc);
    if (!isnan(e->valid_loss) || !isnan(e->valid_acc))
        printf("  valid loss %.4f acc %.4f", e->valid_loss, e->valid_acc);
    for (int c = 0; c < run->n_cells; c++) {
        const GenoRow *g = model_geno(run, c, e->epoch);
        if (g && g->epoch == e->epoch)
            printf("  %s: skips %d, parameter-free %d, conv depth %d", run->cells[c].shape.name,
                   g->skips, g->parameter_free, g->conv_depth);
    }
    putchar('\n');
}

static void print_alarm(const ModelRun *run, const HealthAlarm *a)
{
    printf("%s %s %s in %s at epoch %d: %s; last good epoch %d\n", run->name, level_name(a->level),
           a->rule, a->cell, a->epoch, a->evidence, a->good_epoch);
}

// Everything new of the run. The last epoch row of a living run may still be filling.
static void print_news(const ModelRun *run, Printed *p, bool final)
{
    if (!p->named)
        printf("%s  %s  strategy %s  seed %lld  epochs %d\n", run->name, run->dialect,
               run->strategy[0] ? run->strategy : "unknown", (long long)run->seed, run->epochs);
    p->named = true;
    if (p->rows > run->n_rows)
        p->rows = run->n_rows; // rewound by a resume
    while (p->rows < run->n_rows && (final || run->rows[p->rows].epoch <= run->epoch))
        print_row(run, &run->rows[p->rows++]);
    int alarms = health_alarm_count(run->health);
    if (p->alarms > alarms)
        p->alarms = alarms;
    while (p->alarms < alarms)
        print_alarm(run, health_alarm(run->health, p->alarms++));
    for (; p->trials < run->n_trials; p->trials++)
        printf("%s trial %d %s  %s\n", run->name, run->trials[p->trials].number,
               run->trials[p->trials].state,
               run->trials[p->trials].arch ? run->trials[p->trials].arch : "");
    if (p->state != run->state && run->state != RUN_UNKNOWN)
        printf("%s state %s\n", run->name, run_state_name(run->state));
    p->state = run->state;
}

static void print_summary(const ModelRun *run)
{
    double acc = load_valid_acc(run);
    printf("genotype: %s\naccuracy: %.4f\nhealth: %s\nrun: %s\n", run->genotype, acc,
           verdict_name(health_verdict(run->health, NULL)), run->path);
}

static Json *summary_json(const ModelRun *run)
{
    Json *o = json_new_object();
    double acc = load_valid_acc(run);
    json_put_str(o, "name", run->name);
    json_put_str(o, "state", run_state_name(run->state));
    json_put_int(o, "epoch", run->epoch);
    json_put_int(o, "epochs", run->epochs);
    json_put_num(o, "valid_acc", acc);
    json_put_str(o, "genotype", run->genotype);
    json_put_str(o, "health", verdict_name(health_verdict(run->health, NULL)));
    return o;
}

static int finish(const Model *model, const CmdArgs *args)
{
    if (cmd_has(args, "--json")) {
        Json *list = json_new_array();
        Str out = { 0 };
        for (int i = 0; i < model->n; i++)
            json_add(list, summary_json(model->runs[i]));
        json_write_pretty(list, &out, NULL);
        puts(str_text(&out));
        str_fini(&out);
        json_free(list);
        return 0;
    }
    for (int i = 0; i < model->n; i++)
        print_summary(model->runs[i]);
    return 0;
}

static bool all_ended(const Model *model)
{
    for (int i = 0; i < model->n; i++) {
        RunState s = model->runs[i]->state;
        if (s == RUN_RUNNING || s == RUN_PAUSED || s == RUN_UNKNOWN)
            return false;
    }
    return model->n > 0;
}

static int follow(const CmdArgs *args, Source *source)
{
    static Printed printed[RUNS];
    bool once = cmd_has(args, "--once") || cmd_has(args, "--json"), quiet = once;
    memset(printed, 0, sizeof printed);
    Error err;
    bool more = true;
    start_signals(false);
    while (!atomic_load(start_stop_flag())) {
        if (source_poll(source, 100, &more, &err) != STATUS_OK)
            return cmd_fail(args->command, &err);
        const Model *model = source_model(source);
        for (int i = 0; i < model->n && i < RUNS && !quiet; i++)
            print_news(model->runs[i], &printed[i], !more && once);
        fflush(stdout);
        if (!more && (once || all_ended(model)))
            break;
        if (!more)
            poll(NULL, 0, 250);
    }
    return start_interrupted() ? 130 : finish(source_model(source), args);
}

static int watch_plain(const CmdArgs *args, const char *path)
{
    Error err;
    Source *source;
    SourceOptions options = { .majority = NAN, .until_epoch = INT_MAX, .follow = true };
    if (source_open(path, &options, &source, &err) != STATUS_OK)
        return cmd_fail(&command_watch, &err);
    int code = follow(args, source);
    source_close(source);
    return code;
}

int cmd_watch(int argc, char **argv, Dashboard *dashboard)
{
    CmdArgs args;
    int code;
    char path[PATH_MAX];
    Error err;
    if (!cmd_parse(&command_watch, argc, argv, &args, &code))
        return code;
    if (load_path(&args, args.arg[0], path, &err) != STATUS_OK)
        return cmd_fail(&command_watch, &err);
    if (cmd_wants_plain(&args))
        return watch_plain(&args, path);
    if (!cmd_dashboard(&args, dashboard))
        return 2;
    snprintf(dashboard->path, sizeof dashboard->path, "%s", path);
    return 0;
}

static int replay_plain(const CmdArgs *args, const char *path, int until)
{
    Error err;
    Source *source;
    SourceOptions options = { .majority = NAN, .until_epoch = until };
    if (source_open(path, &options, &source, &err) != STATUS_OK)
        return cmd_fail(&command_replay, &err);
    bool more = true;
    while (more && source_poll(source, 0, &more, &err) == STATUS_OK)
        ;
    const Model *model = source_model(source);
    for (int i = 0; i < model->n && !cmd_has(args, "--json"); i++)
        print_news(model->runs[i], &(Printed){ 0 }, true);
    int code = finish(model, args);
    source_close(source);
    return code;
}

int cmd_replay(int argc, char **argv, Dashboard *dashboard)
{
    CmdArgs args;
    int code;
    char path[PATH_MAX];
    Error err;
    int64_t until = INT_MAX;
    double speed = 2;
    if (!cmd_parse(&command_replay, argc, argv, &args, &code))
        return code;
    if (!cmd_int(&args, "--until", -1, INT_MAX, &until))
        return 2;
    const char *text = cmd_value(&args, "--speed");
    if (text && !(str_to_double(text, &speed) && speed > 0 && speed <= 1000)) {
        fprintf(stderr, "dartboard replay: --speed: expected epochs a second above 0, got '%s'\n",
                text);
        return 2;
    }
    if (load_path(&args, args.arg[0], path, &err) != STATUS_OK)
        return cmd_fail(&command_replay, &err);
    if (cmd_wants_plain(&args))
        return replay_plain(&args, path, (int)until);
    if (!cmd_dashboard(&args, dashboard))
        return 2;
    snprintf(dashboard->path, sizeof dashboard->path, "%s", path);
    dashboard->replay = true;
    dashboard->speed = speed;
    dashboard->until = until == INT_MAX ? -1 : (int)until;
    return 0;
}

int cmd_workbench(int argc, char **argv, Dashboard *dashboard)
{
    static const Command workbench = { .name = "",
                                       .args = "",
                                       .summary = "the dashboard on ./runs and ./spaces" };
    CmdArgs args;
    int code;
    if (!cmd_parse(&workbench, argc, argv, &args, &code))
        return code;
    if (cmd_wants_plain(&args)) {
        char name[] = "list", *list[] = { name, NULL };
        return cmd_list(1, list);
    }
    if (!cmd_dashboard(&args, dashboard))
        return 2;
    dashboard->list = true;
    if (file_is_dir("runs"))
        snprintf(dashboard->path, sizeof dashboard->path, "runs");
    return 0;
}
