// SPDX-License-Identifier: MIT
#include "ui/app/show_print.h"

#include <string.h>

#include "src/base/alloc.h"
#include "ui/draw/utf8.h"

// 256-colour codes: the series in Okabe-Ito order as in the dashboard; -1 keeps the terminal's.
static int role_color(Role role)
{
    static const short codes[ROLE_COUNT] = {
        [ROLE_TEXT] = -1,        [ROLE_DIM] = 245,       [ROLE_TITLE] = -1,
        [ROLE_FOCUS] = -1,       [ROLE_SELECT] = -1,     [ROLE_OK] = 36,
        [ROLE_WARN] = 214,       [ROLE_BAD] = 203,       [ROLE_AXIS] = 245,
        [ROLE_GRID] = 240,       [ROLE_SERIES_1] = 32,   [ROLE_SERIES_2] = 166,
        [ROLE_SERIES_3] = 36,    [ROLE_SERIES_4] = 214,  [ROLE_SERIES_5] = 74,
        [ROLE_SERIES_6] = 175,   [ROLE_SERIES_7] = 250,  [ROLE_SERIES_8] = 243,
        [ROLE_HEAT_0] = 240,     [ROLE_HEAT_0 + 1] = 24, [ROLE_HEAT_0 + 2] = 25,
        [ROLE_HEAT_0 + 3] = 31,  [ROLE_HEAT_0 + 4] = 37, [ROLE_HEAT_0 + 5] = 114,
        [ROLE_HEAT_0 + 6] = 185, [ROLE_HEAT_7] = 226,
    };
    return role >= 0 && role < ROLE_COUNT ? codes[role] : -1;
}

static void print_style(const Cell *cell, FILE *out)
{
    int color = cell->ch == ' ' ? -1 : role_color((Role)cell->role);
    fputs("\033[0", out);
    if (cell->attr & ATTR_BOLD)
        fputs(";1", out);
    if (cell->attr & ATTR_DIM)
        fputs(";2", out);
    if (cell->attr & ATTR_UNDERLINE)
        fputs(";4", out);
    if (cell->attr & ATTR_REVERSE)
        fputs(";7", out);
    if (color >= 0)
        fprintf(out, ";38;5;%d", color);
    fputc('m', out);
}

static bool same_style(const Cell *a, const Cell *b)
{
    return a->role == b->role && a->attr == b->attr;
}

static void print_row(const Grid *g, int row, FILE *out)
{
    Cell last = { .role = ROLE_TEXT };
    int n = g->cols;
    while (n > 0 && grid_at(g, row, n - 1)->ch == ' ' && !grid_at(g, row, n - 1)->attr)
        n--;
    for (int col = 0; col < n; col++) {
        const Cell *cell = grid_at(g, row, col);
        char text[5];
        if (!cell->ch)
            continue;
        if (!same_style(cell, &last))
            print_style(cell, out);
        last = *cell;
        utf8_encode(cell->ch, text);
        fputs(text, out);
    }
    if (last.role != ROLE_TEXT || last.attr)
        fputs("\033[0m", out);
    fputc('\n', out);
}

static int used_rows(const Grid *g)
{
    for (int row = g->rows; row > 0; row--)
        for (int col = 0; col < g->cols; col++)
            if (grid_at(g, row - 1, col)->ch != ' ')
                return row;
    return 0;
}

bool show_print(const Grid *grid, bool color, bool roles, FILE *out)
{
    Grid shown = *grid; // the same cells, fewer rows
    shown.rows = used_rows(grid);
    if (color && !roles) {
        for (int row = 0; row < shown.rows; row++)
            print_row(&shown, row, out);
    } else {
        char *text = grid_dump(&shown, roles);
        if (!text)
            return false;
        fputs(text, out);
        mem_free(text);
    }
    return fflush(out) == 0 && !ferror(out);
}
