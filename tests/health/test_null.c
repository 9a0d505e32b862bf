// SPDX-License-Identifier: MIT
// The null model: the shipped table against a fresh simulation.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/health/null.h"

static int shape_named(const char *name)
{
    for (int i = 0; i < NULL_SHAPE_COUNT; i++)
        if (strcmp(NULL_SHAPES[i].name, name) == 0)
            return i;
    return -1;
}

// Another seed than the table's, fewer runs: they must agree within four standard errors.
static void agree(const char *name, int looks, int runs)
{
    NullWalk walk;
    null_walk_default(&walk);
    double table_runs = walk.runs;
    walk.seed = 77;
    walk.runs = runs;
    walk.looks = looks;
    HealthCell cell;
    NullRates fresh, table;
    Error err;
    null_shape_cell(&NULL_SHAPES[shape_named(name)], &cell);
    assert_int_equal(null_simulate(&walk, &cell, &fresh, &err), STATUS_OK);
    null_rates(&cell, looks, &table);
    assert_true(table.exact);
    for (int c = 0; c < CELL_CLAUSES; c++) {
        double p = (fresh.rate[c] * runs + table.rate[c] * table_runs) / (runs + table_runs);
        double error = sqrt(p * (1.0 - p) * (1.0 / runs + 1.0 / table_runs));
        if (!(fabs(fresh.rate[c] - table.rate[c]) <= 4.0 * error + 2.0 / runs))
            print_error("%s, %d looks, %s: %.4f fresh, %.4f in the table\n", name, looks,
                        clause_info((Clause)c)->rule, fresh.rate[c], table.rate[c]);
        assert_true(fabs(fresh.rate[c] - table.rate[c]) <= 4.0 * error + 2.0 / runs);
    }
}

static void the_table_is_what_the_simulator_gives(void **state)
{
    (void)state;
    agree("darts", 50, 150);
    agree("nasbench201", 25, 300);
    agree("two-operators", 25, 150);
    agree("three-nodes", 12, 300);
}

static void the_same_seed_gives_the_same_rates(void **state)
{
    (void)state;
    NullWalk walk;
    null_walk_default(&walk);
    walk.runs = 40;
    walk.looks = 25;
    HealthCell cell;
    NullRates a, b;
    null_shape_cell(&NULL_SHAPES[shape_named("nasbench201")], &cell);
    assert_int_equal(null_simulate(&walk, &cell, &a, NULL), STATUS_OK);
    assert_int_equal(null_simulate(&walk, &cell, &b, NULL), STATUS_OK);
    assert_memory_equal(a.rate, b.rate, sizeof a.rate);
}

// SCIENCE.md 6.3: what is known of the rates from independent simulations.
static void rates_are_near_the_published_ones(void **state)
{
    (void)state;
    HealthCell cell;
    NullRates rates;
    null_shape_cell(&NULL_SHAPES[shape_named("darts-without-none")], &cell);
    null_rates(&cell, 50, &rates);
    assert_true(fabs(rates.rate[CLAUSE_T_WATCH] - 0.02) < 0.015);
    assert_true(rates.rate[CLAUSE_T_WARN] < 0.01);
    assert_true(fabs(rates.rate[CLAUSE_SKIPS_ALARM] - 0.046) < 0.02);
    assert_true(fabs(rates.rate[CLAUSE_SKIPS_WARN] - 0.17) < 0.05);
    null_shape_cell(&NULL_SHAPES[shape_named("nasbench201")], &cell);
    null_rates(&cell, 50, &rates);
    assert_true(fabs(rates.rate[CLAUSE_T_WATCH] - 0.051) < 0.03);
    assert_true(fabs(rates.rate[CLAUSE_T_WARN] - 0.009) < 0.015);
}

static void rates_rise_with_the_length_of_the_run(void **state)
{
    (void)state;
    HealthCell cell;
    null_shape_cell(&NULL_SHAPES[0], &cell);
    double before = 0.0;
    for (int looks = 1; looks < 400; looks += 7) {
        NullRates rates;
        null_rates(&cell, looks, &rates);
        assert_true(rates.rate[CLAUSE_SKIPS_ALARM] >= before - 0.005);
        before = rates.rate[CLAUSE_SKIPS_ALARM];
    }
    assert_true(before > 0.04);
}

static void an_unlisted_shape_takes_the_nearest(void **state)
{
    (void)state;
    HealthCell cell, darts;
    NullRates rates, want;
    null_shape_cell(&NULL_SHAPES[shape_named("darts")], &darts);
    cell = darts;
    cell.op[7][0] = '\0'; // one convolution removed
    null_rates(&cell, 50, &rates);
    null_rates(&darts, 50, &want);
    assert_false(rates.exact);
    assert_true(rates.rate[CLAUSE_SKIPS_ALARM] == want.rate[CLAUSE_SKIPS_ALARM]);
    cell.n_ops = 0; // operators unknown
    null_rates(&cell, 50, &rates);
    assert_true(isnan(rates.rate[CLAUSE_T_WATCH]));
}

static void a_space_without_skips_has_no_rate_of_skips(void **state)
{
    (void)state;
    HealthCell cell;
    NullRates rates;
    null_shape_cell(&NULL_SHAPES[shape_named("darts-without-skip")], &cell);
    null_rates(&cell, 50, &rates);
    assert_true(rates.rate[CLAUSE_SKIPS_ALARM] == 0.0);
    assert_true(rates.rate[CLAUSE_FREE_WARN] > 0.0);
}

static void a_cell_that_cannot_be_walked_is_refused(void **state)
{
    (void)state;
    HealthCell cell = { 0 };
    NullWalk walk;
    NullRates rates;
    null_walk_default(&walk);
    assert_int_equal(null_simulate(&walk, &cell, &rates, NULL), STATUS_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_what_the_simulator_gives),
        cmocka_unit_test(the_same_seed_gives_the_same_rates),
        cmocka_unit_test(rates_are_near_the_published_ones),
        cmocka_unit_test(rates_rise_with_the_length_of_the_run),
        cmocka_unit_test(an_unlisted_shape_takes_the_nearest),
        cmocka_unit_test(a_space_without_skips_has_no_rate_of_skips),
        cmocka_unit_test(a_cell_that_cannot_be_walked_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
