// SPDX-License-Identifier: MIT
#include "tests/base/temp.h"

#include <errno.h>

#include "src/base/err.h"

static void set_fills_and_returns_the_code(void **state)
{
    (void)state;
    Error err;
    memset(&err, 0x55, sizeof err);
    assert_int_equal(error_set(&err, STATUS_PARSE, "edge %d", 3), STATUS_PARSE);
    assert_int_equal(err.code, STATUS_PARSE);
    assert_string_equal(err.msg, "edge 3");
    assert_int_equal(err.line, 0);
    assert_int_equal(err.sys_errno, 0);
    assert_string_equal(err.where, "");
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, STATUS_ARG, "x"), STATUS_ARG);
    assert_int_equal(error_errno(NULL, "x"), STATUS_IO);
    assert_int_equal(error_at(NULL, STATUS_SCRIPT, "f", 1, "x"), STATUS_SCRIPT);
    error_wrap(NULL, "x");
    error_clear(NULL);
}

static void errno_is_kept_and_spelled_out(void **state)
{
    (void)state;
    Error err;
    errno = ENOENT;
    assert_int_equal(error_errno(&err, "cannot open %s", "x"), STATUS_IO);
    assert_int_equal(err.sys_errno, ENOENT);
    assert_string_equal(err.msg, "cannot open x: No such file or directory");
}

static void wrap_puts_the_context_in_front(void **state)
{
    (void)state;
    Error err;
    error_at(&err, STATUS_SCRIPT, "a.lua", 7, "boom");
    assert_int_equal(error_wrap(&err, "space %s", "s"), STATUS_SCRIPT);
    assert_string_equal(err.msg, "space s: boom");
    assert_int_equal(err.line, 7);
}

static void text_names_the_users_file_and_line(void **state)
{
    (void)state;
    Error err;
    char buf[64];
    error_at(&err, STATUS_PARSE, "a.lua", 7, "boom");
    assert_string_equal(error_text(&err, buf, sizeof buf), "a.lua:7: boom");
    err.line = 0;
    assert_string_equal(error_text(&err, buf, sizeof buf), "a.lua: boom");
    err.where[0] = '\0';
    assert_string_equal(error_text(&err, buf, sizeof buf), "boom");
}

static void long_messages_are_cut_not_overrun(void **state)
{
    (void)state;
    Error err;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_at(&err, STATUS_PARSE, text, 1, "%s", text);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    assert_int_equal(strlen(err.where), sizeof err.where - 1);
    error_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    errno = EIO;
    error_errno(&err, "%s", text);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_and_returns_the_code),
        cmocka_unit_test(nobody_has_to_listen),
        cmocka_unit_test(errno_is_kept_and_spelled_out),
        cmocka_unit_test(wrap_puts_the_context_in_front),
        cmocka_unit_test(text_names_the_users_file_and_line),
        cmocka_unit_test(long_messages_are_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
