// SPDX-License-Identifier: MIT
#include "src/engine/optim.h"

#include <math.h>

// Elementwise arithmetic as torch 2's single-tensor optimisers do it: float32 tensors, scalars
// computed in double and rounded once.

void optim_sgd(float *w, const float *grad, float *buf, size_t n, const SgdOptions *o, bool first)
{
    for (size_t i = 0; i < n; i++) {
        float g = o->decay != 0 ? grad[i] + o->decay * w[i] : grad[i];
        if (o->momentum != 0) {
            buf[i] = first ? g : buf[i] * o->momentum + g;
            g = o->nesterov ? g + o->momentum * buf[i] : buf[i];
        }
        w[i] += -o->lr * g;
    }
}

// torch: exp_avg.lerp_(grad, 1 - beta1); denom = sqrt(v) / sqrt(bias2) + eps;
// w += -(lr / bias1) * m / denom.
void optim_adam(float *w, const float *grad, float *m, float *v, size_t n, const AdamOptions *o,
                int step)
{
    double bias1 = 1 - pow(o->beta1, step), bias2 = 1 - pow(o->beta2, step);
    float root2 = (float)sqrt(bias2), eps = (float)o->eps, size = (float)(-o->lr / bias1);
    float keep1 = (float)(1 - o->beta1), b2 = (float)o->beta2, keep2 = (float)(1 - o->beta2);
    float decay = (float)o->decay, shrink = (float)(1 - o->lr * o->decay);
    for (size_t i = 0; i < n; i++) {
        float g = grad[i];
        if (o->decay != 0 && o->decoupled)
            w[i] *= shrink;
        else if (o->decay != 0)
            g += decay * w[i];
        m[i] += keep1 * (g - m[i]);
        v[i] = v[i] * b2 + keep2 * g * g;
        w[i] += size * m[i] / (sqrtf(v[i]) / root2 + eps);
    }
}

double optim_norm(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

double optim_clip(float *grad, size_t n, double limit)
{
    double norm = optim_norm(grad, n);
    if (limit <= 0)
        return norm;
    double factor = limit / (norm + 1e-6);
    // A NaN norm makes the factor NaN, and so the gradient, as in torch.
    if (factor >= 1)
        return norm;
    for (size_t i = 0; i < n; i++)
        grad[i] *= (float)factor;
    return norm;
}

double optim_cosine(double lr, double lr_min, double t, double total)
{
    if (total <= 0)
        return lr;
    return lr_min + (lr - lr_min) * (1 + cos(M_PI * t / total)) / 2;
}

double optim_step_decay(double lr, double gamma, double t, double every, double warmup)
{
    if (t < warmup)
        return lr * (t + 1) / warmup;
    return every > 0 ? lr * pow(gamma, floor((t - warmup) / every)) : lr;
}
