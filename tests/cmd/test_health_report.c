// SPDX-License-Identifier: MIT
// The document that scripts read: every key, what is null when, and what epochs count.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/json.h"
#include "src/cmd/health_report.h"
#include "tests/watch/read.h"

static Model model;
static Json *document;

static int tidy(void **state)
{
    (void)state;
    json_free(document);
    document = NULL;
    model_free(&model);
    return 0;
}

static void report(const char *text)
{
    read_with(&log_reader, NULL, text, strlen(text), &model);
    document = health_report_json(&model, "some/log.txt");
    assert_non_null(document);
}

// A cell of eight genes of which the first `skips` are skips and the next `pools` are pools.
static void add_genes(Str *out, int skips, int pools)
{
    str_addc(out, '[');
    for (int k = 0; k < 8; k++)
        str_addf(out, "%s('%s', %d)", k ? ", " : "",
                 k < skips           ? "skip_connect"
                 : k < skips + pools ? "max_pool_3x3"
                                     : "sep_conv_3x3",
                 k % 2);
    str_addc(out, ']');
}

static const char *keys_of(const Json *object)
{
    static char text[256];
    static const char *const known[] = {
        "source",    "dialect",   "skipped_lines",  "runs",       "name",     "epochs", "complete",
        "cells",     "train_acc", "valid_acc",      "rules",      "verdict",  "cause",  "cell",
        "genotypes", "skips",     "parameter_free", "conv_depth", "genotype", "alarms", "level",
        "rule",      "epoch",     "evidence",       "returned",
    };
    text[0] = '\0';
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (json_get(object, known[i])) {
            strcat(text, text[0] ? " " : "");
            strcat(text, known[i]);
        }
    return text;
}

// The key is there, with null.
static bool is_null(const Json *object, const char *key)
{
    Str out = { 0 };
    char want[64];
    snprintf(want, sizeof want, "\"%s\":null", key);
    bool null = json_write(object, &out, NULL) == STATUS_OK && strstr(str_text(&out), want);
    str_fini(&out);
    return null;
}

static const Json *run_at(int i)
{
    return json_at(json_get(document, "runs"), i);
}

static const Json *cell_at(int run, int cell)
{
    return json_at(json_get(run_at(run), "cells"), cell);
}

static int int_at(const Json *list, int i)
{
    return (int)json_to_int(json_at(list, i), -99);
}

static const Json *rule_of(const Json *run, const char *name)
{
    const Json *rules = json_get(run, "rules");
    for (int i = 0; i < json_length(rules); i++)
        if (strcmp(json_get_str(json_at(rules, i), "rule", ""), name) == 0)
            return json_at(rules, i);
    fail_msg("no rule %s", name);
    return NULL;
}

static void every_key_is_there(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int e = 0; e < 14; e++) {
        str_addf(&text, "epoch %d lr 2.5e-02\n", e);
        if (e != 3)
            str_addf(&text, "train_acc %d\n", 30 + e);
        str_addf(&text, "valid_acc %d\ngenotype = Genotype(normal=", 40 + e);
        add_genes(&text, e < 6 ? 0 : 6, 0);
        str_add(&text, ", normal_concat=range(2, 6), reduce=");
        add_genes(&text, 1, 2);
        str_add(&text, ", reduce_concat=range(2, 6))\n");
    }
    report(text.text);
    str_fini(&text);
    assert_string_equal(keys_of(document), "source dialect skipped_lines runs");
    assert_string_equal(json_get_str(document, "source", ""), "some/log.txt");
    assert_string_equal(json_get_str(document, "dialect", ""), "robustdarts");
    assert_int_equal(json_get_int(document, "skipped_lines", -1), 0);
    assert_int_equal(json_length(json_get(document, "runs")), 1);
    const Json *run = run_at(0), *normal = cell_at(0, 0), *reduction = cell_at(0, 1);
    assert_string_equal(keys_of(run), "name epochs complete cells train_acc valid_acc rules "
                                      "verdict cause");
    assert_int_equal(json_get_int(run, "epochs", -1), 14);
    assert_string_equal(keys_of(normal),
                        "cell genotypes skips parameter_free conv_depth genotype alarms");
    assert_string_equal(json_get_str(normal, "cell", ""), "normal");
    assert_string_equal(json_get_str(reduction, "cell", ""), "reduction");
    assert_int_equal(json_get_int(normal, "genotypes", -1), 14);
    assert_int_equal(json_length(json_get(normal, "skips")), 14);
    assert_int_equal(int_at(json_get(normal, "skips"), 13), 6);
    assert_int_equal(int_at(json_get(reduction, "parameter_free"), 13), 3);
    assert_int_equal(json_length(json_get(normal, "conv_depth")), 14);
    assert_non_null(strstr(json_get_str(normal, "genotype", ""), "Genotype(normal=["));
    const Json *train = json_get(run, "train_acc");
    assert_int_equal(json_length(train), 14);
    assert_true(near(json_to_num(json_at(train, 0), NAN), 0.30, 1e-9));
    assert_false(json_is_number(json_at(train, 3))); // null
    assert_true(near(json_to_num(json_at(json_get(run, "valid_acc"), 13), NAN), 0.53, 1e-9));
    assert_string_equal(json_get_str(run, "verdict", ""), "COLLAPSED");
    assert_string_equal(json_get_str(run, "cause", ""), "skips");
    assert_true(is_null(normal, "sgas")); // no alphas in this log
}

static void alarms_and_rules_name_the_epoch(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int e = 0; e < 14; e++) {
        str_addf(&text,
                 "epoch %d lr 2.5e-02\ntrain_acc %d\nvalid_acc %d\ngenotype = "
                 "Genotype(normal=",
                 e, 30 + e, 40 + e);
        add_genes(&text, e < 6 ? 0 : 6, 0);
        str_add(&text, ", normal_concat=range(2, 6))\n");
    }
    report(text.text);
    str_fini(&text);
    const Json *run = run_at(0), *alarms = json_get(cell_at(0, 0), "alarms");
    assert_true(json_length(alarms) > 0);
    const Json *last = json_at(alarms, json_length(alarms) - 1);
    assert_non_null(json_get_str(last, "evidence", NULL));
    assert_string_equal(json_get_str(last, "level", ""), "ALARM");
    assert_int_equal(json_get_int(last, "epoch", -1), 8); // the third epoch with six skips
    assert_int_equal(json_get_int(rule_of(run, "skips-alarm(4,+2)"), "epoch", -1), 8);
    assert_int_equal(json_get_int(rule_of(run, "skips-warn(3,+2)"), "epoch", -1), 8);
    assert_int_equal(json_get_int(rule_of(run, "darts-plus-1"), "epoch", -1), 6);
    const Json *lambda = rule_of(run, "lambda-live");
    assert_true(is_null(lambda, "epoch") && is_null(lambda, "returned"));
    assert_string_equal(json_get_str(lambda, "cell", ""), "normal");
}

// Of two edges the one that is more important, more certain and more stable has all of the score.
static void sgas_scores_stand_with_the_cell(void **state)
{
    (void)state;
    static const char text[] =
        "{\"t\":\"run\",\"v\":1,\"name\":\"x\",\"epochs\":2,\"cells\":[{\"name\":\"normal\","
        "\"inputs\":2,\"nodes\":1,\"keep\":2,\"edges\":[[0,2],[1,2]],"
        "\"ops\":[\"none\",\"max_pool_3x3\",\"skip_connect\"]}]}\n"
        "{\"t\":\"alpha\",\"epoch\":0,\"step\":1,\"cell\":\"normal\","
        "\"a\":[[0.4,0.2,0.4],[0.2,0.7,0.1]]}\n"
        "{\"t\":\"epoch\",\"epoch\":0,\"train\":{\"acc\":0.5},\"valid\":{\"acc\":0.5}}\n"
        "{\"t\":\"alpha\",\"epoch\":1,\"step\":2,\"cell\":\"normal\","
        "\"a\":[[0.5,0.3,0.2],[0.2,0.7,0.1]]}\n"
        "{\"t\":\"epoch\",\"epoch\":1,\"train\":{\"acc\":0.5},\"valid\":{\"acc\":0.5}}\n";
    read_with(&journal_reader, NULL, text, sizeof text - 1, &model);
    document = health_report_json(&model, "j");
    const Json *scores = json_get(cell_at(0, 0), "sgas");
    assert_int_equal(json_length(scores), 2);
    assert_true(near(json_to_num(json_at(scores, 0), NAN), 0, 1e-12));
    assert_true(near(json_to_num(json_at(scores, 1), NAN), 1, 1e-12));
    Str out = { 0 };
    health_report_text(&model, "j", &out);
    assert_non_null(strstr(str_text(&out), "SGAS scores edge 1>2 highest (1)"));
    str_fini(&out);
}

// Epochs are places in the lists of genotypes: also where those stand at the ends of stages only.
static void epochs_count_genotypes(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text, "P-DARTS Search Started\n");
    for (int stage = 1; stage <= 3; stage++) {
        str_addf(&text, "  Stage %d/3\n", stage);
        for (int e = 1; e <= 9; e += 4)
            str_addf(&text,
                     "S%d E  %d/9 | w_loss=6.7  a_loss=0.0  train_acc=0.2%d | val_loss=6.6  "
                     "val_acc=0.3%d | lr=0.02  skip_drop=0.01  38.7s\n",
                     stage, e, stage, stage);
        str_addf(&text, "Stage %d Genotype:\n  Normal: ", stage);
        add_genes(&text, 0, stage == 3 ? 8 : 2 * stage);
        str_add(&text, "\n  Reduce: ");
        add_genes(&text, 1, 0);
        str_addc(&text, '\n');
    }
    report(text.text);
    str_fini(&text);
    const Json *cell = cell_at(0, 0), *alarms = json_get(cell, "alarms");
    assert_int_equal(json_get_int(run_at(0), "epochs", -1), 27);
    assert_int_equal(json_length(json_get(run_at(0), "valid_acc")), 27);
    assert_int_equal(json_get_int(cell, "genotypes", -1), 3);
    assert_string_equal(json_get_str(run_at(0), "cause", ""), "parameter-free");
    assert_true(json_length(alarms) > 0);
    for (int i = 0; i < json_length(alarms); i++)
        assert_true(json_get_int(json_at(alarms, i), "epoch", -1) <= 2);
    assert_int_equal(json_get_int(json_at(alarms, json_length(alarms) - 1), "epoch", -1), 2);
}

static void a_healthy_run_has_nulls(void **state)
{
    (void)state;
    report("epoch 0 lr 2.5e-02\ntrain_acc 30\nvalid_acc 40\n"
           "genotype = Structure(4 nodes with |nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|"
           "nor_conv_1x1~0|none~1|nor_conv_3x3~2|)\n");
    const Json *run = run_at(0);
    assert_string_equal(json_get_str(cell_at(0, 0), "cell", ""), "cell");
    assert_int_equal(json_length(json_get(cell_at(0, 0), "alarms")), 0);
    assert_string_equal(json_get_str(run, "verdict", ""), "OK");
    assert_true(is_null(run, "cause"));
    static const char *const rules[] = { "skips-alarm(4,+2)", "skips-warn(3,+2)", "darts-plus-1",
                                         "lambda-live" };
    for (int i = 0; i < 4; i++) {
        assert_true(is_null(rule_of(run, rules[i]), "epoch"));
        assert_string_equal(json_get_str(rule_of(run, rules[i]), "cell", ""), "cell");
    }
}

static void what_is_no_search_is_not_among_the_runs(void **state)
{
    (void)state;
    Verdict worst;
    report("args = Namespace(arch='DARTS', auxiliary=True, epochs=600, layers=20)\n"
           "epoch 0 lr 2.5e-02\ntrain_acc 31\nvalid_acc 41\n");
    assert_int_equal(json_length(json_get(document, "runs")), 0);
    assert_int_equal(health_report_runs(&model, &worst), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tidy)
    const struct CMUnitTest tests[] = {
        TEST(every_key_is_there),
        TEST(alarms_and_rules_name_the_epoch),
        TEST(sgas_scores_stand_with_the_cell),
        TEST(epochs_count_genotypes),
        TEST(a_healthy_run_has_nulls),
        TEST(what_is_no_search_is_not_among_the_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
