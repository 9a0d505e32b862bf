// SPDX-License-Identifier: MIT
#include <math.h>

#include "src/search/remedies.h"

double gdas_tau(double first, double last, int e, int E)
{
    return E > 1 ? first + (last - first) * e / (E - 1) : first;
}

static double gumbel(Rng *rng)
{
    double u = rng_uniform(rng);
    return -log(-log(u > 0 ? u : 0x1p-60));
}

static void one_hot(const Alpha *alpha, int at, int cols, int best, double *hard, bool *active)
{
    for (int k = 0; k < cols; k++) {
        hard[at + k] = k == best && alpha->used[at + k] ? 1 : 0;
        active[at + k] = hard[at + k] != 0;
    }
}

void gdas_sample(const Alpha *alpha, double tau, Rng *rng, double *soft, double *hard, bool *active)
{
    for (int t = 0; t < alpha->types; t++) {
        int cols = alpha->cols[t];
        for (int e = 0; e < alpha->rows[t]; e++) {
            int at = alpha->offset[t] + e * cols, best = 0;
            float noisy[SPACE_OPS];
            // log softmax(alpha) and alpha differ by a constant of the row
            for (int k = 0; k < cols; k++)
                noisy[k] = (float)(alpha->value[at + k] + gumbel(rng));
            weights_softmax(noisy, alpha->used + at, cols, 1 / tau, soft + at);
            for (int k = 1; k < cols; k++)
                if (alpha->used[at + k] && (!alpha->used[at + best] || noisy[k] > noisy[best]))
                    best = k;
            one_hot(alpha, at, cols, best, hard, active);
        }
    }
}

void gdas_backward(const Alpha *alpha, double tau, const double *soft, const double *g, double *out)
{
    for (int t = 0; t < alpha->types; t++)
        for (int e = 0; e < alpha->rows[t]; e++) {
            int at = alpha->offset[t] + e * alpha->cols[t];
            weights_softmax_back(soft + at, g + at, alpha->cols[t], out + at);
            for (int k = at; k < at + alpha->cols[t]; k++)
                out[k] /= tau;
        }
}

void gdas_argmax(const Alpha *alpha, double *hard, bool *active)
{
    for (int t = 0; t < alpha->types; t++) {
        int cols = alpha->cols[t];
        for (int e = 0; e < alpha->rows[t]; e++) {
            int at = alpha->offset[t] + e * cols, best = 0;
            for (int k = 1; k < cols; k++)
                if (alpha->used[at + k] && alpha->value[at + k] > alpha->value[at + best])
                    best = k;
            one_hot(alpha, at, cols, best, hard, active);
        }
    }
}
