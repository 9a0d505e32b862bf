// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>

#include "ui/draw/graph.h"
#include "ui/draw/text.h"

// to \ from   c-2       c-1       0
//  0          sep3 .31  sep3 .28
//  1          skip .40  .         max3 .22
//  out        concat of 0 1

static const GenoEdge *find_edge(const GenoCell *cell, int from, int to)
{
    for (int i = 0; i < cell->n_edges && i < GENO_EDGES; i++)
        if (cell->edges[i].from == from && cell->edges[i].to == to)
            return &cell->edges[i];
    return NULL;
}

static void matrix_cell(Grid *g, int row, int col, int cols, const MatrixSpec *s, int from, int to)
{
    const GenoEdge *e = find_edge(s->cell, from, to);
    char code[5];
    if (!e) {
        grid_put(g, row, col, '.', ROLE_DIM, 0);
        return;
    }
    op_code_of_name(e->op, code);
    grid_text(g, row, col, 4, op_role(e->op), ATTR_BOLD, code);
    double w = s->weight ? s->weight(s->data, from, to, e->op) : NAN;
    if (cols >= 8 && isfinite(w))
        grid_printf(g, row, col + 5, 3, ROLE_TEXT, 0, w >= 0.995 ? "1.0" : ".%02d",
                    (int)(w * 100 + 0.5));
}

int matrix_draw(Grid *g, Rect area, const MatrixSpec *s)
{
    const GenoCell *cell = s->cell;
    int total = cell->inputs + cell->nodes, sources = total - 1;
    // Weights need 9 columns a source; the heading of the rows gives way to them first.
    bool weights = s->weight && 5 + sources * 9 <= area.cols + 1;
    int least = sources * (weights ? 9 : 6) - 1;
    int left = 11 + least <= area.cols ? 11 : 5;
    int width = weights ? 9 : left + sources * 6 <= area.cols + 2 ? 6 : 5;
    char name[8], text[96];
    int row = area.row;
    Rect old = grid_clip(g, area);
    grid_text(g, row, area.col, left, ROLE_TITLE, ATTR_BOLD, left >= 11 ? "to \\ from" : "to");
    for (int v = 0; v < sources; v++) {
        graph_node_name(cell, v, name);
        grid_text(g, row, area.col + left + v * width, width - 1, ROLE_TITLE, ATTR_BOLD, name);
    }
    for (int to = cell->inputs; to < total; to++) {
        row++;
        graph_node_name(cell, to, name);
        grid_text(g, row, area.col + 1, left - 2, ROLE_TITLE, ATTR_BOLD, name);
        for (int from = 0; from < to; from++)
            matrix_cell(g, row, area.col + left + from * width, width - 1, s, from, to);
    }
    row++;
    graph_output_text(cell, text, sizeof text);
    grid_text(g, row, area.col + 1, left - 2, ROLE_TITLE, ATTR_BOLD, "out");
    grid_text(g, row, area.col + left, area.cols - left, ROLE_TEXT, 0, text);
    g->clip = old;
    return row + 1 - area.row;
}
