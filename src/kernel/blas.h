// SPDX-License-Identifier: MIT
#ifndef KERNEL_BLAS_H
#define KERNEL_BLAS_H

#include "src/kernel/reference.h"

// Where OpenBLAS is faster than the loops of this directory. One call never spans threads, and what
// a call computes does not depend on their number, so that bits do not either. Measured on one
// thread, batch 64, processor time (AVX-512; the factors on AVX2 are larger):
//   linear layers           forward 4 to 7 times, backward 7 to 23 times faster (not below 64
//   inputs) attention, 16 to 128 channels   forward 2.5 to 5 times, backward 3 to 7 times weight
//   gradient of convolutions, GMAC/s before and after, all of its work counted:
//     maps of 4x4: 1x1, C=128 39 | 50, C=256 18 | 48, C=512 11 | 41; 3x3, C=128 19 | 36, 256 12 |
//     29 maps of 8x8: 1x1, C=512 29 | 39; no faster below, 3x3 neither (AVX2: 3x3, C=256 18 | 27)
// Forward and input gradients of convolutions are as fast or faster in our loops.

// Before the first call, from one thread.
void blas_start(void);

// c [m][n] = (add ? c : 0) + scale * a b, with a [m][k] or, turned, [k][m], b [k][n] or [n][k].
typedef struct {
    int m, n, k;
    const float *a, *b;
    int a_ld, b_ld;
    bool a_turned, b_turned, add;
    float scale; // 0: 1
    float *c;
    int c_ld;
} BlasProduct;
void blas_product(const BlasProduct *p);

// Weight gradient of a convolution into v->g_w; false, and nothing is done, where the loops of the
// instruction set are faster or scratch is too small. Uses the scratch of groups, and the set's
// mix_fwd to read sources and gradients.
typedef void (*BlasMix)(const KernelMix *m);
enum { BLAS_TERMS = 32 };
bool blas_conv_weights(const KernelConv *v, BlasMix mix);

// generic_fwd and generic_bwd of every set but the reference.
void blas_generic_fwd(const KernelGenericArgs *a);
void blas_generic_bwd(const KernelGenericArgs *a);
// One image, as ref_attention_fwd and ref_attention_bwd, same scratch.
void blas_attention_fwd(const RefImage *r);
void blas_attention_bwd(const RefImage *r);

#endif
