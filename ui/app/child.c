// SPDX-License-Identifier: MIT
#include "ui/app/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(int out, char *const argv[])
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execv("/proc/self/exe", argv);
    _exit(127);
}

bool child_start(Child *c, const char *what, char *const argv[])
{
    int ends[2];
    if (c->pid || pipe2(ends, O_CLOEXEC) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0)
        become(ends[1], argv);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *c = (Child){ .pid = pid, .fd = ends[0] };
    snprintf(c->what, sizeof c->what, "%s", what);
    return true;
}

bool child_poll(Child *c)
{
    if (!c->pid)
        return false;
    for (;;) {
        char rest[512]; // what does not fit is read and dropped, so that the child never blocks
        bool full = c->used >= CHILD_TEXT - 1;
        ssize_t n = full ? read(c->fd, rest, sizeof rest)
                         : read(c->fd, c->text + c->used, (size_t)(CHILD_TEXT - 1 - c->used));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false; // EAGAIN: more to come
        if (n == 0)
            break;
        if (!full)
            c->used += (int)n;
    }
    c->text[c->used] = '\0';
    int status = 0;
    waitpid(c->pid, &status, 0);
    c->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    close(c->fd);
    c->pid = 0;
    return true;
}

void child_stop(Child *c)
{
    if (!c->pid)
        return;
    kill(c->pid, SIGTERM);
    close(c->fd);
    waitpid(c->pid, NULL, 0);
    c->pid = 0;
}
