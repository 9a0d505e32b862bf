// SPDX-License-Identifier: MIT
// The table of subcommands. The only file of src that includes ui.
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/str.h"
#include "src/cmd/cmd.h"
#include "src/cmd/man.h"
#include "ui/app/app.h"
#include "ui/app/show.h"
#include "ui/view/view.h"

typedef struct {
    const Command *command;
    int (*run)(int argc, char **argv);
    int (*run_dashboard)(int argc, char **argv, Dashboard *want); // may ask for the dashboard
} Entry;

static const Entry entries[] = {
    { &command_run, NULL, cmd_run },
    { &command_list, cmd_list, NULL },
    { &command_watch, NULL, cmd_watch },
    { &command_replay, NULL, cmd_replay },
    { &command_resume, NULL, cmd_resume },
    { &command_fork, NULL, cmd_fork },
    { &command_pause, cmd_pause, NULL },
    { &command_stop, cmd_stop, NULL },
    { &command_checkpoint, cmd_checkpoint, NULL },
    { &command_delete, cmd_delete, NULL },
    { &command_health, cmd_health, NULL },
    { &command_show, show_main, NULL },
    { &command_check, cmd_check, NULL },
    { &command_retrain, cmd_retrain, NULL },
    { &command_export, cmd_export, NULL },
    { &command_null, cmd_null, NULL },
    { &command_bench, cmd_bench, NULL },
};
enum { ENTRIES = sizeof entries / sizeof entries[0] };

static void print_usage(FILE *out)
{
    fprintf(out, "usage: dartboard [COMMAND] [ARGS]\n\n"
                 "A terminal workbench for neural architecture search. Without a command it opens\n"
                 "the dashboard on ./runs and ./spaces.\n\ncommands:\n");
    for (int i = 0; i < ENTRIES; i++) {
        char left[48];
        snprintf(left, sizeof left, "%s %s", entries[i].command->name, entries[i].command->args);
        fprintf(out, "  %-22s %s\n", left, entries[i].command->summary);
    }
    fprintf(out, "\n'dartboard COMMAND --help' explains one. First steps:\n"
                 "  dartboard run digits        a DARTS search on real digits, live\n"
                 "  dartboard watch log.txt     the same dashboard over a PyTorch search's log\n"
                 "  dartboard health log.txt    is it collapsing? With evidence\n");
}

static int print_manual(void)
{
    const Command *commands[ENTRIES];
    ManKey keys[64];
    int n;
    const ViewKey *from = view_keys(&n);
    n = n < 64 ? n : 64;
    for (int i = 0; i < ENTRIES; i++)
        commands[i] = entries[i].command;
    for (int i = 0; i < n; i++)
        keys[i] = (ManKey){ .keys = from[i].keys, .does = from[i].does };
    return man_print(commands, ENTRIES, keys, n);
}

static int unknown_command(const char *name)
{
    const char *names[ENTRIES];
    for (int i = 0; i < ENTRIES; i++)
        names[i] = entries[i].command->name;
    const char *near = str_nearest(name, names, ENTRIES);
    if (near)
        fprintf(stderr, "dartboard: unknown command '%s' (did you mean '%s'?)\n", name, near);
    else
        fprintf(stderr, "dartboard: unknown command '%s' ('dartboard --help' lists all)\n", name);
    return 2;
}

static int open_dashboard(int code, const Dashboard *want)
{
    if (code != 0 || !want->wanted)
        return code;
    return app_main(&(AppOptions){ .path = want->path,
                                   .glyphs = want->glyphs,
                                   .color = want->color,
                                   .theme = want->theme,
                                   .play = want->play,
                                   .delay = want->delay,
                                   .replay = want->replay,
                                   .list = want->list,
                                   .speed = want->speed,
                                   .until = want->until });
}

static int run_entry(const Entry *e, int argc, char **argv)
{
    static Dashboard want;
    if (e->run)
        return e->run(argc, argv);
    return open_dashboard(e->run_dashboard(argc, argv, &want), &want);
}

static int workbench(int argc, char **argv)
{
    static Dashboard want;
    return open_dashboard(cmd_workbench(argc, argv, &want), &want);
}

// OpenMP's waiting threads spin for long by default, which on a machine that others use too makes
// a step a hundred times slower. The runtime reads its environment before main, hence the exec.
static void limit_spinning(char **argv)
{
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY"))
        return;
    setenv("GOMP_SPINCOUNT", "1000", 1);
    execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    limit_spinning(argv);
    // Worker threads of OpenBLAS would fight ours, and their number would change bits.
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    if (argc < 2 ||
        (argv[1][0] == '-' && strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0 &&
         strcmp(argv[1], "--version") != 0 && strcmp(argv[1], "--man") != 0))
        return workbench(argc, argv);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--man") == 0)
        return print_manual();
    if (strcmp(argv[1], "--version") == 0) {
        puts("dartboard " DARTBOARD_VERSION);
        return 0;
    }
    for (int i = 0; i < ENTRIES; i++)
        if (strcmp(argv[1], entries[i].command->name) == 0)
            return run_entry(&entries[i], argc - 1, argv + 1);
    return unknown_command(argv[1]);
}
