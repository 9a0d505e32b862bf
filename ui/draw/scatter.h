// SPDX-License-Identifier: MIT
#ifndef UI_DRAW_SCATTER_H
#define UI_DRAW_SCATTER_H

#include <stdbool.h>

#include "ui/draw/grid.h"

// Points of two objectives with their Pareto front as a staircase. Points that are not finite
// are left out.
typedef struct {
    int n;
    double (*x)(const void *data, int index);
    double (*y)(const void *data, int index);
    const void *data;
    bool x_maximize, y_maximize;
    const char *x_name, *y_name; // with units
    int cursor;                  // point drawn as the selected one, -1 none
    bool log_x;
    bool x_percent, y_percent; // fractions shown as percent
} ScatterSpec;

void scatter_draw(Grid *g, Rect area, const ScatterSpec *spec);

// Indices of the non-dominated points, best x first, at most `cap`; of equal points the first.
// Returns how many.
int scatter_front(const ScatterSpec *spec, int *front, int cap);

#endif
