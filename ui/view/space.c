// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "ui/draw/text.h"
#include "ui/view/parts.h"
#include "ui/view/views.h"

// The script with line numbers, its check above, and what the run says about its cells beside it.

static int count_lines(const char *text)
{
    int n = 0;
    for (const char *s = text; *s; s++)
        n += *s == '\n' || !s[1];
    return n;
}

static const char *line_at(const char *text, int line)
{
    while (line > 0 && *text) {
        const char *end = strchr(text, '\n');
        if (!end)
            return "";
        text = end + 1;
        line--;
    }
    return text;
}

// Tabs become blanks, comments are dim: enough to read; the editor colours in full.
static void draw_line(Grid *g, int row, Rect area, const char *text, int number, bool bad, int left)
{
    char line[512];
    size_t n = 0;
    for (const char *s = text; *s && *s != '\n' && *s != '\r' && n < sizeof line - 5; s++) {
        if (*s == '\t')
            n += (size_t)snprintf(line + n, sizeof line - n, "    ");
        else
            line[n++] = *s;
    }
    line[n] = '\0';
    const char *code = line;
    for (int i = 0; i < left && *code; i++)
        code++;
    grid_printf(g, row, area.col, 5, bad ? ROLE_BAD : ROLE_DIM, bad ? ATTR_BOLD : 0, "%4d%s",
                number % 10000, bad ? ">" : "");
    bool comment = strncmp(line + strspn(line, " "), "--", 2) == 0;
    grid_text(g, row, area.col + 6, area.cols - 6,
              bad       ? ROLE_BAD
              : comment ? ROLE_DIM
                        : ROLE_TEXT,
              bad ? ATTR_BOLD : 0, code);
}

static bool same_operators(const HealthCell *a, const HealthCell *b)
{
    if (a->n_ops != b->n_ops || a->per_edge || b->per_edge)
        return false;
    for (int k = 0; k < a->n_ops; k++)
        if (strcmp(a->op[k], b->op[k]) != 0)
            return false;
    return true;
}

static void draw_meaning(const ViewContext *ctx, Grid *g, Rect area)
{
    char text[512];
    Rect rest = part_heading(g, area, "meaning", "as this run uses it", false);
    for (int c = 0; ctx->run && c < ctx->run->n_cells && rest.rows > 0; c++) {
        const HealthCell *s = &ctx->run->cells[c].shape;
        snprintf(text, sizeof text, "cell %s: %d input%s, %d nodes, %d edges, %s, output %s",
                 s->name, s->inputs, s->inputs == 1 ? "" : "s", s->nodes, s->n_edges,
                 s->derive == DERIVE_TOP ? "the strongest edges are kept" : "all edges are kept",
                 s->combine == COMBINE_SUM ? "by sum" : "by concatenation");
        int used = text_wrap(g, rest, ROLE_TEXT, 0, text);
        rest.row += used;
        rest.rows -= used;
        bool again = c > 0 && same_operators(s, &ctx->run->cells[c - 1].shape);
        if (again && rest.rows > 0) {
            grid_text(g, rest.row, rest.col, rest.cols, ROLE_TEXT, 0, "  the same operators");
            rest.row++;
            rest.rows--;
        }
        for (int k = 0; k < s->n_ops && rest.rows > 0 && !s->per_edge && !again; k++) {
            char code[5];
            op_code_of_name(s->op[k], code);
            grid_printf(g, rest.row, rest.col, rest.cols, op_role(s->op[k]), 0, "  %s  %s", code,
                        s->op[k]);
            rest.row++;
            rest.rows--;
        }
    }
    if (!ctx->run || ctx->run->n_cells == 0)
        text_wrap(g, rest, ROLE_DIM, 0, "no cells are known: trials define their own networks");
}

static void draw_script(const ViewContext *ctx, ViewState *state, Grid *g, Rect area)
{
    state->items = count_lines(ctx->script_text);
    state->page = area.rows;
    if (state->cursor > state->items - area.rows)
        state->cursor = state->items - area.rows;
    if (state->cursor < 0)
        state->cursor = 0;
    state->top = state->cursor;
    for (int i = 0; i < area.rows && state->top + i < state->items; i++)
        draw_line(g, area.row + i, area, line_at(ctx->script_text, state->top + i),
                  state->top + i + 1, state->top + i + 1 == ctx->script_error_line, state->left);
}

static void draw(const ViewContext *ctx, ViewState *state, Grid *g, Rect area, bool focused)
{
    if (!ctx->script_text) {
        if (ctx->run && ctx->run->n_cells > 0 && area.rows >= 6)
            draw_meaning(ctx, g, area);
        else
            text_empty(g, area,
                       ctx->run ? "no space script belongs to this run"
                                : "no run is open and no space is selected",
                       ctx->run ? "logs of other programs have none; dartboard check SPACE.lua "
                                  "checks a script"
                                : "0 lists runs and spaces");
        return;
    }
    bool bad = ctx->script_error_line > 0;
    Rect rest = part_heading(g, area, ctx->script_path ? ctx->script_path : "space",
                             bad ? "has an error" : "", focused);
    if (ctx->script_check && *ctx->script_check && area.rows >= 5) {
        // An error stands above the script; what a good one means below it.
        int most = rest.rows / 3 > 0 ? rest.rows / 3 : 1;
        Rect check = { rest.row, rest.col, most, rest.cols };
        Role role = bad ? ROLE_BAD : ROLE_OK;
        Rect clip = grid_clip(g, (Rect){ 0, 0, 0, 0 }); // only measured
        check.rows = text_wrap(g, check, role, 0, ctx->script_check);
        g->clip = clip;
        rest.rows -= check.rows;
        if (bad)
            rest.row += check.rows;
        else
            check.row = rest.row + rest.rows;
        text_wrap(g, check, role, bad ? ATTR_BOLD : 0, ctx->script_check);
    }
    if (area.cols >= 110 && !ctx->script_of_list) {
        draw_meaning(ctx, g, (Rect){ rest.row, rest.col + rest.cols - 38, rest.rows, 38 });
        rest.cols -= 40;
    }
    draw_script(ctx, state, g, rest);
}

static int act(const ViewContext *ctx, ViewState *state, ViewAction action)
{
    (void)ctx;
    if (action == ACTION_LEFT || action == ACTION_RIGHT) {
        state->left += action == ACTION_RIGHT ? 4 : state->left >= 4 ? -4 : 0;
        return VIEW_HANDLED | VIEW_REDRAW;
    }
    return part_move(state, action);
}

const View view_space = {
    .id = VIEW_SPACE,
    .name = "space",
    .title = "Space",
    .keys = "e edit  E $EDITOR  arrows scroll",
    .help = "The Lua script of the search space, the result of its check, and what it means. The "
            "line of an error is marked '>'. e edits it; it is checked again when you come back.",
    .draw = draw,
    .act = act,
};
