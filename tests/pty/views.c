// SPDX-License-Identifier: MIT
#include <unistd.h>

#include "tests/pty/pty.h"

// Views and keys on recorded journals.

static const char *const watch_fast[] = { "watch", "r.jsonl", "--delay", "0.02", NULL };

static Pty *watch(const char *record, int rows, int cols)
{
    pty_record(record, "r.jsonl", 0);
    return pty_dashboard(rows, cols, watch_fast);
}

static void leave(Pty *p)
{
    pty_send(p, "q");
    assert_int_equal(pty_wait_exit(p), 0);
    pty_close(p);
}

static void a_record_opens_with_its_names_in_80_columns(void **state)
{
    (void)state;
    Pty *p = watch("collapse.jsonl", 24, 80);
    pty_see(p, "darts-darts-s5");
    pty_see(p, "1 Overview");
    pty_see(p, "COLLAPSED");
    pty_see(p, "? help");
    leave(p);
}

static void a_wide_screen_has_list_and_side_pane(void **state)
{
    (void)state;
    Pty *p = watch("healthy.jsonl", 60, 200);
    pty_see(p, "1 Overview");
    pty_see(p, " Runs ");
    pty_see(p, " Cell");
    leave(p);
}

static void digits_switch_views(void **state)
{
    (void)state;
    static const char *const seen[][2] = {
        { "0", "Enter open" },
        { "1", "time axis" },
        { "2", "map/chart" },
        { "3", "graph/matrix" },
        { "4", "along the front" },
        { "5", "$EDITOR" },
        { "6", "/ filter  arrows select" },
        { "7", "R repair" },
        { "8", "s sort" },
    };
    Pty *p = watch("trials.jsonl", 30, 100);
    pty_see(p, "? help");
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        pty_send(p, seen[i][0]);
        pty_see(p, seen[i][1]);
    }
    leave(p);
}

// Keys with what each leaves on the screen, and what it takes away where the screen had the first
// before.
static void keys_do_what_the_screen_says(void **state)
{
    (void)state;
    enum { KEYS, SEES, GONE };
    static const char *const steps[][3] = {
        { "?", "leave the dashboard" },
        { "\033", "time axis", "leave the dashboard" },
        { "\033OP", "leave the dashboard" }, // F1
        { "?", "time axis", "leave the dashboard" },
        { ",", "PAST" },
        { ",,.", "PAST" },
        { "\033[F", "[ ] cell", "PAST" }, // End
        { "f", "FROZEN" },
        { "f", "live" },
        { "v", "glyphs: " },
        { "v", "glyphs: " },
        { "v", "glyphs: braille" },
        { "m", "mouse on" },
        { "m", "mouse off" },
        { "X", "stop: only for runs of Dartboard" },
        { "R", "checkpoints to go back to" },
        { "p", "only for runs of Dartboard" },
        { "e", "no space script" },
        { "E", "no space script" },
        { "w", "wrote overview.txt" },
        { ":write /no-such-place/x\r", "cannot create /no-such-place" },
        { ":vew\r", "did you mean 'view'" },
        { ":view lo\r", "no view 'lo'" },
        { ":vie\t log\r", "/ filter  arrows select" },
        { "/epoch", "/epoch" },
        { "\r", "filter: epoch" },
        { "\0331", "time axis" },
        { "2", "normal  epoch 30  entropy", "filter: " },
        { "a", "edge c-2>0", "weights sum" },
        { "]", "reduction  epoch 30  entropy", "normal  epoch 30  entropy" },
        { "3", "graph/matrix" },
        { "a", "concat of" },
        { "\t\033[Z", "graph/matrix" },
        { "z", "graph/matrix" },
        { "zjklhgG s\x04\x15\x06\x02\033[A\033[B\033[5~\033[6~\033[H+-=y[nN", "graph/matrix" },
        { "\x0c", "graph/matrix" },
    };
    Pty *p = watch("healthy.jsonl", 30, 110);
    pty_see(p, "? help");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        pty_send(p, steps[i][KEYS]);
        pty_see(p, steps[i][SEES]);
        if (steps[i][GONE])
            pty_gone(p, steps[i][GONE]);
        pty_settle(p, 60); // Esc and what follows are told apart by time
    }
    assert_int_equal(access(pty_path("overview.txt"), R_OK), 0);
    assert_int_equal(access(pty_path("overview.csv"), R_OK), 0);
    leave(p);
}

static void every_key_in_every_view_is_survived(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 24, 80 }, { 60, 200 }, { 10, 40 } };
    for (int s = 0; s < 3; s++) {
        Pty *p = watch(s == 1 ? "trials.jsonl" : "collapse.jsonl", sizes[s][0], sizes[s][1]);
        pty_see(p, "? help");
        for (char view = '0'; view <= '8'; view++) {
            const char keys[] = { view, 0 };
            pty_send(p, keys);
            pty_send(p, "jkhlgG \x04\x15\x06\x02[],.aasyy+-=zzffnNvvvmm\t\t\t?jG?\x0c");
            pty_settle(p, 60);
        }
        pty_send(p, "1");
        pty_see(p, "[ ] cell");
        leave(p);
    }
}

static void z_makes_one_pane_full_size_and_back(void **state)
{
    (void)state;
    Pty *p = watch("healthy.jsonl", 24, 80);
    pty_see(p, "? help");
    pty_send(p, "4"); // has the overview beside it
    pty_see(p, "consensus t");
    pty_send(p, "z");
    pty_gone(p, "consensus t");
    pty_send(p, "z");
    pty_see(p, "consensus t");
    leave(p);
}

static void ctrl_c_in_a_prompt_only_cancels(void **state)
{
    (void)state;
    Pty *p = watch("healthy.jsonl", 24, 80);
    pty_see(p, "? help");
    pty_send(p, ":quit");
    pty_see(p, ":quit");
    pty_send(p, "\x03");
    pty_gone(p, ":quit");
    pty_send(p, "3");
    pty_see(p, "graph/matrix");
    pty_send(p, "\x03");
    assert_int_equal(pty_wait_exit(p), 0);
    pty_close(p);
}

static void a_resize_storm_ends_in_a_whole_picture(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 60, 200 }, { 1, 1 },   { 8, 32 },  { 10, 40 }, { 50, 132 },
                                    { 2, 300 },  { 100, 3 }, { 24, 79 }, { 1, 1 },   { 24, 120 } };
    Pty *p = watch("collapse.jsonl", 24, 80);
    pty_see(p, "? help");
    for (int i = 0; i < 60; i++) {
        pty_resize(p, sizes[i % 10][0], sizes[i % 10][1]);
        pty_read(p, i % 4 * 10);
    }
    pty_resize(p, 8, 32);
    pty_see(p, "need 40x10, have 32x8");
    pty_resize(p, 1, 1);
    pty_settle(p, 200);
    pty_resize(p, 24, 80);
    pty_see(p, "darts-darts-s5");
    pty_see(p, "? help");
    pty_send(p, "2"); // keys work after it
    pty_see(p, "map/chart");
    leave(p);
}

static void a_directory_lists_its_records(void **state)
{
    (void)state;
    static const char *const argv[] = { "watch", ".", NULL };
    pty_record("healthy.jsonl", "r.jsonl", 0);
    pty_record("nb201.jsonl", "second.jsonl", 0);
    Pty *p = pty_dashboard(24, 80, argv);
    pty_send(p, "0");
    pty_see(p, "Enter open");
    pty_send(p, "j\r");
    pty_see(p, "time axis");
    leave(p);
    unlink(pty_path("second.jsonl"));
}

static void a_replay_moves_by_itself_and_by_hand(void **state)
{
    (void)state;
    static const char *const argv[] = { "replay", "r.jsonl", "--speed", "20", NULL };
    pty_record("healthy.jsonl", "r.jsonl", 0);
    Pty *p = pty_dashboard(24, 80, argv);
    pty_see(p, "REPLAY");
    pty_see(p, "ep 31/50");
    pty_send(p, ":epoch 7\r");
    pty_see(p, "ep 8/50");
    pty_send(p, ",");
    pty_see(p, "ep 7/50");
    leave(p);
}

static void a_play_file_drives_it(void **state)
{
    (void)state;
    static const char *const argv[] = { "watch", "r.jsonl", "--play", "drive.play", NULL };
    pty_record("healthy.jsonl", "r.jsonl", 0);
    FILE *f = fopen(pty_path("drive.play"), "w");
    fputs("wait epoch 3\n3a\n:save-display shot.txt\nq\n", f);
    fclose(f);
    Pty *p = pty_dashboard(24, 80, argv);
    assert_int_equal(pty_wait_exit(p), 0);
    char *shot = pty_text(pty_path("shot.txt"));
    assert_non_null(shot);
    assert_non_null(strstr(shot, "concat of"));
    free(shot);
    pty_close(p);
}

static void other_terminals_work(void **state)
{
    (void)state;
    static const char *const terms[] = { "TERM=vt100", "TERM=linux", "TERM=screen-256color",
                                         "TERM=xterm" };
    static const char *const argv[] = { NULL, "watch", "r.jsonl", NULL };
    pty_record("collapse.jsonl", "r.jsonl", 0);
    for (int i = 0; i < 4; i++) {
        const char *env[] = { terms[i], i == 3 ? "LC_ALL=C" : "NO_COLOR=1", NULL };
        Pty *p = pty_start(&(PtyStart){ .rows = 24, .cols = 80, .env = env, .argv = argv });
        pty_see(p, "COLLAPSED");
        pty_send(p, "3");
        pty_see(p, "graph/matrix");
        leave(p);
    }
}

int views_group(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_opens_with_its_names_in_80_columns),
        cmocka_unit_test(a_wide_screen_has_list_and_side_pane),
        cmocka_unit_test(digits_switch_views),
        cmocka_unit_test(keys_do_what_the_screen_says),
        cmocka_unit_test(every_key_in_every_view_is_survived),
        cmocka_unit_test(z_makes_one_pane_full_size_and_back),
        cmocka_unit_test(ctrl_c_in_a_prompt_only_cancels),
        cmocka_unit_test(a_resize_storm_ends_in_a_whole_picture),
        cmocka_unit_test(a_directory_lists_its_records),
        cmocka_unit_test(a_replay_moves_by_itself_and_by_hand),
        cmocka_unit_test(a_play_file_drives_it),
        cmocka_unit_test(other_terminals_work),
    };
    return cmocka_run_group_tests_name("views", tests, NULL, NULL);
}
