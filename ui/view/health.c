// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/str.h"
#include "ui/view/parts.h"
#include "ui/view/views.h"

// Verdict, signals with their limits per cell type, alarms with evidence, charts.

typedef struct {
    SignalId id;
    const char *name, *meaning;
    int decimals; // or PERCENT: a share
} SignalRow;
enum { PERCENT = -1 };

static const SignalRow signal_rows[] = {
    { SIGNAL_T_Q, "consensus t on q", "edges agree on skip", 1 },
    { SIGNAL_T_P, "consensus t on p", "the same, with none", 1 },
    { SIGNAL_LIFT, "skip lift", "1 = chance", 2 },
    { SIGNAL_GAP, "skip logit gap", "0 = level with others", 2 },
    { SIGNAL_WIN, "skip-win share", "edges won by skip", PERCENT },
    { SIGNAL_SKIPS, "skips in the cell", "of the kept edges", 0 },
    { SIGNAL_FREE, "parameter-free", "skips, pools, none", 0 },
    { SIGNAL_DEPTH, "conv depth", "convs on deepest path", 0 },
    { SIGNAL_ENTROPY, "entropy", "1 undecided, 0 decided", 2 },
    { SIGNAL_MARGIN, "margin", "best minus second", 2 },
    { SIGNAL_NONE, "none mass", "weight on none", PERCENT },
};
enum { SIGNAL_ROWS = sizeof signal_rows / sizeof *signal_rows };

// Text of the limit and whether the value is past it.
static bool limit_of(const ModelRun *run, int cell, SignalId id, double v, char *buf, size_t size)
{
    const HealthCell *shape = &run->cells[cell].shape;
    int skips = run->limits.skips > 0 ? run->limits.skips : health_skip_limit(shape);
    int free_limit = run->limits.parameter_free > 0 ? run->limits.parameter_free
                                                    : health_parameter_free_limit(shape);
    switch (id) {
    case SIGNAL_T_Q:
    case SIGNAL_T_P:
        snprintf(buf, size, "watch %.3g, warn %.3g", part_t_watch(run), part_t_warn(run, cell));
        return v > part_t_watch(run);
    case SIGNAL_SKIPS:
        snprintf(buf, size, "warn %d, alarm %d", skips - 1, skips);
        return v >= skips - 1;
    case SIGNAL_FREE:
        snprintf(buf, size, "warn %d, alarm %d", free_limit - 1, free_limit);
        return v >= free_limit - 1;
    case SIGNAL_DEPTH: snprintf(buf, size, "at least 1"); return v < 1;
    default: buf[0] = '\0'; return false;
    }
}

static void draw_verdict(const ViewContext *ctx, Grid *g, Rect area, bool focused)
{
    Cause cause;
    const ModelRun *run = ctx->run;
    Verdict verdict = health_verdict(run->health, &cause);
    int col = area.col, end = area.col + area.cols;
    col += grid_text(g, area.row, col, area.cols, ROLE_TITLE,
                     ATTR_BOLD | (focused ? ATTR_UNDERLINE : 0), "health");
    col += 2 + grid_text(g, area.row, col + 2, end - col - 2, part_verdict_role(verdict), ATTR_BOLD,
                         verdict_name(verdict));
    if (cause_name(cause))
        col += 2 + grid_printf(g, area.row, col + 2, end - col - 2, ROLE_TEXT, 0, "by %s",
                               cause_name(cause));
    for (int c = 0; c < run->n_cells && end - col > 8; c++) {
        HealthLevel level = health_level(run->health, run->cells[c].health);
        col += 3 + grid_text(g, area.row, col + 3, end - col - 3, ROLE_TEXT, 0,
                             run->cells[c].shape.name);
        col += 1 + grid_text(g, area.row, col + 1, end - col - 1, part_level_role(level), ATTR_BOLD,
                             level_name(level));
    }
    if (ctx->epoch != INT_MAX && end - col > 20)
        grid_printf(g, area.row, col + 3, end - col - 3, ROLE_DIM, 0, "(now; numbers of epoch %d)",
                    ctx->epoch);
}

static bool has_alphas(const ModelRun *run)
{
    for (int c = 0; c < run->n_cells; c++)
        if (run->cells[c].n_looks > 0 || run->cells[c].shape.alpha_known)
            return true;
    return false;
}

// Counts come with a cell alone, the others with its alphas.
static bool is_count(SignalId id)
{
    return id >= SIGNAL_SKIPS;
}

enum { NAME_COLS = 18, VALUE_COLS = 10, LIMIT_COLS = 17 };

static void draw_signal(const ViewContext *ctx, Grid *g, Rect area, int row, const SignalRow *s)
{
    char num[24], limit[40] = "";
    int col = area.col + NAME_COLS, end = area.col + area.cols;
    grid_text(g, row, area.col, NAME_COLS - 1, ROLE_TEXT, 0, s->name);
    for (int c = 0; c < ctx->run->n_cells; c++, col += VALUE_COLS) {
        Signals now;
        double v = part_signals(ctx, c, &now) ? part_signal(&now, s->id) : NAN;
        bool known = model_look(ctx->run, c, ctx->epoch) || is_count(s->id);
        bool over = known && limit_of(ctx->run, c, s->id, v, limit, sizeof limit) && isfinite(v);
        if (s->decimals == PERCENT)
            text_percent(known ? v : NAN, num, sizeof num);
        else
            text_number(known ? v : NAN, s->decimals, num, sizeof num);
        int used = (int)strlen(num), pad = used < VALUE_COLS - 2 ? VALUE_COLS - 2 - used : 0;
        grid_text(g, row, col + pad, end - col - pad, over ? ROLE_WARN : ROLE_TEXT,
                  over ? ATTR_BOLD : 0, num);
        if (over)
            grid_put(g, row, col + VALUE_COLS - 2, '!', ROLE_WARN, ATTR_BOLD);
    }
    int cell = part_cell(ctx);
    limit_of(ctx->run, cell < 0 ? 0 : cell, s->id, NAN, limit, sizeof limit);
    if (end - col >= LIMIT_COLS)
        grid_text(g, row, col + 1, end - col - 1, ROLE_DIM, 0, limit);
    col += LIMIT_COLS + 1;
    if (end - col >= 16)
        grid_text(g, row, col + 1, end - col - 1, ROLE_DIM, 0, s->meaning);
}

// Returns the rows it took.
static int draw_signals(const ViewContext *ctx, Grid *g, Rect area)
{
    int col = area.col + NAME_COLS;
    grid_text(g, area.row, area.col, NAME_COLS - 1, ROLE_TITLE, ATTR_BOLD, "signal");
    for (int c = 0; c < ctx->run->n_cells; c++, col += VALUE_COLS) {
        const char *name = ctx->run->cells[c].shape.name;
        int used = (int)strlen(name), pad = used < VALUE_COLS - 2 ? VALUE_COLS - 2 - used : 0;
        grid_text(g, area.row, col + pad, VALUE_COLS - 1 - pad, ROLE_TITLE, ATTR_BOLD, name);
    }
    if (area.col + area.cols - col >= LIMIT_COLS)
        grid_text(g, area.row, col + 1, -1, ROLE_TITLE, ATTR_BOLD, "limit");
    if (area.col + area.cols - col >= LIMIT_COLS + 17)
        grid_text(g, area.row, col + LIMIT_COLS + 2, -1, ROLE_TITLE, ATTR_BOLD, "meaning");
    int rows = 1;
    bool alpha = has_alphas(ctx->run);
    for (int i = 0; i < SIGNAL_ROWS && rows < area.rows; i++)
        if (alpha || is_count(signal_rows[i].id))
            draw_signal(ctx, g, area, area.row + rows++, &signal_rows[i]);
    if (!alpha && rows < area.rows)
        grid_text(g, area.row + rows++, area.col, area.cols, ROLE_DIM, 0,
                  "no alphas: of weights nothing is known, cells are counted");
    return rows;
}

static int draw_alarm(const ViewContext *ctx, Grid *g, Rect r, const HealthAlarm *a, bool advice)
{
    char text[640], todo[256];
    snprintf(text, sizeof text, "%-5s epoch %d  %s  %s", level_name(a->level), a->epoch, a->cell,
             a->rule);
    grid_text(g, r.row, r.col, r.cols, part_level_role(a->level), ATTR_BOLD, text);
    Rect rest = { r.row + 1, r.col + 2, r.rows - 1, r.cols - 2 };
    int used = text_wrap(g, rest, ROLE_TEXT, 0, a->evidence);
    rest.row += used;
    rest.rows -= used;
    if (advice && rest.rows > 0) {
        part_advice(ctx->run, a, todo, sizeof todo);
        if (a->good_epoch >= 0)
            snprintf(text, sizeof text, "last good epoch %d: %s", a->good_epoch, todo);
        else
            snprintf(text, sizeof text, "%s", todo);
        used += text_wrap(g, rest, ROLE_DIM, 0, text);
    }
    return 1 + used;
}

int alarms_list(const ViewContext *ctx, Grid *g, Rect area, int skip)
{
    int n = part_alarm_count(ctx);
    char remark[64];
    if (skip >= n)
        skip = n > 0 ? n - 1 : 0;
    snprintf(remark, sizeof remark, n ? "%d, gravest first" : "none", n);
    Rect rest = part_heading(g, area, "alarms", remark, false);
    if (n == 0)
        text_wrap(g, rest, ROLE_DIM, 0,
                  ctx->run->epoch < 0 ? "nothing is judged before the alphas have moved"
                                      : "no rule has fired so far");
    for (int k = skip; k < n && rest.rows > 0; k++) {
        int used = draw_alarm(ctx, g, rest, part_alarm(ctx, k), k == skip);
        rest.row += used;
        rest.rows -= used;
    }
    return n;
}

static void draw_alarms(const ViewContext *ctx, ViewState *state, Grid *g, Rect area)
{
    state->items = part_alarm_count(ctx);
    state->page = 1;
    if (state->cursor >= state->items)
        state->cursor = state->items > 0 ? state->items - 1 : 0;
    alarms_list(ctx, g, area, state->cursor);
}

static void draw_chart(const ViewContext *ctx, Grid *g, Rect area, SignalId id, const char *title)
{
    static const Role roles[GENO_CELLS] = { ROLE_SERIES_1, ROLE_SERIES_2, ROLE_SERIES_3,
                                            ROLE_SERIES_4 };
    ChartSeries series[GENO_CELLS];
    SeriesData data[GENO_CELLS];
    ChartLimit limits[2];
    int n = ctx->run->n_cells < GENO_CELLS ? ctx->run->n_cells : GENO_CELLS, n_limits = 0;
    for (int c = 0; c < n; c++)
        series[c] =
            part_signal_series(&data[c], ctx, c, id, ctx->run->cells[c].shape.name, roles[c]);
    if (id == SIGNAL_T_Q || id == SIGNAL_T_P) {
        limits[n_limits++] = (ChartLimit){ part_t_watch(ctx->run), "watch", ROLE_WARN };
        limits[n_limits++] = (ChartLimit){ part_t_warn(ctx->run, 0), "warn", ROLE_BAD };
    } else if (id == SIGNAL_SKIPS) {
        int k = ctx->run->limits.skips > 0 ? ctx->run->limits.skips
                                           : health_skip_limit(&ctx->run->cells[0].shape);
        limits[n_limits++] = (ChartLimit){ k, "alarm", ROLE_BAD };
    }
    part_chart(ctx, g, area, title, "",
               (ChartSpec){ .series = series,
                            .n_series = n,
                            .limits = limits,
                            .n_limits = n_limits,
                            .empty = "no values yet" });
}

static void draw_charts(const ViewContext *ctx, Grid *g, Rect area, int columns, int rows)
{
    static const struct {
        SignalId id;
        const char *title;
    } chart[] = { { SIGNAL_T_Q, "consensus t on q" }, { SIGNAL_SKIPS, "skips in the cell" },
                  { SIGNAL_LIFT, "skip lift" },       { SIGNAL_DEPTH, "conv depth" },
                  { SIGNAL_GAP, "skip logit gap" },   { SIGNAL_T_P, "consensus t on p" },
                  { SIGNAL_FREE, "parameter-free" } };
    int height = area.rows / rows, width = area.cols / columns, at = 0;
    bool alpha = has_alphas(ctx->run);
    for (size_t i = 0; i < sizeof chart / sizeof *chart && at < columns * rows; i++) {
        if (!alpha && !is_count(chart[i].id))
            continue;
        Rect r = { area.row + at / columns * height, area.col + at % columns * width, height,
                   width - (columns > 1) };
        draw_chart(ctx, g, r, chart[i].id, chart[i].title);
        at++;
    }
}

static bool draw_empty(const ViewContext *ctx, Grid *g, Rect area)
{
    if (!ctx->run)
        text_empty(g, area, "no run is open", "0 lists the runs, Enter opens one");
    else if (ctx->run->n_cells == 0 && ctx->run->n_trials > 0)
        text_empty(g, area, "nothing to judge: trials have no shared weights that could collapse",
                   "8 lists the trials, 4 shows the Pareto front");
    else if (ctx->run->n_cells == 0)
        text_empty(g, area, "no signals yet - they come with the first alphas or genotype",
                   "6 shows the log");
    else
        return false;
    return true;
}

// The essential in few rows: verdict, newest alarm, three signals.
static void draw_short(const ViewContext *ctx, ViewState *state, Grid *g, Rect area)
{
    static const SignalId few[] = { SIGNAL_T_Q, SIGNAL_SKIPS, SIGNAL_DEPTH };
    int rows = 0;
    for (int k = 0; k < 3 && rows < area.rows / 2; k++)
        for (int i = 0; i < SIGNAL_ROWS; i++)
            if (signal_rows[i].id == few[k])
                draw_signal(ctx, g, area, area.row + rows++, &signal_rows[i]);
    draw_alarms(ctx, state, g, (Rect){ area.row + rows, area.col, area.rows - rows, area.cols });
}

static void draw(const ViewContext *ctx, ViewState *state, Grid *g, Rect area, bool focused)
{
    if (draw_empty(ctx, g, area))
        return;
    draw_verdict(ctx, g, area, focused);
    Rect rest = { area.row + 1, area.col, area.rows - 1, area.cols };
    state->items = part_alarm_count(ctx);
    if (state->form % 2 == 1 && rest.rows >= 5) {
        int columns = area.cols >= 70 ? 2 : 1, rows = rest.rows / 8 < 1 ? 1 : rest.rows / 8;
        draw_charts(ctx, g, rest, columns, rows > 3 && columns == 2 ? 3 : rows);
    } else if (rest.rows < 16) {
        draw_short(ctx, state, g, rest);
    } else {
        int used = draw_signals(ctx, g, rest);
        Rect below = { rest.row + used + 1, rest.col, rest.rows - used - 1, rest.cols };
        if (area.cols >= 110 && below.rows >= 12) {
            Rect right = { below.row, below.col + below.cols / 2, below.rows, below.cols / 2 };
            draw_charts(ctx, g, right, 1, below.rows >= 20 ? 2 : 1);
            below.cols = below.cols / 2 - 2;
        } else if (part_alarm_count(ctx) == 0 && below.rows >= 11) { // nothing to list
            Rect rest_of = { below.row + 3, below.col, below.rows - 3, below.cols };
            draw_charts(ctx, g, rest_of, area.cols >= 70 ? 2 : 1, rest_of.rows / 8);
            below.rows = 2;
        }
        draw_alarms(ctx, state, g, below);
    }
}

static int act(const ViewContext *ctx, ViewState *state, ViewAction action)
{
    (void)ctx;
    return action == ACTION_FORM ? part_other_form(state) : part_move(state, action);
}

static char *csv(const ViewContext *ctx, const ViewState *state)
{
    Str out = { 0 };
    (void)state;
    if (!ctx->run)
        return NULL;
    str_add(&out, "cell,epoch,step,entropy,t_p,t_q,lift,gap,win_share,skips,conv_depth\n");
    for (int c = 0; c < ctx->run->n_cells; c++)
        for (int i = 0; i < ctx->run->cells[c].n_looks; i++) {
            const AlphaLook *l = &ctx->run->cells[c].looks[i];
            str_addf(&out, "%s,%d,%lld,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%d,%d\n",
                     ctx->run->cells[c].shape.name, l->epoch, (long long)l->step,
                     l->signals.entropy, l->signals.t_p, l->signals.t_q, l->signals.lift,
                     l->signals.gap_q, l->signals.win_share, l->signals.skips,
                     l->signals.conv_depth);
        }
    return out.text;
}

const View view_health = {
    .id = VIEW_HEALTH,
    .name = "health",
    .title = "Health",
    .keys = "a table/charts  up down alarms  R repair",
    .help = "Signals of collapse with their limits, per cell type, and every alarm with its rule, "
            "its evidence and the last good epoch before it. '!' marks a value past its limit; an "
            "alarm needs more than one look. R rolls back or forks with a remedy.",
    .draw = draw,
    .act = act,
    .csv = csv,
};
