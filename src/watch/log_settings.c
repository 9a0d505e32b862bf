// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/watch/log.h"

// Settings that programs print when they start.
//
//   args = Namespace(..., epochs=50, ..., seed=2, ...)
//   SEED=2                                            (pt.darts, a setting a line)
//   Seed: 42    Cells: 5  |  Ops: 8  |  Epochs: 50

static void copy_word(char *to, size_t size, const char *text, const char *key)
{
    const char *at = scan_find(text, key);
    if (!at)
        return;
    at = scan_skip(at + strlen(key), "'\" ");
    size_t n = strcspn(at, "'\",) ");
    if (n && n < size)
        snprintf(to, size, "%.*s", (int)n, at);
}

static void take(LogReader *log, const char *text)
{
    double value;
    LogSettings *set = &log->settings;
    if (scan_value(text, "seed", &value) && value >= 0 && value < 1e18)
        set->seed = (int64_t)value;
    if ((scan_value(text, "manual_seed", &value) || scan_value(text, "rand_seed", &value)) &&
        value >= 0 && value < 1e18)
        set->seed = (int64_t)value;
    if ((scan_value(text, "epochs", &value) || scan_value(text, "total epochs", &value) ||
         scan_value(text, "EPOCHS TO TRAIN", &value)) &&
        value >= 1 && value < 1e6)
        set->epochs = (int)value;
    if ((scan_value(text, "warmup_epochs", &value) || scan_value(text, "eps_no_archs", &value)) &&
        value >= 0 && value < 1e5)
        set->warmup = (int)value;
    copy_word(set->space, sizeof set->space, text, "search_space=");
    copy_word(set->strategy, sizeof set->strategy, text, "method=");
    if (log->now.run && log->now.current < 0) {
        log->now.run->seed = set->seed >= 0 ? set->seed : log->now.run->seed;
        log->now.run->epochs =
            set->epochs > log->now.run->epochs ? set->epochs : log->now.run->epochs;
    }
}

// "NAME=value", "Name: value", "name    : value" and nothing else. A name may have blanks.
static bool is_setting(const char *text)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || (text[n] && strchr("_-./ ", text[n])))
        n++;
    return n > 1 && n < 48 && isalpha((unsigned char)*text) &&
           (text[n] == '=' || (text[n] == ':' && (!text[n + 1] || text[n + 1] == ' ')));
}

// The arguments of a program that trains the network it is told: a name of a genotype, and none of
// the settings of a search.
static bool is_retraining(const char *text)
{
    const char *arch = strstr(text, " arch='");
    arch = arch ? arch : strstr(text, "(arch='");
    return arch && !strstr(text, "arch_learning_rate") && !strstr(text, "arch_lr");
}

static void name_dialect(LogReader *log, const char *text)
{
    static const struct {
        const char *word, *name;
    } names[] = { { "proj_", "darts-pt" },
                  { "method='dirichlet'", "drnas" },
                  { "sep_loss=", "fairdarts" },
                  { "warmup_dec_epoch=", "sgas" },
                  { "perturb_alpha=", "smoothdarts" },
                  { "arch='", "retraining" } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(text, names[i].word) && (i != 5 || log->retrain))
            log_dialect(log, names[i].name);
}

static void arguments(LogReader *log, const char *text)
{
    log->settings = (LogSettings){ .seed = -1 };
    log_started(log);
    take(log, text);
    log->retrain = is_retraining(text);
    name_dialect(log, text);
    if (log->retrain)
        snprintf(log->model->no_search, sizeof log->model->no_search,
                 "a network that is trained, not a search");
}

bool log_settings_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    (void)status;
    (void)err;
    const char *text = line->text;
    if (strstr(text, "Namespace(")) {
        arguments(log, text);
        return true;
    }
    if (scan_word(text, "Parameters:")) {
        log->settings = (LogSettings){ .seed = -1 };
        return true;
    }
    if (!is_setting(text) && !strstr(text, "Configure("))
        return false;
    take(log, text);
    return true;
}

void log_apply_settings(LogReader *log)
{
    ModelRun *run = log->now.run;
    const LogSettings *set = &log->settings;
    run->seed = set->seed >= 0 ? set->seed : run->seed;
    if (set->epochs > run->epochs)
        run->epochs = set->epochs;
    snprintf(run->strategy, sizeof run->strategy, "%s", set->strategy);
    run->retrain = log->retrain;
    if (set->space[0])
        snprintf(run->space, sizeof run->space, "%s", set->space);
    if (log->options->space)
        snprintf(run->space, sizeof run->space, "%s", log->options->space);
}
