// SPDX-License-Identifier: MIT
#ifndef KERNEL_ISA_TAP_H
#define KERNEL_ISA_TAP_H

#include "src/kernel/isa/tile.h"

// The taps of a window flattened for one tile: where each reads, relative to the output pixel's
// source, and where its weights lie. Rows of taps stay together, so that the rows that fall
// outside the image are a prefix or a suffix.
typedef struct {
    int32_t in[TAP_MAX * TAP_MAX];
    int32_t w[TAP_MAX * TAP_MAX];
    int n;                    // taps
    int inner_from, inner_to; // output rows for which every tap is inside the image
} TapList;

typedef struct {
    int from, to;
} TapRange;

// w_tap: floats from one tap's weights to the next.
static inline void tap_list(TapList *list, const Taps *taps, const Tile *in, size_t w_tap)
{
    const int32_t row = (int32_t)tile_row(in), tap = (int32_t)w_tap;
    int n = 0;
    for (int i = 0; i < taps->n_ky; i++) {
        const int32_t down = taps->row[i] * row, first = taps->ky[i] * taps->k * tap;
        for (int j = 0; j < taps->n_kx; j++, n++) {
            list->in[n] = down + taps->col[j] * in->vw;
            list->w[n] = first + taps->kx[j] * tap;
        }
    }
    list->n = n;
    int top = taps->n_ky ? -taps->row[0] : 0;
    int bottom = taps->n_ky ? in->h - taps->row[taps->n_ky - 1] : in->h;
    list->inner_from = top <= 0 ? 0 : (top + taps->step - 1) / taps->step;
    list->inner_to = bottom <= 0 ? 0 : (bottom + taps->step - 1) / taps->step;
}

// Taps with a source row inside an image of h rows for any of the output rows [y, y + rows). Kept
// out of line: unrolled into the loops around it, it would take their registers.
#define tap_rows KERNEL_NAME(tap_rows)
TapRange tap_rows(const Taps *taps, int h, int y, int rows);

static inline TapRange tap_range(const TapList *list, const Taps *taps, int h, int y, int rows)
{
    if (y >= list->inner_from && y + rows <= list->inner_to)
        return (TapRange){ 0, taps->n_ky * taps->n_kx };
    return tap_rows(taps, h, y, rows);
}

#endif
