// SPDX-License-Identifier: MIT
// Fixed networks: what nas.net writes out.
#include "src/space/space.h"

#include <string.h>

static Status check_layer(const Space *s, int index, const Shape *shapes, Shape *out, Error *err)
{
    const SpaceLayer *layer = &s->layers[index];
    Shape in[SPACE_LAYER_INPUTS];
    if (!layer->name || !*layer->name)
        return error_set(err, STATUS_SCRIPT, "layer %d has no name", index + 1);
    if (layer->attr.kind == LAYER_LOSS || layer->n_inputs < 1 ||
        layer->n_inputs > SPACE_LAYER_INPUTS)
        return error_set(err, STATUS_SCRIPT, "layer '%s': not a layer that networks can use",
                         layer->name);
    for (int i = 0; i < layer->n_inputs; i++) {
        if (layer->inputs[i] < 0 || layer->inputs[i] > index)
            return error_set(err, STATUS_SCRIPT, "layer '%s': input %d does not come before it",
                             layer->name, layer->inputs[i]);
        in[i] = shapes[layer->inputs[i]];
    }
    for (int i = 0; i < index; i++)
        if (!strcmp(s->layers[i].name, layer->name))
            return error_set(err, STATUS_SCRIPT, "two layers are called '%s'", layer->name);
    Status status = layer_shape(&layer->attr, in, layer->n_inputs, out, err);
    return status == STATUS_OK ? status : error_wrap(err, "layer '%s'", layer->name);
}

Status space_network_shapes(const Space *space, Shape *shapes, int *layer, Error *err)
{
    shapes[0] = (Shape){ space->height, space->width, space->channels };
    for (int i = 0; i < space->n_layers; i++) {
        if (layer)
            *layer = i;
        Status status = check_layer(space, i, shapes, &shapes[i + 1], err);
        if (status != STATUS_OK)
            return status;
    }
    Shape last = shapes[space->n_layers];
    if (last.h == 1 && last.w == 1 && last.c == space->classes)
        return STATUS_OK;
    return error_set(err, STATUS_SCRIPT,
                     "the network ends in %d x %d x %d, expected 1 x 1 x %d, one number a class; "
                     "end it with :global_pool():linear(%d)",
                     last.h, last.w, last.c, space->classes, space->classes);
}
