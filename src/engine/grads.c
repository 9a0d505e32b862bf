// SPDX-License-Identifier: MIT
#include "src/engine/ir.h"

// Decides which gradients get memory, by running the backward pass symbolically with everything
// active. A mix hands its inputs only the term w * dL/dmix; who reads such a gradient sums the
// terms on the fly. Kernels that compute an input gradient need memory for it.
//
// Times: forward op i happens at i, its backward at 2 * ops - 1 - i.

static int backward_time(const Plan *plan, int op)
{
    return 2 * plan->n_ops - 1 - op;
}

static int add_grad(Plan *plan, Shape shape, int off)
{
    int g = IR_PUSH(plan, grads);
    if (g != NONE)
        plan->grads[g] = (Grad){ .shape = shape, .off = off, .first = 1 << 30 };
    return g;
}

int source_grad(const Plan *plan, const Source *source)
{
    return source->norm != NONE ? plan->norms[source->norm].grad
                                : plan->tensors[tensor_root(plan, source->tensor)].grad;
}

bool source_full(const Plan *plan, const Source *source)
{
    if (source->norm != NONE)
        return source->off == plan->norms[source->norm].off &&
               source->c == plan->norms[source->norm].c;
    return plan->tensors[source->tensor].parent == NONE && source->off == 0 &&
           source->c == plan->tensors[source->tensor].shape.c;
}

bool source_wanted(const Plan *plan, const Source *source, int what)
{
    const Tensor *t = &plan->tensors[tensor_root(plan, source->tensor)];
    bool affine = source->norm != NONE && plan->norms[source->norm].gamma != NO_PARAM;
    return ((what & GRAD_WEIGHTS) && (t->has_params || affine)) ||
           ((what & GRAD_MIX) && t->has_mix);
}

bool source_lazy(const Plan *plan, const Op *op, const Source *s)
{
    if (op->kind == OP_RESHAPE)
        return true;
    if (op->kind == OP_MIX)
        return source_full(plan, s);
    bool plain = s->pre == PRE_NONE || s->pre == PRE_AFFINE;
    return op->kind == OP_COPY && plain && source_full(plan, s);
}

// ---- what is upstream ---------------------------------------------------------------------------

static void set_upstream(Plan *plan, int tensor, const Op *op)
{
    if (tensor == NONE)
        return;
    Tensor *t = &plan->tensors[tensor_root(plan, tensor)];
    t->has_params = t->has_params || op->has_params;
    t->has_mix = t->has_mix || op->has_mix;
}

static void find_upstream(Plan *plan, Op *op)
{
    op->has_params = op->w != NO_PARAM || op->kind == OP_UNITS || op->kind == OP_DW;
    for (int i = 0; i < op->n_src; i++) {
        const Source *s = &plan->sources[op->src + i];
        op->has_params = op->has_params || source_wanted(plan, s, GRAD_WEIGHTS);
        op->has_mix = op->has_mix || source_wanted(plan, s, GRAD_MIX);
        if (op->kind == OP_MIX && plan->refs[op->refs + i].table >= 0)
            op->has_mix = true;
    }
    for (int i = 0; i < op->n_units; i++)
        set_upstream(plan, plan->units[op->unit[i]].out, op);
    set_upstream(plan, op->out, op);
    set_upstream(plan, op->out2, op);
}

// ---- objects ------------------------------------------------------------------------------------

static void count_uses(Plan *plan)
{
    for (int i = 0; i < plan->n_ops; i++) {
        const Op *op = &plan->ops[i];
        for (int k = 0; k < op->n_src && op->kind != OP_STAT; k++) {
            const Source *s = &plan->sources[op->src + k];
            if (s->norm == NONE)
                plan->tensors[tensor_root(plan, s->tensor)].raw_uses++;
        }
    }
    for (int i = 0; i < plan->n_norms; i++)
        plan->tensors[tensor_root(plan, plan->norms[i].tensor)].norms++;
}

// Backward kernels apply a batch norm's backward while reading; sums and copies do not.
static bool takes_affine_grad(const Plan *plan, const Tensor *t)
{
    if (t->op == NONE)
        return false;
    OpKind kind = plan->ops[t->op].kind;
    return kind != OP_MIX && kind != OP_COPY && kind != OP_RESHAPE;
}

static void make_objects(Plan *plan)
{
    for (int i = 0; i < plan->n_tensors; i++)
        if (plan->tensors[i].parent == NONE)
            plan->tensors[i].grad = add_grad(plan, plan->tensors[i].shape, 0);
    for (int i = 0; i < plan->n_norms; i++) {
        Norm *n = &plan->norms[i];
        Tensor *t = &plan->tensors[tensor_root(plan, n->tensor)];
        n->grad = add_grad(plan, (Shape){ t->shape.h, t->shape.w, n->c }, n->off);
        if (t->norms == 1 && t->raw_uses == 0 && n->off == 0 && n->c == t->shape.c &&
            takes_affine_grad(plan, t))
            t->norm = i;
    }
}

static void count_writer(Plan *plan, const Op *op, const Source *s)
{
    Grad *g = &plan->grads[source_grad(plan, s)];
    if (source_lazy(plan, op, s)) {
        g->lazies++;
        return;
    }
    g->writers++;
    if (!source_full(plan, s))
        g->partial = true;
}

static void count_writers(Plan *plan)
{
    for (int i = 0; i < plan->n_ops; i++) {
        const Op *op = &plan->ops[i];
        if (op->kind == OP_STAT || op->kind == OP_NORM)
            continue;
        for (int k = 0; k < op->n_src; k++)
            count_writer(plan, op, &plan->sources[op->src + k]);
    }
    for (int i = 0; i < plan->n_norms; i++) {
        const Norm *n = &plan->norms[i];
        int root = tensor_root(plan, n->tensor);
        if (plan->tensors[root].norm == i)
            continue;
        plan->grads[plan->tensors[root].grad].writers++;
        if (n->off != 0 || n->c != plan->tensors[root].shape.c)
            plan->grads[plan->tensors[root].grad].partial = true;
    }
}

static void choose_memory(Plan *plan)
{
    for (int i = 0; i < plan->n_grads; i++) {
        Grad *g = &plan->grads[i];
        g->buffer = g->writers > 0 || g->lazies > MAX_TERMS;
    }
    // A mix multiplies its gradient into many readers: it must be one term.
    for (int i = 0; i < plan->n_ops; i++) {
        const Op *op = &plan->ops[i];
        if (op->kind != OP_MIX && op->kind != OP_COPY && op->kind != OP_RESHAPE)
            continue;
        Grad *g = &plan->grads[plan->tensors[tensor_root(plan, op->out)].grad];
        g->buffer = g->buffer || g->lazies > 1 || op->kind == OP_RESHAPE;
    }
    for (int i = 0; i < plan->n_norms; i++) {
        const Norm *n = &plan->norms[i];
        Grad *g = &plan->grads[n->grad];
        g->stat_wanted = g->buffer;
    }
}

// ---- lifetimes ----------------------------------------------------------------------------------

static void touch(Plan *plan, int grad, int time)
{
    Grad *g = &plan->grads[grad];
    if (g->buffer) {
        g->first = time < g->first ? time : g->first;
        g->last = time > g->last ? time : g->last;
    }
    for (int i = 0; i < g->n_bases; i++) {
        Grad *base = &plan->grads[g->bases[i]];
        base->last = time > base->last ? time : base->last;
    }
}

// The gradient that an op reads for its output: with a direct batch norm that one's.
static int output_grad(const Plan *plan, int tensor)
{
    const Tensor *t = &plan->tensors[tensor_root(plan, tensor)];
    return t->norm != NONE ? plan->norms[t->norm].grad : t->grad;
}

// `from` is handed to `to` as a term.
static void add_base(Plan *plan, int to, int from, int time)
{
    Grad *g = &plan->grads[to];
    const Grad *f = &plan->grads[from];
    for (int i = 0; i < (f->buffer ? 1 : f->n_bases) && g->n_bases < MAX_TERMS; i++)
        g->bases[g->n_bases++] = f->buffer ? from : f->bases[i];
    touch(plan, to, time);
    if (g->n_bases == MAX_TERMS) {
        g->buffer = true;
        touch(plan, to, time);
    }
}

static void walk_op(Plan *plan, int index)
{
    const Op *op = &plan->ops[index];
    int time = backward_time(plan, index);
    if (op->kind == OP_STAT)
        return;
    if (op->kind == OP_NORM) {
        const Norm *n = &plan->norms[op->norm];
        int root = tensor_root(plan, n->tensor);
        touch(plan, n->grad, time);
        if (plan->tensors[root].norm != op->norm)
            touch(plan, plan->tensors[root].grad, time);
        return;
    }
    int out = op->kind == OP_LOSS ? NONE : op->out != NONE ? op->out : op->out2;
    if (out != NONE)
        touch(plan, output_grad(plan, out), time);
    if (op->kind == OP_POOL && op->out != NONE && op->out2 != NONE)
        touch(plan, output_grad(plan, op->out2), time);
    for (int i = 0; i < op->n_units; i++)
        touch(plan, output_grad(plan, plan->units[op->unit[i]].out), time);
    for (int i = 0; i < op->n_src; i++) {
        const Source *s = &plan->sources[op->src + i];
        if (source_lazy(plan, op, s))
            add_base(plan, source_grad(plan, s), output_grad(plan, op->out), time);
        else
            touch(plan, source_grad(plan, s), time);
    }
}

void grads_run(Plan *plan)
{
    for (int i = 0; i < plan->n_ops; i++)
        find_upstream(plan, &plan->ops[i]);
    if (plan->options.forward_only)
        return;
    count_uses(plan);
    make_objects(plan);
    if (plan->failed)
        return;
    count_writers(plan);
    choose_memory(plan);
    for (int i = plan->n_ops - 1; i >= 0; i--)
        walk_op(plan, i);
}
