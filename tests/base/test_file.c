// SPDX-License-Identifier: MIT
#include "tests/base/temp.h"

#include <sys/stat.h>
#include <unistd.h>

#include "src/base/alloc.h"

static void what_was_written_is_read(void **state)
{
    (void)state;
    const char *path = temp_path("a");
    char *text, bytes[200000];
    size_t len;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31);
    assert_int_equal(file_write_atomic(path, bytes, sizeof bytes, NULL), STATUS_OK);
    assert_int_equal(file_read(path, 1 << 20, &text, &len, NULL), STATUS_OK);
    assert_int_equal(len, sizeof bytes);
    assert_memory_equal(text, bytes, len);
    assert_int_equal(text[len], 0);
    mem_free(text);
    assert_int_equal(file_write_atomic(path, "new", 3, NULL), STATUS_OK); // replaces
    assert_int_equal(file_read(path, 3, &text, &len, NULL), STATUS_OK);
    assert_string_equal(text, "new");
    mem_free(text);
    assert_false(file_exists(temp_path("a.tmp")));
}

static void a_limit_is_a_limit(void **state)
{
    (void)state;
    char *text;
    Error err = { 0 };
    assert_int_equal(file_write_atomic(temp_path("b"), "12345", 5, NULL), STATUS_OK);
    assert_int_equal(file_read(temp_path("b"), 4, &text, NULL, &err), STATUS_PARSE);
    assert_null(text);
    assert_non_null(strstr(err.msg, "larger than 4 bytes"));
}

static void failures_name_the_file(void **state)
{
    (void)state;
    char *text;
    Error err = { 0 };
    assert_int_equal(file_read(temp_path("none"), 9, &text, NULL, &err), STATUS_IO);
    assert_non_null(strstr(err.msg, "none"));
    assert_int_equal(file_write_atomic(temp_path("no/dir"), "x", 1, &err), STATUS_IO);
    assert_non_null(strstr(err.msg, "no/dir"));
    assert_int_equal(file_read(temp_dir, 9, &text, NULL, &err), STATUS_IO);
    assert_int_equal(file_write_atomic(temp_path("c"), "x", 1, NULL), STATUS_OK);
    assert_int_equal(file_mkdirs(temp_path("c/d"), &err), STATUS_IO);
}

static void trees_are_made_and_removed(void **state)
{
    (void)state;
    assert_int_equal(file_mkdirs(temp_path("x/y/z"), NULL), STATUS_OK);
    assert_int_equal(file_mkdirs(temp_path("x/y/z"), NULL), STATUS_OK);
    assert_true(file_is_dir(temp_path("x/y/z")) && !file_is_dir(temp_path("x/y/none")));
    assert_int_equal(file_write_atomic(temp_path("x/y/f"), "1", 1, NULL), STATUS_OK);
    assert_int_equal(file_write_atomic(temp_path("kept"), "1", 1, NULL), STATUS_OK);
    // A link is removed, what it points to is not.
    assert_int_equal(symlink(temp_path("kept"), temp_path("x/link")), 0);
    assert_int_equal(file_remove_tree(temp_path("x"), NULL), STATUS_OK);
    assert_false(file_exists(temp_path("x")));
    assert_true(file_exists(temp_path("kept")));
    assert_int_equal(file_remove_tree(temp_path("x"), NULL), STATUS_IO);
}

static void the_environment_names_the_share_directory(void **state)
{
    (void)state;
    setenv("DARTBOARD_SHARE", "/some/where", 1);
    assert_string_equal(file_share_dir(), "/some/where");
    unsetenv("DARTBOARD_SHARE");
    assert_non_null(file_share_dir());
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    static char bytes[300000];
    int n = 0;
    assert_int_equal(file_write_atomic(temp_path("m"), bytes, sizeof bytes, NULL), STATUS_OK);
    for (Status status = STATUS_NOMEM; status != STATUS_OK; n++) {
        char *text;
        alloc_fail_after(n);
        status = file_read(temp_path("m"), 1 << 20, &text, NULL, NULL);
        alloc_fail_after(-1);
        assert_true(status == STATUS_OK || (status == STATUS_NOMEM && !text));
        mem_free(text);
    }
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_limit_is_a_limit),
        cmocka_unit_test(failures_name_the_file),
        cmocka_unit_test(trees_are_made_and_removed),
        cmocka_unit_test(the_environment_names_the_share_directory),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
