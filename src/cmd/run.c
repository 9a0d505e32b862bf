// SPDX-License-Identifier: MIT
#include "src/cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/str.h"
#include "src/cmd/plain.h"
#include "src/cmd/start.h"
#include "src/run/control.h"
#include "src/run/rundir.h"
#include "src/run/runner.h"

// run, resume, fork: what starts or restarts a search.

#define RUN_OPTIONS                                                                                \
    { "--set", 0, "KEY=VALUE", "change one setting; may come several times" },                     \
        { "--threads", 0, "N", "run.threads; the results do not depend on it" },                   \
        { "--plain", 0, NULL, "one line an event, no dashboard" },                                 \
    {                                                                                              \
        "--detach", 0, NULL, "start it, print its name and leave"                                  \
    }

static const CmdOption run_options[] = {
    { "--config", 'c', "FILE", "settings as YAML; may come several times" },
    { "--strategy", 0, "NAME", "search.strategy: darts, gdas, random, evolution" },
    { "--name", 0, "NAME", "name of the run (SPACE-STRATEGY-sSEED)" },
    { "--dir", 0, "DIR", "run.dir, where runs are kept (runs)" },
    { "--seed", 0, "N", "search.seed" },
    { "--seeds", 0, "A..B", "one run after another for every seed from A to B; implies --plain" },
    { "--resume", 0, "RUN", "the same as 'dartboard resume RUN'" },
    { "--help-settings", 0, NULL, "every setting with default, unit and source" },
    { "--help-strategies", 0, NULL, "every strategy with its paper" },
    RUN_OPTIONS,
    { NULL, 0, NULL, NULL },
};
const Command command_run = {
    .name = "run",
    .args = "SPACE",
    .summary = "start a search",
    .details =
        "SPACE is a script or the bare name of one (digits: ./spaces, then the share\n"
        "directory). The search runs in a process of its own; the dashboard opens on it and\n"
        "can be left and re-entered. Without a terminal, --plain is implied.\n\n"
        "--plain ends with 'genotype:', 'accuracy:' (supernet validation, a fraction),\n"
        "'health:' (OK, WATCH, WARN, COLLAPSED or DEAD) and 'run:'. Ctrl-C writes a\n"
        "checkpoint first; 'dartboard resume RUN' goes on from it.",
    .options = run_options,
    .max_args = 1,
};
static const CmdOption resume_options[] = { RUN_OPTIONS,
                                            { "--dir", 0, "DIR", "where runs are kept (runs)" },
                                            { NULL, 0, NULL, NULL } };
const Command command_resume = {
    .name = "resume",
    .args = "RUN",
    .summary = "continue a paused run, or restart a dead one from its last checkpoint",
    .options = resume_options,
    .min_args = 1,
    .max_args = 1,
};
static const CmdOption fork_options[] = {
    { "--at", 0, "EPOCH", "from the newest checkpoint at or before this epoch (needed)" },
    { "--name", 0, "NAME", "name of the new run (RUN-fork)" },
    { "--dir", 0, "DIR", "where runs are kept (runs)" },
    RUN_OPTIONS,
    { NULL, 0, NULL, NULL },
};
const Command command_fork = {
    .name = "fork",
    .args = "RUN",
    .summary = "new run from a checkpoint of another, with other settings",
    .details = "example: dartboard fork digits-darts-s1 --at 6 --set search.beta_decay=50",
    .options = fork_options,
    .min_args = 1,
    .max_args = 1,
};

// A path in a settings file is relative to that file.
static void resolve_data_path(Settings *s, const char *file)
{
    if (!s->data.path[0] || s->data.path[0] == '/')
        return;
    const char *slash = strrchr(file, '/');
    if (!slash)
        return;
    char joined[SETTING_TEXT];
    int n = snprintf(joined, sizeof joined, "%.*s/%s", (int)(slash - file), file, s->data.path);
    if (n < (int)sizeof joined)
        memcpy(s->data.path, joined, (size_t)n + 1);
}

typedef struct {
    const CmdArgs *args;
    int64_t seed; // -1: not given
} UserSettings;

static Status set_flag(const CmdArgs *args, Settings *s, const char *option, const char *key,
                       Error *err)
{
    const char *value = cmd_value(args, option);
    return value ? settings_set(s, key, value, NULL, 0, err) : STATUS_OK;
}

// -c files, then --set, then flags.
static Status apply_user(void *self, Settings *s, Error *err)
{
    const UserSettings *u = self;
    const char *text;
    Status status = STATUS_OK;
    for (int i = 0; (text = cmd_value_at(u->args, "--config", i)) && status == STATUS_OK; i++) {
        char before[SETTING_TEXT];
        memcpy(before, s->data.path, sizeof before);
        status = settings_load(s, text, err);
        if (strcmp(before, s->data.path) != 0)
            resolve_data_path(s, text);
    }
    for (int i = 0; (text = cmd_value_at(u->args, "--set", i)) && status == STATUS_OK; i++)
        status = settings_assign(s, text, err);
    if (status == STATUS_OK)
        status = set_flag(u->args, s, "--strategy", "search.strategy", err);
    if (status == STATUS_OK)
        status = set_flag(u->args, s, "--dir", "run.dir", err);
    if (status == STATUS_OK)
        status = set_flag(u->args, s, "--threads", "run.threads", err);
    if (status == STATUS_OK)
        status = set_flag(u->args, s, "--seed", "search.seed", err);
    if (status == STATUS_OK && u->seed >= 0)
        s->search.seed = u->seed;
    return status;
}

// ---- one search in this process
// ------------------------------------------------------------------

typedef struct {
    const CmdArgs *args;
    const Command *command;
    int64_t seed;
    int ready_fd; // -1: in the foreground, printing
    Plain plain;
    char path[PATH_MAX];
    int64_t planned;
} Job;

static Status job_record(void *self, Json *record, Error *err)
{
    Job *job = self;
    (void)err;
    plain_record(&job->plain, record);
    json_free(record);
    return STATUS_OK;
}

// In the background, standard output and error go to log.txt from here on.
static void job_ready(void *self, const char *run_path)
{
    Job *job = self;
    snprintf(job->path, sizeof job->path, "%s", run_path);
    if (job->ready_fd < 0)
        return;
    char file[PATH_MAX];
    if (rundir_file(run_path, "log.txt", file, NULL) == STATUS_OK) {
        int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0666);
        if (fd >= 0) {
            dup2(fd, STDOUT_FILENO);
            dup2(fd, STDERR_FILENO);
            close(fd);
        }
    }
    start_report(job->ready_fd, STATUS_OK, run_path);
    job->ready_fd = -1;
}

static void job_tick(void *self, const SearchProgress *p)
{
    Job *job = self;
    plain_progress(&job->plain, p->epoch, (long long)p->step, (long long)p->steps, p->loss);
}

static void print_outcome(const RunOutcome *o)
{
    Str geno = { 0 };
    char took[32], params[32], macs[32];
    genotype_write(&o->geno, &geno);
    printf("parameters: %s (%lld)  multiply-adds: %s  time: %s\n",
           str_count((double)o->params, params, sizeof params), (long long)o->params,
           str_count((double)o->macs, macs, sizeof macs),
           str_duration(o->seconds, took, sizeof took));
    printf("genotype: %s\naccuracy: %.4f\nhealth: %s\nrun: %s\n", str_text(&geno), o->accuracy,
           verdict_name(o->verdict), o->path);
    fflush(stdout);
    str_fini(&geno);
}

static int exit_code_of(const RunOutcome *o)
{
    if (o->end == RUN_END_ALARM)
        return 3;
    return o->end == RUN_END_STOPPED && start_interrupted() ? 130 : 0;
}

static Status job_start(Job *job, const RunHooks *hooks, RunOutcome *outcome, Error *err)
{
    UserSettings user = { .args = job->args, .seed = job->seed };
    char path[PATH_MAX];
    Status status = session_find_space(job->args->arg[0], path, err);
    if (status != STATUS_OK)
        return status;
    SessionRequest request = { .space_path = path, .user = apply_user, .self = &user };
    Session session;
    status = session_open(&request, &session, err);
    if (status != STATUS_OK)
        return status;
    status = run_start(&session, path, cmd_value(job->args, "--name"), hooks, outcome, err);
    session_close(&session);
    return status;
}

static Status find_run(const CmdArgs *args, const char *name, char *path, Error *err)
{
    const char *dir = cmd_value(args, "--dir");
    return rundir_find(dir ? dir : "runs", name, path, err);
}

static Status job_resume(Job *job, const RunHooks *hooks, RunOutcome *outcome, Error *err)
{
    char path[PATH_MAX];
    const char *name = job->args->n_args ? job->args->arg[0] : cmd_value(job->args, "--resume");
    Status status = find_run(job->args, name, path, err);
    return status == STATUS_OK ? run_resume(path, hooks, outcome, err) : status;
}

static Status job_fork(Job *job, const RunHooks *hooks, RunOutcome *outcome, Error *err)
{
    char path[PATH_MAX];
    int64_t epoch;
    UserSettings user = { .args = job->args, .seed = -1 };
    Status status = find_run(job->args, job->args->arg[0], path, err);
    if (status != STATUS_OK)
        return status;
    if (!cmd_value(job->args, "--at") || !str_to_int(cmd_value(job->args, "--at"), &epoch))
        return error_set(err, STATUS_ARG, "expected --at EPOCH, a whole number");
    int at;
    ForkRequest request = { .from = path,
                            .name = cmd_value(job->args, "--name"),
                            .epoch = (int)epoch,
                            .user = apply_user,
                            .self = &user,
                            .at = &at };
    int nearest = run_fork_epoch(path, (int)epoch);
    if (nearest != (int)epoch && nearest >= -1)
        fprintf(stderr, "no checkpoint at epoch %d: forking from epoch %d\n", (int)epoch, nearest);
    return run_fork(&request, hooks, outcome, err);
}

static int job_run(Job *job)
{
    bool background = job->ready_fd >= 0;
    RunHooks hooks = { .stop = start_stop_flag(), .ready = job_ready, .self = job };
    hooks.observer = (Sink){ .self = job, .emit = job_record };
    if (!background)
        hooks.tick = job_tick;
    plain_init(&job->plain);
    job->plain.is_terminal = job->plain.is_terminal && !background;
    start_signals(true);
    static RunOutcome outcome; // large; one job at a time in a process
    Error err = { 0 };
    Status status = job->command == &command_fork ? job_fork(job, &hooks, &outcome, &err)
                    : job->command == &command_resume || cmd_has(job->args, "--resume")
                        ? job_resume(job, &hooks, &outcome, &err)
                        : job_start(job, &hooks, &outcome, &err);
    plain_clear(&job->plain);
    if (status != STATUS_OK) {
        char text[1024];
        if (job->ready_fd >= 0)
            start_report(job->ready_fd, status, error_text(&err, text, sizeof text));
        else
            cmd_fail(job->command, &err);
        return status == STATUS_ARG ? 2 : 1;
    }
    print_outcome(&outcome);
    return exit_code_of(&outcome);
}

// ---- foreground, background, several seeds
// -------------------------------------------------------

static int run_seeds(Job *job, const char *text)
{
    long long from, to;
    char tail;
    if (sscanf(text, "%lld..%lld%c", &from, &to, &tail) != 2 || from < 0 || to < from) {
        fprintf(stderr, "dartboard run: --seeds: expected A..B, got '%s'\n", text);
        return 2;
    }
    for (long long seed = from; seed <= to; seed++) {
        job->seed = seed;
        int code = job_run(job);
        if (code)
            return code;
    }
    return 0;
}

static int background_job(void *self, int ready_fd)
{
    Job *job = self;
    job->ready_fd = ready_fd;
    return job_run(job);
}

static int launch(const Command *command, const CmdArgs *args, Dashboard *dashboard)
{
    Job job = { .args = args, .command = command, .seed = -1, .ready_fd = -1 };
    const char *seeds = cmd_value(args, "--seeds");
    if (seeds)
        return run_seeds(&job, seeds);
    bool detach = cmd_has(args, "--detach");
    if (!detach && cmd_wants_plain(args))
        return job_run(&job);
    if (!cmd_dashboard(args, dashboard))
        return 2;
    dashboard->wanted = !detach;
    char text[PATH_MAX];
    Status status = start_background(background_job, &job, text);
    if (status != STATUS_OK) {
        fprintf(stderr, "dartboard %s: %s\n", command->name, text);
        return status == STATUS_ARG ? 2 : 1;
    }
    if (detach)
        printf("run: %s\n", text);
    else
        snprintf(dashboard->path, sizeof dashboard->path, "%s", text);
    return 0;
}

int cmd_run(int argc, char **argv, Dashboard *dashboard)
{
    CmdArgs args;
    int code;
    if (!cmd_parse(&command_run, argc, argv, &args, &code))
        return code;
    if (cmd_has(&args, "--help-settings"))
        return start_help_settings();
    if (cmd_has(&args, "--help-strategies"))
        return start_help_strategies();
    if (args.n_args == 0 && !cmd_has(&args, "--resume")) {
        fprintf(stderr, "dartboard run: expected SPACE, a script or a name such as digits\n");
        return 2;
    }
    return launch(&command_run, &args, dashboard);
}

// A paused run still has its process: a word is enough.
static int wake(const CmdArgs *args, const char *path, Dashboard *dashboard)
{
    Error err;
    if (control_send(path, "resume", &err) != STATUS_OK)
        return cmd_fail(&command_resume, &err);
    if (cmd_has(args, "--detach") || cmd_wants_plain(args)) {
        printf("run: %s\n", path);
        return 0;
    }
    if (!cmd_dashboard(args, dashboard))
        return 2;
    snprintf(dashboard->path, sizeof dashboard->path, "%s", path);
    return 0;
}

int cmd_resume(int argc, char **argv, Dashboard *dashboard)
{
    CmdArgs args;
    int code;
    if (!cmd_parse(&command_resume, argc, argv, &args, &code))
        return code;
    char path[PATH_MAX];
    const char *dir = cmd_value(&args, "--dir");
    if (rundir_find(dir ? dir : "runs", args.arg[0], path, NULL) == STATUS_OK &&
        rundir_owner(path) != 0)
        return wake(&args, path, dashboard);
    return launch(&command_resume, &args, dashboard);
}

int cmd_fork(int argc, char **argv, Dashboard *dashboard)
{
    CmdArgs args;
    int code;
    if (!cmd_parse(&command_fork, argc, argv, &args, &code))
        return code;
    return launch(&command_fork, &args, dashboard);
}
