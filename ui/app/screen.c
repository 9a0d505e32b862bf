// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/str.h"
#include "ui/app/state.h"
#include "ui/view/parts.h"

// Composes the picture: header, tabs, panes, alert, footer. Allocates nothing.

static Role state_role(RunState state)
{
    switch (state) {
    case RUN_RUNNING:
    case RUN_DONE: return ROLE_OK;
    case RUN_PAUSED:
    case RUN_STOPPED: return ROLE_WARN;
    case RUN_FAILED:
    case RUN_LOST: return ROLE_BAD;
    default: return ROLE_TEXT;
    }
}

static void draw_header(const App *app, Grid *g, Rect r)
{
    const ModelRun *run = app_run(app);
    if (!run) {
        int n = app_model(app)->n;
        grid_printf(g, r.row, 1, r.cols - 1, ROLE_TITLE, ATTR_BOLD,
                    n == 1  ? "dartboard   %d run in %s   Enter opens it, :run digits starts one"
                    : n > 0 ? "dartboard   %d runs in %s   Enter opens one, :run digits starts one"
                            : "dartboard   no runs here yet   :run digits starts one",
                    n, app->path);
        return;
    }
    enum { STATE_AND_EPOCH = 24 }; // long names give way to them
    int col = 1, room = r.cols - STATE_AND_EPOCH;
    col +=
        grid_printf(g, r.row, col, room > 12 ? room : 12, ROLE_TITLE, ATTR_BOLD, "%s", run->name);
    if (run->space[0] && r.cols >= 100)
        col += grid_printf(g, r.row, col, r.cols - col, ROLE_DIM, 0, "   space %s", run->space);
    col += grid_printf(g, r.row, col, r.cols - col, state_role(run->state), ATTR_BOLD, "   %s",
                       run_state_name(run->state));
    int shown = app->epoch == INT_MAX ? run->epoch : app->epoch;
    if (run->epoch < 0 && run->n_trials > 0)
        col += grid_printf(g, r.row, col, r.cols - col, ROLE_TEXT, 0, "  %d trials", run->n_trials);
    else if (run->epochs > 0)
        col += grid_printf(g, r.row, col, r.cols - col, ROLE_TEXT, 0, "  ep %d/%d", shown + 1,
                           run->epochs); // epochs done, as a progress; views name them from 0
    else
        col += grid_printf(g, r.row, col, r.cols - col, ROLE_TEXT, 0, "  ep %d", shown);
    char each[32], eta[32];
    if (!isnan(run->seconds_per_epoch))
        col += grid_printf(g, r.row, col, r.cols - col, ROLE_TEXT, 0, "  %s/ep",
                           str_duration(run->seconds_per_epoch, each, sizeof each));
    if (run->state == RUN_RUNNING && !isnan(model_eta(run)))
        col += grid_printf(g, r.row, col, r.cols - col, ROLE_TEXT, 0, "  eta %s",
                           str_duration(model_eta(run), eta, sizeof eta));
    if (app->frozen)
        grid_text(g, r.row, col, r.cols - col, ROLE_WARN, ATTR_BOLD, "  FROZEN");
    else if (app->epoch != INT_MAX || app->replay)
        grid_text(g, r.row, col, r.cols - col, ROLE_WARN, ATTR_BOLD,
                  app->replay ? "  REPLAY" : "  PAST (End: live)");
}

// Neighbours share a blank. Where not all names fit, only the current view has its name.
static void draw_tabs(const App *app, Grid *g, Rect r)
{
    int col = 0, all = 1;
    for (int v = 0; v < VIEW_HELP; v++)
        all += 3 + (int)strlen(view_get((ViewId)v)->title);
    for (int v = 0; v < VIEW_HELP; v++) {
        const View *view = view_get((ViewId)v);
        bool on = app->view == (ViewId)v, named = on || all < r.cols;
        int used = grid_printf(g, r.row, col, r.cols - col, on ? ROLE_SELECT : ROLE_DIM,
                               on ? ATTR_REVERSE | ATTR_BOLD : 0, named ? " %d %s" : " %d", v,
                               view->title);
        if (on)
            grid_put(g, r.row, col + used, ' ', ROLE_SELECT, ATTR_REVERSE | ATTR_BOLD);
        col += used + (on ? 1 : 0);
    }
}

// What the alert line says: of the run as it is now, wherever the scrub position is.
static const HealthAlarm *worst_alarm(const App *app)
{
    ViewContext ctx;
    app_context(app, &ctx);
    ctx.epoch = INT_MAX;
    if (!ctx.run || !ctx.run->health || health_verdict(ctx.run->health, NULL) == VERDICT_OK)
        return NULL;
    return part_alarm(&ctx, 0);
}

static void draw_alert(const App *app, Grid *g, Rect r)
{
    const ModelRun *run = app_run(app);
    const HealthAlarm *a = worst_alarm(app);
    if (!a || r.rows == 0)
        return;
    Verdict verdict = health_verdict(run->health, NULL);
    bool bad = verdict >= VERDICT_COLLAPSED;
    int col = 1 + grid_printf(g, r.row, 1, r.cols - 1, bad ? ROLE_BAD : ROLE_WARN,
                              ATTR_BOLD | (bad ? ATTR_REVERSE : 0), " %s ", verdict_name(verdict));
    grid_printf(g, r.row, col, r.cols - col, ROLE_TEXT, 0, " %s: %s", a->cell, a->evidence);
}

static void draw_footer(const App *app, Grid *g, Rect r)
{
    const View *view = view_get(app_focused_view(app));
    if (app->message[0]) {
        grid_text(g, r.row, 1, r.cols - 1, ROLE_TITLE, ATTR_BOLD, app->message);
        return;
    }
    int col = 1;
    col += grid_text(g, r.row, col, r.cols - col, ROLE_TEXT, 0,
                     r.cols >= 60 ? "? help  q quit  " : "? help  ");
    if (app->filter[0])
        col += grid_printf(g, r.row, col, r.cols - col, ROLE_WARN, ATTR_BOLD, "filter: %s  ",
                           app->filter);
    if (view && view->keys)
        grid_text(g, r.row, col, r.cols - col, ROLE_DIM, 0, view->keys);
}

// A line with the name of the pane; of the focused one bold and reversed. A pane that is alone
// has its name in the tabs already.
static Rect draw_title(App *app, ViewId id, Rect r, bool focused)
{
    if (app->help || (!app->layout.side.rows && !app->layout.list.rows))
        return r;
    Grid *g = &app->grid;
    grid_hline(g, r.row, r.col, r.cols, ROLE_GRID);
    grid_printf(g, r.row, r.col + 1, r.cols - 1, focused ? ROLE_SELECT : ROLE_TITLE,
                focused ? ATTR_BOLD | ATTR_REVERSE : 0, " %s ", view_get(id)->title);
    return (Rect){ r.row + 1, r.col, r.rows - 1, r.cols };
}

static void draw_pane(App *app, ViewId id, Rect r, bool focused)
{
    ViewContext ctx;
    if (r.rows == 0 || r.cols == 0)
        return;
    r = draw_title(app, id, r, focused);
    app_context(app, &ctx);
    ctx.details = r.cols >= 100;
    const View *view = view_get(id);
    view_draw(view, &ctx, &app->states[id], &app->grid, r, focused);
}

static void draw_too_small(App *app, Rect r)
{
    char text[64];
    snprintf(text, sizeof text, "need %dx%d, have %dx%d", LAYOUT_MIN_COLS, LAYOUT_MIN_ROWS,
             app->grid.cols, app->grid.rows);
    int col = (app->grid.cols - (int)strlen(text)) / 2;
    if (r.rows)
        grid_text(&app->grid, r.row, col < 0 ? 0 : col, -1, ROLE_TITLE, ATTR_BOLD, text);
}

// Views that need the width more than a neighbour: the list has the overview's numbers; charts, the
// graph (64 columns), signals with their limits and long lines go before a side pane.
static bool takes_all(ViewId view, int cols)
{
    enum { WIDE = 120, GRAPH_AND_SIDE = 98 };
    return view == VIEW_RUNS || (view == VIEW_OVERVIEW && cols < WIDE) ||
           (view != VIEW_PARETO && view != VIEW_TRIALS && cols < GRAPH_AND_SIDE);
}

// Where list and side pane together leave less than the graph needs, the side pane goes.
static bool takes_side(ViewId view, int cols)
{
    enum { WIDE = 120, GRAPH_AND_BOTH = 132 };
    return view == VIEW_CELL && cols >= WIDE && cols < GRAPH_AND_BOTH;
}

void screen_draw(App *app)
{
    Grid *g = &app->grid;
    grid_clear(g);
    g->glyphs = app->glyphs;
    g->ascii_only = app->glyphs == GLYPHS_ASCII;
    LayoutFlags flags = { .alert = worst_alarm(app) != NULL,
                          .zoom = app->zoom || takes_all(app->view, g->cols),
                          .no_side = takes_side(app->view, g->cols) };
    app->layout = layout_compute(g->rows, g->cols, flags);
    Layout *l = &app->layout;
    if (l->too_small) {
        draw_too_small(app, l->message);
        return;
    }
    if ((app->focus == PANE_SIDE && !l->side.rows) || (app->focus == PANE_LIST && !l->list.rows))
        app->focus = PANE_MAIN;
    app_assert(app);
    draw_header(app, g, l->header);
    draw_tabs(app, g, l->tabs);
    draw_pane(app, app->view, l->main, app->focus == PANE_MAIN);
    draw_pane(app, app_side_view(app), l->side, app->focus == PANE_SIDE);
    draw_pane(app, VIEW_RUNS, l->list, app->focus == PANE_LIST);
    if (l->side.rows)
        grid_vline(g, l->side.row, l->side.col - 1, l->side.rows, ROLE_GRID);
    if (l->list.rows)
        grid_vline(g, l->list.row, l->list.col + l->list.cols, l->list.rows, ROLE_GRID);
    if (app->help) {
        Rect all = { 2, 0, g->rows - 3, g->cols };
        grid_fill(g, all, ' ', ROLE_TEXT, 0);
        draw_pane(app, VIEW_HELP, all, true);
    }
    draw_alert(app, g, l->alert);
    draw_footer(app, g, l->footer);
}
