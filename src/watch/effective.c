// SPDX-License-Identifier: MIT
#include "src/watch/effective.h"

#include <math.h>
#include <stddef.h>

static double row_max(const double *a, const bool *gone, int cols)
{
    double max = -INFINITY;
    for (int k = 0; k < cols; k++)
        if (!(gone && gone[k]) && a[k] > max)
            max = a[k];
    return max;
}

static void divide_row(double *a, int cols, double sum)
{
    for (int k = 0; k < cols; k++)
        a[k] = sum > 0 ? a[k] / sum : a[k];
}

void effective_of_logits(double *a, const bool *gone, int rows, int cols)
{
    for (int r = 0; r < rows; r++, a += cols, gone = gone ? gone + cols : NULL) {
        double max = row_max(a, gone, cols), sum = 0;
        for (int k = 0; k < cols; k++) {
            a[k] = gone && gone[k] ? 0 : a[k] == max ? 1 : exp(a[k] - max);
            sum += a[k];
        }
        divide_row(a, cols, sum);
    }
}

void effective_of_sigmoid(double *a, const bool *gone, int rows, int cols)
{
    bool raw = false;
    for (int i = 0; i < rows * cols; i++)
        raw |= !(gone && gone[i]) && (a[i] < 0 || a[i] > 1);
    for (int r = 0; r < rows; r++, a += cols, gone = gone ? gone + cols : NULL) {
        double sum = 0;
        for (int k = 0; k < cols; k++) {
            a[k] = gone && gone[k] ? 0 : raw ? 1 / (1 + exp(-a[k])) : a[k];
            sum += a[k];
        }
        divide_row(a, cols, sum);
    }
}

void effective_of_dirichlet(double *a, int rows, int cols)
{
    bool raw = false;
    for (int i = 0; i < rows * cols; i++)
        raw |= a[i] < 0;
    for (int r = 0; r < rows; r++, a += cols) {
        double sum = 0;
        for (int k = 0; k < cols; k++) {
            if (raw)
                a[k] = (a[k] > 0 ? a[k] : exp(a[k]) - 1) + 1;
            sum += a[k];
        }
        divide_row(a, cols, sum);
    }
}

EffectiveKind effective_guess(const double *a, int rows, int cols, EffectiveHint hint)
{
    int sums = 0, unknown = 0;
    bool inside = true;
    for (int r = 0; r < rows; r++) {
        double sum = 0;
        for (int k = 0; k < cols; k++) {
            double v = a[r * cols + k];
            sum += v;
            inside &= !(v < 0 || v > 1.0001);
        }
        // NaN rows of a run that has diverged say nothing about the kind
        unknown += sum != sum;
        sums += fabs(sum - 1) < 1e-4 * (cols + 1);
    }
    if (inside && sums + unknown == rows)
        return EFFECTIVE_PROBABILITIES;
    if (hint == HINT_DIRICHLET)
        return EFFECTIVE_DIRICHLET;
    if (hint == HINT_SIGMOID || inside)
        return EFFECTIVE_SIGMOID;
    return EFFECTIVE_LOGITS;
}

void effective_apply(EffectiveKind kind, double *a, int rows, int cols)
{
    switch (kind) {
    case EFFECTIVE_PROBABILITIES: break;
    case EFFECTIVE_LOGITS: effective_of_logits(a, NULL, rows, cols); break;
    case EFFECTIVE_SIGMOID: effective_of_sigmoid(a, NULL, rows, cols); break;
    case EFFECTIVE_DIRICHLET: effective_of_dirichlet(a, rows, cols); break;
    }
}
