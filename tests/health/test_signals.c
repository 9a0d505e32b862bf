// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/health/scan.h"

typedef struct {
    int e;
    double t, gap, t_q, gap_q, extra[4];
} Golden;

static void near(double value, double want, double tolerance)
{
    if (!(fabs(value - want) <= tolerance))
        print_error("%.6f is not within %g of %g\n", value, tolerance, want);
    assert_true(fabs(value - want) <= tolerance);
}

// extra: H5, H4, mean p(skip), margin
static const Golden NB201[] = {
    { 0, -0.033, -0.0000, 0.084, 0.0001, { 1.0000, 1.0000, 0.2000, 0.0002 } },
    { 1, 6.120, 0.0262, 8.050, 0.0238, { 0.9999, 0.9999, 0.2042, 0.0027 } },
    { 2, 7.321, 0.0697, 9.115, 0.0627, { 0.9996, 0.9996, 0.2114, 0.0083 } },
    { 5, 6.556, 0.1680, 7.123, 0.1517, { 0.9978, 0.9978, 0.2282, 0.0242 } },
    { 10, 5.909, 0.2478, 6.724, 0.2334, { 0.9954, 0.9949, 0.2426, 0.0395 } },
    { 20, 5.487, 0.4037, 6.362, 0.3936, { 0.9876, 0.9853, 0.2727, 0.0732 } },
    { 40, 6.252, 0.7827, 8.102, 0.7765, { 0.9528, 0.9450, 0.3534, 0.1645 } },
    { 60, 7.353, 1.2343, 10.047, 1.2351, { 0.8800, 0.8609, 0.4582, 0.2810 } },
    { 98, 9.956, 2.2463, 18.074, 2.2999, { 0.6317, 0.5794, 0.6786, 0.5437 } },
};

static void nb201_golden_epochs(void **state)
{
    (void)state;
    Scan *scan = scan_log("asquaredm-nb201-darts-seed0.txt");
    if (!scan)
        skip();
    HealthCell cell = scan_cell("cell", OPS_NB201, true);
    for (size_t i = 0; i < sizeof NB201 / sizeof *NB201; i++) {
        const Golden *g = &NB201[i];
        Signals s;
        signals_compute(&cell, scan->alpha[0][g->e], &s);
        near(s.t_p, g->t, 6e-4);
        near(s.gap_p, g->gap, 6e-5);
        near(s.t_q, g->t_q, 6e-4);
        near(s.gap_q, g->gap_q, 6e-5);
        near(s.entropy_all, g->extra[0], 6e-5);
        near(s.entropy, g->extra[1], 6e-5);
        near(s.p_skip, g->extra[2], 6e-5);
        near(s.margin, g->extra[3], 6e-5);
    }
    double smallest = INFINITY;
    for (int e = 1; e < 100; e++) {
        Signals s;
        signals_compute(&cell, scan->alpha[0][e], &s);
        smallest = fmin(smallest, s.t_p);
    }
    near(smallest, 5.283, 6e-4);
    mem_free(scan);
}

static void darts_space_golden_epochs(void **state)
{
    (void)state;
    static const Golden golden[] = {
        { .e = 0, .t = 2.722, .gap = 0.0005 },    { .e = 1, .t = -9.465, .gap = -0.0283 },
        { .e = 2, .t = -9.151, .gap = -0.0474 },  { .e = 5, .t = -7.106, .gap = -0.0830 },
        { .e = 10, .t = -6.630, .gap = -0.1488 }, { .e = 20, .t = -4.772, .gap = -0.1697 },
        { .e = 30, .t = -3.009, .gap = -0.1253 }, { .e = 40, .t = -0.900, .gap = -0.0087 },
        { .e = 49, .t = 0.236, .gap = 0.1003 },
    };
    Scan *scan = scan_log("asquaredm-darts-s5-seed2.txt");
    if (!scan)
        skip();
    HealthCell cell = scan_cell("normal", OPS_S5, false);
    Signals s;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        signals_compute(&cell, scan->alpha[0][golden[i].e], &s);
        near(s.t_p, golden[i].t, 6e-4);
        near(s.gap_p, golden[i].gap, 6e-5);
        near(s.t_q, s.t_p, 2e-2); // no none: q is p but for the rounding of its rows
    }
    signals_compute(&cell, scan->alpha[1][49], &s);
    near(s.t_p, 2.560, 6e-4);
    near(s.gap_p, 0.409, 6e-4);
    mem_free(scan);
}

static void golden_epochs_with_none_taking_over(void **state)
{
    (void)state;
    // extra: mean p(none), entropy without none, t of the reduction cell
    static const Golden golden[] = {
        { 0, 0.299, 0.0001, 0.197, 0.0000, { 0.125, 1.0000, 0.866 } },
        { 1, -9.416, -0.0357, -9.724, -0.0320, { 0.128, 0.9998, -0.457 } },
        { 2, -7.787, -0.0434, -8.249, -0.0394, { 0.129, 0.9996, -1.600 } },
        { 5, -5.021, -0.0779, -5.008, -0.0674, { 0.134, 0.9981, -1.775 } },
        { 10, -3.388, -0.1263, -2.798, -0.0869, { 0.160, 0.9927, -0.070 } },
        { 15, -2.073, -0.1209, -0.828, -0.0345, { 0.210, 0.9861, 1.649 } },
        { 20, -1.348, -0.0801, 0.674, 0.0646, { 0.287, 0.9798, 2.333 } },
        { 25, -1.032, -0.0241, 1.865, 0.1860, { 0.386, 0.9756, 2.150 } },
        { 30, -0.993, 0.0237, 2.695, 0.2978, { 0.481, 0.9724, 1.947 } },
        { 40, -1.194, 0.0807, 3.570, 0.4551, { 0.612, 0.9688, 1.642 } },
        { 49, -1.519, 0.1069, 3.982, 0.5281, { 0.668, 0.9677, 1.522 } },
    };
    Scan *scan = scan_log("ptdarts-cifar100-2e.log");
    if (!scan)
        skip();
    HealthCell cell = scan_cell("normal", OPS_PTDARTS, false);
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        const Golden *g = &golden[i];
        Signals s;
        signals_compute(&cell, scan->alpha[0][g->e], &s);
        near(s.t_p, g->t, 6e-4);
        near(s.gap_p, g->gap, 6e-5);
        near(s.t_q, g->t_q, 1e-3); // the rows are rounded to four digits
        near(s.gap_q, g->gap_q, 6e-5);
        near(s.none_mass, g->extra[0], 6e-4);
        near(s.entropy, g->extra[1], 6e-5);
        signals_compute(&cell, scan->alpha[1][g->e], &s);
        near(s.t_p, g->extra[2], 6e-4);
    }
    mem_free(scan);
}

static void a_worked_cell_of_two_edges(void **state)
{
    (void)state;
    // d: edge 0: 0.5 - 0.25 = 0.25; edge 1: 0.4 - 0.3 = 0.1. mean 0.175, sd 0.1060660.
    static const char *const ops[] = { "none", "skip_connect", "sep_conv_3x3", NULL };
    const double p[] = { 0.1, 0.5, 0.4, 0.2, 0.4, 0.4 };
    HealthCell cell = scan_cell("normal", ops, false);
    cell.n_edges = 2;
    Signals s;
    signals_compute(&cell, p, &s);
    near(s.mean_d, 0.175, 1e-12);
    near(s.t_p, 0.175 * sqrt(2.0) / 0.10606601717798213, 1e-9);
    near(s.p_skip, 0.45, 1e-12);
    near(s.none_mass, 0.15, 1e-12);
    near(s.lift, 2.0 * 0.5 * (0.5 / 0.9 + 0.5), 1e-12);
    near(s.margin, 0.5 * (0.1 + 0.0), 1e-12);
    near(s.win_share, 1.0, 1e-12); // the first of equals wins
    assert_int_equal(s.t_edges, 2);
}

static void not_a_number_stays_where_it_is(void **state)
{
    (void)state;
    double p[14 * 8];
    HealthCell cell = scan_cell("normal", OPS_TADARTS, false);
    for (int i = 0; i < 14 * 8; i++)
        p[i] = 0.125;
    p[8 * 3] = NAN; // none of edge 3
    Signals s;
    signals_compute(&cell, p, &s);
    assert_true(isnan(s.t_p));
    assert_true(isnan(s.none_mass));
    near(s.p_skip, 0.125, 1e-12);
    near(s.entropy, 1.0, 1e-12);
    p[8 * 3] = INFINITY;
    signals_compute(&cell, p, &s);
    assert_true(isinf(s.none_mass));
    assert_true(isnan(s.entropy_all));
    near(s.entropy, 1.0, 1e-12);
    signals_compute(&cell, NULL, &s);
    assert_true(isnan(s.t_q));
}

static void removed_operators_are_not_read(void **state)
{
    (void)state;
    static const char *const three[] = { "none", "skip_connect", "sep_conv_3x3", NULL };
    const double small[] = { 0.2, 0.5, 0.3, 0.3, 0.4, 0.3 };
    const double wide[] = { 0.2, NAN, 0.5, 0.3, 0.3, NAN, 0.4, 0.3 };
    HealthCell cell = scan_cell("normal", three, false), with_hole = cell;
    cell.n_edges = with_hole.n_edges = 2;
    with_hole.n_ops = 4;
    strcpy(with_hole.op[3], with_hole.op[2]);
    strcpy(with_hole.op[2], with_hole.op[1]);
    with_hole.op[1][0] = '\0';
    Signals a, b;
    signals_compute(&cell, small, &a);
    signals_compute(&with_hole, wide, &b);
    near(b.t_p, a.t_p, 1e-12);
    near(b.entropy_all, a.entropy_all, 1e-12);
    near(b.gap_q, a.gap_q, 1e-12);
}

static void one_hot_rows_have_a_finite_gap_and_an_infinite_t(void **state)
{
    (void)state;
    static const char *const ops[] = { "none", "skip_connect", "sep_conv_3x3", NULL };
    const double p[] = { 0, 1, 0, 0, 1, 0 };
    HealthCell cell = scan_cell("normal", ops, false);
    cell.n_edges = 2;
    Signals s;
    signals_compute(&cell, p, &s);
    assert_true(isinf(s.t_p) && s.t_p > 0);
    assert_true(isfinite(s.gap_p));
    near(s.entropy_all, 0.0, 1e-12);
}

static void the_start_is_noise_until_it_moves(void **state)
{
    (void)state;
    HealthCell cell = scan_cell("normal", OPS_TADARTS, false);
    Signals s = { .mean_d = 1e-4, .t_edges = 14 };
    assert_false(signals_settled(&cell, &s, 0.0));
    assert_true(signals_settled(&cell, &s, 1.0));
    s.mean_d = -1e-3; // above 5e-3 / sqrt(14 * 7) = 5.05e-4
    assert_true(signals_settled(&cell, &s, 0.1));
}

static void softmax_survives_large_and_missing_logits(void **state)
{
    (void)state;
    double a[] = { 1000.0, 1000.0, -1000.0, 0.0, NAN, 0.0 };
    signals_softmax(a, 2, 3);
    near(a[0], 0.5, 1e-12);
    near(a[2], 0.0, 1e-12);
    near(a[3], 0.5, 1e-12);
    assert_true(isnan(a[4]));
    double b[] = { 0.0, 100.0 };
    signals_sigmoid(b, 1, 2);
    near(b[0], 0.5, 1e-12);
    near(b[1], 1.0, 1e-12);
}

// Class means by hand: (none, skip, conv, conv) on two edges, none counting where it competes.
static void parameter_free_consensus_by_hand(void **state)
{
    (void)state;
    static const char *const ops[] = { "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3",
                                       NULL };
    HealthCell cell = scan_cell("cell", ops, true);
    cell.n_edges = 2;
    double p[] = { 0.1, 0.4, 0.2, 0.3, 0.2, 0.5, 0.1, 0.2 };
    Signals s;
    signals_compute(&cell, p, &s); // d = 0, 0.2
    near(s.t_free, 1.0, 1e-12);
    cell.derive = DERIVE_TOP;
    signals_compute(&cell, p, &s); // d = 0.15 / 0.9, 0.35 / 0.8
    near(s.t_free, 0.6041666666666666 / 0.2708333333333333, 1e-12);
    p[0] = NAN;
    signals_compute(&cell, p, &s);
    near(s.t_free, 0.6041666666666666 / 0.2708333333333333, 1e-12);
    p[1] = NAN;
    signals_compute(&cell, p, &s);
    assert_true(isnan(s.t_free));
    strcpy(cell.op[1], "sep_conv_3x3"); // nothing without parameters competes
    signals_compute(&cell, p, &s);
    assert_true(isnan(s.t_free));
}

static void slope_leaves_gaps_out(void **state)
{
    (void)state;
    const double y[] = { 1.0, NAN, 5.0, 7.0 };
    near(signals_slope(y, 4), 2.0, 1e-12);
    assert_true(isnan(signals_slope(y, 2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nb201_golden_epochs),
        cmocka_unit_test(darts_space_golden_epochs),
        cmocka_unit_test(golden_epochs_with_none_taking_over),
        cmocka_unit_test(a_worked_cell_of_two_edges),
        cmocka_unit_test(not_a_number_stays_where_it_is),
        cmocka_unit_test(removed_operators_are_not_read),
        cmocka_unit_test(one_hot_rows_have_a_finite_gap_and_an_infinite_t),
        cmocka_unit_test(the_start_is_noise_until_it_moves),
        cmocka_unit_test(softmax_survives_large_and_missing_logits),
        cmocka_unit_test(parameter_free_consensus_by_hand),
        cmocka_unit_test(slope_leaves_gaps_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
