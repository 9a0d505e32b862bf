// SPDX-License-Identifier: MIT
#include "src/kernel/reference.h"

#include <math.h>

#include <omp.h>

static const float root_half = 0.70710678118654752f, inv_root_2pi = 0.39894228040143268f;

static float sigmoid(float x)
{
    return x >= 0 ? 1 / (1 + expf(-x)) : expf(x) / (1 + expf(x));
}

static float act_value(KernelAct act, float x)
{
    switch (act) {
    case ACT_RELU: return x < 0 ? 0 : x;
    case ACT_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case ACT_HSWISH: return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6;
    case ACT_SWISH: return x * sigmoid(x);
    case ACT_SIGMOID: return sigmoid(x);
    default: return 0.5f * x * (1 + erff(x * root_half));
    }
}

static float act_slope(KernelAct act, float x)
{
    float s;
    switch (act) {
    case ACT_RELU: return x <= 0 ? 0 : 1;
    case ACT_RELU6: return x <= 0 || x >= 6 ? 0 : 1;
    case ACT_HSWISH: return x < -3 ? 0 : x <= 3 ? x / 3 + 0.5f : 1;
    case ACT_SWISH: s = sigmoid(x); return s * (1 + x * (1 - s));
    case ACT_SIGMOID: s = sigmoid(x); return s * (1 - s);
    default: return 0.5f * (1 + erff(x * root_half)) + x * inv_root_2pi * expf(-0.5f * x * x);
    }
}

void ref_act_fwd(const KernelActArgs *a)
{
#pragma omp parallel for schedule(static) num_threads(a->work->threads)
    for (int image = 0; image < a->n; image++) {
        float *x = a->work->tile + (size_t)omp_get_thread_num() * a->work->tile_floats;
        ref_read(&a->src, 1, image, a->hw, x);
        for (int p = 0; p < a->hw; p++) {
            float *y = a->y + ((size_t)image * a->hw + p) * a->y_ld;
            for (int c = 0; c < a->c; c++)
                y[c] = act_value(a->act, x[(size_t)p * a->c + c]);
        }
    }
}

void ref_act_bwd(const KernelActArgs *a)
{
#pragma omp parallel for schedule(static) num_threads(a->work->threads)
    for (int image = 0; image < a->n; image++) {
        float *x = a->work->tile + (size_t)omp_get_thread_num() * a->work->tile_floats;
        float *d = x + (size_t)a->hw * a->c;
        ref_read(&a->src, 1, image, a->hw, x);
        ref_grad(&a->grad, image, a->hw, a->c, d);
        for (size_t i = 0; i < (size_t)a->hw * a->c; i++)
            d[i] *= act_slope(a->act, x[i]);
        ref_write(&a->dst, &a->src, image, (RefDelta){ d, a->c, a->hw });
    }
}
