// SPDX-License-Identifier: MIT
#include "src/engine/ir.h"

#include <math.h>
#include <string.h>

#include "src/base/rng.h"

// Layout, names, initial values and PyTorch's order of parameters and buffers.

// ---- layout -------------------------------------------------------------------------------------

typedef struct {
    const char *suffix;
    int rank;
    int64_t shape[4];
} Tail;

static size_t add_param(Plan *plan, int node, Tail tail)
{
    int p = IR_PUSH(plan, params);
    if (p == NONE)
        return NO_PARAM;
    ParamInfo info = { .rank = tail.rank, .offset = plan->param_count, .count = 1 };
    for (int i = 0; i < tail.rank; i++) {
        info.shape[i] = tail.shape[i];
        info.count *= (size_t)tail.shape[i];
    }
    info.name = arena_printf(&plan->arena, "%s.%s", plan->nodes[node].name, tail.suffix);
    plan->failed = plan->failed || !info.name;
    plan->params[p] = (Tagged){ info, node, 1 };
    plan->param_count += info.count;
    return info.offset;
}

static void add_buffer(Plan *plan, int node, const char *suffix, size_t offset, int c)
{
    int b = IR_PUSH(plan, buffers);
    if (b == NONE)
        return;
    ParamInfo info = { .rank = 1, .shape = { c }, .offset = offset, .count = (size_t)c };
    info.name = arena_printf(&plan->arena, "%s.%s", plan->nodes[node].name, suffix);
    plan->failed = plan->failed || !info.name;
    plan->buffers[b] = (Tagged){ info, node, 1 };
}

// Merged batch norms share their running statistics under all their names.
static void layout_norm(Plan *plan, int i)
{
    Node *n = &plan->nodes[i];
    int c = n->shape.c;
    if (n->attr.affine) {
        n->w = add_param(plan, i, (Tail){ "weight", 1, { c } });
        n->bias = add_param(plan, i, (Tail){ "bias", 1, { c } });
    }
    if (n->same == i) {
        n->buffer = plan->buffer_count;
        plan->buffer_count += 2 * (size_t)c;
    } else {
        n->buffer = plan->nodes[n->same].buffer;
    }
    add_buffer(plan, i, "running_mean", n->buffer, c);
    add_buffer(plan, i, "running_var", n->buffer + (size_t)c, c);
}

// Positions that a flattened vector had: walks back through elementwise layers.
static int flat_positions(const Plan *plan, int node)
{
    for (;;) {
        const Node *n = &plan->nodes[node];
        if (n->attr.kind == LAYER_FLATTEN) {
            Shape in = plan->nodes[n->inputs[0]].shape;
            return in.h * in.w;
        }
        bool same = n->attr.kind == LAYER_DROPOUT || n->attr.kind == LAYER_IDENTITY ||
                    (n->attr.kind >= LAYER_BATCH_NORM && n->attr.kind <= LAYER_GELU);
        if (!same || n->n_inputs != 1)
            return 1;
        node = n->inputs[0];
    }
}

static void layout_linear(Plan *plan, int i)
{
    Node *n = &plan->nodes[i];
    Shape in = plan->nodes[n->inputs[0]].shape;
    int64_t size = (int64_t)in.h * in.w * in.c;
    n->w = add_param(plan, i, (Tail){ "weight", 2, { size, n->attr.channels } });
    if (n->w != NO_PARAM)
        plan->params[plan->n_params - 1].spatial =
            in.h * in.w > 1 ? in.h * in.w : flat_positions(plan, n->inputs[0]);
    n->bias = add_param(plan, i, (Tail){ "bias", 1, { n->attr.channels } });
}

static void layout_attention(Plan *plan, int i)
{
    Node *n = &plan->nodes[i];
    int64_t c = n->shape.c;
    n->w = add_param(plan, i, (Tail){ "in_proj_weight", 2, { c, 3 * c } });
    n->bias = add_param(plan, i, (Tail){ "in_proj_bias", 1, { 3 * c } });
    n->w2 = add_param(plan, i, (Tail){ "out_proj.weight", 2, { c, c } });
    n->bias2 = add_param(plan, i, (Tail){ "out_proj.bias", 1, { c } });
}

static void layout_conv(Plan *plan, int i)
{
    Node *n = &plan->nodes[i];
    int64_t k = n->attr.kernel ? n->attr.kernel : 1, g = n->attr.groups ? n->attr.groups : 1;
    int64_t in = plan->nodes[n->inputs[0]].shape.c / g;
    n->w = add_param(plan, i, (Tail){ "weight", 4, { k, k, in, n->attr.channels } });
    if (n->attr.bias)
        n->bias = add_param(plan, i, (Tail){ "bias", 1, { n->attr.channels } });
}

void params_layout(Plan *plan)
{
    for (int i = 0; i < plan->n_nodes; i++) {
        Node *n = &plan->nodes[i];
        int64_t k = n->attr.kernel;
        switch (n->attr.kind) {
        case LAYER_CONV: layout_conv(plan, i); break;
        case LAYER_DEPTHWISE:
            n->w = add_param(plan, i, (Tail){ "weight", 3, { k, k, n->shape.c } });
            break;
        case LAYER_BATCH_NORM: layout_norm(plan, i); break;
        case LAYER_LAYER_NORM:
            if (n->attr.affine) {
                n->w = add_param(plan, i, (Tail){ "weight", 1, { n->shape.c } });
                n->bias = add_param(plan, i, (Tail){ "bias", 1, { n->shape.c } });
            }
            break;
        case LAYER_LINEAR: layout_linear(plan, i); break;
        case LAYER_ATTENTION: layout_attention(plan, i); break;
        default: break;
        }
    }
}

void params_refresh(Plan *plan)
{
    for (int i = 0; i < plan->n_trans; i++) {
        const Transposed *t = &plan->trans[i];
        for (int k = 0; k < t->blocks; k++) {
            const float *w = plan->param + t->w + (size_t)k * t->a * t->b;
            float *o = plan->trans_data + t->w_t + (size_t)k * t->a * t->b;
            for (int a = 0; a < t->a; a++)
                for (int b = 0; b < t->b; b++)
                    o[(size_t)b * t->a + a] = w[(size_t)a * t->b + b];
        }
    }
}

// ---- initial values -----------------------------------------------------------------------------

static uint64_t hash_name(const char *name)
{
    uint64_t h = 14695981039346656037u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211u;
    return h;
}

static int64_t fan_in(const Plan *plan, const Tagged *p)
{
    const Node *n = &plan->nodes[p->node];
    Shape in = plan->nodes[n->inputs[0]].shape;
    int64_t k = n->attr.kernel ? n->attr.kernel : 1;
    if (n->attr.kind == LAYER_CONV)
        return k * k * (in.c / (n->attr.groups ? n->attr.groups : 1));
    if (n->attr.kind == LAYER_DEPTHWISE)
        return k * k;
    return (int64_t)in.h * in.w * in.c;
}

// Half width of the uniform distribution; 0 for constants, whose value is in *constant.
static double init_bound(const Plan *plan, const Tagged *p, float *constant)
{
    const Node *n = &plan->nodes[p->node];
    bool first = p->info.offset == n->w;
    *constant = 0;
    switch (n->attr.kind) {
    case LAYER_BATCH_NORM:
    case LAYER_LAYER_NORM: *constant = first ? 1 : 0; return 0;
    case LAYER_ATTENTION: // xavier-uniform over [3c][c]; zero biases; Linear's default
        if (first)
            return sqrt(6.0 / (4.0 * n->shape.c));
        return p->info.offset == n->w2 ? 1 / sqrt((double)n->shape.c) : 0;
    default: return 1 / sqrt((double)fan_in(plan, p));
    }
}

void plan_init_params(Plan *plan, uint64_t seed)
{
    for (int i = 0; i < plan->n_params; i++) {
        const Tagged *p = &plan->params[i];
        float constant, *w = plan->param + p->info.offset;
        double bound = init_bound(plan, p, &constant);
        Rng rng = rng_at(seed, hash_name(p->info.name), 0);
        for (size_t k = 0; k < p->info.count; k++)
            w[k] = bound == 0 ? constant : (float)((2 * rng_uniform(&rng) - 1) * bound);
    }
    for (int i = 0; i < plan->n_buffers; i++) {
        const ParamInfo *info = &plan->buffers[i].info;
        bool var = i % 2 == 1; // mean and variance alternate
        for (size_t k = 0; k < info->count; k++)
            plan->buffer[info->offset + k] = var ? 1 : 0;
    }
    params_refresh(plan);
}

// ---- PyTorch's order ----------------------------------------------------------------------------

int plan_param_torch_shape(const Plan *plan, int index, int64_t shape[4])
{
    const ParamInfo *p = &plan->params[index].info;
    LayerKind kind = plan->nodes[plan->params[index].node].attr.kind;
    memcpy(shape, p->shape, sizeof p->shape);
    if (kind == LAYER_DEPTHWISE) { // [k][k][c] -> [c][1][k][k]
        shape[0] = p->shape[2];
        shape[1] = 1;
        shape[2] = p->shape[0];
        shape[3] = p->shape[1];
        return 4;
    }
    if (p->rank == 4) { // [k][k][in][out] -> [out][in][k][k]
        shape[0] = p->shape[3];
        shape[1] = p->shape[2];
        shape[2] = p->shape[0];
        shape[3] = p->shape[1];
    } else if (p->rank == 2) {
        shape[0] = p->shape[1];
        shape[1] = p->shape[0];
    }
    return p->rank;
}

// Where stored element i stands in PyTorch's order.
static size_t torch_index(const Tagged *p, size_t i)
{
    const int64_t *s = p->info.shape;
    if (p->info.rank == 4) {
        size_t out = i % (size_t)s[3], in = i / (size_t)s[3] % (size_t)s[2];
        size_t tap = i / (size_t)(s[3] * s[2]), taps = (size_t)(s[0] * s[1]);
        return (out * (size_t)s[2] + in) * taps + tap;
    }
    if (p->info.rank == 3) {
        size_t c = i % (size_t)s[2], tap = i / (size_t)s[2];
        return c * (size_t)(s[0] * s[1]) + tap;
    }
    if (p->info.rank == 2) { // rows: h*w*c here, c*h*w there
        size_t out = i % (size_t)s[1], in = i / (size_t)s[1];
        size_t hw = (size_t)p->spatial, c = (size_t)s[0] / hw;
        return out * (size_t)s[0] + in % c * hw + in / c;
    }
    return i;
}

void plan_param_to_torch(const Plan *plan, int index, const float *stored, float *torch)
{
    const Tagged *p = &plan->params[index];
    for (size_t i = 0; i < p->info.count; i++)
        torch[torch_index(p, i)] = stored[i];
}

void plan_param_from_torch(const Plan *plan, int index, const float *torch, float *stored)
{
    const Tagged *p = &plan->params[index];
    for (size_t i = 0; i < p->info.count; i++)
        stored[i] = torch[torch_index(p, i)];
}
