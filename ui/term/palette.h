// SPDX-License-Identifier: MIT
#ifndef UI_TERM_PALETTE_H
#define UI_TERM_PALETTE_H

#include <stdbool.h>

#include <curses.h>

// Colours and attributes of the roles. Series hues follow the Okabe-Ito order.
void palette_start(bool many, bool light); // after start_color is possible; many: 256 colours
short palette_pair(int role);
attr_t palette_mono(int role); // how a role looks without colours

#endif
