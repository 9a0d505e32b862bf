// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ui/draw/scatter.h"
#include "ui/view/parts.h"
#include "ui/view/views.h"

typedef struct {
    const ModelRun *run;
    int x, y; // objectives
} Pair;

static double value_of(const Pair *p, int i, int objective)
{
    const TrialRow *t = &p->run->trials[i];
    return trial_done(t) ? t->values[objective] : NAN;
}

static double x_of(const void *self, int i)
{
    const Pair *p = self;
    return value_of(p, i, p->x);
}

static double y_of(const void *self, int i)
{
    const Pair *p = self;
    return value_of(p, i, p->y);
}

// The metric-th pair of objectives (y, x): (0,1), (0,2), ... (1,2) ...
static void choose_pair(const ModelRun *run, int metric, Pair *out)
{
    int n = run->n_objectives, k = metric % (n * (n - 1) / 2);
    *out = (Pair){ .run = run };
    for (int y = 0; y < n; y++)
        for (int x = y + 1; x < n; x++)
            if (k-- == 0) {
                out->x = x;
                out->y = y;
                return;
            }
}

static ScatterSpec spec_of(const ViewContext *ctx, const Pair *pair, int cursor)
{
    const ModelRun *run = ctx->run;
    return (ScatterSpec){ .n = trials_shown(ctx),
                          .x = x_of,
                          .y = y_of,
                          .data = pair,
                          .x_maximize = run->objective[pair->x].maximize,
                          .y_maximize = run->objective[pair->y].maximize,
                          .x_name = run->objective[pair->x].name,
                          .y_name = run->objective[pair->y].name,
                          .x_percent = strstr(run->objective[pair->x].name, "acc") != NULL,
                          .y_percent = strstr(run->objective[pair->y].name, "acc") != NULL,
                          .cursor = cursor,
                          .log_x = ctx->log_y };
}

enum { BEST = 32768 };
typedef struct {
    const ModelRun *run;
    double best[BEST]; // of the first objective, up to each trial
} Best;

static double best_value(const void *self, int i, double *x)
{
    const Best *b = self;
    *x = b->run->trials[i].number;
    return b->best[i];
}

void best_so_far(const ViewContext *ctx, Grid *g, Rect area)
{
    static Best best;
    int n = trials_shown(ctx);
    const char *name = ctx->run->n_objectives ? ctx->run->objective[0].name : "value";
    bool maximize = ctx->run->objective[0].maximize;
    best.run = ctx->run;
    double so_far = NAN;
    for (int i = 0; i < n && i < BEST; i++) {
        const TrialRow *t = &ctx->run->trials[i];
        double v = trial_done(t) ? t->values[0] : NAN;
        if (isfinite(v) && (isnan(so_far) || (maximize ? v > so_far : v < so_far)))
            so_far = v;
        best.best[i] = so_far;
    }
    ChartSeries series = { .label = "best",
                           .role = ROLE_SERIES_1,
                           .mark = 'o',
                           .n = n > BEST ? BEST : n,
                           .value = best_value,
                           .data = &best };
    ChartSpec spec = { .series = &series,
                       .n_series = 1,
                       .x_from = 0,
                       .x_to = n > 2 ? n - 1 : 2,
                       .cursor_x = NAN,
                       .x_unit = "trial",
                       .percent = strstr(name, "acc") != NULL,
                       .empty = "no finished trial yet" };
    Rect inner = part_heading(g, area, "best so far", name, false);
    chart_draw(g, inner, &spec);
}

void pareto_small(const ViewContext *ctx, Grid *g, Rect area)
{
    Pair pair;
    choose_pair(ctx->run, 0, &pair);
    ScatterSpec spec = spec_of(ctx, &pair, -1);
    scatter_draw(g, area, &spec);
}

// Why there is no front, or false if there can be one.
static bool draw_empty(const ViewContext *ctx, Grid *g, Rect area)
{
    if (!ctx->run)
        text_empty(g, area, "no run is open", "0 lists the runs, Enter opens one");
    else if (ctx->run->n_trials == 0)
        text_empty(g, area, "no Pareto points yet - they appear after the first evaluation",
                   "strategies random and evolution score architectures; 1 shows the overview");
    else if (ctx->run->n_objectives < 2)
        best_so_far(ctx, g, area);
    else
        return false;
    return true;
}

static bool in_front(const int *front, int n, int trial)
{
    for (int i = 0; i < n; i++)
        if (front[i] == trial)
            return true;
    return false;
}

static void draw_point(const ViewContext *ctx, Grid *g, Rect area, int trial, bool on_front)
{
    const TrialRow *t = &ctx->run->trials[trial];
    char text[512], value[48];
    int used = snprintf(text, sizeof text, "@ trial %d  %s", t->number,
                        !trial_done(t) ? t->state
                        : on_front     ? "on the front"
                                       : "dominated");
    for (int k = 0; k < ctx->run->n_objectives && used < (int)sizeof text; k++)
        used += snprintf(
            text + used, sizeof text - (size_t)used, "  %s %s", ctx->run->objective[k].name,
            objective_text(ctx->run->objective[k].name, t->values[k], value, sizeof value));
    grid_text(g, area.row, area.col, area.cols, ROLE_TEXT, ATTR_BOLD, text);
    Rect rest = { area.row + 1, area.col, area.rows - 1, area.cols };
    text_wrap(g, rest, ROLE_DIM, 0, t->arch ? t->arch : "");
}

static void draw(const ViewContext *ctx, ViewState *state, Grid *g, Rect area, bool focused)
{
    enum { FRONT = 512 };
    int front[FRONT];
    char remark[128];
    if (draw_empty(ctx, g, area))
        return;
    Pair pair;
    choose_pair(ctx->run, state->metric, &pair);
    state->items = trials_shown(ctx);
    if (state->cursor >= state->items)
        state->cursor = state->items - 1;
    ScatterSpec spec = spec_of(ctx, &pair, state->cursor);
    int n = scatter_front(&spec, front, FRONT);
    snprintf(remark, sizeof remark, "front: %d of %d trials", n, state->items);
    Rect rest = part_heading(g, area, "Pareto", remark, focused);
    int foot = area.rows >= 16 ? 3 : area.rows >= 8 ? 1 : 0;
    Rect plot = { rest.row, rest.col, rest.rows - foot, rest.cols };
    scatter_draw(g, plot, &spec);
    Rect point = { plot.row + plot.rows, rest.col, foot, rest.cols };
    if (foot > 0 && state->cursor >= 0)
        draw_point(ctx, g, point, state->cursor, in_front(front, n, state->cursor));
}

// Left and right walk along the front, up and down through all trials.
static int walk_front(const ViewContext *ctx, ViewState *state, int step)
{
    enum { FRONT = 512 };
    int front[FRONT], at = 0;
    Pair pair;
    choose_pair(ctx->run, state->metric, &pair);
    ScatterSpec spec = spec_of(ctx, &pair, -1);
    int n = scatter_front(&spec, front, FRONT);
    if (n == 0)
        return VIEW_HANDLED;
    if (spec.x_maximize) // front[0] has the best x: right is towards it
        step = -step;
    while (at < n && front[at] != state->cursor)
        at++;
    at = at == n ? 0 : at + step < 0 ? 0 : at + step >= n ? n - 1 : at + step;
    state->cursor = front[at];
    return VIEW_HANDLED | VIEW_REDRAW;
}

static int act(const ViewContext *ctx, ViewState *state, ViewAction action)
{
    bool pairs = ctx->run && ctx->run->n_objectives >= 2;
    if (pairs && (action == ACTION_LEFT || action == ACTION_RIGHT))
        return walk_front(ctx, state, action == ACTION_LEFT ? -1 : 1);
    if (pairs && action == ACTION_SORT) {
        int n = ctx->run->n_objectives;
        state->metric = (state->metric + 1) % (n * (n - 1) / 2);
        return VIEW_HANDLED | VIEW_REDRAW;
    }
    return part_move(state, action);
}

static char *csv(const ViewContext *ctx, const ViewState *state)
{
    return view_trials.csv(ctx, state);
}

const View view_pareto = {
    .id = VIEW_PARETO,
    .name = "pareto",
    .title = "Pareto",
    .keys = "left right along the front  up down all  s objectives  y log x",
    .help = "Every scored architecture by two objectives. O is the front: no other trial is better "
            "in both. Left and right walk along it, up and down through all trials; the line below "
            "names the point. s chooses other objectives.",
    .draw = draw,
    .act = act,
    .csv = csv,
};
