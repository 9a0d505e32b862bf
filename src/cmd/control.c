// SPDX-License-Identifier: MIT
#include "src/cmd/cmd.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/run/control.h"
#include "src/run/rundir.h"

// pause, stop, checkpoint, delete: a word to a run that is alive, or its end.

static const CmdOption dir_options[] = { { "--dir", 0, "DIR", "where runs are kept (runs)" },
                                         { NULL, 0, NULL, NULL } };
static const CmdOption delete_options[] = { { "--dir", 0, "DIR", "where runs are kept (runs)" },
                                            { "--yes", 'y', NULL, "do not ask" },
                                            { NULL, 0, NULL, NULL } };

#define CONTROL_COMMAND(word, text)                                                                \
    {                                                                                              \
        .name = word, .args = "RUN", .summary = text, .options = dir_options, .min_args = 1,       \
        .max_args = 1                                                                              \
    }
const Command command_pause =
    CONTROL_COMMAND("pause", "write a checkpoint and wait; 'dartboard resume RUN' goes on");
const Command command_stop = CONTROL_COMMAND("stop", "write a checkpoint and end the search");
const Command command_checkpoint = CONTROL_COMMAND("checkpoint", "write a checkpoint now");
const Command command_delete = { .name = "delete",
                                 .args = "RUN",
                                 .summary = "remove a run with all its files",
                                 .options = delete_options,
                                 .min_args = 1,
                                 .max_args = 1 };

static Status find(const CmdArgs *args, char *path, Error *err)
{
    const char *dir = cmd_value(args, "--dir");
    return rundir_find(dir ? dir : "runs", args->arg[0], path, err);
}

static int send_word(const Command *command, int argc, char **argv)
{
    CmdArgs args;
    int code;
    char path[PATH_MAX];
    Error err;
    if (!cmd_parse(command, argc, argv, &args, &code))
        return code;
    Status status = find(&args, path, &err);
    if (status == STATUS_OK)
        status = control_send(path, command->name, &err);
    return status == STATUS_OK ? 0 : cmd_fail(command, &err);
}

int cmd_pause(int argc, char **argv)
{
    return send_word(&command_pause, argc, argv);
}

int cmd_stop(int argc, char **argv)
{
    return send_word(&command_stop, argc, argv);
}

int cmd_checkpoint(int argc, char **argv)
{
    return send_word(&command_checkpoint, argc, argv);
}

static bool confirmed(const char *path)
{
    char answer[16];
    fprintf(stderr, "delete %s and everything in it? [y/N] ", path);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

int cmd_delete(int argc, char **argv)
{
    CmdArgs args;
    int code;
    char path[PATH_MAX];
    Error err;
    RunDir lock;
    if (!cmd_parse(&command_delete, argc, argv, &args, &code))
        return code;
    Status status = find(&args, path, &err);
    if (status == STATUS_OK && !cmd_has(&args, "--yes") && !confirmed(path)) {
        fprintf(stderr, "nothing deleted\n");
        return 1;
    }
    if (status == STATUS_OK)
        status = rundir_lock(path, &lock, &err); // refuses while the search is alive
    if (status == STATUS_OK) {
        status = file_remove_tree(path, &err);
        rundir_unlock(&lock);
    }
    return status == STATUS_OK ? 0 : cmd_fail(&command_delete, &err);
}
