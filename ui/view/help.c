// SPDX-License-Identifier: MIT
#include <string.h>

#include "ui/draw/text.h"
#include "ui/view/parts.h"
#include "ui/view/views.h"

static const char words[] =
    "Health words: OK; WATCH, something drifts; WARN, it looks like a collapse; ALARM, it is one "
    "(as a verdict: COLLAPSED); DEAD, the network has not learned. Operators: sep3 sep5 separable, "
    "dil3 dil5 dilated, cnv1 cnv3 plain convolutions, max3 avg3 pools, skip, none.";

static Rect below(Rect r, int rows)
{
    return (Rect){ r.row + rows, r.col, r.rows > rows ? r.rows - rows : 0, r.cols };
}

static void draw(const ViewContext *ctx, ViewState *state, Grid *g, Rect area, bool focused)
{
    int n, key_cols = area.cols >= 60 ? 16 : 14;
    bool commands = area.cols >= 90;
    const ViewKey *keys = view_keys(&n);
    const View *about = view_get(ctx->focus);
    Rect rest = area;
    if (about && ctx->focus != VIEW_HELP && area.rows >= 16) {
        rest = part_heading(g, rest, about->title, "this pane", focused);
        rest = below(rest, text_wrap(g, rest, ROLE_TEXT, 0, about->help) + 1);
    }
    if (area.rows > 20)
        rest = below(rest, text_wrap(g, rest, ROLE_DIM, 0, words) + 1);
    state->items = n;
    state->page = rest.rows;
    if (state->top > n - rest.rows)
        state->top = n - rest.rows;
    if (state->top < 0)
        state->top = 0;
    for (int i = 0; i < rest.rows && state->top + i < n; i++) {
        const ViewKey *k = &keys[state->top + i];
        int row = rest.row + i, col = rest.col;
        grid_text(g, row, col, key_cols - 1, ROLE_TITLE, ATTR_BOLD, k->keys);
        if (commands)
            grid_text(g, row, col + key_cols, 27, ROLE_DIM, 0, k->command);
        col += key_cols + (commands ? 28 : 0);
        grid_text(g, row, col, area.col + area.cols - col, ROLE_TEXT, 0, k->does);
    }
    if (state->top + rest.rows < n && rest.rows > 1) {
        grid_fill(g, (Rect){ area.row + area.rows - 1, area.col, 1, area.cols }, ' ', ROLE_TEXT, 0);
        grid_text(g, area.row + area.rows - 1, area.col, area.cols, ROLE_DIM, ATTR_REVERSE,
                  " more below: arrows or PgDn ");
    }
}

static int act(const ViewContext *ctx, ViewState *state, ViewAction action)
{
    (void)ctx;
    ViewState as_cursor = *state;
    as_cursor.cursor = state->top;
    int result = part_move(&as_cursor, action);
    state->top = as_cursor.cursor;
    return result;
}

const View view_help = {
    .id = VIEW_HELP,
    .name = "help",
    .title = "Help",
    .keys = "arrows scroll  Esc close",
    .help = "Keys of the dashboard. Every key is also a command of the ':' line.",
    .draw = draw,
    .act = act,
};
