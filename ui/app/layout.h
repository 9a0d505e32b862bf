// SPDX-License-Identifier: MIT
#ifndef UI_APP_LAYOUT_H
#define UI_APP_LAYOUT_H

#include <stdbool.h>

#include "ui/draw/grid.h"

// Where things stand on the screen, as a pure function of its size.
//
//   header                       row 0: what, where, state
//   tabs                         row 1: views
//   list | main | side           wide: all three; 80-119 columns: main and side; else the main;
//                                a column between them is left for a line
//   alert                        one row, only when there is one
//   footer                       keys of the focused pane, or the prompt
typedef struct {
    bool too_small; // under 40x10: only `message` is set
    Rect message, header, tabs, list, main, side, alert, footer; // rows 0: absent
} Layout;

typedef struct {
    bool alert; // a row for it
    bool zoom;  // main pane alone
    bool no_side;
} LayoutFlags;

enum { LAYOUT_MIN_ROWS = 10, LAYOUT_MIN_COLS = 40 };

Layout layout_compute(int rows, int cols, LayoutFlags flags);

#endif
