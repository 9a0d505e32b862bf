// SPDX-License-Identifier: MIT
#include "src/search/remedies.h"

double beta_decay_weight(double final, int e, int E)
{
    return E > 0 ? final * e / E : 0;
}

void beta_decay_add(const Alpha *alpha, double lam, double *grad)
{
    double p[SPACE_OPS];
    for (int t = 0; t < alpha->types; t++) {
        int cols = alpha->cols[t];
        for (int e = 0; e < alpha->rows[t]; e++) {
            int at = alpha->offset[t] + e * cols;
            weights_softmax(alpha->value + at, alpha->used + at, cols, 1, p);
            for (int k = 0; k < cols; k++)
                grad[at + k] += lam / alpha->rows[t] * p[k];
        }
    }
}
