// SPDX-License-Identifier: MIT
// The detector as an object: what it hands out, rewinds, removals, JSON, memory that runs out.
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "tests/health/made.h"

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

static void an_ended_detector_only_answers(void **state)
{
    (void)state;
    int cell;
    Health *health = darts(&cell);
    feed_skips(health, cell, "1111122444");
    health_accuracy(health, 9, 0.5, 0.5);
    health_end(health);
    HealthLook look = look_of(10, 1, 0, 3);
    for (look.epoch = 10; look.epoch < 20; look.epoch++) {
        health_look(health, cell, &look);
        health_accuracy(health, look.epoch, 0.1, 0.1);
        health_lambda(health, look.epoch, 1e9, 4);
    }
    health_rewind(health, 3);
    assert_int_equal(health_alarm_count(health), 2);
    assert_int_equal(alarm_epoch(health, "skips-alarm"), 9);
    assert_int_equal(health_level(health, cell), LEVEL_ALARM);
    assert_int_equal(health_verdict(health, NULL), VERDICT_COLLAPSED);
    health_free(health);
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
        cmocka_unit_test(each_alarm_is_handed_out_once),
        cmocka_unit_test(a_rewind_forgets_what_came_after),
        cmocka_unit_test(a_rewind_leaves_no_trace),
        cmocka_unit_test(an_ended_detector_only_answers),
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
