// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/watch/log.h"

// A P-DARTS variant: stages that count epochs from 1, accuracies as fractions, the genotype and
// the alphas of a stage after its last epoch.
//
//   S1 E  1/50 | w_loss=6.7181  a_loss=0.0000  train_acc=0.0012 | val_loss=6.6881  val_acc=0.0048 |
//   lr=0.02498  skip_drop=0.01  38.7s Primitives: ['none', 'skip_connect', ...] Normal:
//   [('max_pool_3x3', 0), ...] Reduce: [...]
//     edge(0->2):       none=0.071  skip_conne=0.061  max_pool_3=0.868

// "38.7s" at the end of the line.
static double trailing_seconds(const char *text)
{
    const char *last = strrchr(text, ' ');
    double seconds;
    const char *end = last ? scan_number(last, &seconds) : NULL;
    return end && strcmp(end, "s") == 0 ? seconds : NAN;
}

static bool epoch_line(LogReader *log, const char *text, Status *status, Error *err)
{
    int stage, epoch, total;
    double value = NAN, lr = NAN;
    const char *at = text;
    if (*at != 'S' || !(at = scan_int(at + 1, &stage)) || !(at = scan_word(at + 1, "E")) ||
        !(at = scan_int(at, &epoch)) || !(at = scan_char(at, '/')) || !(at = scan_int(at, &total)))
        return false;
    if (stage < 1 || stage > 16 || epoch < 1 || epoch > total || total > 100000) {
        log_skip(log, "epoch out of range");
        return true;
    }
    log_dialect(log, "p-darts");
    scan_value(at, "lr", &lr);
    log->base = (stage - 1) * total;
    int stages = log->stages > stage ? log->stages : stage;
    log->summary = true;
    *status = log_epoch(log, epoch - 1, lr, stages * total, err);
    log->summary = false;
    if (!*status && scan_value(at, "w_loss", &value))
        *status = log_loss(log, METRIC_TRAIN, value, true, err);
    if (!*status && scan_value(at, "val_loss", &value))
        *status = log_loss(log, METRIC_VALID, value, true, err);
    if (!*status && scan_value(at, "train_acc", &value))
        *status = log_accuracy(log, METRIC_TRAIN, value, ACC_FRACTION, err);
    if (!*status && scan_value(at, "val_acc", &value))
        *status = log_accuracy(log, METRIC_VALID, value, ACC_FRACTION, err);
    return *status || (*status = log_seconds(log, trailing_seconds(text), err), true);
}

// "Normal: [...]" is kept until "Reduce: [...]" makes it a genotype.
static bool genes_line(LogReader *log, const char *text, Status *status, Error *err)
{
    const char *normal = scan_word(text, "Normal:"), *reduce = scan_word(text, "Reduce:");
    const char *genes = normal ? normal : reduce;
    if (!genes || strncmp(genes, "[(", 2) != 0)
        return false;
    snprintf(log->genes[reduce != NULL], sizeof log->genes[0], "%s", genes);
    if (!reduce || !log->genes[0][0])
        return true;
    char whole[2 * sizeof log->genes[0] + 128];
    snprintf(whole, sizeof whole,
             "Genotype(normal=%s, normal_concat=range(2, 6), reduce=%s, "
             "reduce_concat=range(2, 6))",
             log->genes[0], log->genes[1]);
    log->genes[0][0] = '\0';
    // the final cell repeats the last stage, with skips cut to a limit
    if (!log->in_final)
        *status = log_genotype(log, whole, err);
    return true;
}

// Values in the order printed; names are cut short, so they are checked by their beginnings.
static bool edge_line(LogReader *log, const char *text)
{
    double p[HEALTH_OPS];
    int n = 0;
    const char *at = scan_word(text, "edge(");
    if (!at || !(at = strchr(at, ')')))
        return false;
    at = scan_skip(at + 1, ": ");
    while (*at && n < HEALTH_OPS) {
        size_t name = strcspn(at, "= ");
        const char *end = at[name] == '=' ? scan_number(at + name + 1, &p[n]) : NULL;
        bool known = n >= log->n_op || strncmp(log->op[n], at, name) == 0;
        if (!end || !known)
            break;
        n++;
        at = scan_skip(end, " ");
    }
    if (*at || n < 2) {
        log_skip(log, "alphas not understood");
        return true;
    }
    log_alpha_add(log, p, 1, n);
    return true;
}

bool log_pdarts_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    const char *text = line->text, *at;
    int stage;
    if (scan_find(text, "Search Started")) {
        log_started(log);
        log_dialect(log, "p-darts");
        return true;
    }
    if ((at = scan_word(text, "Stage")) && (at = scan_int(at, &stage))) {
        int total;
        if ((at = scan_char(at, '/')) && scan_int(at, &total) && total > 0 && total < 16)
            log->stages = total;
        return true;
    }
    if ((at = scan_word(text, "Primitives:"))) {
        // the tables of the stage before are complete; theirs are other columns
        *status = log_alpha_flush(log, err);
        if (!log_ops_read(log, at))
            log_skip(log, "operators not understood");
        return true;
    }
    if (scan_find(text, "FINAL GENOTYPE")) {
        log->in_final = true;
        return true;
    }
    if (scan_find(text, "Cell Alphas")) {
        log_alpha_label(log, text);
        return true;
    }
    return epoch_line(log, text, status, err) || genes_line(log, text, status, err) ||
           edge_line(log, text);
}
