// SPDX-License-Identifier: MIT
#include "ui/app/layout.h"

enum { WIDE = 120, MIDDLE = 80, LIST_COLS = 26 };

static int side_cols(int cols)
{
    return cols >= WIDE ? 36 + (cols - WIDE) / 4 : cols / 3;
}

Layout layout_compute(int rows, int cols, LayoutFlags flags)
{
    Layout l = { 0 };
    if (rows < LAYOUT_MIN_ROWS || cols < LAYOUT_MIN_COLS) {
        l.too_small = true;
        l.message = (Rect){ rows / 2, 0, rows > 0, cols };
        return l;
    }
    l.header = (Rect){ 0, 0, 1, cols };
    l.tabs = (Rect){ 1, 0, 1, cols };
    l.footer = (Rect){ rows - 1, 0, 1, cols };
    int top = 2, bottom = rows - 1;
    if (flags.alert) {
        bottom--;
        l.alert = (Rect){ bottom, 0, 1, cols };
    }
    int left = 0, right = cols;
    if (!flags.zoom && cols >= WIDE) {
        l.list = (Rect){ top, 0, bottom - top, LIST_COLS };
        left = LIST_COLS + 1;
    }
    if (!flags.zoom && !flags.no_side && cols >= MIDDLE) {
        int side = side_cols(cols);
        right = cols - side - 1;
        l.side = (Rect){ top, right + 1, bottom - top, side };
    }
    l.main = (Rect){ top, left, bottom - top, right - left };
    return l;
}
