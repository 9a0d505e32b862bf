// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "src/watch/log.h"

// What happens in a search besides its epochs: eigenvalues of the alpha Hessian, the choice of
// operators that DARTS-PT makes after it, words that give a program away.
//
//   CURRENT EV: 0.241873             Epoch 10: CURRENT MAX EV: (0.251+0j)
//   project op                       selected edge: 8 normal
//   (ADA) Rolling back to epoch 20

static bool eigenvalue_line(LogReader *log, const char *text, Status *status, Error *err)
{
    static const char *const words[] = { "CURRENT EV", "MAX EV", "lambda_max", "max eigenvalue",
                                         "dominant eigenvalue" };
    double value;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = scan_find(text, words[i]);
        if (!at || !scan_number(scan_skip(at + strlen(words[i]), " :=("), &value))
            continue;
        if (i == 1)
            log_dialect(log, "noisydarts");
        *status = log_lambda(log, value, err);
        return true;
    }
    return false;
}

static bool selection_line(LogReader *log, const char *text)
{
    static const char *const words[] = { "project op", "project edge",
                                         "selected edge:", "selected node:" };
    bool one = strcmp(text, "project") == 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        one |= scan_word(text, words[i]) != NULL;
    if (!one)
        return false;
    log_dialect(log, "darts-pt");
    log_selection(log);
    return true;
}

static bool roll_back_line(LogReader *log, const char *text)
{
    int epoch;
    const char *at = scan_word(text, "(ADA)");
    at = scan_word(at ? at : text, "Rolling back to epoch");
    if (!at || !scan_int(at, &epoch))
        return false;
    log_roll_back(log, epoch);
    return true;
}

static void name_dialect(LogReader *log, const char *text)
{
    static const struct {
        const char *word, *name;
    } names[] = { { "concentration ", "drnas" },
                  { "edges-normal", "gaea" },
                  { "_selected_idxs", "sgas" },
                  { "SKIP BETA DECAY RATE", "darts-minus" },
                  { "STARTING ITERATION:", "robustdarts" },
                  { "freeze.", "oles" } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(text, names[i].word))
            log_dialect(log, names[i].name);
}

bool log_event_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    name_dialect(log, line->text);
    return eigenvalue_line(log, line->text, status, err) || selection_line(log, line->text) ||
           roll_back_line(log, line->text);
}
