// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "tests/arch/logs.h"
#include "tests/space/made.h"

// NB201's shape with three operators.
typedef struct {
    Made m;
    SpaceEdge edges[6];
} Bench;

static void bench_fill(Bench *b)
{
    static const int from[6] = { 0, 0, 1, 0, 1, 2 }, to[6] = { 1, 2, 2, 3, 3, 3 };
    made_fill(&b->m);
    for (int i = 0; i < 6; i++)
        b->edges[i] = (SpaceEdge){ from[i], to[i], 3, b->m.all };
    b->m.cells[0] = (SpaceCell){ .name = "cell",
                                 .inputs = 1,
                                 .nodes = 3,
                                 .keep = 2,
                                 .derive = DERIVE_ARGMAX,
                                 .combine = COMBINE_SUM,
                                 .edges = b->edges,
                                 .n_edges = 6,
                                 .max_ops = 3 };
    b->m.space.n_cells = 1;
    b->m.space.net = (SpaceNet){
        .kind = SKELETON_STAGES, .channels = 8, .stem = 1, .stages = 3, .stage_cells = 1, .cells = 3
    };
}

static void samples_keep_as_many_edges_as_the_rule_says(void **state)
{
    (void)state;
    Made m;
    made_fill(&m);
    Rng rng = rng_new(1);
    for (int i = 0; i < 200; i++) {
        Arch a;
        arch_random(&m.space, &rng, &a);
        assert_int_equal(a.n_cells, 2);
        for (int c = 0; c < 2; c++) {
            assert_int_equal(a.cell[c].n_edges, 4);
            for (int k = 0; k < 4; k++) {
                assert_true(a.cell[c].pick[k].op > 0); // never none
                assert_true(k == 0 || a.cell[c].pick[k].edge > a.cell[c].pick[k - 1].edge);
            }
        }
    }
}

static void samples_are_uniform_over_sources(void **state)
{
    (void)state;
    Made m;
    made_fill(&m);
    Rng rng = rng_new(2);
    int hits[5] = { 0 };
    for (int i = 0; i < 6000; i++) {
        Arch a;
        arch_random(&m.space, &rng, &a);
        for (int k = 0; k < 4; k++)
            hits[a.cell[0].pick[k].edge]++;
    }
    assert_int_equal(hits[0], 6000);
    for (int e = 2; e < 5; e++) // two of three: 4000 each, sd 37
        assert_true(abs(hits[e] - 4000) < 185);
}

static void mutation_of_argmax_cells_picks_the_node_first(void **state)
{
    (void)state;
    Bench b;
    bench_fill(&b);
    assert_int_equal(space_validate(&b.m.space, NULL), STATUS_OK);
    Rng rng = rng_new(3);
    Arch parent, child;
    arch_random(&b.m.space, &rng, &parent);
    int hits[6] = { 0 };
    for (int i = 0; i < 9000; i++) {
        arch_mutate(&b.m.space, &parent, &rng, &child);
        int changed = 0;
        for (int k = 0; k < 6; k++)
            if (child.cell[0].pick[k].op != parent.cell[0].pick[k].op) {
                hits[k]++;
                changed++;
            }
        assert_int_equal(changed, 1);
    }
    static const int want[6] = { 3000, 1500, 1500, 1000, 1000, 1000 };
    for (int k = 0; k < 6; k++)
        assert_true(abs(hits[k] - want[k]) < 225);
}

static void mutation_of_top_cells_changes_an_operator_or_a_source(void **state)
{
    (void)state;
    Made m;
    made_fill(&m);
    Rng rng = rng_new(4);
    Arch parent, child;
    arch_random(&m.space, &rng, &parent);
    int ops = 0, sources = 0;
    for (int i = 0; i < 500; i++) {
        arch_mutate(&m.space, &parent, &rng, &child);
        assert_false(arch_equal(&parent, &child));
        bool source = false;
        for (int c = 0; c < 2; c++)
            for (int k = 0; k < 4; k++)
                source = source || child.cell[c].pick[k].edge != parent.cell[c].pick[k].edge;
        sources += source;
        ops += !source;
    }
    assert_true(ops > 50 && sources > 50);
}

static void a_cell_with_one_choice_ends_the_mutation(void **state)
{
    (void)state;
    Made m;
    made_fill(&m);
    static const int one[] = { 2 };
    for (int i = 0; i < 5; i++) {
        m.edges[i].ops = one;
        m.edges[i].n_ops = 1;
    }
    m.cells[0].n_edges = m.cells[1].n_edges = 2;
    m.cells[0].nodes = m.cells[1].nodes = 1;
    Rng rng = rng_new(5);
    Arch parent, child;
    arch_random(&m.space, &rng, &parent);
    arch_mutate(&m.space, &parent, &rng, &child);
    assert_true(arch_equal(&parent, &child));
}

static void genotypes_and_indices_convert_both_ways(void **state)
{
    (void)state;
    Made m;
    made_fill(&m);
    Rng rng = rng_new(6);
    for (int i = 0; i < 100; i++) {
        Arch a, back;
        Genotype g, read;
        Str text = { 0 };
        arch_random(&m.space, &rng, &a);
        arch_to_genotype(&m.space, &a, &g);
        genotype_write(&g, &text);
        assert_int_equal(genotype_parse(text.text, &read, NULL, NULL), STATUS_OK);
        assert_true(genotype_equal(&g, &read));
        assert_int_equal(arch_from_genotype(&m.space, &read, &back, NULL), STATUS_OK);
        assert_true(arch_equal(&a, &back));
        str_fini(&text);
    }
}

static void a_genotype_of_another_space_is_refused_by_name(void **state)
{
    (void)state;
    Made m;
    made_fill(&m);
    Genotype g;
    Arch a;
    Error err = { 0 };
    genotype_parse("Genotype(normal=[('conv', 0), ('swirl', 1), ('conv', 0), ('conv', 1)], "
                   "normal_concat=range(2, 4), reduce=[('conv', 0), ('conv', 1), ('conv', 0), "
                   "('conv', 1)], reduce_concat=range(2, 4))",
                   &g, NULL, NULL);
    assert_int_equal(arch_from_genotype(&m.space, &g, &a, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "edge 1-2"));
    assert_non_null(strstr(err.msg, "swirl"));
}

static void the_mask_marks_what_is_kept(void **state)
{
    (void)state;
    Made m;
    made_fill(&m);
    Rng rng = rng_new(7);
    Arch a;
    bool active[5 * 3];
    arch_random(&m.space, &rng, &a);
    arch_mask(&m.space, &a, 1, active);
    int n = 0;
    for (int i = 0; i < 15; i++)
        n += active[i];
    assert_int_equal(n, 4);
    for (int k = 0; k < 4; k++)
        assert_true(active[a.cell[1].pick[k].edge * 3 + a.cell[1].pick[k].op]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_keep_as_many_edges_as_the_rule_says),
        cmocka_unit_test(samples_are_uniform_over_sources),
        cmocka_unit_test(mutation_of_argmax_cells_picks_the_node_first),
        cmocka_unit_test(mutation_of_top_cells_changes_an_operator_or_a_source),
        cmocka_unit_test(a_cell_with_one_choice_ends_the_mutation),
        cmocka_unit_test(genotypes_and_indices_convert_both_ways),
        cmocka_unit_test(a_genotype_of_another_space_is_refused_by_name),
        cmocka_unit_test(the_mask_marks_what_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
