// SPDX-License-Identifier: MIT
#ifndef KERNEL_ISA_UNIT_H
#define KERNEL_ISA_UNIT_H

#include "src/kernel/isa/entry.h"

// Shared by the two ways of running units: image by image (unit.c), several images at a time
// (pack.c).

#define unit_width KERNEL_NAME(unit_width)
#define unit_window KERNEL_NAME(unit_window)
#define unit_weights KERNEL_NAME(unit_weights)
#define unit_group_floats KERNEL_NAME(unit_group_floats)
#define unit_finish KERNEL_NAME(unit_finish)
#define pack_images KERNEL_NAME(pack_images)
#define pack_floats KERNEL_NAME(pack_floats)
#define pack_units_fwd KERNEL_NAME(pack_units_fwd)
#define pack_units_bwd KERNEL_NAME(pack_units_bwd)

// Channels of a block of the call's tiles.
int unit_width(const KernelShape *s);
Window unit_window(const KernelUnits *u, int i);
// Floats of one group's weight gradients of unit i; *pw: where its pointwise ones start.
size_t unit_weights(const KernelUnits *u, int i, size_t *pw);
size_t unit_group_floats(const KernelUnits *u); // of all units
// Sums the gradients of `groups` groups.
void unit_finish(const KernelUnits *u, int groups);

// Images of such a shape that share a tile; 1: they are not packed.
int pack_images(const KernelShape *s);
size_t pack_floats(const KernelShape *s);
// pw NULL: depthwise alone.
void pack_units_fwd(const KernelUnits *u);
void pack_units_bwd(const KernelUnits *u);

#endif
