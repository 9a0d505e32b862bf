// SPDX-License-Identifier: MIT
#include "src/engine/ir.h"

// What a pass runs: with sampled paths a mix reads only some of its inputs, and everything that
// only the others need is left out, forward and backward.

float mix_weight(const Plan *plan, const Op *op, int stream)
{
    MixRef r = plan->refs[op->refs + stream];
    return r.table < 0 ? 1
                       : plan->tables[r.table].weight[r.row * plan->tables[r.table].cols + r.col];
}

bool live_stream(const Plan *plan, const Op *op, int stream)
{
    MixRef r = plan->refs[op->refs + stream];
    if (r.table < 0)
        return true;
    const Table *t = &plan->tables[r.table];
    int at = r.row * t->cols + r.col;
    return t->active[at] || t->weight[at] != 0;
}

static bool is_live(const Plan *plan, int tensor)
{
    return tensor != NONE && plan->tensors[tensor_root(plan, tensor)].live;
}

static bool op_live(const Plan *plan, const Op *op)
{
    bool eval = plan->input.mode == PASS_EVAL;
    switch (op->kind) {
    case OP_LOSS: return !eval || op->node == plan->main_loss;
    case OP_NORM: return plan->norms[op->norm].live;
    case OP_STAT: return !eval && is_live(plan, plan->sources[op->src].tensor);
    default: break;
    }
    for (int i = 0; i < op->n_units; i++)
        if (is_live(plan, plan->units[op->unit[i]].out))
            return true;
    return is_live(plan, op->out) || is_live(plan, op->out2);
}

void live_forward(Plan *plan)
{
    for (int i = 0; i < plan->n_tensors; i++)
        plan->tensors[i].live = false;
    for (int i = 0; i < plan->n_norms; i++)
        plan->norms[i].live = false;
    plan->tensors[tensor_root(plan, plan->logits)].live = true;
    for (int i = plan->n_ops - 1; i >= 0; i--) {
        Op *op = &plan->ops[i];
        op->live = op_live(plan, op);
        if (!op->live)
            continue;
        if (op->kind == OP_NORM)
            plan->tensors[tensor_root(plan, plan->norms[op->norm].tensor)].live = true;
        for (int k = 0; k < op->n_src; k++) {
            const Source *s = &plan->sources[op->src + k];
            if (op->kind == OP_MIX && !live_stream(plan, op, k))
                continue;
            plan->tensors[tensor_root(plan, s->tensor)].live = true;
            if (s->norm != NONE)
                plan->norms[s->norm].live = true;
        }
    }
}

// Writers that will come to a gradient in this pass: the last one also sums for a batch norm.
static void count_remaining(Plan *plan, const Op *op)
{
    if (op->kind == OP_NORM) {
        const Norm *n = &plan->norms[op->norm];
        int root = tensor_root(plan, n->tensor);
        if (plan->tensors[root].norm != op->norm)
            plan->grads[plan->tensors[root].grad].remaining++;
        return;
    }
    for (int k = 0; k < op->n_src; k++) {
        const Source *s = &plan->sources[op->src + k];
        if (source_wanted(plan, s, plan->what) &&
            !(op->kind == OP_MIX && !live_stream(plan, op, k)) && !source_lazy(plan, op, s))
            plan->grads[source_grad(plan, s)].remaining++;
    }
}

static bool wanted(const Plan *plan, const Op *op)
{
    if (op->kind != OP_NORM)
        return ((plan->what & GRAD_WEIGHTS) && op->has_params) ||
               ((plan->what & GRAD_MIX) && op->has_mix);
    const Norm *n = &plan->norms[op->norm];
    Source s = { .tensor = n->tensor, .norm = op->norm };
    return source_wanted(plan, &s, plan->what);
}

void live_backward(Plan *plan)
{
    for (int i = 0; i < plan->n_grads; i++) {
        Grad *g = &plan->grads[i];
        g->filled = g->stat_valid = false;
        g->remaining = g->n_terms = 0;
    }
    for (int i = 0; i < plan->n_ops; i++) {
        Op *op = &plan->ops[i];
        op->back = op->live && op->kind != OP_STAT && wanted(plan, op);
        if (op->back)
            count_remaining(plan, op);
    }
}
