// SPDX-License-Identifier: MIT
#include "ui/term/term.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>

#include "src/base/alloc.h"
#include "ui/term/encode.h"
#include "ui/term/keys.h"
#include "ui/term/palette.h"

// The one terminal of the process: curses is a singleton, so is this.
static struct {
    bool up;
    GlyphTier glyphs;
    ColorTier color;
    Grid shadow; // what the screen shows
    Encoder encoder;
    char restore[256]; // bytes that bring the terminal back after a crash
    int restore_len;
    struct termios modes; // and its modes
} term;

static volatile sig_atomic_t quit_signal, was_continued;

bool term_quit_asked(void)
{
    return quit_signal != 0;
}

bool term_hung_up(void)
{
    return quit_signal == SIGHUP;
}

static bool locale_is_utf8(void)
{
    const char *codeset = nl_langinfo(CODESET);
    return codeset && strcmp(codeset, "UTF-8") == 0;
}

static const char *term_name(void)
{
    const char *name = getenv("TERM");
    return name ? name : "dumb";
}

static bool term_is_plain(const char *name)
{
    return strcmp(name, "dumb") == 0 || strncmp(name, "vt", 2) == 0;
}

static Status pick_glyphs(const char *wish, GlyphTier *glyphs, Error *err)
{
    const char *name = term_name();
    if (!wish || strcmp(wish, "auto") == 0) {
        bool rich = locale_is_utf8() && strcmp(name, "linux") != 0 && strcmp(name, "dumb") != 0;
        *glyphs = rich ? GLYPHS_BRAILLE : GLYPHS_ASCII;
        return STATUS_OK;
    }
    if (strcmp(wish, "ascii") == 0) {
        *glyphs = GLYPHS_ASCII;
        return STATUS_OK;
    }
    if (strcmp(wish, "braille") != 0 && strcmp(wish, "block") != 0)
        return error_set(err, STATUS_ARG,
                         "--glyphs: expected braille, block, ascii or auto, got '%s'", wish);
    if (!locale_is_utf8())
        return error_set(err, STATUS_ARG,
                         "--glyphs=%s needs a UTF-8 locale: try LC_ALL=C.UTF-8, or --glyphs=ascii",
                         wish);
    *glyphs = strcmp(wish, "block") == 0 ? GLYPHS_BLOCK : GLYPHS_BRAILLE;
    return STATUS_OK;
}

static Status pick_color(const char *wish, ColorTier *color, Error *err)
{
    const char *no_color = getenv("NO_COLOR"), *name = term_name();
    const char *truecolor = getenv("COLORTERM");
    *color = COLOR_MONO;
    if (wish && strcmp(wish, "auto") != 0 && strcmp(wish, "always") != 0 &&
        strcmp(wish, "never") != 0)
        return error_set(err, STATUS_ARG, "--color: expected auto, always or never, got '%s'",
                         wish);
    if (wish && strcmp(wish, "never") == 0)
        return STATUS_OK;
    bool always = wish && strcmp(wish, "always") == 0;
    if (!always && ((no_color && *no_color) || term_is_plain(name)))
        return STATUS_OK;
    *color = strstr(name, "256") || (truecolor && *truecolor) ? COLOR_256 : COLOR_16;
    return STATUS_OK;
}

Status term_tiers(const TermOptions *o, GlyphTier *glyphs, ColorTier *color, Error *err)
{
    Status status = pick_glyphs(o->glyphs, glyphs, err);
    if (status == STATUS_OK)
        status = pick_color(o->color, color, err);
    if (status == STATUS_OK && o->theme && strcmp(o->theme, "dark") != 0 &&
        strcmp(o->theme, "light") != 0)
        return error_set(err, STATUS_ARG, "--theme: expected dark or light, got '%s'", o->theme);
    return status;
}

static void on_quit(int number)
{
    quit_signal = number;
}

static void on_continue(int number)
{
    (void)number;
    was_continued = 1;
}

bool term_continued(void)
{
    bool it_was = was_continued != 0;
    was_continued = 0;
    return it_was;
}

// A crash: only write(2) is safe here.
static void on_crash(int number)
{
    if (term.up) {
        if (write(STDOUT_FILENO, term.restore, (size_t)term.restore_len) < 0)
            _exit(128 + number);
        tcsetattr(STDIN_FILENO, TCSANOW, &term.modes);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void add_restore(const char *sequence)
{
    if (!sequence || sequence == (const char *)-1)
        return;
    size_t n = strlen(sequence), used = (size_t)term.restore_len;
    if (used + n < sizeof term.restore) {
        memcpy(term.restore + used, sequence, n);
        term.restore_len += (int)n;
    }
}

static void catch_signals(void)
{
    static const int quit[] = { SIGTERM, SIGHUP, SIGINT };
    static const int crash[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    struct sigaction action = { .sa_handler = on_quit };
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof quit / sizeof quit[0]; i++)
        sigaction(quit[i], &action, NULL);
    action.sa_handler = on_continue;
    sigaction(SIGCONT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    action.sa_handler = on_crash;
    for (size_t i = 0; i < sizeof crash / sizeof crash[0]; i++)
        sigaction(crash[i], &action, NULL);
    term.restore_len = 0;
    add_restore(tigetstr("sgr0"));
    add_restore(tigetstr("cnorm"));
    add_restore(tigetstr("rmkx"));
    add_restore(tigetstr("rmcup"));
}

static const char *ability(const char *name)
{
    const char *string = tigetstr(name);
    return string == (const char *)-1 ? NULL : string;
}

// What turns attributes off, without the way back from line-drawing characters: none are used.
static const char *plain_look(void)
{
    static char text[32];
    size_t n = 0;
    const char *s = ability("sgr0");
    while (s && *s && n + 1 < sizeof text)
        if (strncmp(s, "\033(B", 3) == 0)
            s += 3;
        else if (*s == '\017')
            s++;
        else
            text[n++] = *s++;
    text[n] = '\0';
    return text;
}

static bool newline_is_down(void)
{
    struct termios now;
    const char *down = ability("cud1");
    return down && strcmp(down, "\n") == 0 && tcgetattr(STDOUT_FILENO, &now) == 0 &&
           !((now.c_oflag & OPOST) && (now.c_oflag & ONLCR));
}

static void learn_terminal(bool light)
{
    int colors = tigetnum("colors");
    term.color = colors < 8                                ? COLOR_MONO
                 : term.color == COLOR_256 && colors < 256 ? COLOR_16
                                                           : term.color;
    palette_fill(term.encoder.look, term.color, light);
    term.encoder.caps = (EncodeCaps){ .address = ability("cup"),
                                      .column = ability("hpa"),
                                      .right = ability("cuf"),
                                      .left = ability("cub"),
                                      .clear = ability("clear"),
                                      .erase = ability("ech"),
                                      .erase_line = ability("el"),
                                      .region = ability("csr"),
                                      .down = ability("ri"),
                                      .up = ability("ind"),
                                      .plain = plain_look(),
                                      .color = ability("setaf"),
                                      .bold = ability("bold"),
                                      .reverse = ability("rev"),
                                      .underline = ability("smul"),
                                      .dim = ability("dim"),
                                      .newline_is_down = newline_is_down(),
                                      .no_corner = tigetflag("am") > 0 && tigetflag("xenl") <= 0 };
}

Status term_start(const TermOptions *o, Error *err)
{
    Status status = term_tiers(o, &term.glyphs, &term.color, err);
    if (status != STATUS_OK)
        return status;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return error_set(err, STATUS_ARG, "the dashboard needs a terminal: use --plain, or 'show'");
    int bad = 0;
    if (setupterm(NULL, STDOUT_FILENO, &bad) != OK)
        return error_set(err, STATUS_ARG, "unknown terminal type TERM=%s: try TERM=xterm",
                         term_name());
    if (!ability("cup"))
        return error_set(err, STATUS_ARG, "TERM=%s cannot place the cursor: use --plain",
                         term_name());
    del_curterm(cur_term); // it was only to know; curses reads its own
    tcgetattr(STDIN_FILENO, &term.modes);
    if (!initscr())
        return error_set(err, STATUS_ARG, "cannot set up the terminal TERM=%s", term_name());
    raw();
    noecho();
    nonl();
    keys_start();
    curs_set(0);
    refresh(); // the last that curses paints: a blank screen
    learn_terminal(o->theme && strcmp(o->theme, "light") == 0);
    catch_signals();
    if (!term.up)
        atexit(term_stop);
    term.up = true;
    return STATUS_OK;
}

void term_stop(void)
{
    if (!term.up)
        return;
    term.up = false;
    grid_fini(&term.shadow);
    mem_free(term.encoder.bytes);
    mem_free(term.encoder.other);
    mem_free(term.encoder.done);
    term.encoder.room = 0;
    if (!term_hung_up()) {
        term_mouse(false);
        endwin();
    }
}

void term_size(int *rows, int *cols)
{
    getmaxyx(stdscr, *rows, *cols);
}

GlyphTier term_glyphs(void)
{
    return term.glyphs;
}

static bool resize_shadow(int rows, int cols)
{
    Encoder *e = &term.encoder;
    size_t room = encode_room(rows, cols);
    mem_free(e->bytes);
    mem_free(e->other);
    mem_free(e->done);
    e->room = 0;
    e->bytes = mem_alloc(room);
    e->other = mem_alloc(room);
    e->done = mem_zero((size_t)rows * (size_t)cols + 1, sizeof *e->done);
    if (!e->bytes || !e->other || !e->done || !grid_resize(&term.shadow, rows, cols))
        return false;
    e->room = room;
    return true;
}

static void write_all(const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDOUT_FILENO, bytes, n);
        if (done < 0 && ((errno != EINTR && errno != EAGAIN) || quit_signal))
            return; // the loop sees the hangup, or that it is to end
        struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
        if (done < 0 && errno == EAGAIN && poll(&out, 1, -1) < 0 && errno != EINTR)
            return;
        bytes += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
}

void term_draw(const Grid *g, bool full)
{
    if (term.encoder.room == 0 || term.shadow.rows != g->rows || term.shadow.cols != g->cols) {
        if (!resize_shadow(g->rows, g->cols))
            return;
        full = true;
    }
    if (full)
        grid_clear(&term.shadow);
    size_t n = encode_frame(&term.encoder, &term.shadow, g, full);
    memcpy(term.shadow.cells, g->cells, (size_t)g->rows * (size_t)g->cols * sizeof *g->cells);
    write_all(term.encoder.bytes, n);
}

void term_cursor(int row, int col)
{
    static bool shown;
    if (row >= 0 || shown)
        curs_set(row >= 0);
    shown = row >= 0;
    if (shown) {
        const char *to = tiparm(term.encoder.caps.address, row, col);
        write_all(to, strlen(to));
    }
}

// ncurses' own SIGTSTP handler leaves the screen and repaints after SIGCONT.
void term_suspend(void)
{
    raise(SIGTSTP);
}

void term_leave(void)
{
    def_prog_mode();
    endwin();
}

void term_return(void)
{
    reset_prog_mode();
    refresh();
    curs_set(0);
}
