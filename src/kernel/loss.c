// SPDX-License-Identifier: MIT
#include "src/kernel/reference.h"

#include <math.h>

// Cross-entropy of the softmax against (1 - e) * target + e / c, as torch with label smoothing.
static void loss_image(const KernelLoss *l, int image)
{
    const float *z = l->logits + (size_t)image * l->c;
    double top = z[0], sum = 0, loss = 0, uniform = (double)l->smoothing / l->c;
    int best = 0;
    for (int k = 1; k < l->c; k++) {
        if (z[k] > z[best])
            best = k;
        top = z[k] > top ? z[k] : top;
    }
    for (int k = 0; k < l->c; k++)
        sum += exp(z[k] - top);
    double log_sum = log(sum) + top;
    for (int k = 0; k < l->c; k++) {
        double t = l->label ? (float)(k == l->label[image]) : l->target[(size_t)image * l->c + k];
        t = t * (1 - (double)l->smoothing) + uniform;
        if (t != 0)
            loss += t * (log_sum - z[k]);
        if (l->d_logits)
            l->d_logits[(size_t)image * l->c + k] = (float)(l->scale * (exp(z[k] - log_sum) - t));
    }
    if (l->loss)
        l->loss[image] = isnan(log_sum) ? NAN : loss;
    if (l->hit)
        l->hit[image] = l->label ? best == l->label[image] : 0;
}

void ref_loss(const KernelLoss *l)
{
#pragma omp parallel for schedule(static) num_threads(l->work->threads) if (l->n * l->c > 4096)
    for (int image = 0; image < l->n; image++)
        loss_image(l, image);
}
