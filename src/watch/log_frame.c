// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/watch/log.h"

// Frameworks with words of their own, and the recurrent cells of quark0/darts.
//
//   Epoch [1/50] Step [11/196]  acc1 0.375000 (0.348011)  loss 1.749034 (1.813211)      NNI
//   epoch [0/5], train step [100/195], loss [   2.164,    2.180], train metrics [accuracy:
//     18.487,  69.562]                                                                  Vega
//   Arch weights (alphas, last column argmax):                                          NASLib
//   +0.001210, -0.000304, +0.000011, 0
//   Epoch 3-20, Train loss: 1.80211, validation loss: 1.79231, learning rate: [0.0248]
//   Epoch 3 done. Train accuracy: 41.25000, Validation accuracy: 44.10000
//   | epoch   1 |    50/  112 batches | lr 20.00 | ms/batch 1234.50 | loss  6.50 | ppl   665.14
//   | end of epoch   1 | time: 501.20s | valid loss  6.21 | valid ppl   497.70

// ---- steps of NNI and Vega ----------------------------------------------------------------------

// "0.375 (0.348)" and "[2.164, 2.180]": the mean is the second number where there is one.
static const char *mean_read(const char *at, double *value)
{
    bool list = *at == '[';
    double mean;
    const char *end = scan_number(at + list, value);
    const char *more = end ? scan_char(end, list ? ',' : '(') : NULL;
    if (more && scan_number(more, &mean)) {
        *value = mean;
        return scan_number(more, &mean);
    }
    return end;
}

static const char *after_name(const char *text, const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        const char *at = scan_find(text, names[i]);
        if (at)
            return scan_skip(at + strlen(names[i]), " :=");
    }
    return NULL;
}

static Status step_values(LogReader *log, const char *rest, LogSplit split, Error *err)
{
    static const char *const accs[] = { "accuracy", "acc1", "acc_top1", "top1", "acc" };
    static const char *const losses[] = { "loss" };
    double value;
    Status status = STATUS_OK;
    const char *at = after_name(rest, losses, 1);
    if (at && mean_read(at, &value))
        status = log_loss(log, split, value, false, err);
    at = after_name(rest, accs, 5);
    if (!status && at && mean_read(at, &value))
        status = log_running(log, split, value, ACC_UNKNOWN, err);
    return status;
}

static bool step_line(LogReader *log, const char *text, Status *status, Error *err)
{
    int epoch, total, step, steps;
    const char *at = scan_word(text, "epoch");
    if (!at || !(at = scan_char(at, '[')) || !(at = scan_int(at, &epoch)) ||
        !(at = scan_char(at, '/')) || !(at = scan_int(at, &total)) || !(at = scan_char(at, ']')))
        return false;
    const char *word = scan_find(at, "step"), *rest = word ? scan_char(word + 4, '[') : NULL;
    if (!rest || !(rest = scan_int(rest, &step)) || !(rest = scan_char(rest, '/')) ||
        !(rest = scan_int(rest, &steps)))
        return false;
    const char *valid = scan_find(at, "valid"), *train = scan_find(at, "train");
    bool is_valid = valid ? valid < word || !train : !train && !scan_find(rest, "loss");
    log_dialect(log, scan_find(rest, "metrics [") ? "vega" : "nni");
    log->now.zero_based |= epoch == 0;
    if (epoch - !log->now.zero_based != log->now.current - log->base)
        *status = log_epoch_of_total(log, epoch, NAN, total, err);
    if (!*status && log->now.run && !is_valid)
        log->now.run->steps_per_epoch = steps;
    if (!*status)
        *status = step_values(log, rest, is_valid ? METRIC_VALID : METRIC_TRAIN, err);
    return true;
}

// ---- NASLib -------------------------------------------------------------------------------------

// NASLib walks edges by their source; cells have them by their target.
static void by_target(double *value, int rows, int cols)
{
    double sorted[HEALTH_EDGES * HEALTH_OPS];
    int inputs = rows == 14 ? 2 : 1, nodes = rows == 14 ? 4 : 3, row = 0;
    for (int from = 0; from < inputs + nodes; from++)
        for (int to = from < inputs ? inputs : from + 1; to < inputs + nodes; to++, row++) {
            int at = from;
            for (int node = inputs; node < to; node++)
                at += node;
            memcpy(sorted + (ptrdiff_t)at * cols, value + (ptrdiff_t)row * cols,
                   (size_t)cols * sizeof *value);
        }
    memcpy(value, sorted, (size_t)(rows * cols) * sizeof *value);
}

static void name_columns(LogReader *log, int cols)
{
    static const char darts[] = "['skip_connect','none','max_pool_3x3','avg_pool_3x3',"
                                "'sep_conv_3x3','sep_conv_5x5','dil_conv_3x3','dil_conv_5x5']";
    static const char bench[] = "['skip_connect','none','nor_conv_3x3','nor_conv_1x1',"
                                "'avg_pool_3x3']";
    if (cols == 8)
        log_ops_read(log, darts);
    else if (cols == 5)
        log_ops_read(log, bench);
}

static void weights_done(LogReader *log)
{
    LogTensor *t = &log->tensor;
    int rows = t->rows, cols = t->cols;
    log->in_weights = false;
    if (rows % 14 == 0 && rows > 0 && rows <= 28) {
        name_columns(log, cols);
        for (int cell = 0; cell < rows / 14; cell++) {
            by_target(t->value + (ptrdiff_t)cell * 14 * cols, 14, cols);
            log_alpha_label(log, cell ? "reduction" : "normal");
            log_alpha_add(log, t->value + (ptrdiff_t)cell * 14 * cols, 14, cols);
        }
    } else if (rows == 6) {
        name_columns(log, cols);
        by_target(t->value, 6, cols);
        log_alpha_label(log, "cell");
        log_alpha_add(log, t->value, 6, cols);
    } else {
        log_skip(log, "architecture weights of no known cell");
    }
}

// "+0.001210, -0.000304, +0.000011, 0": the last number is the place of the largest.
static bool weights_row(LogReader *log, const char *text)
{
    LogTensor *t = &log->tensor;
    double row[HEALTH_OPS + 1];
    int n = 0;
    const char *at = text;
    while (n <= HEALTH_OPS && (at = scan_number(at, &row[n])) && ++n && *at == ',')
        at++;
    bool fits = at && !*scan_skip(at, " ") && n > 2 && (!t->rows || n - 1 == t->cols) &&
                t->n + n <= TENSOR_VALUES && t->rows < HEALTH_EDGES;
    if (!fits)
        return false;
    t->cols = n - 1;
    t->rows++;
    for (int k = 0; k < n - 1; k++)
        t->value[t->n++] = row[k];
    return true;
}

static bool naslib_line(LogReader *log, const char *text, Status *status, Error *err)
{
    int epoch, step;
    double value = NAN;
    if (scan_word(text, "Arch weights (alphas")) {
        log_dialect(log, "naslib");
        log->tensor = (LogTensor){ .state = TENSOR_IDLE };
        log->in_weights = true;
        return true;
    }
    if (log->in_weights && weights_row(log, text))
        return true;
    if (log->in_weights)
        weights_done(log);
    const char *at = scan_word(text, "Epoch");
    if (!at || !(at = scan_int(at, &epoch)) || *at != '-' || !(at = scan_int(at + 1, &step)) ||
        *at != ',')
        return false;
    const char *lr = scan_find(at, "learning rate:");
    if (lr)
        scan_number(scan_skip(lr + 14, " ["), &value);
    log_dialect(log, "naslib");
    if (epoch != log->now.current - log->base || log->start_hint)
        *status = log_epoch(log, epoch, value, 0, err);
    if (!*status && scan_value(at, "Train loss", &value))
        *status = log_loss(log, METRIC_TRAIN, value, false, err);
    if (!*status && scan_value(at, "validation loss", &value))
        *status = log_loss(log, METRIC_VALID, value, false, err);
    return true;
}

// ---- recurrent cells ----------------------------------------------------------------------------

static bool recurrent_line(LogReader *log, const char *text, Status *status, Error *err)
{
    int epoch;
    double value;
    text = scan_skip(text, "| ");
    const char *end = scan_word(text, "end of epoch"), *at = end ? end : scan_word(text, "epoch");
    if (!at || !(at = scan_int(at, &epoch)) || !scan_find(at, end ? "ppl" : "ms/batch") ||
        epoch < 1)
        return false;
    log_dialect(log, "darts-rnn");
    if (epoch - 1 != log->now.current - log->base || log->start_hint)
        *status = log_epoch(log, epoch - 1, NAN, 0, err);
    EpochRow *row =
        *status || !log->now.run ? NULL : model_epoch(log->now.run, log->now.current, err);
    if (row && scan_value(at, "lr", &value))
        row->lr = value;
    if (!*status && end && scan_value(at, "valid loss", &value))
        *status = log_loss(log, METRIC_VALID, value, true, err);
    else if (!*status && !end && scan_value(at, "loss", &value))
        *status = log_loss(log, METRIC_TRAIN, value, false, err);
    if (!*status && end && scan_value(at, "time", &value))
        *status = log_seconds(log, value, err);
    if (end && log->now.run)
        log_epoch_ended(log);
    return true;
}

bool log_frame_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    return naslib_line(log, line->text, status, err) || step_line(log, line->text, status, err) ||
           recurrent_line(log, line->text, status, err);
}
