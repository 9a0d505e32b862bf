// SPDX-License-Identifier: MIT
// nas.net: networks written out layer by layer; and that every layer of the engine can be had from
// operators.
#include "tests/script/made.h"

#include "src/base/alloc.h"

#define NET_HEAD                                                                                   \
    "local nas = require 'nas'\n"                                                                  \
    "local net = nas.net { name = 'made', channels = 3, height = 9, width = 8, classes = 5 }\n"

static Space *load_net(const char *text)
{
    Space *space = NULL;
    Error err;
    if (load_text(text, &space, &err) != STATUS_OK)
        fail_msg("line %d: %s", err.line, err.msg);
    return space;
}

static void layers_come_in_order_with_names_and_lines(void **state)
{
    (void)state;
    Space *s =
        load_net(NET_HEAD "net:conv { 8, kernel = 5, stride = 2, pad = 'tf', name = 'stem' }\n"
                          "net:bn():relu()\n"
                          "net:max_pool(2)\n"
                          "return net:flatten():linear(5)\n");
    static const char *const names[] = {
        "stem", "bn1", "relu1", "max_pool1", "flatten1", "linear1"
    };
    assert_int_equal(s->n_layers, 6);
    assert_int_equal(s->n_cells, 0);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(s->layers[i].name, names[i]);
        assert_int_equal(s->layers[i].n_inputs, 1);
        assert_int_equal(s->layers[i].inputs[0], i);
    }
    const LayerAttr *stem = &s->layers[0].attr, *pool = &s->layers[3].attr;
    assert_int_equal(stem->channels, 8);
    assert_int_equal(stem->kernel, 5);
    assert_int_equal(stem->pad, PAD_TF_SAME);
    assert_int_equal(s->layers[1].attr.affine, 1);
    assert_int_equal(pool->stride, 2);
    assert_int_equal(pool->pad, 0);
    assert_int_equal(s->layers[0].line, 3);
    assert_int_equal(s->layers[3].line, 5);
    space_free(s);
}

static void every_layer_can_be_written(void **state)
{
    (void)state;
    Space *s = load_net(
        NET_HEAD
        "net:conv { 8, kernel = 4, pad = 'tf' }:conv { 8, kernel = 3, groups = 2, dilation = 2 }\n"
        "net:conv { 8, kernel = 3, pad = 1, bias = true }:pointwise(12):depthwise { 5, dilation = "
        "2 }\n"
        "net:bn { affine = false, eps = 1e-3, momentum = 0.2 }:relu():relu6():hswish():swish()\n"
        "net:sigmoid():gelu():identity():shift():shuffle(3):noise { 0.1 }:drop_path(0.1)\n"
        "net:avg_pool { 3, stride = 1, pad = 1 }:layer_norm():attention(4):slice { 8, from = 2 }\n"
        "local x = net:mark()\n"
        "net:max_pool { 3, stride = 1, pad = 1 }:add(x):concat(x):squeeze_excite(4)\n"
        "net:residual(function(n) n:depthwise(3):zero() end):factorised_reduce(10)\n"
        "local h, w, c = net:shape()\n"
        "if h ~= 5 or w ~= 4 or c ~= 10 then error(h .. ' ' .. w .. ' ' .. c) end\n"
        "net:global_pool():scale(net:mark() - 1)\n"
        "return net:global_pool():dropout(0.2):linear(5)\n");
    bool seen[LAYER_KIND_COUNT] = { false };
    for (int i = 0; i < s->n_layers; i++)
        seen[s->layers[i].attr.kind] = true;
    for (int kind = LAYER_CONV; kind < LAYER_MIX; kind++)
        if (!seen[kind] && kind != LAYER_FLATTEN)
            fail_msg("no %s", layer_name((LayerKind)kind));
    space_free(s);
}

static void what_does_not_fit_names_layer_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int line;
        const char *part;
    } cases[] = {
        { "net:conv { 8 }\nnet:max_pool(20)\nreturn net:linear(5)\n", 4,
          "layer 'max_pool1': max_pool: window of 20" },
        { "net:conv { 8, groups = 2 }\nreturn net:linear(5)\n", 3,
          "layer 'conv1': conv: 2 groups do not divide 3 input" },
        { "net:conv { 8, kernal = 3 }\nreturn net:linear(5)\n", 3,
          "net:conv: unknown option 'kernal'; did you mean 'kernel'?" },
        { "net:conv { 8 }\nnet:relo()\nreturn net\n", 4,
          "a network has no layer 'relo'; did you mean 'relu'?" },
        { "local a = net:conv { 8, name = 'a' }:mark()\nnet:conv { 4 }\nnet:add(a)\nreturn net\n",
          5, "layer 'add1': add: input 1 is 9 x 8 x 8, expected 9 x 8 x 4" },
        { "net:conv { 8, name = 'a' }\nnet:conv { 4, name = 'a' }\nreturn net\n", 4,
          "two layers are called 'a'" },
        { "net:add(7)\nreturn net\n", 3, "net:add: expected a mark" },
        { "net:conv { 8 }\nreturn net:relu()\n", 4,
          "the network ends in 9 x 8 x 8, expected 1 x 1 x 5" },
        { "net:conv { 0 }\nreturn net\n", 3, "channels is missing" },
        { "return net:attention(2)\n", 3, "2 heads do not divide 3 channels" },
        { "return net\n", 2, "the network has 0 layers" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        snprintf(text, sizeof text, NET_HEAD "%s", cases[i].body);
        Space *space = NULL;
        Error err;
        Status status = load_text(text, &space, &err);
        if (status != STATUS_SCRIPT)
            fail_msg("case %zu: status %d %s", i, (int)status, err.msg);
        if (!strstr(err.msg, cases[i].part))
            fail_msg("case %zu: expected %s\ngot line %d: %s", i, cases[i].part, err.line, err.msg);
        if (err.line != cases[i].line)
            fail_msg("case %zu: line %d, expected %d: %s", i, err.line, cases[i].line, err.msg);
    }
}

static void wrong_networks_are_refused(void **state)
{
    (void)state;
    expect_error("local nas = require 'nas'\n"
                 "return nas.net { channels = 3, height = 9,\n  width = 'x', classes = 5 }\n",
                 3, "width: expected a whole number");
    expect_error("local nas = require 'nas'\n"
                 "return nas.net { channels = 3, hight = 9, width = 8, classes = 5 }\n",
                 2, "unknown field 'hight'; did you mean 'height'?");
}

static void operators_can_have_every_layer(void **state)
{
    (void)state;
    Space *s = load_net(
        "local nas, op, l = require 'nas', require 'ops', require 'layers'\n"
        "local all = op.define { name = 'all', layers = {\n"
        "  l.conv { kernel = 4, pad = 'tf', strided = true }, l.conv { kernel = 3, groups = 2, "
        "dilation = 2 },\n"
        "  l.pointwise { mul = 2 }, l.depthwise { kernel = 5 }, l.bn { eps = 1e-3 }, l.relu(), "
        "l.relu6(),\n"
        "  l.hswish(), l.swish(), l.sigmoid(), l.gelu(), l.shuffle { groups = 4 }, l.identity(),\n"
        "  l.shift(), l.noise { sigma = 0.1 }, l.dropout { rate = 0.1 }, l.drop_path { rate = 0.1 "
        "},\n"
        "  l.layer_norm(), l.attention { heads = 2 }, l.max_pool(), l.avg_pool { count_pad = true "
        "},\n"
        "  l.global_pool(), l.linear { mul = 2 }, l.scale { from = { 21, 23 } },\n"
        "  l.slice { part = 1, parts = 2 }, l.slice { part = 2, parts = 2, from = 24 },\n"
        "  l.concat { from = { 25, 26 } }, l.add { from = { 27, 27 } }, l.zero(), l.pointwise(),\n"
        "} }\n"
        "return nas.cells { name = 'all', input = { channels = 1, height = 8, width = 8 }, classes "
        "= 10,\n"
        "  cell = { nodes = 1, ops = { all, op.skip(), op.mb_conv(3, { squeeze = 4 }), "
        "op.attention(2),\n"
        "           op.noise(), op.none(), op.conv(3), op.mb_conv(5, { expand = 6 }) } },\n"
        "  net = { cells = 2, channels = 8, reduce_at = { 1 } } }\n");
    bool seen[LAYER_KIND_COUNT] = { false };
    for (int i = 0; i < s->ops[0].n_layers; i++)
        seen[s->ops[0].layers[i].attr.kind] = true;
    for (int kind = LAYER_CONV; kind < LAYER_MIX; kind++)
        if (!seen[kind] && kind != LAYER_FLATTEN)
            fail_msg("no %s", layer_name((LayerKind)kind));
    space_free(s);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    int64_t before = alloc_calls();
    space_free(load_net(NET_HEAD "return net:conv { 8 }:squeeze_excite():linear(5)\n"));
    int64_t calls = alloc_calls() - before;
    for (int64_t n = 0; n < calls; n += n < 300 ? 1 : 41) {
        Space *space = NULL;
        Error err = { 0 };
        alloc_fail_after(n);
        Status status = script_load_space(script_path, NULL, &space, &err);
        alloc_fail_after(-1);
        if (status != STATUS_OK && status != STATUS_NOMEM)
            fail_msg("allocation %d: status %d: %s", (int)n, (int)status, err.msg);
        assert_true(status == STATUS_OK || !space);
        space_free(space);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_come_in_order_with_names_and_lines),
        cmocka_unit_test(every_layer_can_be_written),
        cmocka_unit_test(what_does_not_fit_names_layer_and_line),
        cmocka_unit_test(wrong_networks_are_refused),
        cmocka_unit_test(operators_can_have_every_layer),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
