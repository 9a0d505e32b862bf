// SPDX-License-Identifier: MIT
#include "ui/term/palette.h"

#include <curses.h>

typedef struct {
    short dark256, light256, ansi; // foreground; -1: the terminal's own
} Hue;

static const Hue hues[ROLE_COUNT] = {
    [ROLE_TEXT] = { -1, -1, -1 },
    [ROLE_DIM] = { 245, 243, -1 },
    [ROLE_TITLE] = { 252, 236, -1 },
    [ROLE_FOCUS] = { 117, 25, COLOR_CYAN },
    [ROLE_SELECT] = { 117, 25, COLOR_CYAN },
    [ROLE_OK] = { 78, 28, COLOR_GREEN },
    [ROLE_WARN] = { 221, 130, COLOR_YELLOW },
    [ROLE_BAD] = { 203, 160, COLOR_RED },
    [ROLE_AXIS] = { 248, 240, -1 },
    [ROLE_GRID] = { 238, 252, -1 },
    [ROLE_SERIES_1] = { 32, 25, COLOR_BLUE },
    [ROLE_SERIES_2] = { 209, 166, COLOR_RED },
    [ROLE_SERIES_3] = { 36, 29, COLOR_GREEN },
    [ROLE_SERIES_4] = { 214, 172, COLOR_YELLOW },
    [ROLE_SERIES_5] = { 81, 31, COLOR_CYAN },
    [ROLE_SERIES_6] = { 175, 132, COLOR_MAGENTA },
    [ROLE_SERIES_7] = { 250, 242, COLOR_WHITE },
    [ROLE_SERIES_8] = { 244, 247, COLOR_WHITE },
    [ROLE_HEAT_0] = { 237, 253, -1 },
    [ROLE_HEAT_0 + 1] = { 24, 152, COLOR_BLUE },
    [ROLE_HEAT_0 + 2] = { 31, 116, COLOR_BLUE },
    [ROLE_HEAT_0 + 3] = { 37, 73, COLOR_CYAN },
    [ROLE_HEAT_0 + 4] = { 71, 65, COLOR_GREEN },
    [ROLE_HEAT_0 + 5] = { 178, 136, COLOR_YELLOW },
    [ROLE_HEAT_0 + 6] = { 208, 166, COLOR_RED },
    [ROLE_HEAT_7] = { 231, 88, COLOR_WHITE },
};

static unsigned char mono_attr(int role)
{
    switch (role) {
    case ROLE_TITLE:
    case ROLE_BAD:
    case ROLE_WARN: return ATTR_BOLD;
    case ROLE_FOCUS: return ATTR_UNDERLINE;
    case ROLE_SELECT: return ATTR_REVERSE;
    case ROLE_DIM:
    case ROLE_GRID: return ATTR_DIM;
    default: return 0;
    }
}

void palette_fill(Look look[ROLE_COUNT], ColorTier tier, bool light)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        const Hue *h = &hues[role];
        look[role] = tier == COLOR_MONO ? (Look){ -1, mono_attr(role) }
                     : tier == COLOR_16 ? (Look){ h->ansi, 0 }
                                        : (Look){ light ? h->light256 : h->dark256, 0 };
    }
}
