// SPDX-License-Identifier: MIT
#ifndef HEALTH_LANCZOS_H
#define HEALTH_LANCZOS_H

#include "src/base/err.h"

// Largest signed eigenvalue of a symmetric matrix (not the one of largest modulus: published
// Hessians exist in which that one is negative).

// Computes out[0..n) = H * v for a unit vector v.
typedef Status LanczosApply(void *self, const double *v, double *out, Error *err);

// At most `steps` products from a random start, full re-orthogonalisation (Golub, Van Loan,
// Matrix Computations, 10.3). Stops early when the Krylov space is exhausted. 4 steps are within
// 1 % on alpha Hessians, 8 within 0.1 % (SCIENCE.md 2.3). vector (may be NULL) gets the Ritz
// vector, unit length. STATUS_NUMERIC when a product is not finite.
typedef struct {
    LanczosApply *apply;
    void *self;
    int n, steps;
    unsigned long long seed;
} LanczosTask;
Status lanczos_largest(const LanczosTask *task, double *value, double *vector, Error *err);

// Dense n x n, row by row; the mean of both triangles is used.
Status lanczos_dense(const double *h, int n, double *value, Error *err);

#endif
