// SPDX-License-Identifier: MIT
// The detector on made-up series: hysteresis, frozen epochs, limits, causes, rewind.
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "src/health/machine.h"

static const char *const DARTS_OPS[] = { "none",         "max_pool_3x3", "avg_pool_3x3",
                                         "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
                                         "dil_conv_3x3", "dil_conv_5x5" };

static HealthCell cell_of(const char *name, int n_ops, const char *const *ops, bool argmax)
{
    HealthCell cell = { .inputs = argmax ? 1 : 2,
                        .nodes = argmax ? 3 : 4,
                        .keep = 2,
                        .derive = argmax ? DERIVE_ARGMAX : DERIVE_TOP,
                        .n_ops = n_ops,
                        .alpha_known = true };
    strncpy(cell.name, name, sizeof cell.name - 1);
    for (int to = cell.inputs; to < cell.inputs + cell.nodes; to++)
        for (int from = 0; from < to; from++) {
            cell.edge[cell.n_edges].from = from;
            cell.edge[cell.n_edges++].to = to;
        }
    for (int k = 0; k < n_ops; k++)
        strncpy(cell.op[k], ops[k], GENO_NAME - 1);
    return cell;
}

static Health *darts(int *cell)
{
    HealthLimits limits;
    health_limits_default(&limits);
    limits.epochs = 50;
    Health *health = health_new(&limits);
    assert_non_null(health);
    HealthCell shape = cell_of("normal", 8, DARTS_OPS, false);
    *cell = health_cell(health, &shape);
    return health;
}

// A look with alpha that moves, nothing wrong but what is given.
static HealthLook look_of(int epoch, int skips, int parameter_free, int depth)
{
    HealthLook look = { .epoch = epoch, .has_alpha = true, .p_norm = epoch };
    look.signals.skips = skips;
    look.signals.parameter_free = parameter_free > skips ? parameter_free : skips;
    look.signals.conv_depth = depth;
    look.signals.kept = 8;
    look.signals.t_edges = 14;
    look.signals.t_q = look.signals.t_p = -1.0;
    look.signals.gap_q = -1.0;
    return look;
}

static void feed_skips(Health *health, int cell, const char *digits)
{
    for (int e = 0; digits[e]; e++) {
        HealthLook look = look_of(e, digits[e] - '0', 0, 3);
        health_look(health, cell, &look);
    }
}

static int alarm_epoch(const Health *health, const char *rule)
{
    for (int i = 0; i < health_alarm_count(health); i++)
        if (strcmp(health_alarm(health, i)->rule, rule) == 0)
            return health_alarm(health, i)->epoch;
    return -1;
}

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

// ---- object -------------------------------------------------------------------------------------

static void each_alarm_is_handed_out_once(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    feed_skips(health, cell, "1111122444");
    assert_string_equal(health_next_alarm(health)->rule, "skips-warn");
    assert_string_equal(health_next_alarm(health)->rule, "skips-alarm");
    assert_null(health_next_alarm(health));
    health_free(health);
}

static void a_rewind_forgets_what_came_after(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    feed_skips(health, cell, "1111122444");
    while (health_next_alarm(health))
        continue;
    health_rewind(health, 8);
    assert_int_equal(health_alarm_count(health), 0);
    assert_int_equal(health_level(health, cell), LEVEL_OK);
    HealthLook look = look_of(9, 4, 0, 3); // the same again
    health_look(health, cell, &look);
    assert_int_equal(alarm_epoch(health, "skips-alarm"), 9);
    assert_non_null(health_next_alarm(health));
    health_rewind(health, 6);
    look = look_of(7, 1, 0, 3); // another way
    health_look(health, cell, &look);
    assert_int_equal(health_alarm_count(health), 0);
    health_free(health);
}

static HealthLook random_look(int epoch, Rng *rng, int *skips)
{
    *skips += (int)rng_below(rng, 3) - 1;
    *skips = *skips < 0 ? 0 : *skips > 8 ? 8 : *skips;
    HealthLook look = look_of(epoch, *skips, *skips + (int)rng_below(rng, 9 - *skips), 2);
    look.signals.conv_depth = *skips > 5 ? 0 : 2;
    look.signals.t_q = 6.0 * rng_uniform(rng);
    look.signals.gap_q = -1.0 + 0.02 * epoch;
    return look;
}

// Whatever was rewound and fed again ends as if it had been fed once.
static void a_rewind_leaves_no_trace(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        int cell, skips = 1;
        Health *once = darts(&cell), *twice = darts(&cell);
        HealthLook looks[50];
        Rng rng = rng_new(seed);
        for (int e = 0; e < 50; e++) {
            looks[e] = random_look(e, &rng, &skips);
            double acc = e > 30 && seed % 3 == 0 ? 0.1 : 0.1 + 0.02 * e;
            health_accuracy(once, e, acc, acc);
            health_look(once, cell, &looks[e]);
            health_accuracy(twice, e, acc, acc);
            health_look(twice, cell, &looks[e]);
        }
        int back = (int)rng_below(&rng, 50);
        health_rewind(twice, back);
        for (int e = back + 1; e < 50; e++) {
            double acc = e > 30 && seed % 3 == 0 ? 0.1 : 0.1 + 0.02 * e;
            health_accuracy(twice, e, acc, acc);
            health_look(twice, cell, &looks[e]);
        }
        assert_int_equal(health_verdict(once, NULL), health_verdict(twice, NULL));
        assert_int_equal(health_alarm_count(once), health_alarm_count(twice));
        for (int i = 0; i < health_alarm_count(once); i++) {
            const HealthAlarm *a = health_alarm(once, i), *b = health_alarm(twice, i);
            assert_int_equal(a->epoch, b->epoch);
            assert_int_equal(a->good_epoch, b->good_epoch);
            assert_true(a->good_epoch < a->epoch);
            assert_string_equal(a->evidence, b->evidence);
        }
        health_free(once);
        health_free(twice);
    }
}

static void looks_out_of_order_are_ignored(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    for (int i = 0; i < 20; i++) {
        HealthLook look = look_of(i % 2, 8, 8, 0);
        health_look(health, cell, &look);
    }
    HealthLook look = look_of(5, 8, 8, 0);
    health_look(health, 99, &look);
    health_look(health, -1, &look);
    assert_int_equal(health_alarm_count(health), 0);
    health_free(health);
}

static void removed_operators_change_the_limits(void **state)
{
    (void)state;
    static const char *const three[] = { "none", "skip_connect", "sep_conv_3x3" };
    int cell;
    Health *health = darts(&cell);
    HealthCell shape = cell_of("normal", 3, three, false);
    assert_int_equal(health_cell(health, &shape), cell);
    feed_skips(health, cell, "05555"); // four of seven is much, of two it is the mean
    assert_int_equal(health_alarm_count(health), 0);
    health_free(health);
}

static void counts_of_the_maker_win_over_names(void **state)
{
    (void)state;
    for (int counted = 0; counted < 2; counted++) {
        int cell;
        Health *health = darts(&cell);
        for (int e = 0; e < 4; e++) {
            HealthLook look = look_of(e, counted ? (e == 0 ? 1 : 5) : 0, 0, counted ? 3 : -1);
            for (int i = 0; i < 8; i++) { // names alone say: eight convolutions
                look.geno.edges[i] = (GenoEdge){ 0, 2, "my_shortcut" };
                look.geno.n_edges++;
            }
            health_look(health, cell, &look);
        }
        assert_int_equal(alarm_epoch(health, "present-from-start"), counted ? 3 : -1);
        health_free(health);
    }
}

static void an_alarm_in_json_names_cause_and_numbers(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    feed_skips(health, cell, "1111122444");
    Json *record = json_new_object();
    health_alarm_json(health_alarm(health, 1), record);
    assert_string_equal(json_get_str(record, "level", ""), "ALARM");
    assert_string_equal(json_get_str(record, "cause", ""), "skips");
    assert_int_equal(json_get_int(record, "good_epoch", 0), 6);
    const Json *numbers = json_get(record, "evidence");
    assert_int_equal(json_get_int(numbers, "skips", 0), 4);
    assert_int_equal(json_get_int(numbers, "limit", 0), 4);
    assert_int_equal(json_get_int(numbers, "rise", 0), 3);
    json_free(record);
    health_free(health);
}

static void running_out_of_memory_is_survived_and_told(void **state)
{
    (void)state;
    bool failed = true;
    for (int n = 0; failed && n < 200; n++) {
        HealthLimits limits;
        health_limits_default(&limits);
        alloc_fail_after(n);
        Health *health = health_new(&limits);
        failed = health == NULL;
        if (health) {
            HealthCell shape = cell_of("normal", 8, DARTS_OPS, false);
            int cell = health_cell(health, &shape);
            feed_skips(health, cell, "11111224444444444444444");
            for (int e = 0; e < 40; e++) {
                health_accuracy(health, e, 0.1, 0.1);
                health_lambda(health, e, 0.1, 4);
            }
            failed = health_failed(health);
        }
        alloc_fail_after(-1);
        health_free(health);
    }
    assert_false(failed);
}

// Nothing that a damaged record can say may do more than be ignored.
static void absurd_input_is_survived(void **state)
{
    (void)state;
    HealthLimits limits;
    health_limits_default(&limits);
    limits.epochs = INT_MAX;
    Health *health = health_new(&limits);
    HealthCell shape = cell_of("normal", 8, DARTS_OPS, false);
    shape.nodes = INT_MAX;
    shape.keep = INT_MAX;
    shape.n_edges = -5;
    int cell = health_cell(health, &shape);
    shape.n_edges = INT_MAX;
    shape.n_ops = INT_MAX;
    shape.keep = -3;
    strcpy(shape.name, "other");
    int other = health_cell(health, &shape);
    const int epochs[] = { INT_MIN, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99, INT_MAX };
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++) {
        HealthLook look = look_of(epochs[i], i % 2 ? INT_MAX : 0, INT_MAX, INT_MIN);
        look.signals.t_q = i % 3 ? INFINITY : NAN;
        look.signals.gap_q = i % 3 ? -INFINITY : -1e300;
        look.signals.kept = INT_MAX;
        look.p_norm = i % 4 ? INFINITY : NAN;
        health_accuracy(health, epochs[i], i % 2 ? NAN : INFINITY, -INFINITY);
        health_lambda(health, epochs[i], i % 2 ? INFINITY : NAN, INT_MAX);
        health_match(health, epochs[i], NAN);
        health_look(health, cell, &look);
        health_look(health, other, &look);
    }
    for (int i = 0; i < health_alarm_count(health); i++)
        assert_true(strlen(health_alarm(health, i)->evidence) > 0);
    health_false_alarm_rate(health, LEVEL_OK);
    health_rewind(health, INT_MIN);
    assert_int_equal(health_alarm_count(health), 0);
    health_free(health);
}

static void the_false_alarm_rate_sums_the_clauses(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    assert_true(isnan(health_false_alarm_rate(health, LEVEL_ALARM)));
    feed_skips(health, cell, "11");
    double alarm = health_false_alarm_rate(health, LEVEL_ALARM);
    double watch = health_false_alarm_rate(health, LEVEL_WATCH);
    assert_true(alarm > 0.01 && alarm < 0.5);
    assert_true(watch > alarm && watch <= 1.0);
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
        cmocka_unit_test(each_alarm_is_handed_out_once),
        cmocka_unit_test(a_rewind_forgets_what_came_after),
        cmocka_unit_test(a_rewind_leaves_no_trace),
        cmocka_unit_test(looks_out_of_order_are_ignored),
        cmocka_unit_test(removed_operators_change_the_limits),
        cmocka_unit_test(counts_of_the_maker_win_over_names),
        cmocka_unit_test(an_alarm_in_json_names_cause_and_numbers),
        cmocka_unit_test(running_out_of_memory_is_survived_and_told),
        cmocka_unit_test(absurd_input_is_survived),
        cmocka_unit_test(the_false_alarm_rate_sums_the_clauses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
