// SPDX-License-Identifier: MIT
// Everything that can be wrong in a model of a space. `field` says which part of the script is at
// fault. Nothing about the model is assumed before it is checked.
#include "src/space/space.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"

typedef struct {
    const Space *space;
    SpaceField *field;
    Error *err;
} Check;

__attribute__((format(printf, 3, 4))) static Status bad(const Check *c, const char *path,
                                                        const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (c->field)
        snprintf(c->field->path, sizeof c->field->path, "%s", path);
    return error_set(c->err, STATUS_SCRIPT, "%s", text);
}

static Status bad_op(const Check *c, const SpaceOp *op)
{
    if (c->field)
        snprintf(c->field->path, sizeof c->field->path, "op.%s", op->name);
    return STATUS_SCRIPT;
}

static bool in_range(int value, int low, int high)
{
    return value >= low && value <= high;
}

// Runs are directories named after their space.
static bool is_space_name(const char *name)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    if (!name || !*name || strchr(".-_", *name) || strlen(name) > 63)
        return false;
    return strspn(name, word) == strlen(name);
}

static Status check_input(const Check *c)
{
    const Space *s = c->space;
    if (!is_space_name(s->name))
        return bad(c, "name",
                   "name: expected 1 to 63 letters, digits, '.', '_' or '-', a letter or digit "
                   "first");
    if (!in_range(s->channels, 1, 64))
        return bad(c, "input.channels", "input.channels is %d; expected 1 to 64", s->channels);
    if (!in_range(s->height, 1, SPACE_SIDE) || !in_range(s->width, 1, SPACE_SIDE))
        return bad(c, "input.height", "input is %d x %d pixels; expected 1 to %d on a side",
                   s->height, s->width, SPACE_SIDE);
    if (!in_range(s->classes, 2, 100000))
        return bad(c, "classes", "classes is %d; expected at least 2", s->classes);
    return STATUS_OK;
}

static bool is_windowed(LayerKind kind)
{
    return kind == LAYER_CONV || kind == LAYER_DEPTHWISE || kind == LAYER_MAX_POOL ||
           kind == LAYER_AVG_POOL;
}

static Status check_layer(const Check *c, const SpaceOp *op, const OpLayer *layer, int index)
{
    const LayerAttr *a = &layer->attr;
    const char *kind = layer_name(a->kind);
    char path[64];
    snprintf(path, sizeof path, "op.%.40s", op->name);
    if (!kind || a->kind == LAYER_INPUT || a->kind == LAYER_MIX || a->kind == LAYER_LOSS)
        return bad(c, path, "operator '%s', layer %d: not a layer operators can use", op->name,
                   index + 1);
    if (!in_range(layer->n_inputs, 1, 4))
        return bad(c, path, "operator '%s', layer %d (%s): %d inputs; expected 1 to 4", op->name,
                   index + 1, kind, layer->n_inputs);
    for (int i = 0; i < layer->n_inputs; i++)
        if (!in_range(layer->inputs[i], 0, index))
            return bad(c, path,
                       "operator '%s', layer %d (%s): input %d does not come before it; use 0 for "
                       "the operator's input or the number of an earlier layer",
                       op->name, index + 1, kind, layer->inputs[i]);
    bool even = a->kernel % 2 == 0 && a->pad == PAD_SAME; // has no middle
    if (is_windowed(a->kind) && (a->kernel < 1 || even || a->kernel > 31))
        return bad(c, path,
                   "operator '%s', layer %d (%s): kernel %d; expected an odd number from 1 to 31, "
                   "or an even one with pad = \"tf\"",
                   op->name, index + 1, kind, a->kernel);
    if (!in_range(a->stride, 0, 2) || !in_range(a->dilation, 0, 16) || a->groups < 0)
        return bad(c, path,
                   "operator '%s', layer %d (%s): stride, dilation or groups out of range "
                   "(stride 1 or 2, dilation 1 to 16)",
                   op->name, index + 1, kind);
    return STATUS_OK;
}

static Status check_layers(const Check *c, const SpaceOp *op, const OpLayer *layers, int n)
{
    char path[64];
    snprintf(path, sizeof path, "op.%.40s", op->name);
    if (!layers || !in_range(n, 1, SPACE_OP_LAYERS))
        return bad(c, path, "operator '%s' has %d layers; expected 1 to %d", op->name, n,
                   SPACE_OP_LAYERS);
    for (int i = 0; i < n; i++) {
        Status status = check_layer(c, op, &layers[i], i);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

// Genotype text quotes operator names and separates them by | and ~.
static bool is_name(const char *name)
{
    if (!name || !*name || strlen(name) > 31)
        return false;
    for (const char *p = name; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *p))
            return false;
    return true;
}

static Status check_op(const Check *c, int index)
{
    const SpaceOp *op = &c->space->ops[index];
    if (!is_name(op->name))
        return bad(c, "cell.ops",
                   "operator '%s': a name has 1 to 31 letters, digits and underscores",
                   op->name ? op->name : "");
    if (space_op_index(c->space, op->name) != index)
        return bad(c, "cell.ops", "two operators are called '%s'", op->name);
    if (!op->code || !*op->code || strlen(op->code) > 4)
        return bad(c, "cell.ops", "operator '%s': code must have up to four letters", op->name);
    if (!in_range((int)op->kind, OP_NONE, OP_OTHER))
        return bad(c, "cell.ops", "operator '%s' has no class", op->name);
    Status status = check_layers(c, op, op->layers, op->n_layers);
    if (status == STATUS_OK && op->reduce)
        status = check_layers(c, op, op->reduce, op->n_reduce);
    return status;
}

static Status check_edge(const Check *c, const SpaceCell *cell, int index)
{
    const SpaceEdge *e = &cell->edges[index];
    int last = cell->inputs + cell->nodes - 1;
    if (e->from < 0 || e->from >= e->to || !in_range(e->to, cell->inputs, last))
        return bad(c, "cell.edges",
                   "cell '%s', edge %d-%d: expected an edge from a lower node to one of %d to %d",
                   cell->name, e->from, e->to, cell->inputs, last);
    if (space_edge_index(cell, e->from, e->to) != index)
        return bad(c, "cell.edges", "cell '%s', edge %d-%d is given twice", cell->name, e->from,
                   e->to);
    if (index > 0 && (e[-1].to > e->to || (e[-1].to == e->to && e[-1].from > e->from)))
        return bad(c, "cell.edges", "cell '%s', edge %d-%d is out of order", cell->name, e->from,
                   e->to);
    if (!e->ops || !in_range(e->n_ops, 1, cell->max_ops))
        return bad(c, "cell.ops", "cell '%s', edge %d-%d has no operators", cell->name, e->from,
                   e->to);
    for (int i = 0; i < e->n_ops; i++) {
        if (!in_range(e->ops[i], 0, c->space->n_ops - 1))
            return bad(c, "cell.ops", "cell '%s', edge %d-%d: unknown operator number %d",
                       cell->name, e->from, e->to, e->ops[i]);
        for (int k = 0; k < i; k++)
            if (e->ops[k] == e->ops[i])
                return bad(c, "cell.ops", "cell '%s', edge %d-%d: operator '%s' is listed twice",
                           cell->name, e->from, e->to, c->space->ops[e->ops[i]].name);
    }
    return STATUS_OK;
}

static bool carries(const Space *space, const SpaceEdge *edge)
{
    for (int i = 0; i < edge->n_ops; i++)
        if (space->ops[edge->ops[i]].kind != OP_NONE)
            return true;
    return false;
}

// Every node needs edges, and some path of operators other than `none` must lead from an input
// to the output.
static Status check_paths(const Check *c, const SpaceCell *cell)
{
    bool live[SPACE_NODES * 2] = { false };
    int last = cell->inputs + cell->nodes - 1, live_nodes = 0;
    for (int i = 0; i < cell->inputs; i++)
        live[i] = true;
    for (int node = cell->inputs; node <= last; node++) {
        int into = 0;
        for (int i = 0; i < cell->n_edges; i++) {
            const SpaceEdge *e = &cell->edges[i];
            if (e->to != node)
                continue;
            into++;
            live[node] = live[node] || (live[e->from] && carries(c->space, e));
            if (cell->derive == DERIVE_TOP && !carries(c->space, e))
                return bad(c, "cell.ops",
                           "cell '%s', edge %d-%d offers only none; add an operator or leave the "
                           "edge out",
                           cell->name, e->from, e->to);
        }
        live_nodes += live[node];
        if (into == 0)
            return bad(c, "cell.edges", "cell '%s': no edge leads to node %d", cell->name, node);
        if (cell->derive == DERIVE_TOP && cell->keep > into)
            return bad(c, "cell.keep", "cell '%s': keep is %d, but only %d edge%s to node %d",
                       cell->name, cell->keep, into, into == 1 ? " leads" : "s lead", node);
    }
    if (cell->combine == COMBINE_CONCAT ? live_nodes == 0 : !live[last])
        return bad(c, "cell.ops",
                   "cell '%s': no path of operators other than none leads from an input to the "
                   "output",
                   cell->name);
    return STATUS_OK;
}

static Status check_cell(const Check *c, int index)
{
    const SpaceCell *cell = &c->space->cells[index];
    if (!is_name(cell->name) || space_cell_index(c->space, cell->name) != index)
        return bad(c, "cells", "cell '%s': expected a name of its own, letters and digits only",
                   cell->name ? cell->name : "");
    int most = c->space->net.kind == SKELETON_STAGES ? 1 : 2;
    if (!in_range(cell->inputs, 1, most))
        return bad(c, "cell.inputs", "cell '%s': %d inputs; this skeleton feeds 1%s", cell->name,
                   cell->inputs, most == 2 ? " or 2" : "");
    if (!in_range(cell->nodes, 1, SPACE_NODES - cell->inputs))
        return bad(c, "cell.nodes", "cell '%s': nodes is %d; expected 1 to %d", cell->name,
                   cell->nodes, SPACE_NODES - cell->inputs);
    if (!in_range(cell->n_edges, 1, SPACE_EDGES) || !cell->edges)
        return bad(c, "cell.nodes", "cell '%s' has %d edges; expected 1 to %d", cell->name,
                   cell->n_edges, SPACE_EDGES);
    if (cell->derive == DERIVE_TOP && cell->keep < 1)
        return bad(c, "cell.keep", "cell '%s': keep is %d; expected at least 1", cell->name,
                   cell->keep);
    if (!in_range(cell->max_ops, 1, SPACE_OPS))
        return bad(c, "cell.ops", "cell '%s': up to %d operators on an edge; expected 1 to %d",
                   cell->name, cell->max_ops, SPACE_OPS);
    for (int i = 0; i < cell->n_edges; i++) {
        Status status = check_edge(c, cell, i);
        if (status != STATUS_OK)
            return status;
    }
    return check_paths(c, cell);
}

static Status check_reductions(const Check *c)
{
    const SpaceNet *net = &c->space->net;
    if (!in_range(net->n_reduce, 0, 8))
        return bad(c, "net.reduce_at", "net.reduce_at has %d entries; expected at most 8",
                   net->n_reduce);
    for (int i = 0; i < net->n_reduce; i++) {
        if (!in_range(net->reduce_at[i], 0, net->cells - 1))
            return bad(c, "net.reduce_at",
                       "net.reduce_at[%d] is cell %d; the network has cells 0 to %d", i + 1,
                       net->reduce_at[i], net->cells - 1);
        if (i > 0 && net->reduce_at[i] <= net->reduce_at[i - 1])
            return bad(c, "net.reduce_at",
                       "net.reduce_at: entries must ascend, but %d (cell %d) follows cell %d; with "
                       "%d cells fractions may fall on one cell",
                       i + 1, net->reduce_at[i], net->reduce_at[i - 1], net->cells);
    }
    if (net->n_reduce > 0 && space_cell_index(c->space, "reduction") < 0)
        return bad(c, "net.reduce_at", "net.reduce_at needs a cell called 'reduction'");
    return STATUS_OK;
}

static Status check_net(const Check *c)
{
    const SpaceNet *net = &c->space->net;
    if (!in_range(net->channels, 1, SPACE_CHANNELS))
        return bad(c, "net.channels", "net.channels is %d; expected 1 to %d", net->channels,
                   SPACE_CHANNELS);
    if (!in_range(net->stem, 1, 16))
        return bad(c, "net.stem", "net.stem is %d; expected 1 to 16", net->stem);
    if (net->kind == SKELETON_STAGES) {
        if (!in_range(net->stages, 1, 6))
            return bad(c, "net.stages", "net.stages is %d; expected 1 to 6", net->stages);
        if (!in_range(net->stage_cells, 1, 64))
            return bad(c, "net.cells", "net.cells is %d per stage; expected 1 to 64",
                       net->stage_cells);
        if (c->space->n_cells != 1)
            return bad(c, "cells", "a network of stages has one kind of cell, not %d",
                       c->space->n_cells);
        return STATUS_OK;
    }
    if (net->kind != SKELETON_DARTS)
        return bad(c, "net", "net: unknown skeleton");
    if (!in_range(net->cells, 1, 64))
        return bad(c, "net.cells", "net.cells is %d; expected 1 to 64", net->cells);
    return check_reductions(c);
}

// The layers that give their channels as a share of C must get whole numbers.
static Status check_division(const Check *c, const SpaceOp *op, int C, int stride)
{
    int n;
    const OpLayer *layers = space_op_layers(op, stride, &n);
    char path[64];
    snprintf(path, sizeof path, "op.%.40s", op->name);
    for (int i = 0; i < n; i++) {
        const OpLayer *l = &layers[i];
        if ((l->channel_div > 1 && (int64_t)l->channel_mul * C % l->channel_div) ||
            (l->from_div > 1 && (int64_t)l->from_mul * C % l->from_div))
            return bad(c, path,
                       "operator '%s', layer %d (%s): %d/%d of %d channels is not a whole number; "
                       "choose net.channels so that it is",
                       op->name, i + 1, layer_name(l->attr.kind), l->channel_mul, l->channel_div,
                       C);
    }
    return STATUS_OK;
}

static Status check_op_at(const Check *c, const SpaceCell *cell, const SpaceEdge *e, int op_index,
                          Shape in, int stride)
{
    const SpaceOp *op = &c->space->ops[op_index];
    Status status = check_division(c, op, in.c, stride);
    if (status != STATUS_OK)
        return status;
    Shape out;
    Shape want = { (in.h + stride - 1) / stride, (in.w + stride - 1) / stride, in.c };
    if (space_op_shape(op, in, stride, &out, c->err) != STATUS_OK) {
        error_wrap(c->err, "cell '%s', edge %d-%d", cell->name, e->from, e->to);
        return bad_op(c, op);
    }
    if (out.h == want.h && out.w == want.w && out.c == want.c)
        return STATUS_OK;
    error_set(c->err, STATUS_SCRIPT,
              "cell '%s', edge %d-%d, operator '%s': turns %dx%dx%d into %dx%dx%d at stride %d; "
              "expected %dx%dx%d",
              cell->name, e->from, e->to, op->name, in.h, in.w, in.c, out.h, out.w, out.c, stride,
              want.h, want.w, want.c);
    return bad_op(c, op);
}

// All operators of one cell at one place of the network. A reduction halves its inputs.
static Status check_cell_at(const Check *c, const SpaceCell *cell, Shape in, bool reduces)
{
    Shape half = { (in.h + 1) / 2, (in.w + 1) / 2, in.c };
    for (int i = 0; i < cell->n_edges; i++) {
        const SpaceEdge *e = &cell->edges[i];
        int stride = reduces && e->from < cell->inputs ? 2 : 1;
        Shape from = reduces && stride == 1 ? half : in;
        for (int k = 0; k < e->n_ops; k++) {
            Status status = check_op_at(c, cell, e, e->ops[k], from, stride);
            if (status != STATUS_OK)
                return status;
        }
    }
    return STATUS_OK;
}

static Status check_width(const Check *c, int64_t width, int place)
{
    if (width <= SPACE_CHANNELS)
        return STATUS_OK;
    return bad(c, "net.channels", "the network is %lld channels wide at %s %d; at most %d fit",
               (long long)width, c->space->net.kind == SKELETON_STAGES ? "stage" : "cell", place,
               SPACE_CHANNELS);
}

static Status check_stages(const Check *c)
{
    const Space *s = c->space;
    Shape at = { s->height, s->width, s->net.channels };
    Status status = STATUS_OK;
    for (int i = 0; i < s->net.stages && status == STATUS_OK; i++) {
        status = check_width(c, at.c, i);
        if (status == STATUS_OK)
            status = check_cell_at(c, &s->cells[0], at, false);
        at = (Shape){ (at.h + 1) / 2, (at.w + 1) / 2, at.c * 2 };
    }
    return status;
}

static Status check_chain(const Check *c)
{
    const Space *s = c->space;
    int normal = space_cell_index(s, "normal"), reduction = space_cell_index(s, "reduction");
    if (normal < 0)
        normal = 0;
    Shape at = { s->height, s->width, s->net.channels };
    Status status = check_cell_at(c, &s->cells[normal], at, false);
    for (int i = 0; i < s->net.n_reduce && status == STATUS_OK; i++) {
        at.c *= 2;
        status = check_width(c, at.c, s->net.reduce_at[i]);
        if (status == STATUS_OK)
            status = check_cell_at(c, &s->cells[reduction], at, true);
        at.h = (at.h + 1) / 2;
        at.w = (at.w + 1) / 2;
        if (status == STATUS_OK && s->net.reduce_at[i] + 1 < s->net.cells)
            status = check_cell_at(c, &s->cells[normal], at, false);
    }
    return status;
}

static bool is_metric(const char *name)
{
    static const char *const metrics[] = { "accuracy", "loss", "params", "macs", "latency_ms" };
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        if (!strcmp(metrics[i], name))
            return true;
    return false;
}

static Status check_objectives(const Check *c)
{
    const Space *s = c->space;
    if (!in_range(s->n_objectives, 1, 8))
        return bad(c, "directions", "%d directions; expected 1 to 8", s->n_objectives);
    for (int i = 0; i < s->n_objectives; i++) {
        const char *name = s->objectives[i].name;
        if (!is_name(name))
            return bad(c, "directions", "direction '%s': a name has letters, digits, underscores",
                       name ? name : "");
        for (int k = 0; k < i; k++)
            if (!strcmp(s->objectives[k].name, name))
                return bad(c, "directions", "direction '%s' is given twice", name);
        if (!s->has_objective_fn && !is_metric(name))
            return bad(
                c, "directions",
                "direction '%s' is none of accuracy, loss, params, macs, latency_ms; give an "
                "objective function that returns it",
                name);
    }
    return STATUS_OK;
}

// A script that writes a network out: the layer at fault is field "layer.N", counted from 0.
static Status check_network(const Check *c)
{
    const Space *s = c->space;
    if (!in_range(s->n_layers, 1, SPACE_LAYERS))
        return bad(c, "layers", "the network has %d layers; expected 1 to %d", s->n_layers,
                   SPACE_LAYERS);
    Shape *shapes = mem_array((size_t)s->n_layers + 1, sizeof *shapes);
    if (!shapes)
        return error_set(c->err, STATUS_NOMEM, "out of memory");
    int layer = s->n_layers - 1;
    Status status = space_network_shapes(s, shapes, &layer, c->err);
    if (status != STATUS_OK && c->field)
        snprintf(c->field->path, sizeof c->field->path, "layer.%d", layer);
    mem_free(shapes);
    return status;
}

static Status check_cells(const Check *c)
{
    const Space *space = c->space;
    Status status = STATUS_OK;
    if (!space->ops || !in_range(space->n_ops, 1, SPACE_OPS))
        status = bad(c, "cell.ops", "the space has %d operators; expected 1 to %d", space->n_ops,
                     SPACE_OPS);
    for (int i = 0; status == STATUS_OK && i < space->n_ops; i++)
        status = check_op(c, i);
    if (status == STATUS_OK && (!space->cells || !in_range(space->n_cells, 1, SPACE_CELLS)))
        status = bad(c, "cells", "the space has %d kinds of cells; expected 1 to %d",
                     space->n_cells, SPACE_CELLS);
    for (int i = 0; status == STATUS_OK && i < space->n_cells; i++)
        status = check_cell(c, i);
    if (status == STATUS_OK)
        status = check_net(c);
    if (status == STATUS_OK)
        status = space->net.kind == SKELETON_STAGES ? check_stages(c) : check_chain(c);
    return status == STATUS_OK ? check_objectives(c) : status;
}

Status space_validate_field(const Space *space, SpaceField *field, Error *err)
{
    Check c = { space, field, err };
    if (field)
        *field = (SpaceField){ "" };
    Status status = check_input(&c);
    if (status == STATUS_OK)
        status = space->layers ? check_network(&c) : check_cells(&c);
    return status;
}

Status space_validate(const Space *space, Error *err)
{
    return space_validate_field(space, NULL, err);
}
