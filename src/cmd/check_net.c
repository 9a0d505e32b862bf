// SPDX-License-Identifier: MIT
#include "src/cmd/check_net.h"

#include <stdio.h>

#include "src/base/alloc.h"
#include "src/base/str.h"
#include "src/engine/plan.h"
#include "src/net/net.h"

typedef struct {
    const Space *space;
    Shape *shapes; // [0] the image, [k] layer k
    int64_t params, macs;
    size_t step_bytes;
    int batch;
} Network;

static Status examine(Network *n, const Settings *settings, Error *err)
{
    Graph *g = NULL;
    n->batch = settings->retrain.batch;
    Status status = space_network_shapes(n->space, n->shapes, NULL, err);
    if (status == STATUS_OK)
        status = net_fixed(n->space, 0, &g, err);
    if (status != STATUS_OK)
        return status;
    PlanOptions plan = { .batch = n->batch,
                         .threads = settings->run.threads,
                         .recompute = settings->run.recompute };
    n->params = graph_params(g);
    n->macs = graph_macs(g);
    status = plan_bytes(g, &plan, &n->step_bytes, err);
    graph_free(g);
    return status;
}

static void layer_cost(const Network *n, int i, int64_t *params, int64_t *macs)
{
    const SpaceLayer *layer = &n->space->layers[i];
    Shape in[SPACE_LAYER_INPUTS];
    for (int k = 0; k < layer->n_inputs; k++)
        in[k] = n->shapes[layer->inputs[k]];
    *params = layer_params(&layer->attr, in, layer->n_inputs);
    *macs = layer_macs(&layer->attr, in, layer->n_inputs);
}

// The names of a layer's inputs, unless it takes the layer before.
static void add_inputs(const Network *n, int i, Str *line)
{
    const SpaceLayer *layer = &n->space->layers[i];
    if (layer->n_inputs == 1 && layer->inputs[0] == i)
        return;
    str_add(line, "  from");
    for (int k = 0; k < layer->n_inputs; k++) {
        int input = layer->inputs[k];
        str_addf(line, " %s", input ? n->space->layers[input - 1].name : "image");
    }
}

static const char *count_or_dash(int64_t value, char *text, size_t size)
{
    return value ? str_count((double)value, text, size) : "-";
}

static void print_layer(const Network *n, int i)
{
    const SpaceLayer *layer = &n->space->layers[i];
    char shape[48], a[32], b[32];
    int64_t params, macs;
    Shape s = n->shapes[i + 1];
    Str line = { 0 };
    layer_cost(n, i, &params, &macs);
    snprintf(shape, sizeof shape, "%d x %d x %d", s.h, s.w, s.c);
    str_addf(&line, "  %-16s %-12s %-14s %8s %8s", layer->name, layer_name(layer->attr.kind), shape,
             count_or_dash(params, a, sizeof a), count_or_dash(macs, b, sizeof b));
    add_inputs(n, i, &line);
    puts(str_text(&line));
    str_fini(&line);
}

static void print(const Network *n)
{
    const Space *s = n->space;
    char params[32], macs[32], bytes[32];
    printf("%s: %s\n", s->name, s->path);
    printf("input: %d x %d x %d, %d classes%s%s\n", s->height, s->width, s->channels, s->classes,
           s->data ? ", data " : "", s->data ? s->data : "");
    printf("  %-16s %-12s %-14s %8s %8s\n", "layer", "kind", "output", "params", "macs");
    for (int i = 0; i < s->n_layers; i++)
        print_layer(n, i);
    printf("network: %s parameters, %s multiply-adds an image, %s for a step of %d images\n",
           str_count((double)n->params, params, sizeof params),
           str_count((double)n->macs, macs, sizeof macs),
           str_bytes((double)n->step_bytes, bytes, sizeof bytes), n->batch);
}

static Json *json_layer(const Network *n, int i)
{
    const SpaceLayer *layer = &n->space->layers[i];
    Json *out = json_new_object(), *inputs = json_new_array(), *shape = json_new_array();
    int64_t params, macs;
    const int size[3] = { n->shapes[i + 1].h, n->shapes[i + 1].w, n->shapes[i + 1].c };
    layer_cost(n, i, &params, &macs);
    json_put_str(out, "name", layer->name);
    json_put_str(out, "kind", layer_name(layer->attr.kind));
    for (int k = 0; k < layer->n_inputs; k++)
        json_add(inputs, json_new_int(layer->inputs[k]));
    for (int k = 0; k < 3; k++)
        json_add(shape, json_new_int(size[k]));
    json_put(out, "inputs", inputs);
    json_put(out, "output", shape);
    json_put_int(out, "params", params);
    json_put_int(out, "macs", macs);
    json_put_int(out, "line", layer->line);
    return out;
}

static Json *document(const Network *n)
{
    Json *out = json_new_object(), *layers = json_new_array(), *net = json_new_object();
    json_put_bool(out, "ok", true);
    json_put_str(out, "name", n->space->name);
    json_put_str(out, "path", n->space->path);
    for (int i = 0; i < n->space->n_layers; i++)
        json_add(layers, json_layer(n, i));
    json_put(out, "layers", layers);
    json_put_int(net, "params", n->params);
    json_put_int(net, "macs", n->macs);
    json_put_int(net, "batch", n->batch);
    json_put_int(net, "step_bytes", (int64_t)n->step_bytes);
    json_put(out, "network", net);
    return out;
}

Status check_network(const Space *space, const Settings *settings, Json **doc, Error *err)
{
    Network n = { .space = space };
    n.shapes = mem_array((size_t)space->n_layers + 1, sizeof *n.shapes);
    if (!n.shapes)
        return error_set(err, STATUS_NOMEM, "no memory for %d layers", space->n_layers);
    Status status = examine(&n, settings, err);
    if (status == STATUS_OK && doc)
        *doc = document(&n);
    else if (status == STATUS_OK)
        print(&n);
    mem_free(n.shapes);
    return status;
}
