// SPDX-License-Identifier: MIT
#include "src/cmd/start.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/conf/settings.h"
#include "src/search/search.h"

static atomic_int stop_flag;
static volatile sig_atomic_t interrupted;

atomic_int *start_stop_flag(void)
{
    return &stop_flag;
}

bool start_interrupted(void)
{
    return interrupted;
}

static void on_signal(int number)
{
    if (interrupted && number == SIGINT)
        _exit(130); // asked twice
    interrupted = 1;
    atomic_store(&stop_flag, 1);
}

void start_signals(bool searching)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (searching)
        signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

void start_report(int fd, Status status, const char *text)
{
    char line[PATH_MAX + 16];
    int n = snprintf(line, sizeof line, "%d %s", (int)status, text);
    if (write(fd, line, (size_t)n) != n)
        fprintf(stderr, "%s\n", text); // nobody listens any more: the log still has it
    close(fd);
}

static void become_background(void)
{
    setsid();
    signal(SIGHUP, SIG_IGN);
    int null = open("/dev/null", O_RDWR);
    if (null < 0)
        return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    if (null > STDERR_FILENO)
        close(null);
}

static Status read_report(int fd, pid_t child, char *text)
{
    char line[PATH_MAX + 16];
    size_t used = 0;
    ssize_t n;
    while (used < sizeof line - 1 && (n = read(fd, line + used, sizeof line - 1 - used)) > 0)
        used += (size_t)n;
    line[used] = '\0';
    int code, skip;
    if (sscanf(line, "%d %n", &code, &skip) == 1) {
        snprintf(text, PATH_MAX, "%s", line + skip);
        if (code != STATUS_OK)
            waitpid(child, NULL, 0);
        return (Status)code;
    }
    waitpid(child, NULL, 0);
    snprintf(text, PATH_MAX, "the search ended before it began");
    return STATUS_IO;
}

Status start_background(int (*job)(void *self, int ready_fd), void *self, char *text)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        snprintf(text, PATH_MAX, "cannot make a pipe");
        return STATUS_IO;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        snprintf(text, PATH_MAX, "cannot start a process");
        return STATUS_IO;
    }
    if (child == 0) {
        close(ends[0]);
        become_background();
        int code = job(self, ends[1]);
        fflush(NULL);
        _exit(code);
    }
    close(ends[1]);
    Status status = read_report(ends[0], child, text);
    close(ends[0]);
    return status;
}

int start_help_settings(void)
{
    int n;
    const SettingKey *keys = settings_keys(&n);
    for (int i = 0; i < n; i++) {
        const SettingKey *k = &keys[i];
        printf("%s: %s%s%s\n    %s", k->key, k->fallback[0] ? k->fallback : "\"\"",
               k->unit[0] ? " " : "", k->unit, k->doc);
        if (k->kind == KEY_CHOICE)
            printf(" (%s)", k->choices[0] == '|' ? k->choices + 1 : k->choices);
        if (k->source[0])
            printf(" [%s]", k->source);
        putchar('\n');
    }
    return 0;
}

int start_help_strategies(void)
{
    int n;
    const SearchStrategy *table = search_table(&n);
    for (int i = 0; i < n; i++)
        printf("%-12s %s [%s]\n", table[i].name, table[i].summary, table[i].paper);
    return 0;
}
