// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/str.h"
#include "ui/draw/graph.h"
#include "ui/view/parts.h"
#include "ui/view/views.h"

enum { GRAPH_ROWS = 16 }; // of most graphs

double cell_weight(const void *self, int from, int to, const char *op)
{
    const WeightOf *w = self;
    const AlphaLook *look = model_look(w->run, w->cell, w->epoch);
    const HealthCell *shape = &w->run->cells[w->cell].shape;
    for (int e = 0; look && e < shape->n_edges; e++)
        for (int k = 0; k < shape->n_ops; k++) {
            const char *name = model_op(&w->run->cells[w->cell], look, e, k);
            if (shape->edge[e].from == from && shape->edge[e].to == to && strcmp(name, op) == 0)
                return look->p[e * shape->n_ops + k];
        }
    return NAN;
}

static bool draw_empty(const ViewContext *ctx, Grid *g, Rect area, int cell)
{
    if (!ctx->run)
        text_empty(g, area, "no run is open", "0 lists the runs, Enter opens one");
    else if (cell < 0 && ctx->run->n_trials > 0)
        text_empty(g, area, "no cell is derived: this search scores whole architectures",
                   "8 lists them, 4 shows the Pareto front");
    else if (cell < 0 || !model_geno(ctx->run, cell, ctx->epoch))
        text_empty(g, area, "no cell derived yet - it comes with the first finished epoch",
                   "6 shows the log, . steps on by one epoch");
    else
        return false;
    return true;
}

static void facts(const ViewContext *ctx, const GenoRow *row, int cell, int cols, char *buf,
                  size_t size)
{
    const HealthCell *shape = &ctx->run->cells[cell].shape;
    int limit = ctx->run->limits.skips > 0 ? ctx->run->limits.skips : health_skip_limit(shape);
    int used = snprintf(
        buf, size, cols < 60 ? "epoch %d  skips %d of %d" : "epoch %d  skips %d of %d (limit %d)",
        part_shown(ctx), row->skips, row->geno.n_edges, limit);
    if (used < (int)size)
        used += snprintf(buf + used, size - (size_t)used,
                         cols < 60 ? "  depth %d" : "  conv depth %d", row->conv_depth);
    if (row->parameter_free > row->skips && used < (int)size)
        snprintf(buf + used, size - (size_t)used, "  %d parameter-free", row->parameter_free);
}

// Edges whose best operator is none are not in the picture.
static void dropped_edges(const GenoCell *cell, char *buf, size_t size)
{
    size_t used = 0;
    char from[8], to[8];
    buf[0] = '\0';
    for (int i = 0; i < cell->n_edges && used < size; i++) {
        const GenoEdge *e = &cell->edges[i];
        if (op_class_of_name(e->op) != OP_NONE)
            continue;
        graph_node_name(cell, e->from, from);
        graph_node_name(cell, e->to, to);
        used +=
            (size_t)snprintf(buf + used, size - used, "%s%s>%s", used ? " " : "none on ", from, to);
    }
}

// Returns the rows it took.
static int draw_matrix(const ViewContext *ctx, const GenoRow *row, int cell, Grid *g, Rect area)
{
    WeightOf weights = { ctx->run, cell, ctx->epoch };
    bool known = model_look(ctx->run, cell, ctx->epoch) != NULL;
    MatrixSpec spec = { &row->geno, known ? cell_weight : NULL, &weights };
    return matrix_draw(g, area, &spec);
}

// The other cell types, as far as there is room: graphs or matrices.
static void draw_others(const ViewContext *ctx, int shown, bool graph, Grid *g, Rect *below)
{
    enum { BETWEEN = 4 }; // blank row, blank row, heading, blank row
    char text[200];
    for (int i = 1; i < ctx->run->n_cells; i++) {
        int cell = (shown + i) % ctx->run->n_cells, rows = 0, cols = 0;
        const GenoRow *row = model_geno(ctx->run, cell, ctx->epoch);
        if (!row)
            continue;
        if (graph)
            graph_need(&row->geno, &rows, &cols);
        else
            rows = row->geno.nodes + 2; // with heading and output
        if (rows == 0 || rows + BETWEEN > below->rows || cols > below->cols)
            continue;
        Rect r = { below->row + 2, below->col, rows + 2, below->cols };
        facts(ctx, row, cell, r.cols, text, sizeof text);
        r = part_heading(g, r, ctx->run->cells[cell].shape.name, text, false);
        r = (Rect){ r.row + 1, r.col, rows, r.cols };
        if (!graph)
            draw_matrix(ctx, row, cell, g, r);
        else if (!graph_draw(g, r, &row->geno))
            continue;
        below->row += rows + BETWEEN;
        below->rows -= rows + BETWEEN;
    }
}

static void draw(const ViewContext *ctx, ViewState *state, Grid *g, Rect area, bool focused)
{
    int cell = part_cell(ctx), need_rows, need_cols;
    char text[200];
    if (draw_empty(ctx, g, area, cell))
        return;
    const GenoRow *row = model_geno(ctx->run, cell, ctx->epoch);
    facts(ctx, row, cell, area.cols, text, sizeof text);
    Rect rest = part_heading(g, area, ctx->run->cells[cell].shape.name, text, focused);
    if (area.rows >= 10) {
        rest.row++;
        rest.rows--;
    }
    bool graph = state->form % 2 == 0 && area.cols >= 64;
    graph_need(&row->geno, &need_rows, &need_cols);
    if (graph && graph_draw(g, rest, &row->geno)) {
        dropped_edges(&row->geno, text, sizeof text);
        Rect below = { rest.row + need_rows, rest.col, rest.rows - need_rows, rest.cols };
        if (text[0] && below.rows > 1) {
            grid_text(g, below.row + 1, below.col, below.cols, ROLE_DIM, 0, text);
            below.row += 2;
            below.rows -= 2;
        }
        // Where it stays when the graph needs fewer rows in the next epoch.
        int rows = row->geno.nodes + 2; // with heading and output
        int skip = GRAPH_ROWS - (below.row - rest.row);
        if (skip > below.rows - rows)
            skip = below.rows - rows;
        if (below.rows > rows) {
            Rect r = { below.row + (skip > 1 ? skip : 1), below.col, rows, below.cols };
            draw_matrix(ctx, row, cell, g, r);
            below.rows -= r.row + rows - below.row;
            below.row = r.row + rows;
        }
        draw_others(ctx, cell, true, g, &below);
        return;
    }
    Rect below = rest;
    below.row += draw_matrix(ctx, row, cell, g, rest);
    below.rows -= below.row - rest.row;
    if (!graph)
        draw_others(ctx, cell, false, g, &below);
    if (graph)
        snprintf(text, sizeof text, "the graph needs %d rows and %d columns, here are %d and %d",
                 need_rows, need_cols, rest.rows, rest.cols);
    else
        snprintf(text, sizeof text, "a shows the graph");
    if (below.rows > 0 && area.cols >= 64) // narrower there is the matrix only
        grid_text(g, below.row + below.rows - 1, below.col, below.cols, ROLE_DIM, 0, text);
}

static int act(const ViewContext *ctx, ViewState *state, ViewAction action)
{
    (void)ctx;
    return action == ACTION_FORM ? part_other_form(state) : VIEW_IGNORED;
}

static char *csv(const ViewContext *ctx, const ViewState *state)
{
    Str out = { 0 };
    (void)state;
    str_add(&out, "cell,from,to,op\n");
    for (int c = 0; ctx->run && c < ctx->run->n_cells; c++) {
        const GenoRow *row = model_geno(ctx->run, c, ctx->epoch);
        for (int i = 0; row && i < row->geno.n_edges; i++)
            str_addf(&out, "%s,%d,%d,%s\n", row->geno.name, row->geno.edges[i].from,
                     row->geno.edges[i].to, row->geno.edges[i].op);
    }
    return out.text;
}

const View view_cell = {
    .id = VIEW_CELL,
    .name = "cell",
    .title = "Cell",
    .keys = "a graph/matrix  [ ] cell  , . epoch",
    .help =
        "The cell that would be derived now. Lines from one node share a lane; a plain crossing "
        "does not connect. The matrix shows targets by sources, with the mixing weights while "
        "the search runs: 'sep3 .31'.",
    .draw = draw,
    .act = act,
    .csv = csv,
};
