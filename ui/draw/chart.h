// SPDX-License-Identifier: MIT
#ifndef UI_DRAW_CHART_H
#define UI_DRAW_CHART_H

#include <stdbool.h>

#include "ui/draw/grid.h"

// Line charts. Series are read through a callback, so nothing is copied. Each column of dots
// shows the smallest, largest and last value of its samples, so that peaks survive; NaN and Inf
// are gaps with a '!' on the axis below them.

enum { CHART_SERIES = 16 }; // more are not drawn

// y of sample `index`, its x in *x. Samples come in order of x.
typedef double ChartValue(const void *data, int index, double *x);

typedef struct {
    const char *label; // at the end of the line
    Role role;
    char mark; // ASCII tier and beside the label
    int n;
    ChartValue *value;
    const void *data;
} ChartSeries;

typedef struct {
    double y;
    const char *label; // may be NULL
    Role role;
} ChartLimit;

typedef struct {
    const ChartSeries *series;
    int n_series;
    const ChartLimit *limits;
    int n_limits;
    double x_from, x_to; // span of the axis; equal: the samples' own
    double y_lo, y_hi;   // equal: from the data; else these, whatever the data
    double cursor_x;     // scrub position, NAN none
    bool log_y;
    bool percent;       // y are fractions shown as percent
    const char *x_unit; // "epoch"
    const char *empty;  // said when there is no finite sample
} ChartSpec;

void chart_draw(Grid *g, Rect area, const ChartSpec *spec);

// Nice ticks: the step 1, 2 or 5 times a power of ten that gives at most `most` ticks in lo..hi.
double chart_step(double lo, double hi, int most);
// How many ticks stand in lo..hi (at most 100), and the i-th of them. Counted, because adding a
// step to a large number may not move it.
int chart_ticks(double lo, double hi, double step);
double chart_tick(double lo, double step, int i);
// Values beyond this are treated as not finite.
#define CHART_MOST 1e100
// Decimals that tell values `step` apart.
int chart_decimals(double step);

#endif
