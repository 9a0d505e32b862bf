// SPDX-License-Identifier: MIT
#include "src/engine/ir.h"

// Recomputation: what lies inside a node of a network is not kept from forward to backward.
//
//   state --> units, pools, ... --> sum --> state        sums (and the image, and what does not
//             `inner` ops                                lead to a sum) are kept
//
// Inner ops run again before the first backward op that reads what they made, with the statistics,
// rates and random numbers of the forward pass, hence with the same bits. Each runs at most once
// more; its results then stay until their last reader. Statistics of batch norms are kept, so
// nothing but the raw outputs is made anew.

static bool can_repeat(OpKind kind)
{
    switch (kind) {
    case OP_UNITS:
    case OP_DW:
    case OP_CONV:
    case OP_POOL:
    case OP_COPY:
    case OP_ACT:
    case OP_GENERIC: return true;
    default: return false;
    }
}

// Root tensor of the i-th output of an op; NONE past the last or where there is none.
static int output_root(const Plan *plan, const Op *op, int i)
{
    int t = i < op->n_units        ? plan->units[op->unit[i]].out
            : i == op->n_units     ? op->out
            : i == op->n_units + 1 ? op->out2
                                   : NONE;
    return t == NONE ? NONE : tensor_root(plan, t);
}

static int output_count(const Op *op)
{
    return op->n_units + 2;
}

// Every reader so far is a sum or an inner op, and there is one.
static bool reads_inside(const Plan *plan, const Op *op)
{
    bool any = false;
    for (int i = 0; i < output_count(op); i++) {
        int root = output_root(plan, op, i);
        if (root == NONE)
            continue;
        if (plan->tensors[root].outer || !plan->tensors[root].inner)
            return false;
        any = true;
    }
    return any;
}

// Marks what ops read: `inner` if some sum or inner op does, `outer` if some other does.
static void mark_ops(Plan *plan)
{
    for (int i = 0; i < plan->n_tensors; i++)
        plan->tensors[i].inner = plan->tensors[i].outer = false;
    plan->tensors[tensor_root(plan, plan->logits)].outer = true;
    for (int i = plan->n_ops - 1; i >= 0; i--) {
        Op *op = &plan->ops[i];
        op->inner = can_repeat(op->kind) && reads_inside(plan, op);
        if (op->kind == OP_STAT || op->kind == OP_NORM)
            continue;
        for (int k = 0; k < op->n_src; k++) {
            Tensor *t = &plan->tensors[tensor_root(plan, plan->sources[op->src + k].tensor)];
            if (op->inner || op->kind == OP_MIX)
                t->inner = true;
            else
                t->outer = true;
        }
    }
    // What an op that runs only once writes is kept, whoever reads it.
    for (int i = 0; i < plan->n_ops; i++)
        for (int k = 0; k < output_count(&plan->ops[i]) && !plan->ops[i].inner; k++) {
            int root = output_root(plan, &plan->ops[i], k);
            if (root != NONE)
                plan->tensors[root].outer = true;
        }
    plan->tensors[0].outer = true;
    for (int i = 0; i < plan->n_tensors; i++) {
        Tensor *t = &plan->tensors[i];
        t->again = t->inner && !t->outer && t->parent == NONE && t->reshaped == NONE;
    }
}

// ---- when ---------------------------------------------------------------------------------------

static int backward_time(const Plan *plan, int op)
{
    return 2 * plan->n_ops - 1 - op;
}

static void need(Plan *plan, int tensor, int before);

static void repeat(Plan *plan, int index, int before)
{
    Op *op = &plan->ops[index];
    if (op->repeated)
        return;
    op->repeated = true;
    for (int k = 0; k < op->n_src; k++)
        need(plan, plan->sources[op->src + k].tensor, before);
    int r = IR_PUSH(plan, redo);
    if (r != NONE)
        plan->redo[r] = (Redo){ .op = index, .before = before };
    for (int k = 0; k < output_count(op); k++) {
        int root = output_root(plan, op, k);
        if (root == NONE || plan->tensors[root].again_first >= 0)
            continue;
        plan->tensors[root].again_first = backward_time(plan, before);
        plan->tensors[root].again_last = backward_time(plan, before);
    }
}

static bool writes(const Plan *plan, const Op *op, int root)
{
    for (int k = 0; k < output_count(op); k++)
        if (output_root(plan, op, k) == root)
            return true;
    return false;
}

// The backward pass of op `before`, or an op that runs again for it, reads this tensor.
static void need(Plan *plan, int tensor, int before)
{
    int root = tensor_root(plan, tensor);
    Tensor *t = &plan->tensors[root];
    if (!t->again)
        return;
    for (int i = 0; i < plan->n_ops && !t->made_again; i++)
        if (plan->ops[i].inner && writes(plan, &plan->ops[i], root))
            repeat(plan, i, before);
    t->made_again = true;
    t->again_last = backward_time(plan, before);
}

static void walk(Plan *plan, int index)
{
    const Op *op = &plan->ops[index];
    if (op->kind == OP_STAT || op->kind == OP_LOSS)
        return;
    if (op->kind == OP_NORM) {
        need(plan, plan->norms[op->norm].tensor, index);
        return;
    }
    for (int k = 0; k < op->n_src; k++)
        need(plan, plan->sources[op->src + k].tensor, index);
    for (int k = 0; k < output_count(op); k++) {
        int root = output_root(plan, op, k);
        if (root != NONE)
            need(plan, root, index);
    }
}

void recompute_run(Plan *plan)
{
    if (!plan->options.recompute || plan->options.forward_only)
        return;
    mark_ops(plan);
    for (int i = 0; i < plan->n_tensors; i++) {
        Tensor *t = &plan->tensors[i];
        t->made_again = false;
        t->again_first = t->again_last = -1;
    }
    for (int i = plan->n_ops - 1; i >= 0 && !plan->failed; i--)
        walk(plan, i);
}

void recompute_before(Plan *plan, int index, int *cursor)
{
    for (; *cursor < plan->n_redo && plan->redo[*cursor].before == index; ++*cursor) {
        Op *op = &plan->ops[plan->redo[*cursor].op];
        if (op->live)
            forward_op(plan, op);
    }
}
