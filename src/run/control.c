// SPDX-License-Identifier: MIT
#include "src/run/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/base/alloc.h"
#include "src/run/rundir.h"

struct Control {
    int listen_fd, client_fd;
    int used;
    char line[64];
    char path[PATH_MAX];
};

// A socket address holds about 100 bytes, a run path can be longer: the address names the socket
// through a descriptor of its directory.
static int socket_address(const char *run, struct sockaddr_un *addr)
{
    int dir = open(run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    memset(addr, 0, sizeof *addr);
    addr->sun_family = AF_UNIX;
    snprintf(addr->sun_path, sizeof addr->sun_path, "/proc/self/fd/%d/control", dir);
    return dir;
}

Status control_open(const char *run, Control **out, Error *err)
{
    *out = NULL;
    Control *c = mem_zero(1, sizeof *c);
    if (!c)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", run);
    c->client_fd = -1;
    Status status = rundir_file(run, "control", c->path, err);
    c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (status == STATUS_OK && c->listen_fd < 0)
        status = error_errno(err, "cannot make a socket");
    if (status == STATUS_OK) {
        unlink(c->path); // left by a process that died: we hold the lock
        struct sockaddr_un addr;
        int dir = socket_address(run, &addr);
        if (bind(c->listen_fd, (struct sockaddr *)&addr, sizeof addr) < 0 ||
            listen(c->listen_fd, 8) < 0)
            status = error_errno(err, "cannot listen on %s", c->path);
        if (dir >= 0)
            close(dir);
    }
    if (status != STATUS_OK) {
        control_close(c);
        return status;
    }
    *out = c;
    return STATUS_OK;
}

static void drop_client(Control *c)
{
    if (c->client_fd >= 0)
        close(c->client_fd);
    c->client_fd = -1;
    c->used = 0;
}

void control_close(Control *c)
{
    if (!c)
        return;
    drop_client(c);
    if (c->listen_fd >= 0) {
        close(c->listen_fd);
        unlink(c->path);
    }
    mem_free(c);
}

static ControlWord word_of(const char *text)
{
    static const struct {
        const char *text;
        ControlWord word;
    } words[] = { { "pause", CONTROL_PAUSE },
                  { "resume", CONTROL_RESUME },
                  { "stop", CONTROL_STOP },
                  { "checkpoint", CONTROL_CHECKPOINT } };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(text, words[i].text) == 0)
            return words[i].word;
    return CONTROL_NONE;
}

// Whole line in the buffer? Answers unknown words itself.
static ControlWord take_line(Control *c)
{
    char *newline = memchr(c->line, '\n', (size_t)c->used);
    if (!newline) {
        if (c->used == (int)sizeof c->line)
            drop_client(c);
        return CONTROL_NONE;
    }
    *newline = '\0';
    if (newline > c->line && newline[-1] == '\r')
        newline[-1] = '\0';
    ControlWord word = word_of(c->line);
    c->used -= (int)(newline + 1 - c->line);
    memmove(c->line, newline + 1, (size_t)c->used);
    if (word == CONTROL_NONE)
        control_answer(c, "unknown word: expected pause, resume, stop or checkpoint");
    return word;
}

ControlWord control_poll(Control *c, int timeout_ms)
{
    struct pollfd fd = { .fd = c->client_fd >= 0 ? c->client_fd : c->listen_fd, .events = POLLIN };
    if (poll(&fd, 1, timeout_ms) <= 0)
        return CONTROL_NONE;
    if (c->client_fd < 0) {
        c->client_fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        c->used = 0;
        if (c->client_fd < 0)
            return CONTROL_NONE;
        fd.fd = c->client_fd;
        if (poll(&fd, 1, 100) <= 0) {
            drop_client(c); // a client that says nothing must not keep others waiting
            return CONTROL_NONE;
        }
    }
    ssize_t n = read(c->client_fd, c->line + c->used, sizeof c->line - (size_t)c->used);
    if (n <= 0) {
        drop_client(c);
        return CONTROL_NONE;
    }
    c->used += (int)n;
    return take_line(c);
}

void control_answer(Control *c, const char *error)
{
    char text[300];
    int n = error ? snprintf(text, sizeof text, "error %s\n", error)
                  : snprintf(text, sizeof text, "ok\n");
    if (c->client_fd >= 0 && send(c->client_fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        drop_client(c);
}

static Status exchange(int fd, const char *run, const char *word, Error *err)
{
    char text[320];
    int n = snprintf(text, sizeof text, "%s\n", word);
    if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        return error_errno(err, "cannot write to %s/control", run);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int used = 0;
    while (used < (int)sizeof text - 1 && poll(&p, 1, 60000) > 0) {
        ssize_t got = read(fd, text + used, sizeof text - 1 - (size_t)used);
        if (got <= 0)
            break;
        used += (int)got;
        if (text[used - 1] == '\n')
            break;
    }
    text[used] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (strcmp(text, "ok") == 0)
        return STATUS_OK;
    if (strncmp(text, "error ", 6) == 0)
        return error_set(err, STATUS_ARG, "%s", text + 6);
    return error_set(err, STATUS_IO, "%s did not answer '%s' within a minute", run, word);
}

Status control_send(const char *run, const char *word, Error *err)
{
    struct sockaddr_un addr;
    int dir = socket_address(run, &addr);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    Status status;
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        status = error_set(err, STATUS_IO, "%s is not running (nothing listens on %s/control)", run,
                           run);
    else
        status = exchange(fd, run, word, err);
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
    return status;
}
