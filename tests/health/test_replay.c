// SPDX-License-Identifier: MIT
// The public logs through the published rules and through the detector.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "src/health/rules.h"
#include "tests/health/scan.h"

static void series(const Scan *scan, int cell, int *skips)
{
    for (int i = 0; i < scan->n; i++)
        skips[i] = geno_cell_count(&scan->geno[i].cells[cell]).skips;
}

// ---- published rules against the truth ----------------------------------------------------------

typedef struct {
    const char *log;
    int warn, alarm;
} Truth;

static const Truth TRUTH[] = {
    { "robustdarts-s1-2516843-1.txt", 15, 17 },
    { "robustdarts-s1-2516843-2.txt", 10, 13 },
    { "robustdarts-s1-2516843-3.txt", 13, 13 },
    { "robustdarts-s1-2516846-1.txt", -1, -1 },
    { "robustdarts-s1-2516846-2.txt", -1, -1 },
    { "robustdarts-s1-2516846-3.txt", -1, -1 },
    { "robustdarts-s3-2516870-1.txt", 16, 16 },
    { "robustdarts-s3-2516870-2.txt", 7, 10 },
    { "robustdarts-s3-2516870-3.txt", 9, 10 },
    { "robustdarts-s3-2614102-1.txt", 20, 21 },
    { "asquaredm-nb201-darts-seed0.txt", 5, 5 },
    { "asquaredm-darts-s5-seed2.txt", -1, -1 },
    { "ptdarts-cifar100-2e.log", 20, 22 },
    { "pcdarts-cifar10-seed1.txt", -1, -1 },
    { "dialects/robustdarts-s1-2497405-1-droppath.txt", 34, -1 },
    { "dialects/tadarts-cifar10-logits-trimmed.txt", -1, -1 },
};
enum { TRUTHS = sizeof TRUTH / sizeof *TRUTH };

static void published_rules_fire_at_the_epochs_of_the_truth(void **state)
{
    (void)state;
    for (int i = 0; i < TRUTHS; i++) {
        Scan *scan = scan_log(TRUTH[i].log);
        if (!scan)
            skip();
        int skips[SCAN_MAX];
        series(scan, 0, skips);
        if (rule_skips(skips, scan->n, 3, 2) != TRUTH[i].warn)
            print_error("%s\n", TRUTH[i].log);
        assert_int_equal(rule_skips(skips, scan->n, 3, 2), TRUTH[i].warn);
        assert_int_equal(rule_skips(skips, scan->n, 4, 2), TRUTH[i].alarm);
        mem_free(scan);
    }
}

static char *read_text(const char *name)
{
    char path[256], *text = NULL;
    snprintf(path, sizeof path, LOGS "%s", name);
    size_t len;
    return file_read(path, 1 << 24, &text, &len, NULL) == STATUS_OK ? text : NULL;
}

static void counts_agree_with_the_truth_at_every_index(void **state)
{
    (void)state;
    char *text = read_text("truth.csv");
    if (!text)
        skip();
    for (int i = 0; i < TRUTHS; i++) {
        Scan *scan = scan_log(TRUTH[i].log);
        char mark[160];
        snprintf(mark, sizeof mark, "\n%s,", TRUTH[i].log);
        int rows = 0;
        for (const char *p = strstr(text, mark); p; p = strstr(p + 1, mark), rows++) {
            int index, printed, skips, all, reduce = 0;
            int got =
                sscanf(p + strlen(mark), "%d,%d,%d,%d,%d", &index, &printed, &skips, &all, &reduce);
            CellCount normal = geno_cell_count(&scan->geno[index].cells[0]);
            assert_int_equal(normal.skips, skips);
            assert_int_equal(normal.parameter_free, all);
            if (got == 5)
                assert_int_equal(geno_cell_count(&scan->geno[index].cells[1]).skips, reduce);
        }
        assert_true(rows == 50 || rows == 100);
        mem_free(scan);
    }
    mem_free(text);
}

static void lambda_rule_decides_and_returns_as_published(void **state)
{
    (void)state;
    static const struct {
        const char *log;
        int decision, returned;
    } want[] = {
        { "robustdarts-s1-2516843-1.txt", 22, 10 }, { "robustdarts-s1-2516843-2.txt", 22, 10 },
        { "robustdarts-s1-2516843-3.txt", 30, 18 }, { "robustdarts-s1-2516846-1.txt", -1, -1 },
        { "robustdarts-s1-2516846-2.txt", -1, -1 }, { "robustdarts-s1-2516846-3.txt", 48, 36 },
        { "robustdarts-s3-2516870-1.txt", 34, 22 }, { "robustdarts-s3-2516870-2.txt", 30, 18 },
        { "robustdarts-s3-2516870-3.txt", 24, 12 }, { "robustdarts-s3-2614102-1.txt", -1, -1 },
    };
    char *text = read_text("hessian/lambda_max.csv");
    if (!text)
        skip();
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        double lambda[64];
        int epochs[64], n = 0, returned;
        char mark[160];
        snprintf(mark, sizeof mark, "\n%s,", want[i].log);
        for (const char *p = strstr(text, mark); p && n < 64; p = strstr(p + 1, mark), n++)
            assert_int_equal(sscanf(p + strlen(mark), "%d,%lf", &epochs[n], &lambda[n]), 2);
        assert_true(n >= 25);
        assert_int_equal(rule_lambda(lambda, epochs, n, 1.3, &returned), want[i].decision);
        assert_int_equal(returned, want[i].returned);
    }
    mem_free(text);
}

// ---- the detector -------------------------------------------------------------------------------

static Health *judge(const Scan *scan, const char *const *ops, bool nb201, int epochs)
{
    HealthLimits limits;
    health_limits_default(&limits);
    limits.epochs = epochs;
    Health *health = health_new(&limits);
    HealthCell cell[2] = { scan_cell(nb201 ? "cell" : "normal", ops, nb201),
                           scan_cell("reduction", ops, nb201) };
    int index[2], cells = nb201 ? 1 : 2;
    for (int c = 0; c < cells; c++)
        index[c] = health_cell(health, &cell[c]);
    for (int e = 0; e < scan->n; e++) {
        health_accuracy(health, e, e < scan->n_acc ? scan->train[e] : NAN,
                        e < scan->n_valid ? scan->valid[e] : NAN);
        for (int c = 0; c < cells; c++) {
            HealthLook look = { .epoch = e, .geno = scan->geno[e].cells[c], .p_norm = NAN };
            if (ops && e < scan->n_alpha[c]) {
                double p[SCAN_VALUES];
                memcpy(p, scan->alpha[c][e], sizeof p);
                if (p[0] < 0.0 || p[0] + p[1] < 0.01) // printed as logits
                    signals_softmax(p, scan->rows, scan->cols);
                signals_compute(&cell[c], p, &look.signals);
                look.has_alpha = true;
                look.p_norm = 0.0;
                for (int k = 0; k < scan->rows * scan->cols; k++)
                    look.p_norm += (k + 1) * scan->alpha[c][e][k];
            }
            health_look(health, index[c], &look);
        }
    }
    return health;
}

typedef struct {
    const char *log;
    const char *const *ops;
    bool nb201;
    Verdict least, most;
    Cause cause;
    int from, to; // epoch of the first ALARM
} Expected;

static const Expected EXPECTED[] = {
    { "robustdarts-s1-2516843-1.txt", NULL, false, VERDICT_COLLAPSED, VERDICT_COLLAPSED,
      CAUSE_SKIPS, 17, 17 },
    { "robustdarts-s1-2516843-2.txt", NULL, false, VERDICT_COLLAPSED, VERDICT_COLLAPSED,
      CAUSE_SKIPS, 13, 13 },
    { "robustdarts-s1-2516843-3.txt", NULL, false, VERDICT_COLLAPSED, VERDICT_COLLAPSED,
      CAUSE_SKIPS, 13, 13 },
    { "robustdarts-s3-2516870-1.txt", NULL, false, VERDICT_COLLAPSED, VERDICT_COLLAPSED,
      CAUSE_SKIPS, 16, 16 },
    { "robustdarts-s3-2516870-2.txt", NULL, false, VERDICT_COLLAPSED, VERDICT_COLLAPSED,
      CAUSE_SKIPS, 10, 10 },
    { "robustdarts-s3-2516870-3.txt", NULL, false, VERDICT_COLLAPSED, VERDICT_COLLAPSED,
      CAUSE_SKIPS, 10, 10 },
    { "robustdarts-s3-2614102-1.txt", NULL, false, VERDICT_DEAD, VERDICT_DEAD, CAUSE_DEAD, 1, 5 },
    { "asquaredm-nb201-darts-seed0.txt", OPS_NB201, true, VERDICT_COLLAPSED, VERDICT_COLLAPSED,
      CAUSE_SKIPS, 3, 3 },
    { "ptdarts-cifar100-2e.log", OPS_PTDARTS, false, VERDICT_COLLAPSED, VERDICT_COLLAPSED,
      CAUSE_SKIPS, 20, 22 },
    { "robustdarts-s1-2516846-1.txt", NULL, false, VERDICT_OK, VERDICT_WARN, CAUSE_NONE, -1, -1 },
    { "robustdarts-s1-2516846-2.txt", NULL, false, VERDICT_OK, VERDICT_WARN, CAUSE_NONE, -1, -1 },
    { "robustdarts-s1-2516846-3.txt", NULL, false, VERDICT_OK, VERDICT_WARN, CAUSE_NONE, -1, -1 },
    { "asquaredm-darts-s5-seed2.txt", OPS_S5, false, VERDICT_OK, VERDICT_WATCH, CAUSE_NONE, -1,
      -1 },
    { "pcdarts-cifar10-seed1.txt", NULL, false, VERDICT_OK, VERDICT_OK, CAUSE_NONE, -1, -1 },
    { "dialects/tadarts-cifar10-logits-trimmed.txt", OPS_TADARTS, false, VERDICT_OK, VERDICT_WATCH,
      CAUSE_NONE, -1, -1 },
    { "dialects/robustdarts-s1-2497405-1-droppath.txt", NULL, false, VERDICT_OK, VERDICT_WARN,
      CAUSE_NONE, -1, -1 },
};

static int first_alarm(const Health *health)
{
    for (int i = 0; i < health_alarm_count(health); i++)
        if (health_alarm(health, i)->level == LEVEL_ALARM)
            return health_alarm(health, i)->epoch;
    return -1;
}

static void print_alarms(const char *log, const Health *health)
{
    Cause cause;
    Verdict verdict = health_verdict(health, &cause);
    print_message("%s: %s %s\n", log, verdict_name(verdict),
                  cause_name(cause) ? cause_name(cause) : "-");
    for (int i = 0; i < health_alarm_count(health); i++) {
        const HealthAlarm *a = health_alarm(health, i);
        print_message("  %3d %-9s %-5s %-20s good %d: %s\n", a->epoch, a->cell,
                      level_name(a->level), a->rule, a->good_epoch, a->evidence);
    }
}

static void verdicts_on_the_public_logs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof EXPECTED / sizeof *EXPECTED; i++) {
        const Expected *want = &EXPECTED[i];
        Scan *scan = scan_log(want->log);
        if (!scan)
            skip();
        Health *health = judge(scan, want->ops, want->nb201, scan->n);
        print_alarms(want->log, health);
        Cause cause;
        Verdict verdict = health_verdict(health, &cause);
        assert_in_range(verdict, want->least, want->most);
        if (want->cause != CAUSE_NONE)
            assert_int_equal(cause, want->cause);
        int alarm = first_alarm(health);
        assert_true(alarm >= want->from && alarm <= want->to);
        if (want->cause == CAUSE_DEAD)
            for (int k = 0; k < health_alarm_count(health); k++)
                assert_int_not_equal(health_alarm(health, k)->cause, CAUSE_PARAMETER_FREE);
        assert_false(health_failed(health));
        health_free(health);
        mem_free(scan);
    }
}

static void a_known_majority_rate_finds_the_dead_run_in_its_second_epoch(void **state)
{
    (void)state;
    Scan *scan = scan_log("robustdarts-s3-2614102-1.txt");
    if (!scan)
        skip();
    HealthLimits limits;
    health_limits_default(&limits);
    limits.majority = 0.1884;
    Health *health = health_new(&limits);
    for (int e = 0; e < scan->n; e++)
        health_accuracy(health, e, scan->train[e], scan->valid[e]);
    assert_int_equal(health_alarm_count(health), 1);
    assert_int_equal(health_alarm(health, 0)->epoch, 1);
    assert_int_equal(health_alarm(health, 0)->good_epoch, -1);
    assert_non_null(strstr(health_alarm(health, 0)->evidence, "majority class (18.8 %)"));
    health_free(health);
    mem_free(scan);
}

// Indexed by stage with the flag, or by epoch, where the silence between says the same.
static void judge_stages(int epochs_a_stage)
{
    char *text = read_text("dialects/pdarts-palmvein-run1-poolcollapse-trimmed.log");
    if (!text)
        skip();
    static const char *const eight[] = { "none",         "max_pool_3x3", "avg_pool_3x3",
                                         "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
                                         "dil_conv_3x3", "dil_conv_5x5", NULL };
    HealthLimits limits;
    health_limits_default(&limits);
    Health *health = health_new(&limits);
    HealthCell cell = scan_cell("normal", eight, false);
    const char *p = text;
    for (int stage = 0; stage < 3; stage++) {
        p = strstr(p, "Normal: [");
        Str form = { 0 };
        int len = (int)(strchr(p, '\n') - p - 8);
        str_addf(&form,
                 "Genotype(normal=%.*s, normal_concat=range(2, 6), reduce=%.*s, "
                 "reduce_concat=range(2, 6))",
                 len, p + 8, len, p + 8);
        Genotype geno;
        Error err;
        if (genotype_parse(str_text(&form), &geno, NULL, &err) != STATUS_OK)
            fail_msg("%s: %s", err.msg, str_text(&form));
        HealthLook look = { .epoch = epochs_a_stage * (stage + 1) - 1,
                            .geno = geno.cells[0],
                            .p_norm = NAN,
                            .stage_end = epochs_a_stage == 1 };
        health_look(health, health_cell(health, &cell), &look);
        str_fini(&form);
        p++;
    }
    print_alarms("pdarts", health);
    Cause cause;
    assert_int_equal(health_verdict(health, &cause), VERDICT_COLLAPSED);
    assert_int_equal(cause, CAUSE_PARAMETER_FREE);
    assert_int_equal(first_alarm(health), 3 * epochs_a_stage - 1);
    health_free(health);
    mem_free(text);
}

static void pools_at_the_stage_ends_are_a_parameter_free_collapse(void **state)
{
    (void)state;
    judge_stages(1);
    judge_stages(50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_rules_fire_at_the_epochs_of_the_truth),
        cmocka_unit_test(counts_agree_with_the_truth_at_every_index),
        cmocka_unit_test(lambda_rule_decides_and_returns_as_published),
        cmocka_unit_test(verdicts_on_the_public_logs),
        cmocka_unit_test(a_known_majority_rate_finds_the_dead_run_in_its_second_epoch),
        cmocka_unit_test(pools_at_the_stage_ends_are_a_parameter_free_collapse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
