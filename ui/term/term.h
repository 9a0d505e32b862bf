// SPDX-License-Identifier: MIT
#ifndef UI_TERM_TERM_H
#define UI_TERM_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"
#include "ui/draw/grid.h"

// The terminal: the only place that knows ncurses, which has its modes, keys, size and
// capabilities; what is painted goes through encode.h. One terminal a process. Restores the screen
// on every way out: term_stop, exit(), fatal signals.

typedef enum { COLOR_MONO, COLOR_16, COLOR_256 } ColorTier;

typedef struct {
    const char *glyphs; // braille, block, ascii, auto; NULL: auto
    const char *color;  // auto, always, never; NULL: auto
    const char *theme;  // dark, light; NULL: dark
} TermOptions;

// Keys: Unicode code points, or one of these.
enum {
    TKEY_NONE = -1,
    TKEY_RESIZE = 0x110000,
    TKEY_UP,
    TKEY_DOWN,
    TKEY_LEFT,
    TKEY_RIGHT,
    TKEY_HOME,
    TKEY_END,
    TKEY_PAGE_UP,
    TKEY_PAGE_DOWN,
    TKEY_BACKTAB,
    TKEY_BACKSPACE,
    TKEY_DELETE,
    TKEY_ENTER,
    TKEY_F1,
    TKEY_MOUSE
};

// Tiers from the options, the locale and TERM; STATUS_ARG for a value that is none of the names or
// cannot work here. Usable without a started terminal (`show`).
Status term_tiers(const TermOptions *options, GlyphTier *glyphs, ColorTier *color, Error *err);

Status term_start(const TermOptions *options, Error *err); // STATUS_ARG: no tty, unknown TERM
void term_stop(void);
void term_size(int *rows, int *cols);
GlyphTier term_glyphs(void);
// Copies what changed since the last call to the screen. `full`: repaints everything.
void term_draw(const Grid *grid, bool full);
void term_cursor(int row, int col); // where the cursor stands; row < 0 hides it
int term_key(void);                 // next key, TKEY_NONE if there is none
void term_mouse(bool on);
bool term_mouse_event(int *row, int *col, int *wheel); // of the last TKEY_MOUSE
void term_suspend(void);                               // ^Z: stops this process, returns after fg
// Hands the terminal to a child (an editor) and takes it back.
void term_leave(void);
void term_return(void);
// Set by TERM, HUP and INT (from outside); the loop ends on it.
bool term_quit_asked(void);
bool term_continued(void); // stopped and continued since the last call: the screen may be another's
bool term_hung_up(void);   // the terminal is gone: nothing may be written to it any more

#endif
