// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/base/file.h"
#include "tests/app/app_kit.h"

// Play files drive the dashboard.

static char path[] = "/tmp/dartboard-play-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int drop_file(void **state)
{
    (void)state;
    return unlink(path);
}

static App *play(const char *text)
{
    Error err;
    App *app = kit_open("healthy.jsonl", 24, 80);
    assert_int_equal(file_write_atomic(path, text, strlen(text), &err), STATUS_OK);
    assert_int_equal(play_open(&app->play, path, &err), STATUS_OK);
    screen_draw(app);
    return app;
}

static void end(App *app)
{
    play_close(&app->play);
    kit_close(app);
}

static void keys_and_commands_are_done_in_order(void **state)
{
    (void)state;
    App *app = play("# a comment\n\n2\n:epoch 3\nz<Tab><nothing>\n");
    assert_false(play_step(app));
    assert_int_equal(app->epoch, 3);
    assert_true(app->zoom);
    end(app);
}

static void names_in_angles_are_keys(void **state)
{
    (void)state;
    App *app = play(":view log\n/<Backspace>ab<Left>x<Enter>\n<Esc>\n<F1>");
    assert_false(play_step(app));
    assert_int_equal(app->view, VIEW_LOG);
    assert_true(app->help);
    assert_string_equal(app->filter, "");
    end(app);
}

static void waits_hold_the_rest_back(void **state)
{
    (void)state;
    App *app = play("wait epoch 3\n3\nwait epoch 100000\n4\n");
    assert_true(play_step(app));
    assert_int_equal(app->view, VIEW_CELL);
    assert_true(play_step(app));
    assert_int_equal(app->view, VIEW_CELL);
    end(app);
}

static void quit_ends_it(void **state)
{
    (void)state;
    App *app = play("q\n3\n");
    play_step(app);
    assert_true(app->quit);
    assert_int_equal(app->view, VIEW_OVERVIEW);
    end(app);
}

static void a_saved_screen_is_the_picture(void **state)
{
    (void)state;
    char shot[64], line[96], *text;
    snprintf(shot, sizeof shot, "%s.txt", path);
    snprintf(line, sizeof line, "1\n:save-display %s\n", shot);
    App *app = play(line);
    play_step(app);
    assert_int_equal(file_read(shot, 1 << 20, &text, NULL, NULL), STATUS_OK);
    assert_non_null(strstr(text, "1 Overview"));
    free(text);
    unlink(shot);
    end(app);
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    Play p = { 0 };
    Error err;
    assert_int_equal(play_open(&p, "/nonexistent/play", &err), STATUS_IO);
    assert_non_null(strstr(err.msg, "/nonexistent/play"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_commands_are_done_in_order),
        cmocka_unit_test(names_in_angles_are_keys),
        cmocka_unit_test(waits_hold_the_rest_back),
        cmocka_unit_test(quit_ends_it),
        cmocka_unit_test(a_saved_screen_is_the_picture),
        cmocka_unit_test(a_missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}
