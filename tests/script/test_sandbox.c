// SPDX-License-Identifier: MIT
#include "tests/script/made.h"

// Fails within the limits, with the script's name and this line.
static void expect_guarded(const char *text, int line, const char *part)
{
    Space *space = NULL;
    Error err = { 0 };
    ScriptOptions options = { .seconds = 1 };
    write_file("space.lua", text);
    Status status = script_load_space_guarded(script_path, &options, &space, &err);
    if (status != STATUS_SCRIPT || !strstr(err.msg, part) || strcmp(err.where, script_path) != 0 ||
        err.line != line || space) {
        char got[1024];
        fail_msg("expected line %d: %s\ngot status %d: %s", line, part, (int)status,
                 error_text(&err, got, sizeof got));
    }
}

static void an_empty_script_says_what_is_missing(void **state)
{
    (void)state;
    expect_error("", 1, "must end with: return nas.cells");
    expect_error("\n\nreturn 5\n", 3, "returns a number; it must return what nas.cells");
    expect_error("return {}", 1, "returns a table");
    expect_error("return require('nas')", 1, "returns a table");
}

static void a_missing_script_is_named(void **state)
{
    (void)state;
    Space *space;
    Error err = { 0 };
    assert_int_equal(script_load_space("/nowhere/at/all.lua", NULL, &space, &err), STATUS_IO);
    assert_non_null(strstr(err.msg, "/nowhere/at/all.lua"));
    assert_int_equal(script_load_space(script_dir, NULL, &space, &err), STATUS_IO);
}

static void syntax_and_run_time_errors_have_their_line(void **state)
{
    (void)state;
    expect_error("local x = 1\nlocal y = = 2\n", 2, "unexpected symbol near '='");
    expect_error("local x = nil\n\nreturn x.y\n", 3, "index a nil value");
    expect_error("\nerror('my own words')\n", 2, "my own words");
    expect_error("\nerror({})\n", 2, "error object is a table");
    expect_error("\nerror(nil)\n", 2, "error object is a nil");
    expect_error("error('deep', 0)", 1, "deep");
    expect_error("local f\nf = function() return 1 + f() end\nf()\n", 2, "needs more than 64 MB");
}

static void endless_loops_end(void **state)
{
    (void)state;
    expect_error("local n = 0\nwhile true do\n  n = n + 1\nend\n", 3, "without end");
    expect_error("while true do end", 1, "without end");
    expect_error("while true do\n  pcall(function() while true do end end)\nend\n", 2,
                 "without end");
    expect_error("local function f() return pcall(f) end while true do pcall(f) end\n", 1,
                 "without end");
    expect_error("::a:: goto a", 1, "without end");
    expect_error("local t <close> = setmetatable({}, { __close = function() while true do end end "
                 "})\nwhile true do end",
                 2, "without end");
}

// For scripts that end by another limit than time, on a slow machine too.
static int patient(void **state)
{
    (void)state;
    script_seconds = 300;
    return 0;
}

static int impatient(void **state)
{
    (void)state;
    script_seconds = 0;
    return 0;
}

static void memory_is_limited(void **state)
{
    (void)state;
    expect_error("local s = string.rep('x', 1 << 32)", 1, "more than 64 MB of memory");
    expect_error("local s = string.rep('x', 1 << 30)", 1, "more than 64 MB of memory");
    expect_error("local t = {}\nfor i = 1, 1e9 do\n  t[i] = { i }\nend\n", 3,
                 "more than 64 MB of memory");
    expect_error("local s = 'x'\nwhile true do\n  s = s .. s\nend\n", 3,
                 "more than 64 MB of memory");
    expect_error("local s = ('x'):rep(1e6)\nlocal t = s:gsub('x', s)\n", 2,
                 "more than 64 MB of memory");
}

static void long_library_calls_are_killed(void **state)
{
    (void)state;
    expect_guarded("local s = ('a'):rep(400)\n"
                   "return s:find('.-.-.-.-.-b')\n",
                   2, "stopped after 1 s inside a library function");
    expect_guarded("\nlocal x = string.rep('', 1 << 62)\n", 2, "stopped after 1 s");
    expect_guarded("\n\ntable.move({}, 1, 1 << 60, 2)\n", 3, "stopped after 1 s");
}

static void a_guarded_load_tells_the_same_errors(void **state)
{
    (void)state;
    expect_guarded("local x = = 1", 1, "unexpected symbol");
    expect_guarded("while true do end", 1, "without end");
    Space *space;
    write_file("space.lua", SOUND);
    assert_int_equal(script_load_space_guarded(script_path, NULL, &space, NULL), STATUS_OK);
    space_free(space);
}

static void nothing_reaches_outside(void **state)
{
    (void)state;
    expect_error("io.open('/etc/passwd')", 1, "global 'io'");
    expect_error("os.exit()", 1, "global 'os'");
    expect_error("debug.sethook()", 1, "global 'debug'");
    expect_error("coroutine.wrap(print)()", 1, "global 'coroutine'");
    expect_error("package.loadlib()", 1, "global 'package'");
    expect_error("load('return 1')()", 1, "global 'load'");
    expect_error("loadfile('x')", 1, "global 'loadfile'");
    expect_error("dofile('x')", 1, "global 'dofile'");
    expect_error("collectgarbage()", 1, "global 'collectgarbage'");
    expect_error("string.dump(print)", 1, "field 'dump'");
    expect_error("setmetatable({}, { __gc = function() while true do end end })", 1, "__gc");
    expect_error("require '../../etc/passwd'", 1, "not found");
    expect_error("\nrequire 'nowhere'", 2, "module 'nowhere' not found");
    expect_error("math.randomseed()", 1, "needs a number");
    expect_error("\x1bLua", 1, "");
}

static void modules_cannot_require_each_other_for_ever(void **state)
{
    (void)state;
    write_file("loop.lua", "return require 'loop'");
    Space *space;
    Error err;
    assert_int_equal(load_text("require 'loop'", &space, &err), STATUS_SCRIPT);
    assert_non_null(strstr(err.msg, "requires itself"));
    assert_non_null(strstr(err.where, "loop.lua"));
}

static void errors_in_modules_name_the_module(void **state)
{
    (void)state;
    write_file("broken.lua", "\n\nlocal x = = 1\n");
    Space *space;
    Error err;
    assert_int_equal(load_text("require 'broken'", &space, &err), STATUS_SCRIPT);
    assert_non_null(strstr(err.where, "broken.lua"));
    assert_int_equal(err.line, 3);
}

static void long_paths_are_shown_in_full(void **state)
{
    (void)state;
    char dir[256], path[320], name[] = "a-directory-with-a-very-long-name-so-that-lua-would-cut-it";
    snprintf(dir, sizeof dir, "%s/%s", script_dir, name);
    snprintf(path, sizeof path, "%s/space.lua", dir);
    assert_int_equal(file_mkdirs(dir, NULL), STATUS_OK);
    assert_int_equal(file_write_atomic(path, "\nerror('x')", 11, NULL), STATUS_OK);
    Space *space;
    Error err = { 0 };
    assert_int_equal(script_load_space(path, NULL, &space, &err), STATUS_SCRIPT);
    assert_string_equal(err.where, path);
    assert_int_equal(err.line, 2);
    assert_string_equal(err.msg, "x");
}

static void print_cannot_flood(void **state)
{
    (void)state;
    Space *space;
    ScriptOptions options = { .quiet = true, .seconds = 300 };
    write_file("space.lua", "for i = 1, 100000 do print(('x'):rep(1000)) end\n" SOUND);
    assert_int_equal(script_load_space(script_path, &options, &space, NULL), STATUS_OK);
    space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_script_says_what_is_missing),
        cmocka_unit_test(a_missing_script_is_named),
        cmocka_unit_test(syntax_and_run_time_errors_have_their_line),
        cmocka_unit_test(endless_loops_end),
        cmocka_unit_test_setup_teardown(memory_is_limited, patient, impatient),
        cmocka_unit_test(long_library_calls_are_killed),
        cmocka_unit_test(a_guarded_load_tells_the_same_errors),
        cmocka_unit_test(nothing_reaches_outside),
        cmocka_unit_test(modules_cannot_require_each_other_for_ever),
        cmocka_unit_test(errors_in_modules_name_the_module),
        cmocka_unit_test(long_paths_are_shown_in_full),
        cmocka_unit_test(print_cannot_flood),
    };
    return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
