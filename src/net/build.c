// SPDX-License-Identifier: MIT
#include "src/net/build.h"

#include <stdio.h>

enum { NAME_MAX_LEN = 192 };

int build_layer(const Builder *b, const char *name, LayerAttr attr, int input)
{
    return build_join(b, name, attr, &input, 1);
}

int build_join(const Builder *b, const char *name, LayerAttr attr, const int *inputs, int n)
{
    for (int i = 0; i < n; i++)
        if (inputs[i] < 0)
            return -1;
    return graph_add(b->g, name, &attr, inputs, n, b->err);
}

int build_channels(const Builder *b, int node)
{
    return node < 0 ? 0 : graph_shape(b->g, node).c;
}

static const char *join_name(char *buf, const char *prefix, const char *part)
{
    snprintf(buf, NAME_MAX_LEN, "%.120s.%.60s", prefix, part);
    return buf;
}

int build_relu(const Builder *b, const char *name, int input)
{
    return build_layer(b, name, (LayerAttr){ .kind = LAYER_RELU }, input);
}

int build_bn(const Builder *b, const char *name, int affine, int input)
{
    return build_layer(b, name, (LayerAttr){ .kind = LAYER_BATCH_NORM, .affine = affine }, input);
}

int build_relu_conv_bn(const Builder *b, const char *name, ConvBn o, int input)
{
    char part[NAME_MAX_LEN];
    int x = build_relu(b, join_name(part, name, "relu"), input);
    x = build_layer(b, join_name(part, name, "conv"),
                    (LayerAttr){ .kind = LAYER_CONV,
                                 .channels = o.channels,
                                 .kernel = o.kernel,
                                 .stride = o.stride,
                                 .pad = PAD_SAME },
                    x);
    return build_bn(b, join_name(part, name, "bn"), o.affine, x);
}

int build_stem(const Builder *b, int channels, int input)
{
    LayerAttr conv = { .kind = LAYER_CONV, .channels = channels, .kernel = 3, .pad = PAD_SAME };
    int x = build_layer(b, "stem.conv", conv, input);
    return build_bn(b, "stem.bn", 1, x);
}

int build_factorised_reduce(const Builder *b, const char *name, int channels, int affine, int input)
{
    char part[NAME_MAX_LEN];
    LayerAttr conv = { .kind = LAYER_CONV, .kernel = 1, .stride = 2 };
    int x = build_relu(b, join_name(part, name, "relu"), input), half[2];
    conv.channels = channels / 2;
    half[0] = build_layer(b, join_name(part, name, "conv_1"), conv, x);
    int shifted =
        build_layer(b, join_name(part, name, "shift"), (LayerAttr){ .kind = LAYER_SHIFT }, x);
    conv.channels = channels - channels / 2;
    half[1] = build_layer(b, join_name(part, name, "conv_2"), conv, shifted);
    int both = build_join(b, join_name(part, name, "concat"), (LayerAttr){ .kind = LAYER_CONCAT },
                          half, 2);
    return build_bn(b, join_name(part, name, "bn"), affine, both);
}

static int op_layer(const Builder *b, const char *name, const OpLayer *layer, const int *node,
                    int C, int stride)
{
    int inputs[4] = { -1 }, n = layer->n_inputs;
    for (int k = 0; k < n; k++)
        inputs[k] = node[layer->inputs[k]];
    if (b->derived && layer->search_only)
        return inputs[0];
    LayerAttr attr = space_layer_attr(layer, C, build_channels(b, inputs[0]), stride);
    if (layer->search_plain_bn)
        attr.affine = b->derived;
    if (attr.kind == LAYER_IDENTITY)
        return inputs[0];
    return build_join(b, name, attr, inputs, n);
}

int build_op(const Builder *b, const char *prefix, const SpaceOp *op, int stride, int input)
{
    int node[SPACE_OP_LAYERS + 1] = { input }, n, C = build_channels(b, input);
    const OpLayer *layers = space_op_layers(op, stride, &n);
    if (stride > 1 && op->kind == OP_SKIP && !op->reduce)
        return build_factorised_reduce(b, prefix, C, b->derived, input);
    for (int i = 0; i < n; i++) {
        char part[NAME_MAX_LEN];
        snprintf(part, sizeof part, "%.150s.%d", prefix, i);
        node[i + 1] = op_layer(b, part, &layers[i], node, C, stride);
        if (node[i + 1] < 0)
            return -1;
    }
    return node[n];
}

int build_head(const Builder *b, const char *prefix, int classes, LayerAttr loss, int input)
{
    char part[NAME_MAX_LEN];
    int x = build_layer(b, join_name(part, prefix, "pool"),
                        (LayerAttr){ .kind = LAYER_GLOBAL_POOL }, input);
    x = build_layer(b, join_name(part, prefix, "linear"),
                    (LayerAttr){ .kind = LAYER_LINEAR, .channels = classes, .bias = 1 }, x);
    loss.kind = LAYER_LOSS;
    return build_layer(b, join_name(part, prefix, "loss"), loss, x);
}

int build_residual(const Builder *b, const char *prefix, int channels, int input)
{
    char part[NAME_MAX_LEN];
    int sum[2];
    int a = build_relu_conv_bn(b, join_name(part, prefix, "conv_a"), (ConvBn){ channels, 3, 2, 1 },
                               input);
    sum[0] =
        build_relu_conv_bn(b, join_name(part, prefix, "conv_b"), (ConvBn){ channels, 3, 1, 1 }, a);
    // TensorFlow's padding is none on even maps, as published, and keeps odd ones in step with
    // the convolutions.
    LayerAttr pool = { .kind = LAYER_AVG_POOL, .kernel = 2, .stride = 2, .pad = PAD_TF_SAME };
    int down = build_layer(b, join_name(part, prefix, "pool"), pool, input);
    sum[1] =
        build_layer(b, join_name(part, prefix, "down"),
                    (LayerAttr){ .kind = LAYER_CONV, .channels = channels, .kernel = 1 }, down);
    return build_join(b, join_name(part, prefix, "sum"), (LayerAttr){ .kind = LAYER_ADD }, sum, 2);
}

int build_cell_type(const Space *space, bool reduction)
{
    int t = space_cell_index(space, reduction ? "reduction" : "normal");
    if (t < 0 && reduction)
        t = space_cell_index(space, "reduce");
    return t < 0 ? 0 : t;
}

bool build_reduces_at(const Space *space, int cells, int i)
{
    for (int k = 0; k < space->net.n_reduce; k++) {
        double fraction = space->net.reduce_frac[k];
        bool scaled = cells != space->net.cells && fraction > 0;
        if (i == (scaled ? (int)(fraction * cells + 1e-9) : space->net.reduce_at[k]))
            return true;
    }
    return false;
}
