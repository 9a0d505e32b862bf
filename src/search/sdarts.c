// SPDX-License-Identifier: MIT
#include "src/search/remedies.h"

double sdarts_eps(double final, int e, int E)
{
    const double first = final < 0.03 ? final : 0.03;
    return E > 0 ? first + (final - first) * e / E : first;
}

void sdarts_perturb(const Alpha *alpha, double eps, Rng *rng, double *p)
{
    for (int t = 0; t < alpha->types; t++) {
        for (int e = 0; e < alpha->rows[t]; e++) {
            int at = alpha->offset[t] + e * alpha->cols[t];
            double sum = 0;
            for (int k = at; k < at + alpha->cols[t]; k++) {
                if (!alpha->used[k])
                    continue;
                p[k] += eps * (2 * rng_uniform(rng) - 1);
                p[k] = p[k] < 0 ? 0 : p[k] > 1 ? 1 : p[k];
                sum += p[k];
            }
            for (int k = at; k < at + alpha->cols[t] && sum > 0; k++)
                p[k] /= sum;
        }
    }
}
