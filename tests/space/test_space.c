// SPDX-License-Identifier: MIT
#include "tests/space/made.h"

static Made made;

static int setup(void **state)
{
    (void)state;
    made_fill(&made);
    return 0;
}

// The message and the field must name what is wrong.
static void expect(const char *field, const char *part)
{
    Error err = { 0 };
    SpaceField where;
    assert_int_equal(space_validate_field(&made.space, &where, &err), STATUS_SCRIPT);
    if (!strstr(err.msg, part))
        fail_msg("expected '%s' in '%s'", part, err.msg);
    assert_string_equal(where.path, field);
}

static void a_sound_space_passes(void **state)
{
    (void)state;
    Error err = { 0 };
    assert_int_equal(space_validate(&made.space, &err), STATUS_OK);
    assert_int_equal(space_cell_index(&made.space, "reduction"), 1);
    assert_int_equal(space_op_index(&made.space, "conv"), 2);
    assert_int_equal(space_op_index(&made.space, "sep"), -1);
    assert_int_equal(space_edge_index(&made.cells[0], 1, 3), 3);
}

static void wrong_numbers_are_named(void **state)
{
    (void)state;
    made.space.channels = 0;
    expect("input.channels", "input.channels is 0");
    made_fill(&made);
    made.space.height = 100000;
    expect("input.height", "100000 x 8");
    made_fill(&made);
    made.space.classes = 1;
    expect("classes", "classes is 1");
    made_fill(&made);
    made.space.net.channels = -4;
    expect("net.channels", "net.channels is -4");
    made_fill(&made);
    made.space.net.cells = 0;
    expect("net.cells", "net.cells is 0");
    made_fill(&made);
    made.cells[0].keep = 3;
    expect("cell.keep", "keep is 3, but only 2 edges lead to node 2");
    made_fill(&made);
    made.cells[1].keep = 0;
    expect("cell.keep", "cell 'reduction': keep is 0");
}

static void reduction_places_must_lie_in_the_network(void **state)
{
    (void)state;
    made.space.net.reduce_at[0] = 3;
    expect("net.reduce_at", "cells 0 to 2");
    made_fill(&made);
    made.space.net.n_reduce = 2;
    made.space.net.reduce_at[1] = 1;
    expect("net.reduce_at", "must ascend");
    made_fill(&made);
    made.space.n_cells = 1;
    expect("net.reduce_at", "needs a cell called 'reduction'");
}

static void operators_are_checked(void **state)
{
    (void)state;
    made.layers[1][0].attr.kernel = 4;
    expect("op.pool", "operator 'pool', layer 1 (max_pool): kernel 4");
    made_fill(&made);
    made.ops[1].name = "no|pe";
    expect("cell.ops", "operator 'no|pe'");
    made_fill(&made);
    made.ops[1].name = "conv";
    expect("cell.ops", "two operators are called 'conv'");
    made_fill(&made);
    made.layers[2][1].inputs[0] = 2;
    expect("op.conv", "input 2 does not come before it");
    made_fill(&made);
    made.ops[2].n_layers = 0;
    expect("op.conv", "has 0 layers");
}

static void shapes_are_checked_at_both_strides(void **state)
{
    (void)state;
    made.layers[2][1].strided = false; // fine in normal cells, wrong in the reduction
    expect("op.conv", "cell 'reduction', edge 0-2, operator 'conv': turns 8x8x16 into 8x8x16 at "
                      "stride 2; expected 4x4x16");
    made_fill(&made);
    made.layers[2][1].channel_mul = 2;
    expect("op.conv", "cell 'normal', edge 0-2, operator 'conv': turns 8x8x8 into 8x8x16");
    made_fill(&made);
    made.layers[2][1].channel_div = 3;
    expect("op.conv", "1/3 of 8 channels is not a whole number");
    made_fill(&made);
    made.layers[2][1].attr.groups = 3;
    expect("op.conv", "cell 'normal', edge 0-2: operator 'conv', layer 2 (conv)");
}

static void edges_and_paths_are_checked(void **state)
{
    (void)state;
    made.edges[0].from = 2;
    expect("cell.edges", "cell 'normal', edge 2-2");
    made_fill(&made);
    made.edges[1].from = 0;
    expect("cell.edges", "edge 0-2 is given twice");
    made_fill(&made);
    int unknown[] = { 0, 7 };
    made.edges[3].ops = unknown;
    made.edges[3].n_ops = 2;
    expect("cell.ops", "cell 'normal', edge 1-3: unknown operator number 7");
    made_fill(&made);
    made.edges[3].n_ops = 1; // only none
    expect("cell.ops", "edge 1-3 offers only none");
    made_fill(&made);
    for (int i = 0; i < 5; i++)
        made.edges[i].n_ops = 1;
    made.cells[0].derive = DERIVE_ARGMAX;
    expect("cell.ops", "no path of operators other than none");
}

static void objectives_need_a_known_metric_or_a_function(void **state)
{
    (void)state;
    made.space.objectives[0].name = "speed";
    expect("directions", "direction 'speed' is none of accuracy");
    made.space.has_objective_fn = true;
    assert_int_equal(space_validate(&made.space, NULL), STATUS_OK);
}

static void size_counts_edge_choices_and_operators(void **state)
{
    (void)state;
    Str text = { 0 };
    // Per cell: node 2 keeps both edges, node 3 two of three, two operators each.
    assert_true(space_size(&made.space) == 2304.0); // (4 * 3 * 4) squared
    assert_int_equal(space_size_text(&made.space, &text, NULL), STATUS_OK);
    assert_string_equal(text.text, "2304");
    str_clear(&text);
    // argmax: three operators on every edge, none included
    made.cells[0].derive = made.cells[1].derive = DERIVE_ARGMAX;
    space_size_text(&made.space, &text, NULL);
    assert_string_equal(text.text, "59049");
    str_fini(&text);
}

static void large_sizes_are_exact(void **state)
{
    (void)state;
    static SpaceEdge edges[SPACE_EDGES];
    static const int ops[3] = { 1, 2, 0 };
    for (int i = 0; i < SPACE_EDGES; i++)
        edges[i] = (SpaceEdge){ i, 40, 3, ops };
    for (int i = 0; i < 2; i++) {
        made.cells[i].edges = edges;
        made.cells[i].n_edges = SPACE_EDGES;
        made.cells[i].derive = DERIVE_ARGMAX;
    }
    Str text = { 0 };
    space_size_text(&made.space, &text, NULL);
    assert_string_equal(text.text, "147808829414345923316083210206383297601"); // 3^80
    str_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_sound_space_passes, setup),
        cmocka_unit_test_setup(wrong_numbers_are_named, setup),
        cmocka_unit_test_setup(reduction_places_must_lie_in_the_network, setup),
        cmocka_unit_test_setup(operators_are_checked, setup),
        cmocka_unit_test_setup(shapes_are_checked_at_both_strides, setup),
        cmocka_unit_test_setup(edges_and_paths_are_checked, setup),
        cmocka_unit_test_setup(objectives_need_a_known_metric_or_a_function, setup),
        cmocka_unit_test_setup(size_counts_edge_choices_and_operators, setup),
        cmocka_unit_test_setup(large_sizes_are_exact, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
