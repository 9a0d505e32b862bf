// SPDX-License-Identifier: MIT
#include "ui/app/command_run.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "ui/app/state.h"

static void child(App *app, const char *what, char *const argv[])
{
    if (!child_start(&app->child, what, argv))
        app_say(app, "%s is still at work: try again in a moment", app->child.what);
}

static void control(App *app, const char *word)
{
    const ModelRun *run = app_run(app);
    static char dir[PATH_MAX];
    char *argv[] = { (char *)"dartboard", (char *)word, dir, NULL };
    if (!app_run_dir(run, dir)) {
        app_say(app, "%s: only for runs of Dartboard (this is a record)", word);
        return;
    }
    child(app, word, argv);
}

static bool has_ended_early(const ModelRun *run)
{
    return run->state == RUN_STOPPED || run->state == RUN_LOST || run->state == RUN_FAILED;
}

void run_command_resume(App *app, const char *arg)
{
    const ModelRun *run = app_run(app);
    static char dir[PATH_MAX];
    (void)arg;
    if (run && has_ended_early(run) && app_run_dir(run, dir)) {
        char *argv[] = { (char *)"dartboard", (char *)"resume", dir, (char *)"--detach", NULL };
        child(app, "resume", argv);
        return;
    }
    control(app, "resume");
}

// One key for both: what it does is the other of what the search does now.
void run_command_pause(App *app, const char *arg)
{
    const ModelRun *run = app_run(app);
    if (run && (run->state == RUN_PAUSED || has_ended_early(run)))
        run_command_resume(app, arg);
    else
        control(app, "pause");
}

void run_command_stop(App *app, const char *arg)
{
    (void)arg;
    control(app, "stop");
}

static void ask(App *app, const char *question, const char *command)
{
    app->help = false;
    snprintf(app->question, sizeof app->question, "%s", command);
    prompt_open(&app->prompt, PROMPT_QUESTION, question, "");
}

void run_command_ask_stop(App *app, const char *arg)
{
    const ModelRun *run = app_run(app);
    (void)arg;
    char dir[PATH_MAX];
    if (run && !app_run_dir(run, dir)) {
        control(app, "stop"); // says why not
        return;
    }
    if (!run || (run->state != RUN_RUNNING && run->state != RUN_PAUSED)) {
        app_say(app, "nothing to stop: the run is not running");
        return;
    }
    ask(app, "stop the search with a checkpoint? (y/N) ", "stop");
}

// Epoch that an alarm calls good, or the one scrubbed to.
static int repair_epoch(const App *app, const ModelRun *run)
{
    int epoch = app->epoch != INT_MAX ? app->epoch : run->epoch;
    for (int i = health_alarm_count(run->health) - 1; i >= 0 && app->epoch == INT_MAX; i--) {
        const HealthAlarm *alarm = health_alarm(run->health, i);
        if (alarm->level >= LEVEL_WARN)
            return alarm->good_epoch;
    }
    return epoch;
}

void run_command_ask_repair(App *app, const char *arg)
{
    const ModelRun *run = app_run(app);
    char question[160], dir[PATH_MAX];
    (void)arg;
    if (!app_run_dir(run, dir)) {
        app_say(app, "repair works on runs of Dartboard: they have checkpoints to go back to");
        return;
    }
    snprintf(question, sizeof question,
             "fork from epoch %d with search.beta_decay=50? (y/N; others by :repair KEY=VALUE) ",
             repair_epoch(app, run));
    ask(app, question, "repair search.beta_decay=50");
}

void run_command_repair(App *app, const char *arg)
{
    const ModelRun *run = app_run(app);
    if (!run || !strchr(arg, '=')) {
        app_say(app, "repair: expected KEY=VALUE, as in search.beta_decay=50");
        return;
    }
    static char at[16], set[256], dir[PATH_MAX];
    if (!app_run_dir(run, dir)) {
        app_say(app, "repair works on runs of Dartboard: they have checkpoints to go back to");
        return;
    }
    snprintf(at, sizeof at, "%d", repair_epoch(app, run));
    snprintf(set, sizeof set, "%s", arg);
    char *argv[] = { (char *)"dartboard",
                     (char *)"fork",
                     dir,
                     (char *)"--at",
                     at,
                     (char *)"--set",
                     set,
                     (char *)"--detach",
                     NULL };
    child(app, "fork", argv);
}

// "run digits --seed 3": words go on to the command as they stand.
void run_command_run(App *app, const char *arg)
{
    char words[256], *argv[24] = { (char *)"dartboard", (char *)"run", (char *)"--detach" };
    int n = 3;
    snprintf(words, sizeof words, "%s", arg);
    for (char *rest, *word = strtok_r(words, " ", &rest); word && n < 23;
         word = strtok_r(NULL, " ", &rest))
        argv[n++] = word;
    if (n == 3)
        app_say(app, "run: expected a space, as in run digits");
    else
        child(app, "run", argv);
}

void run_command_edit(App *app, const char *arg)
{
    (void)arg;
    script_pane_load(app);
    script_pane_edit(app);
}

void run_command_check(App *app, const char *arg)
{
    (void)arg;
    script_pane_load(app);
    script_pane_check(app);
}
