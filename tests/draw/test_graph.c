// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "ui/draw/graph.h"

static const char *const ops[] = { "sep_conv_3x3", "skip_connect", "max_pool_3x3", "dil_conv_5x5",
                                   "none" };

// `keep` edges into each node from random earlier ones.
static GenoCell random_cell(Rng *rng)
{
    GenoCell cell = { .inputs = 1 + (int)rng_below(rng, 3), .nodes = 1 + (int)rng_below(rng, 7) };
    cell.combine = rng_below(rng, 2) ? COMBINE_SUM : COMBINE_CONCAT;
    for (int to = cell.inputs; to < cell.inputs + cell.nodes; to++) {
        if (cell.n_concat < 16)
            cell.concat[cell.n_concat++] = to;
        for (int from = 0; from < to && cell.n_edges < GENO_EDGES; from++)
            if (rng_below(rng, 3) == 0) {
                GenoEdge *e = &cell.edges[cell.n_edges++];
                e->from = from;
                e->to = to;
                snprintf(e->op, sizeof e->op, "%s", ops[rng_below(rng, 5)]);
            }
    }
    return cell;
}

static bool overlap(int a0, int a1, int b0, int b1)
{
    return a0 <= b1 && b0 <= a1;
}

// Lines of two sources may cross, but never run on top of each other.
static void check_segments(const GraphLayout *l)
{
    for (int i = 0; i < l->n_segments; i++)
        for (int j = 0; j < i; j++) {
            const GraphSegment *a = &l->segment[i], *b = &l->segment[j];
            if (a->source == b->source)
                continue;
            bool both_flat = a->row0 == a->row1 && b->row0 == b->row1 && a->row0 == b->row0;
            bool both_up = a->col0 == a->col1 && b->col0 == b->col1 && a->col0 == b->col0;
            if (both_flat)
                assert_false(overlap(a->col0, a->col1, b->col0, b->col1));
            if (both_up)
                assert_false(overlap(a->row0, a->row1, b->row0, b->row1));
        }
}

// Ends of one source's line never touch another's line: a touch would read as a connection.
static void check_touches(const GraphLayout *l)
{
    for (int i = 0; i < l->n_segments; i++)
        for (int j = 0; j < l->n_segments; j++) {
            const GraphSegment *flat = &l->segment[i], *up = &l->segment[j];
            if (flat->source == up->source || flat->row0 != flat->row1 || up->col0 != up->col1 ||
                up->row0 == up->row1)
                continue;
            if (up->col0 < flat->col0 || up->col0 > flat->col1 || flat->row0 < up->row0 ||
                flat->row0 > up->row1)
                continue;
            assert_true(up->col0 > flat->col0 && up->col0 < flat->col1);
            assert_true(flat->row0 > up->row0 && flat->row0 < up->row1);
        }
}

static void check_slots(const GraphLayout *l)
{
    for (int layer = 0; layer < l->n_layers; layer++)
        for (int s = 0; s + 1 < l->n_slots[layer]; s++) {
            const GraphSlot *a = &l->slot[layer][s], *b = &l->slot[layer][s + 1];
            assert_true(a->top >= 0 && a->top + a->rows <= b->top);
        }
}

static void random_cells_give_readable_pictures(void **state)
{
    (void)state;
    Rng rng = rng_new(11);
    static GraphLayout l, again;
    for (int round = 0; round < 500; round++) {
        GenoCell cell = random_cell(&rng);
        if (!graph_layout(&cell, round % 2, &l))
            continue;
        check_segments(&l);
        check_touches(&l);
        check_slots(&l);
        int drawn = 0;
        for (int i = 0; i < cell.n_edges; i++)
            drawn += op_class_of_name(cell.edges[i].op) != OP_NONE;
        assert_int_equal(l.n_labels, drawn);
        assert_true(graph_layout(&cell, round % 2, &again));
        assert_memory_equal(&l, &again, sizeof l);
    }
}

static void random_cells_at_any_size_stay_inside(void **state)
{
    (void)state;
    Rng rng = rng_new(12);
    for (int round = 0; round < 500; round++) {
        Grid g = { 0 };
        GenoCell cell = random_cell(&rng);
        int rows = 1 + (int)rng_below(&rng, 40), cols = 1 + (int)rng_below(&rng, 140);
        assert_true(grid_resize(&g, rows, cols));
        g.glyphs = round % 2 ? GLYPHS_BRAILLE : GLYPHS_ASCII;
        g.ascii_only = round % 2 == 0;
        if (!graph_draw(&g, (Rect){ 0, 0, rows, cols }, &cell))
            matrix_draw(&g, (Rect){ 0, 0, rows, cols }, &(MatrixSpec){ .cell = &cell });
        grid_fini(&g);
    }
}

static void a_cell_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static GraphLayout l;
    GenoCell cell = { .inputs = 2, .nodes = 30 };
    assert_false(graph_layout(&cell, false, &l));
    cell = (GenoCell){ .inputs = 0, .nodes = 2 };
    assert_false(graph_layout(&cell, false, &l));
    cell = (GenoCell){ .inputs = 2,
                       .nodes = 1,
                       .n_edges = 2,
                       .edges = { { 2, 2, "skip_connect" }, { -1, 9, "skip_connect" } } };
    assert_true(graph_layout(&cell, false, &l)); // edges that point nowhere are left out
    assert_int_equal(l.n_labels, 0);
}

static const GenoCell small = { .inputs = 2,
                                .nodes = 2,
                                .n_concat = 2,
                                .concat = { 2, 3 },
                                .n_edges = 4,
                                .edges = { { 0, 2, "sep_conv_3x3" },
                                           { 1, 2, "skip_connect" },
                                           { 0, 3, "max_pool_3x3" },
                                           { 2, 3, "dil_conv_3x3" } } };

static void a_small_cell_as_a_graph(void **state)
{
    (void)state;
    Grid g = { 0 };
    assert_true(grid_resize(&g, 6, 60));
    g.ascii_only = true;
    assert_true(graph_draw(&g, (Rect){ 0, 0, 6, 60 }, &small));
    char *text = grid_dump(&g, false);
    assert_string_equal(text, "c-2-+---------------max3->| 1 |  # out\n"
                              "    +--sep3->| 0 +--dil3->|   |  # concat of 0 1\n"
                              "c-1----skip->|   |               #\n\n\n\n");
    mem_free(text);
    grid_fini(&g);
}

static double half(const void *data, int from, int to, const char *op)
{
    (void)data;
    (void)op;
    return from == 0 && to == 2 ? 0.5 : NAN;
}

static void a_small_cell_as_a_matrix(void **state)
{
    (void)state;
    Grid g = { 0 };
    assert_true(grid_resize(&g, 5, 60));
    g.ascii_only = true;
    assert_int_equal(matrix_draw(&g, (Rect){ 0, 0, 5, 60 }, &(MatrixSpec){ &small, half, NULL }),
                     4);
    char *text = grid_dump(&g, false);
    assert_string_equal(text, "to \\ from  c-2      c-1      0\n"
                              " 0         sep3 .50 skip\n"
                              " 1         max3     .        dil3\n"
                              " out       concat of 0 1\n\n");
    mem_free(text);
    grid_fini(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_cells_give_readable_pictures),
        cmocka_unit_test(random_cells_at_any_size_stay_inside),
        cmocka_unit_test(a_cell_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_small_cell_as_a_graph),
        cmocka_unit_test(a_small_cell_as_a_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
