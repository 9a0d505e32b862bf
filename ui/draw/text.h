// SPDX-License-Identifier: MIT
#ifndef UI_DRAW_TEXT_H
#define UI_DRAW_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "ui/draw/grid.h"

// Small pieces of text that several views draw, and numbers as people read them.

// Wrapped at blanks into the rectangle; returns the rows it took (never more than r.rows).
int text_wrap(Grid *g, Rect r, Role role, int attr, const char *text);
// What an empty pane shows: why there is nothing, and what helps. Centred when there is room.
void text_empty(Grid *g, Rect r, const char *why, const char *help);
// "[####......]", or a bar of blocks; share 0..1, NAN draws an empty one.
void text_bar(Grid *g, int row, int col, int cols, double share, Role role);
// One row of bars, oldest left, scaled to lo..hi; blanks where a value is not finite. When there
// are more values than columns each column shows the largest of its share.
typedef double TextValue(const void *data, int index);
void text_spark(Grid *g, Rect r, int n, TextValue *value, const void *data, double lo, double hi,
                Role role);

// Numbers into buf (returned); NAN becomes "-".
const char *text_number(double v, int decimals, char *buf, size_t size); // "0.913", "nan", "inf"
const char *text_percent(double fraction, char *buf, size_t size);       // "91.3%"
const char *text_count(double n, char *buf, size_t size);                // "1.23 M"
const char *text_eta(double seconds, char *buf, size_t size);            // "1h05m", "42s", "-"
// Date and time of the run's clock, UTC: "2026-01-31 14:05".
const char *text_time(double unix_time, char *buf, size_t size);

// Series role and mark of an operator: fixed by its name, the same in chart, cell and matrix.
Role op_role(const char *name);
char op_mark(const char *name);
char series_mark(Role role); // o x + * # @ % & for ROLE_SERIES_1 .. 8

#endif
