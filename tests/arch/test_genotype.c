// SPDX-License-Identifier: MIT
#include "tests/arch/logs.h"

static const char darts[] =
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))";

static void darts_text_comes_back_as_it_was(void **state)
{
    (void)state;
    Genotype g;
    int used;
    Str out = { 0 };
    assert_int_equal(genotype_parse(darts, &g, &used, NULL), STATUS_OK);
    assert_int_equal(used, (int)strlen(darts));
    assert_int_equal(g.n_cells, 2);
    assert_string_equal(g.cells[1].name, "reduction");
    assert_int_equal(g.cells[0].nodes, 4);
    assert_int_equal(g.cells[0].edges[7].to, 5);
    genotype_write(&g, &out);
    assert_string_equal(out.text, darts);
    str_fini(&out);
}

static void nested_and_list_forms_mean_the_same(void **state)
{
    (void)state;
    static const char nested[] =
        "Genotype(normal=[[('sep_conv_3x3', 0), ('skip_connect', 1)], [('none', 2), "
        "('skip_connect', 0)]], normal_concat=[2, 3])";
    static const char flat[] =
        "Genotype( normal = [ (\"sep_conv_3x3\",0) , ('skip_connect',1), ('none',2), "
        "('skip_connect', 0), ], normal_concat = range(2,4) ) and more";
    Genotype a, b;
    int used;
    assert_int_equal(genotype_parse(nested, &a, NULL, NULL), STATUS_OK);
    assert_int_equal(genotype_parse(flat, &b, &used, NULL), STATUS_OK);
    assert_true(genotype_equal(&a, &b));
    assert_string_equal(flat + used, " and more");
    strcpy(b.cells[0].edges[2].op, "skip_connect");
    assert_false(genotype_equal(&a, &b));
}

static void uneven_nodes_are_written_nested(void **state)
{
    (void)state;
    static const char text[] = "Genotype(normal=[[('a', 0)], [('b', 1), ('c', 0), ('d', 2)]], "
                               "normal_concat=[2])";
    Genotype g, again;
    Str out = { 0 };
    assert_int_equal(genotype_parse(text, &g, NULL, NULL), STATUS_OK);
    assert_int_equal(g.cells[0].nodes, 2);
    genotype_write(&g, &out);
    assert_int_equal(genotype_parse(out.text, &again, NULL, NULL), STATUS_OK);
    assert_true(genotype_equal(&g, &again));
    str_fini(&out);
}

static void nb201_strings_come_back_as_they_were(void **state)
{
    (void)state;
    static const char text[] = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|"
                               "skip_connect~1|nor_conv_3x3~2|";
    Genotype g;
    Str out = { 0 };
    assert_int_equal(genotype_parse(text, &g, NULL, NULL), STATUS_OK);
    assert_string_equal(g.cells[0].name, "cell");
    assert_int_equal(g.cells[0].n_edges, 6);
    assert_int_equal(g.cells[0].inputs, 1);
    genotype_write(&g, &out);
    assert_string_equal(out.text, text);
    str_clear(&out);
    str_addf(&out, "Structure(4 nodes with %s)", text);
    Genotype again;
    int used;
    assert_int_equal(genotype_parse(out.text, &again, &used, NULL), STATUS_OK);
    assert_true(genotype_equal(&g, &again));
    assert_int_equal(used, (int)out.len);
    str_fini(&out);
}

static void hostile_text_ends_in_a_message(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        { "", "expected Genotype(...) or |op~0|" },
        { "Genotype", "byte 8: expected '('" },
        { "Genotype()", "a cell" },
        { "Genotype(normal=[])", "has no genes" },
        { "Genotype(normal=[('a', 0)])", "two genes a node" },
        { "Genotype(normal=[('a', 0), ('b', 9)])", "node 2 cannot take input from node 9" },
        { "Genotype(normal=[('a', -1), ('b', 1)])", "a node number" },
        { "Genotype(normal=[('a', 99999999999999999999), ('b', 1)])", "node number up to 15" },
        { "Genotype(normal=[('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 0)])",
          "31 letters" },
        { "Genotype(normal=[('a', 0), ('b', 1)], normal_concat=range(2, 99))", "up to 15" },
        { "Genotype(normal=[('a', 0), ('b', 1)], normal_concat=range(5, 2))", "a <= b" },
        { "Genotype(normal=[('a', 0), ('b', 1)], normal_concat=[9])", "joins node 9" },
        { "Genotype(a=[[('x',0)]],b=[[('x',0)]],c=[[('x',0)]],d=[[('x',0)]],e=[[('x',0)]])",
          "at most 4 cells" },
        { "Genotype(normal=[('a', 0), ('b', 1)], normal=[('a', 0)])", "each cell once" },
        { "Genotype(normal=[('a\xff', 0)])", "expected" },
        { "Genotype(abcdefghijklmnopqrstuvwxyz=[[('a', 0)]])", "at most 24 letters" },
        { "|none~0", "expected '|'" },
        { "|none~1|", "earlier node" },
        { "||", "an operator name" },
        { "Structure(4 nodes with |none~0|", "expected ')'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Genotype g;
        Error err = { 0 };
        if (genotype_parse(cases[i].text, &g, NULL, &err) != STATUS_PARSE)
            fail_msg("'%s' was accepted", cases[i].text);
        if (!strstr(err.msg, cases[i].part))
            fail_msg("'%s': expected '%s' in '%s'", cases[i].text, cases[i].part, err.msg);
    }
}

static void every_prefix_is_refused_without_harm(void **state)
{
    (void)state;
    char text[sizeof darts];
    for (size_t n = 0; n + 1 < sizeof darts; n++) {
        Genotype g;
        memcpy(text, darts, n);
        text[n] = '\0';
        assert_int_equal(genotype_parse(text, &g, NULL, NULL), STATUS_PARSE);
    }
}

static void classes_and_codes_of_known_names(void **state)
{
    (void)state;
    char code[5];
    assert_int_equal(op_class_of_name("none"), OP_NONE);
    assert_int_equal(op_class_of_name("skip_connect"), OP_SKIP);
    assert_int_equal(op_class_of_name("avg_pool_3x3"), OP_POOL);
    assert_int_equal(op_class_of_name("noise"), OP_OTHER);
    assert_int_equal(op_class_of_name("nor_conv_1x1"), OP_CONV);
    op_code_of_name("sep_conv_5x5", code);
    assert_string_equal(code, "sep5");
    op_code_of_name("skip_connect", code);
    assert_string_equal(code, "skip");
    op_code_of_name("nor_conv_3x3", code);
    assert_string_equal(code, "cnv3");
    op_code_of_name("ab", code);
    assert_string_equal(code, "ab");
}

static void counts_follow_the_deepest_path(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int skips, parameter_free, depth;
    } cases[] = {
        { "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|"
          "skip_connect~2|",
          6, 6, 0 },
        { "|none~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|", 0, 4, -1 },
        { "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|", 1, 3,
          3 },
        { "Genotype(normal=[('skip_connect', 0), ('none', 1), ('sep_conv_3x3', 2), ('none', 0)], "
          "normal_concat=[2])",
          1, 3, 0 }, // the convolution leads to a node that is not joined
        { "Genotype(normal=[('skip_connect', 0), ('none', 1), ('sep_conv_3x3', 2), ('none', 0)], "
          "normal_concat=range(2, 4))",
          1, 3, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Genotype g;
        assert_int_equal(genotype_parse(cases[i].text, &g, NULL, NULL), STATUS_OK);
        CellCount c = geno_cell_count(&g.cells[0]);
        assert_int_equal(c.skips, cases[i].skips);
        assert_int_equal(c.parameter_free, cases[i].parameter_free);
        assert_int_equal(c.conv_depth, cases[i].depth);
        assert_int_equal(c.kept, g.cells[0].n_edges);
    }
}

// ---- real logs ---------------------------------------------------------------------------------

// Parses every genotype line; returns their number, with the last one in *last.
static int read_all(const char *text, const char *mark, Genotype *last)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, mark)); p += strlen(mark)) {
        Error err = { 0 };
        if (genotype_parse(p + strlen(mark), last, NULL, &err) != STATUS_OK)
            fail_msg("%s", err.msg);
        n++;
    }
    return n;
}

static void genotypes_of_public_logs_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *log, *mark;
        int n, skips; // genotype lines; skips of the last normal cell
    } cases[] = {
        { "robustdarts-s1-2516843-1.txt", " genotype = ", 50, 7 },
        { "robustdarts-s1-2516846-1.txt", " genotype = ", 50, 2 },
        { "robustdarts-s3-2516870-1.txt", " genotype = ", 50, 8 },
        { "dialects/tadarts-cifar10-logits-trimmed.txt", " Genotype: ", 51, -1 },
        { "ptdarts-cifar100-2e.log", "| genotype = ", 50, 8 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = log_text(cases[i].log);
        if (!text)
            skip();
        Genotype last;
        int n = read_all(text, cases[i].mark, &last);
        mem_free(text);
        assert_true(n >= cases[i].n - 1 && n <= cases[i].n);
        if (cases[i].skips >= 0)
            assert_int_equal(geno_cell_count(&last.cells[0]).skips, cases[i].skips);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(darts_text_comes_back_as_it_was),
        cmocka_unit_test(nested_and_list_forms_mean_the_same),
        cmocka_unit_test(uneven_nodes_are_written_nested),
        cmocka_unit_test(nb201_strings_come_back_as_they_were),
        cmocka_unit_test(hostile_text_ends_in_a_message),
        cmocka_unit_test(every_prefix_is_refused_without_harm),
        cmocka_unit_test(classes_and_codes_of_known_names),
        cmocka_unit_test(counts_follow_the_deepest_path),
        cmocka_unit_test(genotypes_of_public_logs_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
