// SPDX-License-Identifier: MIT
#include "src/engine/lower.h"

// Sums of shuffled concatenations, what partial channels make of every edge.

static const Node *only_concat(const Plan *plan, const Node *mix, int i)
{
    const Node *shuffle = lower_input(plan, mix, i);
    const Node *concat = shuffle->attr.kind == LAYER_SHUFFLE && shuffle->uses == 1
                             ? lower_input(plan, shuffle, 0)
                             : NULL;
    return concat && concat->attr.kind == LAYER_CONCAT && concat->uses == 1 ? concat : NULL;
}

static bool same_parts(const Plan *plan, const Node *a, const Node *b)
{
    bool same = a->n_inputs == b->n_inputs;
    for (int k = 0; same && k < a->n_inputs; k++)
        same = lower_input(plan, a, k)->shape.c == lower_input(plan, b, k)->shape.c;
    return same;
}

// Every input is the shuffle of a concatenation of parts of equal sizes that nobody else reads.
static bool sums_shuffles(const Plan *plan, int node)
{
    const Node *n = &plan->nodes[node];
    const Node *first = n->n_inputs > 0 ? only_concat(plan, n, 0) : NULL;
    if (!first || !lower_is_sum(n) || !n->used || n->same != node || lower_inlined(plan, node))
        return false;
    for (int i = 1; i < n->n_inputs; i++) {
        const Node *concat = only_concat(plan, n, i);
        if (!concat || !same_parts(plan, first, concat) ||
            lower_input(plan, n, i)->attr.groups != lower_input(plan, n, 0)->attr.groups)
            return false;
    }
    return true;
}

void lower_find_splits(Plan *plan)
{
    for (int i = 0; i < plan->n_nodes && !plan->options.unfused; i++) {
        Node *n = &plan->nodes[i];
        n->split = sums_shuffles(plan, i);
        for (int k = 0; k < n->n_inputs && n->split; k++) {
            Node *shuffle = &plan->nodes[lower_input_index(plan, n, k)];
            shuffle->folded = plan->nodes[lower_input_index(plan, shuffle, 0)].folded = true;
        }
    }
}

// Part `part` of the sum, into channels [off, off + c) of `whole`.
static void split_part(Plan *plan, int node, int part, int whole, int off)
{
    int count = plan->nodes[node].n_inputs, n = 0;
    Stream *streams = ir_alloc(plan, (size_t)count, sizeof *streams);
    Shape shape = plan->nodes[node].shape;
    for (int i = 0; i < count && !plan->failed; i++) {
        const Node *mix = &plan->nodes[node], *concat = only_concat(plan, mix, i);
        int in = lower_input_index(plan, concat, part);
        MixRef ref = mix->attr.kind == LAYER_MIX ? mix->refs[i] : (MixRef){ NONE, 0, 0 };
        shape.c = plan->nodes[in].shape.c;
        streams[n++] = (Stream){ lower_one(plan, in, false), ref };
    }
    int op = lower_op(plan, OP_MIX, node), out = lower_tensor(plan, shape, op);
    if (out == NONE)
        return;
    plan->tensors[whole].op = op;
    plan->tensors[out].parent = whole;
    plan->tensors[out].off = off;
    lower_sum(plan, op, streams, n, out);
}

// The sum of shuffles is the shuffle of the sum: parts are summed into their place, then shuffled
// once.
void lower_split(Plan *plan, int node)
{
    const Node *concat = only_concat(plan, &plan->nodes[node], 0);
    const int shuffle = lower_input_index(plan, &plan->nodes[node], 0), parts = concat->n_inputs;
    Shape shape = plan->nodes[node].shape;
    int whole = lower_tensor(plan, shape, NONE);
    for (int k = 0, off = 0; k < parts && !plan->failed; k++) {
        split_part(plan, node, k, whole, off);
        concat = only_concat(plan, &plan->nodes[node], 0);
        off += lower_input(plan, concat, k)->shape.c;
    }
    int src = plan->failed ? NONE : lower_sources(plan, (Source[]){ lower_whole(plan, whole) }, 1);
    if (!plan->failed)
        lower_layer(plan, shuffle, node, src, 1);
}
