// SPDX-License-Identifier: MIT
// The table of subcommands. The only file of src that includes ui.
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/str.h"
#include "src/cmd/cmd.h"
#include "ui/app/app.h"
#include "ui/app/show.h"

typedef struct {
    const Command *command;
    int (*run)(int argc, char **argv);
    int (*run_watch)(int argc, char **argv, char *watch_path); // may ask for the dashboard
} Entry;

static const Entry entries[] = {
    { &command_run, NULL, cmd_run },
    { &command_list, cmd_list, NULL },
    { &command_watch, app_watch, NULL },
    { &command_replay, app_replay, NULL },
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

static int run_entry(const Entry *e, int argc, char **argv)
{
    char watch_path[PATH_MAX] = "";
    if (e->run)
        return e->run(argc, argv);
    int code = e->run_watch(argc, argv, watch_path);
    return code == 0 && watch_path[0] ? app_open(watch_path, argc, argv) : code;
}

int main(int argc, char **argv)
{
    // Worker threads of OpenBLAS would fight ours, and their number would change bits.
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    if (argc < 2 || (argv[1][0] == '-' && strcmp(argv[1], "--help") != 0 &&
                     strcmp(argv[1], "-h") != 0 && strcmp(argv[1], "--version") != 0))
        return app_workbench(argc, argv);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("dartboard " DARTBOARD_VERSION);
        return 0;
    }
    for (int i = 0; i < ENTRIES; i++)
        if (strcmp(argv[1], entries[i].command->name) == 0)
            return run_entry(&entries[i], argc - 1, argv + 1);
    return unknown_command(argv[1]);
}
