// SPDX-License-Identifier: MIT
#include "tests/engine/nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"

// What a plan promises beside values: sampled paths, memory, statistics, randomness, mistakes.

enum { BATCH = 4, SIDE = 8, ROWS = 5 };

typedef struct {
    Graph *g;
    Plan *plan;
    float images[BATCH * SIDE * SIDE];
    int labels[BATCH];
    PassInput in;
    PassResult r;
} Fixture;

static void setup_with(Fixture *f, Graph *g)
{
    Error err = { 0 };
    f->g = g;
    PlanOptions o = { .batch = BATCH, .threads = 1, .isa = "reference" };
    if (plan_compile(g, &o, &f->plan, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    plan_init_params(f->plan, 1);
    test_fill(f->images, sizeof f->images / sizeof *f->images, 3);
    for (int i = 0; i < BATCH; i++)
        f->labels[i] = i % 3;
    f->in = (PassInput){ .images = f->images, .labels = f->labels, .n = BATCH };
}

static Graph *small_net(void)
{
    return darts_net(&(DartsNet){ SIDE, SIDE, 1, 2, 4, 2, 3, 0x2, false });
}

static void teardown_of(Fixture *f)
{
    plan_free(f->plan);
    graph_free(f->g);
}

static void pass(Fixture *f, int what)
{
    Error err = { 0 };
    assert_int_equal(plan_forward(f->plan, &f->in, &f->r, &err), STATUS_OK);
    if (what)
        assert_int_equal(plan_backward(f->plan, what, &err), STATUS_OK);
}

static double grad_norm(const Plan *plan, const char *part)
{
    double sum = 0;
    for (int i = 0; i < plan_param_tensors(plan); i++) {
        const ParamInfo *p = plan_param_info(plan, i);
        if (strstr(p->name, part))
            for (size_t k = 0; k < p->count; k++)
                sum += fabs((double)plan_grads(plan)[p->offset + k]);
    }
    return sum;
}

// One active operator an edge: the others do not run, and the result is that of weight 0.
static void a_sampled_path_runs_alone(void **state)
{
    (void)state;
    Fixture f, all;
    setup_with(&f, small_net());
    setup_with(&all, small_net());
    float w[ROWS * DARTS_OPS] = { 0 };
    bool active[ROWS * DARTS_OPS] = { false };
    for (int i = 0; i < ROWS; i++) {
        w[i * DARTS_OPS + 1 + i] = 1;
        active[i * DARTS_OPS + 1 + i] = true;
    }
    for (int t = 0; t < 2; t++) {
        plan_set_mix(f.plan, t, w, active);
        plan_set_mix(all.plan, t, w, NULL);
    }
    pass(&f, GRAD_WEIGHTS | GRAD_MIX);
    pass(&all, GRAD_WEIGHTS | GRAD_MIX);
    assert_true(f.r.loss == all.r.loss);
    for (size_t i = 0; i < plan_param_count(f.plan); i++)
        assert_true(fabsf(plan_grads(f.plan)[i] - plan_grads(all.plan)[i]) < 1e-6f);
    assert_true(plan_mix_grad(f.plan, 0)[0 * DARTS_OPS + 6] == 0);
    assert_true(plan_mix_grad(all.plan, 0)[0 * DARTS_OPS + 6] != 0);
    const ParamInfo *idle = NULL; // running statistics of what did not run stay as they were
    for (int i = 0; i < plan_buffer_tensors(f.plan); i++)
        if (strcmp(plan_buffer_info(f.plan, i)->name, "cells.0.0-2.6.bn.running_mean") == 0)
            idle = plan_buffer_info(f.plan, i);
    assert_non_null(idle);
    assert_true(plan_buffers(f.plan)[idle->offset] == 0);
    assert_true(plan_buffers(all.plan)[idle->offset] != 0);
    teardown_of(&f);
    teardown_of(&all);
}

static void a_mix_of_nothing_is_zero_and_passes_no_gradient(void **state)
{
    (void)state;
    Fixture f;
    setup_with(&f, small_net());
    float w[ROWS * DARTS_OPS] = { 0 };
    bool none[ROWS * DARTS_OPS] = { false };
    plan_set_mix(f.plan, 0, w, none);
    plan_set_mix(f.plan, 1, w, none);
    pass(&f, GRAD_WEIGHTS | GRAD_MIX);
    assert_true(isfinite(f.r.loss));
    assert_true(grad_norm(f.plan, "stem") == 0);
    assert_true(grad_norm(f.plan, "head.classifier.bias") > 0);
    teardown_of(&f);
}

static void predicted_bytes_are_those_held(void **state)
{
    (void)state;
    Graph *g = small_net();
    for (int i = 0; i < 8; i++) {
        Error err = { 0 };
        Plan *plan;
        size_t bytes;
        PlanOptions o = { .batch = 1 + i,
                          .threads = 1 + i % 3,
                          .unfused = i & 1,
                          .forward_only = (i & 2) != 0,
                          .recompute = (i & 4) != 0 };
        assert_int_equal(plan_bytes(g, &o, &bytes, &err), STATUS_OK);
        assert_int_equal(plan_compile(g, &o, &plan, &err), STATUS_OK);
        assert_true(bytes == plan_memory(plan));
        plan_free(plan);
    }
    graph_free(g);
}

static size_t net_bytes(const Graph *g, bool recompute)
{
    PlanOptions o = { .batch = 16, .threads = 1, .recompute = recompute };
    Error err = { 0 };
    size_t bytes;
    assert_int_equal(plan_bytes(g, &o, &bytes, &err), STATUS_OK);
    return bytes;
}

// The operators of one cell at a time instead of those of all.
static void recomputing_needs_less_memory_the_deeper_the_net(void **state)
{
    (void)state;
    size_t kept[2], made[2];
    for (int i = 0; i < 2; i++) {
        Graph *g = darts_net(&(DartsNet){ 16, 16, 3, 2 + 4 * i, 8, 4, 10, 0, false });
        kept[i] = net_bytes(g, false);
        made[i] = net_bytes(g, true);
        graph_free(g);
    }
    assert_true(made[1] < kept[1] / 2);
    assert_true((made[1] - made[0]) * 4 < kept[1] - kept[0]);
}

static void too_little_memory_says_how_much_and_what_to_change(void **state)
{
    (void)state;
    Graph *g = darts_net(&(DartsNet){ 16, 16, 3, 6, 8, 4, 10, 0, false });
    Plan *plan = NULL;
    Error err = { 0 };
    PlanOptions o = { .batch = 16, .threads = 1, .memory_limit = 10000 };
    assert_int_equal(plan_compile(g, &o, &plan, &err), STATUS_NOMEM);
    assert_non_null(strstr(err.msg, "smaller batch"));
    assert_non_null(strstr(err.msg, "10 kB"));
    assert_non_null(strstr(err.msg, "run.recompute=true, which needs "));
    o.recompute = true;
    assert_int_equal(plan_compile(g, &o, &plan, &err), STATUS_NOMEM);
    assert_non_null(strstr(err.msg, "smaller batch or fewer channels"));
    assert_null(plan);
    graph_free(g);
}

static void an_allocation_that_fails_anywhere_is_an_error(void **state)
{
    (void)state;
    Graph *g = small_net();
    PlanOptions o = { .batch = 1, .threads = 1, .isa = "reference", .recompute = true };
    for (int64_t n = 0;; n++) {
        Plan *plan = NULL;
        Error err = { 0 };
        alloc_fail_after(n);
        Status status = plan_compile(g, &o, &plan, &err);
        alloc_fail_after(-1);
        if (status == STATUS_OK) {
            plan_free(plan);
            assert_true(n > 20);
            break;
        }
        assert_int_equal(status, STATUS_NOMEM);
        assert_true(err.msg[0] != '\0');
    }
    graph_free(g);
}

static void a_step_allocates_nothing(void **state)
{
    (void)state;
    Fixture f;
    setup_with(&f, small_net());
    pass(&f, GRAD_WEIGHTS | GRAD_MIX);
    int64_t calls = alloc_calls();
    pass(&f, GRAD_WEIGHTS | GRAD_MIX);
    assert_true(alloc_calls() == calls);
    teardown_of(&f);
}

static void perturbed_passes_leave_running_statistics_alone(void **state)
{
    (void)state;
    Fixture f;
    setup_with(&f, small_net());
    size_t n = plan_buffer_count(f.plan);
    float *before = malloc(n * sizeof *before);
    memcpy(before, plan_buffers(f.plan), n * sizeof *before);
    f.in.mode = PASS_BATCH;
    pass(&f, 0);
    assert_memory_equal(before, plan_buffers(f.plan), n * sizeof *before);
    f.in.mode = PASS_TRAIN;
    pass(&f, 0);
    assert_memory_not_equal(before, plan_buffers(f.plan), n * sizeof *before);
    free(before);
    teardown_of(&f);
}

// After an estimate over one batch, evaluation of that batch is nearly the training pass (the
// running variance is the unbiased one).
static void statistics_are_estimated_anew(void **state)
{
    (void)state;
    Fixture f;
    setup_with(&f, small_net());
    for (size_t i = 0; i < plan_buffer_count(f.plan); i++)
        plan_buffers(f.plan)[i] = 50;
    plan_bn_begin(f.plan);
    pass(&f, 0);
    pass(&f, 0);
    plan_bn_end(f.plan);
    double train = f.r.loss;
    f.in.mode = PASS_EVAL;
    pass(&f, 0);
    assert_true(fabs(f.r.loss - train) < 0.05 * train);
    teardown_of(&f);
}

static Graph *random_layers(void)
{
    Graph *g = graph_new((Shape){ SIDE, SIDE, 1 });
    int x = add1(g, "conv", ATTR(.kind = LAYER_CONV, .channels = 3, .kernel = 1), 0);
    x = add1(g, "dropout", ATTR(.kind = LAYER_DROPOUT, .rate = 0.3f), x);
    x = add1(g, "path", ATTR(.kind = LAYER_DROP_PATH, .rate = 0.3f), x);
    x = add1(g, "noise", ATTR(.kind = LAYER_NOISE, .rate = 0.1f), x);
    head(g, "head", x, 3, 1);
    return g;
}

static void randomness_is_a_function_of_seed_and_step(void **state)
{
    (void)state;
    Fixture f;
    setup_with(&f, random_layers());
    f.in.drop_path = -1;
    f.in.seed = 1;
    f.in.step = 1;
    pass(&f, 0);
    double first = f.r.loss;
    f.in.step = 2;
    pass(&f, 0);
    assert_true(f.r.loss != first);
    f.in.step = 1;
    f.in.seed = 2;
    pass(&f, 0);
    assert_true(f.r.loss != first);
    f.in.seed = 1;
    pass(&f, 0);
    assert_true(f.r.loss == first);
    f.in.mode = PASS_EVAL;
    pass(&f, 0);
    double eval = f.r.loss;
    f.in.seed = 9;
    pass(&f, 0);
    assert_true(f.r.loss == eval);
    teardown_of(&f);
}

static void a_number_that_is_none_comes_out_in_the_loss(void **state)
{
    (void)state;
    Fixture f;
    setup_with(&f, small_net());
    f.images[5] = NAN;
    pass(&f, GRAD_WEIGHTS);
    assert_true(isnan(f.r.loss));
    teardown_of(&f);
}

static void auxiliary_losses_count_in_training_only(void **state)
{
    (void)state;
    Fixture f;
    setup_with(&f, darts_net(&(DartsNet){ SIDE, SIDE, 1, 2, 4, 2, 3, 0, true }));
    pass(&f, GRAD_WEIGHTS);
    assert_true(f.r.loss > f.r.main_loss);
    assert_true(grad_norm(f.plan, "aux") > 0);
    f.in.mode = PASS_EVAL;
    pass(&f, 0);
    assert_true(f.r.loss == f.r.main_loss);
    assert_true(graph_params(f.g) < (int64_t)plan_param_count(f.plan));
    teardown_of(&f);
}

static void soft_targets_of_one_class_are_labels(void **state)
{
    (void)state;
    Fixture f;
    setup_with(&f, small_net());
    float target[BATCH * 3] = { 0 };
    for (int i = 0; i < BATCH; i++)
        target[i * 3 + f.labels[i]] = 1;
    pass(&f, 0);
    double hard = f.r.loss;
    f.in.labels = NULL;
    f.in.targets = target;
    pass(&f, GRAD_WEIGHTS);
    assert_true(fabs(f.r.loss - hard) < 1e-12);
    assert_true(grad_norm(f.plan, "stem") > 0);
    teardown_of(&f);
}

static void pools_and_units_of_a_state_are_one_call(void **state)
{
    (void)state;
    Fixture f;
    setup_with(&f, darts_net(&(DartsNet){ SIDE, SIDE, 1, 1, 4, 4, 3, 0, false }));
    char *text = plan_describe(f.plan);
    int pools = 0;
    for (const char *p = text; (p = strstr(p, "\npool ")) != NULL; p++)
        pools++;
    assert_int_equal(pools, 5); // states 0 to 4, both kinds at once
    assert_non_null(strstr(text, "mix"));
    free(text);
    teardown_of(&f);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    Fixture f;
    Error err = { 0 };
    setup_with(&f, small_net());
    assert_int_equal(plan_backward(f.plan, GRAD_WEIGHTS, &err), STATUS_ARG);
    f.labels[1] = 3;
    assert_int_equal(plan_forward(f.plan, &f.in, NULL, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "label of image 1 is 3"));
    f.in.n = BATCH + 1;
    assert_int_equal(plan_forward(f.plan, &f.in, NULL, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "1 to 4"));
    Plan *plan;
    PlanOptions o = { .batch = 1, .isa = "avx1024" };
    assert_int_equal(plan_compile(f.g, &o, &plan, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "avx1024"));
    o = (PlanOptions){ .batch = 0 };
    assert_int_equal(plan_compile(f.g, &o, &plan, &err), STATUS_ARG);
    teardown_of(&f);
}

static void names_of_layers_with_parameters_are_unique(void **state)
{
    (void)state;
    Error err = { 0 };
    int in = 0;
    Graph *g = graph_new((Shape){ 4, 4, 2 });
    add1(g, "a", ATTR(.kind = LAYER_CONV, .channels = 2, .kernel = 1), 0);
    assert_int_equal(
        graph_add(g, "a", ATTR(.kind = LAYER_CONV, .channels = 2, .kernel = 1), &in, 1, &err), -1);
    assert_non_null(strstr(err.msg, "'a'"));
    in = 9;
    assert_int_equal(graph_add(g, "b", ATTR(.kind = LAYER_RELU), &in, 1, &err), -1);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sampled_path_runs_alone),
        cmocka_unit_test(a_mix_of_nothing_is_zero_and_passes_no_gradient),
        cmocka_unit_test(predicted_bytes_are_those_held),
        cmocka_unit_test(recomputing_needs_less_memory_the_deeper_the_net),
        cmocka_unit_test(too_little_memory_says_how_much_and_what_to_change),
        cmocka_unit_test(an_allocation_that_fails_anywhere_is_an_error),
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(perturbed_passes_leave_running_statistics_alone),
        cmocka_unit_test(statistics_are_estimated_anew),
        cmocka_unit_test(randomness_is_a_function_of_seed_and_step),
        cmocka_unit_test(a_number_that_is_none_comes_out_in_the_loss),
        cmocka_unit_test(auxiliary_losses_count_in_training_only),
        cmocka_unit_test(soft_targets_of_one_class_are_labels),
        cmocka_unit_test(pools_and_units_of_a_state_are_one_call),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(names_of_layers_with_parameters_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
