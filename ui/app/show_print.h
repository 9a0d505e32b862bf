// SPDX-License-Identifier: MIT
#ifndef UI_APP_SHOW_PRINT_H
#define UI_APP_SHOW_PRINT_H

#include <stdio.h>

#include "ui/draw/grid.h"

// A grid on a stream, without the empty rows at its end: plain text, or with SGR escapes for
// colours and attributes. `roles` appends the plane of role letters. False when writing fails.
bool show_print(const Grid *grid, bool color, bool roles, FILE *out);

#endif
