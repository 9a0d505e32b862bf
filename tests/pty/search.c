// SPDX-License-Identifier: MIT
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pty/pty.h"

// The dashboard on real, small searches.

#define SMALL "--set", "data.subset=200", "--set"

static bool has_done(const char *journal)
{
    char *text = pty_text(journal);
    bool found = text && strstr(text, "\"state\":\"DONE\"");
    free(text);
    return found;
}

static bool file_there(const char *path)
{
    return access(path, R_OK) == 0;
}

static bool nobody_has(const char *pid)
{
    return kill((pid_t)atoi(pid), 0) != 0;
}

static void run_words(char *text, const char *words)
{
    char command[9000];
    snprintf(command, sizeof command, "cd '%s' && DARTBOARD_SHARE='%s' '%s' %s >out.txt 2>&1",
             pty_temp, pty_home, pty_bin, words);
    int status = system(command);
    snprintf(text, 16, "%d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

// Process of a run, from its lock file ("pid host start").
static pid_t owner(const char *run)
{
    char name[64];
    snprintf(name, sizeof name, "runs/%s/lock", run);
    char *text = pty_text(pty_path(name));
    pid_t pid = text ? (pid_t)atoi(text + strcspn(text, "0123456789")) : 0;
    free(text);
    return pid;
}

static void stop_run(const char *run)
{
    pid_t pid = owner(run);
    if (pid > 1)
        kill(pid, SIGKILL);
}

static void q_leaves_and_the_search_goes_on_to_its_end(void **state)
{
    (void)state;
    static const char *const argv[] = { "run",    "digits", SMALL, "search.epochs=60",
                                        "--name", "leave",  NULL };
    Pty *p = pty_dashboard(24, 80, argv);
    pty_see(p, "RUNNING");
    pty_send(p, "q");
    assert_int_equal(pty_wait_exit(p), 0);
    assert_true(pty_raw_has(p, "leave"));
    pty_until(p, has_done, pty_path("runs/leave/journal.jsonl"), "the search did not go on:");
    pty_close(p);
    static const char *const again[] = { "watch", "leave", NULL };
    p = pty_dashboard(24, 80, again);
    pty_see(p, "DONE");
    pty_see(p, "60/60");
    pty_send(p, "q");
    pty_wait_exit(p);
    pty_close(p);
}

static void a_closed_terminal_does_not_end_the_search(void **state)
{
    (void)state;
    static const char *const argv[] = { "run",    "digits", SMALL, "search.epochs=60",
                                        "--name", "closed", NULL };
    Pty *p = pty_dashboard(24, 80, argv);
    pty_see(p, "RUNNING");
    close(p->fd);
    p->fd = -1;
    pty_wait_exit(p);
    pty_until(p, has_done, pty_path("runs/closed/journal.jsonl"), "the search did not go on:");
    pty_close(p);
}

static void pause_resume_and_stop_work_from_the_keyboard(void **state)
{
    (void)state;
    static const char *const argv[] = { "run",    "digits", SMALL, "search.epochs=5000",
                                        "--name", "keys",   NULL };
    Pty *p = pty_dashboard(24, 80, argv);
    pty_see(p, "RUNNING");
    pty_send(p, "p");
    pty_see(p, "PAUSED");
    pty_send(p, "p");
    pty_see(p, "RUNNING");
    pty_send(p, "X");
    pty_see(p, "(y/N)");
    pty_send(p, "n");
    pty_gone(p, "(y/N)");
    pty_see(p, "RUNNING");
    pty_send(p, "X");
    pty_see(p, "(y/N)");
    pty_send(p, "y");
    pty_see(p, "STOPPED");
    pty_send(p, "q");
    assert_int_equal(pty_wait_exit(p), 0);
    pty_close(p);
}

static void a_killed_search_is_said_to_be_lost(void **state)
{
    (void)state;
    char code[16], pid[16];
    run_words(code, "run digits --set data.subset=200 --set search.epochs=5000 --name lost "
                    "--detach");
    assert_string_equal(code, "0");
    static const char *const argv[] = { "watch", "lost", NULL };
    Pty *p = pty_dashboard(24, 80, argv);
    pty_see(p, "RUNNING");
    snprintf(pid, sizeof pid, "%d", (int)owner("lost"));
    assert_true(atoi(pid) > 1);
    assert_int_equal(kill((pid_t)atoi(pid), SIGKILL), 0);
    pty_until(p, nobody_has, pid, "still alive:");
    pty_see(p, "LOST");
    pty_send(p, "p"); // a lost run is resumed by the same key
    pty_see(p, "RUNNING");
    pty_send(p, "q");
    pty_wait_exit(p);
    pty_close(p);
    stop_run("lost");
}

static void a_script_for_tests(const char *name, const char *text)
{
    FILE *f = fopen(pty_path(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(pty_path(name), 0755);
}

static void the_editor_comes_and_goes_and_the_script_is_checked(void **state)
{
    (void)state;
    char code[16], editor[8400];
    run_words(code, "run digits --plain --set data.subset=200 --set search.epochs=2 --name edit");
    assert_string_equal(code, "0");
    a_script_for_tests("editor.sh",
                       "#!/bin/sh\nif test -f again; then echo AGAIN; else touch again; fi\n"
                       "echo IN-THE-EDITOR; read line\n"
                       "printf 'return 1 +\\n' >>\"$1\"\n");
    snprintf(editor, sizeof editor, "EDITOR=sh %s", pty_path("editor.sh"));
    const char *env[] = { editor, NULL };
    const char *argv[] = { NULL, "watch", "edit", NULL };
    Pty *p = pty_start(&(PtyStart){ .rows = 24, .cols = 80, .env = env, .argv = argv });
    pty_see(p, "DONE");
    pty_send(p, "5");
    pty_see(p, "nas.cells");
    pty_send(p, "e");
    pty_see(p, "IN-THE-EDITOR");
    assert_true(pty_is_cooked(p));
    pty_send(p, "\x03"); // the editor's business, not ours
    pty_see(p, "$EDITOR");
    pty_send(p, "e");
    pty_see(p, "AGAIN");
    pty_send(p, "done\r");
    pty_see(p, "has an error");
    assert_true(file_there(pty_path("runs/edit/space.lua")));
    pty_send(p, "q");
    assert_int_equal(pty_wait_exit(p), 0);
    pty_close(p);
}

static void the_workbench_starts_a_search(void **state)
{
    (void)state;
    static const char *const argv[] = { NULL };
    Pty *p = pty_dashboard(30, 120, argv);
    pty_see(p, "Enter open");
    pty_send(p, ":run digits --name bench --set data.subset=200 --set search.epochs=3\r");
    pty_see(p, "bench");
    pty_until(p, has_done, pty_path("runs/bench/journal.jsonl"), "not run:");
    pty_see(p, "DONE");
    pty_send(p, "q");
    assert_int_equal(pty_wait_exit(p), 0);
    pty_close(p);
}

// Lists are short in an empty directory: no runs, and the shipped spaces.
static void the_workbench_lists_spaces_and_edits_a_copy(void **state)
{
    (void)state;
    char editor[8400];
    const char *dir = pty_path("empty");
    assert_int_equal(mkdir(dir, 0755), 0);
    a_script_for_tests("break.sh", "#!/bin/sh\nprintf 'return 1 +\\n' >>\"$1\"\n");
    snprintf(editor, sizeof editor, "EDITOR=sh %s", pty_path("break.sh"));
    const char *env[] = { editor, NULL }, *argv[] = { NULL, NULL };
    Pty *p = pty_start(
        &(PtyStart){ .rows = 24, .cols = 100, .dir = pty_path("empty"), .env = env, .argv = argv });
    pty_see(p, "no runs here yet");
    pty_see(p, "shipped");
    pty_send(p, "/digits-sk\r\r"); // the only one that is left
    pty_see(p, ":run digits-skip");
    pty_send(p, "\033");
    pty_gone(p, ":run digits-skip");
    pty_send(p, "5");
    pty_see(p, "nas.cells");
    pty_see(p, "the script is good");
    pty_send(p, "e");
    pty_see(p, "has an error");
    assert_true(file_there(pty_path("empty/spaces/digits-skip.lua")));
    pty_send(p, "0");
    pty_see(p, "./spaces");
    pty_send(p, "q");
    assert_int_equal(pty_wait_exit(p), 0);
    pty_close(p);
}

int search_group(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(q_leaves_and_the_search_goes_on_to_its_end),
        cmocka_unit_test(a_closed_terminal_does_not_end_the_search),
        cmocka_unit_test(pause_resume_and_stop_work_from_the_keyboard),
        cmocka_unit_test(a_killed_search_is_said_to_be_lost),
        cmocka_unit_test(the_editor_comes_and_goes_and_the_script_is_checked),
        cmocka_unit_test(the_workbench_starts_a_search),
        cmocka_unit_test(the_workbench_lists_spaces_and_edits_a_copy),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
