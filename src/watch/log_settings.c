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
    if (scan_value(text, "manual_seed", &value) && value >= 0 && value < 1e18)
        set->seed = (int64_t)value;
    if (scan_value(text, "epochs", &value) && value >= 1 && value < 1e6)
        set->epochs = (int)value;
    if ((scan_value(text, "warmup_epochs", &value) || scan_value(text, "eps_no_archs", &value)) &&
        value >= 0 && value < 1e5)
        set->warmup = (int)value;
    copy_word(set->space, sizeof set->space, text, "search_space=");
    copy_word(set->strategy, sizeof set->strategy, text, "method=");
    if (log->run && log->current < 0) {
        log->run->seed = set->seed >= 0 ? set->seed : log->run->seed;
        log->run->epochs = set->epochs > log->run->epochs ? set->epochs : log->run->epochs;
    }
}

// "NAME=value" or "Name: value" and nothing else.
static bool is_setting(const char *text)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '-' || text[n] == '.')
        n++;
    return n > 1 && n < 40 && (text[n] == '=' || (text[n] == ':' && text[n + 1] == ' '));
}

bool log_settings_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    (void)status;
    (void)err;
    const char *text = line->text;
    if (strstr(text, "Namespace(")) {
        log->settings = (LogSettings){ .seed = -1 };
        log_started(log);
        take(log, text);
        if (scan_find(text, "darts-proj"))
            log_dialect(log, "darts-pt");
        return true;
    }
    if (scan_word(text, "Parameters:")) {
        log->settings = (LogSettings){ .seed = -1 };
        return true;
    }
    if (!is_setting(text))
        return false;
    take(log, text);
    return true;
}
