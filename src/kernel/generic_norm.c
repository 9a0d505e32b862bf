// SPDX-License-Identifier: MIT
#include "src/kernel/reference.h"

#include <math.h>

// Layer norm over the channels of every pixel.

typedef struct {
    float mean, rstd;
} Moments;

static Moments moments(const float *x, int c, float eps)
{
    double sum = 0, var = 0;
    for (int q = 0; q < c; q++)
        sum += x[q];
    double mean = sum / c;
    for (int q = 0; q < c; q++)
        var += (x[q] - mean) * (x[q] - mean);
    return (Moments){ (float)mean, (float)(1 / sqrt(var / c + (double)eps)) };
}

void ref_norm_fwd(const RefImage *r)
{
    const KernelGenericArgs *a = r->a;
    int c = a->shape.c;
    for (int p = 0; p < a->shape.h * a->shape.w; p++) {
        const float *x = r->x + (size_t)p * c;
        Moments m = moments(x, c, a->eps);
        for (int q = 0; q < c; q++) {
            float v = (x[q] - m.mean) * m.rstd;
            r->y[(size_t)p * c + q] = a->w ? v * a->w[q] + a->bias[q] : v;
        }
    }
}

// dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), g = dy * gamma
void ref_norm_bwd(const RefImage *r)
{
    const KernelGenericArgs *a = r->a;
    int c = a->shape.c;
    for (int p = 0; p < a->shape.h * a->shape.w; p++) {
        const float *x = r->x + (size_t)p * c, *dy = r->dy + (size_t)p * c;
        Moments m = moments(x, c, a->eps);
        double sum = 0, dot = 0;
        for (int q = 0; q < c; q++) {
            float hat = (x[q] - m.mean) * m.rstd, g = a->w ? dy[q] * a->w[q] : dy[q];
            sum += g;
            dot += (double)g * hat;
            if (r->g_w)
                r->g_w[q] += dy[q] * hat;
            if (r->g_bias)
                r->g_bias[q] += dy[q];
        }
        for (int q = 0; q < c; q++) {
            float hat = (x[q] - m.mean) * m.rstd, g = a->w ? dy[q] * a->w[q] : dy[q];
            r->dx[(size_t)p * c + q] = m.rstd * (g - (float)(sum / c) - hat * (float)(dot / c));
        }
    }
}
