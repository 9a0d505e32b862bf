// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "ui/draw/chart.h"
#include "ui/draw/scatter.h"

typedef struct {
    const double *y;
} Values;

static double value_at(const void *data, int i, double *x)
{
    *x = i;
    return ((const Values *)data)->y[i];
}

static char *chart(const double *y, int n, ChartSpec spec, int rows, int cols)
{
    Grid g = { 0 };
    Values values = { y };
    ChartSeries series = {
        .label = "y", .role = ROLE_SERIES_1, .mark = 'o', .n = n, .value = value_at, .data = &values
    };
    assert_true(grid_resize(&g, rows, cols));
    g.ascii_only = true;
    spec.series = &series;
    spec.n_series = 1;
    chart_draw(&g, (Rect){ 0, 0, rows, cols }, &spec);
    char *text = grid_dump(&g, false);
    grid_fini(&g);
    return text;
}

static void ticks_are_nice_numbers(void **state)
{
    (void)state;
    assert_float_equal(chart_step(0, 1, 5), 0.2, 1e-12);
    assert_float_equal(chart_step(0, 50, 5), 10, 1e-9);
    assert_float_equal(chart_step(0, 49, 3), 20, 1e-9);
    assert_float_equal(chart_step(-0.003, 0.004, 4), 0.002, 1e-12);
    assert_float_equal(chart_step(5, 5, 3), 1, 1e-12);
    assert_int_equal(chart_decimals(0.05), 2);
    assert_int_equal(chart_decimals(20), 0);
}

// 1000 samples in 30 columns, one of them high: its column must reach the top row.
static void a_single_peak_survives_many_samples(void **state)
{
    (void)state;
    double y[1000] = { 0 };
    y[500] = 1;
    char *text = chart(y, 1000, (ChartSpec){ .y_lo = 0, .y_hi = 1, .cursor_x = NAN }, 8, 40);
    char *top = strtok(text, "\n");
    assert_non_null(strpbrk(top + 6, ".:'"));
    mem_free(text);
}

static void what_is_not_finite_is_a_gap_with_a_mark_on_the_axis(void **state)
{
    (void)state;
    double y[50];
    for (int i = 0; i < 50; i++)
        y[i] = 1 + 0.01 * i;
    y[25] = NAN;
    y[40] = INFINITY;
    char *text = chart(y, 50, (ChartSpec){ .x_to = 49, .cursor_x = NAN }, 10, 60);
    int marks = 0;
    for (char *s = text; *s; s++)
        marks += *s == '!';
    assert_int_equal(marks, 2);
    mem_free(text);
}

static void readings_that_never_came_are_not_marked(void **state)
{
    (void)state;
    double y[10] = { NAN, NAN, NAN, 1, 2, 3, 4, 5, 6, 7 };
    char *text = chart(y, 10, (ChartSpec){ .x_to = 9, .cursor_x = NAN }, 10, 60);
    assert_null(strchr(text, '!'));
    mem_free(text);
}

static void a_chart_without_values_says_so(void **state)
{
    (void)state;
    double y[2] = { NAN, NAN };
    char *text =
        chart(y, 2, (ChartSpec){ .cursor_x = NAN, .empty = "nothing measured yet" }, 6, 40);
    assert_non_null(strstr(text, "nothing measured yet"));
    mem_free(text);
}

static void the_axis_spans_all_planned_epochs(void **state)
{
    (void)state;
    double y[5] = { 1, 2, 3, 4, 5 };
    char *text = chart(y, 5, (ChartSpec){ .x_to = 50, .cursor_x = NAN, .x_unit = "epoch" }, 10, 60);
    assert_non_null(strstr(text, " 50"));
    assert_non_null(strstr(text, "epoch"));
    mem_free(text);
}

static void limits_are_drawn_and_named(void **state)
{
    (void)state;
    double y[5] = { 0, 0, 0, 0, 0 };
    ChartLimit limit = { 3, "watch", ROLE_WARN };
    char *text =
        chart(y, 5, (ChartSpec){ .limits = &limit, .n_limits = 1, .cursor_x = NAN }, 10, 60);
    assert_non_null(strstr(text, "watch"));
    mem_free(text);
}

static void a_log_axis_takes_no_zero(void **state)
{
    (void)state;
    double y[4] = { 100, 10, 0, 1 };
    char *text = chart(y, 4, (ChartSpec){ .log_y = true, .x_to = 3, .cursor_x = NAN }, 12, 40);
    assert_non_null(strstr(text, "100"));
    assert_non_null(strstr(text, "10"));
    assert_non_null(strchr(text, '!')); // the zero
    mem_free(text);
}

static void any_values_at_any_size_draw_without_harm(void **state)
{
    (void)state;
    static const double odd[] = { 0,    -1e308, 1e308, NAN,  INFINITY, -INFINITY,
                                  1e-9, 1,      -1,    1e30, 1e-300,   5 };
    Rng rng = rng_new(5);
    double y[64];
    for (int round = 0; round < 400; round++) {
        int n = 1 + (int)rng_below(&rng, 64);
        for (int i = 0; i < n; i++)
            y[i] = odd[rng_below(&rng, sizeof odd / sizeof *odd)];
        ChartSpec spec = { .cursor_x = round % 3 ? NAN : 4,
                           .log_y = round % 2,
                           .x_to = round % 5 ? 0 : 100,
                           .percent = round % 7 == 0 };
        mem_free(chart(y, n, spec, 1 + (int)rng_below(&rng, 30), 1 + (int)rng_below(&rng, 90)));
    }
}

// ---- scatter ------------------------------------------------------------------------------------

typedef struct {
    double x[200], y[200];
} Points;

static double x_of(const void *p, int i)
{
    return ((const Points *)p)->x[i];
}

static double y_of(const void *p, int i)
{
    return ((const Points *)p)->y[i];
}

static bool dominates(const ScatterSpec *s, const Points *p, int a, int b)
{
    double sx = s->x_maximize ? 1 : -1, sy = s->y_maximize ? 1 : -1;
    double ax = sx * p->x[a], bx = sx * p->x[b], ay = sy * p->y[a], by = sy * p->y[b];
    return ax >= bx && ay >= by && (ax > bx || ay > by);
}

static void check_front(const ScatterSpec *s, const Points *p)
{
    int front[200], n = scatter_front(s, front, 200);
    for (int i = 0; i < s->n; i++) {
        bool in = false, beaten = false, twin = false;
        if (!isfinite(p->x[i]) || !isfinite(p->y[i]))
            continue;
        for (int k = 0; k < n; k++) {
            in |= front[k] == i;
            twin |= p->x[front[k]] == p->x[i] && p->y[front[k]] == p->y[i];
        }
        for (int k = 0; k < s->n; k++)
            beaten |= isfinite(p->x[k]) && isfinite(p->y[k]) && dominates(s, p, k, i);
        assert_true(in ? !beaten : beaten || twin);
    }
}

static void the_front_is_what_no_point_dominates(void **state)
{
    (void)state;
    Rng rng = rng_new(9);
    static Points p;
    for (int round = 0; round < 200; round++) {
        int n = 1 + (int)rng_below(&rng, 200);
        for (int i = 0; i < n; i++) { // few different values: many ties
            p.x[i] = rng_below(&rng, 20) ? (double)rng_below(&rng, 12) : NAN;
            p.y[i] = (double)rng_below(&rng, 12);
        }
        ScatterSpec s = { .n = n,
                          .x = x_of,
                          .y = y_of,
                          .data = &p,
                          .x_maximize = round & 1,
                          .y_maximize = round & 2,
                          .x_name = "x",
                          .y_name = "y",
                          .cursor = -1 };
        check_front(&s, &p);
        Grid g = { 0 };
        assert_true(grid_resize(&g, 1 + round % 30, 1 + round % 70));
        scatter_draw(&g, (Rect){ 0, 0, g.rows, g.cols }, &s);
        grid_fini(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_nice_numbers),
        cmocka_unit_test(a_single_peak_survives_many_samples),
        cmocka_unit_test(what_is_not_finite_is_a_gap_with_a_mark_on_the_axis),
        cmocka_unit_test(readings_that_never_came_are_not_marked),
        cmocka_unit_test(a_chart_without_values_says_so),
        cmocka_unit_test(the_axis_spans_all_planned_epochs),
        cmocka_unit_test(limits_are_drawn_and_named),
        cmocka_unit_test(a_log_axis_takes_no_zero),
        cmocka_unit_test(any_values_at_any_size_draw_without_harm),
        cmocka_unit_test(the_front_is_what_no_point_dominates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
