// SPDX-License-Identifier: MIT
// The detector on made-up series: hysteresis, frozen epochs, limits, causes.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/rng.h"
#include "tests/health/made.h"

// ---- limits -------------------------------------------------------------------------------------

static void limits_come_from_the_space(void **state)
{
    (void)state;
    static const char *const nb[] = { "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3",
                                      "avg_pool_3x3" };
    static const char *const two[] = { "skip_connect", "sep_conv_3x3" };
    HealthCell cell = cell_of("normal", 8, DARTS_OPS, false);
    assert_int_equal(health_kept(&cell), 8);
    assert_int_equal(health_skip_limit(&cell), 4);
    assert_int_equal(health_parameter_free_limit(&cell), 7);
    cell = cell_of("cell", 5, nb, true);
    assert_int_equal(health_kept(&cell), 6);
    assert_int_equal(health_skip_limit(&cell), 4);
    assert_int_equal(health_parameter_free_limit(&cell), 6);
    cell = cell_of("cell", 4, nb + 1, true); // without none
    assert_int_equal(health_skip_limit(&cell), 5);
    cell = cell_of("normal", 2, two, false);
    assert_int_equal(health_skip_limit(&cell), 4);
    assert_int_equal(health_skip_chance_limit(&cell, 8), 8);
    cell = cell_of("normal", 0, NULL, false); // operators unknown
    assert_int_equal(health_skip_limit(&cell), 4);
    assert_int_equal(health_skip_chance_limit(&cell, 8), 8);
    assert_int_equal(health_parameter_free_limit(&cell), 7);
}

static void chance_of_skips_is_the_binomial_of_the_space(void **state)
{
    (void)state;
    // DARTS: 8 kept edges, 7 operators
    assert_true(fabs(health_binomial_tail(8, 1.0 / 7.0, 2) - 0.32) < 0.005);
    assert_true(fabs(health_binomial_tail(8, 1.0 / 7.0, 4) - 0.018) < 0.0005);
    assert_true(fabs(health_binomial_tail(6, 0.2, 4) - 0.017) < 0.0005);
    assert_true(fabs(health_binomial_tail(8, 0.5, 7) - 0.035) < 0.0005);
}

// ---- skips --------------------------------------------------------------------------------------

static void three_looks_with_a_rise_of_two_raise_the_alarm(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    feed_skips(health, cell, "1111122444");
    assert_int_equal(alarm_epoch(health, "skips-alarm"), 9);
    assert_int_equal(alarm_epoch(health, "skips-warn"), 9);
    assert_int_equal(health_level(health, cell), LEVEL_ALARM);
    const HealthAlarm *alarm = health_alarm(health, health_alarm_count(health) - 1);
    assert_int_equal(alarm->good_epoch, 6);
    assert_int_equal(alarm->cause, CAUSE_SKIPS);
    assert_string_equal(alarm->cell, "normal");
    assert_non_null(strstr(alarm->evidence, "4 of 8 operators are skips (limit 4) for 3 looks"));
    health_free(health);
}

static void without_a_rise_there_is_no_alarm(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    feed_skips(health, cell, "33333334444444444444");
    assert_int_equal(health_alarm_count(health), 0);
    health_free(health);
}

static void the_published_wait_holds_a_rise_back_until_epoch_five(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    feed_skips(health, cell, "1344444");
    assert_int_equal(alarm_epoch(health, "skips-alarm"), 5);
    health_free(health);
}

static void a_slow_collapse_is_caught_once_its_rise_has_held(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    // One more skip every nine epochs: never two within eight.
    feed_skips(health, cell, "1111111112222222223333333334444444");
    assert_int_equal(alarm_epoch(health, "skips-alarm"), -1);
    assert_int_equal(alarm_epoch(health, "skips-slow"), 29);
    assert_int_equal(health_level(health, cell), LEVEL_ALARM);
    health_free(health);
}

static void skips_from_the_first_look_on_are_an_alarm(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    feed_skips(health, cell, "0544");
    assert_int_equal(alarm_epoch(health, "present-from-start"), 3);
    health_free(health);
    health = darts(&cell);
    feed_skips(health, cell, "0543"); // not in the third
    assert_int_equal(health_alarm_count(health), 0);
    health_free(health);
}

static void frozen_epochs_are_no_looks(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    for (int e = 0; e < 16; e++) {
        HealthLook look = look_of(e, 5, 0, 3);
        look.p_norm = 1.0;
        health_look(health, cell, &look);
    }
    assert_int_equal(health_level(health, cell), LEVEL_OK);
    for (int e = 16; e < 19; e++) {
        HealthLook look = look_of(e, 5, 0, 3);
        health_look(health, cell, &look);
        assert_int_equal(health_level(health, cell), e < 18 ? LEVEL_OK : LEVEL_ALARM);
    }
    assert_int_equal(health_alarm(health, 0)->good_epoch, 15);
    health_free(health);
}

static void nothing_is_judged_during_the_warm_up(void **state)
{
    (void)state;
    HealthLimits limits;
    health_limits_default(&limits);
    limits.warmup_epochs = 10;
    Health *health = health_new(&limits);
    HealthCell shape = cell_of("normal", 8, DARTS_OPS, false);
    int cell = health_cell(health, &shape);
    feed_skips(health, cell, "0555555555555");
    assert_int_equal(alarm_epoch(health, "present-from-start"), 12);
    health_free(health);
}

static void a_level_drops_after_five_clear_looks_and_the_alarm_stays_listed(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    feed_skips(health, cell, "11111144444222242222");
    assert_int_equal(health_level(health, cell), LEVEL_ALARM); // four clear looks, one back, four
    HealthLook look = look_of(20, 2, 0, 3);
    health_look(health, cell, &look);
    look = look_of(21, 2, 0, 3);
    health_look(health, cell, &look);
    assert_int_equal(health_level(health, cell), LEVEL_OK);
    Cause cause;
    assert_int_equal(health_verdict(health, &cause), VERDICT_OK);
    assert_int_equal(cause, CAUSE_NONE);
    assert_int_equal(health_alarm_count(health), 2); // warn and alarm
    health_free(health);
}

// ---- parameter-free and depth -------------------------------------------------------------------

static void pools_are_named_as_parameter_free(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    for (int e = 0; e < 20; e++) {
        HealthLook look = look_of(e, 0, e < 9 ? 3 : 8, 3);
        look.signals.t_free = 3.5;
        health_look(health, cell, &look);
    }
    Cause cause;
    assert_int_equal(health_verdict(health, &cause), VERDICT_COLLAPSED);
    assert_int_equal(cause, CAUSE_PARAMETER_FREE);
    assert_int_equal(alarm_epoch(health, "parameter-free-alarm"), 11);
    assert_int_equal(alarm_epoch(health, "skips-alarm"), -1);
    health_free(health);
}

// A count without a consensus of the edges is chance where alpha can be asked, and all there is
// where it cannot.
static void pools_without_a_consensus_are_chance(void **state)
{
    (void)state;
    for (int alpha = 0; alpha < 2; alpha++) {
        int cell;
        Health *health = darts(&cell);
        for (int e = 0; e < 30; e++) {
            HealthLook look = look_of(e, 0, e < 9 ? 3 : 8, 3);
            look.signals.t_free = e < 20 ? 2.5 : 3.5;
            look.has_alpha = alpha;
            health_look(health, cell, &look);
        }
        assert_int_equal(alarm_epoch(health, "parameter-free-warn"), alpha ? -1 : 11);
        assert_int_equal(alarm_epoch(health, "parameter-free-alarm"), alpha ? -1 : 11);
        assert_int_equal(alarm_epoch(health, "parameter-free-slow"), alpha ? 20 : -1);
        const HealthAlarm *last = health_alarm(health, health_alarm_count(health) - 1);
        assert_true(!strstr(last->evidence, "parameter-free consensus t = 3.5") == !alpha);
        health_free(health);
    }
}

static void skips_win_over_the_wider_count(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    feed_skips(health, cell, "0000000088888888");
    Cause cause;
    health_verdict(health, &cause);
    assert_int_equal(cause, CAUSE_SKIPS);
    assert_int_equal(alarm_epoch(health, "parameter-free-alarm"), -1);
    health_free(health);
}

static void lost_depth_is_an_alarm_only_if_there_was_some(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    for (int e = 0; e < 8; e++) {
        HealthLook look = look_of(e, 1, 0, e < 4 ? 2 : 0);
        look.signals.t_free = 3.5;
        health_look(health, cell, &look);
    }
    assert_int_equal(alarm_epoch(health, "depth"), 6);
    assert_int_equal(alarm_epoch(health, "depth-watch"), -1);
    health_free(health);
    health = darts(&cell);
    for (int e = 0; e < 8; e++) {
        HealthLook look = look_of(e, 1, 0, 0);
        health_look(health, cell, &look);
    }
    assert_int_equal(alarm_epoch(health, "depth"), -1);
    assert_int_equal(alarm_epoch(health, "depth-watch"), 3);
    assert_int_equal(health_level(health, cell), LEVEL_WATCH);
    health_free(health);
}

static void lost_depth_without_a_consensus_is_watched(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    for (int e = 0; e < 12; e++) {
        HealthLook look = look_of(e, 1, 0, e < 4 ? 2 : 0);
        look.signals.t_free = e < 9 ? 1.0 : 3.5;
        health_look(health, cell, &look);
    }
    assert_int_equal(alarm_epoch(health, "depth-watch"), 6);
    assert_int_equal(alarm_epoch(health, "depth"), 9); // once the edges agree
    health_free(health);
}

static void a_reduction_cell_is_only_watched(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    HealthCell shape = cell_of("reduction", 8, DARTS_OPS, false);
    int reduction = health_cell(health, &shape);
    for (int e = 0; e < 20; e++) {
        HealthLook look = look_of(e, e < 9 ? 1 : 6, e < 9 ? 1 : 8, e < 9 ? 2 : 0);
        health_look(health, reduction, &look);
    }
    assert_int_equal(health_level(health, reduction), LEVEL_WATCH);
    assert_int_equal(health_level(health, cell), LEVEL_OK);
    assert_int_equal(alarm_epoch(health, "parameter-free-alarm"), -1);
    assert_int_equal(alarm_epoch(health, "depth"), -1);
    health_free(health);
}

// ---- consensus and gap --------------------------------------------------------------------------

static void consensus_needs_three_looks_and_says_so(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    for (int e = 0; e < 5; e++) {
        HealthLook look = look_of(e, 0, 0, 3);
        look.signals.t_q = e == 1 ? NAN : 5.2;
        health_look(health, cell, &look);
    }
    assert_int_equal(alarm_epoch(health, "t-watch"), 4); // looks 2, 3, 4: the NaN is none
    assert_int_equal(alarm_epoch(health, "t-warn"), 4);
    assert_int_equal(health_level(health, cell), LEVEL_WARN);
    const HealthAlarm *alarm = health_alarm(health, 1);
    assert_non_null(strstr(alarm->evidence, "skip consensus t = 5.2 on 14 edges for 3 looks; a "
                                            "driftless search of this length shows this in "));
    assert_false(isnan(alarm->null_rate));
    health_free(health);
}

static void a_rising_gap_is_watched_only_if_it_will_cross_in_time(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    for (int e = 0; e < 16; e++) {
        HealthLook look = look_of(e, 0, 0, 3);
        look.signals.gap_q = -1.0 + 0.03 * e; // 0 at epoch 34
        health_look(health, cell, &look);
    }
    // Judged from epoch 1; eight rises stand at 9, three looks of them at 11.
    assert_int_equal(alarm_epoch(health, "gap-forecast"), 11);
    assert_non_null(strstr(health_alarm(health, 0)->evidence, "above 0 at epoch 34"));
    health_free(health);
    health = darts(&cell);
    for (int e = 0; e < 16; e++) {
        HealthLook look = look_of(e, 0, 0, 3);
        look.signals.gap_q = -1.0 + 0.01 * e; // 0 at epoch 100
        health_look(health, cell, &look);
    }
    assert_int_equal(health_alarm_count(health), 0);
    health_free(health);
}

// ---- dead, lambda, match ------------------------------------------------------------------------

static void dead_wins_over_skips(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    for (int e = 0; e < 12; e++) {
        health_accuracy(health, e, 0.188, 0.19);
        HealthLook look = look_of(e, e < 6 ? 0 : 8, 0, e < 6 ? 2 : 0);
        health_look(health, cell, &look);
    }
    Cause cause;
    assert_int_equal(health_verdict(health, &cause), VERDICT_DEAD);
    assert_int_equal(cause, CAUSE_DEAD);
    assert_int_equal(health_alarm_count(health), 1);
    assert_int_equal(health_alarm(health, 0)->epoch, 4);
    assert_string_equal(health_alarm(health, 0)->cell, "");
    health_free(health);
}

static void a_supernet_that_dies_later_is_dead_too(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    for (int e = 0; e < 20; e++)
        health_accuracy(health, e, e < 3 ? 0.22 + 0.05 * e : 0.188, 0.19);
    assert_int_equal(health_alarm_count(health), 1);
    assert_int_equal(health_alarm(health, 0)->epoch, 12);
    assert_int_equal(health_alarm(health, 0)->good_epoch, 2);
    health_free(health);
}

static void a_slow_start_is_not_dead(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    for (int e = 0; e < 30; e++)
        health_accuracy(health, e, 0.01 + 0.006 * e, 0.01 + 0.004 * e);
    health_accuracy(health, 30, NAN, NAN);
    assert_int_equal(health_alarm_count(health), 0);
    health_free(health);
}

static void lambda_needs_four_batches(void **state)
{
    (void)state;
    for (int batches = 1; batches <= 4; batches += 3) {
        int cell;
        Health *health = darts(&cell);
        for (int e = 0; e <= 40; e += 2)
            health_lambda(health, e, e < 20 ? 0.2 : 0.2 + 0.05 * (e - 18), batches);
        assert_int_equal(health_alarm_count(health), batches == 4);
        if (batches == 4) {
            assert_string_equal(health_alarm(health, 0)->rule, "lambda");
            assert_int_equal(health_alarm(health, 0)->good_epoch,
                             health_alarm(health, 0)->epoch - 12);
        }
        health_free(health);
    }
}

static void poor_gradient_match_is_watched(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    for (int e = 0; e < 3; e++)
        health_match(health, e, 0.6);
    assert_int_equal(health_verdict(health, NULL), VERDICT_WATCH);
    health_free(health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_come_from_the_space),
        cmocka_unit_test(chance_of_skips_is_the_binomial_of_the_space),
        cmocka_unit_test(three_looks_with_a_rise_of_two_raise_the_alarm),
        cmocka_unit_test(without_a_rise_there_is_no_alarm),
        cmocka_unit_test(the_published_wait_holds_a_rise_back_until_epoch_five),
        cmocka_unit_test(a_slow_collapse_is_caught_once_its_rise_has_held),
        cmocka_unit_test(skips_from_the_first_look_on_are_an_alarm),
        cmocka_unit_test(frozen_epochs_are_no_looks),
        cmocka_unit_test(nothing_is_judged_during_the_warm_up),
        cmocka_unit_test(a_level_drops_after_five_clear_looks_and_the_alarm_stays_listed),
        cmocka_unit_test(pools_are_named_as_parameter_free),
        cmocka_unit_test(pools_without_a_consensus_are_chance),
        cmocka_unit_test(skips_win_over_the_wider_count),
        cmocka_unit_test(lost_depth_is_an_alarm_only_if_there_was_some),
        cmocka_unit_test(lost_depth_without_a_consensus_is_watched),
        cmocka_unit_test(a_reduction_cell_is_only_watched),
        cmocka_unit_test(consensus_needs_three_looks_and_says_so),
        cmocka_unit_test(a_rising_gap_is_watched_only_if_it_will_cross_in_time),
        cmocka_unit_test(dead_wins_over_skips),
        cmocka_unit_test(a_supernet_that_dies_later_is_dead_too),
        cmocka_unit_test(a_slow_start_is_not_dead),
        cmocka_unit_test(lambda_needs_four_batches),
        cmocka_unit_test(poor_gradient_match_is_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
