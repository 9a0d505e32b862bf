// SPDX-License-Identifier: MIT
#ifndef UI_VIEW_VIEWS_H
#define UI_VIEW_VIEWS_H

#include "ui/view/view.h"

// The views, one file each; view.c puts them into the table.
extern const View view_runs, view_overview, view_alpha, view_cell, view_pareto, view_space,
    view_log, view_health, view_trials, view_help;

// From this width on the overview has the cell beside its charts.
enum { OVERVIEW_WITH_CELL = 110 };
// The small pictures that the overview borrows from other views.
void pareto_small(const ViewContext *ctx, Grid *g, Rect area);
// Alarms up to the scrub position, gravest first, `skip` of them left out; returns how many.
int alarms_list(const ViewContext *ctx, Grid *g, Rect area, int skip);
void best_so_far(const ViewContext *ctx, Grid *g, Rect area);
// Mixing weight for matrix_draw; self is a WeightOf.
typedef struct {
    const ModelRun *run;
    int cell, epoch;
} WeightOf;
double cell_weight(const void *self, int from, int to, const char *op);
// Trials that an objective value can be read from.
bool trial_done(const TrialRow *trial);
int trials_shown(const ViewContext *ctx); // the first n trials: all, or up to the scrub position
int trials_best(const ViewContext *ctx, int objective); // index, -1 none
// Value with its unit as people read it: accuracy in percent, counts with k and M.
const char *objective_text(const char *name, double value, char *buf, size_t size);

#endif
