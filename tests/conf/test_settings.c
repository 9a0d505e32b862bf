// SPDX-License-Identifier: MIT
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/conf/settings.h"

static void parse(Settings *s, const char *text, Status expected, Error *err)
{
    settings_default(s);
    error_clear(err);
    assert_int_equal(settings_parse(s, text, strlen(text), "t.yaml", err), expected);
}

static void defaults_are_the_published_ones(void **state)
{
    (void)state;
    Settings s;
    settings_default(&s);
    assert_int_equal(s.search.epochs, 50);
    assert_true(s.search.w.lr == 0.025 && s.search.w.lr_min == 0.001);
    assert_true(s.search.alpha.lr == 3e-4 && s.search.alpha.beta1 == 0.5);
    assert_int_equal(s.data.batch, 64);
    assert_int_equal(settings_check(&s, NULL), STATUS_OK);
}

static void every_default_lies_in_its_range(void **state)
{
    (void)state;
    int n;
    const SettingKey *keys = settings_keys(&n);
    Settings s;
    settings_default(&s);
    for (int i = 0; i < n; i++) {
        Error err = { 0 };
        if (settings_set(&s, keys[i].key, keys[i].fallback, NULL, 0, &err) != STATUS_OK)
            fail_msg("%s: %s", keys[i].key, err.msg);
    }
}

// A remedy says in the table what it does, at which cost, and which paper with which constants.
static void every_remedy_names_paper_constants_and_cost(void **state)
{
    (void)state;
    static const char *const remedies[] = {
        "search.warmup_epochs", "search.w.decay",  "search.beta_decay",   "search.dartsminus",
        "search.skip_dropout",  "search.skip_cap", "search.drop_path",    "search.sdarts_rs",
        "search.fair",          "search.partial",  "search.edge_weights", "search.noisy_skip",
        "search.oles",          "search.sgas",     "search.pt",           "search.pdarts_stages",
        "search.gdas_tau"
    };
    static const char *const costs[] = { "cost", "saves", "cheaper", "more epochs",
                                         "one dot product" };
    int n;
    const SettingKey *keys = settings_keys(&n);
    for (size_t r = 0; r < sizeof remedies / sizeof *remedies; r++) {
        const SettingKey *key = NULL;
        bool cost = false;
        for (int i = 0; i < n; i++)
            key = strcmp(keys[i].key, remedies[r]) == 0 ? &keys[i] : key;
        assert_non_null(key);
        for (size_t c = 0; c < sizeof costs / sizeof *costs; c++)
            cost = cost || strstr(key->doc, costs[c]);
        if (!cost || strlen(key->source) < 8 || strlen(key->doc) < 40)
            fail_msg("%s: '%s' [%s]", key->key, key->doc, key->source);
    }
}

static void yaml_round_trip_keeps_every_key(void **state)
{
    (void)state;
    Settings a, b;
    settings_default(&a);
    assert_int_equal(settings_assign(&a, "search.w.lr=0.1", NULL), STATUS_OK);
    assert_int_equal(settings_assign(&a, "data.path=/x \"y\": z", NULL), STATUS_OK);
    Str out = { 0 };
    Error err;
    assert_int_equal(settings_yaml(&a, &out, &err), STATUS_OK);
    settings_default(&b);
    assert_int_equal(settings_parse(&b, out.text, out.len, "run.yaml", &err), STATUS_OK);
    assert_memory_equal(&a, &b, sizeof a);
    str_fini(&out);
}

static void typo_names_file_line_and_nearest_key(void **state)
{
    (void)state;
    Settings s;
    Error err;
    char text[1024];
    parse(&s, "search:\n  epochs: 3\n  warmup_epoch: 1\n", STATUS_ARG, &err);
    error_text(&err, text, sizeof text);
    assert_non_null(strstr(text, "t.yaml:3:"));
    assert_non_null(strstr(text, "search.warmup_epochs"));
}

static void wrong_values_say_what_was_expected(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *expected;
    } cases[] = {
        { "search:\n  w:\n    lr: -1\n", "expected 0 to 100" },
        { "search:\n  epochs: many\n", "whole number" },
        { "search:\n  order: third\n", "first|second" },
        { "search:\n  epochs: 3\n  epochs: 4\n", "set twice" },
        { "search: [1, 2]\n", "list" },
        { "search:\n  w: { lr: nan }\n", "expected 0 to 100" },
        { "search: 3\n", "unknown setting" },
        { "just text\n", "section" },
        { "search: {\n", "not YAML" },
        { "search: &x\n  epochs: *x\n", "alias" },
        { "data:\n  flip: maybe\n", "true or false" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Settings s;
        Error err = { 0 };
        settings_default(&s);
        Status status = settings_parse(&s, cases[i].yaml, strlen(cases[i].yaml), "t.yaml", &err);
        assert_int_not_equal(status, STATUS_OK);
        if (!strstr(err.msg, cases[i].expected))
            fail_msg("%s gave '%s'", cases[i].yaml, err.msg);
        assert_true(err.line > 0);
    }
}

static void empty_file_changes_nothing(void **state)
{
    (void)state;
    Settings s, d;
    Error err;
    settings_default(&d);
    parse(&s, "", STATUS_OK, &err);
    assert_memory_equal(&s, &d, sizeof s);
    parse(&s, "# only a comment\n", STATUS_OK, &err);
    assert_memory_equal(&s, &d, sizeof s);
}

static void set_needs_key_and_value(void **state)
{
    (void)state;
    Settings s;
    settings_default(&s);
    Error err;
    assert_int_equal(settings_assign(&s, "search.epochs", &err), STATUS_ARG);
    assert_int_equal(settings_assign(&s, "=3", &err), STATUS_ARG);
    assert_int_equal(settings_assign(&s, "search.epochs=7", &err), STATUS_OK);
    assert_int_equal(s.search.epochs, 7);
}

static void cross_checks_name_both_keys(void **state)
{
    (void)state;
    Settings s;
    settings_default(&s);
    s.search.warmup_epochs = 50;
    Error err;
    assert_int_equal(settings_check(&s, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "search.epochs"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_published_ones),
        cmocka_unit_test(every_default_lies_in_its_range),
        cmocka_unit_test(every_remedy_names_paper_constants_and_cost),
        cmocka_unit_test(yaml_round_trip_keeps_every_key),
        cmocka_unit_test(typo_names_file_line_and_nearest_key),
        cmocka_unit_test(wrong_values_say_what_was_expected),
        cmocka_unit_test(empty_file_changes_nothing),
        cmocka_unit_test(set_needs_key_and_value),
        cmocka_unit_test(cross_checks_name_both_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
