// SPDX-License-Identifier: MIT
// Loading behind a wall-clock deadline: a hook cannot stop a C function such as string.find with
// a bad pattern, a signal to a child process can.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/script/child.h"
#include "src/script/state.h"

pid_t child_fork(int close_fd)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        // Dies with its parent: an endless loop must not outlive who asked for it.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        signal(SIGINT, SIG_IGN); // the parent decides
        close(close_fd);
    }
    return pid;
}

bool child_write(int fd, const void *data, size_t n)
{
    const char *p = data;
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

ChildRead child_read(int fd, void *data, size_t n, double deadline)
{
    char *p = data;
    while (n > 0) {
        double left = deadline - script_now();
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        if (left <= 0)
            return CHILD_LATE;
        int rc = poll(&wait, 1, left > 3600 ? 3600000 : (int)(left * 1000) + 1);
        if (rc < 0 && errno != EINTR)
            return CHILD_GONE;
        if (rc <= 0)
            continue;
        ssize_t got = read(fd, p, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return CHILD_GONE;
        p += got;
        n -= (size_t)got;
    }
    return CHILD_OK;
}

void child_end(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void judge(const char *path, const ScriptOptions *options, ScriptTrace *trace, int fd)
{
    Error err = { 0 };
    Script *s;
    Space *space;
    Status status = script_load(path, options, trace, &s, &space, &err);
    err.code = status;
    child_write(fd, &err, sizeof err);
    _exit(0);
}

static Status verdict(const char *path, const ScriptTrace *trace, double seconds, ChildRead how,
                      const Error *judged, Error *err)
{
    if (how == CHILD_OK) {
        if (err)
            *err = *judged;
        return judged->code;
    }
    char where[LAST_PATH];
    snprintf(where, sizeof where, "%.*s", LAST_PATH - 1, trace->path[0] ? trace->path : path);
    int line = trace->line > 0 ? trace->line : 1;
    if (how == CHILD_LATE)
        return error_at(err, STATUS_SCRIPT, where, line,
                        "stopped after %g s inside a library function, such as a search for a "
                        "pattern with many repetitions",
                        seconds);
    return error_at(err, STATUS_SCRIPT, where, line,
                    "the process that loads the script died unexpectedly");
}

Status script_check_guarded(const char *path, const ScriptOptions *options, Error *err)
{
    ScriptTrace *trace =
        mmap(NULL, sizeof *trace, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (trace == MAP_FAILED)
        return error_errno(err, "cannot check %s", path);
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        munmap(trace, sizeof *trace);
        return error_errno(err, "cannot check %s", path);
    }
    ScriptOptions child = options ? *options : (ScriptOptions){ 0 };
    child.quiet = true; // the load that follows prints
    double seconds = child.seconds > 0 ? child.seconds : 5;
    Status status;
    pid_t pid = child_fork(fds[0]);
    if (pid == 0)
        judge(path, &child, trace, fds[1]);
    close(fds[1]);
    if (pid < 0) {
        status = error_errno(err, "cannot start a process to check %s", path);
    } else {
        Error judged = { 0 };
        // A little longer than the hook's own deadline, whose message is the better one.
        ChildRead how = child_read(fds[0], &judged, sizeof judged, script_now() + seconds + 0.5);
        child_end(pid);
        status = verdict(path, trace, seconds, how, &judged, err);
    }
    close(fds[0]);
    munmap(trace, sizeof *trace);
    return status;
}

Status script_load_space_guarded(const char *path, const ScriptOptions *options, Space **out,
                                 Error *err)
{
    *out = NULL;
    Status status = script_check_guarded(path, options, err);
    if (status != STATUS_OK)
        return status;
    return script_load_space(path, options, out, err);
}
