// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/watch/log.h"

// quark0/darts and what was made from it: PC-DARTS, RobustDARTS, SmoothDARTS, DARTS-PT, DrNAS,
// FairDARTS, P-DARTS, TA-DARTS. They differ in underscores, colons and in what stands where.
//
//   epoch 0 lr 2.500000e-02 [drop_prob ...]     Epoch: 0 lr: 2.495266e-02     epoch 0
//   genotype = Genotype(...)                    Genotype: Genotype(...)
//   train 000 2.326062e+00 9.375000 57.812500   train 000steps 2.279015e+00objs.avg 13.6top1.avg
//   train_acc 43.372   train acc: 41.74   train_acc 41.1 | train_obj 1.58   Train_acc 41.1
//   valid_acc 53.916   valid acc: 51.02   test_acc 50.74 | test_obj 1.33

// ---- epoch lines --------------------------------------------------------------------------------

static const char *epoch_number(const char *text, int *epoch, int *total)
{
    const char *at = scan_word(text, "epoch");
    if (!at || (text[5] != ' ' && text[5] != ':' && text[5] != '\t' && text[5] != '='))
        return NULL;
    at = scan_skip(at, " :=[\t");
    at = scan_int(at, epoch);
    if (!at)
        return NULL;
    *total = 0;
    const char *slash = scan_char(at, '/');
    if (slash && scan_int(slash, total))
        at = scan_int(slash, total);
    return scan_skip(at, "] \t,:|");
}

static bool epoch_line(LogReader *log, const char *text, Status *status, Error *err)
{
    int epoch, total;
    double lr = NAN;
    const char *rest = epoch_number(text, &epoch, &total);
    if (!rest)
        return false;
    if (!scan_value(rest, "lr", &lr))
        scan_value(rest, "learning_rate", &lr);
    // "epoch 0 epsilon_alpha 3e-2" says more about an epoch that has begun
    bool more = isnan(lr) && *rest && !total;
    if (more && epoch == log->current - log->base) {
        log_dialect(log, scan_find(rest, "epsilon_alpha") ? "darts-pt" : "darts");
        return true;
    }
    if (more && !scan_word(rest, "drop") && !scan_word(rest, "time"))
        return strlen(rest) > 0 && scan_word(rest, "epsilon_alpha") != NULL;
    if (strncmp(text, "Epoch:", 6) == 0)
        log_dialect(log, "darts");
    *status = log_epoch(log, total > 0 && epoch > 0 ? epoch - 1 : epoch, lr, total, err);
    return true;
}

// ---- accuracies and losses ----------------------------------------------------------------------

typedef enum { KIND_ACC, KIND_ERR, KIND_LOSS } MetricKind;

static const struct {
    const char *name;
    MetricKind kind;
} metric_names[] = {
    { "accuracy", KIND_ACC }, { "acc_top1", KIND_ACC }, { "acc1", KIND_ACC }, { "acc", KIND_ACC },
    { "top1", KIND_ACC },     { "error", KIND_ERR },    { "err", KIND_ERR },  { "loss", KIND_LOSS },
    { "objs", KIND_LOSS },    { "obj", KIND_LOSS },
};

static const struct {
    const char *name;
    LogSplit split;
} split_names[] = {
    { "train", METRIC_TRAIN }, { "valid", METRIC_VALID }, { "validation", METRIC_VALID },
    { "val", METRIC_VALID },   { "test", METRIC_TEST },
};

// "valid_acc", "Valid acc:", "val-loss": the place after the name.
static const char *metric_name(const char *text, LogSplit *split, MetricKind *kind)
{
    for (size_t i = 0; i < sizeof split_names / sizeof *split_names; i++) {
        size_t n = strlen(split_names[i].name);
        if (strncasecmp(text, split_names[i].name, n) != 0 || !text[n] || !strchr("_ -", text[n]))
            continue;
        *split = split_names[i].split;
        const char *at = text + n + 1;
        for (size_t k = 0; k < sizeof metric_names / sizeof *metric_names; k++) {
            size_t m = strlen(metric_names[k].name);
            *kind = metric_names[k].kind;
            if (strncasecmp(at, metric_names[k].name, m) == 0 && at[m] && strchr(" :=\t", at[m]))
                return scan_skip(at + m, " :=\t");
        }
    }
    return NULL;
}

static Status metric(LogReader *log, LogSplit split, MetricKind kind, double value, Error *err)
{
    if (kind == KIND_LOSS)
        return log_loss(log, split, value, true, err);
    return log_accuracy(log, split, kind == KIND_ERR ? 100 - value : value, false, err);
}

// Pieces between '|' or ',': "train_acc 41.1 | train_obj 1.58".
static bool metric_line(LogReader *log, const char *text, Status *status, Error *err)
{
    bool found = false;
    while (text && !*status) {
        LogSplit split;
        MetricKind kind;
        double value;
        const char *at = metric_name(text, &split, &kind);
        const char *end = at ? scan_number(at, &value) : NULL;
        if (at && !end && !found) {
            log_skip(log, "number missing");
            return true;
        }
        if (!end)
            break;
        found = true;
        *status = metric(log, split, kind, value, err);
        text = strpbrk(end, "|,;");
        text = text ? scan_skip(text, "|,; \t") : NULL;
    }
    return found;
}

// ---- step lines ---------------------------------------------------------------------------------

// "train 000 2.32e+00 9.37 57.8", "valid 050steps 4.6e-01objs.avg ...", "Step:000 loss:2.38",
// ">> Validation: 390 4.8e-01 88.6 99.4".
static bool step_line(LogReader *log, const char *text, Status *status, Error *err)
{
    const char *at;
    LogSplit split = METRIC_TRAIN;
    int step;
    double loss;
    if ((at = scan_word(text, "Step:")) && (at = scan_int(at, &step)) &&
        (at = scan_find(at, "loss:")) && scan_number(at + 5, &loss)) {
        *status = log_loss(log, METRIC_TRAIN, loss, false, err);
        log_dialect(log, "ta-darts");
        return true;
    }
    if ((at = scan_word(text, ">> Validation:")))
        split = METRIC_VALID;
    else if ((at = scan_word(text, "train ")))
        split = METRIC_TRAIN;
    else if ((at = scan_word(text, "valid ")) || (at = scan_word(text, "val ")))
        split = METRIC_VALID;
    else if ((at = scan_word(text, "test ")))
        split = METRIC_TEST;
    if (!at || !(at = scan_int(scan_word(at, "step:") ? scan_word(at, "step:") : at, &step)))
        return false;
    if (scan_word(at, "steps")) {
        at = scan_word(at, "steps");
        log_dialect(log, "pc-darts");
    }
    const char *said = scan_find(at, "loss");
    at = said ? scan_skip(said + 4, " :=(") : at;
    if (!scan_number(at, &loss))
        return false;
    *status = log_loss(log, split, loss, false, err);
    return true;
}

// ---- genotypes ----------------------------------------------------------------------------------

static const char *genotype_text(const char *text)
{
    const char *at = strstr(text, "Genotype(");
    return at ? at : strstr(text, "Genotype (");
}

static bool genotype_line(LogReader *log, const char *text, Status *status, Error *err)
{
    const char *geno = genotype_text(text);
    if (!geno) {
        bool cut = scan_word(text, "genotype") != NULL && scan_char(text + 8, '=') != NULL &&
                   !strstr(text, "Structure(");
        if (cut)
            log_skip(log, "genotype not understood");
        return cut;
    }
    // the best and the final cell repeat one that was said before
    const char *best = scan_find(text, "best"), *final = scan_find(text, "final");
    bool repeats = (best && best < geno) || (final && final < geno);
    if (repeats && log->run && log->run->genotype[0])
        return true;
    *status = log_alpha_flush(log, err);
    if (!*status)
        *status = log_genotype(log, geno, err);
    log_dialect(log, log->after_style ? "robustdarts" : "darts");
    return true;
}

// P-DARTS begins its next stage with epoch 0 again.
static bool stage_line(LogReader *log, const char *text)
{
    if (!scan_find(text, "Dropping") || !scan_find(text, "paths"))
        return false;
    log->base = log->current + 1;
    log_dialect(log, "p-darts");
    return true;
}

bool log_darts_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    const char *text = line->text;
    return epoch_line(log, text, status, err) || metric_line(log, text, status, err) ||
           genotype_line(log, text, status, err) || step_line(log, text, status, err) ||
           stage_line(log, text);
}
