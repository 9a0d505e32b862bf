// SPDX-License-Identifier: MIT
#include "ui/view/parts.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int part_cell(const ViewContext *ctx)
{
    if (!ctx->run || ctx->run->n_cells < 1)
        return -1;
    int n = ctx->run->n_cells, c = ctx->cell % n;
    return c < 0 ? c + n : c;
}

const char *part_cell_name(const ViewContext *ctx, int cell)
{
    return cell >= 0 && cell < ctx->run->n_cells ? ctx->run->cells[cell].shape.name : "";
}

const EpochRow *part_row(const ViewContext *ctx)
{
    const EpochRow *found = NULL;
    for (int i = 0; ctx->run && i < ctx->run->n_rows; i++)
        if (ctx->run->rows[i].epoch <= ctx->epoch)
            found = &ctx->run->rows[i];
    return found;
}

int part_shown(const ViewContext *ctx)
{
    return ctx->epoch < ctx->run->epoch ? ctx->epoch : ctx->run->epoch;
}

const char *part_done(const ModelRun *run, char *buf, size_t size)
{
    if (run->epochs > 0)
        snprintf(buf, size, "%d/%d", run->epoch + 1, run->epochs);
    else
        snprintf(buf, size, "%d", run->epoch + 1);
    return buf;
}

void part_axis(const ViewContext *ctx, double *from, double *to)
{
    const ModelRun *run = ctx->run;
    if (ctx->x_from < ctx->x_to) {
        *from = ctx->x_from;
        *to = ctx->x_to;
        return;
    }
    int last = run->n_rows ? run->rows[run->n_rows - 1].epoch : run->epoch;
    double span = 16;
    while (span < last)
        span *= 2;
    *from = 0;
    *to = run->epochs > 1 ? run->epochs - 1 : span;
    if (*to < last)
        *to = last;
}

double part_cursor(const ViewContext *ctx)
{
    return ctx->epoch == INT_MAX ? NAN : (double)ctx->epoch;
}

double part_field(const EpochRow *row, EpochField field)
{
    switch (field) {
    case FIELD_TRAIN_ACC: return row->train_acc;
    case FIELD_VALID_ACC: return row->valid_acc;
    case FIELD_TEST_ACC: return row->test_acc;
    case FIELD_TRAIN_LOSS: return row->train_loss;
    case FIELD_VALID_LOSS: return row->valid_loss;
    case FIELD_LR: return row->lr;
    }
    return NAN;
}

double part_signal(const Signals *s, SignalId id)
{
    switch (id) {
    case SIGNAL_ENTROPY: return s->entropy;
    case SIGNAL_ENTROPY_ALL: return s->entropy_all;
    case SIGNAL_T_Q: return s->t_q;
    case SIGNAL_T_P: return s->t_p;
    case SIGNAL_LIFT: return s->lift;
    case SIGNAL_GAP: return s->gap_q;
    case SIGNAL_WIN: return s->win_share;
    case SIGNAL_MARGIN: return s->margin;
    case SIGNAL_NONE: return s->none_mass;
    case SIGNAL_SKIPS: return s->skips;
    case SIGNAL_FREE: return s->parameter_free;
    case SIGNAL_DEPTH: return s->conv_depth;
    case SIGNAL_COUNT: break;
    }
    return NAN;
}

bool part_signals(const ViewContext *ctx, int cell, Signals *out)
{
    const AlphaLook *look = model_look(ctx->run, cell, ctx->epoch);
    const GenoRow *geno = model_geno(ctx->run, cell, ctx->epoch);
    if (look)
        *out = look->signals;
    else if (geno)
        signals_from_genotype(&geno->geno, out);
    if (geno) {
        out->skips = geno->skips;
        out->parameter_free = geno->parameter_free;
        out->conv_depth = geno->conv_depth;
        out->kept = geno->geno.n_edges;
    }
    return look || geno;
}

int part_diverged(const ViewContext *ctx)
{
    int since = -1;
    bool finite = false;
    for (int i = 0; i < ctx->run->n_rows && ctx->run->rows[i].epoch <= ctx->epoch; i++) {
        bool now = isfinite(ctx->run->rows[i].train_loss);
        finite |= now;
        if (now)
            since = -1;
        else if (finite && since < 0)
            since = ctx->run->rows[i].epoch;
    }
    return since;
}

static double epoch_value(const void *self, int i, double *x)
{
    const SeriesData *d = self;
    *x = d->run->rows[i].epoch;
    return part_field(&d->run->rows[i], d->field);
}

// The state after step s of S an epoch is (s / S - 1) epochs: whole numbers at epochs' ends.
static double look_x(const ModelRun *run, const AlphaLook *look)
{
    if (run->steps_per_epoch <= 0)
        return look->epoch;
    double x = (double)look->step / (double)run->steps_per_epoch - 1;
    return fabs(x - look->epoch) <= 1 ? fmax(x, 0) : look->epoch;
}

static double signal_value(const void *self, int i, double *x)
{
    const SeriesData *d = self;
    const AlphaLook *look = &d->run->cells[d->cell].looks[i];
    *x = look_x(d->run, look);
    return part_signal(&look->signals, d->signal);
}

// Counts of the derived cell come with the genotype of an epoch.
static double count_value(const void *self, int i, double *x)
{
    const SeriesData *d = self;
    const GenoRow *row = &d->run->cells[d->cell].genos[i];
    *x = row->epoch;
    return d->signal == SIGNAL_SKIPS  ? row->skips
           : d->signal == SIGNAL_FREE ? row->parameter_free
                                      : row->conv_depth;
}

static double weight_value(const void *self, int i, double *x)
{
    const SeriesData *d = self;
    const ModelCell *cell = &d->run->cells[d->cell];
    *x = look_x(d->run, &cell->looks[i]);
    const char *op = health_op(&cell->shape, d->edge, d->op);
    return op && op[0] ? cell->looks[i].p[d->edge * cell->shape.n_ops + d->op] : NAN;
}

ChartSeries part_epoch_series(SeriesData *data, const ViewContext *ctx, EpochField field,
                              const char *label, Role role)
{
    *data = (SeriesData){ .run = ctx->run, .field = field };
    return (ChartSeries){ .label = label,
                          .role = role,
                          .mark = series_mark(role),
                          .n = ctx->run->n_rows,
                          .value = epoch_value,
                          .data = data };
}

ChartSeries part_signal_series(SeriesData *data, const ViewContext *ctx, int cell, SignalId signal,
                               const char *label, Role role)
{
    bool count = signal >= SIGNAL_SKIPS;
    const ModelCell *c = &ctx->run->cells[cell];
    *data = (SeriesData){ .run = ctx->run, .cell = cell, .signal = signal };
    return (ChartSeries){ .label = label,
                          .role = role,
                          .mark = series_mark(role),
                          .n = count ? c->n_genos : c->n_looks,
                          .value = count ? count_value : signal_value,
                          .data = data };
}

ChartSeries part_weight_series(SeriesData *data, const ViewContext *ctx, int cell, int edge, int op,
                               const char *label, Role role)
{
    *data = (SeriesData){ .run = ctx->run, .cell = cell, .edge = edge, .op = op };
    return (ChartSeries){ .label = label,
                          .role = role,
                          .mark = series_mark(role),
                          .n = ctx->run->cells[cell].n_looks,
                          .value = weight_value,
                          .data = data };
}

bool part_has_epochs(const ModelRun *run, EpochField field)
{
    for (int i = 0; i < run->n_rows; i++)
        if (isfinite(part_field(&run->rows[i], field)))
            return true;
    return false;
}

Rect part_heading(Grid *g, Rect area, const char *title, const char *remark, bool focused)
{
    if (area.rows < 1)
        return area;
    int attr = ATTR_BOLD | (focused ? ATTR_UNDERLINE : 0);
    int used = grid_text(g, area.row, area.col, area.cols, ROLE_TITLE, attr, title);
    if (remark && *remark && used + 2 < area.cols)
        grid_text(g, area.row, area.col + used + 2, area.cols - used - 2, ROLE_DIM, 0, remark);
    return (Rect){ area.row + 1, area.col, area.rows - 1, area.cols };
}

void part_chart(const ViewContext *ctx, Grid *g, Rect area, const char *title, const char *remark,
                ChartSpec spec)
{
    Rect inner = part_heading(g, area, title, remark, false);
    part_axis(ctx, &spec.x_from, &spec.x_to);
    spec.cursor_x = part_cursor(ctx);
    spec.x_unit = "epoch";
    spec.log_y = ctx->log_y && !spec.percent;
    chart_draw(g, inner, &spec);
}

Role part_verdict_role(Verdict verdict)
{
    return verdict == VERDICT_OK ? ROLE_OK : verdict <= VERDICT_WARN ? ROLE_WARN : ROLE_BAD;
}

Role part_level_role(HealthLevel level)
{
    return level == LEVEL_OK ? ROLE_OK : level <= LEVEL_WARN ? ROLE_WARN : ROLE_BAD;
}

Role part_state_role(RunState state)
{
    switch (state) {
    case RUN_RUNNING: return ROLE_OK;
    case RUN_PAUSED:
    case RUN_STOPPED: return ROLE_WARN;
    case RUN_FAILED:
    case RUN_LOST: return ROLE_BAD;
    default: return ROLE_TEXT;
    }
}

double part_t_watch(const ModelRun *run)
{
    return run->limits.t_watch > 0 ? run->limits.t_watch : 3;
}

double part_t_warn(const ModelRun *run, int cell)
{
    if (run->limits.t_warn > 0)
        return run->limits.t_warn;
    return run->cells[cell].shape.n_edges >= 10 ? 4 : 5;
}

// Whether `a` is to be said before `b`: the higher level, what the verdict says, the newer; of one
// epoch skips come before what follows from them.
static bool is_graver(const HealthAlarm *a, const HealthAlarm *b, Cause verdict)
{
    if (a->level != b->level)
        return a->level > b->level;
    bool x = verdict != CAUSE_NONE && a->cause == verdict;
    bool y = verdict != CAUSE_NONE && b->cause == verdict;
    if (x != y)
        return x;
    if (a->epoch != b->epoch)
        return a->epoch > b->epoch;
    return a->cause != CAUSE_NONE && (b->cause == CAUSE_NONE || a->cause < b->cause);
}

int part_alarm_count(const ViewContext *ctx)
{
    int n = 0, all = ctx->run && ctx->run->health ? health_alarm_count(ctx->run->health) : 0;
    while (n < all && health_alarm(ctx->run->health, n)->epoch <= ctx->epoch)
        n++;
    return n;
}

const HealthAlarm *part_alarm(const ViewContext *ctx, int k)
{
    Cause verdict = CAUSE_NONE;
    int n = part_alarm_count(ctx);
    if (n > 0 && ctx->epoch >= ctx->run->epoch)
        health_verdict(ctx->run->health, &verdict);
    for (int i = n - 1; i >= 0; i--) {
        const HealthAlarm *a = health_alarm(ctx->run->health, i);
        int before = 0;
        for (int j = 0; j < n; j++) {
            const HealthAlarm *b = health_alarm(ctx->run->health, j);
            before += is_graver(b, a, verdict) || (j > i && !is_graver(a, b, verdict));
        }
        if (before == k)
            return a;
    }
    return NULL;
}

void part_advice(const ModelRun *run, const HealthAlarm *a, char *buf, size_t size)
{
    bool back = strcmp(run->dialect, "journal") == 0 && run->last_checkpoint >= 0;
    if (a->level < LEVEL_WARN)
        snprintf(buf, size, "nothing to do yet: it is watched");
    else if (a->cause == CAUSE_DEAD)
        snprintf(buf, size,
                 "the supernet has not learned: stop (X) and look at learning rate, "
                 "weight decay and data");
    else if (a->good_epoch < 0)
        snprintf(buf, size,
                 "no good epoch before it: start again with a remedy, for example "
                 "--set search.beta_decay=50");
    else if (!back)
        snprintf(buf, size, "take the cell of epoch %d, or search again with a remedy",
                 a->good_epoch);
    else
        snprintf(buf, size,
                 "R rolls back, or: dartboard fork %s --at %d --set "
                 "search.beta_decay=50",
                 part_name(run), a->good_epoch);
}

int part_move(ViewState *s, ViewAction action)
{
    int page = s->page > 1 ? s->page : 10, old = s->cursor;
    switch (action) {
    case ACTION_UP: s->cursor--; break;
    case ACTION_DOWN: s->cursor++; break;
    case ACTION_FIRST: s->cursor = 0; break;
    case ACTION_LAST: s->cursor = s->items - 1; break;
    case ACTION_PAGE_UP: s->cursor -= page; break;
    case ACTION_PAGE_DOWN: s->cursor += page; break;
    case ACTION_HALF_UP: s->cursor -= page / 2; break;
    case ACTION_HALF_DOWN: s->cursor += page / 2; break;
    default: return VIEW_IGNORED;
    }
    if (s->cursor >= s->items)
        s->cursor = s->items - 1;
    if (s->cursor < 0)
        s->cursor = 0;
    return VIEW_HANDLED | (s->cursor != old ? VIEW_REDRAW : 0);
}

int part_other_form(ViewState *state)
{
    state->form = !state->form;
    return VIEW_HANDLED | VIEW_REDRAW;
}

bool part_matches(const char *text, const char *filter)
{
    return !filter || !*filter || strcasestr(text, filter) != NULL;
}

const char *part_name(const ModelRun *run)
{
    return run->name[0] ? run->name : "(unnamed)";
}
