// SPDX-License-Identifier: MIT
#include "ui/draw/dots.h"

#include <stdlib.h>

Dots dots_open(Grid *g, Rect area, char mark)
{
    bool ascii = g->ascii_only || g->glyphs == GLYPHS_ASCII;
    Dots d = { .grid = g, .area = area, .per_col = 1, .per_row = 2 };
    if (!ascii && g->glyphs == GLYPHS_BRAILLE) {
        d.per_col = 2;
        d.per_row = 4;
    }
    if (ascii && mark) {
        d.per_row = 1;
        d.mark = mark;
    }
    d.width = area.cols * d.per_col;
    d.height = area.rows * d.per_row;
    return d;
}

static void put_braille(Grid *g, int row, int col, int dx, int dy, Role role)
{
    static const uint8_t bit[4][2] = { { 1, 8 }, { 2, 16 }, { 4, 32 }, { 64, 128 } };
    const Cell *cell = grid_at(g, row, col);
    uint32_t old = cell && cell->ch >= 0x2800 && cell->ch <= 0x28FF ? cell->ch - 0x2800 : 0;
    grid_put(g, row, col, 0x2800 + (old | bit[dy][dx]), role, 0);
}

// Two dots a cell, one above the other: upper, lower, both.
static void put_half(Grid *g, int row, int col, int dy, Role role, const uint32_t glyph[3])
{
    const Cell *cell = grid_at(g, row, col);
    int old = 0;
    for (int i = 0; i < 3; i++)
        if (cell && cell->ch == glyph[i])
            old = i + 1;
    grid_put(g, row, col, glyph[(old | (dy ? 2 : 1)) - 1], role, 0);
}

void dots_put(Dots *d, int x, int y, Role role)
{
    static const uint32_t half[3] = { 0x2580, 0x2584, 0x2588 }, ascii[3] = { '\'', '.', ':' };
    if (x < 0 || y < 0 || x >= d->width || y >= d->height)
        return;
    int row = d->area.row + y / d->per_row, col = d->area.col + x / d->per_col;
    if (d->mark)
        grid_put(d->grid, row, col, (unsigned char)d->mark, role, 0);
    else if (d->per_row == 4)
        put_braille(d->grid, row, col, x % 2, y % 4, role);
    else
        put_half(d->grid, row, col, y % 2, role,
                 d->grid->ascii_only || d->grid->glyphs == GLYPHS_ASCII ? ascii : half);
}

void dots_line(Dots *d, int x0, int y0, int x1, int y1, Role role)
{
    int dx = abs(x1 - x0), dy = -abs(y1 - y0), error = dx + dy;
    int sx = x0 < x1 ? 1 : -1, sy = y0 < y1 ? 1 : -1;
    for (;;) {
        dots_put(d, x0, y0, role);
        if (x0 == x1 && y0 == y1)
            return;
        int twice = 2 * error;
        if (twice >= dy) {
            error += dy;
            x0 += sx;
        }
        if (twice <= dx) {
            error += dx;
            y0 += sy;
        }
    }
}
