// SPDX-License-Identifier: MIT
#ifndef UI_DRAW_HEAT_H
#define UI_DRAW_HEAT_H

#include "ui/draw/grid.h"

// One cell of a heat map, v in 0..1: digits that mono terminals read (".62"), coloured by step;
// from 5 columns on also a shade character. A marked cell is bold and stands in brackets, or has
// a star where there is no room for them. Not finite: "nan"; an absent value (NAN with `absent`):
// ".".
void heat_cell(Grid *g, int row, int col, int cols, double v, bool marked, bool absent);
Role heat_role(double v);

#endif
