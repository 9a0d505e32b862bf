// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pty/pty.h"

// Start, end, signals, and the terminal after them.

static const char leave_screen[] = "\033[?1049l";

// A shell in the terminal; the dashboard runs inside and says its process id first.
static Pty *shell(const char *script)
{
    const char *argv[] = { "sh", "-c", script, NULL };
    return pty_start(&(PtyStart){ .rows = 24, .cols = 80, .argv = argv });
}

static pid_t inner_pid(Pty *p)
{
    pty_see_raw(p, "pid=");
    pty_see_raw(p, "? help");
    return (pid_t)atoi(strstr(p->raw, "pid=") + 4);
}

#define INNER "sh -c 'echo pid=$$; exec \"$DARTBOARD_BIN\" watch r.jsonl'; echo code=$?; read x"

static void the_terminal_is_as_before_after_q(void **state)
{
    (void)state;
    pty_record("healthy.jsonl", "r.jsonl", 0);
    Pty *p = shell(INNER);
    inner_pid(p);
    assert_false(pty_is_cooked(p));
    pty_send(p, "q");
    pty_see(p, "code=0");
    assert_true(pty_raw_has(p, leave_screen));
    assert_true(pty_is_cooked(p));
    pty_close(p);
}

static void end_by_signal(int number, const char *code)
{
    pty_record("healthy.jsonl", "r.jsonl", 0);
    Pty *p = shell(INNER);
    assert_int_equal(kill(inner_pid(p), number), 0);
    pty_see_raw(p, code);
    if (number != SIGHUP) { // after a hangup nothing may be written
        assert_true(pty_raw_has(p, leave_screen));
        assert_true(pty_is_cooked(p));
    }
    pty_close(p);
}

static void the_terminal_comes_back_after_a_crash(void **state)
{
    (void)state;
    end_by_signal(SIGSEGV, "code=139");
    end_by_signal(SIGABRT, "code=134");
}

static void term_and_hup_end_it(void **state)
{
    (void)state;
    end_by_signal(SIGTERM, "code=0");
    end_by_signal(SIGHUP, "code=0");
}

static void ctrl_z_stops_it_and_fg_brings_it_back(void **state)
{
    (void)state;
    pty_record("healthy.jsonl", "r.jsonl", 0);
    const char *argv[] = { "bash", "--norc", "--noprofile", "-i", NULL };
    const char *env[] = { "PS1=ready> ", "HISTFILE", NULL };
    Pty *p = pty_start(&(PtyStart){ .rows = 24, .cols = 80, .env = env, .argv = argv });
    pty_see(p, "ready>");
    pty_send(p, "\"$DARTBOARD_BIN\" watch r.jsonl\r");
    pty_see(p, "1 Overview");
    for (int i = 0; i < 3; i++) {
        pty_send(p, "\x1a");
        pty_see(p, "Stopped");
        pty_send(p, "fg\r");
        pty_see(p, "1 Overview");
        pty_send(p, i % 2 ? "2" : "3");
        pty_see(p, i % 2 ? "map/chart" : "graph/matrix");
    }
    pty_send(p, "q");
    pty_gone(p, "graph/matrix");
    pty_send(p, "exit\r");
    pty_wait_exit(p);
    pty_close(p);
}

// Stopped from elsewhere, while another program had the screen.
static void it_is_painted_again_when_it_goes_on(void **state)
{
    (void)state;
    pty_record("healthy.jsonl", "r.jsonl", 0);
    Pty *p = shell(INNER);
    pid_t pid = inner_pid(p);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    pty_settle(p, 100);
    pty_wipe(p);
    pty_gone(p, "? help");
    assert_int_equal(kill(pid, SIGCONT), 0);
    pty_see(p, "? help");
    pty_see(p, "darts-darts-s2");
    pty_send(p, "q");
    pty_see(p, "code=0");
    pty_close(p);
}

static void a_closed_terminal_ends_it(void **state)
{
    (void)state;
    pty_record("healthy.jsonl", "r.jsonl", 0);
    static const char *const scripts[] = { "exec \"$DARTBOARD_BIN\" watch r.jsonl",
                                           "trap '' HUP; exec \"$DARTBOARD_BIN\" watch r.jsonl" };
    for (int i = 0; i < 2; i++) {
        Pty *p = shell(scripts[i]);
        pty_see(p, "? help");
        close(p->fd);
        p->fd = -1;
        pty_wait_exit(p);
        pty_close(p);
    }
}

static int exit_code(Pty *p)
{
    int status = pty_wait_exit(p);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void wrong_wishes_are_one_line_and_code_2(void **state)
{
    (void)state;
    static const struct {
        const char *env, *option, *value, *says;
    } cases[] = {
        { "X=", "--glyphs", "fancy", "braille, block, ascii or auto" },
        { "LC_ALL=C", "--glyphs", "braille", "LC_ALL=C.UTF-8" },
        { "X=", "--color", "pink", "auto, always or never" },
        { "X=", "--theme", "pink", "dark or light" },
        { "X=", "--delay", "-3", "seconds" },
        { "TERM=no-such-terminal", "--delay", "1", "no-such-terminal" },
    };
    pty_record("healthy.jsonl", "r.jsonl", 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *env[] = { cases[i].env, NULL };
        const char *argv[] = { NULL, "watch", "r.jsonl", cases[i].option, cases[i].value, NULL };
        Pty *p = pty_start(&(PtyStart){ .rows = 24, .cols = 120, .env = env, .argv = argv });
        assert_int_equal(exit_code(p), 2);
        assert_true(pty_raw_has(p, cases[i].says));
        assert_false(pty_raw_has(p, "\033[?1049h"));
        pty_close(p);
    }
}

static void a_dumb_terminal_gets_plain_lines(void **state)
{
    (void)state;
    static const char *const env[] = { "TERM=dumb", NULL }, *const unset[] = { "TERM", NULL };
    static const char *const argv[] = { NULL, "watch", "r.jsonl", NULL };
    pty_record("nb201.jsonl", "r.jsonl", 0);
    for (int i = 0; i < 2; i++) {
        Pty *p =
            pty_start(&(PtyStart){ .rows = 24, .cols = 80, .env = i ? unset : env, .argv = argv });
        assert_int_equal(exit_code(p), 0);
        assert_true(pty_raw_has(p, "genotype: "));
        assert_false(pty_raw_has(p, "\033"));
        pty_close(p);
    }
}

static void without_a_terminal_lines_are_plain(void **state)
{
    (void)state;
    pty_record("nb201.jsonl", "r.jsonl", 0);
    Pty *p = shell("\"$DARTBOARD_BIN\" watch r.jsonl </dev/null >out.txt 2>&1; echo code=$?");
    pty_see(p, "code=0");
    char *text = pty_text(pty_path("out.txt"));
    assert_non_null(text);
    assert_non_null(strstr(text, "health: "));
    assert_null(strchr(text, '\033'));
    free(text);
    pty_close(p);
}

static void a_missing_file_is_one_line(void **state)
{
    (void)state;
    static const char *const argv[] = { "watch", "no-such-log.txt", NULL };
    Pty *p = pty_dashboard(24, 80, argv);
    assert_int_not_equal(exit_code(p), 0);
    assert_true(pty_raw_has(p, "no-such-log.txt"));
    assert_false(pty_raw_has(p, "\033["));
    pty_close(p);
}

int life_group(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_terminal_is_as_before_after_q),
        cmocka_unit_test(the_terminal_comes_back_after_a_crash),
        cmocka_unit_test(term_and_hup_end_it),
        cmocka_unit_test(ctrl_z_stops_it_and_fg_brings_it_back),
        cmocka_unit_test(it_is_painted_again_when_it_goes_on),
        cmocka_unit_test(a_closed_terminal_ends_it),
        cmocka_unit_test(wrong_wishes_are_one_line_and_code_2),
        cmocka_unit_test(a_dumb_terminal_gets_plain_lines),
        cmocka_unit_test(without_a_terminal_lines_are_plain),
        cmocka_unit_test(a_missing_file_is_one_line),
    };
    return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
