// SPDX-License-Identifier: MIT
#include "src/engine/lower.h"

// Mixes, sums, concatenations, batch norms and the rarely used layers.

// ---- concatenation and slices -------------------------------------------------------------------

static bool writes_anywhere(const Node *n)
{
    return n->attr.kind == LAYER_CONV || n->attr.kind == LAYER_DEPTHWISE;
}

// A concatenation of convolutions that nobody else reads is written by them in place.
void lower_find_homes(Plan *plan)
{
    for (int i = 0; i < plan->n_nodes && !plan->options.unfused; i++) {
        const Node *n = &plan->nodes[i];
        bool fits = n->attr.kind == LAYER_CONCAT && n->used && n->same == i;
        for (int k = 0; fits && k < n->n_inputs; k++) {
            const Node *in = lower_input(plan, n, k);
            fits = in->uses == 1 && writes_anywhere(in);
        }
        for (int k = 0, off = 0; fits && k < n->n_inputs; k++) {
            Node *in = &plan->nodes[lower_input_index(plan, n, k)];
            in->home = i;
            in->home_off = off;
            off += in->shape.c;
        }
    }
}

void lower_concat(Plan *plan, int node)
{
    const Node *n = &plan->nodes[node];
    if (n->folded)
        return;
    if (n->copy != NONE) {
        lower_result(plan, node, lower_whole(plan, n->copy));
        return;
    }
    for (int k = 0; k < n->n_inputs; k++) {
        int in = lower_input_index(plan, n, k);
        if (plan->nodes[in].n_src > 0 && plan->sources[plan->nodes[in].src].shift)
            lower_plain(plan, in); // appends sources: done before ours
    }
    int src = plan->n_sources, count = 0;
    for (int k = 0; k < n->n_inputs && !plan->failed; k++) {
        int in = lower_input_index(plan, &plan->nodes[node], k);
        const Node *from = &plan->nodes[in];
        bool shift = from->n_src > 0 && plan->sources[from->src].shift;
        for (int i = 0; i < (shift ? 1 : from->n_src); i++, count++) {
            Source s = shift ? lower_whole(plan, plan->nodes[in].copy)
                             : plan->sources[plan->nodes[in].src + i];
            lower_sources(plan, &s, 1);
        }
    }
    plan->nodes[node].src = src;
    plan->nodes[node].n_src = count;
    if (count <= KERNEL_MAX_SRC || plan->failed)
        return;
    int copy = lower_plain(plan, node);
    if (copy != NONE)
        lower_result(plan, node, lower_whole(plan, copy));
}

void lower_slice(Plan *plan, int node)
{
    const Node *n = &plan->nodes[node];
    int in = lower_input_index(plan, n, 0), at = 0, count = 0;
    int from = n->attr.slice_from, to = from + n->attr.channels;
    int src = plan->n_sources;
    for (int i = 0; i < plan->nodes[in].n_src; i++) {
        Source s = plan->sources[plan->nodes[in].src + i];
        int lo = from > at ? from - at : 0, hi = to < at + s.c ? to - at : s.c;
        at += s.c;
        if (lo >= hi)
            continue;
        s.off += lo;
        s.c = hi - lo;
        lower_sources(plan, &s, 1);
        count++;
    }
    plan->nodes[node].src = src;
    plan->nodes[node].n_src = count;
}

// ---- mixes --------------------------------------------------------------------------------------

bool lower_is_sum(const Node *n)
{
    return n->attr.kind == LAYER_MIX || n->attr.kind == LAYER_ADD;
}

// A sum that only another sum reads, with weight 1, is inlined (its own op is never made).
bool lower_inlined(const Plan *plan, int node)
{
    const Node *n = &plan->nodes[node];
    if (plan->options.unfused || !lower_is_sum(n) || n->uses != 1 || n->only_user == NONE)
        return false;
    const Node *user = &plan->nodes[n->only_user];
    if (!lower_is_sum(user))
        return false;
    for (int i = 0; i < user->n_inputs; i++)
        if (lower_input_index(plan, user, i) == node)
            return user->attr.kind == LAYER_ADD || user->refs[i].table < 0;
    return false;
}

static int count_streams(const Plan *plan, int node)
{
    const Node *n = &plan->nodes[node];
    int count = 0;
    for (int i = 0; i < n->n_inputs; i++) {
        int in = lower_input_index(plan, n, i);
        count += lower_inlined(plan, in) ? count_streams(plan, in) : 1;
    }
    return count;
}

static int gather(Plan *plan, int node, Stream *out, int count)
{
    for (int i = 0; i < plan->nodes[node].n_inputs; i++) {
        const Node *n = &plan->nodes[node];
        int in = lower_input_index(plan, n, i);
        MixRef ref = n->attr.kind == LAYER_MIX ? n->refs[i] : (MixRef){ NONE, 0, 0 };
        if (lower_inlined(plan, in)) {
            count = gather(plan, in, out, count);
        } else if (!plan->nodes[in].zero) {
            out[count++] = (Stream){ lower_one(plan, in, false), ref };
        }
    }
    return count;
}

// One op that sums the streams into a tensor.
void lower_sum(Plan *plan, int op, const Stream *streams, int n, int out)
{
    int src = plan->n_sources, refs = plan->n_refs;
    for (int i = 0; i < n && !plan->failed; i++) {
        lower_sources(plan, &streams[i].source, 1);
        int r = IR_PUSH(plan, refs);
        if (r != NONE)
            plan->refs[r] = streams[i].ref;
    }
    if (plan->failed)
        return;
    Shape shape = plan->tensors[out].shape;
    Op *o = &plan->ops[op];
    o->src = src;
    o->n_src = n;
    o->refs = refs;
    o->out = out;
    o->shape = (KernelShape){ .n = plan->options.batch,
                              .h = shape.h,
                              .w = shape.w,
                              .c = shape.c,
                              .oh = shape.h,
                              .ow = shape.w,
                              .oc = shape.c,
                              .k = 1,
                              .stride = 1,
                              .dil = 1,
                              .groups = 1 };
    o->avec = ir_alloc(plan, (size_t)n * shape.c, sizeof *o->avec);
    o->bvec = ir_alloc(plan, (size_t)shape.c, sizeof *o->bvec);
    o->gy = ir_alloc(plan, (size_t)(n + 1) * shape.c, sizeof *o->gy);
    o->sum_row = ir_alloc(plan, (size_t)n, sizeof *o->sum_row);
}

void lower_mix(Plan *plan, int node)
{
    if (lower_inlined(plan, node))
        return;
    if (plan->nodes[node].split) {
        lower_split(plan, node);
        return;
    }
    Stream *streams = ir_alloc(plan, (size_t)count_streams(plan, node) + 1, sizeof *streams);
    if (!streams)
        return;
    int n = gather(plan, node, streams, 0);
    int op = lower_op(plan, OP_MIX, node), out = lower_tensor(plan, plan->nodes[node].shape, op);
    if (out == NONE)
        return;
    lower_sum(plan, op, streams, n, out);
    if (!plan->failed)
        lower_result(plan, node, lower_whole(plan, out));
}

// ---- batch norm ---------------------------------------------------------------------------------

static bool gives_stat(const Plan *plan, int tensor)
{
    int op = plan->tensors[tensor].op;
    if (op == NONE)
        return false;
    OpKind kind = plan->ops[op].kind;
    return kind == OP_UNITS || kind == OP_DW || kind == OP_CONV || kind == OP_POOL;
}

static void want_stat(Plan *plan, int tensor, int node)
{
    int root = tensor_root(plan, tensor);
    if (plan->tensors[root].want_stat)
        return;
    plan->tensors[root].want_stat = true;
    if (gives_stat(plan, root))
        return;
    int op = lower_op(plan, OP_STAT, node);
    if (op == NONE)
        return;
    plan->ops[op].src = lower_sources(plan, (Source[]){ lower_whole(plan, root) }, 1);
    plan->ops[op].n_src = 1;
    Shape s = plan->tensors[root].shape;
    plan->ops[op].shape = (KernelShape){ .n = plan->options.batch,
                                         .h = s.h,
                                         .w = s.w,
                                         .c = s.c,
                                         .oh = s.h,
                                         .ow = s.w,
                                         .oc = s.c,
                                         .k = 1,
                                         .stride = 1,
                                         .dil = 1,
                                         .groups = 1 };
}

void lower_norm(Plan *plan, int node)
{
    int in = lower_input_index(plan, &plan->nodes[node], 0);
    Source s = plan->nodes[in].n_src > 0 ? plan->sources[plan->nodes[in].src]
                                         : (Source){ .pre = PRE_RELU };
    if (plan->nodes[in].n_src != 1 || s.pre != PRE_NONE || s.shift) {
        int plain = lower_plain(plan, in);
        if (plain == NONE)
            return;
        s = lower_whole(plan, plain);
    }
    want_stat(plan, s.tensor, node);
    int norm = IR_PUSH(plan, norms), op = lower_op(plan, OP_NORM, node);
    if (norm == NONE || op == NONE)
        return;
    const Node *n = &plan->nodes[node];
    plan->norms[norm] = (Norm){ .tensor = s.tensor,
                                .off = s.off,
                                .c = s.c,
                                .op = op,
                                .gamma = n->w,
                                .beta = n->bias,
                                .buffer = n->buffer,
                                .eps = n->attr.eps > 0 ? n->attr.eps : 1e-5f,
                                .momentum = n->attr.momentum > 0 ? n->attr.momentum : 0.1f };
    plan->ops[op].norm = norm;
    s.norm = norm;
    s.pre = PRE_AFFINE;
    lower_result(plan, node, s);
}

// ---- the rest -----------------------------------------------------------------------------------

static int act_of(LayerKind kind)
{
    switch (kind) {
    case LAYER_RELU6: return ACT_RELU6;
    case LAYER_HSWISH: return ACT_HSWISH;
    case LAYER_SWISH: return ACT_SWISH;
    case LAYER_SIGMOID: return ACT_SIGMOID;
    case LAYER_GELU: return ACT_GELU;
    default: return NONE;
    }
}

static KernelGeneric generic_of(LayerKind kind)
{
    switch (kind) {
    case LAYER_GLOBAL_POOL: return GEN_GLOBAL_POOL;
    case LAYER_LINEAR: return GEN_LINEAR;
    case LAYER_SCALE: return GEN_SCALE;
    case LAYER_SHUFFLE: return GEN_SHUFFLE;
    case LAYER_DROPOUT: return GEN_DROPOUT;
    case LAYER_DROP_PATH: return GEN_DROP_PATH;
    case LAYER_NOISE: return GEN_NOISE;
    case LAYER_LAYER_NORM: return GEN_LAYER_NORM;
    case LAYER_ATTENTION: return GEN_ATTENTION;
    default: return GEN_SUBSAMPLE;
    }
}

// Global pools read the parts of a concatenation one by one; the others one source.
static int generic_sources(Plan *plan, int node, int *count)
{
    const Node *n = &plan->nodes[node];
    int in = lower_input_index(plan, n, 0);
    const Node *from = &plan->nodes[in];
    bool shift = from->n_src > 0 && plan->sources[from->src].shift;
    if (n->attr.kind == LAYER_GLOBAL_POOL && from->n_src > 1 && !shift) {
        *count = from->n_src;
        return from->src;
    }
    Source s[2];
    *count = 1;
    if (n->attr.kind == LAYER_LINEAR) { // one matrix for the whole batch
        int plain = lower_plain(plan, in);
        if (plain == NONE)
            return 0;
        s[0] = lower_whole(plan, plain);
    } else {
        s[0] = lower_one(plan, in, true);
    }
    if (n->attr.kind == LAYER_SCALE) {
        int factor = lower_plain(plan, lower_input_index(plan, &plan->nodes[node], 1));
        if (factor == NONE)
            return 0;
        s[1] = lower_whole(plan, factor);
        *count = 2;
    }
    return lower_sources(plan, s, *count);
}

// Op of layer `node` on sources; its result is that of node `result`.
void lower_layer(Plan *plan, int node, int result, int src, int count)
{
    const Node *n = &plan->nodes[node];
    int act = act_of(n->attr.kind);
    int op = lower_op(plan, act == NONE ? OP_GENERIC : OP_ACT, node);
    int out = lower_tensor(plan, n->shape, op);
    if (out == NONE)
        return;
    Op *o = &plan->ops[op];
    Shape in = lower_input(plan, n, 0)->shape;
    o->src = src;
    o->n_src = count;
    o->out = out;
    o->act = act == NONE ? ACT_RELU : (KernelAct)act;
    o->generic = generic_of(n->attr.kind);
    o->shape = (KernelShape){ .n = plan->options.batch,
                              .h = in.h,
                              .w = in.w,
                              .c = in.c,
                              .oh = n->shape.h,
                              .ow = n->shape.w,
                              .oc = n->shape.c,
                              .k = 1,
                              .stride = 1,
                              .dil = 1,
                              .groups = n->attr.groups ? n->attr.groups : 1 };
    if (n->attr.kind == LAYER_ATTENTION)
        o->shape.k = 0; // asks the kernel set for attention's scratch
    o->w = n->w;
    o->bias = n->bias;
    o->w2 = n->w2;
    o->bias2 = n->bias2;
    lower_result(plan, result, lower_whole(plan, out));
}

void lower_generic(Plan *plan, int node)
{
    plan->nodes[node].zero = plan->nodes[node].attr.kind == LAYER_ZERO;
    if ((plan->nodes[node].zero && !plan->nodes[node].real_use) || plan->nodes[node].folded)
        return;
    int count, src = generic_sources(plan, node, &count);
    if (!plan->failed)
        lower_layer(plan, node, node, src, count);
}
