// SPDX-License-Identifier: MIT
#include "tests/engine/nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Partial channels: every edge sends a part of the channels through its operators, the rest past
// them, and shuffles both. A fused plan sums the parts and shuffles once a node.

enum { BATCH = 3, SIDE = 6, C = 8, PART = 4, EDGES = 3, OPS = 2 };

static int edge(Graph *g, int index, int in)
{
    Error err = { 0 };
    char name[32], op[40];
    snprintf(name, sizeof name, "edge%d", index);
    snprintf(op, sizeof op, "edge%d.sep", index);
    int part = add1(g, name, ATTR(.kind = LAYER_SLICE, .channels = C / PART), in);
    int ops[OPS] = { part, sep_half(g, op, part, 3, 1, 1, C / PART) };
    MixRef refs[OPS] = { { 0, index, 0 }, { 0, index, 1 } };
    int both[2];
    both[0] = graph_add_mix(g, name, graph_shape(g, part), ops, refs, OPS, &err);
    both[1] = add1(g, name,
                   ATTR(.kind = LAYER_SLICE, .slice_from = C / PART, .channels = C - C / PART), in);
    int x = graph_add(g, name, ATTR(.kind = LAYER_CONCAT), both, 2, &err);
    return add1(g, name, ATTR(.kind = LAYER_SHUFFLE, .groups = PART), x);
}

static Graph *partial_net(void)
{
    Error err = { 0 };
    Graph *g = graph_new((Shape){ SIDE, SIDE, 3 });
    int in[2], out[EDGES];
    MixRef refs[EDGES];
    graph_add_table(g, "alpha", EDGES, OPS, &err);
    graph_add_table(g, "beta", EDGES, 1, &err);
    in[0] = conv_bn(g, "pre0", ATTR(.kind = LAYER_CONV, .channels = C, .kernel = 1), 0, 1);
    in[1] = conv_bn(g, "pre1", ATTR(.kind = LAYER_CONV, .channels = C, .kernel = 1), 0, 0);
    for (int e = 0; e < EDGES; e++) {
        out[e] = edge(g, e, in[e % 2]);
        refs[e] = (MixRef){ 1, e, 0 };
    }
    int node = graph_add_mix(g, "node", (Shape){ SIDE, SIDE, C }, out, refs, EDGES, &err);
    head(g, "head", node, 3, 1);
    return g;
}

typedef struct {
    Plan *plan;
    PassResult r;
} Run;

static Run run_net(const Graph *g, bool unfused, const float *beta, const bool *active)
{
    static float images[BATCH * SIDE * SIDE * 3];
    static const int labels[BATCH] = { 0, 2, 1 };
    float alpha[EDGES * OPS];
    Error err = { 0 };
    Run run = { 0 };
    PlanOptions o = { .batch = BATCH, .threads = 1, .unfused = unfused };
    if (plan_compile(g, &o, &run.plan, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    plan_init_params(run.plan, 1);
    plan_params_changed(run.plan);
    test_fill(images, sizeof images / sizeof *images, 3);
    test_fill(alpha, EDGES * OPS, 5);
    plan_set_mix(run.plan, 0, alpha, NULL);
    plan_set_mix(run.plan, 1, beta, active);
    PassInput in = { .images = images, .labels = labels, .n = BATCH };
    assert_int_equal(plan_forward(run.plan, &in, &run.r, &err), STATUS_OK);
    assert_int_equal(plan_backward(run.plan, GRAD_WEIGHTS | GRAD_MIX, &err), STATUS_OK);
    return run;
}

static void compare(const float *beta, const bool *active)
{
    Graph *g = partial_net();
    Run fused = run_net(g, false, beta, active), plain = run_net(g, true, beta, active);
    assert_true(fabs(fused.r.loss - plain.r.loss) < 1e-5);
    for (size_t i = 0; i < plan_param_count(plain.plan); i++)
        assert_true(fabsf(plan_grads(fused.plan)[i] - plan_grads(plain.plan)[i]) < 1e-5f);
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < EDGES * (t ? 1 : OPS); i++)
            assert_true(fabs(plan_mix_grad(fused.plan, t)[i] - plan_mix_grad(plain.plan, t)[i]) <
                        1e-5);
    assert_true(fabs(plan_mix_grad(fused.plan, 1)[0]) > 1e-4);
    plan_free(fused.plan);
    plan_free(plain.plan);
    graph_free(g);
}

static void shuffling_the_sum_is_summing_the_shuffles(void **state)
{
    (void)state;
    compare((const float[]){ 0.5f, 0.25f, -0.75f }, NULL);
}

static void an_edge_that_was_not_sampled_adds_nothing(void **state)
{
    (void)state;
    compare((const float[]){ 1, 0, 0.5f }, (const bool[]){ true, false, true });
}

static void a_node_is_shuffled_once(void **state)
{
    (void)state;
    Graph *g = partial_net();
    PlanOptions o = { .batch = BATCH, .threads = 1 };
    Error err = { 0 };
    Plan *plan = NULL;
    assert_int_equal(plan_compile(g, &o, &plan, &err), STATUS_OK);
    char *text = plan_describe(plan);
    int count = 0;
    for (const char *at = text; (at = strstr(at, "\nshuffle")); at++)
        count++;
    assert_int_equal(count, 1);
    assert_null(strstr(text, "\ncopy"));
    free(text);
    plan_free(plan);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shuffling_the_sum_is_summing_the_shuffles),
        cmocka_unit_test(an_edge_that_was_not_sampled_adds_nothing),
        cmocka_unit_test(a_node_is_shuffled_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
