// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ui/draw/graph.h"
#include "ui/draw/text.h"

enum { BAR_COLS = 15 };

void graph_node_name(const GenoCell *cell, int node, char name[8])
{
    unsigned n = (unsigned)node % 1000;
    if (node >= cell->inputs)
        snprintf(name, 8, "%u", cell->inputs == 1 ? n : n - (unsigned)cell->inputs % 1000);
    else if (cell->inputs == 2)
        snprintf(name, 8, "c-%u", 2 - n);
    else if (cell->inputs == 1)
        snprintf(name, 8, "in");
    else
        snprintf(name, 8, "in%u", n);
}

void graph_output_text(const GenoCell *cell, char *buf, int size)
{
    char name[8];
    if (cell->combine == COMBINE_SUM) {
        graph_node_name(cell, cell->inputs + cell->nodes - 1, name);
        snprintf(buf, (size_t)size, "node %s", name);
        return;
    }
    int used = snprintf(buf, (size_t)size, "concat of");
    for (int i = 0; i < cell->n_concat && i < 16 && used < size; i++) {
        graph_node_name(cell, cell->concat[i], name);
        used += snprintf(buf + used, (size_t)(size - used), " %s", name);
    }
}

static int mask_at(const GraphSegment *s, int row, int col)
{
    int mask = 0;
    if (s->row0 == s->row1 && row == s->row0 && col >= s->col0 && col <= s->col1)
        mask |= (col > s->col0 ? 8 : 0) | (col < s->col1 ? 2 : 0);
    if (s->col0 == s->col1 && col == s->col0 && row >= s->row0 && row <= s->row1)
        mask |= (row > s->row0 ? 1 : 0) | (row < s->row1 ? 4 : 0);
    return mask;
}

// Where lines of two sources cross there is no connection: ASCII draws the vertical one through
// ('|'), line-drawing glyphs a plain cross; a cross that does connect gets a dot.
static void mark_cross(Grid *g, Rect area, const GraphLayout *l, int row, int col)
{
    int first = -1, mask = 0;
    bool joint = true;
    for (int i = 0; i < l->n_segments; i++) {
        int m = mask_at(&l->segment[i], row, col);
        if (!m)
            continue;
        if (first >= 0 && l->segment[i].source != first)
            joint = false;
        first = l->segment[i].source;
        mask |= m;
    }
    if (mask != 15)
        return;
    if (joint)
        grid_put(g, area.row + row, area.col + col, g->ascii_only ? '+' : 0x25CF, ROLE_AXIS, 0);
    else if (g->ascii_only)
        grid_put(g, area.row + row, area.col + col, '|', ROLE_AXIS, 0);
}

static void draw_lines(Grid *g, Rect area, const GraphLayout *l)
{
    for (int i = 0; i < l->n_segments; i++) {
        const GraphSegment *s = &l->segment[i];
        for (int row = s->row0; row <= s->row1; row++)
            for (int col = s->col0; col <= s->col1; col++)
                grid_line(g, area.row + row, area.col + col, mask_at(s, row, col), ROLE_AXIS);
    }
    for (int i = 0; i < l->n_segments; i++) {
        const GraphSegment *s = &l->segment[i];
        if (s->col0 == s->col1)
            for (int row = s->row0; row <= s->row1; row++)
                mark_cross(g, area, l, row, s->col0);
    }
}

static void draw_node(Grid *g, Rect area, const GenoCell *cell, const GraphLayout *l, int layer,
                      const GraphSlot *slot)
{
    char name[8];
    int row = area.row + slot->top, col = area.col + l->col[layer], width = l->width[layer];
    graph_node_name(cell, slot->node, name);
    if (layer == 0) {
        grid_text(g, row, col, width, ROLE_TITLE, ATTR_BOLD, name);
        return;
    }
    for (int i = 0; i < slot->rows; i++) {
        grid_line(g, row + i, col, 5, ROLE_AXIS);
        grid_line(g, row + i, col + width - 1, 5, ROLE_AXIS);
    }
    grid_text(g, row, col + (width > 3 ? 2 : 1), width - 2, ROLE_TITLE, ATTR_BOLD, name);
}

static void draw_slots(Grid *g, Rect area, const GenoCell *cell, const GraphLayout *l)
{
    for (int layer = 0; layer < l->n_layers; layer++)
        for (int s = 0; s < l->n_slots[layer]; s++) {
            const GraphSlot *slot = &l->slot[layer][s];
            if (!slot->dummy)
                draw_node(g, area, cell, l, layer, slot);
            else
                grid_hline(g, area.row + slot->top, area.col + l->col[layer] - 1,
                           l->width[layer] + 2, ROLE_AXIS);
        }
}

static void draw_labels(Grid *g, Rect area, const GenoCell *cell, const GraphLayout *l)
{
    for (int i = 0; i < l->n_labels; i++) {
        const GenoEdge *e = &cell->edges[l->label[i].edge];
        char code[5];
        op_code_of_name(e->op, code);
        int row = area.row + l->label[i].row, col = area.col + l->label[i].col;
        grid_text(g, row, col, 4, op_role(e->op), ATTR_BOLD, code);
        int head = col + 4;
        while (head < area.col + area.cols && grid_at(g, row, head) &&
               (grid_at(g, row, head)->line & 10) == 10)
            head++;
        grid_put(g, row, head, '>', ROLE_AXIS, 0);
    }
}

static void draw_bar(Grid *g, Rect area, const GenoCell *cell, const GraphLayout *l)
{
    char text[96];
    int col = area.col + l->cols + 2, rows = l->rows < 3 ? 3 : l->rows;
    for (int i = 0; i < rows; i++)
        grid_put(g, area.row + i, col, g->ascii_only ? '#' : 0x2588, ROLE_AXIS, 0);
    grid_text(g, area.row, col + 2, -1, ROLE_TITLE, ATTR_BOLD, "out");
    graph_output_text(cell, text, sizeof text);
    Rect r = { area.row + 1, col + 2, rows - 1, area.col + area.cols - col - 2 };
    text_wrap(g, r, ROLE_TEXT, 0, text);
}

void graph_need(const GenoCell *cell, int *rows, int *cols)
{
    GraphLayout l;
    *rows = *cols = 0;
    if (!graph_layout(cell, true, &l))
        return;
    *rows = l.rows < 3 ? 3 : l.rows;
    *cols = l.cols + BAR_COLS;
}

bool graph_draw(Grid *g, Rect area, const GenoCell *cell)
{
    GraphLayout l;
    bool fits = graph_layout(cell, false, &l) && l.cols + BAR_COLS <= area.cols;
    if (!fits)
        fits = graph_layout(cell, true, &l) && l.cols + BAR_COLS <= area.cols;
    if (!fits || l.rows > area.rows)
        return false;
    Rect old = grid_clip(g, area);
    draw_lines(g, area, &l);
    draw_slots(g, area, cell, &l);
    draw_labels(g, area, cell, &l);
    draw_bar(g, area, cell, &l);
    g->clip = old;
    return true;
}
