// SPDX-License-Identifier: MIT
#include "tests/engine/nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Every kind of layer by central differences of the loss along the gradient of each parameter
// tensor, with the naive kernels: odd sizes, strides, batch 1, channels beside the vector widths.

typedef struct {
    const char *what;
    LayerAttr attr;
    int other; // how the layer gets a second input: 0 none, 1 the same shape, 2 a gate
} Case;

static const Case cases[] = {
    { "conv 3x3", { .kind = LAYER_CONV, .channels = 5, .kernel = 3, .pad = PAD_SAME }, 0 },
    { "conv stride 2 bias",
      { .kind = LAYER_CONV, .channels = 3, .kernel = 3, .stride = 2, .bias = 1, .pad = 1 },
      0 },
    { "conv dilated, tensorflow's same",
      { .kind = LAYER_CONV, .channels = 4, .kernel = 3, .dilation = 2, .pad = PAD_TF_SAME },
      0 },
    { "conv 1x1", { .kind = LAYER_CONV, .channels = 20, .kernel = 1 }, 0 },
    { "depthwise", { .kind = LAYER_DEPTHWISE, .kernel = 3, .pad = PAD_SAME }, 0 },
    { "depthwise 5x5 stride 2",
      { .kind = LAYER_DEPTHWISE, .kernel = 5, .stride = 2, .dilation = 2, .pad = PAD_SAME },
      0 },
    { "batch norm", { .kind = LAYER_BATCH_NORM, .affine = 1 }, 0 },
    { "plain batch norm", { .kind = LAYER_BATCH_NORM }, 0 },
    { "relu6", { .kind = LAYER_RELU6 }, 0 },
    { "h-swish", { .kind = LAYER_HSWISH }, 0 },
    { "swish", { .kind = LAYER_SWISH }, 0 },
    { "sigmoid", { .kind = LAYER_SIGMOID }, 0 },
    { "gelu", { .kind = LAYER_GELU }, 0 },
    { "average pool", { .kind = LAYER_AVG_POOL, .kernel = 3, .stride = 2, .pad = 1 }, 0 },
    { "average pool counting the padding",
      { .kind = LAYER_AVG_POOL, .kernel = 3, .pad = 1, .count_pad = 1 },
      0 },
    { "average pool 2x2", { .kind = LAYER_AVG_POOL, .kernel = 2, .stride = 2 }, 0 },
    { "max pool", { .kind = LAYER_MAX_POOL, .kernel = 3, .stride = 2, .pad = 1 }, 0 },
    { "add", { .kind = LAYER_ADD }, 1 },
    { "concat", { .kind = LAYER_CONCAT }, 1 },
    { "scale", { .kind = LAYER_SCALE }, 2 },
    { "slice", { .kind = LAYER_SLICE, .slice_from = 1, .channels = 2 }, 0 },
    { "shuffle", { .kind = LAYER_SHUFFLE, .groups = 3 }, 0 },
    { "identity", { .kind = LAYER_IDENTITY }, 0 },
    { "shift", { .kind = LAYER_SHIFT }, 0 },
    { "dropout", { .kind = LAYER_DROPOUT, .rate = 0.3f }, 0 },
    { "drop path", { .kind = LAYER_DROP_PATH, .rate = 0.4f }, 0 },
    { "noise", { .kind = LAYER_NOISE, .rate = 0.2f }, 0 },
    { "layer norm", { .kind = LAYER_LAYER_NORM, .affine = 1 }, 0 },
    { "attention", { .kind = LAYER_ATTENTION, .heads = 3 }, 0 },
    { "linear", { .kind = LAYER_LINEAR, .channels = 6 }, 0 },
    { "flatten", { .kind = LAYER_FLATTEN }, 0 },
    { "global pool", { .kind = LAYER_GLOBAL_POOL }, 0 },
};

typedef struct {
    Plan *plan;
    PassInput input;
} Bench;

// stem conv, sigmoid-free so that values are spread; the layer; a second conv; loss.
static Graph *case_graph(const Case *c, Shape in, int channels)
{
    Error err = { 0 };
    Graph *g = graph_new(in);
    LayerAttr stem = { .kind = LAYER_CONV, .channels = channels, .kernel = 3, .pad = PAD_SAME };
    int two[2] = { add1(g, "stem", &stem, 0), 0 };
    if (c->other == 1)
        two[1] = add1(g, "stem2", &stem, 0);
    if (c->other == 2)
        two[1] = add1(g, "gate", ATTR(.kind = LAYER_GLOBAL_POOL), two[0]);
    int x = graph_add(g, "layer", &c->attr, two, c->other ? 2 : 1, &err);
    if (x < 0)
        fail_msg("%s: %s", c->what, err.msg);
    x = add1(g, "after", ATTR(.kind = LAYER_CONV, .channels = 3, .kernel = 1), x);
    x = add1(g, "swish", ATTR(.kind = LAYER_SWISH), x);
    x = add1(g, "fc", ATTR(.kind = LAYER_LINEAR, .channels = 4), x);
    add1(g, "loss", ATTR(.kind = LAYER_LOSS), x);
    return g;
}

static double loss_at(Bench *b, const ParamInfo *p, const float *base, const float *dir, double h)
{
    Error err = { 0 };
    PassResult r;
    float *w = plan_params(b->plan) + p->offset;
    for (size_t i = 0; i < p->count; i++)
        w[i] = (float)(base[i] + h * dir[i]);
    plan_params_changed(b->plan);
    assert_int_equal(plan_forward(b->plan, &b->input, &r, &err), STATUS_OK);
    return r.loss;
}

// Along the gradient itself the slope is its norm.
static void check_tensor(Bench *b, const char *what, const ParamInfo *p, const float *grad)
{
    double norm = 0, h = 4e-3;
    for (size_t i = 0; i < p->count; i++)
        norm += (double)grad[i] * grad[i];
    norm = sqrt(norm);
    if (norm < 1e-4) // a bias before a batch norm
        return;
    float *base = malloc(p->count * sizeof *base), *dir = malloc(p->count * sizeof *dir);
    memcpy(base, plan_params(b->plan) + p->offset, p->count * sizeof *base);
    for (size_t i = 0; i < p->count; i++)
        dir[i] = (float)(grad[i] / norm);
    double slope = (loss_at(b, p, base, dir, h) - loss_at(b, p, base, dir, -h)) / (2 * h);
    loss_at(b, p, base, dir, 0);
    free(base);
    free(dir);
    if (!(fabs(slope - norm) <= 4e-3 * norm + 6e-5))
        fail_msg("%s: %s has slope %.7g by differences, %.7g by the backward pass", what, p->name,
                 slope, norm);
}

static void check_case(const Case *c, Shape in, int channels, int batch)
{
    Error err = { 0 };
    Graph *g = case_graph(c, in, channels);
    PlanOptions o = { .batch = batch, .threads = 1, .isa = "reference" };
    Bench b = { .input = {
                    .n = batch, .mode = PASS_BATCH, .seed = 4, .step = 9, .drop_path = -1 } };
    int labels[3] = { 1, 0, 3 };
    size_t size = (size_t)(batch * in.h * in.w * in.c);
    float *images = malloc(size * sizeof *images);
    test_fill(images, size, 77);
    b.input.images = images;
    b.input.labels = labels;
    assert_int_equal(plan_compile(g, &o, &b.plan, &err), STATUS_OK);
    plan_init_params(b.plan, 5);
    assert_int_equal(plan_forward(b.plan, &b.input, NULL, &err), STATUS_OK);
    assert_int_equal(plan_backward(b.plan, GRAD_WEIGHTS, &err), STATUS_OK);
    size_t n = plan_param_count(b.plan);
    float *grad = malloc(n * sizeof *grad);
    memcpy(grad, plan_grads(b.plan), n * sizeof *grad);
    for (int i = 0; i < plan_param_tensors(b.plan); i++)
        check_tensor(&b, c->what, plan_param_info(b.plan, i),
                     grad + plan_param_info(b.plan, i)->offset);
    free(grad);
    free(images);
    plan_free(b.plan);
    graph_free(g);
}

static void every_layer_agrees_with_central_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i], (Shape){ 6, 5, 2 }, 3, 3);
        check_case(&cases[i], (Shape){ 5, 7, 1 }, 6, 1);
    }
}

static void mixing_weights_agree_with_central_differences(void **state)
{
    (void)state;
    Error err = { 0 };
    Graph *g = darts_net(&(DartsNet){ 6, 6, 2, 1, 3, 2, 4, 0, false });
    Plan *plan;
    PlanOptions o = { .batch = 3, .threads = 1, .isa = "reference" };
    float images[3 * 6 * 6 * 2], w[5 * DARTS_OPS];
    int labels[3] = { 1, 0, 3 };
    test_fill(images, sizeof images / sizeof *images, 3);
    test_fill(w, 5 * DARTS_OPS, 8);
    assert_int_equal(plan_compile(g, &o, &plan, &err), STATUS_OK);
    plan_init_params(plan, 5);
    plan_set_mix(plan, 0, w, NULL);
    PassInput in = { .images = images, .labels = labels, .n = 3, .mode = PASS_BATCH };
    PassResult lo, hi;
    plan_forward(plan, &in, &lo, &err);
    plan_backward(plan, GRAD_MIX, &err);
    double grad[5 * DARTS_OPS];
    memcpy(grad, plan_mix_grad(plan, 0), sizeof grad);
    for (int i = 0; i < 5 * DARTS_OPS; i++) {
        float keep = w[i], h = 1e-3f; // small: relus turn
        w[i] = keep + h;
        plan_set_mix(plan, 0, w, NULL);
        plan_forward(plan, &in, &hi, &err);
        w[i] = keep - h;
        plan_set_mix(plan, 0, w, NULL);
        plan_forward(plan, &in, &lo, &err);
        w[i] = keep;
        double slope = (hi.loss - lo.loss) / (2 * (double)h);
        if (i % DARTS_OPS == 0)
            assert_true(grad[i] == 0); // none
        if (!(fabs(slope - grad[i]) <= 2e-2 * fabs(grad[i]) + 5e-4))
            fail_msg("entry %d: %.7g by differences, %.7g by the backward pass", i, slope, grad[i]);
    }
    plan_free(plan);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_agrees_with_central_differences),
        cmocka_unit_test(mixing_weights_agree_with_central_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
