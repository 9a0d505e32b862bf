// SPDX-License-Identifier: MIT
// A network that a script wrote out, as a graph with its loss.
#include "src/net/net.h"

#include "src/base/alloc.h"

static int add_layers(const Space *space, Graph *g, int *node, Error *err)
{
    node[0] = 0;
    for (int i = 0; i < space->n_layers; i++) {
        const SpaceLayer *layer = &space->layers[i];
        int inputs[SPACE_LAYER_INPUTS];
        for (int k = 0; k < layer->n_inputs; k++)
            inputs[k] = node[layer->inputs[k]];
        node[i + 1] = graph_add(g, layer->name, &layer->attr, inputs, layer->n_inputs, err);
        if (node[i + 1] < 0)
            return -1;
    }
    return node[space->n_layers];
}

Status net_fixed(const Space *space, float smoothing, Graph **out, Error *err)
{
    Error own = { 0 };
    Graph *g = graph_new((Shape){ space->height, space->width, space->channels });
    int *node = mem_array((size_t)space->n_layers + 1, sizeof *node), last = -1;
    if (g && node)
        last = add_layers(space, g, node, &own);
    else
        error_set(&own, STATUS_NOMEM, "no memory for a network of %d layers", space->n_layers);
    LayerAttr loss = { .kind = LAYER_LOSS, .smoothing = smoothing };
    if (last >= 0)
        last = graph_add(g, "loss", &loss, &last, 1, &own);
    mem_free(node);
    if (last >= 0) {
        *out = g;
        return STATUS_OK;
    }
    graph_free(g);
    if (err)
        *err = own;
    return own.code;
}
