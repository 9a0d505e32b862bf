// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/watch/log.h"

// khanrc/pt.darts: epochs from 1, alphas one tensor a node before the epoch, genotype after it,
// none in the last column.
//
//   ####### ALPHA #######
//   # Alpha - normal
//   Train: [ 1/50] Step 000/390 Loss 4.726 Prec@(1,5) (1.6%, 9.4%)
//   Train: [ 1/50] Final Prec@1 10.5720%
//   Valid: [ 1/50] Final Prec@1 16.5320%
//   Train: Layer 1/3 Epoch  1/30 Step 000/390 Loss 4.726 ...            (CDARTS)

static bool step_part(LogReader *log, LogSplit split, const char *rest, Status *status, Error *err)
{
    int step, steps;
    double loss;
    const char *at = scan_word(rest, "Step");
    if (!at || !(at = scan_int(at, &step)) || !(at = scan_char(at, '/')) ||
        !(at = scan_int(at, &steps)))
        return false;
    if (log->now.run && split == METRIC_TRAIN)
        log->now.run->steps_per_epoch = steps + 1;
    if (scan_value(at, "Loss", &loss))
        *status = log_loss(log, split, loss, false, err);
    return true;
}

static bool split_line(LogReader *log, const char *text, Status *status, Error *err)
{
    int epoch, total;
    double accuracy;
    LogSplit split = METRIC_TRAIN;
    const char *at = scan_word(text, "Train:");
    if (!at && (at = scan_word(text, "Valid:")))
        split = METRIC_VALID;
    bool layers = at && (scan_word(at, "Layer") != NULL);
    if (layers)
        at = scan_find(at, "Epoch") ? scan_find(at, "Epoch") + 5 : NULL;
    if (!at || (!layers && !(at = scan_char(at, '['))) || !(at = scan_int(at, &epoch)) ||
        !(at = scan_char(at, '/')) || !(at = scan_int(at, &total)))
        return false;
    at = scan_skip(at, "] ");
    if (epoch < 1) {
        log_skip(log, "epoch out of range");
        return true;
    }
    if (epoch - 1 != log->now.current || log->start_hint)
        *status = log_epoch(log, epoch - 1, NAN, total, err);
    log_dialect(log, "pt.darts");
    if (*status || step_part(log, split, at, status, err))
        return true;
    const char *final = scan_word(at, "Final");
    if (final && (final = scan_word(final, "Prec@1")) && scan_number(final, &accuracy)) {
        *status = log_accuracy(log, split, accuracy,
                               strchr(final, '%') ? ACC_PERCENT : ACC_FRACTION, err);
        return true;
    }
    log_skip(log, "accuracy missing");
    return true;
}

bool log_ptdarts_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    const char *text = line->text;
    if (scan_word(text, "Logger is set")) {
        log_started(log);
        return true;
    }
    if (strncmp(text, "####", 4) == 0 && strstr(text, "ALPHA")) {
        log->none_last = true;
        return true;
    }
    if (scan_word(text, "# Alpha - ")) {
        log->none_last = true;
        log_alpha_label(log, text);
        return true;
    }
    return split_line(log, text, status, err);
}
