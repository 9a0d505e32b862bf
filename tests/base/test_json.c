// SPDX-License-Identifier: MIT
#include "tests/base/temp.h"

#include <math.h>

#include "src/base/json.h"
#include "src/base/rng.h"

static Json *parse(const char *text)
{
    Error err = { 0 };
    Json *j = json_parse(text, strlen(text), &err);
    if (!j)
        fail_msg("%s: %s", text, err.msg);
    return j;
}

static void documents_are_built_and_written(void **state)
{
    (void)state;
    Json *o = json_new_object(), *a = json_new_array();
    Str s = { 0 };
    json_put_str(o, "name", "a \"quoted\" / path");
    json_put_int(o, "big", INT64_MAX);
    json_put_bool(o, "yes", true);
    json_put_num(o, "x", 0.1);
    json_add(a, json_new_f32(0.1f));
    json_add(a, json_new_num(NAN));
    json_add(a, json_new_num(-INFINITY));
    json_add(a, json_new_null());
    json_put(o, "list", a);
    assert_int_equal(json_write(o, &s, NULL), STATUS_OK);
    assert_string_equal(s.text, "{\"name\":\"a \\\"quoted\\\" / path\",\"big\":9223372036854775807,"
                                "\"yes\":true,\"x\":0.1,\"list\":[0.1,\"nan\",\"-inf\",null]}");
    json_free(o);
    str_fini(&s);
}

static void numbers_read_back_exactly(void **state)
{
    (void)state;
    Rng rng = rng_new(1);
    for (int i = 0; i < 3000; i++) {
        uint64_t bits = rng_u64(&rng);
        double d, back;
        float f;
        memcpy(&d, &bits, sizeof d);
        memcpy(&f, &bits, sizeof f);
        Json *j[2] = { json_new_num(d), json_new_f32(f) };
        for (int k = 0; k < 2; k++) {
            Str s = { 0 };
            assert_int_equal(json_write(j[k], &s, NULL), STATUS_OK);
            Json *again = parse(s.text);
            back = json_to_num(again, 0);
            assert_true(k ? (float)back == f || isnan(f) : back == d || isnan(d));
            json_free(again);
            json_free(j[k]);
            str_fini(&s);
        }
    }
}

static void pythons_numbers_are_read(void **state)
{
    (void)state;
    Json *j = parse("[NaN, Infinity, -Infinity, \"nan\", \"inf\", \"-inf\", 1e3, -5]");
    assert_true(isnan(json_to_num(json_at(j, 0), 0)) && isnan(json_to_num(json_at(j, 3), 0)));
    assert_true(json_to_num(json_at(j, 1), 0) > 1e308 && json_to_num(json_at(j, 4), 0) > 1e308);
    assert_true(json_to_num(json_at(j, 2), 0) < -1e308 && json_to_num(json_at(j, 5), 0) < -1e308);
    assert_int_equal(json_to_int(json_at(j, 6), 0), 1000);
    assert_int_equal(json_to_int(json_at(j, 7), 0), -5);
    json_free(j);
}

static void wrong_kinds_give_the_fallback(void **state)
{
    (void)state;
    Json *j = parse("{\"s\":\"x\",\"n\":1,\"a\":[1],\"z\":null}");
    assert_true(json_get_num(j, "s", 7) == 7 && json_get_num(j, "none", 7) == 7);
    assert_string_equal(json_get_str(j, "n", "f"), "f");
    assert_int_equal(json_get_int(j, "a", 3), 3);
    assert_null(json_get(j, "z"));
    assert_null(json_get(json_get(j, "s"), "deeper"));
    assert_int_equal(json_length(json_get(j, "s")), 0);
    assert_null(json_at(json_get(j, "a"), 1));
    assert_null(json_at(json_get(j, "a"), -1));
    assert_true(json_is_array(json_get(j, "a")) && json_is_object(j) && !json_is_number(j));
    json_free(j);
}

static bool visit(void *self, const char *key, const Json *value)
{
    (void)value;
    str_add(self, key);
    return key[0] != 'c';
}

static void members_are_visited_in_order(void **state)
{
    (void)state;
    Str s = { 0 };
    Json *j = parse("{\"b\":1,\"a\":2,\"c\":3,\"d\":4}");
    json_each(j, visit, &s);
    assert_string_equal(s.text, "bac");
    json_free(j);
    str_fini(&s);
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "",      "{",     "{\"a\":1", "[1,2", "{\"a\" 1}",
                                       "{} {}", "[1] x", "\"open",   "tru",  "[1,]x" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Error err = { 0 };
        if (json_parse(bad[i], strlen(bad[i]), &err))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(err.code, STATUS_PARSE);
    }
    char deep[400];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    assert_null(json_parse(deep, sizeof deep, NULL));
}

static void blanks_around_are_fine(void **state)
{
    (void)state;
    json_free(parse(" {\"a\" : [ ] } \n"));
    Json *j = parse("17");
    assert_int_equal(json_to_int(j, 0), 17);
    json_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_built_and_written),
        cmocka_unit_test(numbers_read_back_exactly),
        cmocka_unit_test(pythons_numbers_are_read),
        cmocka_unit_test(wrong_kinds_give_the_fallback),
        cmocka_unit_test(members_are_visited_in_order),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(blanks_around_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
