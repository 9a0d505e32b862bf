// SPDX-License-Identifier: MIT
#include "tests/support/tiny_space.h"

#include "src/net/net.h"

static TinySpace tiny;

static int count_kind(const Graph *g, LayerKind kind)
{
    int n = 0;
    for (int i = 0; i < graph_count(g); i++)
        n += graph_attr(g, i)->kind == kind;
    return n;
}

static int find_name(const Graph *g, const char *name)
{
    for (int i = 0; i < graph_count(g); i++)
        if (strcmp(graph_name(g, i), name) == 0)
            return i;
    return -1;
}

static Graph *supernet(const SupernetOptions *options)
{
    Graph *g = NULL;
    Error err = { 0 };
    if (net_supernet(&tiny.space, options, &g, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return g;
}

static void the_tiny_spaces_are_valid(void **state)
{
    (void)state;
    Error err = { 0 };
    tiny_darts(&tiny);
    if (space_validate(&tiny.space, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    tiny_nb201(&tiny);
    if (space_validate(&tiny.space, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
}

static void a_node_mixes_every_operator_but_none(void **state)
{
    (void)state;
    tiny_darts(&tiny);
    SupernetOptions options = { 0 };
    Graph *g = supernet(&options);
    assert_int_equal(graph_tables(g), 2);
    assert_string_equal(graph_table_name(g, 0), "normal");
    assert_string_equal(graph_table_name(g, 1), "reduction");
    int rows, cols, node = find_name(g, "cells.1.reduction.node3");
    graph_table_size(g, 1, &rows, &cols);
    assert_int_equal(rows, 5);
    assert_int_equal(cols, 4);
    assert_true(node > 0);
    const int *inputs;
    assert_int_equal(graph_inputs(g, node, &inputs), 9); // 3 edges, 3 operators that run
    const MixRef *refs = graph_mix_refs(g, node);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(refs[i].table, 1);
        assert_int_equal(refs[i].row, 2 + i / 3);
        assert_int_equal(refs[i].col, 1 + i % 3);
    }
    Shape shape = graph_shape(g, node);
    assert_int_equal(shape.h, 4);
    assert_int_equal(shape.c, 8);
    graph_free(g);
}

static void channels_double_and_maps_halve_at_reductions(void **state)
{
    (void)state;
    tiny_darts(&tiny);
    SupernetOptions options = { .cells = 6 }; // fraction 1/3 of 6 is cell 2
    Graph *g = supernet(&options);
    Shape before = graph_shape(g, find_name(g, "cells.1.normal.node2"));
    Shape at = graph_shape(g, find_name(g, "cells.2.reduction.node2"));
    assert_int_equal(before.c, 4);
    assert_int_equal(before.h, 8);
    assert_int_equal(at.c, 8);
    assert_int_equal(at.h, 4);
    // after a reduction the older input is reduced too
    assert_true(find_name(g, "cells.3.normal.pre0.shift") > 0);
    assert_int_equal(find_name(g, "cells.2.reduction.pre0.shift"), -1);
    graph_free(g);
}

static void cells_of_a_supernet_have_no_affine_batch_norm(void **state)
{
    (void)state;
    tiny_darts(&tiny);
    SupernetOptions options = { 0 };
    Graph *g = supernet(&options);
    for (int i = 0; i < graph_count(g); i++)
        if (graph_attr(g, i)->kind == LAYER_BATCH_NORM)
            assert_int_equal(graph_attr(g, i)->affine, strncmp(graph_name(g, i), "cells.", 6) != 0);
    graph_free(g);
}

static void stages_are_joined_by_residual_blocks(void **state)
{
    (void)state;
    tiny_nb201(&tiny);
    SupernetOptions options = { .cells = 2 };
    Graph *g = supernet(&options);
    int first = find_name(g, "cells.0.cell.node3"), last = find_name(g, "cells.3.cell.node3");
    assert_true(first > 0 && last > 0);
    assert_int_equal(graph_shape(g, first).c, 4);
    assert_int_equal(graph_shape(g, last).c, 8);
    assert_int_equal(graph_shape(g, last).h, 4);
    assert_int_equal(count_kind(g, LAYER_ADD), 1);
    assert_true(find_name(g, "last.relu") > last);
    graph_free(g);
}

static void odd_maps_fit_at_a_reduction(void **state)
{
    (void)state;
    SupernetOptions options = { 0 };
    tiny_darts(&tiny);
    tiny.space.height = tiny.space.width = 7;
    graph_free(supernet(&options));
    tiny_nb201(&tiny);
    tiny.space.height = tiny.space.width = 7;
    graph_free(supernet(&options));
}

static void remedies_change_the_graph_as_named(void **state)
{
    (void)state;
    tiny_darts(&tiny);
    SupernetOptions options = {
        .aux_skip = true, .skip_noise = 0.2f, .skip_dropout = true, .drop_path = true
    };
    Graph *g = supernet(&options);
    assert_string_equal(graph_table_name(g, 2), "beta");
    const int *inputs;
    int node = find_name(g, "cells.0.normal.node3");
    assert_int_equal(graph_inputs(g, node, &inputs), 12);
    assert_int_equal(count_kind(g, LAYER_NOISE), 15);              // every skip
    assert_int_equal(count_kind(g, LAYER_DROPOUT), 5 + 1 + 5);     // identities only
    assert_int_equal(count_kind(g, LAYER_DROP_PATH), 3 * 15 - 11); // everything else
    graph_free(g);
}

static void partial_channels_go_around_the_operators(void **state)
{
    (void)state;
    tiny_darts(&tiny);
    SupernetOptions options = { .partial = 2, .edge_weights = true };
    Graph *g = supernet(&options);
    NetTables tables;
    net_tables(&tiny.space, &options, &tables);
    assert_string_equal(graph_table_name(g, tables.edges[1]), "edges.reduction");
    assert_int_equal(count_kind(g, LAYER_SHUFFLE), 15);
    const int *inputs;
    int node = find_name(g, "cells.0.normal.node3");
    assert_int_equal(graph_inputs(g, node, &inputs), 3);
    assert_int_equal(graph_mix_refs(g, node)[2].table, tables.edges[0]);
    assert_int_equal(graph_mix_refs(g, node)[2].row, 4);
    graph_free(g);
    Error err = { 0 };
    options.partial = 3;
    assert_int_equal(net_supernet(&tiny.space, &options, &g, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "search.partial"));
}

static void cell_tables_are_one_per_cell(void **state)
{
    (void)state;
    tiny_darts(&tiny);
    SupernetOptions options = { .cell_tables = true };
    Graph *g = supernet(&options);
    NetTables tables;
    net_tables(&tiny.space, &options, &tables);
    assert_int_equal(tables.n_alpha, 3);
    assert_int_equal(tables.alpha_type[0], 0);
    assert_int_equal(tables.alpha_type[1], 1);
    assert_int_equal(graph_mix_refs(g, find_name(g, "cells.2.normal.node2"))[0].table, 2);
    graph_free(g);
}

static Genotype geno_of(const char *text)
{
    Genotype geno;
    Error err = { 0 };
    if (genotype_parse(text, &geno, NULL, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return geno;
}

static const char *const CELLS =
    "Genotype(normal=[('sep_conv_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 0), "
    "('sep_conv_3x3', 2)], normal_concat=range(2, 4), reduce=[('skip_connect', 0), "
    "('max_pool_3x3', 1), ('sep_conv_3x3', 2), ('max_pool_3x3', 0)], reduce_concat=range(2, 4))";

static Graph *derived(const Genotype *geno, const DerivedOptions *options)
{
    Graph *g = NULL;
    Error err = { 0 };
    if (net_derived(&tiny.space, geno, options, &g, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return g;
}

static void a_derived_network_keeps_only_its_genes(void **state)
{
    (void)state;
    tiny_darts(&tiny);
    Genotype geno = geno_of(CELLS);
    DerivedOptions options = { .drop_path = true };
    Graph *g = derived(&geno, &options);
    assert_int_equal(graph_tables(g), 0);
    assert_int_equal(count_kind(g, LAYER_MAX_POOL), 4);
    assert_int_equal(count_kind(g, LAYER_DEPTHWISE), 5);
    assert_int_equal(count_kind(g, LAYER_SHIFT), 2); // skip at stride 2, input of the last cell
    assert_int_equal(count_kind(g, LAYER_DROP_PATH), 3 + 3 + 4); // not on identities
    for (int i = 0; i < graph_count(g); i++)
        if (graph_attr(g, i)->kind == LAYER_BATCH_NORM)
            assert_int_equal(graph_attr(g, i)->affine, 1);
    graph_free(g);
}

static void cost_is_counted_by_hand(void **state)
{
    (void)state;
    tiny_nb201(&tiny);
    Genotype geno = geno_of("|sep_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|");
    DerivedOptions options = { 0 };
    int64_t params, macs;
    Error err = { 0 };
    assert_int_equal(net_cost(&tiny.space, &geno, &options, &params, &macs, &err), STATUS_OK);
    // stem 9*4 + 8; cell 9*4 + 4*4 + 8; residual 9*4*8 + 16 + 9*8*8 + 16 + 4*8;
    // cell 9*8 + 8*8 + 16; last 16; linear 8*3 + 3
    assert_int_equal(params, 44 + 60 + 928 + 152 + 16 + 27);
    // 8x8: stem 36, cell 36 + 16; 4x4: residual 288 + 576 + 32, cell 72 + 64; linear 24
    assert_int_equal(macs, 64 * (36 + 52) + 16 * (896 + 136) + 24);
}

static void a_node_without_inputs_is_zero(void **state)
{
    (void)state;
    tiny_nb201(&tiny);
    Genotype geno = geno_of("|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|");
    DerivedOptions options = { 0 };
    Graph *g = derived(&geno, &options);
    const int *inputs;
    int node = find_name(g, "cells.0.node1");
    assert_int_equal(graph_attr(g, node)->kind, LAYER_MIX);
    assert_int_equal(graph_inputs(g, node, &inputs), 0);
    graph_free(g);
}

static void the_auxiliary_head_needs_maps_of_eight(void **state)
{
    (void)state;
    tiny_darts(&tiny);
    Genotype geno = geno_of(CELLS);
    DerivedOptions options = { .aux = true, .cells = 6 };
    Graph *small = derived(&geno, &options);
    assert_int_equal(count_kind(small, LAYER_LOSS), 1);
    options.height = options.width = 16;
    Graph *big = derived(&geno, &options);
    assert_int_equal(count_kind(big, LAYER_LOSS), 2);
    int loss = find_name(big, "aux.loss");
    assert_true(graph_attr(big, loss)->weight > 0.39f && graph_attr(big, loss)->weight < 0.41f);
    // and is not counted
    Graph *plain = NULL;
    options.aux = false;
    plain = derived(&geno, &options);
    assert_int_equal(graph_params(big), graph_params(plain));
    graph_free(plain);
    graph_free(big);
    graph_free(small);
}

static void an_unknown_operator_is_named(void **state)
{
    (void)state;
    tiny_nb201(&tiny);
    Genotype geno = geno_of("|conv_9x9~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|");
    DerivedOptions options = { 0 };
    Graph *g = NULL;
    Error err = { 0 };
    assert_int_equal(net_derived(&tiny.space, &geno, &options, &g, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "conv_9x9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tiny_spaces_are_valid),
        cmocka_unit_test(a_node_mixes_every_operator_but_none),
        cmocka_unit_test(channels_double_and_maps_halve_at_reductions),
        cmocka_unit_test(cells_of_a_supernet_have_no_affine_batch_norm),
        cmocka_unit_test(stages_are_joined_by_residual_blocks),
        cmocka_unit_test(odd_maps_fit_at_a_reduction),
        cmocka_unit_test(remedies_change_the_graph_as_named),
        cmocka_unit_test(partial_channels_go_around_the_operators),
        cmocka_unit_test(cell_tables_are_one_per_cell),
        cmocka_unit_test(a_derived_network_keeps_only_its_genes),
        cmocka_unit_test(cost_is_counted_by_hand),
        cmocka_unit_test(a_node_without_inputs_is_zero),
        cmocka_unit_test(the_auxiliary_head_needs_maps_of_eight),
        cmocka_unit_test(an_unknown_operator_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
