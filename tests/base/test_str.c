// SPDX-License-Identifier: MIT
#include "tests/base/temp.h"

#include <math.h>

#include "src/base/alloc.h"
#include "src/base/str.h"

static void pieces_add_up(void **state)
{
    (void)state;
    Str s = { 0 };
    assert_string_equal(str_text(&s), "");
    str_add(&s, "ab");
    str_addc(&s, 'c');
    str_addn(&s, "defgh", 2);
    str_addf(&s, "-%d-%s", 42, "z");
    assert_string_equal(str_text(&s), "abcde-42-z");
    assert_int_equal(s.len, 10);
    str_clear(&s);
    assert_string_equal(str_text(&s), "");
    for (int i = 0; i < 5000; i++)
        str_addf(&s, "%04d", i);
    assert_int_equal(s.len, 20000);
    assert_memory_equal(s.text + 4 * 4321, "4321", 4);
    str_fini(&s);
    assert_null(s.text);
}

static void failure_sticks(void **state)
{
    (void)state;
    Str s = { 0 };
    alloc_fail_after(0);
    str_add(&s, "lost");
    alloc_fail_after(-1);
    assert_true(s.failed);
    str_add(&s, "later");
    assert_int_equal(s.len, 0);
    assert_string_equal(str_text(&s), "");
    str_fini(&s);
}

static void prefixes_and_suffixes(void **state)
{
    (void)state;
    assert_true(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("ab", "abc"));
    assert_true(str_ends("abc", "bc") && str_ends("abc", "") && !str_ends("bc", "abc"));
}

static void numbers_are_whole_texts(void **state)
{
    (void)state;
    static const char *const bad[] = { "", " ", "1x", "x", "1 2", "--1", "1e", "0x", "." };
    double d;
    int64_t i;
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        assert_false(str_to_double(bad[k], &d));
        assert_false(str_to_int(bad[k], &i));
    }
    assert_true(str_to_double("-1.5e3", &d) && d == -1500);
    assert_true(str_to_double("nan", &d) && isnan(d));
    assert_true(str_to_double("-inf", &d) && isinf(d) && d < 0);
    assert_true(str_to_int("-9223372036854775808", &i) && i == INT64_MIN);
    assert_false(str_to_int("9223372036854775808", &i));
    assert_false(str_to_int("1.5", &i));
}

static void near_names_are_found(void **state)
{
    (void)state;
    static const char *const names[] = { "epochs", "batch", "seed" };
    assert_int_equal(str_distance("kitten", "sitting"), 3);
    assert_int_equal(str_distance("", "abc"), 3);
    assert_int_equal(str_distance("same", "same"), 0);
    assert_string_equal(str_nearest("epoch", names, 3), "epochs");
    assert_string_equal(str_nearest("bacth", names, 3), "batch");
    assert_null(str_nearest("momentum", names, 3));
}

static void quantities_are_short(void **state)
{
    (void)state;
    char buf[32];
    assert_string_equal(str_bytes(0, buf, sizeof buf), "0 B");
    assert_string_equal(str_bytes(1500, buf, sizeof buf), "1.5 kB");
    assert_string_equal(str_bytes(25e6, buf, sizeof buf), "25 MB");
    assert_string_equal(str_duration(1.25, buf, sizeof buf), "1.2s");
    assert_string_equal(str_duration(200, buf, sizeof buf), "3m20s");
    assert_string_equal(str_duration(7260, buf, sizeof buf), "2h01m");
    assert_string_equal(str_duration(NAN, buf, sizeof buf), "-");
    assert_string_equal(str_count(12, buf, sizeof buf), "12");
    assert_string_equal(str_count(456000, buf, sizeof buf), "456 k");
    assert_string_equal(str_count(1930000, buf, sizeof buf), "1.93 M");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_add_up),         cmocka_unit_test(failure_sticks),
        cmocka_unit_test(prefixes_and_suffixes), cmocka_unit_test(numbers_are_whole_texts),
        cmocka_unit_test(near_names_are_found),  cmocka_unit_test(quantities_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
