// SPDX-License-Identifier: MIT
#include "src/engine/ir.h"

#include <string.h>

#include "src/base/alloc.h"

// Equal layers without parameters on equal inputs become one, so that the pools of a state serve
// every edge; then marks what the losses (or, without a loss, the last node) need.

static bool is_random(LayerKind kind)
{
    return kind == LAYER_DROPOUT || kind == LAYER_DROP_PATH || kind == LAYER_NOISE;
}

static bool can_merge(const Node *node)
{
    switch (node->attr.kind) {
    case LAYER_INPUT:
    case LAYER_CONV:
    case LAYER_DEPTHWISE:
    case LAYER_LINEAR:
    case LAYER_ATTENTION:
    case LAYER_MIX:
    case LAYER_LOSS: return false;
    case LAYER_BATCH_NORM:
    case LAYER_LAYER_NORM: return !node->attr.affine;
    default: return !is_random(node->attr.kind);
    }
}

static bool same_attr(const LayerAttr *a, const LayerAttr *b)
{
    return a->kind == b->kind && a->channels == b->channels && a->kernel == b->kernel &&
           a->stride == b->stride && a->pad == b->pad && a->dilation == b->dilation &&
           a->groups == b->groups && a->count_pad == b->count_pad &&
           a->slice_from == b->slice_from && a->heads == b->heads && a->eps == b->eps &&
           a->momentum == b->momentum && a->affine == b->affine;
}

static bool equal_nodes(const Plan *plan, const Node *a, const Node *b)
{
    if (!same_attr(&a->attr, &b->attr) || a->n_inputs != b->n_inputs)
        return false;
    for (int i = 0; i < a->n_inputs; i++)
        if (plan->nodes[a->inputs[i]].same != plan->nodes[b->inputs[i]].same)
            return false;
    return true;
}

// Earlier equal node, looking only at the users of the first input: `chain` links nodes that
// share their first input.
static int find_same(const Plan *plan, int i, const int *head, const int *chain)
{
    const Node *node = &plan->nodes[i];
    int first = plan->nodes[node->inputs[0]].same;
    for (int k = head[first]; k != NONE; k = chain[k])
        if (equal_nodes(plan, node, &plan->nodes[k]))
            return k;
    return i;
}

static void merge(Plan *plan, int *head, int *chain)
{
    for (int i = 0; i < plan->n_nodes; i++) {
        Node *node = &plan->nodes[i];
        node->same = i;
        head[i] = chain[i] = NONE;
        if (node->n_inputs < 1)
            continue;
        int first = plan->nodes[node->inputs[0]].same;
        if (node->attr.kind == LAYER_IDENTITY)
            node->same = first;
        else if (!plan->options.unfused && can_merge(node))
            node->same = find_same(plan, i, head, chain);
        if (node->same != i)
            continue;
        chain[i] = head[first];
        head[first] = i;
    }
}

static void mark_used(Plan *plan)
{
    for (int i = plan->n_nodes - 1; i >= 0; i--) {
        Node *node = &plan->nodes[i];
        if (node->attr.kind == LAYER_LOSS || (plan->main_loss < 0 && i == plan->n_nodes - 1))
            plan->nodes[node->same].used = true;
        if (!node->used)
            continue;
        for (int k = 0; k < node->n_inputs; k++) {
            Node *in = &plan->nodes[plan->nodes[node->inputs[k]].same];
            in->used = true;
            in->uses++;
            in->only_user = i;
        }
    }
}

static Status copy_nodes(Plan *plan, const Graph *g, Error *err)
{
    int n = graph_count(g);
    plan->nodes = ir_alloc(plan, (size_t)n, sizeof *plan->nodes);
    plan->n_nodes = n;
    plan->main_loss = graph_main_loss(g);
    for (int i = 0; i < n && plan->nodes; i++) {
        Node *node = &plan->nodes[i];
        const int *inputs;
        *node = (Node){ .attr = *graph_attr(g, i),
                        .shape = graph_shape(g, i),
                        .home = NONE,
                        .only_user = NONE,
                        .copy = NONE,
                        .w = NO_PARAM,
                        .bias = NO_PARAM,
                        .w2 = NO_PARAM,
                        .bias2 = NO_PARAM,
                        .buffer = NO_PARAM };
        node->n_inputs = graph_inputs(g, i, &inputs);
        int *ins = ir_alloc(plan, (size_t)node->n_inputs + 1, sizeof *ins);
        MixRef *refs = ir_alloc(plan, (size_t)node->n_inputs + 1, sizeof *refs);
        node->name = arena_strdup(&plan->arena, graph_name(g, i));
        if (!ins || !refs || !node->name)
            break;
        for (int k = 0; k < node->n_inputs; k++) {
            ins[k] = inputs[k];
            refs[k] = graph_mix_refs(g, i) ? graph_mix_refs(g, i)[k] : (MixRef){ NONE, 0, 0 };
        }
        node->inputs = ins;
        node->refs = refs;
        if (i == n - 1)
            return STATUS_OK;
    }
    return error_set(err, STATUS_NOMEM, "no memory to compile a graph of %d layers", n);
}

static Status copy_tables(Plan *plan, const Graph *g, Error *err)
{
    plan->n_tables = graph_tables(g);
    plan->tables = ir_alloc(plan, (size_t)plan->n_tables + 1, sizeof *plan->tables);
    for (int t = 0; t < plan->n_tables && plan->tables; t++) {
        Table *table = &plan->tables[t];
        graph_table_size(g, t, &table->rows, &table->cols);
        size_t size = (size_t)table->rows * (size_t)table->cols;
        table->weight = ir_alloc(plan, size, sizeof *table->weight);
        table->active = ir_alloc(plan, size, sizeof *table->active);
        table->grad = ir_alloc(plan, size, sizeof *table->grad);
        table->rest = ir_alloc(plan, (size_t)table->rows, sizeof *table->rest);
        for (size_t i = 0; i < size && !plan->failed; i++) {
            table->active[i] = true;
            table->weight[i] = 1 / (float)table->cols;
        }
    }
    return plan->failed ? error_set(err, STATUS_NOMEM, "no memory for alpha tables") : STATUS_OK;
}

Status cse_run(Plan *plan, const Graph *g, Error *err)
{
    Status status = copy_nodes(plan, g, err);
    if (status == STATUS_OK)
        status = copy_tables(plan, g, err);
    if (status != STATUS_OK)
        return status;
    int *head = mem_array((size_t)plan->n_nodes, sizeof *head);
    int *chain = mem_array((size_t)plan->n_nodes, sizeof *chain);
    if (head && chain)
        merge(plan, head, chain);
    else
        status = error_set(err, STATUS_NOMEM, "no memory to compile a graph");
    mem_free(head);
    mem_free(chain);
    if (status == STATUS_OK)
        mark_used(plan);
    return status;
}
