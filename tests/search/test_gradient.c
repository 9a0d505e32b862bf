// SPDX-License-Identifier: MIT
// The alpha gradients of DARTS against central differences of what they are defined as. The
// private parts of the strategy are used on purpose: the definition is about one step.
#include "tests/search/toy_darts.h"

#include "src/engine/optim.h"

static Toy toy;
static Darts *d;
static const Batch *train, *valid;
static float *w0;

// The same network with smooth layers: central differences need a second derivative.
static Graph *smooth(const Graph *g)
{
    Error err = { 0 };
    Graph *out = graph_new(graph_shape(g, 0));
    for (int t = 0; t < graph_tables(g); t++) {
        int rows, cols;
        graph_table_size(g, t, &rows, &cols);
        graph_add_table(out, graph_table_name(g, t), rows, cols, &err);
    }
    for (int i = 1; i < graph_count(g); i++) {
        LayerAttr attr = *graph_attr(g, i);
        const int *inputs;
        int n = graph_inputs(g, i, &inputs), id;
        if (attr.kind == LAYER_RELU)
            attr.kind = LAYER_SWISH;
        if (attr.kind == LAYER_MAX_POOL)
            attr.kind = LAYER_AVG_POOL;
        if (attr.kind == LAYER_MIX)
            id = graph_add_mix(out, graph_name(g, i), graph_shape(g, i), inputs,
                               graph_mix_refs(g, i), n, &err);
        else
            id = graph_add(out, graph_name(g, i), &attr, inputs, n, &err);
        assert_int_equal(id, i);
    }
    return out;
}

static void make_smooth(void)
{
    Error err = { 0 };
    Graph *g = smooth(d->t.graph);
    Plan *plan = NULL;
    PlanOptions options = { .batch = 16, .threads = 1 };
    assert_int_equal(plan_compile(g, &options, &plan, &err), STATUS_OK);
    assert_int_equal(plan_param_count(plan), d->t.n_w);
    plan_init_params(plan, 3);
    plan_params_changed(plan);
    plan_free(d->t.plan);
    graph_free(d->t.graph);
    d->t.plan = plan;
    d->t.graph = g;
}

static void open_at(SearchOrder order)
{
    toy_init(&toy, "darts");
    toy.ctx.options.order = order;
    toy.ctx.options.w.lr = toy.ctx.options.w.lr_min = 0.05;
    toy.ctx.options.alpha.init = 0.5;
    toy.ctx.options.epochs = 9;
    d = toy_darts(&toy);
    make_smooth();
    for (int i = 0; i < 4; i++) // away from the start, with a momentum buffer
        toy_darts_step(d);
    w0 = mem_array(d->t.n_w, sizeof *w0);
    memcpy(w0, plan_params(d->t.plan), d->t.n_w * sizeof *w0);
    train = feed_next(d->t.train);
    valid = feed_next(d->t.valid);
}

static void shut(void)
{
    toy_darts_close(&toy, d);
    mem_free(w0);
}

static double loss_at(const Batch *batch)
{
    PassResult result = { 0 };
    Error err = { 0 };
    darts_mix(d, MIX_FOR_ALPHA);
    assert_int_equal(trainer_forward(&d->t, batch, PASS_BATCH, PASS_STREAM_VALID, &result, &err),
                     STATUS_OK);
    return result.loss;
}

// L_val(w - eta (mu m + grad L_train(w, alpha) + wd w), alpha)
static double unrolled_loss(void)
{
    Error err = { 0 };
    const SearchOptions *o = &toy.ctx.options;
    trainer_set_weights(&d->t, w0, 0, NULL);
    loss_at(train);
    assert_int_equal(plan_backward(d->t.plan, GRAD_WEIGHTS, &err), STATUS_OK);
    const float *g = plan_grads(d->t.plan);
    float *step = mem_array(d->t.n_w, sizeof *step);
    for (size_t i = 0; i < d->t.n_w; i++)
        step[i] = (float)(o->w.momentum * d->t.momentum[i] + g[i] + o->w.decay * w0[i]);
    trainer_set_weights(&d->t, w0, -d->t.lr, step);
    mem_free(step);
    double loss = loss_at(valid);
    trainer_set_weights(&d->t, w0, 0, NULL);
    return loss;
}

static double first_loss(void)
{
    return loss_at(valid);
}

// The largest entries by central differences; the whole by a direction.
static void compare(const double *grad, double (*loss)(void), double tolerance)
{
    double scale = 0;
    const float h = 0.0078125f;
    for (int i = 0; i < d->alpha.n; i++)
        scale = fmax(scale, fabs(grad[i]));
    assert_true(scale > 1e-4);
    int checked = 0;
    for (int i = 0; i < d->alpha.n; i++) {
        if (!d->alpha.used[i] || fabs(grad[i]) < 0.1 * scale)
            continue;
        float was = d->alpha.value[i];
        d->alpha.value[i] = was + h;
        double up = loss();
        d->alpha.value[i] = was - h;
        double down = loss();
        d->alpha.value[i] = was;
        double expected = (up - down) / (2.0 * h);
        if (fabs(expected - grad[i]) > tolerance * scale)
            fail_msg("entry %d: %g, central difference %g", i, grad[i], expected);
        checked++;
    }
    assert_true(checked >= 5);
}

static void the_first_order_gradient_is_that_of_the_validation_loss(void **state)
{
    (void)state;
    Error err = { 0 };
    open_at(ORDER_FIRST);
    loss_at(valid);
    assert_int_equal(plan_backward(d->t.plan, GRAD_MIX, &err), STATUS_OK);
    darts_read_mix(d, d->raw);
    darts_alpha_gradient(d, d->raw, d->grad);
    compare(d->grad, first_loss, 2e-3);
    shut();
}

static void the_second_order_gradient_is_that_of_the_unrolled_loss(void **state)
{
    (void)state;
    Error err = { 0 };
    open_at(ORDER_SECOND);
    double *grad = mem_zero((size_t)d->alpha.n, sizeof *grad);
    double *first = mem_zero((size_t)d->alpha.n, sizeof *first);
    assert_int_equal(darts_second_order(d, train, valid, &err), STATUS_OK);
    darts_alpha_gradient(d, d->raw, grad);
    assert_memory_equal(plan_params(d->t.plan), w0, d->t.n_w * sizeof *w0); // put back exactly
    compare(grad, unrolled_loss, 2e-3);
    // and the second term is not a rounding matter here
    loss_at(valid);
    assert_int_equal(plan_backward(d->t.plan, GRAD_MIX, &err), STATUS_OK);
    darts_read_mix(d, d->raw);
    darts_alpha_gradient(d, d->raw, first);
    double difference = 0, size = 0;
    for (int i = 0; i < d->alpha.n; i++) {
        difference += (first[i] - grad[i]) * (first[i] - grad[i]);
        size += grad[i] * grad[i];
    }
    assert_true(difference > 0.005 * size);
    mem_free(grad);
    mem_free(first);
    shut();
}

// One batch, the whole Hessian by differences of gradients, its largest eigenvalue by the same
// Lanczos with as many steps as alphas.
static void lambda_is_the_largest_eigenvalue(void **state)
{
    (void)state;
    Error err = { 0 };
    double lambda;
    open_at(ORDER_FIRST);
    float before[64];
    memcpy(before, d->alpha.value, (size_t)d->alpha.n * sizeof *before);
    int64_t position = feed_tell(d->t.eval);
    assert_int_equal(darts_lambda(d, &lambda, &err), STATUS_OK);
    assert_true(isfinite(lambda));
    assert_memory_equal(d->alpha.value, before, (size_t)d->alpha.n * sizeof *before);
    assert_int_equal(feed_tell(d->t.eval), position);
    // the weight decay of alpha is part of it
    double more;
    d->t.ctx.options.alpha.decay += 0.5;
    assert_int_equal(darts_lambda(d, &more, &err), STATUS_OK);
    assert_true(fabs(more - lambda - 0.5) < 1e-3);
    shut();
}

// OLES with a threshold that every operator is under: after the first window of 21 alpha steps
// (the first has no training gradient before it) operators stand still, everything else learns.
static void frozen_operators_stand_still(void **state)
{
    (void)state;
    toy_init(&toy, "darts");
    toy.ctx.options.oles = 1.5;
    toy.ctx.options.epochs = 20;
    d = toy_darts(&toy);
    // the step of alpha that closes the window comes before its step of the weights
    for (int i = 0; i < 1 + MATCH_PATIENCE; i++)
        toy_darts_step(d);
    assert_int_equal(match_frozen(&d->match), 0);
    size_t n = d->t.n_w;
    w0 = mem_array(n, sizeof *w0);
    memcpy(w0, plan_params(d->t.plan), n * sizeof *w0);
    for (int i = 0; i < 3; i++)
        toy_darts_step(d);
    assert_int_equal(match_frozen(&d->match), d->match.n);
    // 3 cells of 5 edges with a convolution, 4 strided skips
    assert_int_equal(d->match.n, 15 + 4);
    const float *w = plan_params(d->t.plan);
    int moved = 0;
    for (int i = 0; i < plan_param_tensors(d->t.plan); i++) {
        const ParamInfo *info = plan_param_info(d->t.plan, i);
        bool same = memcmp(w + info->offset, w0 + info->offset, info->count * sizeof *w) == 0;
        bool is_op = strstr(info->name, "_conv_3x3") || strstr(info->name, "skip_connect");
        if (same != is_op)
            fail_msg("%s %s", info->name, same ? "stands still" : "moves");
        moved += !same;
    }
    assert_true(moved > 5);
    shut();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_order_gradient_is_that_of_the_validation_loss),
        cmocka_unit_test(the_second_order_gradient_is_that_of_the_unrolled_loss),
        cmocka_unit_test(frozen_operators_stand_still),
        cmocka_unit_test(lambda_is_the_largest_eigenvalue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
