// SPDX-License-Identifier: MIT
#ifndef KERNEL_ISA_TAP_H
#define KERNEL_ISA_TAP_H

#include "src/kernel/isa/tile.h"

// The taps of a window flattened for one tile: where each reads, relative to the output pixel's
// source, and where its weights lie. Rows of taps stay together, so that the rows that fall
// outside the image are a prefix or a suffix.
typedef struct {
    ptrdiff_t in[TAP_MAX * TAP_MAX];
    size_t w[TAP_MAX * TAP_MAX];
} TapList;

typedef struct {
    int from, to;
} TapRange;

// w_tap: floats from one tap's weights to the next.
static inline void tap_list(TapList *list, const Taps *taps, const Tile *in, size_t w_tap)
{
    int n = 0;
    for (int i = 0; i < taps->n_ky; i++) {
        for (int j = 0; j < taps->n_kx; j++) {
            list->in[n] = (ptrdiff_t)taps->row[i] * (ptrdiff_t)tile_row(in) +
                          (ptrdiff_t)taps->col[j] * in->vw;
            list->w[n++] = (size_t)(taps->ky[i] * taps->k + taps->kx[j]) * w_tap;
        }
    }
}

// Taps with a source row inside an image of h rows for any of the output rows [y, y + rows).
static inline TapRange tap_rows(const Taps *taps, int h, int y, int rows)
{
    int first = y * taps->step, last = (y + rows - 1) * taps->step;
    int from = 0, to = taps->n_ky;
    while (from < to && (last + taps->row[from] < 0 || first + taps->row[from] >= h))
        from++;
    while (to > from && (last + taps->row[to - 1] < 0 || first + taps->row[to - 1] >= h))
        to--;
    return (TapRange){ from * taps->n_kx, to * taps->n_kx };
}

#endif
