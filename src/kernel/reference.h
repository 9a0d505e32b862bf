// SPDX-License-Identifier: MIT
#ifndef KERNEL_REFERENCE_H
#define KERNEL_REFERENCE_H

#include "src/kernel/kernel.h"

// Plain loops for every entry of the table: what the fast sets are tested against, and what
// serves the rarely used layers on every instruction set. All work image by image on dense
// copies in the caller's tile scratch.

// Sources with their prologue into out [hw][c of all sources], dense.
void ref_read(const KernelSrc *src, int n_src, int image, int hw, float *out);
// dy of one image into out [hw][c], dense.
void ref_grad(const KernelGrad *grad, int image, int hw, int c, float *out);
// Writes the gradient d [hw][d_ld] of what src's prologue gave to dst: mask, add, terms, sums.
typedef struct {
    const float *d;
    int ld, hw;
} RefDelta;
void ref_write(const KernelDst *dst, const KernelSrc *src, int image, RefDelta delta);
// Per image sum and sum of squares of y [hw][c].
void ref_stat(const float *y, int ld, int hw, int c, float *stat, int stat_ld);
// Gradient with respect to the raw output is present at all.
static inline bool ref_wants(const KernelDst *dst)
{
    return dst->dx != NULL;
}

void ref_unit_fwd(const KernelUnits *u);
void ref_unit_bwd(const KernelUnits *u);
void ref_dw_fwd(const KernelUnits *u);
void ref_dw_bwd(const KernelUnits *u);
void ref_conv_fwd(const KernelConv *v);
void ref_conv_bwd(const KernelConv *v);
void ref_pool_fwd(const KernelPool *p);
void ref_pool_bwd(const KernelPool *p);
void ref_mix_fwd(const KernelMix *m);
void ref_mix_reduce(const KernelMix *m);
void ref_act_fwd(const KernelActArgs *a);
void ref_act_bwd(const KernelActArgs *a);
void ref_generic_fwd(const KernelGenericArgs *a);
void ref_generic_bwd(const KernelGenericArgs *a);
void ref_loss(const KernelLoss *l);
size_t ref_tile_floats(KernelEntry entry, const KernelShape *shape);

// One image of the bigger generic layers (generic_norm.c, generic_attention.c, generic_random.c,
// generic_shuffle.c). x, y, dy, dx are dense; gw, gbias ... are this group's accumulators or NULL.
typedef struct {
    const KernelGenericArgs *a;
    int image;
    const float *x, *dy;
    float *y, *dx, *tmp;
    float *g_w, *g_bias, *g_w2, *g_bias2;
} RefImage;
void ref_norm_fwd(const RefImage *r);
void ref_norm_bwd(const RefImage *r);
void ref_attention_fwd(const RefImage *r);
void ref_attention_bwd(const RefImage *r);
void ref_random_fwd(const RefImage *r);
void ref_random_bwd(const RefImage *r);
void ref_shuffle_fwd(const RefImage *r);
void ref_shuffle_bwd(const RefImage *r);
// Straight between the tensors, where nothing has to be done on the way; false: did nothing.
bool ref_shuffle_direct(const KernelGenericArgs *a, int image);
bool ref_shuffle_direct_back(const KernelGenericArgs *a, int image);
// ref_generic_* with another attention.
typedef void (*RefStep)(const RefImage *r);
void ref_generic_fwd_by(const KernelGenericArgs *a, RefStep attention);
void ref_generic_bwd_by(const KernelGenericArgs *a, RefStep attention);
size_t ref_attention_floats(const KernelShape *s);

#endif
