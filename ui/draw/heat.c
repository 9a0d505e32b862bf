// SPDX-License-Identifier: MIT
#include "ui/draw/heat.h"

#include <math.h>
#include <stdio.h>

Role heat_role(double v)
{
    if (!isfinite(v))
        return ROLE_DIM;
    int step = (int)(fmin(fmax(v, 0), 1) * 7.999);
    return (Role)(ROLE_HEAT_0 + step);
}

static uint32_t shade(const Grid *g, double v)
{
    static const char ascii[] = " .:-=+*#%@";
    static const uint32_t blocks[5] = { ' ', 0x2591, 0x2592, 0x2593, 0x2588 };
    v = fmin(fmax(v, 0), 1);
    if (g->ascii_only || g->glyphs == GLYPHS_ASCII)
        return (unsigned char)ascii[(int)(v * 9.999)];
    return blocks[(int)(v * 4.999)];
}

void heat_cell(Grid *g, int row, int col, int cols, double v, bool marked, bool absent)
{
    char text[16];
    int attr = marked ? ATTR_BOLD : 0;
    Role role = heat_role(v);
    if (absent) {
        grid_put(g, row, col + cols / 2, '.', ROLE_DIM, 0);
        return;
    }
    if (!isfinite(v))
        snprintf(text, sizeof text, "nan");
    else if (v >= 0.995)
        snprintf(text, sizeof text, cols >= 4 ? "1.0" : "99");
    else
        snprintf(text, sizeof text, cols >= 4 ? ".%02d" : "%2d", (int)(v * 100 + 0.5));
    if (cols < 2) {
        grid_put(g, row, col, isfinite(v) ? '0' + (uint32_t)(v * 9.99) : '?', role, attr);
        return;
    }
    bool ascii = g->ascii_only || g->glyphs == GLYPHS_ASCII;
    if (cols >= (ascii ? 6 : 5) && isfinite(v)) // ". .12" reads, "..12" does not
        grid_put(g, row, col++, shade(g, v), role, attr);
    if (cols >= 6) // the shade carries the colour: digits that change cost no change of colour
        role = ROLE_TEXT;
    if (cols >= 6 && marked)
        grid_put(g, row, col, '[', role, attr);
    if (cols >= 6)
        col++;
    int used = grid_text(g, row, col, cols, role, attr, text);
    if (marked && cols >= 3)
        grid_put(g, row, col + used, cols >= 6 ? ']' : '*', role, attr);
}
