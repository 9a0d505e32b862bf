// SPDX-License-Identifier: MIT
#include "tests/pty/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifdef PTY_HAS_SCREEN
#include <vterm.h>
#endif

char pty_bin[4096], pty_home[4096], pty_temp[4096];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// ---- start and end ------------------------------------------------------------------------------

static void set_environment(const char *const *env)
{
    char share[4200];
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("NO_COLOR");
    unsetenv("COLORTERM");
    unsetenv("VISUAL");
    unsetenv("EDITOR");
    snprintf(share, sizeof share, "%s", pty_home);
    setenv("DARTBOARD_SHARE", share, 1);
    setenv("DARTBOARD_BIN", pty_bin, 1);
    for (; env && *env; env++) {
        char name[256];
        const char *equals = strchr(*env, '=');
        snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - *env) : 255, *env);
        if (equals)
            setenv(name, equals + 1, 1);
        else
            unsetenv(name);
    }
}

static void become(const PtyStart *start)
{
    char *argv[16] = { 0 };
    for (int i = 0; i < 15 && (i == 0 || start->argv[i]); i++)
        argv[i] = start->argv[i] ? (char *)start->argv[i] : pty_bin;
    signal(SIGHUP, SIG_DFL);
    set_environment(start->env);
    if (chdir(start->dir ? start->dir : pty_temp) == 0)
        execvp(argv[0], argv);
    _exit(127);
}

// Left open by a test that failed.
static Pty *last;

void pty_close_last(void)
{
    if (last)
        pty_close(last);
}

Pty *pty_start(const PtyStart *start)
{
    pty_close_last();
    Pty *p = calloc(1, sizeof *p);
    assert_non_null(p);
    struct winsize size = { .ws_row = (unsigned short)start->rows,
                            .ws_col = (unsigned short)start->cols };
    p->rows = start->rows;
    p->cols = start->cols;
    p->pid = forkpty(&p->fd, NULL, NULL, &size);
    assert_true(p->pid >= 0);
    if (p->pid == 0)
        become(start);
    last = p;
    fcntl(p->fd, F_SETFL, O_NONBLOCK);
    fcntl(p->fd, F_SETFD, FD_CLOEXEC);
#ifdef PTY_HAS_SCREEN
    VTerm *vt = vterm_new(start->rows, start->cols);
    vterm_set_utf8(vt, 1);
    vterm_screen_enable_altscreen(vterm_obtain_screen(vt), 1);
    vterm_screen_reset(vterm_obtain_screen(vt), 1);
    p->vt = vt;
#endif
    return p;
}

Pty *pty_dashboard(int rows, int cols, const char *const *argv)
{
    const char *all[16] = { NULL };
    for (int i = 0; argv[i] && i < 14; i++)
        all[i + 1] = argv[i];
    return pty_start(&(PtyStart){ .rows = rows, .cols = cols, .argv = all });
}

void pty_close(Pty *p)
{
    if (!p->ended) {
        kill(-p->pid, SIGKILL); // the group: a shell and what runs in it
        kill(p->pid, SIGKILL);
        waitpid(p->pid, &p->status, 0);
    }
    if (p->fd >= 0)
        close(p->fd);
#ifdef PTY_HAS_SCREEN
    vterm_free(p->vt);
#endif
    free(p->raw);
    free(p);
    last = NULL;
}

// ---- bytes in and out ---------------------------------------------------------------------------

static void keep(Pty *p, const char *bytes, size_t n)
{
    if (p->used + n + 1 > p->cap) {
        p->cap = (p->used + n + 1) * 2;
        p->raw = realloc(p->raw, p->cap);
        assert_non_null(p->raw);
    }
    memcpy(p->raw + p->used, bytes, n);
    p->used += n;
    p->raw[p->used] = '\0';
#ifdef PTY_HAS_SCREEN
    vterm_input_write(p->vt, bytes, n);
#endif
}

static bool drain(Pty *p)
{
    char bytes[8192];
    bool any = false;
    for (ssize_t n; p->fd >= 0 && (n = read(p->fd, bytes, sizeof bytes)) > 0;) {
        keep(p, bytes, (size_t)n);
        any = true;
    }
    return any;
}

bool pty_read(Pty *p, int ms)
{
    struct pollfd fd = { .fd = p->fd, .events = POLLIN };
    int ready = poll(&fd, 1, ms);
    bool any = drain(p);
    // After the last writer has gone poll returns at once, for ever.
    if (!any && ready > 0 && (fd.revents & POLLHUP))
        poll(NULL, 0, ms < 20 ? ms : 20);
    return any;
}

void pty_send(Pty *p, const char *bytes)
{
    size_t n = strlen(bytes);
    double deadline = now() + PTY_SECONDS;
    while (n > 0) {
        ssize_t done = write(p->fd, bytes, n);
        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        } else {
            assert_true(now() < deadline);
            pty_read(p, 10);
        }
    }
}

void pty_resize(Pty *p, int rows, int cols)
{
    struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
    drain(p);
    p->rows = rows;
    p->cols = cols;
#ifdef PTY_HAS_SCREEN
    vterm_set_size(p->vt, rows, cols);
#endif
    assert_int_equal(ioctl(p->fd, TIOCSWINSZ, &size), 0);
}

void pty_wipe(Pty *p)
{
#ifdef PTY_HAS_SCREEN
    vterm_input_write(p->vt, "\033[2J", 4);
#else
    (void)p;
#endif
}

// ---- the screen ---------------------------------------------------------------------------------

static void screen_text(const Pty *p, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
#ifdef PTY_HAS_SCREEN
    VTermScreen *screen = vterm_obtain_screen(p->vt);
    for (int row = 0; row < p->rows && used + 8 < size; row++) {
        VTermRect r = { .start_row = row, .end_row = row + 1, .start_col = 0, .end_col = p->cols };
        used += vterm_screen_get_text(screen, out + used, size - used - 2, r);
        out[used++] = '\n';
    }
    out[used] = '\0';
#else
    snprintf(out, size, "%s", p->raw ? p->raw : "");
    (void)used;
#endif
}

bool pty_shows(const Pty *p, const char *text)
{
    static char screen[200000];
    screen_text(p, screen, sizeof screen);
    return strstr(screen, text) != NULL;
}

static void show_and_fail(const Pty *p, const char *what, const char *text)
{
    static char screen[200000];
    screen_text(p, screen, sizeof screen);
    fail_msg("%s '%s' within %d s; the screen (%dx%d):\n%s", what, text, PTY_SECONDS, p->cols,
             p->rows, screen);
}

static void wait_for(Pty *p, const char *text, bool want)
{
    double deadline = now() + PTY_SECONDS;
    drain(p);
    while (pty_shows(p, text) != want) {
        if (now() > deadline)
            show_and_fail(p, want ? "not seen:" : "still there:", text);
        pty_read(p, 100);
    }
}

void pty_see(Pty *p, const char *text)
{
    wait_for(p, text, true);
}

void pty_gone(Pty *p, const char *text)
{
    wait_for(p, text, false);
}

bool pty_raw_has(const Pty *p, const char *bytes)
{
    return p->raw && strstr(p->raw, bytes);
}

void pty_see_raw(Pty *p, const char *bytes)
{
    double deadline = now() + PTY_SECONDS;
    while (!pty_raw_has(p, bytes)) {
        if (now() > deadline)
            show_and_fail(p, "not sent:", bytes);
        pty_read(p, 100);
    }
}

size_t pty_settle(Pty *p, int quiet_ms)
{
    size_t before = p->used;
    double deadline = now() + PTY_SECONDS;
    while (pty_read(p, quiet_ms))
        if (now() > deadline)
            show_and_fail(p, "no silence", "");
    return p->used - before;
}

int pty_wait_exit(Pty *p)
{
    double deadline = now() + PTY_SECONDS;
    while (!p->ended) {
        pid_t got = waitpid(p->pid, &p->status, WNOHANG);
        if (got == p->pid)
            p->ended = true;
        else if (now() > deadline)
            show_and_fail(p, "no exit", "");
        else if (p->fd >= 0)
            pty_read(p, 20);
        else
            poll(NULL, 0, 20);
    }
    if (p->fd >= 0)
        drain(p);
    return p->status;
}

bool pty_is_cooked(const Pty *p)
{
    struct termios modes;
    assert_int_equal(tcgetattr(p->fd, &modes), 0);
    return (modes.c_lflag & ICANON) && (modes.c_lflag & ECHO) && (modes.c_lflag & ISIG);
}

void pty_until(Pty *p, bool (*done)(const char *arg), const char *arg, const char *what)
{
    double deadline = now() + PTY_SECONDS;
    while (!done(arg)) {
        if (now() > deadline)
            show_and_fail(p, what, arg);
        if (p->fd >= 0)
            pty_read(p, 50);
        else
            poll(NULL, 0, 50);
    }
}

// ---- files --------------------------------------------------------------------------------------

char *pty_path(const char *name)
{
    static char paths[4][8300];
    static int at;
    at = (at + 1) % 4;
    snprintf(paths[at], sizeof paths[at], "%s/%s", pty_temp, name);
    return paths[at];
}

char *pty_text(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return NULL;
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static void copy_lines(const char *name, FILE *out, int from, int until)
{
    char path[8300];
    snprintf(path, sizeof path, "%s/tests/runs/%s", pty_home, name);
    char *text = pty_text(path);
    assert_non_null(text);
    int line = 0;
    for (char *at = text; *at; line++) {
        size_t n = strcspn(at, "\n") + 1;
        if (line >= from && (until == 0 || line < until))
            assert_int_equal(fwrite(at, 1, n, out), n);
        at += n;
    }
    free(text);
    assert_int_equal(fclose(out), 0);
}

void pty_record(const char *name, const char *to, int lines)
{
    FILE *out = fopen(pty_path(to), "w");
    assert_non_null(out);
    copy_lines(name, out, 0, lines);
}

void pty_append(const char *name, const char *to, int from, int until)
{
    FILE *out = fopen(pty_path(to), "a");
    assert_non_null(out);
    copy_lines(name, out, from, until);
}
