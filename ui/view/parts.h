// SPDX-License-Identifier: MIT
#ifndef UI_VIEW_PARTS_H
#define UI_VIEW_PARTS_H

#include "ui/draw/chart.h"
#include "ui/draw/text.h"
#include "ui/view/view.h"

// What several views share: series of the read model for charts, roles of words, scrolling.

// The cell type in ctx->cell, wrapped into what the run has; -1 if it has none.
int part_cell(const ViewContext *ctx);
const char *part_cell_name(const ViewContext *ctx, int cell);
// Newest epoch row at or before the scrub position, NULL if none.
const EpochRow *part_row(const ViewContext *ctx);
// Epochs are numbered from 0 wherever one is named, as in the journal and in --at; how many are
// done is said as "17/50 epochs".
int part_shown(const ViewContext *ctx); // epoch whose state is shown, -1 before the first
const char *part_done(const ModelRun *run, char *buf, size_t size); // "17/50", "17"
// Epoch axis: all planned epochs; where the length is unknown, doubled when full.
void part_axis(const ViewContext *ctx, double *from, double *to);
double part_cursor(const ViewContext *ctx); // scrub position for charts, NAN when live

typedef enum {
    FIELD_TRAIN_ACC,
    FIELD_VALID_ACC,
    FIELD_TEST_ACC,
    FIELD_TRAIN_LOSS,
    FIELD_VALID_LOSS,
    FIELD_LR
} EpochField;
double part_field(const EpochRow *row, EpochField field);

typedef enum {
    SIGNAL_ENTROPY,
    SIGNAL_ENTROPY_ALL,
    SIGNAL_T_Q,
    SIGNAL_T_P,
    SIGNAL_LIFT,
    SIGNAL_GAP,
    SIGNAL_WIN,
    SIGNAL_MARGIN,
    SIGNAL_NONE,
    SIGNAL_SKIPS,
    SIGNAL_FREE,
    SIGNAL_DEPTH,
    SIGNAL_COUNT
} SignalId;
double part_signal(const Signals *s, SignalId id);
// Signals of a cell at the scrub position: from alpha, and the counts of the derived or logged
// cell. False if nothing is known.
bool part_signals(const ViewContext *ctx, int cell, Signals *out);

// A chart's series with what its callback needs; live on the stack of the caller.
typedef struct {
    const ModelRun *run;
    int cell, edge, op;
    EpochField field;
    SignalId signal;
} SeriesData;
ChartSeries part_epoch_series(SeriesData *data, const ViewContext *ctx, EpochField field,
                              const char *label, Role role);
ChartSeries part_signal_series(SeriesData *data, const ViewContext *ctx, int cell, SignalId signal,
                               const char *label, Role role);
// Weight of one operator on one edge over time.
ChartSeries part_weight_series(SeriesData *data, const ViewContext *ctx, int cell, int edge, int op,
                               const char *label, Role role);
bool part_has_epochs(const ModelRun *run, EpochField field); // any finite value

// Bold heading, dim remark after it; returns the area below.
Rect part_heading(Grid *g, Rect area, const char *title, const char *remark, bool focused);
// Draws a chart with a heading into area.
void part_chart(const ViewContext *ctx, Grid *g, Rect area, const char *title, const char *remark,
                ChartSpec spec);

Role part_verdict_role(Verdict verdict);
Role part_level_role(HealthLevel level);
Role part_state_role(RunState state);
// The limits of the consensus t that hold for a cell (0 in the settings: by its edges).
double part_t_watch(const ModelRun *run);
double part_t_warn(const ModelRun *run, int cell);
// Epoch since which the training loss is not finite, -1 if it is.
int part_diverged(const ViewContext *ctx);
// Alarms raised at or before the scrub position: how many, and the k-th of them, gravest first;
// NULL if there are not so many.
int part_alarm_count(const ViewContext *ctx);
const HealthAlarm *part_alarm(const ViewContext *ctx, int k);
// What to do about it, one sentence.
void part_advice(const ModelRun *run, const HealthAlarm *alarm, char *buf, size_t size);

// Moves a cursor over state->items by the usual keys; VIEW_IGNORED for others.
int part_move(ViewState *state, ViewAction action);
int part_other_form(ViewState *state);
bool part_matches(const char *text, const char *filter); // without case; empty matches all
const char *part_name(const ModelRun *run);              // never empty

#endif
