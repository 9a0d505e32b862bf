// SPDX-License-Identifier: MIT
#ifndef WATCH_HESSIANS_H
#define WATCH_HESSIANS_H

#include "src/watch/model.h"

// RobustDARTS derivatives_N.json: one object a line, "epoch" and "H", the Hessian of the
// validation loss by alpha. The largest signed eigenvalues go to the last run of the model that
// is complete (else the last one).
Status hessians_read(const char *path, Model *model, Error *err);
// Largest signed eigenvalue of a symmetric matrix [n][n], which is destroyed (Jacobi). NAN if a
// value is not finite.
double hessian_lambda_max(double *a, int n);

#endif
