// SPDX-License-Identifier: MIT
#include "src/engine/lower.h"

#include "src/base/alloc.h"

// From layers to ops. A relu or a batch norm is no op of its own but the prologue of its readers;
// depthwise + pointwise become one unit, and all units on one input one call; both pools of an
// input one call; a concatenation is written in place or gathered by its reader.

bool ir_reserve(Plan *plan, void **items, int count, int *cap, size_t size)
{
    if (plan->failed)
        return false;
    if (count < *cap)
        return true;
    int more = *cap ? *cap * 2 : 64;
    void *grown = mem_grow(*items, (size_t)more, size);
    if (!grown) {
        plan->failed = true;
        return false;
    }
    *items = grown;
    *cap = more;
    return true;
}

void *ir_alloc(Plan *plan, size_t count, size_t size)
{
    void *p = plan->failed ? NULL : arena_alloc(&plan->arena, count ? count : 1, size);
    if (!p)
        plan->failed = true;
    return p;
}

int lower_tensor(Plan *plan, Shape shape, int op)
{
    int t = IR_PUSH(plan, tensors);
    if (t != NONE)
        plan->tensors[t] = (Tensor){
            .shape = shape, .parent = NONE, .reshaped = NONE, .op = op, .grad = NONE, .norm = NONE
        };
    return t;
}

int lower_op(Plan *plan, OpKind kind, int node)
{
    int o = IR_PUSH(plan, ops);
    if (o != NONE)
        plan->ops[o] = (Op){ .kind = kind,
                             .node = node,
                             .out = NONE,
                             .out2 = NONE,
                             .norm = NONE,
                             .w = NO_PARAM,
                             .bias = NO_PARAM,
                             .w2 = NO_PARAM,
                             .bias2 = NO_PARAM,
                             .w_t = NO_PARAM };
    return o;
}

int lower_sources(Plan *plan, const Source *source, int n)
{
    int first = plan->n_sources;
    for (int i = 0; i < n; i++) {
        int s = IR_PUSH(plan, sources);
        if (s == NONE)
            return 0;
        plan->sources[s] = source[i];
    }
    return first;
}

int lower_input_index(const Plan *plan, const Node *node, int i)
{
    return plan->nodes[node->inputs[i]].same;
}

const Node *lower_input(const Plan *plan, const Node *node, int i)
{
    return &plan->nodes[lower_input_index(plan, node, i)];
}

Source lower_whole(const Plan *plan, int tensor)
{
    return (Source){ .tensor = tensor, .c = plan->tensors[tensor].shape.c, .norm = NONE };
}

void lower_result(Plan *plan, int node, Source source)
{
    plan->nodes[node].src = lower_sources(plan, &source, 1);
    plan->nodes[node].n_src = 1;
}

static bool is_plain(const Plan *plan, const Source *s)
{
    return s->pre == PRE_NONE && !s->shift && s->off == 0 &&
           s->c == plan->tensors[s->tensor].shape.c;
}

static KernelShape plain_shape(Shape in, Shape out, int n)
{
    return (KernelShape){ .n = n,
                          .h = in.h,
                          .w = in.w,
                          .c = in.c,
                          .oh = out.h,
                          .ow = out.w,
                          .oc = out.c,
                          .k = 1,
                          .stride = 1,
                          .dil = 1,
                          .groups = 1 };
}

// One op that copies the sources of a node side by side.
static int copy_op(Plan *plan, int node, int src, int n_src)
{
    const Tensor *t = &plan->tensors[plan->sources[src].tensor];
    Shape shape = { t->shape.h, t->shape.w, 0 };
    for (int i = 0; i < n_src; i++)
        shape.c += plan->sources[src + i].c;
    int op = lower_op(plan, OP_COPY, node), out = lower_tensor(plan, shape, op);
    if (out == NONE)
        return NONE;
    Op *o = &plan->ops[op];
    o->src = src;
    o->n_src = n_src;
    o->out = out;
    o->shape = plain_shape(shape, shape, plan->options.batch);
    return out;
}

// Shifted reading made real: strips the flag, copies if needed, shifts.
static int shift_op(Plan *plan, int node)
{
    const Node *n = &plan->nodes[node];
    int count = n->n_src, src = plan->n_sources;
    for (int i = 0; i < count; i++) {
        Source s = plan->sources[plan->nodes[node].src + i];
        s.shift = false;
        lower_sources(plan, &s, 1);
    }
    if (plan->failed)
        return NONE;
    if (count > 1) {
        int copy = copy_op(plan, node, src, count);
        if (copy == NONE)
            return NONE;
        src = lower_sources(plan, (Source[]){ lower_whole(plan, copy) }, 1);
    }
    Shape shape = plan->nodes[node].shape;
    int op = lower_op(plan, OP_GENERIC, node), out = lower_tensor(plan, shape, op);
    if (out == NONE)
        return NONE;
    Op *o = &plan->ops[op];
    o->generic = GEN_SHIFT;
    o->src = src;
    o->n_src = 1;
    o->out = out;
    o->shape = plain_shape(shape, shape, plan->options.batch);
    return out;
}

int lower_plain(Plan *plan, int node)
{
    Node *n = &plan->nodes[node];
    if (plan->failed)
        return NONE;
    if (n->copy != NONE)
        return n->copy;
    const Source *s = &plan->sources[n->src];
    if (n->n_src == 1 && is_plain(plan, s))
        return s->tensor;
    int copy = s->shift ? shift_op(plan, node) : copy_op(plan, node, n->src, n->n_src);
    plan->nodes[node].copy = copy;
    return copy;
}

Source lower_one(Plan *plan, int node, bool relu)
{
    const Node *n = &plan->nodes[node];
    const Source *s = plan->failed ? NULL : &plan->sources[n->src];
    if (s && n->n_src == 1 && !s->shift && (relu || s->pre == PRE_NONE || s->pre == PRE_AFFINE))
        return *s;
    int copy = lower_plain(plan, node);
    return copy == NONE ? (Source){ .norm = NONE } : lower_whole(plan, copy);
}

// ---- layers that only change how they are read --------------------------------------------------

static void lower_relu(Plan *plan, int node)
{
    const Node *n = &plan->nodes[node], *in = lower_input(plan, n, 0);
    int src = plan->n_sources;
    for (int i = 0; i < in->n_src; i++) {
        Source s = plan->sources[in->src + i];
        if (s.pre == PRE_NONE)
            s.pre = PRE_RELU;
        else if (s.pre == PRE_AFFINE)
            s.pre = PRE_AFFINE_RELU;
        lower_sources(plan, &s, 1);
    }
    plan->nodes[node].src = src;
    plan->nodes[node].n_src = in->n_src;
}

// A convolution of one pixel without padding can read shifted.
static bool reads_shifted(const Node *n)
{
    return n->attr.kind == LAYER_CONV && n->attr.kernel <= 1 && n->attr.groups <= 1 &&
           (n->attr.pad == 0 || n->attr.pad == PAD_SAME);
}

// Shifts and zeros that every reader takes as they are need no tensor.
static void find_real_uses(Plan *plan)
{
    for (int i = 0; i < plan->n_nodes; i++) {
        const Node *n = &plan->nodes[i];
        bool sum = n->attr.kind == LAYER_MIX || n->attr.kind == LAYER_ADD;
        for (int k = 0; k < n->n_inputs && n->used && n->same == i; k++) {
            Node *in = &plan->nodes[lower_input_index(plan, n, k)];
            bool takes = in->attr.kind == LAYER_ZERO ? sum : reads_shifted(n);
            in->real_use = in->real_use || !takes;
        }
    }
    if (plan->main_loss < 0) // the last value is the result
        plan->nodes[plan->nodes[plan->n_nodes - 1].same].real_use = true;
}

static void lower_shift(Plan *plan, int node)
{
    const Node *n = &plan->nodes[node], *in = lower_input(plan, n, 0);
    bool shifted = in->n_src > 0 && plan->sources[in->src].shift;
    if (shifted) { // twice: make the first one real
        int copy = lower_plain(plan, lower_input_index(plan, n, 0));
        if (copy == NONE)
            return;
        lower_result(plan, node, lower_whole(plan, copy));
        plan->sources[plan->nodes[node].src].shift = true;
    } else {
        int src = plan->n_sources;
        for (int i = 0; i < in->n_src; i++) {
            Source s = plan->sources[in->src + i];
            s.shift = true;
            lower_sources(plan, &s, 1);
        }
        plan->nodes[node].src = src;
        plan->nodes[node].n_src = in->n_src;
    }
    bool fused = !plan->nodes[node].real_use && !plan->options.unfused;
    if (fused || plan->failed)
        return;
    int real = shift_op(plan, node);
    if (real != NONE)
        lower_result(plan, node, lower_whole(plan, real));
}

// Channels first; pixels of one image become one vector. The same memory.
static void lower_flatten(Plan *plan, int node)
{
    int in = lower_input_index(plan, &plan->nodes[node], 0);
    int from = lower_plain(plan, in);
    if (from == NONE)
        return;
    if (plan->tensors[from].parent != NONE) { // a part of a wider tensor is not one vector
        int src = lower_sources(plan, (Source[]){ lower_whole(plan, from) }, 1);
        from = copy_op(plan, node, src, 1);
        if (from == NONE)
            return;
    }
    if (plan->tensors[from].shape.h * plan->tensors[from].shape.w == 1) {
        lower_result(plan, node, lower_whole(plan, from));
        return;
    }
    int op = lower_op(plan, OP_RESHAPE, node);
    int out = lower_tensor(plan, plan->nodes[node].shape, op);
    if (out == NONE)
        return;
    plan->tensors[out].reshaped = from;
    plan->ops[op].out = out;
    plan->ops[op].src = lower_sources(plan, (Source[]){ lower_whole(plan, from) }, 1);
    plan->ops[op].n_src = 1;
    lower_result(plan, node, lower_whole(plan, out));
}

static void lower_loss(Plan *plan, int node)
{
    int in = lower_plain(plan, lower_input_index(plan, &plan->nodes[node], 0));
    if (in != NONE && plan->tensors[in].parent != NONE)
        in = copy_op(plan, node, lower_sources(plan, (Source[]){ lower_whole(plan, in) }, 1), 1);
    int op = lower_op(plan, OP_LOSS, node);
    if (op == NONE || in == NONE)
        return;
    plan->ops[op].src = lower_sources(plan, (Source[]){ lower_whole(plan, in) }, 1);
    plan->ops[op].n_src = 1;
    if (node == plan->main_loss)
        plan->logits = in;
}

static void lower_node(Plan *plan, int node)
{
    switch (plan->nodes[node].attr.kind) {
    case LAYER_INPUT:
        if (lower_tensor(plan, plan->nodes[node].shape, NONE) != NONE)
            lower_result(plan, node, lower_whole(plan, 0));
        break;
    case LAYER_CONV: lower_conv(plan, node); break;
    case LAYER_DEPTHWISE: lower_depthwise(plan, node); break;
    case LAYER_BATCH_NORM: lower_norm(plan, node); break;
    case LAYER_RELU: lower_relu(plan, node); break;
    case LAYER_MAX_POOL:
    case LAYER_AVG_POOL: lower_pool(plan, node); break;
    case LAYER_ADD:
    case LAYER_MIX: lower_mix(plan, node); break;
    case LAYER_CONCAT: lower_concat(plan, node); break;
    case LAYER_SLICE: lower_slice(plan, node); break;
    case LAYER_FLATTEN: lower_flatten(plan, node); break;
    case LAYER_SHIFT: lower_shift(plan, node); break;
    case LAYER_LOSS: lower_loss(plan, node); break;
    default: lower_generic(plan, node);
    }
}

// In unfused plans every layer's value is a plain tensor.
static void make_plain(Plan *plan, int node)
{
    LayerKind kind = plan->nodes[node].attr.kind;
    if (kind == LAYER_LOSS || plan->nodes[node].n_src == 0)
        return;
    int copy = lower_plain(plan, node);
    if (copy != NONE)
        lower_result(plan, node, lower_whole(plan, copy));
}

Status fuse_run(Plan *plan, Error *err)
{
    plan->logits = NONE;
    lower_find_homes(plan);
    lower_find_splits(plan);
    find_real_uses(plan);
    for (int i = 0; i < plan->n_nodes && !plan->failed; i++) {
        if (i > 0 && !(plan->nodes[i].used && plan->nodes[i].same == i))
            continue;
        lower_node(plan, i);
        if (plan->options.unfused && !plan->failed)
            make_plain(plan, i);
    }
    if (!plan->failed && plan->logits == NONE) { // no loss: the last value is the result
        int last = plan->nodes[plan->n_nodes - 1].same;
        plan->logits = lower_plain(plan, last);
    }
    return plan->failed ? error_set(err, STATUS_NOMEM, "no memory to compile the plan") : STATUS_OK;
}
