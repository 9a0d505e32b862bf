// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/app/app_kit.h"

// What people are told about keys and what the dashboard does with them.

static int key_of(const char *name)
{
    static const struct {
        const char *name;
        int key;
    } named[] = { { "F1", TKEY_F1 },        { "Esc", 27 },
                  { "Tab", '\t' },          { "Home", TKEY_HOME },
                  { "End", TKEY_END },      { "Enter", TKEY_ENTER },
                  { "PgUp", TKEY_PAGE_UP }, { "PgDn", TKEY_PAGE_DOWN },
                  { "Space", ' ' },         { "Shift-Tab", TKEY_BACKTAB } };
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (strcmp(named[i].name, name) == 0)
            return named[i].key;
    if (strncmp(name, "Ctrl-", 5) == 0)
        return name[5] & 31;
    return strlen(name) == 1 ? (unsigned char)name[0] : TKEY_NONE;
}

static void assert_bound(int key, const char *name)
{
    if (key == TKEY_NONE || !bind_key(key))
        fail_msg("documented key '%s' is not bound", name);
}

static void every_documented_key_is_bound(void **state)
{
    (void)state;
    int n;
    const ViewKey *keys = view_keys(&n);
    assert_true(n > 20);
    for (int i = 0; i < n; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", keys[i].keys);
        for (char *rest, *name = strtok_r(text, " ", &rest); name;
             name = strtok_r(NULL, " ", &rest)) {
            static const char *const groups[][2] = { { "0-8", "012345678" }, { "hjkl", "hjkl" } };
            if (strcmp(name, "arrows") == 0) {
                for (int key = TKEY_UP; key <= TKEY_RIGHT; key++)
                    assert_bound(key, "arrows");
                continue;
            }
            const char *letters = NULL;
            for (int g = 0; g < 2; g++)
                if (strcmp(groups[g][0], name) == 0)
                    letters = groups[g][1];
            for (const char *c = letters; c && *c; c++)
                assert_bound((unsigned char)*c, name);
            if (!letters)
                assert_bound(key_of(name), name);
        }
    }
}

static bool is_command(const char *word)
{
    for (const char *const *w = command_words(); *w; w++)
        if (strcmp(*w, word) == 0)
            return true;
    return false;
}

static void every_documented_command_exists(void **state)
{
    (void)state;
    int n;
    const ViewKey *keys = view_keys(&n);
    for (int i = 0; i < n; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", keys[i].command);
        for (char *rest, *word = strtok_r(text, ", ", &rest); word;
             word = strtok_r(NULL, ", ", &rest))
            if (islower((unsigned char)*word) && !is_command(word))
                fail_msg("documented command '%s' is unknown", word);
    }
}

static void every_bound_key_names_a_command(void **state)
{
    (void)state;
    for (int key = 0; key <= TKEY_MOUSE; key++) {
        const char *line = bind_key(key);
        char word[48];
        if (!line)
            continue;
        snprintf(word, sizeof word, "%.*s", (int)strcspn(line, " "), line);
        assert_true(is_command(word));
    }
}

// Keys that views name in the last row do something there.
static void keys_of_the_last_row_are_bound(void **state)
{
    (void)state;
    for (int v = 0; v < VIEW_COUNT; v++) {
        char text[256];
        const char *keys = view_get((ViewId)v)->keys;
        if (!keys)
            continue;
        snprintf(text, sizeof text, "%s", keys);
        // Items stand two blanks apart, each with its keys first: "[ ] cell  y log loss".
        for (const char *item = text; *item; item += strspn(item, " ")) {
            while (*item && (item[1] == ' ' || !item[1])) {
                const char name[2] = { *item, '\0' };
                assert_bound((unsigned char)*item, name);
                item += item[1] ? 2 : 1;
                if (*item == ' ')
                    break;
            }
            const char *end = strstr(item, "  ");
            item = end ? end : item + strlen(item);
        }
    }
}

static void digits_choose_views(void **state)
{
    (void)state;
    App *app = kit_open("healthy.jsonl", 24, 80);
    for (int i = 0; i <= 8; i++) {
        input_key(app, '0' + i);
        assert_int_equal(app->view, i);
        screen_draw(app);
    }
    kit_close(app);
}

static void escape_never_quits_and_ctrl_c_only_cancels_a_prompt(void **state)
{
    (void)state;
    App *app = kit_open("healthy.jsonl", 24, 80);
    screen_draw(app);
    for (int i = 0; i < 5; i++)
        input_key(app, 27);
    input_key(app, ':');
    input_key(app, 'q');
    input_key(app, 3);
    assert_int_equal(app->prompt.kind, PROMPT_OFF);
    assert_false(app->quit);
    input_key(app, 3);
    assert_true(app->quit);
    kit_close(app);
}

static void a_cancelled_filter_gives_the_old_one_back(void **state)
{
    (void)state;
    App *app = kit_open("healthy.jsonl", 24, 80);
    screen_draw(app);
    const int typed[] = { '/', 'o', 'l', 'd', TKEY_ENTER, '/', 'x' };
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++)
        input_key(app, typed[i]);
    assert_string_equal(app->filter, "oldx");
    input_key(app, 27);
    assert_string_equal(app->filter, "old");
    kit_close(app);
}

static void tab_goes_there_and_shift_tab_back(void **state)
{
    (void)state;
    App *app = kit_open("healthy.jsonl", 30, 160);
    screen_draw(app);
    input_key(app, '\t');
    assert_int_equal(app->focus, PANE_SIDE);
    input_key(app, '\t');
    assert_int_equal(app->focus, PANE_LIST);
    input_key(app, TKEY_BACKTAB);
    input_key(app, TKEY_BACKTAB);
    assert_int_equal(app->focus, PANE_MAIN);
    assert_true(grid_resize(&app->grid, 24, 60)); // one pane: Tab walks the views
    screen_draw(app);
    input_key(app, '2');
    input_key(app, '\t');
    assert_int_equal(app->view, VIEW_CELL);
    input_key(app, TKEY_BACKTAB);
    assert_int_equal(app->view, VIEW_ALPHA);
    kit_close(app);
}

static void epochs_are_scrubbed_and_end_is_live_again(void **state)
{
    (void)state;
    App *app = kit_open("healthy.jsonl", 24, 80);
    int last = app_run(app)->epoch;
    screen_draw(app);
    input_key(app, ',');
    input_key(app, ',');
    assert_int_equal(app->epoch, last - 2);
    input_key(app, '.');
    assert_int_equal(app->epoch, last - 1);
    command_do(app, "epoch 1");
    assert_int_equal(app->epoch, 1);
    for (int i = 0; i < 5; i++)
        input_key(app, ',');
    assert_int_equal(app->epoch, -1);
    screen_draw(app);
    input_key(app, TKEY_END);
    assert_int_equal(app->epoch, INT_MAX);
    kit_close(app);
}

static void help_takes_the_keys_while_it_is_open(void **state)
{
    (void)state;
    App *app = kit_open("healthy.jsonl", 12, 60);
    screen_draw(app);
    input_key(app, '?');
    screen_draw(app);
    assert_true(kit_shows(app, "q Ctrl-C"));
    for (int i = 0; i < 60; i++)
        input_key(app, 'j');
    screen_draw(app);
    assert_true(kit_shows(app, "Ctrl-Z"));
    input_key(app, 27);
    assert_false(app->help);
    kit_close(app);
}

static void an_unknown_command_names_the_nearest(void **state)
{
    (void)state;
    App *app = kit_open("healthy.jsonl", 24, 80);
    command_do(app, "vew log");
    assert_non_null(strstr(app->message, "'view'"));
    command_do(app, "view lgo");
    assert_non_null(strstr(app->message, "overview"));
    command_do(app, "epoch soon");
    assert_non_null(strstr(app->message, "live"));
    kit_close(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_documented_key_is_bound),
        cmocka_unit_test(every_documented_command_exists),
        cmocka_unit_test(every_bound_key_names_a_command),
        cmocka_unit_test(keys_of_the_last_row_are_bound),
        cmocka_unit_test(digits_choose_views),
        cmocka_unit_test(escape_never_quits_and_ctrl_c_only_cancels_a_prompt),
        cmocka_unit_test(a_cancelled_filter_gives_the_old_one_back),
        cmocka_unit_test(tab_goes_there_and_shift_tab_back),
        cmocka_unit_test(epochs_are_scrubbed_and_end_is_live_again),
        cmocka_unit_test(help_takes_the_keys_while_it_is_open),
        cmocka_unit_test(an_unknown_command_names_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
