// SPDX-License-Identifier: MIT
#ifndef KERNEL_ATTENTION_H
#define KERNEL_ATTENTION_H

#include "src/kernel/reference.h"

// What the plain loops of attention and those by OpenBLAS share: where an image's matrices lie
// in the scratch of its thread, and the softmax of a row. L pixels, c channels, heads of d
// channels.

typedef struct {
    int len, c, heads, d;
    float scale;   // 1 / sqrt(d)
    float *qkv;    // [L][3c]
    float *ctx;    // [L][c]
    float *prob;   // [L][L]
    float *d_qkv;  // [L][3c]
    float *d_ctx;  // [L][c]
    float *d_prob; // [L][L]
} Attention;

Attention attention_layout(const RefImage *r);
void attention_softmax(float *row, int n); // in place

#endif
