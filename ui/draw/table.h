// SPDX-License-Identifier: MIT
#ifndef UI_DRAW_TABLE_H
#define UI_DRAW_TABLE_H

#include <stddef.h>

#include "ui/draw/grid.h"

// A table with a heading, a selected row and scrolling. Widths come from the visible rows;
// when the columns do not fit, those with the highest `drop` go first (0 never goes).
enum { TABLE_COLUMNS = 24, TABLE_CELL = 256 };

typedef struct {
    const char *title; // with its unit
    int drop;
    bool right; // numbers are right-aligned
    bool grow;  // takes what is left over, and gives way first
} TableColumn;

typedef struct {
    const TableColumn *columns;
    int n_columns, n_rows;
    const void *data;
    // Text of a cell into buf, at most TABLE_CELL bytes; *role comes as ROLE_TEXT.
    void (*cell)(const void *data, int row, int column, char *buf, size_t size, Role *role);
    int cursor;      // selected row, -1 none
    int sort_column; // marked in the heading, -1 none
    bool sort_up;
    bool focused;
} Table;

// Draws; *top is moved so that the cursor is visible. Returns the data rows shown.
int table_draw(Grid *g, Rect area, const Table *table, int *top);
// The first row to show so that the cursor is visible and the last page is full.
int table_scroll(int top, int cursor, int n_rows, int page);

#endif
