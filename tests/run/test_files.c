// SPDX-License-Identifier: MIT
// Run directory, journal and control socket without a search.
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/run/control.h"
#include "src/run/journal.h"
#include "src/run/rundir.h"

static char temp[PATH_MAX];

static int make_temp(void **state)
{
    (void)state;
    snprintf(temp, sizeof temp, "/tmp/dartboard-test-XXXXXX");
    return mkdtemp(temp) ? 0 : -1;
}

static int drop_temp(void **state)
{
    (void)state;
    return file_remove_tree(temp, NULL) == STATUS_OK ? 0 : -1;
}

static void names_that_are_taken_get_a_number(void **state)
{
    (void)state;
    RunDir a, b, c;
    Error err;
    assert_int_equal(rundir_create(temp, "x", false, &a, &err), STATUS_OK);
    assert_int_equal(rundir_create(temp, "x", false, &b, &err), STATUS_OK);
    assert_string_equal(b.path + strlen(b.path) - 4, "/x-2");
    assert_int_equal(rundir_create(temp, "x", true, &c, &err), STATUS_ARG);
    assert_int_equal(rundir_create(temp, "../x", true, &c, &err), STATUS_ARG);
    rundir_unlock(&a);
    rundir_unlock(&b);
}

static void second_process_is_refused_with_pid(void **state)
{
    (void)state;
    RunDir a;
    Error err;
    assert_int_equal(rundir_create(temp, "locked", true, &a, &err), STATUS_OK);
    pid_t child = fork();
    if (child == 0) {
        RunDir b;
        char pid[32];
        snprintf(pid, sizeof pid, "process %ld", (long)getppid());
        bool right = rundir_lock(a.path, &b, &err) == STATUS_BUSY && strstr(err.msg, pid) &&
                     rundir_owner(a.path) == getppid();
        _exit(right ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    rundir_unlock(&a);
    assert_int_equal(rundir_owner(a.path), 0);
}

static void unwritable_directory_is_one_clear_error(void **state)
{
    (void)state;
    RunDir a;
    Error err;
    assert_int_equal(rundir_create("/proc/nowhere", "x", false, &a, &err), STATUS_IO);
    assert_non_null(strstr(err.msg, "/proc/nowhere"));
}

static void append_record(Journal *j, int number, Status expected)
{
    Json *record = json_new_object();
    json_put_str(record, "t", "note");
    json_put_int(record, "number", number);
    Error err;
    assert_int_equal(journal_append(j, record, &err), expected);
    json_free(record);
}

static void torn_last_line_is_cut_before_the_next_append(void **state)
{
    (void)state;
    char path[PATH_MAX], *text;
    snprintf(path, sizeof path, "%s/j.jsonl", temp);
    FILE *f = fopen(path, "w");
    fputs("{\"t\":\"note\"}\n{\"t\":\"no", f);
    fclose(f);
    Journal *j;
    assert_int_equal(journal_open(path, &j, NULL), STATUS_OK);
    append_record(j, 7, STATUS_OK);
    journal_close(j);
    assert_int_equal(file_read(path, 1000, &text, NULL, NULL), STATUS_OK);
    assert_string_equal(text, "{\"t\":\"note\"}\n{\"t\":\"note\",\"number\":7}\n");
    mem_free(text);
}

static void full_disk_leaves_whole_lines(void **state)
{
    (void)state;
    char path[PATH_MAX], *text;
    size_t len;
    snprintf(path, sizeof path, "%s/full.jsonl", temp);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = { .rlim_cur = 50, .rlim_max = 50 };
        setrlimit(RLIMIT_FSIZE, &limit);
        Journal *j;
        Error err;
        if (journal_open(path, &j, &err) != STATUS_OK)
            _exit(1);
        Json *record = json_new_object();
        json_put_str(record, "t", "note");
        json_put_str(record, "text", "0123456789");
        bool first = journal_append(j, record, &err) == STATUS_OK;
        bool second = journal_append(j, record, &err) == STATUS_IO;
        _exit(first && second && strstr(err.msg, path) ? 0 : 2);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(file_read(path, 1000, &text, &len, NULL), STATUS_OK);
    assert_string_equal(text, "{\"t\":\"note\",\"text\":\"0123456789\"}\n");
    mem_free(text);
}

static void *send_words(void *self)
{
    static Error err[3];
    (void)self;
    control_send(temp, "pause", &err[0]);
    control_send(temp, "nonsense", &err[1]);
    control_send(temp, "stop", &err[2]);
    return err;
}

static void control_socket_takes_a_word_and_answers(void **state)
{
    (void)state;
    Control *c;
    Error err;
    assert_int_equal(control_open(temp, &c, &err), STATUS_OK);
    pthread_t thread;
    pthread_create(&thread, NULL, send_words, NULL);
    ControlWord words[2];
    int n = 0;
    while (n < 2) {
        ControlWord word = control_poll(c, 1000);
        if (word == CONTROL_NONE)
            continue;
        words[n++] = word;
        control_answer(c, word == CONTROL_STOP ? "not now" : NULL);
    }
    void *result;
    pthread_join(thread, &result);
    const Error *errors = result;
    assert_int_equal(words[0], CONTROL_PAUSE);
    assert_int_equal(words[1], CONTROL_STOP);
    assert_int_equal(errors[0].code, STATUS_OK);
    assert_non_null(strstr(errors[1].msg, "unknown word"));
    assert_non_null(strstr(errors[2].msg, "not now"));
    control_close(c);
    assert_int_equal(control_send(temp, "pause", &err), STATUS_IO);
    assert_non_null(strstr(err.msg, "not running"));
}

static void runs_are_found_by_name_and_path(void **state)
{
    (void)state;
    char path[PATH_MAX], file[PATH_MAX];
    Error err;
    snprintf(path, sizeof path, "%s/found", temp);
    mkdir(path, 0777);
    assert_int_equal(rundir_find(temp, "found", file, &err), STATUS_ARG);
    snprintf(file, sizeof file, "%s/run.yaml", path);
    close(open(file, O_CREAT | O_WRONLY, 0666));
    assert_int_equal(rundir_find(temp, "found", file, &err), STATUS_OK);
    assert_string_equal(file, path);
    strcat(path, "/");
    assert_int_equal(rundir_find("elsewhere", path, file, &err), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_taken_get_a_number),
        cmocka_unit_test(second_process_is_refused_with_pid),
        cmocka_unit_test(unwritable_directory_is_one_clear_error),
        cmocka_unit_test(torn_last_line_is_cut_before_the_next_append),
        cmocka_unit_test(full_disk_leaves_whole_lines),
        cmocka_unit_test(control_socket_takes_a_word_and_answers),
        cmocka_unit_test(runs_are_found_by_name_and_path),
    };
    return cmocka_run_group_tests(tests, make_temp, drop_temp);
}
