// SPDX-License-Identifier: MIT
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <curses.h>

#include "ui/term/keys.h"
#include "ui/term/term.h"

// Keys and tiers; curses' terminal is /dev/null, keys come through a pipe.

static FILE *null_out, *keys_in;
static int keys_out; // bytes written here are typed

static int start(void **state)
{
    (void)state;
    if (!setlocale(LC_ALL, "C.UTF-8"))
        return -1;
    null_out = fopen("/dev/null", "w");
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    keys_in = fdopen(ends[0], "r");
    keys_out = ends[1];
    SCREEN *screen = newterm("xterm-256color", null_out, keys_in);
    *state = screen;
    if (screen)
        keys_start();
    return screen ? 0 : -1;
}

static int stop(void **state)
{
    endwin();
    delscreen(*state);
    fclose(null_out);
    fclose(keys_in);
    close(keys_out);
    return 0;
}

static void a_key_is_one_key_in_whatever_form_it_comes(void **state)
{
    (void)state;
    enum { MOST = 6 };
    static const struct {
        const char *bytes;
        int keys[MOST]; // 0 ends them
    } cases[] = {
        { "a]", { 'a', ']' } },
        { "\033[F\033OF\033[4~\033[8~", { TKEY_END, TKEY_END, TKEY_END, TKEY_END } },
        { "\033[H\033OH\033[1~\033[7~", { TKEY_HOME, TKEY_HOME, TKEY_HOME, TKEY_HOME } },
        { "\033[A\033OA\033[B\033OB", { TKEY_UP, TKEY_UP, TKEY_DOWN, TKEY_DOWN } },
        { "\033[5~\033[6~\033[Z", { TKEY_PAGE_UP, TKEY_PAGE_DOWN, TKEY_BACKTAB } },
        { "\033OP\033[[A\033[11~", { TKEY_F1, TKEY_F1, TKEY_F1 } },
        { "\033", { 27 } },
        { "\0331", { 27, '1' } }, // Alt-1 is Esc and 1
        { "\033\033OP", { 27, TKEY_F1 } },
        { "\033[1;5Cx", { 'x' } },      // Ctrl-Right: no key of ours, nor are its letters
        { "\033[15~\033[Ix", { 'x' } }, // F5, a focus report
        { "\033OSx", { 'x' } },         // F4
        { "\033[", { 27, '[' } },
        { "\r\n\177\b", { TKEY_ENTER, TKEY_ENTER, TKEY_BACKSPACE, TKEY_BACKSPACE } },
        { "é", { 0xE9 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].bytes);
        assert_int_equal(write(keys_out, cases[i].bytes, n), n);
        for (int k = 0; k < MOST && cases[i].keys[k]; k++)
            assert_int_equal(term_key(), cases[i].keys[k]);
        assert_int_equal(term_key(), TKEY_NONE);
    }
}

static void set(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void tiers_follow_locale_terminal_and_wishes(void **state)
{
    (void)state;
    static const struct {
        const char *term, *no_color, *locale, *glyphs, *color;
        GlyphTier want_glyphs;
        ColorTier want_color;
    } cases[] = {
        { "xterm-256color", NULL, "C.UTF-8", NULL, NULL, GLYPHS_BRAILLE, COLOR_256 },
        { "xterm", NULL, "C.UTF-8", "auto", "auto", GLYPHS_BRAILLE, COLOR_16 },
        { "xterm-256color", "1", "C.UTF-8", "block", NULL, GLYPHS_BLOCK, COLOR_MONO },
        { "xterm-256color", "", "C.UTF-8", "ascii", NULL, GLYPHS_ASCII, COLOR_256 },
        { "xterm-256color", "1", "C.UTF-8", NULL, "always", GLYPHS_BRAILLE, COLOR_256 },
        { "xterm-256color", NULL, "C", NULL, "never", GLYPHS_ASCII, COLOR_MONO },
        { "linux", NULL, "C.UTF-8", NULL, NULL, GLYPHS_ASCII, COLOR_16 },
        { "vt220", NULL, "C.UTF-8", NULL, NULL, GLYPHS_BRAILLE, COLOR_MONO },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Error err;
        GlyphTier glyphs;
        ColorTier color;
        set("TERM", cases[i].term);
        set("NO_COLOR", cases[i].no_color);
        set("COLORTERM", NULL);
        setlocale(LC_ALL, cases[i].locale);
        TermOptions o = { .glyphs = cases[i].glyphs, .color = cases[i].color };
        assert_int_equal(term_tiers(&o, &glyphs, &color, &err), STATUS_OK);
        assert_int_equal(glyphs, cases[i].want_glyphs);
        assert_int_equal(color, cases[i].want_color);
    }
    setlocale(LC_ALL, "C.UTF-8");
}

static void wishes_that_cannot_be_are_refused_with_a_way_out(void **state)
{
    (void)state;
    static const struct {
        TermOptions options;
        const char *locale, *says;
    } cases[] = {
        { { .glyphs = "fancy" }, "C.UTF-8", "braille, block, ascii or auto" },
        { { .glyphs = "braille" }, "C", "LC_ALL=C.UTF-8" },
        { { .color = "red" }, "C.UTF-8", "auto, always or never" },
        { { .theme = "pink" }, "C.UTF-8", "dark or light" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Error err;
        GlyphTier glyphs;
        ColorTier color;
        setlocale(LC_ALL, cases[i].locale);
        assert_int_equal(term_tiers(&cases[i].options, &glyphs, &color, &err), STATUS_ARG);
        assert_non_null(strstr(err.msg, cases[i].says));
    }
    setlocale(LC_ALL, "C.UTF-8");
}

static void without_a_terminal_it_does_not_start(void **state)
{
    (void)state;
    Error err;
    int in = dup(STDIN_FILENO);
    assert_non_null(freopen("/dev/null", "r", stdin));
    TermOptions o = { 0 };
    assert_int_equal(term_start(&o, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "--plain"));
    dup2(in, STDIN_FILENO);
    close(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_one_key_in_whatever_form_it_comes),
        cmocka_unit_test(tiers_follow_locale_terminal_and_wishes),
        cmocka_unit_test(wishes_that_cannot_be_are_refused_with_a_way_out),
        cmocka_unit_test(without_a_terminal_it_does_not_start),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
