// SPDX-License-Identifier: MIT
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/health/rules.h"

enum { LEN = 20 };

static void the_streak_counts_from_the_start_but_the_decision_waits(void **state)
{
    (void)state;
    const int early[LEN] = { 2, 6, 6, 6, 6, 6, 6 };
    assert_int_equal(rule_skips(early, 7, 4, 2), 5);
    assert_int_equal(rule_skips(early, 5, 4, 2), -1);
    const int flat[LEN] = { 4, 4, 4, 4, 4, 4, 4, 4, 4, 5 };
    assert_int_equal(rule_skips(flat, 10, 4, 2), -1);
    const int broken[LEN] = { 0, 0, 0, 0, 0, 4, 4, 3, 4, 4, 4 };
    assert_int_equal(rule_skips(broken, 11, 4, 2), 10);
    assert_int_equal(rule_skips(NULL, 0, 4, 2), -1);
}

static void the_rise_looks_eight_epochs_back(void **state)
{
    (void)state;
    const int nine[] = { 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4 };
    assert_int_equal(rule_skips(nine, 12, 4, 2), -1); // 2 stands nine epochs back
    const int eight[] = { 3, 2, 3, 3, 3, 3, 3, 4, 4, 4 };
    assert_int_equal(rule_skips(eight, 10, 4, 2), 9);
}

static void two_skips_are_enough_for_darts_plus(void **state)
{
    (void)state;
    const int skips[] = { 0, 1, 1, 2, 0 };
    assert_int_equal(rule_darts_plus_1(skips, 5), 3);
    assert_int_equal(rule_darts_plus_1(skips, 3), -1);
}

static void a_cell_is_stable_after_n_unchanged_epochs(void **state)
{
    (void)state;
    const uint64_t hash[] = { 1, 2, 2, 2, 3, 3, 3, 3 };
    assert_int_equal(rule_stable(hash, 8, 2), 3);
    assert_int_equal(rule_stable(hash, 8, 3), 7);
    assert_int_equal(rule_stable(hash, 8, 4), -1);
}

static void the_genes_of_a_node_are_a_set(void **state)
{
    (void)state;
    GenoCell a = {
        .n_edges = 3,
        .edges = { { 0, 2, "skip_connect" }, { 1, 2, "sep_conv_3x3" }, { 0, 3, "skip_connect" } }
    };
    GenoCell b = a;
    b.edges[0] = a.edges[1];
    b.edges[1] = a.edges[0];
    assert_true(rule_cell_hash(&a) == rule_cell_hash(&b));
    strcpy(b.edges[2].op, "none");
    assert_true(rule_cell_hash(&a) != rule_cell_hash(&b));
    b = a;
    b.edges[2].to = 4;
    assert_true(rule_cell_hash(&a) != rule_cell_hash(&b));
    b = a;
    b.edges[0].from = 1;
    b.edges[1].from = 0; // the operators have changed places
    assert_true(rule_cell_hash(&a) != rule_cell_hash(&b));
}

static void the_lambda_rule_compares_means_and_returns_twelve_epochs_earlier(void **state)
{
    (void)state;
    double lambda[25];
    int epochs[25], returned;
    for (int i = 0; i < 25; i++) {
        epochs[i] = 2 * i;
        lambda[i] = i < 12 ? 1.0 : 1.5; // steps up at epoch 24
    }
    // At epoch 30 four of five are 1.5: mean 1.4 against the mean of 1 at epoch 22.
    assert_int_equal(rule_lambda(lambda, epochs, 25, 1.3, &returned), 30);
    assert_int_equal(returned, 18);
    lambda[3] = NAN; // spoils the means that hold it, nothing else
    assert_int_equal(rule_lambda(lambda, epochs, 25, 1.3, &returned), 30);
    assert_int_equal(rule_lambda(lambda, epochs, 25, 1.6, &returned), -1);
    assert_int_equal(returned, -1);
}

static void the_lambda_rule_cannot_decide_before_epoch_22(void **state)
{
    (void)state;
    double lambda[25];
    int epochs[25];
    for (int i = 0; i < 25; i++) {
        epochs[i] = 2 * i;
        lambda[i] = pow(1.2, i);
    }
    assert_int_equal(rule_lambda(lambda, epochs, 25, 1.3, NULL), 22);
    assert_int_equal(rule_lambda(lambda, epochs, 11, 1.3, NULL), -1);
}

static void points_off_the_grid_are_left_out(void **state)
{
    (void)state;
    double lambda[26];
    int epochs[26];
    for (int i = 0; i < 25; i++) {
        epochs[i] = 2 * i;
        lambda[i] = 1.0;
    }
    epochs[25] = 49; // the last epoch of a published file
    lambda[25] = 100.0;
    assert_int_equal(rule_lambda(lambda, epochs, 26, 1.3, NULL), -1);
}

static void cusum_adds_up_and_starts_over(void **state)
{
    (void)state;
    const int skips[] = { 9, 0, 0, 5, 0, 5, 5, 0 };
    assert_int_equal(rule_cusum(skips, 8, 4, 2), 6);
    assert_int_equal(rule_cusum(skips, 6, 4, 2), -1);
}

static HealthCell three_ops(void)
{
    HealthCell cell = { .n_edges = 2, .n_ops = 3 };
    strcpy(cell.op[0], "none");
    strcpy(cell.op[1], "skip_connect");
    strcpy(cell.op[2], "sep_conv_3x3");
    return cell;
}

static void sgas_scores_follow_their_definition(void **state)
{
    (void)state;
    HealthCell cell = three_ops();
    const double now[] = { 0.5, 0.25, 0.25, 0.2, 0.6, 0.2 };
    const double then[] = { 0.2, 0.4, 0.4, 0.2, 0.2, 0.6 };
    const double *history[] = { then };
    double importance[2], certainty[2], stability[2], score[2];
    SgasScores out = { importance, certainty, stability, score };
    rule_sgas(&cell, now, history, 1, &out);
    assert_true(fabs(importance[0] - 0.5) < 1e-12 && fabs(importance[1] - 0.8) < 1e-12);
    double h = -(0.75 * log(0.75) + 0.25 * log(0.25)) / log(2.0);
    assert_true(fabs(certainty[0]) < 1e-12);
    assert_true(fabs(certainty[1] - (1.0 - h)) < 1e-12);
    assert_true(fabs(stability[0] - 1.0) < 1e-12);   // (.5 .5) then and now
    assert_true(fabs(stability[1] - 0.5) < 1e-12);   // (.75 .25) now, (.25 .75) then
    assert_true(score[0] == 0.0 && score[1] == 0.0); // each is the least in something
    rule_sgas(&cell, now, NULL, 0, &out);
    assert_true(isnan(stability[0]));
    assert_true(score[1] == 1.0 && score[0] == 0.0);
}

static void sgas_uses_the_last_four_epochs(void **state)
{
    (void)state;
    HealthCell cell = three_ops();
    const double now[] = { 0.0, 0.5, 0.5, 0.0, 0.5, 0.5 };
    const double far[] = { 0.0, 1.0, 0.0, 0.0, 1.0, 0.0 };
    const double *history[] = { far, now, now, now, now };
    double importance[2], certainty[2], stability[2], score[2];
    SgasScores out = { importance, certainty, stability, score };
    rule_sgas(&cell, now, history, 5, &out);
    assert_true(fabs(stability[0] - 1.0) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_streak_counts_from_the_start_but_the_decision_waits),
        cmocka_unit_test(the_rise_looks_eight_epochs_back),
        cmocka_unit_test(two_skips_are_enough_for_darts_plus),
        cmocka_unit_test(a_cell_is_stable_after_n_unchanged_epochs),
        cmocka_unit_test(the_genes_of_a_node_are_a_set),
        cmocka_unit_test(the_lambda_rule_compares_means_and_returns_twelve_epochs_earlier),
        cmocka_unit_test(the_lambda_rule_cannot_decide_before_epoch_22),
        cmocka_unit_test(points_off_the_grid_are_left_out),
        cmocka_unit_test(cusum_adds_up_and_starts_over),
        cmocka_unit_test(sgas_scores_follow_their_definition),
        cmocka_unit_test(sgas_uses_the_last_four_epochs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
