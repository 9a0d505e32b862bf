// SPDX-License-Identifier: MIT
#include "ui/draw/grid.h"

#include <stdarg.h>
#include <stdio.h>

#include "src/base/alloc.h"
#include "src/base/str.h"
#include "ui/draw/utf8.h"

// Lines by mask: up 1, right 2, down 4, left 8.
static const uint16_t line_utf8[16] = { ' ',    0x2575, 0x2576, 0x2514, 0x2577, 0x2502,
                                        0x250C, 0x251C, 0x2574, 0x2518, 0x2500, 0x2534,
                                        0x2510, 0x2524, 0x252C, 0x253C };
static const char line_ascii[17] = " |-+||++-+-+++++";

bool grid_resize(Grid *g, int rows, int cols)
{
    rows = rows < 0 ? 0 : rows;
    cols = cols < 0 ? 0 : cols;
    size_t count = (size_t)rows * (size_t)cols;
    Cell *cells = mem_zero(count ? count : 1, sizeof *cells);
    if (!cells)
        return false;
    mem_free(g->cells);
    g->cells = cells;
    g->rows = rows;
    g->cols = cols;
    g->clip = (Rect){ 0, 0, rows, cols };
    grid_clear(g);
    return true;
}

void grid_fini(Grid *g)
{
    mem_free(g->cells);
    g->cells = NULL;
    g->rows = g->cols = 0;
    g->clip = (Rect){ 0 };
}

void grid_clear(Grid *g)
{
    for (int i = 0; i < g->rows * g->cols; i++)
        g->cells[i] = (Cell){ .ch = ' ', .role = ROLE_TEXT };
}

Rect rect_common(Rect a, Rect b)
{
    int top = a.row > b.row ? a.row : b.row;
    int left = a.col > b.col ? a.col : b.col;
    int bottom = a.row + a.rows < b.row + b.rows ? a.row + a.rows : b.row + b.rows;
    int right = a.col + a.cols < b.col + b.cols ? a.col + a.cols : b.col + b.cols;
    return (Rect){ top, left, bottom > top ? bottom - top : 0, right > left ? right - left : 0 };
}

Rect rect_inset(Rect r, int rows, int cols)
{
    int inner_rows = r.rows - 2 * rows, inner_cols = r.cols - 2 * cols;
    return (Rect){ r.row + rows, r.col + cols, inner_rows > 0 ? inner_rows : 0,
                   inner_cols > 0 ? inner_cols : 0 };
}

Rect grid_clip(Grid *g, Rect r)
{
    Rect old = g->clip;
    g->clip = rect_common(old, r);
    return old;
}

static Cell *cell_at(Grid *g, int row, int col)
{
    Rect c = rect_common(g->clip, (Rect){ 0, 0, g->rows, g->cols });
    if (row < c.row || col < c.col || row >= c.row + c.rows || col >= c.col + c.cols)
        return NULL;
    return &g->cells[row * g->cols + col];
}

const Cell *grid_at(const Grid *g, int row, int col)
{
    if (row < 0 || col < 0 || row >= g->rows || col >= g->cols)
        return NULL;
    return &g->cells[row * g->cols + col];
}

// Nearest ASCII for what views draw; anything else becomes '?'.
static uint32_t to_ascii(uint32_t ch)
{
    if (ch >= 0x2800 && ch <= 0x28FF)
        return ch == 0x2800 ? ' ' : '*';
    if (ch >= 0x2580 && ch <= 0x259F)
        return '#';
    if (ch >= 0x2500 && ch <= 0x257F) {
        for (int m = 0; m < 16; m++)
            if (line_utf8[m] == ch)
                return (unsigned char)line_ascii[m];
        return '+';
    }
    switch (ch) {
    case 0x2026: return '~';
    case 0x2190: return '<';
    case 0x2192: return '>';
    case 0x2191: return '^';
    case 0x2193: return 'v';
    case 0x00B7: return '.';
    default: return '?';
    }
}

// A wide character that loses one half must not leave the other.
static void mend_neighbours(Grid *g, int row, int col, const Cell *old)
{
    Cell *right = cell_at(g, row, col + 1), *left = cell_at(g, row, col - 1);
    if (old->ch == 0 && left)
        left->ch = ' ';
    if (right && right->ch == 0 && utf8_width(old->ch) == 2)
        right->ch = ' ';
}

void grid_put(Grid *g, int row, int col, uint32_t ch, Role role, int attr)
{
    Cell *cell = cell_at(g, row, col);
    if (!cell)
        return;
    if (ch < 32 || (ch >= 127 && ch < 0xA0))
        ch = '?';
    if (g->ascii_only && ch > 126)
        ch = to_ascii(ch);
    int width = utf8_width(ch);
    if (width == 0)
        return;
    Cell *second = width == 2 ? cell_at(g, row, col + 1) : NULL;
    if (width == 2 && !second)
        ch = '?';
    mend_neighbours(g, row, col, cell);
    *cell = (Cell){ .ch = ch, .role = (uint8_t)role, .attr = (uint8_t)attr };
    if (second && ch != '?') {
        mend_neighbours(g, row, col + 1, second);
        *second = (Cell){ .ch = 0, .role = (uint8_t)role, .attr = (uint8_t)attr };
        cell->ch = ch; // mending the right half may have blanked it
    }
}

int grid_text(Grid *g, int row, int col, int width, Role role, int attr, const char *text)
{
    if (width < 0)
        width = g->clip.col + g->clip.cols - col;
    if (width <= 0)
        return 0;
    int total = utf8_cols(text), used = 0;
    int room = total > width ? width - 1 : width;
    for (uint32_t ch; (ch = utf8_next(&text)) != 0;) {
        int w = utf8_width(ch);
        if (used + w > room)
            break;
        if (w > 0)
            grid_put(g, row, col + used, ch, role, attr);
        used += w;
    }
    if (total > width) {
        grid_put(g, row, col + used, g->ascii_only ? '~' : 0x2026, role, attr);
        used++;
    }
    return used;
}

int grid_printf(Grid *g, int row, int col, int width, Role role, int attr, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return grid_text(g, row, col, width, role, attr, text);
}

void grid_fill(Grid *g, Rect r, uint32_t ch, Role role, int attr)
{
    Rect c = rect_common(r, rect_common(g->clip, (Rect){ 0, 0, g->rows, g->cols }));
    for (int i = 0; i < c.rows; i++)
        for (int j = 0; j < c.cols; j++)
            grid_put(g, c.row + i, c.col + j, ch, role, attr);
}

void grid_line(Grid *g, int row, int col, int mask, Role role)
{
    Cell *cell = cell_at(g, row, col);
    if (!cell)
        return;
    mask = (mask | cell->line) & 15;
    uint32_t ch = g->ascii_only ? (uint32_t)(unsigned char)line_ascii[mask] : line_utf8[mask];
    grid_put(g, row, col, ch, role, 0);
    cell->line = (uint8_t)mask;
}

void grid_hline(Grid *g, int row, int col, int cols, Role role)
{
    for (int i = 0; i < cols; i++)
        grid_line(g, row, col + i, (i > 0 ? 8 : 0) | (i < cols - 1 ? 2 : 0) | (cols == 1 ? 10 : 0),
                  role);
}

void grid_vline(Grid *g, int row, int col, int rows, Role role)
{
    for (int i = 0; i < rows; i++)
        grid_line(g, row + i, col, (i > 0 ? 1 : 0) | (i < rows - 1 ? 4 : 0) | (rows == 1 ? 5 : 0),
                  role);
}

Rect grid_box(Grid *g, Rect r, const char *title, bool focused)
{
    if (r.rows < 2 || r.cols < 2)
        return (Rect){ r.row, r.col, 0, 0 };
    Role role = focused ? ROLE_FOCUS : ROLE_GRID;
    grid_hline(g, r.row, r.col, r.cols, role);
    grid_hline(g, r.row + r.rows - 1, r.col, r.cols, role);
    grid_vline(g, r.row, r.col, r.rows, role);
    grid_vline(g, r.row, r.col + r.cols - 1, r.rows, role);
    if (title && *title && r.cols >= 6) {
        int attr = focused ? ATTR_BOLD | ATTR_REVERSE : 0, room = r.cols - 6;
        grid_put(g, r.row, r.col + 2, ' ', ROLE_TITLE, attr);
        int used = grid_text(g, r.row, r.col + 3, room, ROLE_TITLE, attr, title);
        grid_put(g, r.row, r.col + 3 + used, ' ', ROLE_TITLE, attr);
    }
    return rect_inset(r, 1, 1);
}

char role_letter(Role role)
{
    static const char letters[ROLE_COUNT + 1] = ".dtfsowbag12345678ijklmnpq";
    return role >= 0 && role < ROLE_COUNT ? letters[role] : '?';
}

static char plane_letter(const Cell *cell)
{
    if (cell->ch == ' ' && !(cell->attr & (ATTR_REVERSE | ATTR_UNDERLINE)))
        return ' ';
    char c = role_letter((Role)cell->role);
    if ((cell->attr & ATTR_REVERSE) && c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return c == '.' && (cell->attr & ATTR_REVERSE) ? '#' : c;
}

static int used_cols(const Grid *g, int row, bool roles)
{
    int n = g->cols;
    for (; n > 0; n--) {
        const Cell *cell = &g->cells[row * g->cols + n - 1];
        if (roles ? plane_letter(cell) != ' ' : cell->ch != ' ')
            break;
    }
    return n;
}

static void dump_row(const Grid *g, int row, bool roles, Str *out)
{
    int n = used_cols(g, row, roles);
    for (int col = 0; col < n; col++) {
        const Cell *cell = &g->cells[row * g->cols + col];
        char text[5] = { 0 };
        if (roles)
            text[0] = plane_letter(cell);
        else if (cell->ch)
            utf8_encode(cell->ch, text);
        str_add(out, text);
    }
    str_addc(out, '\n');
}

char *grid_dump(const Grid *g, bool roles)
{
    Str out = { 0 };
    str_add(&out, "");
    for (int row = 0; row < g->rows; row++)
        dump_row(g, row, false, &out);
    for (int row = 0; roles && row < g->rows; row++) {
        if (row == 0)
            str_add(&out, "----\n");
        dump_row(g, row, true, &out);
    }
    if (out.failed) {
        str_fini(&out);
        return NULL;
    }
    return out.text;
}
