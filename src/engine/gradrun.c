// SPDX-License-Identifier: MIT
#include "src/engine/ir.h"

#include <string.h>

// Gradients while the backward pass runs, see Grad in ir.h.

static float *memory(const Plan *plan, const Grad *g)
{
    return plan->data + g->data;
}

static size_t pixels(const Plan *plan, const Grad *g)
{
    return (size_t)plan->input.n * g->shape.h * g->shape.w;
}

// Adds the pending terms into the gradient's memory.
static void merge_terms(Plan *plan, Grad *g)
{
    int c = g->shape.c;
    KernelStream streams[MAX_TERMS];
    for (int i = 0; i < g->n_terms; i++) {
        float *vec = plan->term_vec + (size_t)i * c;
        for (int q = 0; q < c; q++)
            vec[q] = g->term[i].w;
        streams[i] = (KernelStream){ g->term[i].g, g->term[i].ld, g->term[i].w == 1 ? NULL : vec };
    }
    KernelMix m = { .n = plan->input.n,
                    .hw = g->shape.h * g->shape.w,
                    .c = c,
                    .stream = streams,
                    .n_streams = g->n_terms,
                    .out = memory(plan, g),
                    .out_ld = c,
                    .add = g->filled,
                    .work = &plan->work };
    plan->kernels->mix_fwd(&m);
    g->n_terms = 0;
    g->filled = true;
    g->stat_valid = false;
}

bool grad_settle(Plan *plan, Grad *g)
{
    if (!g->buffer)
        return g->n_terms > 0;
    if (g->n_terms > 0)
        merge_terms(plan, g);
    return g->filled;
}

static KernelTerm *take_terms(Plan *plan, int n)
{
    KernelTerm *t = plan->term_args + plan->term_used;
    plan->term_used += n;
    return t;
}

KernelTerm *grad_terms(Plan *plan, const Grad *g, int off, int *n)
{
    if (g->buffer) {
        *n = g->filled ? 1 : 0;
        KernelTerm *t = take_terms(plan, 1);
        *t = (KernelTerm){ memory(plan, g) + off, g->shape.c, 1 };
        return t;
    }
    *n = g->n_terms;
    KernelTerm *t = take_terms(plan, g->n_terms);
    for (int i = 0; i < g->n_terms; i++)
        t[i] = (KernelTerm){ g->term[i].g + off, g->term[i].ld, g->term[i].w };
    return t;
}

void grad_push(Plan *plan, const Source *source, Term term)
{
    Grad *g = &plan->grads[source_grad(plan, source)];
    if (g->n_terms == MAX_TERMS)
        merge_terms(plan, g);
    g->term[g->n_terms++] = term;
}

static KernelDst part_dst(Plan *plan, Grad *g, int off)
{
    grad_settle(plan, g);
    if (!g->filled)
        memset(memory(plan, g), 0, pixels(plan, g) * (size_t)g->shape.c * sizeof(float));
    g->filled = true;
    g->stat_valid = false;
    return (KernelDst){ .dx = memory(plan, g) + off, .ld = g->shape.c, .add = true };
}

KernelDst grad_dst(Plan *plan, const Source *source)
{
    Grad *g = &plan->grads[source_grad(plan, source)];
    g->remaining--;
    if (!source_full(plan, source))
        return part_dst(plan, g, source->off - g->off);
    KernelDst dst = {
        .dx = memory(plan, g), .ld = g->shape.c, .add = g->filled, .n_plus = g->n_terms
    };
    KernelTerm *plus = take_terms(plan, g->n_terms);
    for (int i = 0; i < g->n_terms; i++)
        plus[i] = (KernelTerm){ g->term[i].g, g->term[i].ld, g->term[i].w };
    dst.plus = plus;
    g->n_terms = 0;
    g->filled = true;
    g->stat_valid = g->stat_wanted && g->remaining == 0;
    if (g->stat_valid) {
        dst.stat = plan->data + g->stat;
        dst.stat_ld = g->shape.c;
    }
    return dst;
}

KernelGrad grad_of_tensor(Plan *plan, int tensor)
{
    const Tensor *t = &plan->tensors[tensor_root(plan, tensor)];
    int off = tensor_offset(plan, tensor);
    KernelGrad out = { 0 };
    if (t->norm == NONE) {
        Grad *g = &plan->grads[t->grad];
        grad_settle(plan, g);
        out.term = grad_terms(plan, g, off, &out.n);
        return out;
    }
    const Norm *n = &plan->norms[t->norm];
    if (!n->live || !n->has_grad)
        return out;
    out.term = grad_terms(plan, &plan->grads[n->grad], off, &out.n);
    out.A = n->A + off;
    if (plan->input.mode != PASS_EVAL) {
        out.B = n->B + off;
        out.K = n->K + off;
        out.y = tensor_data(plan, tensor);
        out.y_ld = tensor_ld(plan, tensor);
    }
    return out;
}
