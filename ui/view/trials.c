// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/str.h"
#include "ui/draw/table.h"
#include "ui/view/parts.h"
#include "ui/view/views.h"

// Columns: number, front, state, the objectives, seconds, architecture.
enum { COL_NUMBER, COL_FRONT, COL_STATE, COL_VALUES, TRIALS = 32768 };

bool trial_done(const TrialRow *trial)
{
    return strcmp(trial->state, "COMPLETE") == 0;
}

int trials_shown(const ViewContext *ctx)
{
    int n = ctx->run->n_trials;
    if (n > TRIALS)
        n = TRIALS;
    return ctx->epoch != INT_MAX && ctx->run->epoch < 0 && ctx->epoch + 1 < n ? ctx->epoch + 1 : n;
}

int trials_best(const ViewContext *ctx, int objective)
{
    int best = -1;
    double sign = ctx->run->objective[objective].maximize ? 1 : -1;
    for (int i = 0; i < trials_shown(ctx); i++) {
        const TrialRow *t = &ctx->run->trials[i];
        double v = sign * t->values[objective];
        if (trial_done(t) && isfinite(v) &&
            (best < 0 || v > sign * ctx->run->trials[best].values[objective]))
            best = i;
    }
    return best;
}

const char *objective_text(const char *name, double value, char *buf, size_t size)
{
    char num[32];
    if (!isfinite(value))
        snprintf(buf, size, "-");
    else if (strstr(name, "acc"))
        snprintf(buf, size, "%.2f%%", 100 * value);
    else if (strstr(name, "_ms"))
        snprintf(buf, size, "%.2f ms", value);
    else if (strstr(name, "params") || strstr(name, "macs") || fabs(value) >= 1e4)
        snprintf(buf, size, "%s", text_count(value, num, sizeof num));
    else
        snprintf(buf, size, "%.4g", value);
    return buf;
}

typedef struct {
    const ViewContext *ctx;
    int order[TRIALS];
    int sort; // column
    bool up;
} Rows;
static Rows rows;

static double sort_value(int trial, int column)
{
    const ModelRun *run = rows.ctx->run;
    const TrialRow *t = &run->trials[trial];
    if (column >= COL_VALUES && column < COL_VALUES + run->n_objectives)
        return t->values[column - COL_VALUES];
    return column == COL_FRONT ? !t->on_front : t->number;
}

// Not finite comes last, equal values by number.
static int by_column(const void *a, const void *b)
{
    int i = *(const int *)a, j = *(const int *)b;
    double x = sort_value(i, rows.sort), y = sort_value(j, rows.sort);
    if (isfinite(x) != isfinite(y))
        return isfinite(x) ? -1 : 1;
    if (isfinite(x) && x != y)
        return (x < y) == rows.up ? -1 : 1;
    return (i > j) - (i < j);
}

// state->metric: 0 by number, 1 front first, then the objectives, best first.
static int collect(const ViewContext *ctx, const ViewState *state)
{
    int n = 0, choices = 2 + ctx->run->n_objectives, metric = state->metric % choices;
    rows.ctx = ctx;
    rows.sort = metric < 2 ? metric : COL_VALUES + metric - 2;
    rows.up = metric < 2 || !ctx->run->objective[metric - 2].maximize;
    for (int i = 0; i < trials_shown(ctx); i++) {
        const TrialRow *t = &ctx->run->trials[i];
        if (part_matches(t->arch ? t->arch : "", ctx->filter) ||
            part_matches(t->state, ctx->filter))
            rows.order[n++] = i;
    }
    qsort(rows.order, (size_t)n, sizeof *rows.order, by_column);
    return n;
}

static void cell(const void *self, int row, int column, char *buf, size_t size, Role *role)
{
    const Rows *r = self;
    const ModelRun *run = r->ctx->run;
    const TrialRow *t = &run->trials[r->order[row]];
    int objective = column - COL_VALUES;
    if (column == COL_NUMBER)
        snprintf(buf, size, "%d", t->number);
    else if (column == COL_FRONT && t->on_front) {
        snprintf(buf, size, "front");
        *role = ROLE_OK;
    } else if (column == COL_STATE) {
        snprintf(buf, size, "%s", t->state);
        *role = strcmp(t->state, "FAIL") == 0 ? ROLE_BAD : ROLE_TEXT;
    } else if (objective >= 0 && objective < run->n_objectives)
        objective_text(run->objective[objective].name, t->values[objective], buf, size);
    else if (objective == run->n_objectives)
        text_eta(t->seconds, buf, size);
    else if (objective == run->n_objectives + 1)
        snprintf(buf, size, "%.*s", (int)size - 1, t->arch ? t->arch : "");
}

static int make_columns(const ModelRun *run, TableColumn *out)
{
    int n = 0;
    out[n++] = (TableColumn){ "trial", 0, true, false };
    out[n++] = (TableColumn){ "front", 0, false, false };
    out[n++] = (TableColumn){ "state", 3, false, false };
    for (int i = 0; i < run->n_objectives; i++)
        out[n++] = (TableColumn){ run->objective[i].name, i < 2 ? 0 : 2, true, false };
    out[n++] = (TableColumn){ "time", 4, true, false };
    out[n++] = (TableColumn){ "architecture", 5, false, true };
    return n;
}

static bool draw_empty(const ViewContext *ctx, Grid *g, Rect area)
{
    if (!ctx->run)
        text_empty(g, area, "no run is open", "0 lists the runs, Enter opens one");
    else if (ctx->run->n_trials == 0)
        text_empty(g, area,
                   "no trials: this search does not score single architectures, or the "
                   "first is still running",
                   "strategies random and evolution make trials; 1 shows the overview");
    else
        return false;
    return true;
}

static void draw(const ViewContext *ctx, ViewState *state, Grid *g, Rect area, bool focused)
{
    TableColumn columns[TABLE_COLUMNS];
    if (draw_empty(ctx, g, area))
        return;
    int n = collect(ctx, state);
    state->items = n;
    state->page = area.rows - 1;
    if (n == 0) {
        text_empty(g, area, "no trial matches the filter", "/ changes the filter, Esc clears it");
        return;
    }
    if (state->cursor >= n)
        state->cursor = n - 1;
    if (area.rows >= 14) { // the table cuts architectures: the selected one in full below
        const TrialRow *t = &ctx->run->trials[rows.order[state->cursor]];
        Rect foot = { area.row + area.rows - 2, area.col, 2, area.cols };
        text_wrap(g, foot, ROLE_DIM, 0, t->arch ? t->arch : "");
        area.rows -= 3;
        state->page = area.rows - 1;
    }
    Table table = { .columns = columns,
                    .n_columns = make_columns(ctx->run, columns),
                    .n_rows = n,
                    .data = &rows,
                    .cell = cell,
                    .cursor = state->cursor,
                    .sort_column = rows.sort,
                    .sort_up = rows.up,
                    .focused = focused };
    table_draw(g, area, &table, &state->top);
}

static int act(const ViewContext *ctx, ViewState *state, ViewAction action)
{
    if (action == ACTION_SORT && ctx->run) {
        state->metric = (state->metric + 1) % (2 + ctx->run->n_objectives);
        return VIEW_HANDLED | VIEW_REDRAW;
    }
    return part_move(state, action);
}

static char *csv(const ViewContext *ctx, const ViewState *state)
{
    (void)state;
    Str out = { 0 };
    if (!ctx->run)
        return NULL;
    str_add(&out, "number,state,front,seconds");
    for (int k = 0; k < ctx->run->n_objectives; k++)
        str_addf(&out, ",%s", ctx->run->objective[k].name);
    str_add(&out, ",arch\n");
    for (int i = 0; i < ctx->run->n_trials; i++) {
        const TrialRow *t = &ctx->run->trials[i];
        str_addf(&out, "%d,%s,%d,%.6g", t->number, t->state, t->on_front, t->seconds);
        for (int k = 0; k < ctx->run->n_objectives; k++)
            str_addf(&out, ",%.9g", t->values[k]);
        str_add(&out, ",\"");
        for (const char *s = t->arch ? t->arch : ""; *s; s++) { // quotes are doubled
            str_addc(&out, *s);
            if (*s == '"')
                str_addc(&out, '"');
        }
        str_add(&out, "\"\n");
    }
    return out.text;
}

const View view_trials = {
    .id = VIEW_TRIALS,
    .name = "trials",
    .title = "Trials",
    .keys = "s sort  / filter",
    .help = "Every architecture that was scored. s sorts: by number, the front first, then by each "
            "objective, best first. 'front' marks trials that no other beats in all objectives.",
    .draw = draw,
    .act = act,
    .csv = csv,
};
