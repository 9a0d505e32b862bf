// SPDX-License-Identifier: MIT
#include "src/engine/graph.h"

#include <string.h>

#include "src/base/alloc.h"
#include "src/base/arena.h"

typedef struct {
    const char *name;
    LayerAttr attr;
    Shape shape;
    int *inputs;
    MixRef *refs;
    int n_inputs;
    bool learned; // has parameters or buffers: the name must be unique
    uint32_t hash;
} GraphNode;

typedef struct {
    const char *name;
    int rows, cols;
} GraphTable;

struct Graph {
    Arena arena;
    GraphNode *nodes;
    int count, cap;
    GraphTable *tables;
    int n_tables;
};

Graph *graph_new(Shape input)
{
    Graph *g = mem_zero(1, sizeof *g);
    if (!g)
        return NULL;
    g->cap = 64;
    g->nodes = mem_zero((size_t)g->cap, sizeof *g->nodes);
    if (!g->nodes) {
        mem_free(g);
        return NULL;
    }
    g->nodes[0] = (GraphNode){ .name = "input", .shape = input };
    g->count = 1;
    return g;
}

void graph_free(Graph *g)
{
    if (!g)
        return;
    arena_fini(&g->arena);
    mem_free(g->nodes);
    mem_free(g->tables);
    mem_free(g);
}

static uint32_t hash_name(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}

static bool is_learned(const LayerAttr *attr)
{
    switch (attr->kind) {
    case LAYER_CONV:
    case LAYER_DEPTHWISE:
    case LAYER_BATCH_NORM:
    case LAYER_LINEAR:
    case LAYER_ATTENTION: return true;
    case LAYER_LAYER_NORM: return attr->affine != 0;
    default: return false;
    }
}

static Status check_inputs(const Graph *g, const char *name, const int *inputs, int n, Error *err)
{
    for (int i = 0; i < n; i++)
        if (inputs[i] < 0 || inputs[i] >= g->count)
            return error_set(err, STATUS_ARG, "%s: input %d is node %d, but there are %d nodes",
                             name, i, inputs[i], g->count);
    return STATUS_OK;
}

static Status check_name(const Graph *g, const char *name, Error *err)
{
    uint32_t hash = hash_name(name);
    for (int i = 0; i < g->count; i++)
        if (g->nodes[i].learned && g->nodes[i].hash == hash && strcmp(g->nodes[i].name, name) == 0)
            return error_set(err, STATUS_ARG, "two layers with parameters are called '%s'", name);
    return STATUS_OK;
}

// Appends a node whose shape is known to be right.
static int append(Graph *g, GraphNode node, const int *inputs, const MixRef *refs, Error *err)
{
    if (g->count == g->cap) {
        GraphNode *more = mem_grow(g->nodes, (size_t)g->cap * 2, sizeof *more);
        if (!more) {
            error_set(err, STATUS_NOMEM, "no memory for a graph of %d layers", g->count);
            return -1;
        }
        g->nodes = more;
        g->cap *= 2;
    }
    size_t n = (size_t)node.n_inputs;
    node.hash = hash_name(node.name);
    node.name = arena_strdup(&g->arena, node.name);
    node.inputs = arena_alloc(&g->arena, n + 1, sizeof *node.inputs);
    node.refs = refs ? arena_alloc(&g->arena, n + 1, sizeof *node.refs) : NULL;
    if (!node.name || !node.inputs || (refs && !node.refs)) {
        error_set(err, STATUS_NOMEM, "no memory for a graph of %d layers", g->count);
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        node.inputs[i] = inputs[i];
        if (refs)
            node.refs[i] = refs[i];
    }
    g->nodes[g->count] = node;
    return g->count++;
}

int graph_add(Graph *g, const char *name, const LayerAttr *attr, const int *inputs, int n,
              Error *err)
{
    GraphNode node = { .name = name, .attr = *attr, .n_inputs = n };
    if (check_inputs(g, name, inputs, n, err) != STATUS_OK)
        return -1;
    Shape *shapes = mem_array((size_t)(n > 0 ? n : 1), sizeof *shapes);
    if (!shapes) {
        error_set(err, STATUS_NOMEM, "%s: no memory", name);
        return -1;
    }
    for (int i = 0; i < n; i++)
        shapes[i] = g->nodes[inputs[i]].shape;
    Status status = layer_shape(attr, shapes, n, &node.shape, err);
    mem_free(shapes);
    if (status != STATUS_OK) {
        error_wrap(err, "%s", name);
        return -1;
    }
    node.learned = is_learned(attr);
    if (node.learned && check_name(g, name, err) != STATUS_OK)
        return -1;
    return append(g, node, inputs, NULL, err);
}

static Status check_ref(const Graph *g, const char *name, MixRef ref, Error *err)
{
    if (ref.table == -1)
        return STATUS_OK;
    if (ref.table < 0 || ref.table >= g->n_tables)
        return error_set(err, STATUS_ARG, "%s: alpha table %d, but there are %d", name, ref.table,
                         g->n_tables);
    const GraphTable *t = &g->tables[ref.table];
    if (ref.row < 0 || ref.row >= t->rows || ref.col < 0 || ref.col >= t->cols)
        return error_set(err, STATUS_ARG, "%s: entry [%d][%d] of alpha table '%s' of %d x %d", name,
                         ref.row, ref.col, t->name, t->rows, t->cols);
    return STATUS_OK;
}

int graph_add_mix(Graph *g, const char *name, Shape shape, const int *inputs, const MixRef *refs,
                  int n, Error *err)
{
    GraphNode node = { .name = name, .attr = { .kind = LAYER_MIX }, .shape = shape, .n_inputs = n };
    if (shape.h < 1 || shape.w < 1 || shape.c < 1 || n < 0) {
        error_set(err, STATUS_ARG, "%s: mix of shape %d x %d x %d", name, shape.h, shape.w,
                  shape.c);
        return -1;
    }
    if (check_inputs(g, name, inputs, n, err) != STATUS_OK)
        return -1;
    for (int i = 0; i < n; i++) {
        Shape in = g->nodes[inputs[i]].shape;
        if (in.h != shape.h || in.w != shape.w || in.c != shape.c) {
            error_set(err, STATUS_ARG, "%s: input %d (%s) is %d x %d x %d, the mix is %d x %d x %d",
                      name, i, g->nodes[inputs[i]].name, in.h, in.w, in.c, shape.h, shape.w,
                      shape.c);
            return -1;
        }
        if (check_ref(g, name, refs[i], err) != STATUS_OK)
            return -1;
    }
    static const MixRef none = { -1, 0, 0 };
    return append(g, node, inputs, n > 0 ? refs : &none, err);
}

int graph_add_table(Graph *g, const char *name, int rows, int cols, Error *err)
{
    if (rows < 1 || cols < 1) {
        error_set(err, STATUS_ARG, "alpha table '%s' of %d x %d", name, rows, cols);
        return -1;
    }
    GraphTable *more = mem_grow(g->tables, (size_t)g->n_tables + 1, sizeof *more);
    if (more)
        g->tables = more;
    char *copy = more ? arena_strdup(&g->arena, name) : NULL;
    if (!copy) {
        error_set(err, STATUS_NOMEM, "no memory for alpha table '%s'", name);
        return -1;
    }
    g->tables[g->n_tables] = (GraphTable){ copy, rows, cols };
    return g->n_tables++;
}

// ---- reading ------------------------------------------------------------------------------------

int graph_count(const Graph *g)
{
    return g->count;
}

Shape graph_shape(const Graph *g, int node)
{
    return g->nodes[node].shape;
}

const LayerAttr *graph_attr(const Graph *g, int node)
{
    return &g->nodes[node].attr;
}

const char *graph_name(const Graph *g, int node)
{
    return g->nodes[node].name;
}

int graph_inputs(const Graph *g, int node, const int **inputs)
{
    if (inputs)
        *inputs = g->nodes[node].inputs;
    return g->nodes[node].n_inputs;
}

const MixRef *graph_mix_refs(const Graph *g, int node)
{
    return g->nodes[node].refs;
}

int graph_tables(const Graph *g)
{
    return g->n_tables;
}

void graph_table_size(const Graph *g, int table, int *rows, int *cols)
{
    *rows = g->tables[table].rows;
    *cols = g->tables[table].cols;
}

const char *graph_table_name(const Graph *g, int table)
{
    return g->tables[table].name;
}

int graph_main_loss(const Graph *g)
{
    int last = -1, main_loss = -1;
    for (int i = 0; i < g->count; i++) {
        if (g->nodes[i].attr.kind != LAYER_LOSS)
            continue;
        last = i;
        float w = g->nodes[i].attr.weight;
        if (w == 0 || w == 1)
            main_loss = i;
    }
    return main_loss >= 0 ? main_loss : last;
}

// ---- costs --------------------------------------------------------------------------------------

static int64_t node_cost(const Graph *g, int i, bool macs)
{
    const GraphNode *node = &g->nodes[i];
    if (node->attr.kind == LAYER_MIX || node->attr.kind == LAYER_INPUT || node->n_inputs < 1)
        return 0;
    Shape in = g->nodes[node->inputs[0]].shape;
    if (node->attr.kind != LAYER_CONV && !node->learned)
        return 0;
    return macs ? layer_macs(&node->attr, &in, 1) : layer_params(&node->attr, &in, 1);
}

// Sum over what the main loss needs; over everything when there is no loss.
static int64_t total_cost(const Graph *g, bool macs)
{
    bool *needed = mem_zero((size_t)g->count, sizeof *needed);
    if (!needed)
        return -1;
    int root = graph_main_loss(g);
    int64_t sum = 0;
    for (int i = g->count - 1; i >= 0; i--) {
        if (root < 0 || i == root)
            needed[i] = true;
        if (!needed[i])
            continue;
        sum += node_cost(g, i, macs);
        for (int k = 0; k < g->nodes[i].n_inputs; k++)
            needed[g->nodes[i].inputs[k]] = true;
    }
    mem_free(needed);
    return sum;
}

int64_t graph_params(const Graph *g)
{
    return total_cost(g, false);
}

int64_t graph_macs(const Graph *g)
{
    return total_cost(g, true);
}
