// SPDX-License-Identifier: MIT
#include "src/cmd/cmd.h"

#include <stddef.h>

// What `show` takes, for the help and the man page; ui/app/show.c draws.
static const CmdOption options[] = {
    { "--dir", 0, "DIR", "where runs are kept (runs)" },
    { "--epoch", 0, "EPOCH", "state after this epoch, counted from 0 (the newest)" },
    { "--cell", 0, "NAME", "cell type, for panes that show one (the first)" },
    { "--width", 0, "COLUMNS", "width (the terminal's, else 80)" },
    { "--height", 0, "ROWS", "height (the terminal's, else 24)" },
    { "--form", 0, "N", "0 or 1: the other form of the pane, as key a" },
    { "--filter", 0, "TEXT", "only what contains it" },
    { "--csv", 0, NULL, "the data behind the pane instead" },
    { "--roles", 0, NULL, "a second plane with the letters of the colours" },
    { NULL, 0, NULL, NULL },
};

const Command command_show = {
    .name = "show",
    .args = "PANE [RUN]",
    .summary = "one pane of the dashboard on standard output",
    .details = "PANE is overview, runs, alpha, cell, health, pareto, trials, space, log or help. "
               "RUN is a name, a run directory, a journal or a log; 'runs' without RUN lists those "
               "of --dir.",
    .options = options,
    .min_args = 1,
    .max_args = 2,
};
