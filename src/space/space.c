// SPDX-License-Identifier: MIT
#include "src/space/space.h"

#include <string.h>

#include "src/base/alloc.h"

int space_cell_index(const Space *space, const char *name)
{
    for (int i = 0; i < space->n_cells; i++)
        if (!strcmp(space->cells[i].name, name))
            return i;
    return -1;
}

int space_op_index(const Space *space, const char *name)
{
    for (int i = 0; i < space->n_ops; i++)
        if (!strcmp(space->ops[i].name, name))
            return i;
    return -1;
}

int space_edge_index(const SpaceCell *cell, int from, int to)
{
    for (int i = 0; i < cell->n_edges; i++)
        if (cell->edges[i].from == from && cell->edges[i].to == to)
            return i;
    return -1;
}

void space_free(Space *space)
{
    if (!space)
        return;
    // The Space lies in its own arena: the copy outlives the memory it describes.
    Arena arena = space->arena;
    arena_fini(&arena);
}

const OpLayer *space_op_layers(const SpaceOp *op, int stride, int *n)
{
    bool reduced = stride > 1 && op->reduce;
    *n = reduced ? op->n_reduce : op->n_layers;
    return reduced ? op->reduce : op->layers;
}

static int scaled(int mul, int div, int C)
{
    return (int)((int64_t)mul * C / (div > 0 ? div : 1));
}

LayerAttr space_layer_attr(const OpLayer *layer, int C, int in_c, int stride)
{
    LayerAttr attr = layer->attr;
    attr.channels =
        layer->channel_mul > 0 ? scaled(layer->channel_mul, layer->channel_div, C) : in_c;
    if (layer->from_mul > 0)
        attr.slice_from = scaled(layer->from_mul, layer->from_div, C);
    if (layer->strided)
        attr.stride = stride;
    return attr;
}

Status space_op_shape(const SpaceOp *op, Shape in, int stride, Shape *out, Error *err)
{
    Shape shape[SPACE_OP_LAYERS + 1] = { in };
    int n;
    const OpLayer *layers = space_op_layers(op, stride, &n);
    if (n > SPACE_OP_LAYERS)
        return error_set(err, STATUS_SCRIPT, "operator '%s' has %d layers; at most %d are allowed",
                         op->name, n, SPACE_OP_LAYERS);
    for (int i = 0; i < n; i++) {
        Shape inputs[4];
        int n_in = layers[i].n_inputs;
        for (int k = 0; k < n_in; k++)
            inputs[k] = shape[layers[i].inputs[k]];
        LayerAttr attr = space_layer_attr(&layers[i], in.c, inputs[0].c, stride);
        if (layer_shape(&attr, inputs, n_in, &shape[i + 1], err) != STATUS_OK)
            return error_wrap(err, "operator '%s', layer %d (%s)", op->name, i + 1,
                              layer_name(attr.kind));
    }
    *out = shape[n];
    return STATUS_OK;
}
