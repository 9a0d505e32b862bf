// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>

#include "src/base/unpack.h"
#include "tests/arch/logs.h"
#include "tests/space/made.h"

static const char *const nb201_ops[] = { "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3",
                                         "avg_pool_3x3" };

static void equal_strengths_go_to_the_lower_edge_and_first_operator(void **state)
{
    (void)state;
    Made m;
    made_fill(&m);
    float p[5 * 3];
    for (int i = 0; i < 15; i++)
        p[i] = 1.0f / 3;
    GenoCell cell;
    Str text = { 0 };
    arch_derive_cell(&m.space, 0, p, &cell);
    genes_text(&cell, &text);
    assert_string_equal(text.text, "pool@0 pool@1 pool@0 pool@1");
    str_fini(&text);
}

static void none_takes_mass_but_is_never_chosen(void **state)
{
    (void)state;
    Made m;
    made_fill(&m);
    float p[5 * 3] = {
        0.9f,  0.04f, 0.06f, 0.1f, 0.8f, 0.1f, // into node 2
        0.98f, 0.01f, 0.01f, 0.5f, 0.2f, 0.3f, 0.3f, 0.3f, 0.4f,
    };
    GenoCell cell;
    Str text = { 0 };
    arch_derive_cell(&m.space, 0, p, &cell);
    genes_text(&cell, &text);
    assert_string_equal(text.text, "pool@1 conv@0 conv@2 conv@1"); // in order of strength
    m.cells[0].derive = DERIVE_ARGMAX;
    arch_derive_cell(&m.space, 0, p, &cell);
    genes_text(&cell, &text);
    assert_string_equal(text.text, "none@0 pool@1 none@0 none@1 conv@2");
    str_fini(&text);
}

static void removed_operators_never_win(void **state)
{
    (void)state;
    Made m;
    made_fill(&m);
    float p[5 * 3];
    for (int i = 0; i < 15; i++)
        p[i] = i % 3 == 1 ? NAN : 0.5f;
    GenoCell cell;
    arch_derive_cell(&m.space, 0, p, &cell);
    for (int i = 0; i < cell.n_edges; i++)
        assert_string_equal(cell.edges[i].op, "conv");
}

// The numbers of the next `n` in text into p; returns where it stopped.
static const char *read_numbers(const char *text, float *p, int n)
{
    for (int i = 0; i < n; i++) {
        text += strcspn(text, "0123456789-");
        char *end;
        p[i] = strtof(text, &end);
        text = end;
    }
    return text;
}

static void the_nb201_log_is_derived_in_all_epochs(void **state)
{
    (void)state;
    char *text = log_text("asquaredm-nb201-darts-seed0.txt");
    if (!text)
        skip();
    GenoCell shape = { .name = "cell", .inputs = 1, .nodes = 3, .combine = COMBINE_SUM };
    int n = 0, same = 0;
    for (const char *at = text; n < 100 && (at = strstr(at, "genotype = ")); n++) {
        Genotype logged;
        float p[30];
        GenoCell derived;
        assert_int_equal(genotype_parse(at + 11, &logged, NULL, NULL), STATUS_OK);
        at = read_numbers(strstr(at, "tensor(["), p, 30);
        geno_derive(&shape, p, 6, nb201_ops, 5, DERIVE_ARGMAX, 2, &derived);
        same += geno_cell_equal(&derived, &logged.cells[0]);
    }
    mem_free(text);
    assert_int_equal(n, 100);
    assert_int_equal(same, 100);
}

static void the_darts_log_without_none_is_derived_but_for_its_tie(void **state)
{
    (void)state;
    static const char *const ops[] = { "max_pool_3x3", "avg_pool_3x3", "skip_connect",
                                       "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3",
                                       "dil_conv_5x5" };
    char *text = log_text("asquaredm-darts-s5-seed2.txt");
    if (!text)
        skip();
    GenoCell shape = {
        .name = "normal", .inputs = 2, .nodes = 4, .n_concat = 4, .concat = { 2, 3, 4, 5 }
    };
    int n = 0, same = 0;
    for (const char *at = text; (at = strstr(at, "genotype = ")); n++) {
        Genotype logged;
        float p[98];
        GenoCell derived;
        assert_int_equal(genotype_parse(at + 11, &logged, NULL, NULL), STATUS_OK);
        const char *rows = strstr(at, "tensor([");
        if (!rows)
            break;
        at = read_numbers(rows, p, 98);
        geno_derive(&shape, p, 14, ops, 7, DERIVE_TOP, 2, &derived);
        // In the log the genes of a node come in order of the edges.
        for (int i = 0; i + 1 < derived.n_edges; i += 2)
            if (derived.edges[i].from > derived.edges[i + 1].from &&
                logged.cells[0].edges[i].from < logged.cells[0].edges[i + 1].from) {
                GenoEdge swap = derived.edges[i];
                derived.edges[i] = derived.edges[i + 1];
                derived.edges[i + 1] = swap;
            }
        same += geno_cell_equal(&derived, &logged.cells[0]);
    }
    mem_free(text);
    assert_int_equal(n, 50);
    assert_true(same >= 49);
}

// The whole benchmark: counts by conv depth and mean accuracy by skips, as published with it.
static void the_nb201_table_has_its_known_counts(void **state)
{
    (void)state;
    const char *path = "../shared/data/nb201/nb201.csv.gz";
    if (!file_exists(path))
        skip();
    void *data;
    size_t len;
    assert_int_equal(unpack_file(path, 8 << 20, &data, &len, NULL), STATUS_OK);
    int by_depth[5] = { 0 }, by_skips[7] = { 0 };
    double sum[7] = { 0 };
    for (const char *p = data; (p = strchr(p, '|')); p = strchr(p, '\n')) {
        Genotype g;
        int used;
        assert_int_equal(genotype_parse(p, &g, &used, NULL), STATUS_OK);
        CellCount c = geno_cell_count(&g.cells[0]);
        by_depth[c.conv_depth + 1]++;
        by_skips[c.skips]++;
        sum[c.skips] += strtod(p + used + 1, NULL);
    }
    mem_free(data);
    static const int want[5] = { 341, 1642, 7122, 5520, 1000 };
    static const double mean[7] = { 86.0, 87.6, 88.0, 86.6, 82.7, 75.0, 54.3 };
    for (int i = 0; i < 5; i++)
        assert_int_equal(by_depth[i], want[i]);
    for (int i = 0; i < 7; i++)
        assert_true(fabs(sum[i] / by_skips[i] - mean[i]) < 0.051);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_strengths_go_to_the_lower_edge_and_first_operator),
        cmocka_unit_test(none_takes_mass_but_is_never_chosen),
        cmocka_unit_test(removed_operators_never_win),
        cmocka_unit_test(the_nb201_log_is_derived_in_all_epochs),
        cmocka_unit_test(the_darts_log_without_none_is_derived_but_for_its_tie),
        cmocka_unit_test(the_nb201_table_has_its_known_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
