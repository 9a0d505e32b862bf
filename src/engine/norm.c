// SPDX-License-Identifier: MIT
#include "src/engine/ir.h"

#include <math.h>

// Batch norm on the host: statistics from per-image sums, in double, images in index order.

static double count_of(const Plan *plan, const Norm *n)
{
    Shape s = plan->tensors[n->tensor].shape;
    return (double)plan->input.n * s.h * s.w;
}

static void batch_moments(Plan *plan, Norm *n)
{
    const float *stat = tensor_stat(plan, n->tensor) + n->off;
    double m = count_of(plan, n);
    kernel_finish(stat, plan->input.n, 2, n->c, tensor_stat_ld(plan, n->tensor), n->s1);
    for (int c = 0; c < n->c; c++) {
        double mean = n->s1[c] / m, var = n->s1[n->c + c] / m - mean * mean;
        var = var < 0 ? 0 : var;
        n->mean[c] = mean;
        n->rstd[c] = 1 / sqrt(var + (double)n->eps);
        n->s2[c] = var;
    }
}

// torch: running = (1 - momentum) * running + momentum * batch, with the unbiased variance.
static void update_running(Plan *plan, const Norm *n)
{
    double m = count_of(plan, n);
    float *mean = plan->buffer + n->buffer, *var = mean + n->c;
    double f = plan->bn_estimate ? 1.0 / plan->bn_count : (double)n->momentum;
    for (int c = 0; c < n->c; c++) {
        double unbiased = m > 1 ? n->s2[c] * m / (m - 1) : n->s2[c];
        mean[c] = (float)((1 - f) * mean[c] + f * n->mean[c]);
        var[c] = (float)((1 - f) * var[c] + f * unbiased);
    }
}

static double gamma_of(const Plan *plan, const Norm *n, int c)
{
    return n->gamma == NO_PARAM ? 1 : plan->param[n->gamma + (size_t)c];
}

void norm_forward(Plan *plan, Norm *n)
{
    if (plan->input.mode == PASS_EVAL) {
        const float *mean = plan->buffer + n->buffer, *var = mean + n->c;
        for (int c = 0; c < n->c; c++) {
            n->mean[c] = mean[c];
            n->rstd[c] = 1 / sqrt((double)var[c] + (double)n->eps);
        }
    } else {
        batch_moments(plan, n);
        if (plan->input.mode == PASS_TRAIN)
            update_running(plan, n);
    }
    for (int c = 0; c < n->c; c++) {
        double a = gamma_of(plan, n, c) * n->rstd[c];
        double beta = n->beta == NO_PARAM ? 0 : plan->param[n->beta + (size_t)c];
        n->a[c] = (float)a;
        n->b[c] = (float)(beta - n->mean[c] * a);
    }
}

// ---- backward -----------------------------------------------------------------------------------

// Sums of g and of g * y over the batch from what is already known; false if a pass is needed.
static bool known_sums(Plan *plan, Norm *n, const Grad *g)
{
    if (g->buffer) {
        if (g->stat_valid) // s1 and s2 lie one after the other
            kernel_finish(plan->data + g->stat, plan->input.n, 2, n->c, n->c, n->s1);
        return g->stat_valid;
    }
    for (int i = 0; i < g->n_terms; i++)
        if (!g->term[i].gy)
            return false;
    for (int c = 0; c < n->c; c++) {
        n->s1[c] = n->s2[c] = 0;
        for (int i = 0; i < g->n_terms; i++) {
            n->s1[c] += (double)g->term[i].sum_w * g->term[i].g1[c];
            n->s2[c] += (double)g->term[i].sum_w * g->term[i].gy[c];
        }
    }
    return true;
}

static void reduce_sums(Plan *plan, Norm *n, const Grad *g)
{
    KernelStream y = { tensor_data(plan, n->tensor) + n->off, tensor_ld(plan, n->tensor), NULL };
    KernelMix m = { .n = plan->input.n,
                    .hw = g->shape.h * g->shape.w,
                    .c = n->c,
                    .stream = &y,
                    .n_streams = 1,
                    .sums = plan->sums,
                    .work = &plan->work };
    plan->term_used = 0;
    m.term = grad_terms(plan, g, 0, &m.n_terms);
    plan->kernels->mix_reduce(&m);
    kernel_finish(plan->sums, plan->input.n, 2, n->c, n->c, n->s1);
    for (int c = 0; c < n->c; c++) {
        double gy = n->s1[c];
        n->s1[c] = n->s2[c];
        n->s2[c] = gy;
    }
}

// dy = A*g + B*y + K with xhat = (y - mean) * rstd, gx = sum of g * xhat, M values a channel:
// dy = gamma * rstd * (g - s1/M - xhat * gx/M).
static void set_coefficients(Plan *plan, Norm *n)
{
    double m = count_of(plan, n);
    bool eval = plan->input.mode == PASS_EVAL;
    for (int c = 0; c < n->c; c++) {
        double a = gamma_of(plan, n, c) * n->rstd[c];
        double gx = n->rstd[c] * (n->s2[c] - n->mean[c] * n->s1[c]);
        n->A[c] = (float)a;
        n->B[c] = eval ? 0 : (float)(-a * n->rstd[c] * gx / m);
        n->K[c] = eval ? 0 : (float)(a * (-n->s1[c] / m + n->mean[c] * n->rstd[c] * gx / m));
        if (n->gamma != NO_PARAM && (plan->what & GRAD_WEIGHTS)) {
            plan->grad[n->gamma + (size_t)c] = (float)gx;
            plan->grad[n->beta + (size_t)c] = (float)n->s1[c];
        }
    }
}

// Writes dy into the tensor's own gradient when the tensor has other readers too.
static void write_gradient(Plan *plan, Norm *n, const Grad *g)
{
    int count;
    Source source = { .tensor = n->tensor, .off = n->off, .c = n->c, .norm = NONE };
    plan->term_used = 0;
    KernelDst dst = grad_dst(plan, &source);
    KernelTerm *t = grad_terms(plan, g, 0, &count);
    int streams = 0;
    for (int i = 0; i < count; i++) {
        float *vec = plan->term_vec + (size_t)i * n->c;
        for (int c = 0; c < n->c; c++)
            vec[c] = t[i].w * n->A[c];
        plan->stream_args[streams++] = (KernelStream){ t[i].g, t[i].ld, vec };
    }
    plan->stream_args[streams++] =
        (KernelStream){ tensor_data(plan, n->tensor) + n->off, tensor_ld(plan, n->tensor), n->B };
    KernelMix m = { .n = plan->input.n,
                    .hw = g->shape.h * g->shape.w,
                    .c = n->c,
                    .stream = plan->stream_args,
                    .n_streams = streams,
                    .b = n->K,
                    .out = dst.dx,
                    .out_ld = dst.ld,
                    .add = dst.add,
                    .work = &plan->work };
    plan->kernels->mix_fwd(&m);
    for (int i = 0; i < dst.n_plus; i++)
        grad_push(plan, &source,
                  (Term){ .g = dst.plus[i].g, .ld = dst.plus[i].ld, .w = dst.plus[i].w });
}

void norm_backward(Plan *plan, int index)
{
    Norm *n = &plan->norms[index];
    Grad *g = &plan->grads[n->grad];
    n->has_grad = grad_settle(plan, g);
    if (!n->has_grad)
        return;
    bool sums = plan->input.mode != PASS_EVAL || n->gamma != NO_PARAM;
    if (sums && !known_sums(plan, n, g))
        reduce_sums(plan, n, g);
    if (!sums)
        for (int c = 0; c < n->c; c++)
            n->s1[c] = n->s2[c] = 0;
    set_coefficients(plan, n);
    Source source = { .tensor = n->tensor, .norm = NONE };
    bool direct = plan->tensors[tensor_root(plan, n->tensor)].norm == index;
    if (!direct && source_wanted(plan, &source, plan->what))
        write_gradient(plan, n, g);
}
