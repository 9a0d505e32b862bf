// SPDX-License-Identifier: MIT
#include "src/cmd/health_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/cmd/health_sgas.h"
#include "src/health/rules.h"

// ---- what there is ------------------------------------------------------------------------------

static bool reported(const ModelRun *run)
{
    if (run->retrain)
        return false;
    for (int c = 0; c < run->n_cells; c++)
        if (run->cells[c].n_genos)
            return true;
    return run->epoch >= 0;
}

int health_report_runs(const Model *model, Verdict *worst)
{
    int n = 0;
    *worst = VERDICT_OK;
    for (int r = 0; r < model->n; r++) {
        if (!reported(model->runs[r]))
            continue;
        Verdict verdict = health_verdict(model->runs[r]->health, NULL);
        *worst = verdict > *worst ? verdict : *worst;
        n++;
    }
    return n;
}

// The cell that the rules of the literature mean: the normal one, else the first.
static int main_cell(const ModelRun *run)
{
    int normal = model_cell_index(run, "normal");
    return normal >= 0 ? normal : run->n_cells ? 0 : -1;
}

// Genotypes count from epoch 0; the initial state of a journal is not one.
static const GenoRow *series(const ModelCell *cell, int *n)
{
    int skip = 0;
    while (skip < cell->n_genos && cell->genos[skip].epoch < 0)
        skip++;
    *n = cell->n_genos - skip;
    return cell->genos + skip;
}

// JSON counts by genotypes, so that its epochs are places in its lists: the number of the one
// that closes this epoch. The two differ where a log tells a cell at the ends of stages only,
// begins at a later epoch or has lost a line. -1 stays -1.
static int genotype_of(const ModelRun *run, int cell, int epoch)
{
    int n = 0, before = 0;
    const GenoRow *rows = cell >= 0 ? series(&run->cells[cell], &n) : NULL;
    if (!n || epoch < 0)
        return epoch;
    while (before < n && rows[before].epoch < epoch)
        before++;
    return before;
}

// Of all runs; a directory may hold several.
static const char *dialect_of(const Model *model)
{
    const char *dialect = model->dialect[0] ? model->dialect : "unknown";
    const ModelRun *first = NULL;
    for (int r = 0; r < model->n; r++) {
        const ModelRun *run = model->runs[r];
        if (!reported(run))
            continue;
        if (first && strcmp(first->dialect, run->dialect) != 0)
            return "mixed";
        first = run;
    }
    return first && first->dialect[0] ? first->dialect : dialect;
}

static int epoch_count(const ModelRun *run)
{
    int last = run->n_rows ? run->rows[run->n_rows - 1].epoch + 1 : 0;
    return last > 0 ? last : 0;
}

// ---- rules --------------------------------------------------------------------------------------

static int run_stable(const GenoRow *rows, int n)
{
    enum { EPOCHS = 10 };
    uint64_t *hash = mem_array((size_t)n + 1, sizeof *hash);
    if (!hash)
        return -1;
    for (int i = 0; i < n; i++)
        hash[i] = rule_cell_hash(&rows[i].geno);
    int at = rule_stable(hash, n, EPOCHS);
    mem_free(hash);
    return at;
}

static int run_lambda(const ModelRun *run, int *returned)
{
    int n = run->n_lambdas, at = -1;
    double *lambda = mem_array((size_t)n + 1, sizeof *lambda);
    int *epochs = mem_array((size_t)n + 1, sizeof *epochs);
    for (int i = 0; lambda && epochs && i < n; i++) {
        lambda[i] = run->lambdas[i].lambda_max;
        epochs[i] = run->lambdas[i].epoch;
    }
    *returned = -1;
    if (lambda && epochs)
        at = rule_lambda(lambda, epochs, n, run->limits.lambda_ratio, returned);
    mem_free(lambda);
    mem_free(epochs);
    return at;
}

int health_report_rules(const ModelRun *run, RuleResult results[HEALTH_RULES])
{
    int cell = main_cell(run), n = 0, returned = -1;
    const GenoRow *rows = cell >= 0 ? series(&run->cells[cell], &n) : NULL;
    const char *name = cell >= 0 ? run->cells[cell].shape.name : "normal";
    int *skips = mem_array((size_t)n + 1, sizeof *skips);
    if (!skips)
        return 0;
    for (int i = 0; i < n; i++)
        skips[i] = rows[i].skips;
    int lambda = run_lambda(run, &returned);
    const int fired[] = { rule_skips(skips, n, 4, 2), rule_skips(skips, n, 3, 2),
                          rule_darts_plus_1(skips, n), run_stable(rows, n) };
    mem_free(skips);
    static const char *const names[] = { "skips-alarm(4,+2)", "skips-warn(3,+2)", "darts-plus-1",
                                         "darts-plus-2" };
    for (int i = 0, at = 0; i < 4; i++, at++) {
        at += i == 3; // the eigenvalue stands before the last
        int epoch = fired[i] >= 0 && fired[i] < n ? rows[fired[i]].epoch : -1;
        results[at] = (RuleResult){ .rule = names[i], .cell = name, .epoch = epoch };
    }
    results[3] = (RuleResult){ "lambda-live", name, lambda, returned, true, -1, -1 };
    for (int i = 0; i < HEALTH_RULES; i++) {
        results[i].genotype = genotype_of(run, cell, results[i].epoch);
        results[i].returned_genotype = genotype_of(run, cell, results[i].returned);
    }
    return HEALTH_RULES;
}

// ---- JSON ---------------------------------------------------------------------------------------

static Json *number_or_null(double value)
{
    return isnan(value) ? json_new_null() : json_new_num(value);
}

static Json *epoch_or_null(int epoch)
{
    return epoch < 0 ? json_new_null() : json_new_int(epoch);
}

static void cell_text(const GenoCell *cell, Str *out)
{
    Genotype one = { .n_cells = 1 };
    one.cells[0] = *cell;
    genotype_write(&one, out);
}

static Json *alarm_json(const ModelRun *run, int cell, const HealthAlarm *alarm)
{
    Json *out = json_new_object();
    json_put_str(out, "level", level_name(alarm->level));
    json_put_str(out, "rule", alarm->rule);
    json_put_int(out, "epoch", genotype_of(run, cell, alarm->epoch));
    json_put_str(out, "evidence", alarm->evidence);
    const char *cause = cause_name(alarm->cause);
    json_put(out, "cause", cause ? json_new_str(cause) : json_new_null());
    json_put(out, "good_epoch", epoch_or_null(genotype_of(run, cell, alarm->good_epoch)));
    return out;
}

// What concerns the whole run (a dead supernet) stands with the main cell.
static bool alarm_is_of(const HealthAlarm *alarm, const ModelRun *run, int cell)
{
    if (!alarm->cell[0])
        return cell == main_cell(run);
    return strcmp(alarm->cell, run->cells[cell].shape.name) == 0;
}

// One score an edge; null where there are no alphas.
static Json *sgas_json(const ModelRun *run, int index)
{
    double score[HEALTH_EDGES];
    int best;
    if (!health_sgas(run, index, score, &best))
        return json_new_null();
    Json *out = json_new_array();
    for (int e = 0; e < run->cells[index].shape.n_edges; e++)
        json_add(out, number_or_null(score[e]));
    return out;
}

static Json *cell_json(const ModelRun *run, int index)
{
    const ModelCell *cell = &run->cells[index];
    int n;
    const GenoRow *rows = series(cell, &n);
    Json *out = json_new_object(), *skips = json_new_array(), *free_ops = json_new_array();
    Json *depth = json_new_array(), *alarms = json_new_array();
    for (int i = 0; i < n; i++) {
        json_add(skips, json_new_int(rows[i].skips));
        json_add(free_ops, json_new_int(rows[i].parameter_free));
        json_add(depth, json_new_int(rows[i].conv_depth));
    }
    for (int i = 0; i < health_alarm_count(run->health); i++) {
        const HealthAlarm *alarm = health_alarm(run->health, i);
        if (alarm_is_of(alarm, run, index))
            json_add(alarms, alarm_json(run, index, alarm));
    }
    Str text = { 0 };
    if (n)
        cell_text(&rows[n - 1].geno, &text);
    json_put_str(out, "cell", cell->shape.name);
    json_put_int(out, "genotypes", n);
    json_put(out, "skips", skips);
    json_put(out, "parameter_free", free_ops);
    json_put(out, "conv_depth", depth);
    json_put(out, "genotype", n ? json_new_str(str_text(&text)) : json_new_null());
    json_put(out, "alarms", alarms);
    json_put(out, "sgas", sgas_json(run, index));
    str_fini(&text);
    return out;
}

static Json *accuracies(const ModelRun *run, bool train)
{
    Json *out = json_new_array();
    int at = 0, n = epoch_count(run);
    for (int epoch = 0; epoch < n; epoch++) {
        while (at < run->n_rows && run->rows[at].epoch < epoch)
            at++;
        bool there = at < run->n_rows && run->rows[at].epoch == epoch;
        double value = !there ? NAN : train ? run->rows[at].train_acc : run->rows[at].valid_acc;
        json_add(out, number_or_null(value));
    }
    return out;
}

static Json *rules_json(const ModelRun *run)
{
    RuleResult results[HEALTH_RULES];
    Json *out = json_new_array();
    int n = health_report_rules(run, results);
    for (int i = 0; i < n; i++) {
        Json *one = json_new_object();
        json_put_str(one, "rule", results[i].rule);
        json_put_str(one, "cell", results[i].cell);
        json_put(one, "epoch", epoch_or_null(results[i].genotype));
        if (results[i].returns)
            json_put(one, "returned", epoch_or_null(results[i].returned_genotype));
        json_add(out, one);
    }
    return out;
}

// What a search without any preference would be told; null where that is not known.
static Json *chance_json(const ModelRun *run)
{
    Json *out = json_new_object();
    for (int level = LEVEL_WATCH; level <= LEVEL_ALARM; level++)
        json_put(out, level_name((HealthLevel)level),
                 number_or_null(health_false_alarm_rate(run->health, (HealthLevel)level)));
    return out;
}

static Json *run_json(const ModelRun *run)
{
    Json *out = json_new_object(), *cells = json_new_array();
    Cause cause;
    Verdict verdict = health_verdict(run->health, &cause);
    json_put_str(out, "name", run->name);
    json_put_int(out, "epochs", epoch_count(run));
    json_put_bool(out, "complete", run->complete);
    for (int c = 0; c < run->n_cells; c++)
        json_add(cells, cell_json(run, c));
    json_put(out, "cells", cells);
    json_put(out, "train_acc", accuracies(run, true));
    json_put(out, "valid_acc", accuracies(run, false));
    json_put(out, "rules", rules_json(run));
    json_put(out, "by_chance", chance_json(run));
    json_put_str(out, "verdict", verdict_name(verdict));
    const char *why = cause_name(cause);
    json_put(out, "cause", why ? json_new_str(why) : json_new_null());
    return out;
}

Json *health_report_json(const Model *model, const char *source)
{
    Json *out = json_new_object(), *runs = json_new_array();
    json_put_str(out, "source", source);
    json_put_str(out, "dialect", dialect_of(model));
    json_put_int(out, "skipped_lines", model->skipped_lines);
    for (int r = 0; r < model->n; r++)
        if (reported(model->runs[r]))
            json_add(runs, run_json(model->runs[r]));
    json_put(out, "runs", runs);
    return out;
}

// ---- text ---------------------------------------------------------------------------------------

static void cell_lines(const ModelRun *run, int index, Str *out)
{
    const ModelCell *cell = &run->cells[index];
    int n;
    const GenoRow *rows = series(cell, &n);
    str_addf(out, "  %s: ", cell->shape.name);
    if (n) {
        const GenoRow *last = &rows[n - 1];
        str_addf(out,
                 "%d skips and %d parameter-free of %d operators, conv depth %d, after %d "
                 "genotypes\n",
                 last->skips, last->parameter_free, last->geno.n_edges, last->conv_depth, n);
    } else {
        str_add(out, "no genotype\n");
    }
    for (int i = 0; i < health_alarm_count(run->health); i++) {
        const HealthAlarm *alarm = health_alarm(run->health, i);
        if (!alarm_is_of(alarm, run, index))
            continue;
        str_addf(out, "    epoch %d  %s  %s: %s\n", alarm->epoch, level_name(alarm->level),
                 alarm->rule, alarm->evidence);
        if (alarm->good_epoch >= 0 && alarm->level >= LEVEL_WARN)
            str_addf(out, "      last good epoch: %d\n", alarm->good_epoch);
    }
}

static void sgas_words(const ModelRun *run, Str *out)
{
    double score[HEALTH_EDGES];
    int cell = main_cell(run), best = -1;
    if (cell < 0 || !health_sgas(run, cell, score, &best) || best < 0)
        return;
    const HealthCell *shape = &run->cells[cell].shape;
    str_addf(out, ", SGAS scores edge %d>%d highest (%.2g)", shape->edge[best].from,
             shape->edge[best].to, score[best]);
}

static void rule_lines(const ModelRun *run, Str *out)
{
    RuleResult results[HEALTH_RULES];
    int n = health_report_rules(run, results);
    str_add(out, "  fixed rules, for comparison:");
    for (int i = 0; i < n; i++) {
        str_addf(out, "%s %s ", i ? "," : "", results[i].rule);
        if (results[i].epoch < 0)
            str_add(out, "never");
        else
            str_addf(out, "epoch %d", results[i].epoch);
        if (results[i].returns && results[i].epoch >= 0)
            str_addf(out, " (returns to %d)", results[i].returned);
    }
    sgas_words(run, out);
    str_addc(out, '\n');
}

static void chance_line(const ModelRun *run, Str *out)
{
    double alarm = health_false_alarm_rate(run->health, LEVEL_ALARM);
    double warn = health_false_alarm_rate(run->health, LEVEL_WARN);
    if (!isnan(alarm) && !isnan(warn))
        str_addf(
            out,
            "  by chance: a driftless search of this length gets an ALARM in at most %.0f %%, a "
            "WARN in at most %.0f %% of runs\n",
            100.0 * alarm, 100.0 * warn);
}

static void run_lines(const ModelRun *run, Str *out)
{
    Cause cause;
    Verdict verdict = health_verdict(run->health, &cause);
    str_addf(out, "%s: %s", run->name, verdict_name(verdict));
    if (cause_name(cause))
        str_addf(out, " (%s)", cause_name(cause));
    str_addf(out, ", %d", run->epoch + 1);
    if (run->epochs)
        str_addf(out, " of %d", run->epochs);
    str_addf(out, " epochs%s\n", run->complete ? "" : ", not complete");
    for (int c = 0; c < run->n_cells; c++)
        cell_lines(run, c, out);
    rule_lines(run, out);
    chance_line(run, out);
}

void health_report_text(const Model *model, const char *source, Str *out)
{
    str_addf(out, "%s: %s, %lld lines skipped\n", source, dialect_of(model),
             (long long)model->skipped_lines);
    for (int i = 0; i < model->n_skips; i++)
        str_addf(out, "  skipped at %lld: %s\n", (long long)model->skips[i].line,
                 model->skips[i].reason);
    for (int r = 0; r < model->n; r++)
        if (reported(model->runs[r]))
            run_lines(model->runs[r], out);
}
