// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/str.h"
#include "ui/draw/graph.h"
#include "ui/draw/heat.h"
#include "ui/draw/table.h"
#include "ui/view/parts.h"
#include "ui/view/views.h"

// Names for nodes need the cell's inputs only.
static void edge_name(const HealthCell *shape, int edge, char *buf, size_t size)
{
    GenoCell cell = { .inputs = shape->inputs, .nodes = shape->nodes };
    char from[8], to[8];
    graph_node_name(&cell, shape->edge[edge].from, from);
    graph_node_name(&cell, shape->edge[edge].to, to);
    snprintf(buf, size, "%s>%s", from, to);
}

static bool derived_here(const GenoRow *geno, const HealthCell *shape, int edge, const char *op)
{
    for (int i = 0; geno && i < geno->geno.n_edges; i++) {
        const GenoEdge *e = &geno->geno.edges[i];
        if (e->from == shape->edge[edge].from && e->to == shape->edge[edge].to)
            return strcmp(e->op, op) == 0;
    }
    return false;
}

typedef struct {
    const ModelCell *cell;
    const AlphaLook *look;
    const GenoRow *geno;
    int left, width; // columns of the edge names, of one operator
} Heat;

// The one operator of a column, whichever edges still have it; "" if edges differ or none has any.
static const char *column_op(const ModelCell *cell, int k)
{
    const char *name = "";
    for (int e = 0; e < cell->shape.n_edges; e++) {
        const char *op = model_op(cell, NULL, e, k);
        if (!op[0])
            continue;
        if (name[0] && strcmp(name, op) != 0)
            return "";
        name = op;
    }
    return name;
}

static void heat_heading(Grid *g, Rect area, const Heat *h)
{
    const HealthCell *shape = &h->cell->shape;
    grid_text(g, area.row, area.col, h->left - 1, ROLE_TITLE, ATTR_BOLD, "edge");
    for (int k = 0; k < shape->n_ops; k++) {
        char code[5];
        const char *op = column_op(h->cell, k);
        if (op[0])
            op_code_of_name(op, code);
        else // a number names the column
            snprintf(code, sizeof code, "op%d", k % 100);
        if (h->width < 5) // "sep3" becomes "s3", "skip" "sk"
            snprintf(code, sizeof code, "%c%c", code[0],
                     strlen(code) == 4 && code[3] <= '9' ? code[3] : code[1]);
        int col = area.col + h->left + k * h->width, pad = h->width >= 7   ? 2
                                                           : h->width >= 5 ? 1
                                                                           : 0;
        grid_text(g, area.row, col + pad, h->width - pad, op[0] ? op_role(op) : ROLE_TITLE,
                  ATTR_BOLD, code);
    }
}

static void heat_row(Grid *g, int row, Rect area, const Heat *h, int edge, bool selected)
{
    const HealthCell *shape = &h->cell->shape;
    char name[24], code[5] = "";
    int best = -1;
    edge_name(shape, edge, name, sizeof name);
    grid_text(g, row, area.col, h->left - 1, selected ? ROLE_SELECT : ROLE_TEXT,
              selected ? ATTR_REVERSE : 0, name);
    for (int k = 0; k < shape->n_ops; k++) {
        const char *op = model_op(h->cell, h->look, edge, k);
        double p = h->look->p[edge * shape->n_ops + k];
        bool absent = !op[0];
        bool derived = !absent && derived_here(h->geno, shape, edge, op);
        heat_cell(g, row, area.col + h->left + k * h->width, h->width - 1, p, derived, absent);
        if (!absent && isfinite(p) && (best < 0 || p > h->look->p[edge * shape->n_ops + best]))
            best = k;
    }
    int right = area.col + h->left + shape->n_ops * h->width + 1;
    if (best >= 0 && right + 9 <= area.col + area.cols) {
        const char *op = model_op(h->cell, h->look, edge, best);
        op_code_of_name(op, code);
        grid_printf(g, row, right, -1, op_role(op), ATTR_BOLD, "%s", code);
        if (derived_here(h->geno, shape, edge, op))
            grid_text(g, row, right + 5, -1, ROLE_TEXT, 0, "kept");
    }
}

// Returns the rows it took.
static int draw_heat(ViewState *state, Grid *g, Rect area, Heat *h, bool focused)
{
    const HealthCell *shape = &h->cell->shape;
    h->left = 7;
    int room = area.cols - h->left;
    h->width = room / (shape->n_ops > 0 ? shape->n_ops : 1);
    h->width = h->width >= 8 && area.cols >= 60 ? 8
               : h->width >= 7                  ? 7
               : h->width < 3                   ? 3
                                                : h->width;
    state->items = shape->n_edges;
    state->page = area.rows - 1;
    if (state->cursor >= shape->n_edges)
        state->cursor = shape->n_edges - 1;
    state->top = table_scroll(state->top, state->cursor, shape->n_edges, state->page);
    heat_heading(g, area, h);
    if (area.col + h->left + shape->n_ops * h->width + 10 <= area.col + area.cols)
        grid_text(g, area.row, area.col + h->left + shape->n_ops * h->width + 1, -1, ROLE_TITLE,
                  ATTR_BOLD, "best");
    int rows = 0;
    for (int e = state->top; e < shape->n_edges && rows < area.rows - 1; e++)
        heat_row(g, area.row + 1 + rows++, area, h, e, focused && e == state->cursor);
    return rows + 1;
}

static void draw_edge_chart(const ViewContext *ctx, const ViewState *state, Grid *g, Rect area,
                            int cell)
{
    enum { OPS = 12 };
    const HealthCell *shape = &ctx->run->cells[cell].shape;
    ChartSeries series[OPS];
    SeriesData data[OPS];
    char code[OPS][5], title[48], name[24];
    int n = 0, edge = state->cursor < shape->n_edges ? state->cursor : 0;
    for (int k = 0; k < shape->n_ops && n < OPS; k++) {
        const char *op = model_op(&ctx->run->cells[cell], NULL, edge, k);
        if (!op[0])
            continue;
        op_code_of_name(op, code[n]);
        series[n] = part_weight_series(&data[n], ctx, cell, edge, k, code[n], op_role(op));
        n++;
    }
    edge_name(shape, edge, name, sizeof name);
    snprintf(title, sizeof title, "edge %s", name);
    part_chart(ctx, g, area, title, "mixing weights, 0 to 1",
               (ChartSpec){ .series = series, .n_series = n, .empty = "no alphas yet" });
}

static bool draw_empty(const ViewContext *ctx, Grid *g, Rect area, int cell)
{
    if (!ctx->run)
        text_empty(g, area, "no run is open", "0 lists the runs, Enter opens one");
    else if (cell < 0 && ctx->run->n_trials > 0)
        text_empty(g, area, "no alphas: this search scores whole architectures",
                   "4 shows the Pareto front, 8 the trials");
    else if (cell >= 0 && !ctx->run->cells[cell].shape.alpha_known &&
             ctx->run->cells[cell].n_looks == 0)
        text_empty(g, area, "no alphas: this log has genotypes only",
                   "3 shows the cell, 7 what its counts say");
    else if (cell < 0 || !model_look(ctx->run, cell, ctx->epoch))
        text_empty(g, area, "no alphas yet - they come with the first look of the search",
                   "6 shows the log, . steps on by one epoch");
    else
        return false;
    return true;
}

static void draw(const ViewContext *ctx, ViewState *state, Grid *g, Rect area, bool focused)
{
    int cell = part_cell(ctx);
    char remark[160], a[16], b[16];
    if (draw_empty(ctx, g, area, cell))
        return;
    const AlphaLook *look = model_look(ctx->run, cell, ctx->epoch);
    const ModelCell *c = &ctx->run->cells[cell];
    snprintf(remark, sizeof remark,
             area.cols < 60 ? "epoch %d  entropy %s  t %s"
                            : "epoch %d  entropy %s (0..1)  t on q %s",
             part_shown(ctx), text_number(look->signals.entropy, 2, a, sizeof a),
             text_number(look->signals.t_q, 1, b, sizeof b));
    Rect rest = part_heading(g, area, c->shape.name, remark, focused);
    if (state->form % 2 == 1) {
        state->items = c->shape.n_edges;
        state->page = rest.rows;
        draw_edge_chart(ctx, state, g, rest, cell);
        return;
    }
    Heat heat = { .cell = c, .look = look, .geno = model_geno(ctx->run, cell, ctx->epoch) };
    Rect table = rest;
    bool legend = rest.rows >= 8 && heat.geno;
    table.rows -= legend;
    int need = 7 + c->shape.n_ops * 8 + 11; // the wide form of the map
    bool beside = area.cols >= need + 42;
    if (beside)
        table.cols = need;
    int used = draw_heat(state, g, table, &heat, focused);
    if (legend)
        grid_text(g, rest.row + used, rest.col, table.cols, ROLE_DIM, 0,
                  heat.width >= 7   ? "weights sum to 1 per edge; [.62]: kept in the derived cell"
                  : heat.width >= 5 ? "weights; *: kept in the derived cell"
                                    : "percent; *: kept in the derived cell");
    Rect chart = { rest.row + used + 1, rest.col, rest.rows - used - 1, rest.cols };
    if (beside)
        chart = (Rect){ rest.row, rest.col + need + 1, rest.rows < 20 ? rest.rows : 20,
                        rest.cols - need - 1 };
    if (chart.rows >= 7 && chart.cols >= 30)
        draw_edge_chart(ctx, state, g, chart, cell);
}

static int act(const ViewContext *ctx, ViewState *state, ViewAction action)
{
    (void)ctx;
    return action == ACTION_FORM || action == ACTION_OPEN ? part_other_form(state)
                                                          : part_move(state, action);
}

static char *csv(const ViewContext *ctx, const ViewState *state)
{
    Str out = { 0 };
    (void)state;
    int cell = part_cell(ctx);
    if (cell < 0)
        return NULL;
    const ModelCell *c = &ctx->run->cells[cell];
    str_add(&out, "epoch,step,cell,from,to,op,p\n");
    for (int i = 0; i < c->n_looks; i++)
        for (int e = 0; e < c->shape.n_edges; e++)
            for (int k = 0; k < c->shape.n_ops; k++) {
                const char *op = model_op(c, &c->looks[i], e, k);
                if (op[0])
                    str_addf(&out, "%d,%lld,%s,%d,%d,%s,%.6g\n", c->looks[i].epoch,
                             (long long)c->looks[i].step, c->shape.name, c->shape.edge[e].from,
                             c->shape.edge[e].to, op, c->looks[i].p[e * c->shape.n_ops + k]);
            }
    return out.text;
}

const View view_alpha = {
    .id = VIEW_ALPHA,
    .name = "alpha",
    .title = "Alpha",
    .keys = "a map/chart  [ ] cell  up down edge  , . epoch",
    .help = "Mixing weights of every edge (row) and operator (column); the rows sum to 1. In "
            "brackets or bold: the operator that the derived cell keeps. 'a' shows the weights of "
            "the selected edge over time.",
    .draw = draw,
    .act = act,
    .csv = csv,
};
