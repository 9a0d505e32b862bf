// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/str.h"
#include "ui/draw/table.h"
#include "ui/view/parts.h"
#include "ui/view/space_list.h"
#include "ui/view/views.h"

enum {
    COL_NAME,
    COL_STATE,
    COL_EPOCH,
    COL_VERDICT,
    COL_ACC,
    COL_ETA,
    COL_STRATEGY,
    COL_SPACE,
    COL_PARAMS,
    COL_SEED,
    COL_UPDATED,
    COL_COUNT
};

static const TableColumn columns[COL_COUNT] = {
    [COL_NAME] = { "run", 0, false, true },           [COL_STATE] = { "state", 0, false, false },
    [COL_EPOCH] = { "epochs", 3, true, false },       [COL_VERDICT] = { "health", 0, false, false },
    [COL_ACC] = { "valid acc", 4, true, false },      [COL_ETA] = { "ETA", 5, true, false },
    [COL_STRATEGY] = { "strategy", 6, false, false }, [COL_SPACE] = { "space", 7, false, false },
    [COL_PARAMS] = { "params", 9, true, false },      [COL_SEED] = { "seed", 10, true, false },
    [COL_UPDATED] = { "updated", 8, true, false },
};

// Beside other views only the name, a short state and a mark for trouble have room.
static const int narrow[] = { COL_NAME, COL_STATE, COL_VERDICT };
static const TableColumn narrow_columns[] = {
    { "run", 0, false, true },
    { "is", 0, false, false },
    { "!", 0, false, false },
};
enum { NARROW = 40 };

enum { SHOWN = 4096 };

static bool passes(const ModelRun *run, const char *filter)
{
    return part_matches(run->name, filter) || part_matches(run->strategy, filter) ||
           part_matches(run->space, filter) || part_matches(run_state_name(run->state), filter);
}

static int collect(const ViewContext *ctx, int *shown)
{
    int n = 0;
    for (int i = 0; ctx->model && i < ctx->model->n && n < SHOWN; i++)
        if (passes(ctx->model->runs[i], ctx->filter))
            shown[n++] = i;
    return n;
}

int view_runs_selected(const ViewContext *ctx, const ViewState *state)
{
    static int shown[SHOWN];
    int n = collect(ctx, shown);
    return state->cursor >= 0 && state->cursor < n ? shown[state->cursor] : -1;
}

int view_runs_space(const ViewContext *ctx, const ViewState *state)
{
    static int shown[SHOWN];
    return state->cursor >= 0 ? space_list_at(ctx, state->cursor - collect(ctx, shown)) : -1;
}

// A mark before the words are read: two for a run that is lost, one for one that may be.
static void trouble_text(const ModelRun *run, char *buf, size_t size, Role *role)
{
    Verdict v = VERDICT_OK;
    if (run->health && !(run->n_cells == 0 && run->n_trials > 0))
        v = health_verdict(run->health, NULL);
    snprintf(buf, size, "%s", v >= VERDICT_COLLAPSED ? "!!" : v >= VERDICT_WARN ? "!" : "");
    *role = part_verdict_role(v);
}

static double last_acc(const ModelRun *run)
{
    for (int i = run->n_rows - 1; i >= 0; i--)
        if (isfinite(run->rows[i].valid_acc))
            return run->rows[i].valid_acc;
    if (run->n_objectives > 0 && strstr(run->objective[0].name, "acc")) {
        double best = NAN;
        for (int i = 0; i < run->n_trials; i++)
            if (trial_done(&run->trials[i]) && !(best >= run->trials[i].values[0]))
                best = run->trials[i].values[0];
        return best;
    }
    return NAN;
}

static void epoch_text(const ModelRun *run, char *buf, size_t size)
{
    if (run->epoch < 0 && run->n_trials > 0)
        snprintf(buf, size, "%d trials", run->n_trials);
    else
        part_done(run, buf, size);
}

// Trials are not judged: only what has a supernet has health.
static void verdict_text(const ModelRun *run, char *buf, size_t size, Role *role)
{
    if (!run->health || (run->n_cells == 0 && run->n_trials > 0)) {
        snprintf(buf, size, "-");
        return;
    }
    Verdict v = health_verdict(run->health, NULL);
    snprintf(buf, size, "%s", verdict_name(v));
    *role = part_verdict_role(v);
}

static const char *short_or_long(RunState state, bool brief)
{
    return !brief                 ? run_state_name(state)
           : state == RUN_RUNNING ? "RUN"
           : state == RUN_PAUSED  ? "WAIT"
           : state == RUN_STOPPED ? "STOP"
                                  : run_state_name(state);
}

typedef struct {
    const ViewContext *ctx;
    const ViewState *state;
    bool narrow;
    int shown[SHOWN];
} Rows;

static bool is_marked(const ViewState *state, int run)
{
    for (int i = 0; i < state->n_marks; i++)
        if (state->marks[i] == run)
            return true;
    return false;
}

static void cell(const void *self, int row, int column, char *buf, size_t size, Role *role)
{
    const Rows *rows = self;
    int index = rows->shown[row];
    const ModelRun *run = rows->ctx->model->runs[index];
    char num[32];
    switch (rows->narrow ? narrow[column] : column) {
    case COL_NAME:
        snprintf(buf, size, "%s%.100s", is_marked(rows->state, index) ? "* " : "", part_name(run));
        break;
    case COL_STATE:
        snprintf(buf, size, rows->narrow ? "%.4s" : "%s", short_or_long(run->state, rows->narrow));
        *role = part_state_role(run->state);
        break;
    case COL_EPOCH: epoch_text(run, buf, size); break;
    case COL_VERDICT: (rows->narrow ? trouble_text : verdict_text)(run, buf, size, role); break;
    case COL_ACC: text_percent(last_acc(run), buf, size); break;
    case COL_ETA: text_eta(run->state == RUN_RUNNING ? model_eta(run) : NAN, buf, size); break;
    case COL_STRATEGY: snprintf(buf, size, "%s", run->strategy[0] ? run->strategy : "-"); break;
    case COL_SPACE: snprintf(buf, size, "%s", run->space[0] ? run->space : "-"); break;
    case COL_PARAMS: text_count(run->params > 0 ? (double)run->params : NAN, buf, size); break;
    case COL_SEED: snprintf(buf, size, run->seed >= 0 ? "%lld" : "-", (long long)run->seed); break;
    case COL_UPDATED:
        snprintf(buf, size, isfinite(run->last) ? "%s ago" : "-",
                 text_eta(rows->ctx->now - run->last, num, sizeof num));
        break;
    default: break;
    }
}

// Below the runs; returns what is left for these.
static Rect draw_spaces(const ViewContext *ctx, Grid *g, Rect area, int runs, int cursor,
                        bool focused)
{
    int want = space_list_count(ctx) + 2, used = runs + 2; // with headings and a blank row
    if (used + want > area.rows) // the runs keep what the spaces leave, at least half
        used = area.rows - want > area.rows / 2 ? area.rows - want : area.rows / 2;
    used = used > runs + 2 ? runs + 2 : used;
    Rect below = { area.row + used, area.col, area.rows - used, area.cols };
    space_list_draw(ctx, g, below, cursor < 0 ? -1 : cursor, focused);
    return (Rect){ area.row, area.col, used - 1, area.cols };
}

static void draw(const ViewContext *ctx, ViewState *state, Grid *g, Rect area, bool focused)
{
    static Rows rows;
    rows.ctx = ctx;
    rows.state = state;
    rows.narrow = area.cols < NARROW;
    int n = collect(ctx, rows.shown), spaces = space_list_count(ctx);
    state->items = n + spaces;
    state->cursor = state->cursor >= state->items ? state->items - 1 : state->cursor;
    state->cursor = state->cursor < 0 ? 0 : state->cursor;
    state->page = area.rows - 1;
    if (state->items == 0) {
        bool some = (ctx->model && ctx->model->n > 0) || ctx->n_spaces > 0;
        text_empty(g, area, some ? "nothing matches the filter" : "no runs here yet",
                   some ? "/ changes the filter, Esc clears it"
                        : "start one with: dartboard run SPACE");
        return;
    }
    if (spaces > 0)
        area = draw_spaces(ctx, g, area, n, state->cursor - n, focused);
    if (n == 0) {
        grid_text(g, area.row, area.col, area.cols, ROLE_DIM, 0,
                  ctx->filter && *ctx->filter ? "no run matches the filter" : "no runs here yet");
        return;
    }
    Table table = { .columns = rows.narrow ? narrow_columns : columns,
                    .n_columns = rows.narrow ? (int)(sizeof narrow / sizeof *narrow) : COL_COUNT,
                    .n_rows = n,
                    .data = &rows,
                    .cell = cell,
                    .cursor = state->cursor < n ? state->cursor : -1,
                    .sort_column = -1,
                    .focused = focused };
    table_draw(g, area, &table, &state->top);
}

static void toggle_mark(ViewState *state, int run)
{
    for (int i = 0; i < state->n_marks; i++)
        if (state->marks[i] == run) {
            memmove(&state->marks[i], &state->marks[i + 1],
                    (size_t)(state->n_marks - i - 1) * sizeof *state->marks);
            state->n_marks--;
            return;
        }
    if (state->n_marks < 8)
        state->marks[state->n_marks++] = run;
}

static int act(const ViewContext *ctx, ViewState *state, ViewAction action)
{
    int run = view_runs_selected(ctx, state);
    if (action == ACTION_OPEN)
        return VIEW_HANDLED | (run >= 0                           ? VIEW_OPEN_RUN
                               : view_runs_space(ctx, state) >= 0 ? VIEW_OPEN_SPACE
                                                                  : 0);
    if (action == ACTION_MARK && run >= 0) {
        toggle_mark(state, run);
        return VIEW_HANDLED | VIEW_REDRAW;
    }
    return part_move(state, action);
}

static char *csv(const ViewContext *ctx, const ViewState *state)
{
    (void)state;
    Str out = { 0 };
    str_add(&out, "name,state,epoch,epochs,health,valid_acc,strategy,space,seed\n");
    for (int i = 0; ctx->model && i < ctx->model->n; i++) {
        const ModelRun *run = ctx->model->runs[i];
        if (!passes(run, ctx->filter))
            continue;
        str_addf(&out, "%s,%s,%d,%d,%s,%.6g,%s,%s,%lld\n", run->name, run_state_name(run->state),
                 run->epoch, run->epochs, verdict_name(health_verdict(run->health, NULL)),
                 last_acc(run), run->strategy, run->space, (long long)run->seed);
    }
    return out.text;
}

const View view_runs = {
    .id = VIEW_RUNS,
    .name = "runs",
    .title = "Runs",
    .keys = "Enter open  Space mark  / filter",
    .help = "The runs of this directory or log. Enter opens one; Space marks runs to compare: "
            "the overview lays their curves over its own. Narrow: ! is WARN, !! COLLAPSED or DEAD. "
            "LOST "
            "means that the journal has been silent for longer than its epochs take. Below them, "
            "in the "
            "workbench, the search spaces of ./spaces and those that come with the program.",
    .draw = draw,
    .act = act,
    .csv = csv,
};
