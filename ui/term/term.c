// SPDX-License-Identifier: MIT
#include "ui/term/term.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>

#include "ui/term/keys.h"
#include "ui/term/palette.h"

// The one terminal of the process: curses is a singleton, so is this.
static struct {
    bool up;
    GlyphTier glyphs;
    ColorTier color;
    Grid shadow;       // what the screen shows
    char restore[256]; // bytes that bring the terminal back after a crash
    int restore_len;
    struct termios modes; // and its modes
} term;

static volatile sig_atomic_t quit_signal;

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
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static bool term_is_plain(const char *name)
{
    return strcmp(name, "dumb") == 0 || strncmp(name, "vt", 2) == 0;
}

static Status pick_glyphs(const char *wish, GlyphTier *glyphs, Error *err)
{
    const char *name = getenv("TERM") ? getenv("TERM") : "dumb";
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
    const char *no_color = getenv("NO_COLOR"), *name = getenv("TERM") ? getenv("TERM") : "dumb";
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
                         getenv("TERM") ? getenv("TERM") : "");
    tcgetattr(STDIN_FILENO, &term.modes);
    if (!initscr())
        return error_set(err, STATUS_ARG, "cannot set up the terminal TERM=%s", getenv("TERM"));
    raw();
    noecho();
    nonl();
    keys_start();
    curs_set(0);
    if (term.color != COLOR_MONO && has_colors())
        palette_start(term.color == COLOR_256 && COLORS >= 256,
                      o->theme && strcmp(o->theme, "light") == 0);
    else
        term.color = COLOR_MONO;
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

static bool same_cell(const Cell *a, const Cell *b)
{
    return a->ch == b->ch && a->role == b->role && a->attr == b->attr;
}

static void put_cell(int row, int col, const Cell *c)
{
    attr_t attr = A_NORMAL;
    if (c->attr & ATTR_BOLD)
        attr |= A_BOLD;
    if (c->attr & ATTR_REVERSE)
        attr |= A_REVERSE;
    if (c->attr & ATTR_UNDERLINE)
        attr |= A_UNDERLINE;
    if (c->attr & ATTR_DIM)
        attr |= A_DIM;
    short pair = 0;
    if (term.color != COLOR_MONO)
        pair = palette_pair(c->role);
    else
        attr |= palette_mono(c->role);
    wchar_t text[2] = { (wchar_t)(c->ch ? c->ch : ' '), 0 };
    cchar_t cell;
    setcchar(&cell, text, attr, pair, NULL);
    mvadd_wch(row, col, &cell);
}

void term_draw(const Grid *g, bool full)
{
    if (term.shadow.rows != g->rows || term.shadow.cols != g->cols) {
        if (!grid_resize(&term.shadow, g->rows, g->cols))
            return;
        full = true;
    }
    if (full)
        clearok(stdscr, TRUE);
    for (int row = 0; row < g->rows; row++)
        for (int col = 0; col < g->cols; col++) {
            const Cell *c = &g->cells[row * g->cols + col];
            Cell *old = &term.shadow.cells[row * g->cols + col];
            if (!full && same_cell(c, old))
                continue;
            *old = *c;
            if (c->ch) // the right half of a wide character comes with its left half
                put_cell(row, col, c);
        }
    refresh();
}

void term_cursor(int row, int col)
{
    curs_set(row >= 0);
    if (row >= 0) {
        move(row, col);
        refresh();
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
    clearok(stdscr, TRUE);
    refresh();
    curs_set(0);
}
