// SPDX-License-Identifier: MIT
#ifndef KERNEL_ISA_ENTRY_H
#define KERNEL_ISA_ENTRY_H

#include "src/kernel/isa/tile.h"

// The table entries of one instruction set. All are one parallel region: forward over images,
// backward over the fixed groups.

#define units_fwd KERNEL_NAME(units_fwd)
#define units_bwd KERNEL_NAME(units_bwd)
#define depthwise_fwd KERNEL_NAME(depthwise_fwd)
#define depthwise_bwd KERNEL_NAME(depthwise_bwd)
#define unit_floats KERNEL_NAME(unit_floats)
#define dense_fwd KERNEL_NAME(dense_fwd)
#define dense_bwd KERNEL_NAME(dense_bwd)
#define dense_floats KERNEL_NAME(dense_floats)
#define pools_fwd KERNEL_NAME(pools_fwd)
#define pools_bwd KERNEL_NAME(pools_bwd)
#define pools_floats KERNEL_NAME(pools_floats)
#define streams_fwd KERNEL_NAME(streams_fwd)
#define streams_reduce KERNEL_NAME(streams_reduce)
#define groups_sum KERNEL_NAME(groups_sum)
#define entry_share KERNEL_NAME(entry_share)
#define entry_streams KERNEL_NAME(entry_streams)
#define entry_border KERNEL_NAME(entry_border)

void units_fwd(const KernelUnits *u);
void units_bwd(const KernelUnits *u);
void depthwise_fwd(const KernelUnits *u);
void depthwise_bwd(const KernelUnits *u);
void dense_fwd(const KernelConv *v);
void dense_bwd(const KernelConv *v);
void pools_fwd(const KernelPool *p);
void pools_bwd(const KernelPool *p);
void streams_fwd(const KernelMix *m);
void streams_reduce(const KernelMix *m);

// Tile scratch of a thread. Grows with the window's reach on every side, so that the largest count
// over the units of a call serves them all.
size_t unit_floats(const KernelShape *s);
size_t dense_floats(const KernelShape *s);
size_t pools_floats(const KernelShape *s);

// How the loops of a call that say schedule(runtime) are shared out: equal shares while tensors of
// so many floats may still lie in the threads' own caches, else piece by piece, so that a thread
// that is held up does not hold up the others. Whoever does a task, its result is the same.
void entry_share(const KernelShape *s, int tasks, int threads);
// Whether the output y is stored past the caches: one of `outputs` of a call that together are
// large, made of whole aligned vectors.
bool entry_streams(const KernelShape *s, const float *y, int ld, int vw, int outputs);

// out[i] = sum of the groups' group[g * stride + i] in order. `group` is aligned to vectors, the
// stride a multiple of 16 floats.
void groups_sum(const float *group, size_t stride, int groups, size_t count, float *out,
                int threads);

// Widens the borders that the input and (backward) the output gradient of a window need.
void entry_border(const Window *win, Border *in, Border *d);

// Channels as whole vectors.
static inline size_t round_to(int c, int vw)
{
    return (size_t)((c + vw - 1) / vw * vw);
}

static inline Window entry_window(const KernelShape *s, int k, int dil, int pad_y, int pad_x)
{
    return (Window){
        .k = k,
        .dil = dil,
        .stride = s->stride,
        .pad_y = pad_y,
        .pad_x = pad_x,
        .h = s->h,
        .w = s->w,
        .oh = s->oh,
        .ow = s->ow,
    };
}

static inline int border_reach(const Border *b)
{
    int y = b->top > b->bottom ? b->top : b->bottom, x = b->left > b->right ? b->left : b->right;
    return y > x ? y : x;
}

// Outputs at at, at + stride, ... below size.
static inline int phase_count(int size, int at, int stride)
{
    return at < size ? (size - at + stride - 1) / stride : 0;
}

#endif
