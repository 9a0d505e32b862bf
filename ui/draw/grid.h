// SPDX-License-Identifier: MIT
#ifndef UI_DRAW_GRID_H
#define UI_DRAW_GRID_H

#include <stdbool.h>
#include <stdint.h>

// A rectangle of character cells: what views draw into and what tests compare. No curses here;
// ui/term copies a grid to the screen, `dartboard show` prints one. Colours are roles.

typedef enum {
    ROLE_TEXT,
    ROLE_DIM,
    ROLE_TITLE,
    ROLE_FOCUS,
    ROLE_SELECT,
    ROLE_OK,
    ROLE_WARN,
    ROLE_BAD,
    ROLE_AXIS,
    ROLE_GRID,
    ROLE_SERIES_1,
    ROLE_SERIES_2,
    ROLE_SERIES_3,
    ROLE_SERIES_4,
    ROLE_SERIES_5,
    ROLE_SERIES_6,
    ROLE_SERIES_7,
    ROLE_SERIES_8,
    ROLE_HEAT_0, // heat map steps, low to high: 0 .. 7
    ROLE_HEAT_7 = ROLE_HEAT_0 + 7,
    ROLE_COUNT
} Role;

enum { ATTR_BOLD = 1, ATTR_REVERSE = 2, ATTR_UNDERLINE = 4, ATTR_DIM = 8 };
typedef enum { GLYPHS_ASCII, GLYPHS_BLOCK, GLYPHS_BRAILLE } GlyphTier;

typedef struct {
    uint32_t ch; // code point; 0: right half of a wide character
    uint8_t role, attr;
    uint8_t line; // mask of the line drawn here, 0 if it is not one
} Cell;

typedef struct {
    int row, col, rows, cols;
} Rect;

typedef struct {
    int rows, cols;
    Cell *cells; // [rows][cols]
    GlyphTier glyphs;
    bool ascii_only; // no code point above 126
    Rect clip;       // nothing is written outside; the whole grid after grid_resize
} Grid;

// Caller owns the memory through grid_resize; drawing never allocates. Everything clips.
bool grid_resize(Grid *g, int rows, int cols); // false when out of memory; content cleared
void grid_fini(Grid *g);
void grid_clear(Grid *g);
// Narrows the clip to its part inside r; returns the old one, for `g->clip = old` afterwards.
Rect grid_clip(Grid *g, Rect r);
// The part of both; empty ones have rows or cols 0.
Rect rect_common(Rect a, Rect b);
Rect rect_inset(Rect r, int rows, int cols);          // smaller by rows, cols on every side
const Cell *grid_at(const Grid *g, int row, int col); // NULL outside
void grid_put(Grid *g, int row, int col, uint32_t ch, Role role, int attr);
// UTF-8 text from (row, col), at most `width` columns (<0: to the right edge); returns columns
// used. Truncation by columns with an ellipsis ("~" in ASCII). Bytes that are not UTF-8 and
// control characters become '?'.
int grid_text(Grid *g, int row, int col, int width, Role role, int attr, const char *text);
int grid_printf(Grid *g, int row, int col, int width, Role role, int attr, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));
void grid_fill(Grid *g, Rect r, uint32_t ch, Role role, int attr);
// Lines by a 4-bit mask up=1 right=2 down=4 left=8, merged with what is there: junctions appear
// by themselves.
void grid_line(Grid *g, int row, int col, int mask, Role role);
void grid_hline(Grid *g, int row, int col, int cols, Role role);
void grid_vline(Grid *g, int row, int col, int rows, Role role);
// Frame with a title; a focused one is bold and reversed. Returns the inside.
Rect grid_box(Grid *g, Rect r, const char *title, bool focused);
// Letter of a role in the second plane of a dump; upper case when reversed.
char role_letter(Role role);
// Grid as text, a row a line, trailing blanks cut; then, if roles, a second plane of role
// letters. Caller frees. NULL when out of memory.
char *grid_dump(const Grid *g, bool roles);

#endif
