// SPDX-License-Identifier: MIT
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"

// Subcommands: one file each, described by a Command, from which parsing, --help and the man page
// come. Exit codes: 0 done, 1 failed, 2 wrong use, 3 stopped by an alarm (or collapsed: health),
// 130 interrupted.

typedef struct {
    const char *name; // "--seed"
    char letter;      // 'c' for -c; 0 none
    const char *arg;  // name of its value in the help, NULL for a flag
    const char *help;
} CmdOption;

typedef struct {
    const char *name;         // "run"
    const char *args;         // "SPACE": positional arguments as in the usage line
    const char *summary;      // one line
    const char *details;      // paragraph for --help, may be NULL
    const CmdOption *options; // ends with a NULL name; the common ones are added
    int min_args, max_args;   // of positional arguments
} Command;

enum { CMD_MAX_ARGS = 64 };

typedef struct {
    const Command *command;
    const char *arg[CMD_MAX_ARGS]; // positional
    int n_args;
    struct {
        const char *name, *value; // value NULL for a flag
    } option[CMD_MAX_ARGS];
    int n_options;
} CmdArgs;

// Parses; on --help or wrong use prints and returns false with *exit_code set.
bool cmd_parse(const Command *command, int argc, char **argv, CmdArgs *args, int *exit_code);
bool cmd_has(const CmdArgs *args, const char *name);
const char *cmd_value(const CmdArgs *args, const char *name); // last one given, NULL if none
// Value number `at` of a repeated option; NULL past the end.
const char *cmd_value_at(const CmdArgs *args, const char *name, int at);
// Whole number of an option into *value; false with a message printed if it is not one.
bool cmd_int(const CmdArgs *args, const char *name, int64_t low, int64_t high, int64_t *value);
// Prints "dartboard COMMAND: message" to stderr; returns the exit code for the error.
int cmd_fail(const Command *command, const Error *err);
// Usage and options of a command as --help prints them.
void cmd_help(const Command *command);
extern const CmdOption cmd_common_options[]; // --json --glyphs --color ... ends with NULL name

// The dashboard that a command wants opened when it has returned 0. src does not know ui: main.c
// hands this over.
typedef struct {
    bool wanted;
    char path[4096];                           // run, journal, log or directory
    const char *glyphs, *color, *theme, *play; // NULL: not given
    double delay;                              // seconds between two pictures
    bool replay, list;                         // list: begin with the runs
    double speed;                              // replay: epochs a second
    int until;                                 // replay: stand still after this epoch; -1 play
} Dashboard;
// Fills the common options; false with a message printed if one is wrong.
bool cmd_dashboard(const CmdArgs *args, Dashboard *dashboard);
// No terminal, TERM=dumb, or asked for by --plain, --once, --json.
bool cmd_wants_plain(const CmdArgs *args);

// The commands of this folder.
extern const Command command_run, command_list, command_resume, command_fork, command_pause,
    command_stop, command_checkpoint, command_delete, command_health, command_check,
    command_retrain, command_bench, command_export, command_watch, command_replay, command_show,
    command_null;
int cmd_run(int argc, char **argv, Dashboard *dashboard);
int cmd_resume(int argc, char **argv, Dashboard *dashboard);
int cmd_fork(int argc, char **argv, Dashboard *dashboard);
int cmd_watch(int argc, char **argv, Dashboard *dashboard);
int cmd_replay(int argc, char **argv, Dashboard *dashboard);
int cmd_workbench(int argc, char **argv, Dashboard *dashboard); // no command given
int cmd_list(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_checkpoint(int argc, char **argv);
int cmd_delete(int argc, char **argv);
int cmd_health(int argc, char **argv);
int cmd_null(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_retrain(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_export(int argc, char **argv);

#endif
