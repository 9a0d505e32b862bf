// SPDX-License-Identifier: MIT
// The network that holds all architectures of a space at once.
#include "src/net/net.h"

#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/net/build.h"

enum { MIX_INPUTS = SPACE_EDGES * (SPACE_OPS + 2), PREFIX = 96 };

typedef struct {
    Builder b;
    const Space *space;
    const SupernetOptions *o;
    NetTables tables;
    int n; // inputs of the mix being collected
    int inputs[MIX_INPUTS];
    MixRef refs[MIX_INPUTS];
} Super;

// One cell: its type, where it stands, its nodes so far.
typedef struct {
    const SpaceCell *type;
    int t, alpha; // cell type, alpha table
    bool reduction;
    int node[SPACE_NODES * 2];
    char prefix[PREFIX];
} Site;

static int cells_of(const Space *space, const SupernetOptions *o)
{
    bool stages = space->net.kind == SKELETON_STAGES;
    int own = stages ? space->net.stage_cells : space->net.cells;
    int cells = o->cells > 0 ? o->cells : own;
    return stages ? cells * space->net.stages : cells;
}

void net_tables(const Space *space, const SupernetOptions *options, NetTables *tables)
{
    *tables = (NetTables){ .beta = -1 };
    int cells = cells_of(space, options);
    tables->cells = cells < NET_CELLS ? cells : NET_CELLS;
    for (int i = 0; i < tables->cells; i++) {
        bool reduction =
            space->net.kind == SKELETON_DARTS && build_reduces_at(space, tables->cells, i);
        tables->type[i] = build_cell_type(space, reduction);
    }
    tables->n_alpha = options->cell_tables ? tables->cells : space->n_cells;
    for (int t = 0; t < tables->n_alpha; t++)
        tables->alpha_type[t] = options->cell_tables ? tables->type[t] : t;
    int next = tables->n_alpha;
    if (options->aux_skip)
        tables->beta = next++;
    for (int t = 0; t < GENO_CELLS; t++)
        tables->edges[t] = options->edge_weights && t < space->n_cells ? next++ : -1;
}

static Status declare_tables(Super *s)
{
    char name[PREFIX];
    Graph *g = s->b.g;
    for (int t = 0; t < s->tables.n_alpha; t++) {
        const SpaceCell *type = &s->space->cells[s->tables.alpha_type[t]];
        if (s->o->cell_tables)
            snprintf(name, sizeof name, "%s.%d", type->name, t);
        else
            snprintf(name, sizeof name, "%s", type->name);
        if (graph_add_table(g, name, type->n_edges, type->max_ops, s->b.err) < 0)
            return STATUS_NOMEM;
    }
    if (s->tables.beta >= 0 && graph_add_table(g, "beta", 1, 1, s->b.err) < 0)
        return STATUS_NOMEM;
    for (int t = 0; t < s->space->n_cells; t++) {
        snprintf(name, sizeof name, "edges.%s", s->space->cells[t].name);
        if (s->tables.edges[t] >= 0 &&
            graph_add_table(g, name, s->space->cells[t].n_edges, 1, s->b.err) < 0)
            return STATUS_NOMEM;
    }
    return STATUS_OK;
}

static void collect(Super *s, int node, MixRef ref)
{
    if (s->n < MIX_INPUTS) { // what SPACE_EDGES and SPACE_OPS allow; more fails in mix()
        s->inputs[s->n] = node;
        s->refs[s->n] = ref;
    }
    s->n++;
}

// An operator with what the options put around it.
static int search_op(const Super *s, const char *prefix, const SpaceOp *op, int stride, int input)
{
    char name[PREFIX + 96];
    int x = input;
    if (op->kind == OP_SKIP && s->o->skip_noise > 0) {
        snprintf(name, sizeof name, "%s.noise", prefix);
        x = build_layer(&s->b, name, (LayerAttr){ .kind = LAYER_NOISE, .rate = -s->o->skip_noise },
                        x);
    }
    x = build_op(&s->b, prefix, op, stride, x);
    bool identity = op->kind == OP_SKIP && stride == 1;
    if (identity && s->o->skip_dropout) {
        snprintf(name, sizeof name, "%s.dropout", prefix);
        x = build_layer(&s->b, name, (LayerAttr){ .kind = LAYER_DROPOUT }, x);
    }
    if (!identity && s->o->drop_path) {
        snprintf(name, sizeof name, "%s.drop_path", prefix);
        x = build_layer(&s->b, name, (LayerAttr){ .kind = LAYER_DROP_PATH }, x);
    }
    return x;
}

static void collect_ops(Super *s, const Site *site, int e, int stride, int input)
{
    const SpaceEdge *edge = &site->type->edges[e];
    for (int k = 0; k < edge->n_ops; k++) {
        const SpaceOp *op = &s->space->ops[edge->ops[k]];
        if (op->kind == OP_NONE)
            continue;
        char prefix[PREFIX + 64];
        snprintf(prefix, sizeof prefix, "%s.%d-%d.%s", site->prefix, edge->from, edge->to,
                 op->name);
        collect(s, search_op(s, prefix, op, stride, input), (MixRef){ site->alpha, e, k });
    }
}

static void collect_aux_skip(Super *s, const Site *site, int e, int stride, int input)
{
    const SpaceEdge *edge = &site->type->edges[e];
    char prefix[PREFIX + 64];
    snprintf(prefix, sizeof prefix, "%s.%d-%d.aux_skip", site->prefix, edge->from, edge->to);
    int x = stride == 1
                ? input
                : build_factorised_reduce(&s->b, prefix, build_channels(&s->b, input), 0, input);
    collect(s, x, (MixRef){ s->tables.beta, 0, 0 });
}

static Shape strided(Shape in, int stride)
{
    return (Shape){ (in.h + stride - 1) / stride, (in.w + stride - 1) / stride, in.c };
}

static int mix(Super *s, const char *name, Shape shape)
{
    if (s->n > MIX_INPUTS)
        return -1;
    for (int i = 0; i < s->n; i++)
        if (s->inputs[i] < 0)
            return -1;
    return graph_add_mix(s->b.g, name, shape, s->inputs, s->refs, s->n, s->b.err);
}

// What one edge gives on its own: the mix of its operators; with partial channels the first
// 1/K of them goes through the operators, the rest past them, then both are shuffled.
static int edge_output(Super *s, const Site *site, int e, int stride, int input)
{
    const SpaceEdge *edge = &site->type->edges[e];
    int K = s->o->partial > 1 ? s->o->partial : 1, C = build_channels(&s->b, input), both[2];
    char name[PREFIX + 64];
    if (input < 0)
        return -1;
    if (C % K != 0) {
        error_set(s->b.err, STATUS_ARG,
                  "%s: %d channels cannot be split in %d parts; choose net.channels as a multiple "
                  "of search.partial",
                  site->prefix, C, K);
        return -1;
    }
    snprintf(name, sizeof name, "%s.%d-%d", site->prefix, edge->from, edge->to);
    LayerAttr slice = { .kind = LAYER_SLICE, .channels = C / K };
    int part = K > 1 ? build_layer(&s->b, name, slice, input) : input;
    if (part < 0)
        return -1;
    s->n = 0;
    collect_ops(s, site, e, stride, part);
    both[0] = mix(s, name, strided(graph_shape(s->b.g, part), stride));
    if (K == 1)
        return both[0];
    slice.slice_from = C / K;
    slice.channels = C - C / K;
    both[1] = build_layer(&s->b, name, slice, input);
    if (stride > 1)
        both[1] = build_layer(
            &s->b, name,
            (LayerAttr){ .kind = LAYER_MAX_POOL, .kernel = 2, .stride = 2, .pad = PAD_TF_SAME },
            both[1]);
    int x = build_join(&s->b, name, (LayerAttr){ .kind = LAYER_CONCAT }, both, 2);
    return build_layer(&s->b, name, (LayerAttr){ .kind = LAYER_SHUFFLE, .groups = K }, x);
}

static int stride_of(const Site *site, int from)
{
    return site->reduction && from < site->type->inputs ? 2 : 1;
}

// A node whose edges are finished on their own before they are added.
static int node_of_edges(Super *s, const Site *site, int to, const char *name, Shape shape)
{
    int out[SPACE_EDGES], n = 0, index[SPACE_EDGES];
    for (int e = 0; e < site->type->n_edges && n < SPACE_EDGES; e++) {
        const SpaceEdge *edge = &site->type->edges[e];
        if (edge->to != to)
            continue;
        index[n] = e;
        out[n++] = edge_output(s, site, e, stride_of(site, edge->from), site->node[edge->from]);
    }
    s->n = 0;
    int table = s->tables.edges[site->t];
    for (int i = 0; i < n; i++) {
        MixRef ref = { table, table >= 0 ? index[i] : 0, 0 };
        collect(s, out[i], ref);
    }
    for (int i = 0; i < n && s->o->aux_skip; i++) {
        int from = site->type->edges[index[i]].from;
        collect_aux_skip(s, site, index[i], stride_of(site, from), site->node[from]);
    }
    return mix(s, name, shape);
}

static int node_of_ops(Super *s, const Site *site, int to, const char *name, Shape shape)
{
    s->n = 0;
    for (int e = 0; e < site->type->n_edges; e++) {
        const SpaceEdge *edge = &site->type->edges[e];
        if (edge->to != to)
            continue;
        int stride = stride_of(site, edge->from), from = site->node[edge->from];
        collect_ops(s, site, e, stride, from);
        if (s->o->aux_skip)
            collect_aux_skip(s, site, e, stride, from);
    }
    return mix(s, name, shape);
}

// The intermediate nodes and the output of a cell whose input nodes are set.
static int build_cell(Super *s, Site *site)
{
    const SpaceCell *type = site->type;
    bool by_edge = s->o->partial > 1 || s->o->edge_weights;
    if (site->node[0] < 0)
        return -1;
    Shape shape = strided(graph_shape(s->b.g, site->node[0]), site->reduction ? 2 : 1);
    for (int to = type->inputs; to < type->inputs + type->nodes; to++) {
        char name[PREFIX + 32];
        snprintf(name, sizeof name, "%s.node%d", site->prefix, to);
        site->node[to] = by_edge ? node_of_edges(s, site, to, name, shape)
                                 : node_of_ops(s, site, to, name, shape);
        if (site->node[to] < 0)
            return -1;
    }
    if (type->combine == COMBINE_SUM || type->nodes == 1)
        return site->node[type->inputs + type->nodes - 1];
    return build_join(&s->b, site->prefix, (LayerAttr){ .kind = LAYER_CONCAT },
                      &site->node[type->inputs], type->nodes);
}

static Site site_of(const Super *s, int cell, bool reduction)
{
    Site site = { .t = s->tables.type[cell], .reduction = reduction };
    site.type = &s->space->cells[site.t];
    site.alpha = s->o->cell_tables ? cell : site.t;
    snprintf(site.prefix, sizeof site.prefix, "cells.%d.%s", cell, site.type->name);
    return site;
}

// Stem, cells of normal and reduction type on the two outputs before them.
static int build_chain(Super *s)
{
    int C = s->o->channels > 0 ? s->o->channels : s->space->net.channels;
    int stem = s->space->net.stem > 0 ? s->space->net.stem : 1;
    int last = build_stem(&s->b, C * stem, 0), before = last;
    bool reduced = false;
    for (int i = 0; i < s->tables.cells; i++) {
        bool reduction = build_reduces_at(s->space, s->tables.cells, i);
        Site site = site_of(s, i, reduction);
        char name[PREFIX + 16];
        if (reduction)
            C *= 2;
        int input = 0;
        if (site.type->inputs > 1) {
            snprintf(name, sizeof name, "%s.pre0", site.prefix);
            site.node[input++] =
                reduced ? build_factorised_reduce(&s->b, name, C, 0, before)
                        : build_relu_conv_bn(&s->b, name, (ConvBn){ C, 1, 1, 0 }, before);
        }
        snprintf(name, sizeof name, "%s.pre1", site.prefix);
        site.node[input] = build_relu_conv_bn(&s->b, name, (ConvBn){ C, 1, 1, 0 }, last);
        before = last;
        last = build_cell(s, &site);
        reduced = reduction;
    }
    return last;
}

// Stages of equal cells with a residual block of stride 2 between them, BN and ReLU at the end.
static int build_stages(Super *s)
{
    int C = s->o->channels > 0 ? s->o->channels : s->space->net.channels;
    int stem = s->space->net.stem > 0 ? s->space->net.stem : 1;
    int x = build_stem(&s->b, C * stem, 0), cell = 0;
    int per_stage = s->tables.cells / s->space->net.stages;
    C *= stem;
    for (int stage = 0; stage < s->space->net.stages; stage++) {
        char name[PREFIX];
        if (stage > 0) {
            C *= 2;
            snprintf(name, sizeof name, "residual.%d", stage);
            x = build_residual(&s->b, name, C, x);
        }
        for (int i = 0; i < per_stage; i++) {
            Site site = site_of(s, cell++, false);
            site.node[0] = x;
            x = build_cell(s, &site);
        }
    }
    x = build_bn(&s->b, "last.bn", 1, x);
    return build_relu(&s->b, "last.relu", x);
}

static Status build(Super *s)
{
    if (s->tables.cells < 1 || cells_of(s->space, s->o) > NET_CELLS)
        return error_set(s->b.err, STATUS_ARG, "a network of %d cells; expected 1 to %d",
                         cells_of(s->space, s->o), NET_CELLS);
    Status status = declare_tables(s);
    if (status != STATUS_OK)
        return status;
    int x = s->space->net.kind == SKELETON_STAGES ? build_stages(s) : build_chain(s);
    if (build_head(&s->b, "head", s->space->classes, (LayerAttr){ .kind = LAYER_LOSS }, x) < 0)
        return s->b.err->code != STATUS_OK
                   ? s->b.err->code
                   : error_set(s->b.err, STATUS_NOMEM, "supernet of '%s' cannot be built",
                               s->space->name);
    return STATUS_OK;
}

Status net_supernet(const Space *space, const SupernetOptions *options, Graph **out, Error *err)
{
    Error own = { 0 };
    Super *s = mem_zero(1, sizeof *s);
    int height = options->height > 0 ? options->height : space->height;
    int width = options->width > 0 ? options->width : space->width;
    Graph *g = graph_new((Shape){ height, width, space->channels });
    Status status = STATUS_NOMEM;
    if (!s || !g) {
        error_set(&own, STATUS_NOMEM, "no memory for the supernet of '%s'", space->name);
    } else {
        s->b = (Builder){ g, false, &own };
        s->space = space;
        s->o = options;
        net_tables(space, options, &s->tables);
        status = build(s);
    }
    mem_free(s);
    if (status != STATUS_OK) {
        graph_free(g);
        if (err)
            *err = own;
        return status;
    }
    *out = g;
    return STATUS_OK;
}
