// SPDX-License-Identifier: MIT
#ifndef UI_DRAW_DOTS_H
#define UI_DRAW_DOTS_H

#include "ui/draw/grid.h"

// Plotting below the size of a cell. The dots live in the grid's own cells, so nothing is
// allocated: braille 2 x 4 dots a cell, half blocks 1 x 2, ASCII 1 x 2 (' . :) or, with a mark,
// 1 x 1. Several series may share a cell: dots add up, the last role wins.
typedef struct {
    Grid *grid;
    Rect area;
    int per_col, per_row; // dots a cell
    int width, height;    // dots in the area; (0, 0) is the top left one
    char mark;            // ASCII tier: draw this character instead of dots, 0: dots
} Dots;

Dots dots_open(Grid *g, Rect area, char mark);
void dots_put(Dots *d, int x, int y, Role role);
void dots_line(Dots *d, int x0, int y0, int x1, int y1, Role role);

#endif
