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
    "warming-up",
    "selected",
    "top2 edges",
    "save ",
    "find ",
    "copy",
    "=>",
    "main function",
    "arguments",
    "criterion",
    "python",
    "pillow",
    "pytorch",
    "cudnn",
    "flop",
    "no such",
    "[errno",
    "[reset",
    "network wider",
    "pruning finish",
    "normal_",
    "reduce_",
    "#",
    "post_valid",
    "(ada)",
    "(sim)",
    "decided",
    "validation accuracy at",
    "traceback",
    "file \"",
    "warning",
    "beginning search",
    "training finished",
    "start",
    "early",
    "alpha",
    "wrapped",
    "epoch",
    "create",
    "restoring",
    "adjusting",
    "edges-",
    "./",
    "/",
    "running",
};

// A rule drawn of one character: ======, ------, #####; also with a title in it.
static bool is_rule(const char *text)
{
    size_t n = strspn(text, "=-#*_~+| ");
    return !text[n] || (n >= 6 && text[0] == text[5]);
}

// Parts of a printed network or optimizer, of a list, of a table.
static bool is_listing(const char *text)
{
    size_t n = strlen(text);
    while (n && (text[n - 1] == ' ' || text[n - 1] == ','))
        n--;
    size_t name = 0;
    while (isalnum((unsigned char)text[name]) || text[name] == '_')
        name++;
    bool call = n && text[n - 1] == ')' && text[name] == '(';
    return call || (n && text[n - 1] == '(') || strspn(text, ") ]}") == n ||
           strncmp(text, "['", 2) == 0 || strncmp(text, "[True", 5) == 0 ||
           strncmp(text, "[False", 6) == 0 || strncmp(text, "<class", 6) == 0 ||
           (*text == '(' && strstr(text, "): ")) || (*text == '|' && n > 1 && text[n - 1] == '|') ||
           strstr(text, " :: ") || strstr(text, "Warning:") || strstr(text, "Parameter Group");
}

// "tau 9.1", "train_corr 0.412 valid_corr 0.388": names with numbers.
static bool is_reading(const char *text)
{
    double value;
    while (*text) {
        size_t n = 0;
        while (isalnum((unsigned char)text[n]) || text[n] == '_')
            n++;
        const char *end = n && isalpha((unsigned char)*text) && text[n] == ' '
                              ? scan_number(text + n, &value)
                              : NULL;
        if (!end || (*end && !strchr(" ,;", *end)))
            return false;
        text = scan_skip(end, " ,;");
    }
    return true;
}

// " 20%|##        | 78/391 [00:20<01:20, 3.9it/s]", also with a word before it.
static bool is_progress(const char *text)
{
    const char *bar = strstr(text, "%|");
    return bar && bar > text && isdigit((unsigned char)bar[-1]) && strchr(bar + 2, '|');
}

bool log_chatter_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    (void)log;
    (void)status;
    (void)err;
    const char *text = line->text;
    if (is_rule(text) || is_listing(text) || is_reading(text) || is_progress(text) ||
        (unsigned char)*text >= 0x80)
        return true;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (scan_word(text, beginnings[i]))
            return true;
    return false;
}
