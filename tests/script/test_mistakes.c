// SPDX-License-Identifier: MIT
// What users get wrong in spaces: each answer names the thing and the line.
#include "tests/script/made.h"

static void expect_cell(const char *cell, int line, const char *part)
{
    char text[2048];
    snprintf(text, sizeof text,
             SOUND_HEAD "return nas.cells {\n"
                        "  name = 'tiny', input = { channels = 1, height = 8, width = 8 },\n"
                        "  classes = 10,\n"
                        "  cell = {\n%s},\n"
                        "  net = { " SOUND_NET " },\n}\n",
             cell);
    expect_error(text, line, part);
}

static void unknown_operators_are_named_with_a_suggestion(void **state)
{
    (void)state;
    expect_cell("    nodes = 2,\n    ops = { op.skip(),\n      op.sep_con(3) },\n", 8,
                "unknown operator 'sep_con'; did you mean 'sep_conv'?");
    expect_cell("    nodes = 2,\n    ops = { 'skip_connect', 'sep_conv_3' },\n", 7,
                "cell 'normal', operator 2: unknown operator 'sep_conv_3'; did you mean "
                "'sep_conv_3x3'?");
    expect_cell("    nodes = 1,\n    ops = { { op.skip() }, { 'wrong' } },\n", 7,
                "cell 'normal', edge 1-2, operator 1: unknown operator 'wrong'");
    expect_cell("    nodes = 1, ops = { op.sep_conv(4) },\n", 6,
                "op.sep_conv: kernel 4; expected an odd number");
    expect_cell("    nodes = 1, ops = { op.sep_conv() },\n", 6, "kernel nil");
}

static void cells_without_a_path_are_refused(void **state)
{
    (void)state;
    expect_cell("    nodes = 2,\n    ops = { op.none() },\n", 7, "offers only none");
    expect_cell("    nodes = 2, derive = 'argmax',\n    ops = { op.none() },\n", 7,
                "cell 'normal': no path of operators other than none");
    expect_cell("    nodes = 2,\n    edges = { { 0, 2 }, { 1, 2 } },\n    ops = { op.skip() },\n",
                7, "no edge leads to node 3");
}

static void wrong_cells_point_at_their_line(void **state)
{
    (void)state;
    expect_cell("    nodes = 2, ops = { op.skip() },\n    keep = 3,\n", 7,
                "keep is 3, but only 2 edges lead to node 2");
    expect_cell("    nodes = 2, ops = { op.skip() },\n    kep = 2,\n", 7,
                "unknown field 'cell.kep'; did you mean 'keep'?");
    expect_cell("    nodes = 2, ops = { op.skip() },\n    derive = 'best',\n", 7,
                "cell.derive: expected \"top\" or \"argmax\"");
    expect_cell("    nodes = 2.5, ops = { op.skip() },\n", 6,
                "cell.nodes: expected a whole number, got 2.5");
    expect_cell("    nodes = 2,\n    ops = { { op.skip() }, { op.skip() } },\n", 7,
                "2 lists of operators for 5 edges");
    expect_cell("    nodes = 2,\n    ops = {},\n", 7, "the list of operators is empty");
    expect_cell("    nodes = 2,\n    ops = op.skip(),\n", 7, "expected a list of operators");
    expect_cell("    nodes = 2,\n    ops = { op.skip(), op.skip() },\n", 7,
                "operator 'skip_connect' is listed twice");
    expect_cell("    nodes = 99, ops = { op.skip() },\n", 6, "99 nodes");
}

static void wrong_networks_point_at_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *net;
        const char *part;
    } cases[] = {
        { "cells = 3, channels = 8, reduce_at = { 5 }", "cells 0 to 2" },
        { "cells = 2, channels = 8, reduce_at = { 0.1, 0.2 }", "must ascend" },
        { "cells = 3, channels = -1", "net.channels is -1" },
        { "cells = 3", "net.channels: expected a whole number, got nil" },
        { "cells = 3, channels = 8, reduce = 'residual'", "net.reduce is for networks of stages" },
        { "cells = 3, channels = 8, chanels = 8", "did you mean 'channels'?" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2048];
        snprintf(text, sizeof text,
                 SOUND_HEAD "return nas.cells {\n"
                            "  name = 'tiny', input = { channels = 1, height = 8, width = 8 },\n"
                            "  classes = 10,\n"
                            "  cell = { nodes = 2, ops = { op.conv(3) } },\n"
                            "  net = { %s } }\n",
                 cases[i].net);
        expect_error(text, 6, cases[i].part);
    }
}

static void operators_of_the_wrong_shape_are_named(void **state)
{
    (void)state;
    static const char head[] = "local nas, op, layers = require 'nas', require 'ops', require "
                               "'layers'\n"
                               "local wide = op.define { name = 'wide',\n"
                               "  layers = { %s } }\n"
                               "return nas.cells { name = 't',\n"
                               "  input = { channels = 1, height = 8, width = 8 }, classes = 2,\n"
                               "  cell = { nodes = 1, ops = { wide } },\n"
                               "  net = { cells = 3, channels = 8, reduce_at = { 1 } } }\n";
    static const struct {
        const char *layers, *part;
    } cases[] = {
        { "layers.conv { mul = 2 }", "cell 'normal', edge 0-2, operator 'wide': turns 8x8x8 into "
                                     "8x8x16 at stride 1; expected 8x8x8" },
        { "layers.conv { kernel = 3 }", "cell 'reduction', edge 0-2, operator 'wide': turns "
                                        "8x8x16 into 8x8x16 at stride 2; expected 4x4x16" },
        { "layers.conv { kernel = 4 }", "kernel 4; expected an odd number" },
        { "layers.conv { div = 3 }", "1/3 of 8 channels is not a whole number" },
        { "layers.relu(), layers.add { from = { 0, 5 } }", "input 5 does not come before it" },
        { "layers.relu(), layers.add { from = { 0, 0, 0, 0, 0 } }", "lists 5 layers" },
        { "layers.scale { from = { 0, 0 } }", "scale" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2048];
        Space *s;
        Error err;
        snprintf(text, sizeof text, head, cases[i].layers);
        assert_int_equal(load_text(text, &s, &err), STATUS_SCRIPT);
        if (!strstr(err.msg, cases[i].part))
            fail_msg("expected '%s' in '%s'", cases[i].part, err.msg);
        assert_string_equal(err.where, script_path);
        assert_true(err.line == 2 || err.line == 4);
    }
}

static void every_field_of_every_type_is_refused_or_right(void **state)
{
    (void)state;
    static const char *const values[] = { "nil",     "true",   "0",  "-1",   "1e300",         "0/0",
                                          "1 << 62", "'text'", "{}", "{{}}", "function() end" };
    static const char *const fields[] = {
        "name",         "data",      "input",      "classes",      "cell",           "cells",
        "net",          "objective", "defaults",   "directions",   "input.channels", "input.height",
        "cell.nodes",   "cell.keep", "cell.ops",   "cell.edges",   "cell.inputs",    "net.cells",
        "net.channels", "net.stem",  "net.stages", "net.reduce_at"
    };
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            char text[2048];
            Space *s = NULL;
            Error err;
            snprintf(text, sizeof text,
                     SOUND_HEAD "local t = { name = 'tiny', classes = 10,\n"
                                "  input = { channels = 1, height = 8, width = 8 },\n"
                                "  cell = { " SOUND_CELL " }, net = { " SOUND_NET " } }\n"
                                "t.%s = %s\n"
                                "return nas.cells(t)\n",
                     fields[f], values[v]);
            Status status = load_text(text, &s, &err);
            if (status == STATUS_OK) {
                assert_non_null(s);
                space_free(s);
                continue;
            }
            assert_int_equal(status, STATUS_SCRIPT);
            assert_string_equal(err.where, script_path);
            assert_true(err.line > 0 && err.msg[0]);
        }
}

static void a_space_spoiled_after_it_was_made_is_refused(void **state)
{
    (void)state;
    static const char *const spoils[] = {
        "s.ops = 5",
        "s.ops[1].layers = {}",
        "s.ops[1].layers[1].kind = 'rocket'",
        "s.cells = {}",
        "s.cells[1].edges = nil",
        "s.cells[1].edges[1].ops[1] = 99",
        "s.net = 'x'",
        "s.name = nil",
        "s.cells[1].edges[1].from = 'a'",
        "s.defaults = { 1 }",
        "s.directions = {}",
        "s.net.reduce_at[1].index = 1e9",
        "s.name = '../up'",
        "s.ops[2].code = 'longer'",
        "s.cells[1].nodes = 0",
        "s.height = -5",
        "s.cells[1].name = ('x'):rep(1e6)",
    };
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        char text[2048];
        Space *s;
        Error err;
        snprintf(text, sizeof text,
                 SOUND_HEAD "local s = nas.cells { name = 'tiny', classes = 10,\n"
                            "  input = { channels = 1, height = 8, width = 8 },\n"
                            "  cell = { " SOUND_CELL " }, net = { " SOUND_NET " } }\n"
                            "%s\nreturn s\n",
                 spoils[i]);
        if (load_text(text, &s, &err) != STATUS_SCRIPT)
            fail_msg("%s was accepted", spoils[i]);
        assert_string_equal(err.where, script_path);
        assert_true(err.line > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_operators_are_named_with_a_suggestion),
        cmocka_unit_test(cells_without_a_path_are_refused),
        cmocka_unit_test(wrong_cells_point_at_their_line),
        cmocka_unit_test(wrong_networks_point_at_their_line),
        cmocka_unit_test(operators_of_the_wrong_shape_are_named),
        cmocka_unit_test(every_field_of_every_type_is_refused_or_right),
        cmocka_unit_test(a_space_spoiled_after_it_was_made_is_refused),
    };
    return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
