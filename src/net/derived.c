// SPDX-License-Identifier: MIT
// The network of one architecture, as it is trained from scratch.
#include "src/net/net.h"

#include <stdio.h>
#include <string.h>

#include "src/net/build.h"

enum { PREFIX = 96 };

typedef struct {
    Builder b;
    const Space *space;
    const Genotype *geno;
    const DerivedOptions *o;
} Derived;

typedef struct {
    const GenoCell *geno;
    bool reduction;
    int node[64];
    char prefix[PREFIX];
} Site;

static const GenoCell *cell_of(const Derived *d, bool reduction)
{
    const char *name = d->space->cells[build_cell_type(d->space, reduction)].name;
    const GenoCell *cell = genotype_cell(d->geno, name);
    if (!cell && reduction)
        cell = genotype_cell(d->geno, "reduce");
    if (!cell && d->geno->n_cells > 0)
        cell = &d->geno->cells[reduction && d->geno->n_cells > 1 ? 1 : 0];
    return cell;
}

static int unknown_op(const Derived *d, const char *name)
{
    error_set(d->b.err, STATUS_ARG, "the genotype has operator '%s', which space '%s' lacks", name,
              d->space->name);
    return -1;
}

// The operator of one gene on its input, with drop path unless it is an identity.
static int build_gene(const Derived *d, const Site *site, const GenoEdge *gene)
{
    int k = space_op_index(d->space, gene->op);
    int stride = site->reduction && gene->from < site->geno->inputs ? 2 : 1;
    if (k < 0)
        return unknown_op(d, gene->op);
    const SpaceOp *op = &d->space->ops[k];
    char prefix[PREFIX + 64];
    snprintf(prefix, sizeof prefix, "%s.%d-%d.%s", site->prefix, gene->from, gene->to, op->name);
    int x = build_op(&d->b, prefix, op, stride, site->node[gene->from]);
    if (!d->o->drop_path || (op->kind == OP_SKIP && stride == 1))
        return x;
    return build_layer(&d->b, prefix, (LayerAttr){ .kind = LAYER_DROP_PATH }, x);
}

static bool is_none(const Derived *d, const char *name)
{
    int k = space_op_index(d->space, name);
    return (k >= 0 ? d->space->ops[k].kind : op_class_of_name(name)) == OP_NONE;
}

static int build_node(const Derived *d, const Site *site, int to, Shape shape)
{
    int sum[GENO_EDGES], n = 0;
    for (int e = 0; e < site->geno->n_edges; e++) {
        const GenoEdge *gene = &site->geno->edges[e];
        if (gene->to == to && !is_none(d, gene->op))
            sum[n++] = build_gene(d, site, gene);
    }
    char name[PREFIX + 16];
    snprintf(name, sizeof name, "%s.node%d", site->prefix, to);
    if (n == 0) // nothing arrives: zeros
        return graph_add_mix(d->b.g, name, shape, NULL, NULL, 0, d->b.err);
    return n == 1 ? sum[0] : build_join(&d->b, name, (LayerAttr){ .kind = LAYER_ADD }, sum, n);
}

static int build_cell(const Derived *d, Site *site)
{
    const GenoCell *geno = site->geno;
    if (site->node[0] < 0 || geno->inputs + geno->nodes > 64)
        return -1;
    Shape shape = graph_shape(d->b.g, site->node[0]);
    int stride = site->reduction ? 2 : 1;
    shape.h = (shape.h + stride - 1) / stride;
    shape.w = (shape.w + stride - 1) / stride;
    for (int to = geno->inputs; to < geno->inputs + geno->nodes; to++) {
        site->node[to] = build_node(d, site, to, shape);
        if (site->node[to] < 0)
            return -1;
    }
    if (geno->combine == COMBINE_SUM)
        return site->node[geno->inputs + geno->nodes - 1];
    int out[16], n = 0;
    for (int i = 0; i < geno->n_concat && n < 16; i++)
        out[n++] = site->node[geno->concat[i]];
    return n == 1 ? out[0]
                  : build_join(&d->b, site->prefix, (LayerAttr){ .kind = LAYER_CONCAT }, out, n);
}

// ReLU, average pool 5 of stride 3, conv 1 x 1 to 128, conv 2 x 2 to 768, linear; SCIENCE.md 1.4.
static int build_aux(const Derived *d, int input)
{
    const Builder *b = &d->b;
    int x = build_relu(b, "aux.relu", input);
    x = build_layer(b, "aux.pool", (LayerAttr){ .kind = LAYER_AVG_POOL, .kernel = 5, .stride = 3 },
                    x);
    x = build_layer(b, "aux.conv_1",
                    (LayerAttr){ .kind = LAYER_CONV, .channels = 128, .kernel = 1 }, x);
    x = build_relu(b, "aux.relu_1", build_bn(b, "aux.bn_1", 1, x));
    x = build_layer(b, "aux.conv_2",
                    (LayerAttr){ .kind = LAYER_CONV, .channels = 768, .kernel = 2 }, x);
    x = build_relu(b, "aux.relu_2", build_bn(b, "aux.bn_2", 1, x));
    x = build_layer(b, "aux.linear",
                    (LayerAttr){ .kind = LAYER_LINEAR, .channels = d->space->classes, .bias = 1 },
                    x);
    LayerAttr loss = { .kind = LAYER_LOSS,
                       .weight = d->o->aux_weight > 0 ? d->o->aux_weight : 0.4f,
                       .smoothing = d->o->smoothing };
    return build_layer(b, "aux.loss", loss, x);
}

// Whether an auxiliary head may stand after cell i with this output.
static bool wants_aux(const Derived *d, int cells, int i, int node)
{
    if (!d->o->aux || i != 2 * cells / 3 || i == cells - 1 || node < 0)
        return false;
    Shape shape = graph_shape(d->b.g, node);
    return shape.h >= 8 && shape.w >= 8;
}

static void place_inputs(const Derived *d, Site *site, int C, bool reduced, int before, int last)
{
    char name[PREFIX + 16];
    int input = 0;
    if (site->geno->inputs > 1) {
        snprintf(name, sizeof name, "%s.pre0", site->prefix);
        site->node[input++] = reduced
                                  ? build_factorised_reduce(&d->b, name, C, 1, before)
                                  : build_relu_conv_bn(&d->b, name, (ConvBn){ C, 1, 1, 1 }, before);
    }
    snprintf(name, sizeof name, "%s.pre1", site->prefix);
    site->node[input] = build_relu_conv_bn(&d->b, name, (ConvBn){ C, 1, 1, 1 }, last);
}

static int build_chain(const Derived *d)
{
    const SpaceNet *net = &d->space->net;
    int C = d->o->channels > 0 ? d->o->channels : net->channels;
    int cells = d->o->cells > 0 ? d->o->cells : net->cells;
    int last = build_stem(&d->b, C * (net->stem > 0 ? net->stem : 1), 0), before = last;
    bool reduced = false;
    for (int i = 0; i < cells && last >= 0; i++) {
        bool reduction = build_reduces_at(d->space, cells, i);
        Site site = { .geno = cell_of(d, reduction), .reduction = reduction };
        snprintf(site.prefix, sizeof site.prefix, "cells.%d", i);
        if (reduction)
            C *= 2;
        place_inputs(d, &site, C, reduced, before, last);
        before = last;
        last = build_cell(d, &site);
        reduced = reduction;
        if (wants_aux(d, cells, i, last) && build_aux(d, last) < 0)
            return -1;
    }
    return last;
}

static int build_stages(const Derived *d)
{
    const SpaceNet *net = &d->space->net;
    int C = (d->o->channels > 0 ? d->o->channels : net->channels) * (net->stem > 0 ? net->stem : 1);
    int per_stage = d->o->cells > 0 ? d->o->cells : net->stage_cells;
    int x = build_stem(&d->b, C, 0);
    for (int cell = 0; cell < per_stage * net->stages; cell++) {
        char name[PREFIX];
        if (cell > 0 && cell % per_stage == 0) {
            C *= 2;
            snprintf(name, sizeof name, "residual.%d", cell / per_stage);
            x = build_residual(&d->b, name, C, x);
        }
        Site site = { .geno = cell_of(d, false) };
        snprintf(site.prefix, sizeof site.prefix, "cells.%d", cell);
        site.node[0] = x;
        x = build_cell(d, &site);
    }
    x = build_bn(&d->b, "last.bn", 1, x);
    return build_relu(&d->b, "last.relu", x);
}

Status net_derived(const Space *space, const Genotype *geno, const DerivedOptions *options,
                   Graph **out, Error *err)
{
    Error own = { 0 };
    if (geno->n_cells < 1)
        return error_set(err, STATUS_ARG, "the genotype has no cells");
    int height = options->height > 0 ? options->height : space->height;
    int width = options->width > 0 ? options->width : space->width;
    Graph *g = graph_new((Shape){ height, width, space->channels });
    if (!g)
        return error_set(err, STATUS_NOMEM, "no memory for the network of an architecture");
    Derived d = { { g, true, &own }, space, geno, options };
    int x = space->net.kind == SKELETON_STAGES ? build_stages(&d) : build_chain(&d);
    LayerAttr loss = { .kind = LAYER_LOSS, .smoothing = options->smoothing };
    if (build_head(&d.b, "head", space->classes, loss, x) < 0) {
        graph_free(g);
        if (own.code == STATUS_OK)
            return error_set(err, STATUS_ARG, "the genotype does not fit space '%s'", space->name);
        if (err)
            *err = own;
        return own.code;
    }
    *out = g;
    return STATUS_OK;
}

Status net_cost(const Space *space, const Genotype *geno, const DerivedOptions *options,
                int64_t *params, int64_t *macs, Error *err)
{
    Graph *g = NULL;
    Status status = net_derived(space, geno, options, &g, err);
    if (status != STATUS_OK)
        return status;
    *params = graph_params(g);
    *macs = graph_macs(g);
    graph_free(g);
    return STATUS_OK;
}
