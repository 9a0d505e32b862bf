// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/watch/log.h"

// NAS-Bench-201 cells, and the searches of AutoDL-Projects (DARTS, GDAS, SETN, ENAS, RSPS on it).
//
//   genotype = Structure(4 nodes with |nor_conv_3x3~0|+|skip_connect~0|none~1|+|...|)
//   |skip_connect~0|+|skip_connect~0|none~1|+|...|
//   [Search the 005-250-th epoch] Time Left: [...], tau=9.8, LR=0.024
//   [005-250] searching : loss=1.31, accuracy@1=52.10%, accuracy@5=94.02%, time-cost=93.7 s
//   [005-250] evaluate  : loss=1.22, accuracy@1=55.81%, accuracy@5=95.00%
//   <<<--->>> The 005-250-th epoch : Structure(4 nodes with |...|)

static bool structure_line(LogReader *log, const char *text, Status *status, Error *err)
{
    const char *at = strstr(text, "Structure(");
    if (at)
        at = strchr(at, '|');
    else if (text[0] == '|' && strchr(text, '~'))
        at = text;
    if (!at)
        return false;
    if (scan_find(text, "best") || scan_word(text, "last") || scan_find(text, "last-geno"))
        return true;
    *status = log_alpha_flush(log, err);
    if (!*status)
        *status = log_genotype(log, at, err);
    log_dialect(log, "nb201");
    return true;
}

// "005-250" with anything after it.
static const char *numbers(const char *text, int *epoch, int *total)
{
    const char *at = scan_int(text, epoch);
    return at && *at == '-' ? scan_int(at + 1, total) : NULL;
}

static bool search_line(LogReader *log, const char *text, Status *status, Error *err)
{
    int epoch, total;
    double lr = NAN;
    const char *at = scan_word(text, "[Search the");
    if (!at || !(at = numbers(at, &epoch, &total)) || !scan_word(at, "-th epoch]"))
        return false;
    scan_value(at, "LR", &lr);
    log_dialect(log, "autodl");
    *status = log_epoch(log, epoch, lr, total, err);
    return true;
}

static bool result_line(LogReader *log, const char *text, Status *status, Error *err)
{
    int epoch, total;
    double value;
    const char *at = scan_char(text, '[');
    if (!at || !(at = numbers(at, &epoch, &total)) || !(at = scan_char(at, ']')))
        return false;
    LogSplit split = METRIC_TRAIN;
    if (scan_find(at, "evaluat") || scan_find(at, "valid"))
        split = METRIC_VALID;
    else if (!scan_find(at, "search") && !scan_find(at, "train"))
        return false;
    // the step on alphas: not an accuracy of the weights
    if (scan_find(at, "[arch") || scan_find(at, "Architecture metrics") || !scan_find(at, "loss="))
        return !strstr(at, "Structure(");
    log->one_based |= scan_find(at, "Model metrics") != NULL;
    epoch -= log->one_based;
    log_dialect(log, log->one_based ? "confopt" : "autodl");
    if (epoch != log->now.current - log->base)
        *status = log_epoch(log, epoch, NAN, total, err);
    if (!*status && scan_value(at, "loss", &value))
        *status = log_loss(log, split, value, true, err);
    if (!*status && scan_value(at, "accuracy@1", &value))
        *status = log_accuracy(log, split, value, ACC_PERCENT, err);
    // "... | Structure(...)": the line about the epoch that follows repeats it
    return true;
}

// What the table says of a cell, printed by searches that look it up.
static bool table_line(const char *text)
{
    static const char *const sets[] = { "cifar10", "cifar100", "ImageNet16", "imagenet16" };
    if (scan_word(text, "datasets :"))
        return true;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (strncmp(text, sets[i], strlen(sets[i])) == 0)
            return true;
    return false;
}

// The step lines of AutoDL-Projects, which hold the only time stamps; an architecture of the DARTS
// space is read elsewhere.
static bool step_line(LogReader *log, const char *text)
{
    const char *stamp = scan_word(text, "*SEARCH*");
    if (stamp && *stamp == '[')
        log_clock(log, log_line_stamp(stamp + 1));
    return stamp || scan_word(text, "*TRAIN*") || scan_word(text, "*VALID*") ||
           (scan_word(text, "<<<--->>>") && !strstr(text, "{'normal'"));
}

bool log_nb201_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    const char *text = line->text;
    return search_line(log, text, status, err) || result_line(log, text, status, err) ||
           structure_line(log, text, status, err) || table_line(text) || step_line(log, text);
}
