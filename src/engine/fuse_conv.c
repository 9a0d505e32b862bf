// SPDX-License-Identifier: MIT
#include "src/engine/lower.h"

// Convolutions, units and pools.

static int or_one(int value)
{
    return value ? value : 1;
}

static KernelShape window_shape(const Plan *plan, const LayerAttr *attr, Shape in, Shape out)
{
    return (KernelShape){ .n = plan->options.batch,
                          .h = in.h,
                          .w = in.w,
                          .c = in.c,
                          .oh = out.h,
                          .ow = out.w,
                          .oc = out.c,
                          .k = or_one(attr->kernel),
                          .stride = or_one(attr->stride),
                          .dil = or_one(attr->dilation),
                          .pad_y = layer_pad_before(attr, in.h),
                          .pad_x = layer_pad_before(attr, in.w),
                          .groups = or_one(attr->groups) };
}

static bool is_pointwise(const LayerAttr *a)
{
    return a->kind == LAYER_CONV && or_one(a->kernel) == 1 && or_one(a->groups) == 1 && a->pad <= 0;
}

static size_t add_transposed(Plan *plan, size_t w, const int b_a_b[3])
{
    for (int i = 0; i < plan->n_trans; i++)
        if (plan->trans[i].w == w)
            return plan->trans[i].w_t;
    int t = IR_PUSH(plan, trans);
    if (t == NONE)
        return NO_PARAM;
    plan->trans[t] = (Transposed){ w, plan->trans_count, b_a_b[0], b_a_b[1], b_a_b[2] };
    plan->trans_count += (size_t)b_a_b[0] * b_a_b[1] * b_a_b[2];
    plan->trans_count = kernel_round(plan->trans_count);
    return plan->trans[t].w_t;
}

// Tensor that a convolution writes: its own, or its part of the concatenation that reads it.
static int output_tensor(Plan *plan, int node, int op)
{
    const Node *n = &plan->nodes[node];
    if (n->home == NONE)
        return lower_tensor(plan, n->shape, op);
    int home = n->home;
    if (plan->nodes[home].copy == NONE)
        plan->nodes[home].copy = lower_tensor(plan, plan->nodes[home].shape, op);
    int t = lower_tensor(plan, plan->nodes[node].shape, op);
    if (t == NONE)
        return NONE;
    plan->tensors[t].parent = plan->nodes[home].copy;
    plan->tensors[t].off = plan->nodes[node].home_off;
    return t;
}

static bool same_source(const Source *a, const Source *b)
{
    return a->tensor == b->tensor && a->off == b->off && a->c == b->c && a->pre == b->pre &&
           a->norm == b->norm && a->shift == b->shift;
}

// A call that reads the same source with the same output grid and still has room.
static int find_units(const Plan *plan, OpKind kind, const Source *source, const KernelShape *s)
{
    for (int i = plan->n_ops - 1; i >= 0 && !plan->options.unfused; i--) {
        const Op *op = &plan->ops[i];
        if (op->kind == kind && op->n_units < MAX_UNITS && op->shape.oh == s->oh &&
            op->shape.ow == s->ow && op->shape.oc == s->oc && op->shape.stride == s->stride &&
            same_source(&plan->sources[op->src], source))
            return i;
    }
    return NONE;
}

// Depthwise `dw` with pointwise `node`, or (node == dw) alone.
static void add_unit(Plan *plan, int dw, int node)
{
    Node *d = &plan->nodes[dw];
    Source source = lower_one(plan, lower_input_index(plan, d, 0), true);
    OpKind kind = dw == node ? OP_DW : OP_UNITS;
    if (plan->failed)
        return;
    d = &plan->nodes[dw];
    KernelShape s =
        window_shape(plan, &d->attr, lower_input(plan, d, 0)->shape, plan->nodes[node].shape);
    int op = find_units(plan, kind, &source, &s), u = IR_PUSH(plan, units);
    if (op == NONE) {
        op = lower_op(plan, kind, node);
        if (op == NONE)
            return;
        plan->ops[op].src = lower_sources(plan, &source, 1);
        plan->ops[op].n_src = 1;
        plan->ops[op].shape = s;
    }
    int out = output_tensor(plan, node, op);
    if (out == NONE || u == NONE)
        return;
    plan->units[u] = (Unit){ .out = out,
                             .node = node,
                             .k = s.k,
                             .dil = s.dil,
                             .pad_y = s.pad_y,
                             .pad_x = s.pad_x,
                             .dw = d->w,
                             .pw = NO_PARAM,
                             .pw_t = NO_PARAM };
    if (kind == OP_UNITS) {
        plan->units[u].pw = plan->nodes[node].w;
        plan->units[u].pw_t = add_transposed(plan, plan->nodes[node].w, (int[]){ 1, s.c, s.oc });
    }
    plan->ops[op].unit[plan->ops[op].n_units++] = u;
    lower_result(plan, node, lower_whole(plan, out));
}

void lower_depthwise(Plan *plan, int node)
{
    Node *n = &plan->nodes[node];
    if (n->uses == 1 && !plan->options.unfused) {
        const LayerAttr *user = &plan->nodes[n->only_user].attr;
        if (is_pointwise(user) && or_one(user->stride) == 1 && !user->bias) {
            n->folded = true;
            return;
        }
    }
    add_unit(plan, node, node);
}

// Sources of a dense convolution: several for a pointwise one, one otherwise.
static int conv_sources(Plan *plan, int node, int *n_src, bool *shift)
{
    const Node *n = &plan->nodes[node];
    int in = lower_input_index(plan, n, 0);
    const Node *from = &plan->nodes[in];
    bool point = is_pointwise(&n->attr) && from->n_src <= KERNEL_MAX_SRC;
    *shift = point && from->n_src > 0 && plan->sources[from->src].shift;
    if (!point) {
        Source s = lower_one(plan, in, true);
        *n_src = 1;
        return lower_sources(plan, &s, 1);
    }
    int first = plan->n_sources;
    *n_src = from->n_src;
    for (int i = 0; i < *n_src; i++) {
        Source s = plan->sources[plan->nodes[in].src + i];
        s.shift = false;
        lower_sources(plan, &s, 1);
    }
    return first;
}

void lower_conv(Plan *plan, int node)
{
    const Node *n = &plan->nodes[node];
    int in = lower_input_index(plan, n, 0), n_src;
    if (plan->nodes[in].folded) {
        add_unit(plan, in, node);
        return;
    }
    bool shift;
    int src = conv_sources(plan, node, &n_src, &shift);
    n = &plan->nodes[node];
    KernelShape s = window_shape(plan, &n->attr, plan->nodes[in].shape, n->shape);
    if (shift) {
        s.pad_y -= 1;
        s.pad_x -= 1;
    }
    int op = lower_op(plan, OP_CONV, node);
    int out = output_tensor(plan, node, op);
    if (out == NONE)
        return;
    Op *o = &plan->ops[op];
    o->src = src;
    o->n_src = n_src;
    o->out = out;
    o->shape = s;
    o->w = plan->nodes[node].w;
    o->bias = plan->nodes[node].bias;
    if (s.groups == 1)
        o->w_t = add_transposed(plan, o->w, (int[]){ s.k * s.k, s.c, s.oc });
    lower_result(plan, node, lower_whole(plan, out));
}

// ---- pools --------------------------------------------------------------------------------------

static bool same_window(const KernelShape *a, const KernelShape *b)
{
    return a->k == b->k && a->stride == b->stride && a->pad_y == b->pad_y && a->pad_x == b->pad_x &&
           a->oh == b->oh && a->ow == b->ow;
}

// A pool call on the same input that lacks this kind.
static int find_pool(const Plan *plan, const Source *source, const KernelShape *s, bool max)
{
    for (int i = plan->n_ops - 1; i >= 0 && !plan->options.unfused; i--) {
        const Op *op = &plan->ops[i];
        if (op->kind == OP_POOL && (max ? op->out : op->out2) == NONE &&
            same_window(&op->shape, s) && same_source(&plan->sources[op->src], source))
            return i;
    }
    return NONE;
}

void lower_pool(Plan *plan, int node)
{
    int in = lower_input_index(plan, &plan->nodes[node], 0);
    Source source = lower_one(plan, in, true);
    if (plan->failed)
        return;
    const Node *n = &plan->nodes[node];
    KernelShape s = window_shape(plan, &n->attr, plan->nodes[in].shape, n->shape);
    bool max = n->attr.kind == LAYER_MAX_POOL;
    int op = find_pool(plan, &source, &s, max);
    if (op == NONE) {
        op = lower_op(plan, OP_POOL, node);
        if (op == NONE)
            return;
        plan->ops[op].src = lower_sources(plan, &source, 1);
        plan->ops[op].n_src = 1;
        plan->ops[op].shape = s;
    }
    int out = lower_tensor(plan, plan->nodes[node].shape, op);
    if (out == NONE)
        return;
    if (max) {
        plan->ops[op].out = out;
    } else {
        plan->ops[op].out2 = out;
        plan->ops[op].count_pad = plan->nodes[node].attr.count_pad != 0;
    }
    lower_result(plan, node, lower_whole(plan, out));
}
