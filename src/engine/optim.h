// SPDX-License-Identifier: MIT
#ifndef ENGINE_OPTIM_H
#define ENGINE_OPTIM_H

#include <stdbool.h>
#include <stddef.h>

// Optimisers over flat arrays with PyTorch's exact semantics (torch.optim.SGD, Adam, AdamW;
// torch.nn.utils.clip_grad_norm_). State lives in caller-owned arrays of n floats, so that it can
// be saved as plain tensors. Elementwise float32 arithmetic in PyTorch's order of operations.

typedef struct {
    float lr, momentum, decay; // decay: L2 added to the gradient
    bool nesterov;
} SgdOptions;

// buf: momentum buffer; first: true on the first step (PyTorch starts with buf = grad).
void optim_sgd(float *w, const float *grad, float *buf, size_t n, const SgdOptions *o, bool first);

typedef struct {
    double lr, beta1, beta2, eps, decay;
    bool decoupled; // AdamW
} AdamOptions;

// m, v: moments; step counts from 1.
void optim_adam(float *w, const float *grad, float *m, float *v, size_t n, const AdamOptions *o,
                int step);

// Scales grad so that its global L2 norm is at most limit (PyTorch: factor limit / (norm + 1e-6),
// clamped to 1). limit <= 0: no clipping. Returns the norm before. Sum in double, fixed order.
double optim_clip(float *grad, size_t n, double limit);
double optim_norm(const float *x, size_t n);

// torch CosineAnnealingLR at step t of total: lr_min + (lr - lr_min) * (1 + cos(pi t / total)) / 2.
double optim_cosine(double lr, double lr_min, double t, double total);
// Linear warm-up over `warmup` steps, then lr * gamma^floor((t - warmup) / every).
double optim_step_decay(double lr, double gamma, double t, double every, double warmup);

#endif
