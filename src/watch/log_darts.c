// SPDX-License-Identifier: MIT
#include <ctype.h>
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

// Words after the number that say that the epoch begins.
static bool begins(const char *rest)
{
    static const char *const words[] = { "drop", "time", "train", "start", "begin", "search", "-" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (scan_word(rest, words[i]))
            return true;
    return !*rest;
}

// What a second line about an epoch tells of the program.
static void name_dialect(LogReader *log, const char *rest)
{
    static const struct {
        const char *word, *name;
    } names[] = { { "epsilon_alpha", "smoothdarts" },
                  { "selected_idxs", "sgas" },
                  { "lambda_", "lambda-darts" } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (scan_find(rest, names[i].word))
            log_dialect(log, names[i].name);
}

// ---- accuracies and losses ----------------------------------------------------------------------

typedef enum { KIND_ACC, KIND_ERR, KIND_LOSS } MetricKind;

static const struct {
    const char *name;
    MetricKind kind;
} metric_names[] = {
    { "accuracy@1", KIND_ACC }, { "accuracy", KIND_ACC }, { "acc_top1", KIND_ACC },
    { "acc@1", KIND_ACC },      { "acc1", KIND_ACC },     { "acc", KIND_ACC },
    { "top1_acc", KIND_ACC },   { "top1", KIND_ACC },     { "top-1", KIND_ACC },
    { "prec@1", KIND_ACC },     { "prec1", KIND_ACC },    { "error", KIND_ERR },
    { "err", KIND_ERR },        { "loss", KIND_LOSS },    { "objs", KIND_LOSS },
    { "obj", KIND_LOSS },
};

static const struct {
    const char *name;
    LogSplit split;
} split_names[] = {
    { "train", METRIC_TRAIN },      { "training", METRIC_TRAIN }, { "valid", METRIC_VALID },
    { "validation", METRIC_VALID }, { "val", METRIC_VALID },      { "eval", METRIC_VALID },
    { "test", METRIC_TEST },
};

// "valid_acc", "Valid acc:", "val-loss", "train/top1": the place after the name.
static const char *metric_name(const char *text, LogSplit *split, MetricKind *kind)
{
    for (size_t i = 0; i < sizeof split_names / sizeof *split_names; i++) {
        size_t n = strlen(split_names[i].name);
        if (strncasecmp(text, split_names[i].name, n) != 0 || !text[n] || !strchr("_ -/", text[n]))
            continue;
        *split = split_names[i].split;
        const char *at = text + n + 1;
        for (size_t k = 0; k < sizeof metric_names / sizeof *metric_names; k++) {
            size_t m = strlen(metric_names[k].name);
            *kind = metric_names[k].kind;
            if (strncasecmp(at, metric_names[k].name, m) == 0 && (!at[m] || strchr(" :=\t", at[m])))
                return scan_skip(at + m, " :=\t");
        }
    }
    return NULL;
}

static Status metric(LogReader *log, LogSplit split, MetricKind kind, double value, bool percent,
                     Error *err)
{
    if (kind == KIND_LOSS)
        return log_loss(log, split, value, true, err);
    if (percent)
        return log_accuracy(log, split, kind == KIND_ERR ? 100 - value : value, ACC_PERCENT, err);
    return log_accuracy(log, split, value, kind == KIND_ERR ? ACC_ERROR : ACC_UNKNOWN, err);
}

// Where the next word begins, NULL at the end.
static const char *next_word(const char *at)
{
    while (*at && (isalnum((unsigned char)*at) || *at == '_'))
        at++;
    while (*at && !isalpha((unsigned char)*at))
        at++;
    return *at ? at : NULL;
}

// The next metric with its number from here on; the place after the number, NULL if there is none.
static const char *metric_read(const char *text, LogSplit *split, MetricKind *kind, double *value)
{
    for (; text; text = next_word(text)) {
        const char *at = metric_name(text, split, kind);
        const char *end = at ? scan_number(at, value) : NULL;
        if (end)
            return end;
    }
    return NULL;
}

// The metrics of a line.
static Status take_metrics(LogReader *log, const char *text, Error *err)
{
    LogSplit split;
    MetricKind kind;
    double value;
    Status status = STATUS_OK;
    while (text && !status && (text = metric_read(text, &split, &kind, &value))) {
        status = metric(log, split, kind, value, *scan_skip(text, " ") == '%', err);
        text = next_word(text);
    }
    return status;
}

static bool has_metrics(const char *text)
{
    LogSplit split;
    MetricKind kind;
    double value;
    return metric_read(text, &split, &kind, &value) != NULL;
}

static bool metric_line(LogReader *log, const char *text, Status *status, Error *err)
{
    LogSplit split;
    MetricKind kind;
    double value;
    const char *at = metric_name(text, &split, &kind);
    if (!at)
        return false;
    if (!*at)
        log_skip(log, "number missing");
    else if (!scan_number(at, &value))
        return false;
    else
        *status = take_metrics(log, text, err);
    return true;
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
    name_dialect(log, rest);
    bool known = !total && epoch == log->now.current - log->base;
    bool more = isnan(lr) && *rest && !total;
    // "epoch 0 epsilon_alpha 3e-2" says more about an epoch that has begun or will
    log->summary = has_metrics(rest);
    if (more && !known && !begins(rest) && !log->summary)
        return true;
    if (!(more && known))
        *status = total ? log_epoch_of_total(log, epoch, lr, total, err)
                        : log_epoch(log, epoch, lr, 0, err);
    log->summary = false;
    log_dialect(log, "darts");
    if (!*status)
        *status = take_metrics(log, rest, err);
    if (!*status && log->now.run && scan_word(rest, "done"))
        log_epoch_ended(log);
    return true;
}

// ---- step lines ---------------------------------------------------------------------------------

// "train 000 2.32e+00 9.37 57.8", "valid 050steps 4.6e-01objs.avg ...", "Step:000 loss:2.38",
// ">> Validation: 390 4.8e-01 88.6 99.4".
bool log_step_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    const char *text = line->text;
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
    if (at && scan_word(at, "cls_loss")) {
        log_dialect(log, "fairdarts");
        return true;
    }
    at = at ? scan_skip(scan_word(at, "step") ? scan_word(at, "step") : at, ": [") : NULL;
    if (!at || !(at = scan_int(at, &step)))
        return false;
    if (scan_word(at, "steps")) {
        at = scan_word(at, "steps");
        log_dialect(log, "pc-darts");
    }
    int steps;
    if (*at == '/' && scan_int(at + 1, &steps))
        at = scan_skip(scan_int(at + 1, &steps), "] ,:");
    const char *said = scan_find(at, "loss");
    said = said ? said : scan_find(at, "objs");
    at = said && isdigit((unsigned char)*scan_skip(said + 4, " :=(["))
             ? scan_skip(said + 4, " :=([")
             : at;
    if (!(at = scan_number(at, &loss)))
        return false;
    double accuracy = NAN;
    const char *top = scan_find(at, "top1:");
    scan_number(top ? top + 5 : at, &accuracy);
    log_step(log, split, step, accuracy);
    *status = log_loss(log, split, loss, false, err);
    return true;
}

// ---- genotypes ----------------------------------------------------------------------------------

// Where a genotype of any form begins in the line.
static const char *genotype_text(const char *text)
{
    const char *at = strstr(text, "Genotype(");
    if (!at)
        at = strstr(text, "Genotype (");
    if (!at)
        at = strstr(text, "{'normal'");
    if (at)
        return at;
    const char *named = scan_word(text, "genotype");
    named = named ? scan_skip(named, " =:") : NULL;
    return named && (strncmp(named, "[('", 3) == 0 || strncmp(named, "[[('", 4) == 0) ? named
                                                                                      : NULL;
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
    // the best and the final cell, and that of an early stop, repeat one that was said before
    static const char *const words[] = { "best", "final", "stop epoch", "last-geno", "last :" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = scan_find(text, words[i]);
        if (at && at < geno && log->now.run && log->now.run->genotype[0])
            return true;
    }
    *status = log_alpha_flush(log, err);
    if (!*status)
        *status = log_genotype(log, geno, err);
    log_dialect(log, log->now.after_style ? "robustdarts" : "darts");
    return true;
}

// The stages of P-DARTS begin with epoch 0 again. Its log tells the operators that are left, its
// standard output that paths are dropped; the cells with fewer skips that it prints after the
// last stage are made from that one.
static bool stage_line(LogReader *log, const char *text)
{
    bool dropping = scan_find(text, "Dropping") && scan_find(text, "paths");
    if (dropping || scan_word(text, "switches_normal")) {
        log_next_stage(log);
        log_dialect(log, "p-darts");
        return true;
    }
    if (scan_word(text, "Restricting skip")) {
        log->in_final = true;
        return true;
    }
    return scan_word(text, "switches_reduce") != NULL;
}

bool log_darts_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    const char *text = line->text;
    return epoch_line(log, text, status, err) || metric_line(log, text, status, err) ||
           genotype_line(log, text, status, err) || stage_line(log, text);
}
