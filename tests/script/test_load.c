// SPDX-License-Identifier: MIT
#include "tests/script/made.h"

#include "src/base/alloc.h"

static void a_sound_script_becomes_a_space(void **state)
{
    (void)state;
    Space *s;
    Error err;
    assert_int_equal(load_text(SOUND, &s, &err), STATUS_OK);
    assert_string_equal(s->name, "tiny");
    assert_string_equal(s->path, script_path);
    assert_int_equal(s->n_cells, 2);
    assert_string_equal(s->cells[0].name, "normal");
    assert_string_equal(s->cells[1].name, "reduction");
    assert_int_equal(s->cells[0].n_edges, 5);
    assert_int_equal(s->cells[0].edges[4].from, 2);
    assert_int_equal(s->cells[0].max_ops, 3);
    assert_int_equal(s->n_ops, 3);
    assert_string_equal(s->ops[2].name, "sep_conv_3x3");
    assert_string_equal(s->ops[2].code, "sep3");
    assert_int_equal(s->ops[2].kind, OP_CONV);
    assert_int_equal(s->ops[2].n_layers, 8);
    assert_int_equal(s->net.stem, 3);
    assert_int_equal(s->net.reduce_at[0], 1);
    assert_true(s->net.reduce_frac[0] > 0.33 && s->net.reduce_frac[0] < 0.34);
    assert_int_equal(s->n_objectives, 1);
    assert_string_equal(s->objectives[0].name, "accuracy");
    assert_int_equal(s->n_required, 3); // nas, ops, layers
    space_free(s);
}

static void operators_have_their_published_layers(void **state)
{
    (void)state;
    Space *s;
    Error err;
    assert_int_equal(load_text(SOUND_BODY("nodes = 1, ops = { op.skip(), op.avg_pool(3), "
                                          "op.dil_conv(5) }",
                                          SOUND_NET, ""),
                               &s, &err),
                     STATUS_OK);
    const SpaceOp *skip = &s->ops[0], *pool = &s->ops[1], *dil = &s->ops[2];
    assert_int_equal(skip->n_layers, 1);
    assert_int_equal(skip->n_reduce, 6);
    assert_int_equal(skip->reduce[0].attr.kind, LAYER_RELU);
    assert_int_equal(skip->reduce[3].attr.stride, 2);
    assert_int_equal(skip->reduce[3].inputs[0], 3);
    assert_int_equal(skip->reduce[4].n_inputs, 2);
    assert_int_equal(pool->layers[0].attr.count_pad, 0);
    assert_true(pool->layers[1].search_only && !pool->layers[1].attr.affine);
    assert_int_equal(dil->layers[1].attr.dilation, 2);
    assert_int_equal(dil->layers[1].attr.pad, PAD_SAME);
    assert_true(dil->layers[3].search_plain_bn && dil->layers[3].attr.affine);
    Shape out;
    assert_int_equal(space_op_shape(skip, (Shape){ 7, 7, 8 }, 2, &out, NULL), STATUS_OK);
    assert_int_equal(out.h, 4);
    assert_int_equal(out.c, 8);
    space_free(s);
}

static void defaults_become_keys_with_lines(void **state)
{
    (void)state;
    Space *s;
    Error err;
    assert_int_equal(load_text(SOUND_BODY(SOUND_CELL, SOUND_NET,
                                          "  data = 'digits',\n"
                                          "  defaults = {\n"
                                          "    search = { epochs = 30,\n"
                                          "      w = { lr = 0.1, nesterov = true } },\n"
                                          "  },\n"),
                               &s, &err),
                     STATUS_OK);
    static const struct {
        const char *key, *value;
        int line;
    } want[] = { { "data.name", "digits", 6 },
                 { "search.epochs", "30", 8 },
                 { "search.w.lr", "0.1", 9 },
                 { "search.w.nesterov", "true", 9 } };
    assert_int_equal(s->n_defaults, 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(s->defaults[i].key, want[i].key);
        assert_string_equal(s->defaults[i].value, want[i].value);
        assert_int_equal(s->defaults[i].line, want[i].line);
    }
    assert_string_equal(s->data, "digits");
    space_free(s);
}

static void operators_may_differ_by_edge_and_be_named(void **state)
{
    (void)state;
    Space *s;
    Error err;
    assert_int_equal(
        load_text(SOUND_BODY("nodes = 2, edges = { { 1, 3 }, { 0, 2 }, { 1, 2 }, { 2, 3, ops = { "
                             "'sep_conv_5x5' } } }, ops = { 'skip_connect', op.conv(1) }",
                             SOUND_NET, ""),
                  &s, &err),
        STATUS_OK);
    const SpaceCell *c = &s->cells[0];
    assert_int_equal(c->n_edges, 4);
    assert_int_equal(space_edge_index(c, 2, 3), 3);
    assert_int_equal(c->edges[3].n_ops, 1);
    assert_string_equal(s->ops[c->edges[3].ops[0]].name, "sep_conv_5x5");
    assert_int_equal(c->edges[0].n_ops, 2);
    space_free(s);
}

static void own_operators_and_modules_beside_the_script(void **state)
{
    (void)state;
    write_file("mine.lua", "local op, layers = require 'ops', require 'layers'\n"
                           "return { se = op.define { name = 'se', layers = {\n"
                           "  layers.conv { kernel = 3, strided = true }, layers.bn(),\n"
                           "  layers.global_pool(), layers.sigmoid(),\n"
                           "  layers.scale { from = { 2, 4 } } } } }\n");
    Space *s;
    Error err;
    Status status = load_text("local nas, mine = require 'nas', require 'mine'\n"
                              "return nas.cells { name = 'own',\n"
                              "  input = { channels = 3, height = 16, width = 16 }, classes = 2,\n"
                              "  cell = { nodes = 1, ops = { mine.se } },\n"
                              "  net = { cells = 2, channels = 4, reduce_at = {} } }\n",
                              &s, &err);
    if (status != STATUS_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(s->n_cells, 1);
    assert_int_equal(s->ops[0].kind, OP_CONV);
    assert_int_equal(s->ops[0].layers[4].n_inputs, 2);
    assert_int_equal(s->ops[0].line, 2);
    assert_non_null(strstr(s->ops[0].file, "mine.lua"));
    assert_int_equal(s->n_required, 4);
    space_free(s);
}

static void required_files_are_found_in_the_given_directory_first(void **state)
{
    (void)state;
    char dir[128];
    Space *s;
    Error err = { 0 };
    snprintf(dir, sizeof dir, "%s/lua", script_dir);
    assert_int_equal(file_mkdirs(dir, NULL), STATUS_OK);
    write_file("lua/extra.lua", "return 16");
    write_file("extra.lua", "return 4");
    write_file("space.lua", SOUND_BODY(SOUND_CELL, "cells = 3, channels = require 'extra'", ""));
    ScriptOptions options = { .lua_dir = dir };
    assert_int_equal(script_load_space(script_path, &options, &s, &err), STATUS_OK);
    assert_int_equal(s->net.channels, 16);
    space_free(s);
    assert_int_equal(script_load_space(script_path, NULL, &s, &err), STATUS_OK);
    assert_int_equal(s->net.channels, 4);
    space_free(s);
}

static void directions_have_a_fixed_order(void **state)
{
    (void)state;
    Space *s;
    Error err;
    assert_int_equal(load_text(SOUND_BODY(SOUND_CELL, SOUND_NET,
                                          "  directions = { params = 'minimize', accuracy = "
                                          "'maximize', macs = 'minimize' },\n"),
                               &s, &err),
                     STATUS_OK);
    assert_int_equal(s->n_objectives, 3);
    assert_string_equal(s->objectives[0].name, "accuracy");
    assert_true(s->objectives[0].maximize);
    assert_string_equal(s->objectives[2].name, "params");
    space_free(s);
    assert_int_equal(load_text(SOUND_BODY(SOUND_CELL, SOUND_NET,
                                          "  directions = { { 'params', 'minimize' }, { "
                                          "'accuracy', 'maximize' } },\n"),
                               &s, &err),
                     STATUS_OK);
    assert_string_equal(s->objectives[0].name, "params");
    assert_false(s->objectives[0].maximize);
    space_free(s);
}

static void the_seed_decides_random_numbers(void **state)
{
    (void)state;
    int seen[3];
    for (int i = 0; i < 3; i++) {
        Space *s;
        ScriptOptions options = { .seed = i < 2 ? 7 : 8 };
        write_file("space.lua",
                   SOUND_BODY(SOUND_CELL, "cells = 3, channels = 2 * math.random(1, 500)", ""));
        assert_int_equal(script_load_space(script_path, &options, &s, NULL), STATUS_OK);
        seen[i] = s->net.channels;
        space_free(s);
    }
    assert_int_equal(seen[0], seen[1]);
    assert_int_not_equal(seen[0], seen[2]);
}

static void shipped_spaces_load(void **state)
{
    (void)state;
    static const struct {
        const char *name, *size;
    } want[] = { { "darts", "1076746950455072400" },
                 { "darts-no-skip", "91403961001574400" },
                 { "nasbench201", "15625" },
                 { "robust-s1", "2123366400" },
                 { "robust-s2", "2123366400" },
                 { "robust-s3", "2123366400" },
                 { "robust-s4", "2123366400" },
                 { "digits", NULL },
                 { "fashion", NULL } };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        char path[64];
        Space *s;
        Error err = { 0 };
        snprintf(path, sizeof path, "spaces/%s.lua", want[i].name);
        if (script_load_space_guarded(path, NULL, &s, &err) != STATUS_OK)
            fail_msg("%s: %s", path, err.msg);
        assert_string_equal(s->name, want[i].name);
        Str text = { 0 };
        assert_int_equal(space_size_text(s, &text, NULL), STATUS_OK);
        if (want[i].size)
            assert_string_equal(text.text, want[i].size);
        str_fini(&text);
        space_free(s);
    }
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    write_file("space.lua", SOUND);
    Space *s;
    int64_t before = alloc_calls();
    assert_int_equal(script_load_space(script_path, NULL, &s, NULL), STATUS_OK);
    int64_t calls = alloc_calls() - before;
    space_free(s);
    // Every one at the start, where the state is built, then samples.
    for (int64_t n = 0; n < calls; n += n < 300 ? 1 : 41) {
        Error err = { 0 };
        alloc_fail_after(n);
        Status status = script_load_space(script_path, NULL, &s, &err);
        alloc_fail_after(-1);
        // Lua collects garbage and tries again, so that a load may succeed all the same.
        if (status != STATUS_OK && status != STATUS_NOMEM)
            fail_msg("allocation %d: status %d: %s", (int)n, (int)status, err.msg);
        assert_true(status == STATUS_OK || !s);
        space_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_script_becomes_a_space),
        cmocka_unit_test(operators_have_their_published_layers),
        cmocka_unit_test(defaults_become_keys_with_lines),
        cmocka_unit_test(operators_may_differ_by_edge_and_be_named),
        cmocka_unit_test(own_operators_and_modules_beside_the_script),
        cmocka_unit_test(required_files_are_found_in_the_given_directory_first),
        cmocka_unit_test(directions_have_a_fixed_order),
        cmocka_unit_test(the_seed_decides_random_numbers),
        cmocka_unit_test(shipped_spaces_load),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
