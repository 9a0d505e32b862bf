// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/rng.h"
#include "ui/app/prompt.h"
#include "ui/draw/utf8.h"
#include "ui/term/term.h"

static Prompt *fresh(PromptKind kind, const char *text)
{
    static Prompt p;
    memset(&p, 0, sizeof p);
    prompt_open(&p, kind, ":", text);
    return &p;
}

static void type(Prompt *p, const char *text)
{
    for (uint32_t ch; (ch = utf8_next(&text)) != 0;)
        assert_int_equal(prompt_key(p, (int)ch), PROMPT_EDITING);
}

static void letters_go_where_the_cursor_is(void **state)
{
    (void)state;
    Prompt *p = fresh(PROMPT_COMMAND, "");
    type(p, "viw");
    prompt_key(p, TKEY_LEFT);
    type(p, "e");
    assert_string_equal(p->text, "view");
    assert_int_equal(p->cursor, 3);
    prompt_key(p, TKEY_HOME);
    prompt_key(p, TKEY_DELETE);
    assert_string_equal(p->text, "iew");
    prompt_key(p, TKEY_END);
    prompt_key(p, TKEY_BACKSPACE);
    assert_string_equal(p->text, "ie");
}

static void a_letter_of_several_bytes_is_one(void **state)
{
    (void)state;
    Prompt *p = fresh(PROMPT_FILTER, "");
    type(p, "aé日😀");
    assert_int_equal(p->len, 1 + 2 + 3 + 4);
    prompt_key(p, TKEY_LEFT);
    prompt_key(p, TKEY_LEFT);
    assert_int_equal(p->cursor, 3);
    prompt_key(p, TKEY_BACKSPACE);
    assert_string_equal(p->text, "a日😀");
    prompt_key(p, TKEY_DELETE);
    assert_string_equal(p->text, "a😀");
}

static void words_and_ends_are_cut(void **state)
{
    (void)state;
    Prompt *p = fresh(PROMPT_COMMAND, "epoch 12  ");
    prompt_key(p, 23);
    assert_string_equal(p->text, "epoch ");
    prompt_key(p, 23);
    assert_string_equal(p->text, "");
    p = fresh(PROMPT_COMMAND, "left right");
    for (int i = 0; i < 6; i++)
        prompt_key(p, TKEY_LEFT);
    prompt_key(p, 11);
    assert_string_equal(p->text, "left");
    prompt_key(p, 21);
    assert_string_equal(p->text, "");
}

static void history_comes_back_and_goes_on(void **state)
{
    (void)state;
    Prompt *p = fresh(PROMPT_COMMAND, "");
    static const char *const lines[] = { "view log", "view log", "epoch 3" };
    for (int i = 0; i < 3; i++) {
        prompt_open(p, PROMPT_COMMAND, ":", "");
        type(p, lines[i]);
        assert_int_equal(prompt_key(p, TKEY_ENTER), PROMPT_ACCEPTED);
        prompt_close(p);
    }
    assert_int_equal(p->n_history, 2); // the same line twice is kept once
    prompt_open(p, PROMPT_COMMAND, ":", "");
    prompt_key(p, TKEY_UP);
    assert_string_equal(p->text, "epoch 3");
    prompt_key(p, TKEY_UP);
    prompt_key(p, TKEY_UP); // nothing before the first
    assert_string_equal(p->text, "view log");
    prompt_key(p, TKEY_DOWN);
    prompt_key(p, TKEY_DOWN);
    assert_string_equal(p->text, "");
}

static void old_history_makes_room(void **state)
{
    (void)state;
    Prompt *p = fresh(PROMPT_COMMAND, "");
    for (int i = 0; i < PROMPT_HISTORY + 5; i++) {
        char line[16];
        snprintf(line, sizeof line, "epoch %d", i);
        prompt_open(p, PROMPT_COMMAND, ":", line);
        prompt_key(p, TKEY_ENTER);
    }
    assert_int_equal(p->n_history, PROMPT_HISTORY);
    assert_string_equal(p->history[0], "epoch 5");
    assert_string_equal(p->history[PROMPT_HISTORY - 1], "epoch 36");
}

static const char *const words[] = { "view", "view-all", "write", "zoom", "zoom-in", NULL };

static void completion_goes_round_the_words(void **state)
{
    (void)state;
    Prompt *p = fresh(PROMPT_COMMAND, "w");
    prompt_complete(p, words);
    assert_string_equal(p->text, "write");
    p = fresh(PROMPT_COMMAND, "zo");
    prompt_complete(p, words);
    assert_string_equal(p->text, "zoom");
    prompt_complete(p, words);
    assert_string_equal(p->text, "zoom-in");
    p = fresh(PROMPT_COMMAND, "xy");
    prompt_complete(p, words);
    assert_string_equal(p->text, "xy");
    p = fresh(PROMPT_COMMAND, "view lo");
    prompt_complete(p, words);
    assert_string_equal(p->text, "view lo");
}

static void only_yes_answers_a_question(void **state)
{
    (void)state;
    assert_int_equal(prompt_key(fresh(PROMPT_QUESTION, ""), 'y'), PROMPT_ACCEPTED);
    assert_int_equal(prompt_key(fresh(PROMPT_QUESTION, ""), 'Y'), PROMPT_ACCEPTED);
    const int others[] = { 'n', TKEY_ENTER, 27, 3, ' ', TKEY_UP };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(prompt_key(fresh(PROMPT_QUESTION, ""), others[i]), PROMPT_CANCELLED);
}

static void escape_and_ctrl_c_only_cancel(void **state)
{
    (void)state;
    assert_int_equal(prompt_key(fresh(PROMPT_COMMAND, "quit"), 27), PROMPT_CANCELLED);
    assert_int_equal(prompt_key(fresh(PROMPT_FILTER, "x"), 3), PROMPT_CANCELLED);
    assert_int_equal(prompt_key(fresh(PROMPT_COMMAND, ""), TKEY_BACKSPACE), PROMPT_CANCELLED);
}

// Whatever is typed, the text stays whole UTF-8 inside its room with the cursor on a boundary.
static void any_keys_keep_the_line_whole(void **state)
{
    (void)state;
    static const int keys[] = { 'a',        ' ',          0xE9,           0x65E5,   0x1F600,
                                TKEY_LEFT,  TKEY_RIGHT,   TKEY_HOME,      TKEY_END, TKEY_UP,
                                TKEY_DOWN,  TKEY_DELETE,  TKEY_BACKSPACE, 11,       23,
                                TKEY_ENTER, TKEY_PAGE_UP, TKEY_MOUSE,     0x301,    127 };
    Rng rng;
    rng = rng_new(7);
    Prompt *p = fresh(PROMPT_COMMAND, "");
    for (int i = 0; i < 200000; i++) {
        int key = keys[rng_below(&rng, sizeof keys / sizeof *keys)];
        if (rng_below(&rng, 3)) // mostly letters: the line must fill up
            key = keys[rng_below(&rng, 5)];
        if (prompt_key(p, key) != PROMPT_EDITING)
            prompt_open(p, PROMPT_COMMAND, ":", "");
        assert_true(p->len >= 0 && p->len < PROMPT_TEXT);
        assert_int_equal(strlen(p->text), p->len);
        assert_true(p->cursor >= 0 && p->cursor <= p->len);
        assert_int_not_equal((unsigned char)p->text[p->cursor] & 0xc0, 0x80);
    }
}

static void a_long_line_shows_its_cursor(void **state)
{
    (void)state;
    Grid g = { 0 };
    int cursor;
    Prompt *p = fresh(PROMPT_COMMAND, "");
    for (int i = 0; i < 60; i++)
        type(p, i % 2 ? "日" : "b");
    for (int cols = 1; cols <= 100; cols++) {
        assert_true(grid_resize(&g, 1, cols));
        prompt_draw(p, &g, (Rect){ 0, 0, 1, cols }, &cursor);
        assert_true(cursor >= 0 && cursor < cols);
    }
    grid_fini(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_go_where_the_cursor_is),
        cmocka_unit_test(a_letter_of_several_bytes_is_one),
        cmocka_unit_test(words_and_ends_are_cut),
        cmocka_unit_test(history_comes_back_and_goes_on),
        cmocka_unit_test(old_history_makes_room),
        cmocka_unit_test(completion_goes_round_the_words),
        cmocka_unit_test(only_yes_answers_a_question),
        cmocka_unit_test(escape_and_ctrl_c_only_cancel),
        cmocka_unit_test(any_keys_keep_the_line_whole),
        cmocka_unit_test(a_long_line_shows_its_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
