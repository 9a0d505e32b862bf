// SPDX-License-Identifier: MIT
#include "ui/draw/table.h"

#include "ui/draw/utf8.h"

int table_scroll(int top, int cursor, int n_rows, int page)
{
    if (page < 1)
        page = 1;
    if (cursor >= 0) {
        if (cursor < top)
            top = cursor;
        if (cursor >= top + page)
            top = cursor - page + 1;
    }
    if (top > n_rows - page)
        top = n_rows - page;
    return top < 0 ? 0 : top;
}

static void cell_text(const Table *t, int row, int column, char *buf, Role *role)
{
    buf[0] = '\0';
    *role = ROLE_TEXT;
    t->cell(t->data, row, column, buf, TABLE_CELL, role);
}

static void measure(const Table *t, int top, int shown, int *width)
{
    char buf[TABLE_CELL];
    Role role;
    for (int c = 0; c < t->n_columns; c++) {
        width[c] = utf8_cols(t->columns[c].title) + (c == t->sort_column);
        for (int r = top; r < top + shown; r++) {
            cell_text(t, r, c, buf, &role);
            int w = utf8_cols(buf);
            if (w > width[c])
                width[c] = w;
        }
    }
}

static int total_width(const Table *t, const int *width)
{
    int total = 0;
    for (int c = 0; c < t->n_columns; c++)
        if (width[c] > 0)
            total += width[c] + (total > 0 ? 2 : 0);
    return total;
}

static int first_to_drop(const Table *t, const int *width)
{
    int worst = -1;
    for (int c = 0; c < t->n_columns; c++)
        if (width[c] > 0 && t->columns[c].drop > 0 &&
            (worst < 0 || t->columns[c].drop >= t->columns[worst].drop))
            worst = c;
    return worst;
}

// Shrinks the growing column, drops columns, and gives what is left to the growing one. As long
// as there are columns of little weight (drop 6 and more) it keeps 28 columns, then 12.
static void fit(const Table *t, int cols, int *width)
{
    enum { ROOMY = 28, LEAST = 12, LIGHT = 6 };
    int grow = -1;
    for (int c = 0; c < t->n_columns; c++)
        if (t->columns[c].grow)
            grow = c;
    for (;;) {
        int over = total_width(t, width) - cols;
        if (over <= 0)
            break;
        int worst = first_to_drop(t, width);
        int least = worst >= 0 && t->columns[worst].drop >= LIGHT ? ROOMY : LEAST;
        if (grow >= 0 && width[grow] > least) {
            int give = width[grow] - least < over ? width[grow] - least : over;
            width[grow] -= give;
            continue;
        }
        if (worst < 0)
            break;
        width[worst] = 0;
        if (worst == grow)
            grow = -1;
    }
    int left = cols - total_width(t, width);
    if (grow >= 0 && width[grow] > 0 && left > 0)
        width[grow] += left;
}

static void draw_row(Grid *g, Rect area, const Table *t, int row, int at, const int *width)
{
    bool selected = row >= 0 && row == t->cursor;
    int attr = row < 0 ? ATTR_BOLD : selected ? (t->focused ? ATTR_REVERSE : ATTR_UNDERLINE) : 0;
    if (selected)
        grid_fill(g, (Rect){ at, area.col, 1, area.cols }, ' ', ROLE_SELECT, attr);
    int col = area.col;
    for (int c = 0; c < t->n_columns; c++) {
        if (width[c] <= 0)
            continue;
        char buf[TABLE_CELL];
        Role role = ROLE_TITLE;
        const char *text = t->columns[c].title;
        if (row >= 0) {
            cell_text(t, row, c, buf, &role);
            text = buf;
        }
        int used = utf8_cols(text) + (row < 0 && c == t->sort_column);
        int pad = t->columns[c].right && used < width[c] ? width[c] - used : 0;
        int room = area.col + area.cols - col - pad;
        int n = grid_text(g, at, col + pad, width[c] - pad < room ? width[c] - pad : room,
                          selected && role == ROLE_TEXT ? ROLE_SELECT : role, attr, text);
        if (row < 0 && c == t->sort_column)
            grid_put(g, at, col + pad + n, t->sort_up ? '^' : 'v', ROLE_TITLE, attr);
        col += width[c] + 2;
    }
}

int table_draw(Grid *g, Rect area, const Table *t, int *top)
{
    int width[TABLE_COLUMNS];
    if (area.rows < 1 || area.cols < 1 || t->n_columns > TABLE_COLUMNS)
        return 0;
    Rect old = grid_clip(g, area);
    int page = area.rows - 1;
    *top = table_scroll(*top, t->cursor, t->n_rows, page);
    int shown = t->n_rows - *top < page ? t->n_rows - *top : page;
    shown = shown < 0 ? 0 : shown;
    measure(t, *top, shown, width);
    fit(t, area.cols, width);
    draw_row(g, area, t, -1, area.row, width);
    for (int r = 0; r < shown; r++)
        draw_row(g, area, t, *top + r, area.row + 1 + r, width);
    g->clip = old;
    return shown;
}
