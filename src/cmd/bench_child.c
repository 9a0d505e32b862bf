// SPDX-License-Identifier: MIT
#include "src/cmd/bench_child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void bench_child_say(FILE *out, Json *record)
{
    Str line = { 0 };
    if (json_write(record, &line, NULL) == STATUS_OK) {
        fprintf(out, "%s\n", str_text(&line));
        fflush(out);
    }
    str_fini(&line);
    json_free(record);
}

static void close_pair(const int fd[2])
{
    close(fd[0]);
    close(fd[1]);
}

// Both pipes and the fork. In the child *pid is 0 and fd holds its ends: read, write.
static Status split(pid_t *pid, int fd[2], Error *err)
{
    int down[2], up[2];
    if (pipe2(down, O_CLOEXEC) != 0)
        return error_errno(err, "a pipe to a measuring process");
    if (pipe2(up, O_CLOEXEC) != 0) {
        close_pair(down);
        return error_errno(err, "a pipe to a measuring process");
    }
    fflush(NULL);
    *pid = fork();
    if (*pid < 0) {
        Status status = error_errno(err, "starting a measuring process");
        close_pair(down);
        close_pair(up);
        return status;
    }
    bool here = *pid > 0;
    fd[0] = here ? up[0] : down[0];
    fd[1] = here ? down[1] : up[1];
    close(here ? up[1] : down[1]);
    close(here ? down[0] : up[0]);
    return STATUS_OK;
}

static Status adopt(BenchChild *child, pid_t pid, const int fd[2], Error *err)
{
    *child = (BenchChild){ .pid = pid, .from = fdopen(fd[0], "r"), .to = fdopen(fd[1], "w") };
    if (child->from && child->to)
        return STATUS_OK;
    bench_child_end(child);
    return error_set(err, STATUS_NOMEM, "no memory for a measuring process");
}

static _Noreturn void run_job(BenchJob job, void *self, const int fd[2])
{
    FILE *in = fdopen(fd[0], "r"), *out = fdopen(fd[1], "w");
    Error err = { 0 };
    if (!in || !out)
        _exit(1);
    Status status = job(self, in, out, &err);
    if (status != STATUS_OK) {
        char text[1024];
        Json *o = json_new_object();
        json_put_str(o, "error", error_text(&err, text, sizeof text));
        bench_child_say(out, o);
    }
    fflush(out);
    _exit(status == STATUS_OK ? 0 : 1);
}

Status bench_child_fork(BenchJob job, void *self, BenchChild *child, Error *err)
{
    pid_t pid;
    int fd[2];
    Status status = split(&pid, fd, err);
    if (status != STATUS_OK)
        return status;
    if (pid == 0)
        run_job(job, self, fd);
    return adopt(child, pid, fd, err);
}

Status bench_child_exec(char *const argv[], BenchChild *child, Error *err)
{
    pid_t pid;
    int fd[2];
    Status status = split(&pid, fd, err);
    if (status != STATUS_OK)
        return status;
    if (pid == 0) {
        unsetenv("OPENBLAS_NUM_THREADS"); // ours, not theirs
        if (dup2(fd[0], STDIN_FILENO) >= 0 && dup2(fd[1], STDOUT_FILENO) >= 0)
            execvp(argv[0], argv);
        _exit(127);
    }
    return adopt(child, pid, fd, err);
}

// Says how the child ended; its line is not there.
static Status ended(BenchChild *child, Json **record, Error *err)
{
    int how = 0;
    *record = NULL;
    pid_t got = waitpid(child->pid, &how, 0);
    child->pid = 0;
    if (got < 0)
        return error_errno(err, "waiting for a measuring process");
    if (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL)
        return error_set(err, STATUS_NOMEM,
                         "the measuring process was killed, most likely for want of memory");
    if (WIFSIGNALED(how))
        return error_set(err, STATUS_IO, "the measuring process died of signal %d (%s)",
                         WTERMSIG(how), strsignal(WTERMSIG(how)));
    if (WEXITSTATUS(how) == 127)
        return error_set(err, STATUS_ARG, "the program cannot be run; expected one that can");
    if (WEXITSTATUS(how) != 0)
        return error_set(err, STATUS_IO, "the measuring process ended with code %d",
                         WEXITSTATUS(how));
    return STATUS_OK;
}

Status bench_child_read(BenchChild *child, Json **record, Error *err)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len = getline(&line, &cap, child->from);
    if (len <= 0) {
        free(line);
        return ended(child, record, err);
    }
    *record = json_parse(line, (size_t)len, err);
    free(line);
    if (!*record)
        return error_wrap(err, "answer of a measuring process");
    const char *failed = json_get_str(*record, "error", NULL);
    if (!failed)
        return STATUS_OK;
    error_set(err, STATUS_IO, "%s", failed);
    json_free(*record);
    *record = NULL;
    return STATUS_IO;
}

Status bench_child_ask(BenchChild *child, Json **record, Error *err)
{
    fputc('\n', child->to);
    fflush(child->to); // a dead child shows at the read
    Status status = bench_child_read(child, record, err);
    if (status == STATUS_OK && !*record)
        status = error_set(err, STATUS_IO, "the measuring process ended without an answer");
    return status;
}

void bench_child_end(BenchChild *child)
{
    if (child->to)
        fclose(child->to);
    if (child->from)
        fclose(child->from);
    if (child->pid > 0)
        waitpid(child->pid, NULL, 0);
    *child = (BenchChild){ 0 };
}
