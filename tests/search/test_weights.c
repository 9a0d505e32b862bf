// SPDX-License-Identifier: MIT
#include "tests/support/tiny_space.h"

#include <math.h>

#include "src/base/rng.h"
#include "src/search/weights.h"

static TinySpace tiny;
static Alpha alpha;
enum { MOST = 64 };

static int setup(void **state)
{
    (void)state;
    tiny_darts(&tiny);
    // edge 1 of the normal cell lacks the last operator
    static SpaceEdge edges[5];
    memcpy(edges, tiny.edges, sizeof edges);
    edges[1].n_ops = 3;
    tiny.cells[0].edges = edges;
    assert_true(alpha_init(&alpha, &tiny.space, true, 1.0, 7));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    alpha_fini(&alpha);
    return 0;
}

static void layout_is_types_then_edge_weights(void **state)
{
    (void)state;
    assert_int_equal(alpha.n_alpha, 40);
    assert_int_equal(alpha.n, 50);
    assert_int_equal(alpha.offset[1], 20);
    assert_int_equal(alpha.edge_offset[1], 45);
    assert_false(alpha.used[7]);
    assert_true(alpha.value[7] == 0);
}

static void softmax_rows_sum_to_one_over_what_is_there(void **state)
{
    (void)state;
    double p[MOST];
    weights_forward(&alpha, WEIGHT_SOFTMAX, p);
    for (int row = 0; row < 10; row++)
        assert_true(fabs(p[4 * row] + p[4 * row + 1] + p[4 * row + 2] + p[4 * row + 3] - 1) <
                    1e-12);
    assert_true(p[7] == 0);
    // edge weights: softmax over the edges into a node, 2 into node 2 and 3 into node 3
    assert_true(fabs(p[40] + p[41] - 1) < 1e-12);
    assert_true(fabs(p[42] + p[43] + p[44] - 1) < 1e-12);
    double expected = exp(alpha.value[0]) / (exp(alpha.value[0]) + exp(alpha.value[1]) +
                                             exp(alpha.value[2]) + exp(alpha.value[3]));
    assert_true(fabs(p[0] - expected) < 1e-12);
}

// d/dalpha of sum_i c_i p_i by central differences.
static void check_gradient(WeightKind kind)
{
    double p[MOST], g[MOST], out[MOST], up[MOST], down[MOST];
    Rng rng = rng_new(3);
    for (int i = 0; i < alpha.n; i++)
        g[i] = rng_normal(&rng);
    weights_forward(&alpha, kind, p);
    weights_backward(&alpha, kind, p, g, out);
    for (int i = 0; i < alpha.n; i++) {
        if (!alpha.used[i])
            continue;
        float was = alpha.value[i];
        alpha.value[i] = was + 0.0078125f;
        weights_forward(&alpha, kind, up);
        alpha.value[i] = was - 0.0078125f;
        weights_forward(&alpha, kind, down);
        double h = (double)(was + 0.0078125f) - (double)(was - 0.0078125f), sum = 0;
        alpha.value[i] = was;
        for (int k = 0; k < alpha.n; k++)
            sum += g[k] * (up[k] - down[k]) / h;
        assert_true(fabs(sum - out[i]) < 1e-4);
    }
}

static void gradients_are_those_of_the_weights(void **state)
{
    (void)state;
    check_gradient(WEIGHT_SOFTMAX);
    check_gradient(WEIGHT_SIGMOID);
}

static void effective_weights_follow_the_method(void **state)
{
    (void)state;
    double p[MOST];
    float e[MOST];
    weights_forward(&alpha, WEIGHT_SOFTMAX, p);
    weights_effective(&alpha, WEIGHT_SOFTMAX, e);
    assert_true(fabs(e[9] - p[9] * p[42]) < 1e-6); // edge 2 of the normal cell: alpha * beta
    assert_true(fabs(e[39] - p[39] * p[49]) < 1e-6);
    weights_effective(&alpha, WEIGHT_SAMPLED, e);
    assert_true(fabs(e[9] - p[9] * p[42]) < 1e-6); // GDAS: those of the softmax
    alpha_fini(&alpha);
    assert_true(alpha_init(&alpha, &tiny.space, false, 1.0, 7));
    weights_effective(&alpha, WEIGHT_SIGMOID, e);
    assert_true(fabs(e[9] - 1 / (1 + exp(-alpha.value[9]))) < 1e-6);
    assert_true(e[7] == 0);
}

static void the_start_is_a_function_of_the_seed(void **state)
{
    (void)state;
    Alpha again;
    assert_true(alpha_init(&again, &tiny.space, true, 1.0, 7));
    assert_memory_equal(again.value, alpha.value, (size_t)alpha.n * sizeof(float));
    alpha_fini(&again);
    assert_true(alpha_init(&again, &tiny.space, true, 1.0, 8));
    assert_memory_not_equal(again.value, alpha.value, (size_t)alpha.n * sizeof(float));
    alpha_fini(&again);
    assert_true(alpha_init(&again, &tiny.space, true, 0, 8));
    for (int i = 0; i < again.n; i++)
        assert_true(again.value[i] == 0);
    alpha_fini(&again);
}

static void a_step_moves_alpha_by_about_its_rate(void **state)
{
    (void)state;
    double grad[MOST] = { 0 };
    AlphaStep step = { 3e-4, 0.5, 0.999, 0, 0 };
    float before = alpha.value[0], still = alpha.value[1];
    grad[0] = 0.5;
    grad[7] = 1; // not there
    alpha_step(&alpha, grad, &step);
    assert_true(fabs((before - alpha.value[0]) - 3e-4) < 1e-6);
    assert_true(alpha.value[1] == still);
    assert_true(alpha.value[7] == 0);
    grad[0] = NAN;
    before = alpha.value[0];
    alpha_step(&alpha, grad, &step);
    assert_true(alpha.value[0] == before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(layout_is_types_then_edge_weights, setup, teardown),
        cmocka_unit_test_setup_teardown(softmax_rows_sum_to_one_over_what_is_there, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(gradients_are_those_of_the_weights, setup, teardown),
        cmocka_unit_test_setup_teardown(effective_weights_follow_the_method, setup, teardown),
        cmocka_unit_test_setup_teardown(the_start_is_a_function_of_the_seed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_step_moves_alpha_by_about_its_rate, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
