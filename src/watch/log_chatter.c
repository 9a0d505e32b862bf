// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <string.h>

#include "src/watch/log.h"

// What programs of the family say that is not about the state of the search. Anything else is
// counted as not understood.

static const char *const beginnings[] = {
    "gpu device",
    "gpu",
    "cuda",
    "param size",
    "total param",
    "starting",
    "loading",
    "loaded",
    "saving",
    "saved",
    "checkpoint",
    "resum",
    "files already",
    "downloading",
    "using",
    "project",
    "best opid",
    "best",
    "final",
    "batch",
    "search model",
    "search input",
    "search train",
    "search complete",
    "total",
    "node",
    "inputs",
    "output",
    "pruned ops",
    "transferred",
    "recommended",
    "next step",
    "c_init",
    "module",
    "normal concat",
    "reduce concat",
    "normal cell",
    "reduce cell",
    "parameter est",
    "epoch time",
    "args",
    "model",
    "learning rate",
    "lr",
    "num",
    "no gpu",
    "device",
    "experiment dir",
    "update",
    "alpha warmup",
    "stem",
    "cells",
    "classifier",
    "dropout",
    "global_pooling",
    "_auxiliary_head",
    "time",
    "elapsed",
    "eta",
    "running",
};

// A rule drawn of one character: ======, ------, #####.
static bool is_rule(const char *text)
{
    return strspn(text, "=-#*_~+ ") == strlen(text);
}

bool log_chatter_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    (void)log;
    (void)status;
    (void)err;
    const char *text = line->text;
    if (is_rule(text) || (unsigned char)*text >= 0x80)
        return true;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (scan_word(text, beginnings[i]))
            return true;
    return false;
}
