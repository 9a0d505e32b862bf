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

// The rows of a shape stand together, by rising looks, with a rate for every clause; and every
// clause happens in some shape.
static void the_table_has_every_clause_of_every_shape(void **state)
{
    (void)state;
    static const int looks[] = { 12, 25, 50, 100, 200, 1000 };
    enum { ROWS = sizeof looks / sizeof *looks };
    bool happens[CELL_CLAUSES] = { false };
    assert_int_equal(NULL_TABLE_COUNT, NULL_SHAPE_COUNT * ROWS);
    for (int i = 0; i < NULL_TABLE_COUNT; i++) {
        const NullRow *row = &NULL_TABLE[i];
        assert_int_equal(row->shape, i / ROWS);
        assert_int_equal(row->looks, looks[i % ROWS]);
        for (int c = 0; c < CELL_CLAUSES; c++) {
            assert_true(row->rate[c] >= 0.0f && row->rate[c] <= 1.0f);
            happens[c] |= row->rate[c] > 0.0f;
        }
    }
    for (int c = 0; c < CELL_CLAUSES; c++)
        if (!happens[c])
            fail_msg("%s never happens", clause_info((Clause)c)->rule);
}

static double sum_of(const HealthCell *cell, int looks, HealthLevel level)
{
    CellState state = { .reduction = health_is_reduction(cell) };
    NullRates rates;
    double sum = 0.0;
    null_rates(cell, looks, &rates);
    for (int c = 0; c < CELL_CLAUSES; c++)
        if (clause_applies((Clause)c, &state) && clause_level((Clause)c, &state) >= level)
            sum += rates.rate[c];
    return sum;
}

// What a run states is the sum over the clauses of its cells, those of a reduction cell being
// watched only.
static void a_run_states_the_sum_over_its_clauses(void **state)
{
    (void)state;
    HealthLimits limits;
    health_limits_default(&limits);
    limits.epochs = 50;
    Health *health = health_new(&limits);
    HealthCell cell[2];
    for (int i = 0; i < 2; i++) {
        null_shape_cell(&NULL_SHAPES[shape_named("darts")], &cell[i]);
        strcpy(cell[i].name, i ? "reduction" : "normal");
        HealthLook look = { .has_alpha = true };
        health_look(health, health_cell(health, &cell[i]), &look);
    }
    for (int level = LEVEL_WATCH; level <= LEVEL_ALARM; level++) {
        HealthLevel at = (HealthLevel)level;
        double want = sum_of(&cell[0], 50, at) + sum_of(&cell[1], 50, at);
        assert_float_equal(health_false_alarm_rate(health, at), fmin(want, 1.0), 1e-12);
    }
    assert_true(health_false_alarm_rate(health, LEVEL_ALARM) < 0.12);
    cell[0].alpha_known = false; // the rates of clauses that ask for alpha are not known then
    health_cell(health, &cell[0]);
    assert_true(isnan(health_false_alarm_rate(health, LEVEL_ALARM)));
    health_free(health);
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
        cmocka_unit_test(the_table_has_every_clause_of_every_shape),
        cmocka_unit_test(a_run_states_the_sum_over_its_clauses),
        cmocka_unit_test(the_same_seed_gives_the_same_rates),
        cmocka_unit_test(rates_are_near_the_published_ones),
        cmocka_unit_test(rates_rise_with_the_length_of_the_run),
        cmocka_unit_test(an_unlisted_shape_takes_the_nearest),
        cmocka_unit_test(a_space_without_skips_has_no_rate_of_skips),
        cmocka_unit_test(a_cell_that_cannot_be_walked_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
