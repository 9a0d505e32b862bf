// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/str.h"
#include "ui/draw/table.h"
#include "ui/view/parts.h"
#include "ui/view/views.h"

// What happened, newest first: notes, alarms and finished epochs, merged by time.

typedef enum { EVENT_NOTE, EVENT_ALARM, EVENT_EPOCH } EventKind;
typedef struct {
    EventKind kind;
    int index;
} Event;
enum { EVENTS = 65536 };

typedef struct {
    const ModelRun *run;
    int n;
    bool times;          // the source says when things happened
    Event event[EVENTS]; // oldest first
} Events;
static Events events;

static void event_text(const Event *e, char *buf, size_t size, Role *role)
{
    const ModelRun *run = events.run;
    char a[16], b[16], c[16];
    if (e->kind == EVENT_NOTE) {
        snprintf(buf, size, "%s", run->log[e->index].text);
    } else if (e->kind == EVENT_ALARM) {
        const HealthAlarm *alarm = health_alarm(run->health, e->index);
        snprintf(buf, size, "%s %s %s: %s", level_name(alarm->level), alarm->cell, alarm->rule,
                 alarm->evidence);
        *role = part_level_role(alarm->level);
    } else {
        const EpochRow *row = &run->rows[e->index];
        snprintf(buf, size, "epoch %d  train %s  valid %s  %s", row->epoch,
                 text_percent(row->train_acc, a, sizeof a),
                 text_percent(row->valid_acc, b, sizeof b), text_eta(row->seconds, c, sizeof c));
        *role = ROLE_DIM;
    }
}

static void add(const ViewContext *ctx, EventKind kind, int index)
{
    char text[512];
    Role role = ROLE_TEXT;
    Event e = { kind, index };
    if (events.n == EVENTS)
        return;
    if (ctx->filter && *ctx->filter) {
        event_text(&e, text, sizeof text, &role);
        if (!part_matches(text, ctx->filter))
            return;
    }
    events.event[events.n++] = e;
}

static void collect(const ViewContext *ctx)
{
    const ModelRun *run = ctx->run;
    int note = 0, alarm = 0, alarms = run->health ? health_alarm_count(run->health) : 0;
    events.run = run;
    events.n = 0;
    for (int i = run->n_rows > 20000 ? run->n_rows - 20000 : 0; i < run->n_rows; i++) {
        const EpochRow *row = &run->rows[i];
        if (row->epoch > ctx->epoch)
            break;
        while (note < run->n_log && (!isfinite(run->log[note].wall) || !isfinite(row->wall) ||
                                     run->log[note].wall <= row->wall))
            add(ctx, EVENT_NOTE, note++);
        add(ctx, EVENT_EPOCH, i);
        while (alarm < alarms && health_alarm(run->health, alarm)->epoch <= row->epoch)
            add(ctx, EVENT_ALARM, alarm++);
    }
    while (note < run->n_log && ctx->epoch == INT_MAX)
        add(ctx, EVENT_NOTE, note++);
}

static double event_wall(const Event *e)
{
    if (e->kind == EVENT_NOTE)
        return events.run->log[e->index].wall;
    if (e->kind == EVENT_EPOCH)
        return events.run->rows[e->index].wall;
    return NAN;
}

// Whether the source says when things happened; else epochs have to do.
static bool has_times(void)
{
    for (int i = 0; i < events.n; i++)
        if (isfinite(event_wall(&events.event[i])))
            return true;
    return false;
}

static void event_when(const Event *e, char *buf, size_t size)
{
    double wall = event_wall(e);
    if (e->kind == EVENT_ALARM)
        snprintf(buf, size, "%s%d", events.times ? "epoch " : "",
                 health_alarm(events.run->health, e->index)->epoch);
    else if (isfinite(wall))
        text_time(wall, buf, size);
    else if (e->kind == EVENT_EPOCH)
        snprintf(buf, size, "%s%d", events.times ? "epoch " : "", events.run->rows[e->index].epoch);
    else
        buf[0] = '\0';
}

static void cell(const void *self, int row, int column, char *buf, size_t size, Role *role)
{
    (void)self;
    const Event *e = &events.event[events.n - 1 - row];
    if (column == 0)
        event_when(e, buf, size);
    else
        event_text(e, buf, size, role);
}

// The selected event in full below the list: lines are cut, evidence is long.
static int draw_full(Grid *g, Rect area, int cursor)
{
    char text[1024];
    Role role = ROLE_TEXT;
    if (area.rows < 12 || cursor >= events.n)
        return 0;
    event_text(&events.event[events.n - 1 - cursor], text, sizeof text, &role);
    Rect r = { area.row + area.rows - 3, area.col, 3, area.cols };
    text_wrap(g, r, role, 0, text);
    return 4;
}

static void draw(const ViewContext *ctx, ViewState *state, Grid *g, Rect area, bool focused)
{
    if (!ctx->run) {
        text_empty(g, area, "no run is open", "0 lists the runs, Enter opens one");
        return;
    }
    collect(ctx);
    state->items = events.n;
    if (state->cursor >= events.n)
        state->cursor = events.n > 0 ? events.n - 1 : 0;
    if (events.n == 0) {
        bool filtered = ctx->filter && *ctx->filter;
        text_empty(g, area,
                   filtered ? "nothing in the log matches the filter"
                            : "nothing yet - the first epoch is still running",
                   filtered ? "/ changes the filter, Esc clears it" : "1 shows the overview");
        return;
    }
    events.times = has_times();
    const TableColumn columns[] = { { events.times ? "time (UTC)" : "epoch", 1, !events.times,
                                      false },
                                    { "event, newest first", 0, false, true } };
    Rect list = area;
    list.rows -= draw_full(g, area, state->cursor);
    state->page = list.rows - 1;
    Table table = { .columns = columns,
                    .n_columns = 2,
                    .n_rows = events.n,
                    .cell = cell,
                    .cursor = state->cursor,
                    .sort_column = -1,
                    .focused = focused };
    table_draw(g, list, &table, &state->top);
}

static int act(const ViewContext *ctx, ViewState *state, ViewAction action)
{
    (void)ctx;
    return part_move(state, action);
}

static char *csv(const ViewContext *ctx, const ViewState *state)
{
    Str out = { 0 };
    (void)state;
    if (!ctx->run)
        return NULL;
    collect(ctx);
    events.times = true;
    str_add(&out, "time,event\n");
    for (int i = 0; i < events.n; i++) {
        char when[64], text[1024];
        Role role;
        event_when(&events.event[i], when, sizeof when);
        event_text(&events.event[i], text, sizeof text, &role);
        for (char *s = text; *s; s++)
            if (*s == '"')
                *s = '\'';
        str_addf(&out, "%s,\"%s\"\n", when, text);
    }
    return out.text;
}

const View view_log = {
    .id = VIEW_LOG,
    .name = "log",
    .title = "Log",
    .keys = "/ filter  arrows select",
    .help =
        "Notes, alarms and finished epochs, newest first. / keeps the lines that contain a text. "
        "The selected line is shown in full below.",
    .draw = draw,
    .act = act,
    .csv = csv,
};
