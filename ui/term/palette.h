// SPDX-License-Identifier: MIT
#ifndef UI_TERM_PALETTE_H
#define UI_TERM_PALETTE_H

#include "ui/term/encode.h"
#include "ui/term/term.h"

// How roles look in a tier of colours; without colours attributes tell them apart.
void palette_fill(Look look[ROLE_COUNT], ColorTier tier, bool light);

#endif
