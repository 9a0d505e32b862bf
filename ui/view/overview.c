// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/str.h"
#include "ui/draw/graph.h"
#include "ui/view/parts.h"
#include "ui/view/views.h"

// One run on one screen: where it stands, whether it is well, accuracy, loss, entropy, consensus,
// and the cell that would be derived now.

static int put_pair(Grid *g, int row, int col, int end, const char *name, Role role,
                    const char *value)
{
    if (col >= end)
        return 0;
    int used = grid_text(g, row, col, end - col, ROLE_DIM, 0, name);
    used += 1 + grid_text(g, row, col + used + 1, end - col - used - 1, role, ATTR_BOLD, value);
    return used + 2;
}

static void draw_state(const ViewContext *ctx, Grid *g, Rect area)
{
    const ModelRun *run = ctx->run;
    char text[64], epoch[32];
    int col = area.col, end = area.col + area.cols;
    col += 2 + grid_text(g, area.row, col, end - col, part_state_role(run->state), ATTR_BOLD,
                         run_state_name(run->state));
    if (run->epoch >= 0 || run->n_trials == 0) {
        col += grid_printf(g, area.row, col, end - col, ROLE_TEXT, ATTR_BOLD, "%s",
                           part_done(run, epoch, sizeof epoch));
        col += 2 + grid_text(g, area.row, col, end - col, ROLE_DIM, 0, " epochs");
        if (ctx->epoch < run->epoch)
            col += put_pair(g, area.row, col, end, "shown: epoch", ROLE_FOCUS,
                            text_number(ctx->epoch, 0, epoch, sizeof epoch));
        if (area.cols >= 76 && run->epochs > 0) {
            text_bar(g, area.row, col, 14, (double)(run->epoch + 1) / run->epochs, ROLE_OK);
            col += 16;
        }
    } else {
        snprintf(text, sizeof text, "%d", run->n_trials);
        col += put_pair(g, area.row, col, end, "trials", ROLE_TEXT, text);
    }
    double eta = model_eta(run);
    if (run->state == RUN_RUNNING && isfinite(eta))
        col += put_pair(g, area.row, col, end, "ETA", ROLE_TEXT, text_eta(eta, text, sizeof text));
    if (isfinite(run->seconds_per_epoch)) {
        char pace[32];
        int need = snprintf(pace, sizeof pace, "%s/epoch",
                            text_eta(run->seconds_per_epoch, text, sizeof text));
        if (col + need + 5 <= end) // "pace " before it
            put_pair(g, area.row, col, end, "pace", ROLE_TEXT, pace);
    }
}

static void draw_name(const ViewContext *ctx, Grid *g, Rect area, bool focused)
{
    const ModelRun *run = ctx->run;
    char text[160] = "";
    if (run->strategy[0] || run->space[0])
        snprintf(text, sizeof text, "%s%s%s", run->strategy,
                 run->strategy[0] && run->space[0] ? " on " : "", run->space);
    size_t used = strlen(text);
    if (run->seed >= 0 && used < sizeof text)
        used += (size_t)snprintf(text + used, sizeof text - used, "%sseed %lld", used ? "  " : "",
                                 (long long)run->seed);
    if (run->fork_of[0] && used < sizeof text)
        snprintf(text + used, sizeof text - used, "%sfork of %.60s at epoch %d", used ? "  " : "",
                 run->fork_of, run->fork_epoch);
    part_heading(g, area, part_name(run), text, focused);
}

static void draw_verdict(const ViewContext *ctx, Grid *g, Rect area)
{
    const ModelRun *run = ctx->run;
    const HealthAlarm *alarm = part_alarm(ctx, 0);
    char text[400];
    int col = area.col, end = area.col + area.cols;
    if (!run->health || (run->n_cells == 0 && run->n_trials > 0)) {
        grid_text(g, area.row, col, area.cols, ROLE_DIM, 0, "health -  trials share no weights");
        return;
    }
    Verdict verdict = health_verdict(run->health, NULL);
    col += put_pair(g, area.row, col, end, "health", part_verdict_role(verdict),
                    verdict_name(verdict));
    int diverged = part_diverged(ctx);
    if (diverged >= 0)
        snprintf(text, sizeof text, "loss is not finite since epoch %d", diverged);
    else if (alarm)
        snprintf(text, sizeof text, "%s %s, epoch %d: %s", level_name(alarm->level), alarm->cell,
                 alarm->epoch, alarm->evidence);
    else if (ctx->epoch < run->epoch)
        snprintf(text, sizeof text, "(now)  no rule had fired by epoch %d", ctx->epoch);
    else
        snprintf(text, sizeof text, "%s",
                 run->epoch < 0 ? "nothing is judged before the alphas have moved"
                                : "no rule has fired");
    grid_text(g, area.row, col, end - col,
              diverged >= 0 ? ROLE_BAD
              : alarm       ? part_level_role(alarm->level)
                            : ROLE_DIM,
              0, text);
}

// ---- charts -------------------------------------------------------------------------------------

// Runs whose curves are laid over this one's: the parent of a fork, then those marked in the list.
enum { OTHERS = 4 };
typedef struct {
    const ModelRun *run[OTHERS];
    char label[OTHERS][20];
    int n;
} Others;

static void others_add(Others *o, const ViewContext *ctx, const ModelRun *run, const char *label)
{
    for (int i = 0; i < o->n; i++)
        if (o->run[i] == run)
            return;
    if (!run || run == ctx->run || o->n == OTHERS)
        return;
    snprintf(o->label[o->n], sizeof o->label[0], "%s", label);
    o->run[o->n++] = run;
}

static Others others_of(const ViewContext *ctx)
{
    Others o = { 0 };
    const char *slash = strrchr(ctx->run->fork_of, '/');
    const char *parent = slash ? slash + 1 : ctx->run->fork_of;
    others_add(&o, ctx, ctx->run->parent, "parent");
    for (int i = 0; *parent && i < ctx->model->n; i++)
        if (strcmp(ctx->model->runs[i]->name, parent) == 0)
            others_add(&o, ctx, ctx->model->runs[i], "parent");
    for (int i = 0; i < ctx->n_marks; i++)
        if (ctx->marks[i] >= 0 && ctx->marks[i] < ctx->model->n)
            others_add(&o, ctx, ctx->model->runs[ctx->marks[i]],
                       part_name(ctx->model->runs[ctx->marks[i]]));
    return o;
}

static const Role other_roles[OTHERS] = { ROLE_SERIES_7, ROLE_SERIES_5, ROLE_SERIES_6,
                                          ROLE_SERIES_8 };

static void chart_accuracy(const ViewContext *ctx, Grid *g, Rect area)
{
    SeriesData data[3 + OTHERS];
    ChartSeries series[3 + OTHERS];
    Others others = others_of(ctx);
    char remark[64], a[16];
    int n = 0;
    const EpochRow *row = part_row(ctx);
    series[n] = part_epoch_series(&data[n], ctx, FIELD_VALID_ACC, "valid", ROLE_SERIES_1);
    n++;
    if (part_has_epochs(ctx->run, FIELD_TRAIN_ACC)) {
        series[n] = part_epoch_series(&data[n], ctx, FIELD_TRAIN_ACC, "train", ROLE_SERIES_4);
        n++;
    }
    if (part_has_epochs(ctx->run, FIELD_TEST_ACC)) {
        series[n] = part_epoch_series(&data[n], ctx, FIELD_TEST_ACC, "test", ROLE_SERIES_3);
        n++;
    }
    for (int i = 0; i < others.n; i++, n++) {
        ViewContext other = *ctx;
        other.run = others.run[i];
        series[n] =
            part_epoch_series(&data[n], &other, FIELD_VALID_ACC, others.label[i], other_roles[i]);
    }
    snprintf(remark, sizeof remark, "valid %s",
             text_percent(row ? row->valid_acc : NAN, a, sizeof a));
    part_chart(ctx, g, area, "accuracy", remark,
               (ChartSpec){ .series = series,
                            .n_series = n,
                            .percent = true,
                            .empty = "no accuracy yet - it comes with the first epoch" });
}

static void chart_loss(const ViewContext *ctx, Grid *g, Rect area)
{
    SeriesData data[2];
    char remark[64], a[16];
    const EpochRow *row = part_row(ctx);
    ChartSeries series[2] = {
        part_epoch_series(&data[0], ctx, FIELD_VALID_LOSS, "valid", ROLE_SERIES_1),
        part_epoch_series(&data[1], ctx, FIELD_TRAIN_LOSS, "train", ROLE_SERIES_4),
    };
    snprintf(remark, sizeof remark, "valid %s%s",
             text_number(row ? row->valid_loss : NAN, 3, a, sizeof a), ctx->log_y ? "  (log)" : "");
    part_chart(ctx, g, area, "loss", remark,
               (ChartSpec){ .series = series,
                            .n_series = 2,
                            .empty = "no loss yet - it comes with the first epoch" });
}

static void chart_cells(const ViewContext *ctx, Grid *g, Rect area, SignalId id, const char *title,
                        const char *empty)
{
    static const Role roles[GENO_CELLS] = { ROLE_SERIES_1, ROLE_SERIES_2, ROLE_SERIES_3,
                                            ROLE_SERIES_4 };
    SeriesData data[GENO_CELLS + OTHERS];
    ChartSeries series[GENO_CELLS + OTHERS];
    ChartLimit limits[2];
    Others others = others_of(ctx);
    char remark[96], one[48] = "", a[16];
    int n = ctx->run->n_cells < GENO_CELLS ? ctx->run->n_cells : GENO_CELLS, used = 0, n_limits = 0;
    remark[0] = '\0';
    for (int c = 0; c < n; c++) {
        Signals now;
        const char *name = ctx->run->cells[c].shape.name;
        series[c] = part_signal_series(&data[c], ctx, c, id, name, roles[c]);
        bool known = part_signals(ctx, c, &now) &&
                     (id >= SIGNAL_SKIPS || model_look(ctx->run, c, ctx->epoch));
        text_number(known ? part_signal(&now, id) : NAN, id >= SIGNAL_SKIPS ? 0 : 2, a, sizeof a);
        if (used < (int)sizeof remark)
            used += snprintf(remark + used, sizeof remark - (size_t)used, "%s%.20s %s",
                             c ? "  " : "", name, a);
        if (c == part_cell(ctx))
            snprintf(one, sizeof one, "%.20s %s", name, a);
    }
    if ((int)strlen(title) + 2 + used > area.cols) // too narrow for all: the current cell
        snprintf(remark, sizeof remark, "%s", one);
    int cell = part_cell(ctx), all = n;
    for (int i = 0; cell >= 0 && i < others.n; i++) { // their cell of the same name
        ViewContext other = *ctx;
        other.run = others.run[i];
        int c = model_cell_index(other.run, part_cell_name(ctx, cell));
        if (c >= 0) {
            series[all] =
                part_signal_series(&data[all], &other, c, id, others.label[i], other_roles[i]);
            all++;
        }
    }
    if (id == SIGNAL_T_Q && n > 0) {
        limits[n_limits++] = (ChartLimit){ part_t_watch(ctx->run), "watch", ROLE_WARN };
        limits[n_limits++] = (ChartLimit){ part_t_warn(ctx->run, 0), "warn", ROLE_BAD };
    }
    part_chart(ctx, g, area, title, remark,
               (ChartSpec){ .series = series,
                            .n_series = all,
                            .limits = limits,
                            .n_limits = n_limits,
                            .empty = empty });
}

static const char *no_alpha(const ModelRun *run)
{
    for (int c = 0; c < run->n_cells; c++)
        if (run->cells[c].shape.alpha_known || run->cells[c].n_looks)
            return "no alphas yet - they come with the first look";
    return run->n_cells ? "no alphas: this log has genotypes only"
                        : "no alphas yet - they come with the first look";
}

// Two signals of the cells: of the alphas, or of the logged genotypes where there are no alphas.
static void chart_signal(const ViewContext *ctx, Grid *g, Rect area, int which)
{
    bool alpha = false;
    for (int c = 0; c < ctx->run->n_cells; c++)
        alpha |= ctx->run->cells[c].n_looks > 0;
    const char *empty = no_alpha(ctx->run);
    if (!alpha && ctx->run->n_cells > 0 && ctx->run->cells[0].n_genos > 0)
        chart_cells(ctx, g, area, which ? SIGNAL_DEPTH : SIGNAL_SKIPS,
                    which ? "conv depth" : "skips in the cell", empty);
    else
        chart_cells(ctx, g, area, which ? SIGNAL_T_Q : SIGNAL_ENTROPY,
                    which ? "consensus t" : "entropy", empty);
}

static void draw_charts(const ViewContext *ctx, Grid *g, Rect area)
{
    int height = area.rows / 2, width = area.cols / 2;
    Rect r = { area.row, area.col, height, width - 1 };
    chart_accuracy(ctx, g, r);
    r.col += width;
    chart_loss(ctx, g, r);
    r = (Rect){ area.row + height, area.col, area.rows - height, width - 1 };
    chart_signal(ctx, g, r, 0);
    r.col += width;
    chart_signal(ctx, g, r, 1);
}

// One below the other, as many as have room; those that tell of a collapse first.
static void stack_charts(const ViewContext *ctx, Grid *g, Rect area)
{
    enum { LEAST = 7 };
    int n = area.rows / LEAST;
    n = n > 4 ? 4 : n;
    for (int i = 0; i < n; i++) {
        int top = area.rows * i / n, below = area.rows * (i + 1) / n;
        Rect r = { area.row + top, area.col, below - top, area.cols };
        if (i == 0)
            chart_accuracy(ctx, g, r);
        else if (i < 3)
            chart_signal(ctx, g, r, i == 1);
        else
            chart_loss(ctx, g, r);
    }
}

// ---- cell and facts -----------------------------------------------------------------------------

static int draw_cell(const ViewContext *ctx, Grid *g, Rect area)
{
    int cell = part_cell(ctx);
    char remark[96];
    const GenoRow *row = cell >= 0 ? model_geno(ctx->run, cell, ctx->epoch) : NULL;
    if (!row) {
        Rect rest = part_heading(g, area, "derived cell", "", false);
        text_wrap(g, rest, ROLE_DIM, 0, "none yet - it comes with the first epoch");
        return area.rows < 3 ? area.rows : 3;
    }
    snprintf(remark, sizeof remark, "%d of %d skip, conv depth %d", row->skips, row->geno.n_edges,
             row->conv_depth);
    Rect rest = part_heading(g, area, part_cell_name(ctx, cell), remark, false);
    WeightOf weights = { ctx->run, cell, ctx->epoch };
    bool known = model_look(ctx->run, cell, ctx->epoch) != NULL;
    MatrixSpec spec = { &row->geno, known ? cell_weight : NULL, &weights };
    return 1 + matrix_draw(g, rest, &spec);
}

static void put_fact(Grid *g, int row, Rect area, const char *name, Role role, const char *value)
{
    enum { NAME = 14 };
    grid_text(g, row, area.col, NAME - 1, ROLE_DIM, 0, name);
    grid_text(g, row, area.col + NAME, area.cols - NAME, role, ATTR_BOLD, value);
}

// Returns the rows it took.
static int draw_facts(const ViewContext *ctx, Grid *g, Rect area)
{
    const ModelRun *run = ctx->run;
    char num[32], line[96];
    int row = area.row, end = area.row + area.rows;
    Role role = ROLE_TEXT;
#define FACT(name, ...)                                                                            \
    do {                                                                                           \
        if (row < end) {                                                                           \
            snprintf(line, sizeof line, __VA_ARGS__);                                              \
            put_fact(g, row++, area, name, role, line);                                            \
        }                                                                                          \
    } while (0)
    bool live = ctx->epoch >= run->epoch; // only the newest network is counted
    if (run->params > 0 && live)
        FACT("params", "%s", text_count((double)run->params, num, sizeof num));
    if (run->macs > 0 && live)
        FACT("multiply-adds", "%s", text_count((double)run->macs, num, sizeof num));
    const EpochRow *now = part_row(ctx);
    if (now && isfinite(now->lr))
        FACT("learning rate", "%.3g", now->lr);
    if (isfinite(run->rss_bytes))
        FACT("memory", "%s", str_bytes(run->rss_bytes, num, sizeof num));
    if (isfinite(run->cpu))
        FACT("cpu", "%.1f cores", run->cpu);
    if (run->last_checkpoint >= 0)
        FACT("checkpoint", "epoch %d", run->last_checkpoint);
    if (run->n_lambdas > 0)
        FACT("lambda max", "%.3g at epoch %d", run->lambdas[run->n_lambdas - 1].lambda_max,
             run->lambdas[run->n_lambdas - 1].epoch);
    if (run->dialect[0] && strcmp(run->dialect, "journal") != 0)
        FACT("source", "%s", run->dialect);
    if (run->skipped > 0) {
        role = ROLE_WARN;
        FACT("not understood", "%lld lines", (long long)run->skipped);
    }
#undef FACT
    return row - area.row;
}

// ---- sizes --------------------------------------------------------------------------------------

static double acc_at(const void *self, int i)
{
    return ((const ModelRun *)self)->rows[i].valid_acc;
}

typedef struct {
    const ModelRun *run;
    int cell;
    SignalId id;
} LookValue;

static double look_at(const void *self, int i)
{
    const LookValue *v = self;
    return part_signal(&v->run->cells[v->cell].looks[i].signals, v->id);
}

static void spark_row(Grid *g, Rect area, int row, const char *name, const char *value)
{
    grid_text(g, row, area.col, 12, ROLE_DIM, 0, name);
    grid_text(g, row, area.col + 12, 8, ROLE_TEXT, ATTR_BOLD, value);
}

// Lines, and charts below them where there is room.
static void draw_short(const ViewContext *ctx, Grid *g, Rect area)
{
    const ModelRun *run = ctx->run;
    char text[96];
    int row = area.row, cell = part_cell(ctx);
    Rect spark = { row, area.col + 21, 1, area.cols - 21 };
    const EpochRow *now = part_row(ctx);
    spark_row(g, area, row, "valid acc",
              text_percent(now ? now->valid_acc : NAN, text, sizeof text));
    text_spark(g, spark, run->n_rows, acc_at, run, 0, 1, ROLE_SERIES_1);
    Signals s;
    bool known = cell >= 0 && part_signals(ctx, cell, &s);
    bool alpha = cell >= 0 && model_look(run, cell, ctx->epoch);
    LookValue look = { run, cell, SIGNAL_ENTROPY };
    if (alpha) {
        spark.row = ++row;
        spark_row(g, area, row, "entropy", text_number(s.entropy, 2, text, sizeof text));
        text_spark(g, spark, run->cells[cell].n_looks, look_at, &look, 0, 1, ROLE_SERIES_3);
        look.id = SIGNAL_T_Q;
        spark.row = ++row;
        spark_row(g, area, row, "consensus t", text_number(s.t_q, 1, text, sizeof text));
        text_spark(g, spark, run->cells[cell].n_looks, look_at, &look, 0, part_t_warn(run, cell),
                   ROLE_SERIES_2);
    }
    if (known) {
        if (s.conv_depth >= 0)
            snprintf(text, sizeof text, "%s: %d of %d skip, conv depth %d",
                     part_cell_name(ctx, cell), s.skips, s.kept, s.conv_depth);
        else
            snprintf(text, sizeof text, "%s: - skip, conv depth -", part_cell_name(ctx, cell));
        grid_text(g, ++row, area.col, area.cols, ROLE_TEXT, 0, text);
    }
    row++;
    row += draw_facts(ctx, g, (Rect){ row, area.col, area.row + area.rows - row, area.cols }) + 1;
    if (area.cols >= 40 && row < area.row + area.rows)
        stack_charts(ctx, g, (Rect){ row, area.col, area.row + area.rows - row, area.cols });
}

static void draw_trials(const ViewContext *ctx, Grid *g, Rect area)
{
    const ModelRun *run = ctx->run;
    char text[200], value[48];
    Rect rest = area;
    for (int k = 0; k < run->n_objectives && k < 3 && rest.rows > 3; k++) {
        int best = trials_best(ctx, k);
        if (best < 0)
            continue;
        objective_text(run->objective[k].name, run->trials[best].values[k], value, sizeof value);
        snprintf(text, sizeof text, "best %s %s, trial %d%s", run->objective[k].name, value,
                 run->trials[best].number,
                 area.cols < 60               ? ""
                 : run->objective[k].maximize ? " (higher is better)"
                                              : " (lower is better)");
        grid_text(g, rest.row++, rest.col, rest.cols, ROLE_TEXT, 0, text);
        rest.rows--;
    }
    if (run->n_objectives >= 2 && rest.cols >= 100) {
        Rect left = { rest.row, rest.col, rest.rows, rest.cols / 2 - 1 };
        best_so_far(ctx, g, left);
        pareto_small(
            ctx, g,
            (Rect){ rest.row, rest.col + rest.cols / 2, rest.rows, rest.cols - rest.cols / 2 });
    } else if (run->n_objectives >= 2 && rest.rows >= 18) {
        best_so_far(ctx, g, (Rect){ rest.row, rest.col, rest.rows / 2, rest.cols });
        pareto_small(
            ctx, g,
            (Rect){ rest.row + rest.rows / 2, rest.col, rest.rows - rest.rows / 2, rest.cols });
    } else if (run->n_objectives >= 2) {
        pareto_small(ctx, g, rest);
    } else {
        best_so_far(ctx, g, rest);
    }
}

static void draw_body(const ViewContext *ctx, Grid *g, Rect rest)
{
    if (ctx->run->n_trials > 0 && ctx->run->n_rows == 0) {
        draw_trials(ctx, g, rest);
    } else if (rest.rows < 14 || rest.cols < 60) {
        draw_short(ctx, g, rest);
    } else if (rest.cols >= OVERVIEW_WITH_CELL) {
        int side = 46;
        draw_charts(ctx, g, (Rect){ rest.row, rest.col, rest.rows, rest.cols - side - 2 });
        Rect right = { rest.row, rest.col + rest.cols - side, rest.rows, side };
        int used = draw_cell(ctx, g, right);
        draw_facts(ctx, g, (Rect){ right.row + used + 1, right.col, 9, side });
        used += 11;
        Rect alarms = { right.row + used, right.col, right.rows - used, side };
        if (alarms.rows >= 3)
            alarms_list(ctx, g, alarms, 0);
    } else {
        int foot = rest.rows >= 20 ? 7 : 0;
        draw_charts(ctx, g, (Rect){ rest.row, rest.col, rest.rows - foot, rest.cols });
        int at = rest.row + rest.rows - foot, facts = 25;
        if (foot > 0) {
            draw_cell(ctx, g, (Rect){ at, rest.col, foot, rest.cols - facts - 1 });
            draw_facts(ctx, g, (Rect){ at, rest.col + rest.cols - facts, foot, facts });
        }
    }
}

static void draw(const ViewContext *ctx, ViewState *state, Grid *g, Rect area, bool focused)
{
    (void)state;
    if (!ctx->run) {
        text_empty(g, area, "no run is open", "0 lists the runs, Enter opens one");
        return;
    }
    draw_name(ctx, g, (Rect){ area.row, area.col, 1, area.cols }, focused);
    draw_state(ctx, g, (Rect){ area.row + 1, area.col, 1, area.cols });
    draw_verdict(ctx, g, (Rect){ area.row + 2, area.col, 1, area.cols });
    int top = area.rows >= 30 ? 4 : 3;
    draw_body(ctx, g, (Rect){ area.row + top, area.col, area.rows - top, area.cols });
}

static int act(const ViewContext *ctx, ViewState *state, ViewAction action)
{
    (void)ctx;
    (void)state;
    (void)action;
    return VIEW_IGNORED;
}

static char *csv(const ViewContext *ctx, const ViewState *state)
{
    Str out = { 0 };
    (void)state;
    if (!ctx->run)
        return NULL;
    str_add(&out, "epoch,train_loss,train_acc,valid_loss,valid_acc,lr,seconds\n");
    for (int i = 0; i < ctx->run->n_rows; i++) {
        const EpochRow *r = &ctx->run->rows[i];
        str_addf(&out, "%d,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g\n", r->epoch, r->train_loss, r->train_acc,
                 r->valid_loss, r->valid_acc, r->lr, r->seconds);
    }
    return out.text;
}

const View view_overview = {
    .id = VIEW_OVERVIEW,
    .name = "overview",
    .title = "Overview",
    .keys = "[ ] cell  , . epoch  y log loss  + - = time axis",
    .help = "The run on one screen. Entropy: 1 means undecided, 0 decided, with none left out. "
            "Consensus t says whether the edges agree on skip; above its limits the cell is "
            "drifting to a collapse. The parent of a fork and runs marked in the list are laid "
            "over the "
            "curves. Below: the cell that would be derived now, with its weights.",
    .draw = draw,
    .act = act,
    .csv = csv,
};
