// SPDX-License-Identifier: MIT
#include "tests/script/made.h"

static const ScriptMetrics metrics = { .accuracy = 0.9, .loss = 0.5, .params = 2000, .macs = 7000 };

static ScriptObjective *open_with(const char *more)
{
    char text[4096];
    ScriptObjective *o;
    Error err = { 0 };
    ScriptOptions options = { .seconds = 1 };
    snprintf(text, sizeof text, "%s%s}\n",
             SOUND_HEAD "return nas.cells {\n"
                        "  name = 'tiny', input = { channels = 1, height = 8, width = 8 },\n"
                        "  classes = 10, cell = { " SOUND_CELL " }, net = { " SOUND_NET " },\n",
             more);
    write_file("space.lua", text);
    if (script_objective_open(script_path, &options, &o, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return o;
}

static int latency_calls;

static Status latency(void *self, double *ms, Error *err)
{
    latency_calls++;
    if (!self)
        return error_set(err, STATUS_NUMERIC, "no clock");
    *ms = *(double *)self;
    return STATUS_OK;
}

static void without_a_function_the_metrics_are_the_values(void **state)
{
    (void)state;
    double values[8];
    ScriptObjective *o = open_with("");
    assert_int_equal(script_objective_count(o), 1);
    assert_int_equal(script_objective_call(o, &metrics, NULL, values, NULL), STATUS_OK);
    assert_true(values[0] == 0.9);
    script_objective_free(o);
    o = open_with("  directions = { params = 'minimize', accuracy = 'maximize' },\n");
    assert_int_equal(script_objective_call(o, &metrics, NULL, values, NULL), STATUS_OK);
    assert_true(values[0] == 0.9 && values[1] == 2000);
    script_objective_free(o);
}

static void a_function_gives_a_number_or_named_numbers(void **state)
{
    (void)state;
    double values[8];
    ScriptObjective *o =
        open_with("  objective = function(m) return m.accuracy - m.params / 1e4 end,\n");
    assert_int_equal(script_objective_call(o, &metrics, NULL, values, NULL), STATUS_OK);
    assert_true(values[0] > 0.699 && values[0] < 0.701);
    script_objective_free(o);
    o = open_with("  directions = { size = 'minimize', acc = 'maximize' },\n"
                  "  objective = function(m) return { acc = m.accuracy, size = m.macs } end,\n");
    assert_int_equal(script_objective_call(o, &metrics, NULL, values, NULL), STATUS_OK);
    assert_true(values[0] == 0.9 && values[1] == 7000);
    script_objective_free(o);
}

static void latency_is_measured_when_it_is_read(void **state)
{
    (void)state;
    double values[8], ms = 12.5;
    ScriptHost host = { &ms, latency };
    ScriptObjective *o = open_with("  objective = function(m) return m.accuracy end,\n");
    latency_calls = 0;
    assert_int_equal(script_objective_call(o, &metrics, &host, values, NULL), STATUS_OK);
    assert_int_equal(latency_calls, 0);
    script_objective_free(o);
    o = open_with("  objective = function(m) return m.latency_ms + m.latency_ms end,\n");
    assert_int_equal(script_objective_call(o, &metrics, &host, values, NULL), STATUS_OK);
    assert_int_equal(latency_calls, 1);
    assert_true(values[0] == 25);
    host.self = NULL;
    Error err = { 0 };
    assert_int_equal(script_objective_call(o, &metrics, &host, values, &err), STATUS_SCRIPT);
    assert_non_null(strstr(err.msg, "no clock"));
    assert_int_equal(err.line, 5);
    script_objective_free(o);
}

static void expect_call_error(const char *more, int line, const char *part)
{
    double values[8];
    Error err = { 0 };
    ScriptObjective *o = open_with(more);
    assert_int_equal(script_objective_call(o, &metrics, NULL, values, &err), STATUS_SCRIPT);
    if (!strstr(err.msg, part) || err.line != line || strcmp(err.where, script_path) != 0) {
        char got[1024];
        fail_msg("expected line %d: %s\ngot %s", line, part, error_text(&err, got, sizeof got));
    }
    script_objective_free(o);
}

static void mistakes_have_their_line(void **state)
{
    (void)state;
    expect_call_error("  objective = function(m)\n    return m.acuracy\n  end,\n", 6,
                      "have no 'acuracy'");
    expect_call_error("  objective = function() return 'good' end,\n", 5,
                      "returned a string; expected a number");
    expect_call_error("  directions = { a = 'maximize', b = 'minimize' },\n"
                      "  objective = function() return { a = 1 } end,\n",
                      6, "returned no number 'b'");
    expect_call_error("  directions = { a = 'maximize', b = 'minimize' },\n"
                      "  objective = function() return 1 end,\n",
                      6, "a table with the 2 directions");
}

static void a_call_that_hangs_is_stopped(void **state)
{
    (void)state;
    expect_call_error("  objective = function()\n    while true do end\n  end,\n", 6,
                      "without end");
    expect_call_error("  objective = function()\n"
                      "    return (('a'):rep(400)):find('.-.-.-.-.-b')\n  end,\n",
                      5, "objective stopped after 1 s");
}

static void calls_do_not_change_the_script(void **state)
{
    (void)state;
    double values[8];
    ScriptObjective *o = open_with("  objective = function()\n"
                                   "    count = (count or 0) + 1\n    return count\n  end,\n");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(script_objective_call(o, &metrics, NULL, values, NULL), STATUS_OK);
        assert_true(values[0] == 1);
    }
    script_objective_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_function_the_metrics_are_the_values),
        cmocka_unit_test(a_function_gives_a_number_or_named_numbers),
        cmocka_unit_test(latency_is_measured_when_it_is_read),
        cmocka_unit_test(mistakes_have_their_line),
        cmocka_unit_test(a_call_that_hangs_is_stopped),
        cmocka_unit_test(calls_do_not_change_the_script),
    };
    return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
