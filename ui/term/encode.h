// SPDX-License-Identifier: MIT
#ifndef UI_TERM_ENCODE_H
#define UI_TERM_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/draw/grid.h"

// What changed from one grid to the next, as few bytes for a terminal. No input or output, no
// allocation: the caller has the room. curses' own update goes line by line and turns colours on
// and off at every cell; here cells that look alike are sent together, all over the screen.

// How a role looks: a colour number, -1 the terminal's own, and ATTR_ bits.
typedef struct {
    short color;
    unsigned char attr;
} Look;

// Strings of the terminal, as in terminfo(5); NULL: it has none. Only `address` is needed.
typedef struct {
    const char *address, *clear;                  // cup, clear
    const char *column, *right, *left;            // hpa, cuf, cub
    const char *erase, *erase_line;               // ech, el
    const char *region, *down, *up;               // csr, ri, ind: lines move within a region
    const char *plain;                            // sgr0
    const char *color;                            // setaf
    const char *bold, *reverse, *underline, *dim; // bold, rev, smul, dim
    bool newline_is_down;                         // and does not return the cursor to the left
    bool no_corner; // writing to the last cell scrolls: it stays blank
} EncodeCaps;

typedef struct {
    EncodeCaps caps;
    Look look[ROLE_COUNT];
    // Room, both of encode_room(rows, cols) bytes.
    char *bytes, *other;
    size_t room;
    bool *done; // [rows * cols]
} Encoder;

size_t encode_room(int rows, int cols);
// Bytes that turn `from`, which the terminal shows, into `to`, of the same size; returns their
// number, they stand in e->bytes. `clear`: whatever it shows is cleared first. The terminal's
// look is plain before and after; nothing is known of its cursor.
// Moves rows of `from` where the terminal is told to.
size_t encode_frame(Encoder *e, Grid *from, const Grid *to, bool clear);

#endif
