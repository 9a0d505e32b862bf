// SPDX-License-Identifier: MIT
// The detector at the edges of what a search can be: nothing to choose, nothing that moves, hardly
// anything told, a thousand epochs.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/rng.h"
#include "src/health/null.h"
#include "tests/health/made.h"

enum { EDGES = 14, MAX_OPS = 4 };

// Two genes a node, from its first two inputs; the first `skips` of the eight are skips.
static GenoCell geno_of(int skips, const char *other)
{
    GenoCell geno = { .inputs = 2, .nodes = 4, .combine = COMBINE_CONCAT };
    for (int i = 0; i < 8; i++) {
        GenoEdge *edge = &geno.edges[geno.n_edges++];
        edge->from = i % 2;
        edge->to = 2 + i / 2;
        snprintf(edge->op, sizeof edge->op, "%s", i < skips ? "skip_connect" : other);
    }
    for (int node = 2; node < 6; node++)
        geno.concat[geno.n_concat++] = node;
    return geno;
}

static HealthLook told(int epoch, int skips)
{
    HealthLook look = { .epoch = epoch, .p_norm = NAN, .geno = geno_of(skips, "sep_conv_3x3") };
    signals_from_genotype(&look.geno, &look.signals);
    return look;
}

static const char *const TWO[] = { "skip_connect", "sep_conv_3x3" };

// ---- hardly anything told -----------------------------------------------------------------------

static void one_genotype_is_no_trend(void **state)
{
    (void)state;
    HealthCell cell = cell_of("normal", 0, NULL, false);
    const int epochs[] = { 0, 3, 49 };
    for (int i = 0; i < 3; i++) {
        int index;
        Health *health = judge_of(&cell, 50, &index);
        HealthLook look = told(epochs[i], 8);
        health_look(health, index, &look);
        assert_in_range(health_verdict(health, NULL), VERDICT_OK, VERDICT_WATCH);
        assert_int_equal(alarm_epoch(health, "skips-alarm"), -1);
        assert_int_equal(alarm_epoch(health, "present-from-start"), -1);
        health_free(health);
    }
}

static void no_genotype_at_all_is_judged_by_nothing(void **state)
{
    (void)state;
    HealthCell cell = cell_of("normal", 2, TWO, false);
    int index;
    Health *health = judge_of(&cell, 50, &index);
    assert_int_equal(health_verdict(health, NULL), VERDICT_OK);
    assert_int_equal(health_level(health, index), LEVEL_OK);
    assert_true(isnan(health_false_alarm_rate(health, LEVEL_WATCH)));
    health_rewind(health, 10);
    health_free(health);
}

// A log that lost epochs 9 to 12: three looks in a row are looks, and the rise is over epochs.
static void lost_epochs_do_not_stand_in_for_looks(void **state)
{
    (void)state;
    HealthCell cell = cell_of("normal", 0, NULL, false);
    int index;
    Health *health = judge_of(&cell, 50, &index);
    const struct {
        int epoch, skips;
    } seen[] = { { 0, 1 }, { 1, 2 }, { 2, 1 }, { 3, 1 },  { 4, 1 },  { 5, 1 },
                 { 6, 1 }, { 7, 1 }, { 8, 4 }, { 13, 4 }, { 14, 4 }, { 15, 4 } };
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        HealthLook look = told(seen[i].epoch, seen[i].skips);
        health_look(health, index, &look);
    }
    assert_int_equal(alarm_epoch(health, "skips-alarm"), 14); // 8, 13, 14; against epoch 6
    assert_int_equal(health_alarm(health, 0)->good_epoch, 7);
    health_free(health);
}

// Every fifth epoch told: looks are rarer, the rules the same.
static void every_fifth_epoch_is_enough(void **state)
{
    (void)state;
    HealthCell cell = cell_of("normal", 0, NULL, false);
    int index;
    Health *health = judge_of(&cell, 60, &index);
    for (int e = 0; e < 60; e += 5) {
        HealthLook look = told(e, e < 20 ? e / 10 : 6);
        health_look(health, index, &look);
    }
    // The rise of 8 epochs is over by the third look; the slow rule waits for 8 looks.
    assert_int_equal(alarm_epoch(health, "skips-alarm"), -1);
    assert_int_equal(alarm_epoch(health, "skips-slow"), 55);
    health_free(health);
}

// ---- numbers that are none ----------------------------------------------------------------------

static void alphas_that_are_no_numbers_leave_the_counts(void **state)
{
    (void)state;
    HealthCell cell = cell_of("normal", 2, TWO, false);
    double p[EDGES * 2];
    for (int i = 0; i < EDGES * 2; i++)
        p[i] = i % 3 ? NAN : INFINITY;
    int index;
    Health *health = judge_of(&cell, 50, &index);
    for (int e = 0; e < 20; e++) {
        HealthLook look = told(e, e < 9 ? 1 : 6);
        look.has_alpha = true;
        look.p_norm = NAN;
        Signals counts = look.signals;
        signals_compute(&cell, p, &look.signals);
        assert_true(isnan(look.signals.t_q) && isnan(look.signals.t_free));
        look.signals.skips = counts.skips;
        look.signals.parameter_free = counts.parameter_free;
        look.signals.conv_depth = counts.conv_depth;
        health_look(health, index, &look);
    }
    assert_int_equal(alarm_epoch(health, "skips-alarm"), 11);
    assert_int_equal(alarm_epoch(health, "t-watch"), -1);
    assert_int_equal(alarm_epoch(health, "gap-forecast"), -1);
    health_free(health);
}

static void accuracies_that_are_no_numbers_are_no_death(void **state)
{
    (void)state;
    HealthCell cell = cell_of("normal", 2, TWO, false);
    int index;
    Health *health = judge_of(&cell, 50, &index);
    for (int e = 0; e < 50; e++)
        health_accuracy(health, e, NAN, e % 2 ? NAN : 0.1);
    assert_int_equal(health_alarm_count(health), 0);
    health_free(health);
}

// ---- nothing to choose, nothing that moves ------------------------------------------------------

static void a_cell_without_edges_is_never_ill(void **state)
{
    (void)state;
    HealthCell cell = { .name = "normal", .inputs = 1, .nodes = 0, .keep = 2 };
    int index;
    Health *health = judge_of(&cell, 50, &index);
    for (int e = 0; e < 30; e++) {
        HealthLook look = { .epoch = e, .has_alpha = true, .p_norm = e };
        signals_compute(&cell, NULL, &look.signals);
        health_look(health, index, &look);
    }
    assert_int_equal(health_alarm_count(health), 0);
    assert_int_equal(health_verdict(health, NULL), VERDICT_OK);
    assert_true(isnan(health_false_alarm_rate(health, LEVEL_ALARM)));
    health_free(health);
}

// With one operator only the edges are ranked: 8 of 8 skips are the space, not a collapse.
static void one_operator_leaves_nothing_to_prefer(void **state)
{
    (void)state;
    HealthCell cell = cell_of("normal", 1, TWO, false);
    double p[EDGES];
    for (int i = 0; i < EDGES; i++)
        p[i] = 1.0;
    int index;
    Health *health = judge_of(&cell, 50, &index);
    for (int e = 0; e < 50; e++) {
        HealthLook look = told(e, 8);
        look.geno.edges[0].from = e % 2; // the kept edges change
        look.has_alpha = true;
        Signals counts = look.signals;
        signals_compute(&cell, p, &look.signals);
        assert_true(isnan(look.signals.t_q) && isnan(look.signals.t_free));
        look.signals.skips = counts.skips;
        look.signals.parameter_free = counts.parameter_free;
        look.signals.conv_depth = counts.conv_depth;
        health_look(health, index, &look);
    }
    assert_in_range(health_verdict(health, NULL), VERDICT_OK, VERDICT_WATCH);
    for (int i = 0; i < health_alarm_count(health); i++)
        assert_int_equal(health_alarm(health, i)->cause, CAUSE_DEPTH);
    assert_true(isnan(health_false_alarm_rate(health, LEVEL_ALARM)));
    health_free(health);
}

static void a_search_frozen_for_ever_is_not_judged(void **state)
{
    (void)state;
    HealthCell cell = cell_of("normal", 2, TWO, false);
    int index;
    Health *health = judge_of(&cell, 400, &index);
    for (int e = 0; e < 400; e++) {
        HealthLook look = told(e, 8);
        look.has_alpha = e % 2;
        look.p_norm = look.has_alpha ? 1.0 : NAN;
        look.signals.t_q = 9.0;
        health_look(health, index, &look);
    }
    assert_int_equal(health_alarm_count(health), 0);
    assert_int_equal(health_verdict(health, NULL), VERDICT_OK);
    health_free(health);
}

// Half of eight skips is the mean of a two-operator space: without a rise nothing is said.
static void two_operators_need_a_rise(void **state)
{
    (void)state;
    HealthCell cell = cell_of("normal", 2, TWO, false);
    int index;
    Health *health = judge_of(&cell, 50, &index);
    for (int e = 0; e < 30; e++) {
        HealthLook look = told(e, e < 20 ? 4 + e % 2 : 7);
        health_look(health, index, &look);
    }
    assert_int_equal(health_skip_limit(&cell), 4);
    assert_int_equal(alarm_epoch(health, "present-from-start"), -1);
    assert_int_equal(alarm_epoch(health, "skips-alarm"),
                     20); // 4, 5, 7: three looks of four or more
    health_free(health);
}

// ---- long runs ----------------------------------------------------------------------------------

static void a_thousand_epochs_are_judged_like_fifty(void **state)
{
    (void)state;
    HealthCell cell = cell_of("normal", 2, TWO, false);
    int index;
    Health *health = judge_of(&cell, 1000, &index);
    Rng rng = rng_new(3);
    for (int e = 0; e < 1000; e++) {
        int skips = e < 700 ? (int)rng_below(&rng, 3) : 6;
        HealthLook look = told(e, skips);
        health_accuracy(health, e, 0.5 + 0.0004 * e, 0.5 + 0.0004 * e);
        health_look(health, index, &look);
    }
    assert_int_equal(alarm_epoch(health, "skips-alarm"), 702);
    assert_int_equal(health_verdict(health, NULL), VERDICT_COLLAPSED);
    health_rewind(health, 699);
    assert_int_equal(health_alarm_count(health), 0);
    assert_int_equal(health_verdict(health, NULL), VERDICT_OK);
    assert_false(health_failed(health));
    health_free(health);
}

// A longer search has more chances, and what it states says so, up to the longest of the table.
static void long_runs_state_higher_rates(void **state)
{
    (void)state;
    for (int shape = 0; shape < NULL_SHAPE_COUNT; shape++) {
        HealthCell cell;
        null_shape_cell(&NULL_SHAPES[shape], &cell);
        NullRates some, more;
        null_rates(&cell, 50, &some);
        null_rates(&cell, 1000, &more);
        for (int c = 0; c < CELL_CLAUSES; c++)
            assert_true(more.rate[c] >= some.rate[c] - 0.01 && more.rate[c] <= 1.0);
        assert_true(more.rate[CLAUSE_GAP] > some.rate[CLAUSE_GAP] || some.rate[CLAUSE_GAP] == 0.0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_genotype_is_no_trend),
        cmocka_unit_test(no_genotype_at_all_is_judged_by_nothing),
        cmocka_unit_test(lost_epochs_do_not_stand_in_for_looks),
        cmocka_unit_test(every_fifth_epoch_is_enough),
        cmocka_unit_test(alphas_that_are_no_numbers_leave_the_counts),
        cmocka_unit_test(accuracies_that_are_no_numbers_are_no_death),
        cmocka_unit_test(a_cell_without_edges_is_never_ill),
        cmocka_unit_test(one_operator_leaves_nothing_to_prefer),
        cmocka_unit_test(a_search_frozen_for_ever_is_not_judged),
        cmocka_unit_test(two_operators_need_a_rise),
        cmocka_unit_test(a_thousand_epochs_are_judged_like_fifty),
        cmocka_unit_test(long_runs_state_higher_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
