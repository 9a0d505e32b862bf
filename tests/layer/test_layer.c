// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/layer/layer.h"

typedef struct {
    const char *what;
    LayerAttr attr;
    Shape in, out;
    int64_t params, macs;
} Case;

// Parameters and multiply-adds worked out by hand.
static const Case cases[] = {
    { "3x3 conv",
      { .kind = LAYER_CONV, .channels = 16, .kernel = 3, .pad = PAD_SAME },
      { 32, 32, 3 },
      { 32, 32, 16 },
      432,
      442368 },
    { "conv with bias and stride",
      { .kind = LAYER_CONV, .channels = 4, .kernel = 3, .stride = 2, .bias = 1 },
      { 7, 9, 2 },
      { 3, 4, 4 },
      76,
      864 },
    { "grouped conv",
      { .kind = LAYER_CONV, .channels = 6, .kernel = 1, .groups = 2 },
      { 5, 5, 4 },
      { 5, 5, 6 },
      12,
      300 },
    { "dilated conv",
      { .kind = LAYER_CONV, .channels = 1, .kernel = 3, .dilation = 2 },
      { 5, 6, 1 },
      { 1, 2, 1 },
      9,
      18 },
    { "tensorflow's same",
      { .kind = LAYER_CONV, .channels = 1, .kernel = 3, .stride = 2, .pad = PAD_TF_SAME },
      { 7, 8, 1 },
      { 4, 4, 1 },
      9,
      144 },
    { "depthwise",
      { .kind = LAYER_DEPTHWISE, .kernel = 5, .stride = 2, .pad = PAD_SAME },
      { 8, 8, 10 },
      { 4, 4, 10 },
      250,
      4000 },
    { "batch norm", { .kind = LAYER_BATCH_NORM, .affine = 1 }, { 3, 3, 7 }, { 3, 3, 7 }, 14, 0 },
    { "plain batch norm", { .kind = LAYER_BATCH_NORM }, { 3, 3, 7 }, { 3, 3, 7 }, 0, 0 },
    { "max pool",
      { .kind = LAYER_MAX_POOL, .kernel = 3, .stride = 2, .pad = 1 },
      { 7, 8, 2 },
      { 4, 4, 2 },
      0,
      0 },
    { "global pool", { .kind = LAYER_GLOBAL_POOL }, { 7, 8, 2 }, { 1, 1, 2 }, 0, 0 },
    { "linear", { .kind = LAYER_LINEAR, .channels = 10 }, { 2, 3, 4 }, { 1, 1, 10 }, 250, 240 },
    { "flatten", { .kind = LAYER_FLATTEN }, { 2, 3, 4 }, { 1, 1, 24 }, 0, 0 },
    { "slice",
      { .kind = LAYER_SLICE, .slice_from = 1, .channels = 2 },
      { 2, 3, 4 },
      { 2, 3, 2 },
      0,
      0 },
    { "shuffle", { .kind = LAYER_SHUFFLE, .groups = 2 }, { 2, 3, 4 }, { 2, 3, 4 }, 0, 0 },
    { "strided zero", { .kind = LAYER_ZERO, .stride = 2 }, { 5, 6, 4 }, { 3, 3, 4 }, 0, 0 },
    { "attention", { .kind = LAYER_ATTENTION, .heads = 2 }, { 2, 3, 4 }, { 2, 3, 4 }, 80, 672 },
    { "layer norm", { .kind = LAYER_LAYER_NORM, .affine = 1 }, { 2, 3, 4 }, { 2, 3, 4 }, 8, 0 },
    { "loss", { .kind = LAYER_LOSS }, { 1, 1, 10 }, { 1, 1, 1 }, 0, 0 },
};

static void shapes_and_costs_are_those_worked_out_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Case *c = &cases[i];
        Shape out;
        Error err = { 0 };
        if (layer_shape(&c->attr, &c->in, 1, &out, &err) != STATUS_OK)
            fail_msg("%s: %s", c->what, err.msg);
        if (out.h != c->out.h || out.w != c->out.w || out.c != c->out.c)
            fail_msg("%s: %d x %d x %d", c->what, out.h, out.w, out.c);
        if (layer_params(&c->attr, &c->in, 1) != c->params)
            fail_msg("%s: %lld parameters", c->what, (long long)layer_params(&c->attr, &c->in, 1));
        if (layer_macs(&c->attr, &c->in, 1) != c->macs)
            fail_msg("%s: %lld multiply-adds", c->what, (long long)layer_macs(&c->attr, &c->in, 1));
    }
}

typedef struct {
    LayerAttr attr;
    Shape in[2];
    int n;
    const char *words; // part of the message
} Wrong;

static const Wrong wrongs[] = {
    { { .kind = LAYER_CONV, .kernel = 3 }, { { 4, 4, 4 } }, 1, "channels is missing" },
    { { .kind = LAYER_CONV, .channels = 4, .kernel = 5 }, { { 4, 4, 4 } }, 1, "does not fit" },
    { { .kind = LAYER_CONV, .channels = 4, .groups = 3 }, { { 4, 4, 4 } }, 1, "do not divide" },
    { { .kind = LAYER_CONV, .channels = 4, .stride = -1 }, { { 4, 4, 4 } }, 1, "stride" },
    { { .kind = LAYER_DEPTHWISE }, { { 4, 4, 4 } }, 1, "kernel is missing" },
    { { .kind = LAYER_MAX_POOL, .kernel = 2, .pad = 2 }, { { 4, 4, 4 } }, 1, "half the kernel" },
    { { .kind = LAYER_ADD }, { { 4, 4, 4 }, { 4, 4, 5 } }, 2, "like input 0" },
    { { .kind = LAYER_ADD }, { { 4, 4, 4 } }, 1, "takes 2 inputs" },
    { { .kind = LAYER_CONCAT }, { { 4, 4, 4 }, { 4, 5, 4 } }, 2, "4 x 5" },
    { { .kind = LAYER_SCALE }, { { 4, 4, 4 }, { 1, 1, 3 } }, 2, "expected 1 x 1 x 4" },
    { { .kind = LAYER_SLICE, .slice_from = 3, .channels = 2 }, { { 4, 4, 4 } }, 1, "of 4" },
    { { .kind = LAYER_SHUFFLE, .groups = 3 }, { { 4, 4, 4 } }, 1, "do not divide" },
    { { .kind = LAYER_ATTENTION, .heads = 3 }, { { 4, 4, 4 } }, 1, "heads" },
    { { .kind = LAYER_DROPOUT, .rate = 1 }, { { 4, 4, 4 } }, 1, "below 1" },
    { { .kind = LAYER_LOSS }, { { 4, 4, 4 } }, 1, "1 x 1 x" },
    { { .kind = LAYER_RELU }, { { 0, 4, 4 } }, 1, "0 x 4 x 4" },
    { { .kind = LAYER_RELU }, { { 1, 1, 1 } }, 0, "no input" },
    { { .kind = LAYER_KIND_COUNT }, { { 1, 1, 1 } }, 1, "unknown" },
};

static void mistakes_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        Shape out;
        Error err = { 0 };
        assert_int_equal(layer_shape(&wrongs[i].attr, wrongs[i].in, wrongs[i].n, &out, &err),
                         STATUS_ARG);
        if (!strstr(err.msg, wrongs[i].words))
            fail_msg("'%s' does not say '%s'", err.msg, wrongs[i].words);
    }
}

static void names_go_both_ways(void **state)
{
    (void)state;
    for (int k = 0; k < LAYER_KIND_COUNT; k++)
        assert_int_equal(layer_kind(layer_name((LayerKind)k)), k);
    assert_int_equal(layer_kind("convolution"), -1);
    assert_null(layer_name(LAYER_KIND_COUNT));
}

static void tensorflow_pads_the_smaller_half_first(void **state)
{
    (void)state;
    LayerAttr a = { .kind = LAYER_CONV, .kernel = 3, .stride = 2, .pad = PAD_TF_SAME };
    assert_int_equal(layer_pad_before(&a, 8), 0); // 1 in all
    assert_int_equal(layer_pad_before(&a, 7), 1); // 2 in all
    a.stride = 1;
    a.kernel = 5;
    assert_int_equal(layer_pad_before(&a, 8), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_costs_are_those_worked_out_by_hand),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(tensorflow_pads_the_smaller_half_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
