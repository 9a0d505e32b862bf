// SPDX-License-Identifier: MIT
#include "src/engine/ir.h"

#include <math.h>
#include <string.h>

// Runs one op forward.

// ---- reading tensors ----------------------------------------------------------------------------

int tensor_offset(const Plan *plan, int tensor)
{
    int off = 0;
    for (; plan->tensors[tensor].parent != NONE; tensor = plan->tensors[tensor].parent)
        off += plan->tensors[tensor].off;
    return off;
}

float *tensor_data(const Plan *plan, int tensor)
{
    int off = tensor_offset(plan, tensor), root = tensor_root(plan, tensor);
    while (plan->tensors[root].reshaped != NONE)
        root = tensor_root(plan, plan->tensors[root].reshaped);
    return plan->data + plan->tensors[root].data + off;
}

int tensor_ld(const Plan *plan, int tensor)
{
    return plan->tensors[tensor_root(plan, tensor)].shape.c;
}

float *tensor_stat(const Plan *plan, int tensor)
{
    const Tensor *root = &plan->tensors[tensor_root(plan, tensor)];
    return root->want_stat ? plan->data + root->stat + tensor_offset(plan, tensor) : NULL;
}

int tensor_stat_ld(const Plan *plan, int tensor)
{
    return tensor_ld(plan, tensor);
}

KernelSrc source_args(const Plan *plan, const Source *s)
{
    KernelSrc src = { .x = tensor_data(plan, s->tensor) + s->off,
                      .c = s->c,
                      .ld = tensor_ld(plan, s->tensor),
                      .pre = s->pre };
    if (s->norm != NONE) {
        const Norm *n = &plan->norms[s->norm];
        src.a = n->a + (s->off - n->off);
        src.b = n->b + (s->off - n->off);
    }
    return src;
}

KernelShape call_shape(const Plan *plan, const Op *op)
{
    KernelShape s = op->shape;
    s.n = plan->input.n;
    return s;
}

KernelUnits units_args(const Plan *plan, const Op *op)
{
    return (KernelUnits){ .shape = call_shape(plan, op),
                          .src = source_args(plan, &plan->sources[op->src]),
                          .unit = plan->unit_args,
                          .work = &plan->work };
}

bool unit_args(const Plan *plan, const Op *op, int i, KernelUnit *args)
{
    const Unit *unit = &plan->units[op->unit[i]];
    bool pw = unit->pw != NO_PARAM;
    *args = (KernelUnit){ .k = unit->k,
                          .dil = unit->dil,
                          .pad_y = unit->pad_y,
                          .pad_x = unit->pad_x,
                          .dw = plan->param + unit->dw,
                          .pw = pw ? plan->param + unit->pw : NULL,
                          .pw_t = pw ? plan->trans_data + unit->pw_t : NULL,
                          .y = tensor_data(plan, unit->out),
                          .y_ld = tensor_ld(plan, unit->out) };
    return plan->tensors[tensor_root(plan, unit->out)].live;
}

static float *pass_stat(const Plan *plan, int tensor)
{
    return plan->input.mode == PASS_EVAL ? NULL : tensor_stat(plan, tensor);
}

// ---- ops ----------------------------------------------------------------------------------------

static void run_units(Plan *plan, const Op *op)
{
    KernelUnits u = units_args(plan, op);
    for (int i = 0; i < op->n_units; i++) {
        const int out = plan->units[op->unit[i]].out;
        KernelUnit *args = &plan->unit_args[u.n_units];
        if (!unit_args(plan, op, i, args))
            continue;
        args->stat = pass_stat(plan, out);
        args->stat_ld = tensor_stat_ld(plan, out);
        u.n_units++;
    }
    if (op->kind == OP_UNITS)
        plan->kernels->unit_fwd(&u);
    else
        plan->kernels->dw_fwd(&u);
}

static void run_conv(Plan *plan, const Op *op)
{
    for (int i = 0; i < op->n_src; i++)
        plan->src_args[i] = source_args(plan, &plan->sources[op->src + i]);
    KernelConv v = { .shape = call_shape(plan, op),
                     .src = plan->src_args,
                     .n_src = op->n_src,
                     .w = plan->param + op->w,
                     .w_t = op->w_t == NO_PARAM ? NULL : plan->trans_data + op->w_t,
                     .bias = op->bias == NO_PARAM ? NULL : plan->param + op->bias,
                     .y = tensor_data(plan, op->out),
                     .y_ld = tensor_ld(plan, op->out),
                     .stat = pass_stat(plan, op->out),
                     .stat_ld = tensor_stat_ld(plan, op->out),
                     .work = &plan->work };
    plan->kernels->conv_fwd(&v);
}

static void run_pool(Plan *plan, const Op *op)
{
    KernelPool p = { .shape = call_shape(plan, op),
                     .src = source_args(plan, &plan->sources[op->src]),
                     .count_pad = op->count_pad,
                     .work = &plan->work };
    if (op->out != NONE && plan->tensors[op->out].live) {
        p.max = tensor_data(plan, op->out);
        p.max_stat = pass_stat(plan, op->out);
    }
    if (op->out2 != NONE && plan->tensors[op->out2].live) {
        p.avg = tensor_data(plan, op->out2);
        p.avg_stat = pass_stat(plan, op->out2);
    }
    plan->kernels->pool_fwd(&p);
}

// a_k = w_k * gamma * rstd and b = sum_k w_k * (beta - mean * gamma * rstd), made in double.
static void mix_vectors(Plan *plan, Op *op, int k, double *shift)
{
    const Source *s = &plan->sources[op->src + k];
    const Norm *n = s->norm == NONE ? NULL : &plan->norms[s->norm];
    double w = mix_weight(plan, op, k);
    float *a = op->avec + (size_t)k * op->shape.c;
    for (int c = 0; c < op->shape.c; c++) {
        if (!n) {
            a[c] = (float)w;
            continue;
        }
        int q = c + s->off - n->off;
        double gamma = n->gamma == NO_PARAM ? 1 : plan->param[n->gamma + (size_t)q];
        double beta = n->beta == NO_PARAM ? 0 : plan->param[n->beta + (size_t)q];
        double scale = gamma * n->rstd[q];
        a[c] = (float)(w * scale);
        shift[c] += w * (beta - n->mean[q] * scale);
    }
}

static void run_mix(Plan *plan, Op *op)
{
    KernelMix m = { .n = plan->input.n,
                    .hw = op->shape.h * op->shape.w,
                    .c = op->shape.c,
                    .stream = plan->stream_args,
                    .b = op->bvec,
                    .out = tensor_data(plan, op->out),
                    .out_ld = tensor_ld(plan, op->out),
                    .work = &plan->work };
    double *shift = op->gy; // free in forward
    bool shifted = false;
    memset(shift, 0, (size_t)op->shape.c * sizeof *shift);
    for (int k = 0; k < op->n_src; k++) {
        if (!live_stream(plan, op, k))
            continue;
        const Source *s = &plan->sources[op->src + k];
        bool plain = s->norm == NONE && mix_weight(plan, op, k) == 1;
        shifted = shifted || s->norm != NONE;
        if (!plain)
            mix_vectors(plan, op, k, shift);
        plan->stream_args[m.n_streams++] =
            (KernelStream){ tensor_data(plan, s->tensor) + s->off, tensor_ld(plan, s->tensor),
                            plain ? NULL : op->avec + (size_t)k * op->shape.c };
    }
    for (int c = 0; c < op->shape.c; c++)
        op->bvec[c] = (float)shift[c];
    if (!shifted)
        m.b = NULL;
    plan->kernels->mix_fwd(&m);
}

static void run_copy(Plan *plan, const Op *op)
{
    float *out = tensor_data(plan, op->out);
    for (int i = 0; i < op->n_src; i++) {
        const Source *s = &plan->sources[op->src + i];
        KernelSrc src = source_args(plan, s);
        KernelStream st = { src.x, src.ld, src.pre >= PRE_AFFINE ? src.a : NULL };
        KernelMix m = { .n = plan->input.n,
                        .hw = op->shape.h * op->shape.w,
                        .c = s->c,
                        .stream = &st,
                        .n_streams = 1,
                        .b = src.pre >= PRE_AFFINE ? src.b : NULL,
                        .out = out,
                        .out_ld = tensor_ld(plan, op->out),
                        .relu = src.pre == PRE_RELU || src.pre == PRE_AFFINE_RELU,
                        .work = &plan->work };
        plan->kernels->mix_fwd(&m);
        out += s->c;
    }
}

static void run_act(Plan *plan, const Op *op)
{
    KernelActArgs a = { .n = plan->input.n,
                        .hw = op->shape.h * op->shape.w,
                        .c = op->shape.c,
                        .act = op->act,
                        .src = source_args(plan, &plan->sources[op->src]),
                        .y = tensor_data(plan, op->out),
                        .y_ld = tensor_ld(plan, op->out),
                        .work = &plan->work };
    plan->kernels->act_fwd(&a);
}

// Per-image sums of x*x and of x into plan->sums.
static void sum_squares(Plan *plan, const Source *s, int hw)
{
    KernelSrc src = source_args(plan, s);
    KernelTerm term = { src.x, src.ld, 1 };
    KernelStream st = { src.x, src.ld, NULL };
    KernelMix m = { .n = plan->input.n,
                    .hw = hw,
                    .c = s->c,
                    .stream = &st,
                    .n_streams = 1,
                    .term = &term,
                    .n_terms = 1,
                    .sums = plan->sums,
                    .work = &plan->work };
    plan->kernels->mix_reduce(&m);
}

static void run_stat(Plan *plan, const Op *op)
{
    const Source *s = &plan->sources[op->src];
    float *stat = tensor_stat(plan, s->tensor);
    size_t c = (size_t)s->c;
    sum_squares(plan, s, op->shape.h * op->shape.w);
    for (size_t i = 0; i < (size_t)plan->input.n; i++) { // the other order of rows
        memcpy(stat + 2 * i * c, plan->sums + (2 * i + 1) * c, c * sizeof *stat);
        memcpy(stat + (2 * i + 1) * c, plan->sums + 2 * i * c, c * sizeof *stat);
    }
}

// Standard deviation of all values of the batch, unbiased, as torch's Tensor.std.
static double batch_std(Plan *plan, const Op *op)
{
    const Source *s = &plan->sources[op->src];
    double sum = 0, square = 0, m = (double)plan->input.n * op->shape.h * op->shape.w * s->c;
    sum_squares(plan, s, op->shape.h * op->shape.w);
    for (int i = 0; i < plan->input.n; i++)
        for (int c = 0; c < s->c; c++) {
            square += plan->sums[(size_t)(2 * i) * s->c + c];
            sum += plan->sums[(size_t)(2 * i + 1) * s->c + c];
        }
    double var = m > 1 ? (square - sum * sum / m) / (m - 1) : 0;
    return var > 0 ? sqrt(var) : 0;
}

static float pass_rate(Plan *plan, const Op *op)
{
    const LayerAttr *attr = &plan->nodes[op->node].attr;
    const PassInput *in = &plan->input;
    bool eval = in->mode == PASS_EVAL;
    switch (op->generic) {
    case GEN_DROPOUT: return eval ? 0 : attr->rate > 0 ? attr->rate : in->mix_dropout;
    case GEN_DROP_PATH: return eval ? 0 : in->drop_path >= 0 ? in->drop_path : attr->rate;
    case GEN_NOISE:
        if (attr->replace)
            return attr->rate < 0 ? -attr->rate : attr->rate;
        if (eval)
            return 0;
        return attr->rate >= 0 ? attr->rate : (float)(-attr->rate * batch_std(plan, op));
    default: return 0;
    }
}

// `part`: which source, for global pools of a concatenation.
KernelGenericArgs generic_args(const Plan *plan, const Op *op, int part)
{
    const LayerAttr *attr = &plan->nodes[op->node].attr;
    const Source *s = &plan->sources[op->src + part];
    KernelGenericArgs a = { .kind = op->generic,
                            .shape = call_shape(plan, op),
                            .src = source_args(plan, s),
                            .y = tensor_data(plan, op->out),
                            .y_ld = tensor_ld(plan, op->out),
                            .rate = op->rate,
                            .eps = attr->eps > 0 ? attr->eps : 1e-5f,
                            .replace = attr->replace != 0,
                            .heads = attr->heads ? attr->heads : 1,
                            .seed = plan->input.seed,
                            .step = plan->input.step,
                            .salt = (uint64_t)op->node + 1,
                            .work = &plan->work };
    if (op->generic == GEN_GLOBAL_POOL) {
        a.shape.c = a.shape.oc = s->c;
        for (int i = 0; i < part; i++)
            a.y += plan->sources[op->src + i].c;
    }
    if (op->generic == GEN_SCALE) {
        const Source *f = &plan->sources[op->src + 1];
        a.src2 = tensor_data(plan, f->tensor) + f->off;
        a.src2_ld = tensor_ld(plan, f->tensor);
    }
    a.w = op->w == NO_PARAM ? NULL : plan->param + op->w;
    a.bias = op->bias == NO_PARAM ? NULL : plan->param + op->bias;
    a.w2 = op->w2 == NO_PARAM ? NULL : plan->param + op->w2;
    a.bias2 = op->bias2 == NO_PARAM ? NULL : plan->param + op->bias2;
    return a;
}

static void run_generic(Plan *plan, Op *op)
{
    int parts = op->generic == GEN_GLOBAL_POOL ? op->n_src : 1;
    op->rate = pass_rate(plan, op);
    for (int i = 0; i < parts; i++) {
        KernelGenericArgs a = generic_args(plan, op, i);
        plan->kernels->generic_fwd(&a);
    }
}

void forward_op(Plan *plan, Op *op)
{
    switch (op->kind) {
    case OP_UNITS:
    case OP_DW: run_units(plan, op); break;
    case OP_CONV: run_conv(plan, op); break;
    case OP_POOL: run_pool(plan, op); break;
    case OP_MIX: run_mix(plan, op); break;
    case OP_COPY: run_copy(plan, op); break;
    case OP_ACT: run_act(plan, op); break;
    case OP_GENERIC: run_generic(plan, op); break;
    case OP_STAT: run_stat(plan, op); break;
    case OP_NORM: norm_forward(plan, &plan->norms[op->norm]); break;
    case OP_RESHAPE:
    case OP_LOSS: break; // the caller sums the losses
    }
}
