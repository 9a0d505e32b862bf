// SPDX-License-Identifier: MIT
#include "src/engine/ir.h"

#include <string.h>

// Runs one op backward. Who reads a gradient sums its terms; who makes one stores or adds.

static float *weight_grad(const Plan *plan, size_t w)
{
    return w == NO_PARAM || !(plan->what & GRAD_WEIGHTS) ? NULL : plan->grad + w;
}

static KernelDst wanted_dst(Plan *plan, const Source *s)
{
    return source_wanted(plan, s, plan->what) ? grad_dst(plan, s) : (KernelDst){ .dx = NULL };
}

static void back_units(Plan *plan, const Op *op)
{
    KernelUnits u = units_args(plan, op);
    for (int i = 0; i < op->n_units; i++) {
        const Unit *unit = &plan->units[op->unit[i]];
        KernelUnit *args = &plan->unit_args[u.n_units];
        if (!unit_args(plan, op, i, args))
            continue;
        args->grad = grad_of_tensor(plan, unit->out);
        if (args->grad.n == 0)
            continue;
        args->g_dw = weight_grad(plan, unit->dw);
        args->g_pw = weight_grad(plan, unit->pw);
        u.n_units++;
    }
    if (u.n_units == 0)
        return;
    u.dst = wanted_dst(plan, &plan->sources[op->src]);
    if (op->kind == OP_UNITS)
        plan->kernels->unit_bwd(&u);
    else
        plan->kernels->dw_bwd(&u);
}

static void back_conv(Plan *plan, const Op *op)
{
    KernelConv v = { .shape = call_shape(plan, op),
                     .src = plan->src_args,
                     .n_src = op->n_src,
                     .w = plan->param + op->w,
                     .w_t = op->w_t == NO_PARAM ? NULL : plan->trans_data + op->w_t,
                     .bias = op->bias == NO_PARAM ? NULL : plan->param + op->bias,
                     .y = tensor_data(plan, op->out),
                     .y_ld = tensor_ld(plan, op->out),
                     .grad = grad_of_tensor(plan, op->out),
                     .g_w = weight_grad(plan, op->w),
                     .g_bias = weight_grad(plan, op->bias),
                     .dst = plan->dst_args,
                     .work = &plan->work };
    if (v.grad.n == 0)
        return;
    for (int i = 0; i < op->n_src; i++) {
        plan->src_args[i] = source_args(plan, &plan->sources[op->src + i]);
        plan->dst_args[i] = wanted_dst(plan, &plan->sources[op->src + i]);
    }
    plan->kernels->conv_bwd(&v);
}

static void back_pool(Plan *plan, const Op *op)
{
    KernelPool p = { .shape = call_shape(plan, op),
                     .src = source_args(plan, &plan->sources[op->src]),
                     .count_pad = op->count_pad,
                     .work = &plan->work };
    if (op->out != NONE && plan->tensors[op->out].live) {
        p.max_grad = grad_of_tensor(plan, op->out);
        p.max = p.max_grad.n > 0 ? tensor_data(plan, op->out) : NULL;
    }
    if (op->out2 != NONE && plan->tensors[op->out2].live) {
        p.avg_grad = grad_of_tensor(plan, op->out2);
        p.avg = p.avg_grad.n > 0 ? tensor_data(plan, op->out2) : NULL;
    }
    if (!p.max && !p.avg)
        return;
    p.dst = wanted_dst(plan, &plan->sources[op->src]);
    if (p.dst.dx)
        plan->kernels->pool_bwd(&p);
}

// ---- mixes --------------------------------------------------------------------------------------

// dL/dw = sum over channels of g * (gamma * (y - mean) * rstd + beta)
static double stream_gradient(const Plan *plan, const Op *op, const Source *s, const double *gy)
{
    const double *g1 = op->gy + (size_t)op->n_src * op->shape.c;
    const Norm *n = s->norm == NONE ? NULL : &plan->norms[s->norm];
    double sum = 0;
    for (int c = 0; c < op->shape.c; c++) {
        if (!n) {
            sum += gy[c];
            continue;
        }
        int q = c + s->off - n->off;
        double gamma = n->gamma == NO_PARAM ? 1 : plan->param[n->gamma + (size_t)q];
        double beta = n->beta == NO_PARAM ? 0 : plan->param[n->beta + (size_t)q];
        sum += gamma * n->rstd[q] * (gy[c] - n->mean[q] * g1[c]) + beta * g1[c];
    }
    return sum;
}

static bool wants_alpha(const Plan *plan, const Op *op, int k)
{
    return (plan->what & GRAD_MIX) && plan->refs[op->refs + k].table >= 0;
}

static bool mixes_by_table(const Plan *plan, const Op *op)
{
    for (int k = 0; k < op->n_src; k++)
        if (wants_alpha(plan, op, k))
            return true;
    return false;
}

// One pass over all streams: sums of g and g * y, which serve the batch norms and the alphas.
static void reduce_streams(Plan *plan, Op *op, const KernelTerm *term)
{
    KernelMix m = { .n = plan->input.n,
                    .hw = op->shape.h * op->shape.w,
                    .c = op->shape.c,
                    .stream = plan->stream_args,
                    .term = term,
                    .n_terms = 1,
                    .sums = plan->sums,
                    .work = &plan->work };
    for (int k = 0; k < op->n_src; k++) {
        const Source *s = &plan->sources[op->src + k];
        bool norm = s->norm != NONE && source_wanted(plan, s, plan->what);
        op->sum_row[k] = NONE;
        if (!live_stream(plan, op, k) || !(norm || wants_alpha(plan, op, k)))
            continue;
        op->sum_row[k] = m.n_streams;
        plan->stream_args[m.n_streams++] = (KernelStream){ tensor_data(plan, s->tensor) + s->off,
                                                           tensor_ld(plan, s->tensor), NULL };
    }
    if (m.n_streams == 0 && !mixes_by_table(plan, op))
        return;
    plan->kernels->mix_reduce(&m);
    // Rows of the streams first, the sum of g last: at n_src, so that its place is fixed.
    kernel_finish(plan->sums, plan->input.n, m.n_streams + 1, m.c, m.c, op->gy);
    if (m.n_streams < op->n_src)
        memmove(op->gy + (size_t)op->n_src * m.c, op->gy + (size_t)m.n_streams * m.c,
                (size_t)m.c * sizeof *op->gy);
}

// A map of ones in the place of an operator would get the sum of g: once for every row of a table
// that is mixed here, whatever of the row runs.
static void add_rest(const Plan *plan, const Op *op)
{
    const double *g1 = op->gy + (size_t)op->n_src * op->shape.c;
    const MixRef *ref = &plan->refs[op->refs];
    double sum = 0;
    for (int c = 0; c < op->shape.c; c++)
        sum += g1[c];
    for (int k = 0; k < op->n_src; k++) {
        bool again = ref[k].table < 0;
        for (int i = 0; i < k && !again; i++)
            again = ref[i].table == ref[k].table && ref[i].row == ref[k].row;
        if (!again)
            plan->tables[ref[k].table].rest[ref[k].row] += sum;
    }
}

// A part of a tensor cannot take a term for the whole: add into its range.
static void add_part(Plan *plan, const Op *op, int k, KernelTerm term)
{
    const Source *s = &plan->sources[op->src + k];
    KernelDst dst = grad_dst(plan, s);
    for (int c = 0; c < s->c; c++)
        plan->term_vec[c] = term.w;
    KernelStream st = { term.g, term.ld, plan->term_vec };
    KernelMix m = { .n = plan->input.n,
                    .hw = op->shape.h * op->shape.w,
                    .c = s->c,
                    .stream = &st,
                    .n_streams = 1,
                    .out = dst.dx,
                    .out_ld = dst.ld,
                    .add = dst.add,
                    .work = &plan->work };
    plan->kernels->mix_fwd(&m);
}

static void back_mix(Plan *plan, Op *op)
{
    KernelGrad grad = grad_of_tensor(plan, op->out);
    if (grad.n == 0)
        return;
    reduce_streams(plan, op, grad.term);
    if (mixes_by_table(plan, op))
        add_rest(plan, op);
    for (int k = 0; k < op->n_src; k++) {
        const Source *s = &plan->sources[op->src + k];
        if (!live_stream(plan, op, k))
            continue;
        const double *gy =
            op->sum_row[k] == NONE ? NULL : op->gy + (size_t)op->sum_row[k] * op->shape.c;
        if (wants_alpha(plan, op, k)) {
            MixRef r = plan->refs[op->refs + k];
            Table *t = &plan->tables[r.table];
            t->grad[r.row * t->cols + r.col] += stream_gradient(plan, op, s, gy);
        }
        if (!source_wanted(plan, s, plan->what))
            continue;
        KernelTerm one = grad.term[0];
        float w = mix_weight(plan, op, k);
        one.w *= w;
        if (source_full(plan, s))
            grad_push(plan, s,
                      (Term){ .g = one.g,
                              .ld = one.ld,
                              .w = one.w,
                              .sum_w = w,
                              .g1 = op->gy + (size_t)op->n_src * op->shape.c,
                              .gy = gy });
        else
            add_part(plan, op, k, one);
    }
}

// ---- copies, activations and the rest -----------------------------------------------------------

static void back_copy(Plan *plan, const Op *op)
{
    KernelGrad grad = grad_of_tensor(plan, op->out);
    int off = 0;
    for (int i = 0; i < op->n_src && grad.n > 0; off += plan->sources[op->src + i++].c) {
        const Source *s = &plan->sources[op->src + i];
        bool relu = s->pre == PRE_RELU || s->pre == PRE_AFFINE_RELU;
        if (!source_wanted(plan, s, plan->what))
            continue;
        KernelTerm part = { grad.term[0].g + off, grad.term[0].ld, grad.term[0].w };
        if (!relu && source_full(plan, s)) {
            grad_push(plan, s, (Term){ .g = part.g, .ld = part.ld, .w = part.w });
        } else if (!relu) {
            add_part(plan, op, i, part);
        } else {
            KernelActArgs a = { .n = plan->input.n,
                                .hw = op->shape.h * op->shape.w,
                                .c = s->c,
                                .act = ACT_RELU,
                                .src = source_args(plan, s),
                                .grad = { .term = &part, .n = 1 },
                                .work = &plan->work };
            a.src.pre = s->pre == PRE_RELU ? PRE_NONE : PRE_AFFINE;
            a.dst = grad_dst(plan, s);
            plan->kernels->act_bwd(&a);
        }
    }
}

static void back_act(Plan *plan, const Op *op)
{
    const Source *s = &plan->sources[op->src];
    KernelActArgs a = { .n = plan->input.n,
                        .hw = op->shape.h * op->shape.w,
                        .c = op->shape.c,
                        .act = op->act,
                        .src = source_args(plan, s),
                        .grad = grad_of_tensor(plan, op->out),
                        .work = &plan->work };
    if (a.grad.n == 0 || !source_wanted(plan, s, plan->what))
        return;
    a.dst = grad_dst(plan, s);
    plan->kernels->act_bwd(&a);
}

static void offset_grad(KernelGrad *grad, KernelTerm *copy, int off)
{
    for (int i = 0; i < grad->n; i++) {
        copy[i] = grad->term[i];
        copy[i].g += off;
    }
    grad->term = copy;
    grad->y = grad->y ? grad->y + off : NULL;
    grad->A = grad->A ? grad->A + off : NULL;
    grad->B = grad->B ? grad->B + off : NULL;
    grad->K = grad->K ? grad->K + off : NULL;
}

static void back_generic(Plan *plan, const Op *op)
{
    if (op->generic == GEN_SUBSAMPLE ||
        (op->generic == GEN_NOISE && plan->nodes[op->node].attr.replace))
        return; // nothing of the input is in the output
    int parts = op->generic == GEN_GLOBAL_POOL ? op->n_src : 1, off = 0;
    KernelGrad grad = grad_of_tensor(plan, op->out);
    for (int i = 0; i < parts && grad.n > 0; i++) {
        const Source *s = &plan->sources[op->src + i];
        KernelGenericArgs a = generic_args(plan, op, i);
        KernelTerm shifted[MAX_TERMS];
        a.grad = grad;
        if (off > 0)
            offset_grad(&a.grad, shifted, off);
        off += s->c;
        a.g_w = weight_grad(plan, op->w);
        a.g_bias = weight_grad(plan, op->bias);
        a.g_w2 = weight_grad(plan, op->w2);
        a.g_bias2 = weight_grad(plan, op->bias2);
        a.dst = wanted_dst(plan, s);
        if (op->generic == GEN_SCALE)
            a.dst2 = wanted_dst(plan, s + 1);
        plan->kernels->generic_bwd(&a);
    }
}

static void back_reshape(Plan *plan, const Op *op)
{
    const Source *s = &plan->sources[op->src];
    Grad *g = &plan->grads[plan->tensors[op->out].grad];
    if (!source_wanted(plan, s, plan->what) || !grad_settle(plan, g))
        return;
    grad_push(plan, s, (Term){ .g = plan->data + g->data, .ld = s->c, .w = 1 });
}

// d_logits = weight / n * (softmax - target)
static void back_loss(Plan *plan, const Op *op)
{
    const Source *s = &plan->sources[op->src];
    const LayerAttr *attr = &plan->nodes[op->node].attr;
    if (!source_wanted(plan, s, plan->what))
        return;
    double weight = attr->weight == 0 ? 1 : (double)attr->weight;
    KernelLoss l = { .n = plan->input.n,
                     .c = s->c,
                     .logits = tensor_data(plan, s->tensor),
                     .label = plan->input.labels,
                     .smoothing = attr->smoothing,
                     .target = plan->input.targets,
                     .scale = weight / plan->input.n,
                     .d_logits = plan->sums,
                     .work = &plan->work };
    plan->kernels->loss(&l);
    KernelDst dst = grad_dst(plan, s);
    KernelStream st = { plan->sums, s->c, NULL };
    KernelMix m = { .n = plan->input.n,
                    .hw = 1,
                    .c = s->c,
                    .stream = &st,
                    .n_streams = 1,
                    .out = dst.dx,
                    .out_ld = dst.ld,
                    .add = dst.add,
                    .work = &plan->work };
    plan->kernels->mix_fwd(&m);
    for (int i = 0; i < dst.n_plus; i++)
        grad_push(plan, s, (Term){ .g = dst.plus[i].g, .ld = dst.plus[i].ld, .w = dst.plus[i].w });
}

void backward_op(Plan *plan, Op *op)
{
    plan->term_used = 0;
    switch (op->kind) {
    case OP_UNITS:
    case OP_DW: back_units(plan, op); break;
    case OP_CONV: back_conv(plan, op); break;
    case OP_POOL: back_pool(plan, op); break;
    case OP_MIX: back_mix(plan, op); break;
    case OP_COPY: back_copy(plan, op); break;
    case OP_ACT: back_act(plan, op); break;
    case OP_GENERIC: back_generic(plan, op); break;
    case OP_NORM: norm_backward(plan, op->norm); break;
    case OP_RESHAPE: back_reshape(plan, op); break;
    case OP_LOSS: back_loss(plan, op); break;
    case OP_STAT: break;
    }
}
