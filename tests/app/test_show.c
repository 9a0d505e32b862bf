// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ui/app/show.h"
#include "ui/app/show_print.h"

// Runs show with standard output and error in files; text must be freed.
static int show(char **text, int argc, const char *const *argv)
{
    fflush(stdout);
    FILE *file = tmpfile();
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    assert_non_null(file);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    char *args[16];
    for (int i = 0; i < argc; i++)
        args[i] = (char *)argv[i];
    int code = show_main(argc, args);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    *text = calloc(1, (size_t)size + 1);
    assert_int_equal(fread(*text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return code;
}

#define SHOW(text, ...)                                                                            \
    show(text, sizeof((const char *[]){ "show", __VA_ARGS__ }) / sizeof(char *),                   \
         (const char *[]){ "show", __VA_ARGS__ })

static void a_pane_of_a_journal_is_printed(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(SHOW(&text, "overview", "tests/runs/collapse.jsonl", "--glyphs=ascii"), 0);
    assert_non_null(strstr(text, "COLLAPSED"));
    assert_null(strchr(text, '\033'));
    free(text);
}

static void an_epoch_chooses_the_state_shown(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(SHOW(&text, "cell", "tests/runs/collapse.jsonl", "--epoch", "3"), 0);
    assert_non_null(strstr(text, "epoch 3 "));
    free(text);
}

static void wrong_use_says_what_is_right_and_exits_with_2(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *c, *d, *says;
    } cases[] = {
        { "overveiw", "x", "--width", "80", "no such pane: 'overveiw'" },
        { "overview", "no-such-run", "--width", "80", "no run, journal or log 'no-such-run'" },
        { "overview", "tests/runs/nb201.jsonl", "--width", "0", "from 1 to 1000" },
        { "overview", "tests/runs/nb201.jsonl", "--wdith", "80", "unknown option '--wdith'" },
        { "overview", "tests/runs/nb201.jsonl", "--glyphs", "tiny", "braille, block, ascii" },
        { "cell", "tests/runs/nb201.jsonl", "--cell", "normal", "no cell 'normal'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text;
        assert_int_equal(SHOW(&text, cases[i].a, cases[i].b, cases[i].c, cases[i].d), 2);
        if (!strstr(text, cases[i].says))
            fail_msg("'%s' does not say '%s'", text, cases[i].says);
        free(text);
    }
}

static void csv_is_data_and_nothing_else(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(SHOW(&text, "trials", "tests/runs/trials.jsonl", "--csv"), 0);
    assert_true(strncmp(text, "number,state,front,seconds,accuracy,params,arch\n", 48) == 0);
    free(text);
}

static void colours_are_escapes_that_end(void **state)
{
    (void)state;
    Grid g = { 0 };
    char *text;
    size_t len;
    assert_true(grid_resize(&g, 3, 8));
    grid_text(&g, 0, 0, -1, ROLE_BAD, ATTR_BOLD, "bad");
    FILE *out = open_memstream(&text, &len);
    assert_true(show_print(&g, true, false, out));
    fclose(out);
    assert_string_equal(text, "\033[0;1;38;5;203mbad\033[0m\n"); // and no empty rows below
    free(text);
    grid_fini(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pane_of_a_journal_is_printed),
        cmocka_unit_test(an_epoch_chooses_the_state_shown),
        cmocka_unit_test(wrong_use_says_what_is_right_and_exits_with_2),
        cmocka_unit_test(csv_is_data_and_nothing_else),
        cmocka_unit_test(colours_are_escapes_that_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
