// SPDX-License-Identifier: MIT
// Public search logs against their published truth. The logs lie beside the repository and are
// not part of it; without them these tests are skipped.
#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/health/rules.h"
#include "src/watch/hessians.h"
#include "tests/watch/read.h"

#define LOGS "../shared/data/logs/"

static bool there(void)
{
    return file_exists(LOGS "truth.csv");
}

// The run that counts: the last complete one.
static const ModelRun *run_of(Source *source)
{
    const Model *model = source_model(source);
    for (int r = model->n - 1; r >= 0; r--)
        if (model->runs[r]->complete)
            return model->runs[r];
    fail_msg("no complete run");
    return NULL;
}

// ---- truth.csv ----------------------------------------------------------------------------------

// One row of the table against the model.
static void check_row(const ModelRun *run, const char *log, const char *rest)
{
    int index, printed, skips, free_ops, reduce = -1, used = 0;
    double acc[2] = { NAN, NAN };
    assert_int_equal(sscanf(rest, "%d,%d,%d,%d,%n", &index, &printed, &skips, &free_ops, &used), 4);
    rest += used;
    if (*rest != ',')
        reduce = atoi(rest);
    rest = strchr(rest, ',') + 1;
    if (*rest != ',')
        acc[0] = atof(rest) / 100;
    rest = strchr(rest, ',') + 1;
    if (*rest >= '0' && *rest <= '9')
        acc[1] = atof(rest) / 100;
    int cell = model_cell_index(run, "normal");
    cell = cell < 0 ? model_cell_index(run, "cell") : cell;
    const GenoRow *geno = model_geno(run, cell, index);
    if (!geno || geno->epoch != index || geno->skips != skips || geno->parameter_free != free_ops)
        fail_msg("%s index %d: %d skips, %d parameter-free expected", log, index, skips, free_ops);
    const GenoRow *other = model_geno(run, model_cell_index(run, "reduction"), index);
    if (reduce >= 0 && (!other || other->skips != reduce))
        fail_msg("%s index %d: %d skips in the reduction cell expected", log, index, reduce);
    const EpochRow *row = &run->rows[index];
    assert_int_equal(row->epoch, index);
    const double got[2] = { row->train_acc, row->valid_acc };
    for (int k = 0; k < 2; k++)
        if (isnan(acc[k]) ? !isnan(got[k]) : !near(got[k], acc[k], 1e-7))
            fail_msg("%s index %d: accuracy %d is %g, not %g", log, index, k, got[k], acc[k]);
}

static void every_row_of_the_truth_table_is_read(void **state)
{
    (void)state;
    if (!there())
        skip();
    char *text, last[256] = "", path[512];
    size_t len;
    int rows = 0, in_log = 0;
    Source *source = NULL;
    const ModelRun *run = NULL;
    assert_int_equal(file_read(LOGS "truth.csv", 1 << 20, &text, &len, NULL), 0);
    char *save = NULL;
    strtok_r(text, "\n", &save);
    for (char *line; (line = strtok_r(NULL, "\n", &save)); rows++, in_log++) {
        char *comma = strchr(line, ',');
        *comma = '\0';
        if (strcmp(line, last) != 0) {
            if (run)
                assert_int_equal(run->n_rows, in_log);
            source_close(source);
            snprintf(path, sizeof path, LOGS "%s", line);
            snprintf(last, sizeof last, "%s", line);
            source = read_path(path, NULL);
            run = run_of(source);
            assert_int_equal(source_model(source)->skipped_lines, 0);
            in_log = 0;
        }
        check_row(run, line, comma + 1);
    }
    assert_int_equal(rows, 850);
    source_close(source);
    mem_free(text);
}

// ---- rules --------------------------------------------------------------------------------------

static const struct {
    const char *log;
    int warn, alarm; // -1 never
    Verdict verdict;
} cases[] = {
    { "robustdarts-s1-2516843-1.txt", 15, 17, VERDICT_COLLAPSED },
    { "robustdarts-s1-2516843-2.txt", 10, 13, VERDICT_COLLAPSED },
    { "robustdarts-s1-2516843-3.txt", 13, 13, VERDICT_COLLAPSED },
    { "robustdarts-s1-2516846-1.txt", -1, -1, VERDICT_OK },
    { "robustdarts-s1-2516846-2.txt", -1, -1, VERDICT_OK },
    { "robustdarts-s1-2516846-3.txt", -1, -1, VERDICT_OK },
    { "robustdarts-s3-2516870-1.txt", 16, 16, VERDICT_COLLAPSED },
    { "robustdarts-s3-2516870-2.txt", 7, 10, VERDICT_COLLAPSED },
    { "robustdarts-s3-2516870-3.txt", 9, 10, VERDICT_COLLAPSED },
    { "robustdarts-s3-2614102-1.txt", 20, 21, VERDICT_DEAD },
    { "asquaredm-nb201-darts-seed0.txt", 5, 5, VERDICT_COLLAPSED },
    { "asquaredm-darts-s5-seed2.txt", -1, -1, VERDICT_WATCH },
    { "ptdarts-cifar100-2e.log", 20, 22, VERDICT_COLLAPSED },
    { "pcdarts-cifar10-seed1.txt", -1, -1, VERDICT_OK },
    { "dialects/robustdarts-s1-2497405-1-droppath.txt", 34, -1, VERDICT_OK },
    { "dialects/tadarts-cifar10-logits-trimmed.txt", -1, -1, VERDICT_WATCH },
};

static void fixed_rules_and_verdicts_are_the_published_ones(void **state)
{
    (void)state;
    if (!there())
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        int skips[128], n = 0;
        snprintf(path, sizeof path, LOGS "%s", cases[i].log);
        Source *source = read_path(path, NULL);
        const ModelRun *run = run_of(source);
        int cell = model_cell_index(run, "normal");
        const ModelCell *main = &run->cells[cell < 0 ? 0 : cell];
        for (; n < main->n_genos && n < 128; n++)
            skips[n] = main->genos[n].skips;
        if (rule_skips(skips, n, 3, 2) != cases[i].warn ||
            rule_skips(skips, n, 4, 2) != cases[i].alarm)
            fail_msg("%s: rules", cases[i].log);
        Verdict verdict = health_verdict(run->health, NULL);
        bool alike = verdict == cases[i].verdict ||
                     (verdict < VERDICT_WARN && cases[i].verdict < VERDICT_WARN);
        if (!alike)
            fail_msg("%s: verdict %s", cases[i].log, verdict_name(verdict));
        source_close(source);
    }
}

static void pools_without_skips_are_a_collapse_too(void **state)
{
    (void)state;
    if (!there())
        skip();
    Source *source = read_path(LOGS "dialects/pdarts-palmvein-run1-poolcollapse-trimmed.log", NULL);
    const Model *model = source_model(source);
    assert_int_equal(model->n, 2); // the start that was cut off after an epoch, and the real one
    assert_false(model->runs[0]->complete);
    const ModelRun *run = run_of(source);
    const ModelCell *cell = &run->cells[model_cell_index(run, "normal")];
    static const int pools[] = { 4, 6, 8 };
    assert_int_equal(cell->n_genos, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cell->genos[i].epoch, 50 * i + 49);
        assert_int_equal(cell->genos[i].skips, 0);
        assert_int_equal(cell->genos[i].parameter_free, pools[i]);
    }
    Cause cause;
    assert_int_equal(health_verdict(run->health, &cause), VERDICT_COLLAPSED);
    assert_int_equal(cause, CAUSE_PARAMETER_FREE);
    assert_int_equal(run->rows[10].epoch, 49);
    assert_true(near(run->rows[10].valid_acc, 0.5983, 1e-9));
    source_close(source);
}

// ---- goldens of the alphas ----------------------------------------------------------------------

typedef struct {
    int epoch;
    double t, gap, t_q, gap_q; // NAN: not in the table
} Golden;

static void check_goldens(const char *log, const char *name, const Golden *goldens, int n)
{
    char path[512];
    snprintf(path, sizeof path, LOGS "%s", log);
    Source *source = read_path(path, NULL);
    const ModelRun *run = run_of(source);
    int cell = model_cell_index(run, name);
    for (int i = 0; i < n; i++) {
        const AlphaLook *look = model_look(run, cell, goldens[i].epoch);
        assert_non_null(look);
        assert_int_equal(look->epoch, goldens[i].epoch);
        const Signals *s = &look->signals;
        if (!near(s->t_p, goldens[i].t, 2e-3) || !near(s->gap_p, goldens[i].gap, 2e-4))
            fail_msg("%s %d: t %g gap %g", log, goldens[i].epoch, s->t_p, s->gap_p);
        if (!isnan(goldens[i].t_q) &&
            (!near(s->t_q, goldens[i].t_q, 2e-3) || !near(s->gap_q, goldens[i].gap_q, 2e-4)))
            fail_msg("%s %d: t(q) %g gap(q) %g", log, goldens[i].epoch, s->t_q, s->gap_q);
    }
    source_close(source);
}

static void consensus_and_gap_are_golden(void **state)
{
    (void)state;
    if (!there())
        skip();
    static const Golden nb201[] = {
        { 1, 6.120, 0.0262, 8.050, 0.0238 },   { 2, 7.321, 0.0697, 9.115, 0.0627 },
        { 5, 6.556, 0.1680, 7.123, 0.1517 },   { 10, 5.909, 0.2478, 6.724, 0.2334 },
        { 20, 5.487, 0.4037, 6.362, 0.3936 },  { 40, 6.252, 0.7827, 8.102, 0.7765 },
        { 60, 7.353, 1.2343, 10.047, 1.2351 }, { 98, 9.956, 2.2463, 18.074, 2.2999 },
    };
    static const Golden s5[] = {
        { 0, 2.722, 0.0005, NAN, NAN },    { 1, -9.465, -0.0283, NAN, NAN },
        { 2, -9.151, -0.0474, NAN, NAN },  { 5, -7.106, -0.0830, NAN, NAN },
        { 10, -6.630, -0.1488, NAN, NAN }, { 20, -4.772, -0.1697, NAN, NAN },
        { 30, -3.009, -0.1253, NAN, NAN }, { 40, -0.900, -0.0087, NAN, NAN },
        { 49, 0.236, 0.1003, NAN, NAN },
    };
    // tables are printed before the epoch: the one after e epochs belongs to index e - 1
    static const Golden ptdarts[] = {
        { -1, 0.299, 0.0001, 0.197, 0.0000 },    { 0, -9.416, -0.0357, -9.724, -0.0320 },
        { 1, -7.787, -0.0434, -8.249, -0.0394 }, { 4, -5.021, -0.0779, -5.008, -0.0674 },
        { 9, -3.388, -0.1263, -2.798, -0.0869 }, { 14, -2.073, -0.1209, -0.828, -0.0345 },
        { 19, -1.348, -0.0801, 0.674, 0.0646 },  { 24, -1.032, -0.0241, 1.865, 0.1860 },
        { 29, -0.993, 0.0237, 2.695, 0.2978 },   { 39, -1.194, 0.0807, 3.570, 0.4551 },
        { 48, -1.519, 0.1069, 3.982, 0.5281 },
    };
    static const Golden reduction[] = { { 49, 2.560, 0.409, NAN, NAN } };
    check_goldens("asquaredm-nb201-darts-seed0.txt", "cell", nb201, 8);
    check_goldens("asquaredm-darts-s5-seed2.txt", "normal", s5, 9);
    check_goldens("asquaredm-darts-s5-seed2.txt", "reduction", reduction, 1);
    check_goldens("ptdarts-cifar100-2e.log", "normal", ptdarts, 11);
}

static void hessians_give_the_published_eigenvalues(void **state)
{
    (void)state;
    if (!there())
        skip();
    static const int epochs[] = { 0, 10, 20, 30, 40, 49 };
    static const double lambda[] = { 0.178844, 0.249, 0.208, 0.502, 0.644, 0.521 };
    SourceOptions options = { .majority = NAN,
                              .until_epoch = INT_MAX,
                              .hessians = LOGS
                              "hessian/robustdarts-s1-2516843-1.derivatives-excerpt.jsonl" };
    Source *source = read_path(LOGS "robustdarts-s1-2516843-1.txt", &options);
    const ModelRun *run = run_of(source);
    assert_int_equal(run->n_lambdas, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(run->lambdas[i].epoch, epochs[i]);
        assert_true(near(run->lambdas[i].lambda_max, lambda[i], 6e-4));
    }
    source_close(source);
}

// ---- damage -------------------------------------------------------------------------------------

// A log cut anywhere gives the same genotypes and accuracies as far as it goes.
static void a_cut_log_says_the_same_as_far_as_it_goes(void **state)
{
    (void)state;
    if (!there())
        skip();
    static const char *const logs[] = { "robustdarts-s1-2516843-1.txt",
                                        "asquaredm-nb201-darts-seed0.txt",
                                        "ptdarts-cifar100-2e.log" };
    for (int k = 0; k < 3; k++) {
        char path[512], *text;
        size_t len;
        Model whole;
        snprintf(path, sizeof path, LOGS "%s", logs[k]);
        assert_int_equal(file_read(path, 1 << 24, &text, &len, NULL), 0);
        read_with(&log_reader, NULL, text, len, &whole);
        const ModelRun *full = whole.runs[0];
        for (size_t cut = 1; cut < len; cut += len / 40 + 7) {
            Model part;
            read_with(&log_reader, NULL, text, cut, &part);
            assert_true(part.n <= 1);
            const ModelRun *run = part.n ? part.runs[0] : NULL;
            for (int c = 0; run && c < run->n_cells; c++)
                for (int i = 0; i < run->cells[c].n_genos; i++)
                    if (run->cells[c].genos[i].logged)
                        assert_int_equal(run->cells[c].genos[i].skips,
                                         full->cells[c].genos[i].skips);
            for (int i = 0; run && i < run->n_rows; i++)
                if (!isnan(run->rows[i].valid_acc))
                    assert_true(near(run->rows[i].valid_acc, full->rows[i].valid_acc, 1e-12));
            model_free(&part);
        }
        model_free(&whole);
        mem_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_truth_table_is_read),
        cmocka_unit_test(fixed_rules_and_verdicts_are_the_published_ones),
        cmocka_unit_test(pools_without_skips_are_a_collapse_too),
        cmocka_unit_test(consensus_and_gap_are_golden),
        cmocka_unit_test(hessians_give_the_published_eigenvalues),
        cmocka_unit_test(a_cut_log_says_the_same_as_far_as_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
