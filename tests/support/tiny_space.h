// SPDX-License-Identifier: MIT
#ifndef TESTS_TINY_SPACE_H
#define TESTS_TINY_SPACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/space/space.h"

// Two small spaces made by hand: the DARTS skeleton (normal and reduction cells of two nodes, four
// operators) and the one of NAS-Bench-201 (one cell type, three operators, none among them).

#define TINY_LAYER(kind_, ...)                                                                     \
    {                                                                                              \
        .attr = { .kind = kind_, __VA_ARGS__ }, .n_inputs = 1                                      \
    }

static inline void tiny_chain(OpLayer *layers, int n)
{
    for (int i = 0; i < n; i++)
        layers[i].inputs[0] = i;
}

typedef struct {
    OpLayer none[1], pool[2], skip[1], reduce[6], conv[4];
    SpaceOp ops[4];
    int lists[4];
    SpaceEdge edges[6];
    SpaceCell cells[2];
    Space space;
} TinySpace;

// ReLU, two convolutions of stride 2, the second on the shifted input, concatenated, BN.
static inline void tiny_reduce(OpLayer *layers)
{
    const OpLayer relu = TINY_LAYER(LAYER_RELU, .kernel = 0);
    const OpLayer half = TINY_LAYER(LAYER_CONV, .kernel = 1);
    const OpLayer shift = TINY_LAYER(LAYER_SHIFT, .kernel = 0);
    const OpLayer concat = TINY_LAYER(LAYER_CONCAT, .kernel = 0);
    const OpLayer norm = TINY_LAYER(LAYER_BATCH_NORM, .kernel = 0);
    layers[0] = relu;
    layers[1] = layers[3] = half;
    layers[2] = shift;
    layers[4] = concat;
    layers[5] = norm;
    layers[1].channel_mul = layers[3].channel_mul = 1;
    layers[1].channel_div = layers[3].channel_div = 2;
    layers[1].strided = layers[3].strided = true;
    layers[1].inputs[0] = layers[2].inputs[0] = 1;
    layers[3].inputs[0] = 3;
    layers[4].inputs[0] = 2;
    layers[4].inputs[1] = 4;
    layers[4].n_inputs = 2;
    layers[5].inputs[0] = 5;
    layers[5].search_plain_bn = true;
}

static inline void tiny_ops(TinySpace *t)
{
    const OpLayer none = TINY_LAYER(LAYER_ZERO, .kernel = 0),
                  skip = TINY_LAYER(LAYER_IDENTITY, .kernel = 0);
    const OpLayer pool[2] = { TINY_LAYER(LAYER_MAX_POOL, .kernel = 3, .pad = PAD_SAME),
                              TINY_LAYER(LAYER_BATCH_NORM, .kernel = 0) };
    const OpLayer conv[4] = { TINY_LAYER(LAYER_RELU, .kernel = 0),
                              TINY_LAYER(LAYER_DEPTHWISE, .kernel = 3, .pad = PAD_SAME),
                              TINY_LAYER(LAYER_CONV, .kernel = 1),
                              TINY_LAYER(LAYER_BATCH_NORM, .kernel = 0) };
    t->none[0] = none;
    t->none[0].strided = true;
    t->skip[0] = skip;
    tiny_reduce(t->reduce);
    memcpy(t->pool, pool, sizeof pool);
    memcpy(t->conv, conv, sizeof conv);
    t->pool[0].strided = t->conv[1].strided = true;
    t->pool[1].search_only = t->pool[1].search_plain_bn = true;
    t->conv[3].search_plain_bn = true;
    tiny_chain(t->pool, 2);
    tiny_chain(t->conv, 4);
    t->ops[0] = (SpaceOp){
        .name = "none", .code = "none", .kind = OP_NONE, .layers = t->none, .n_layers = 1
    };
    t->ops[1] = (SpaceOp){
        .name = "max_pool_3x3", .code = "max3", .kind = OP_POOL, .layers = t->pool, .n_layers = 2
    };
    t->ops[2] = (SpaceOp){ .name = "skip_connect",
                           .code = "skip",
                           .kind = OP_SKIP,
                           .layers = t->skip,
                           .n_layers = 1,
                           .reduce = t->reduce,
                           .n_reduce = 6 };
    t->ops[3] = (SpaceOp){ .name = "sep_conv_3x3",
                           .code = "sep3",
                           .kind = OP_CONV,
                           .conv_depth = 1,
                           .layers = t->conv,
                           .n_layers = 4 };
    for (int i = 0; i < 4; i++)
        t->lists[i] = i;
}

static inline void tiny_common(TinySpace *t, const char *name)
{
    memset(t, 0, sizeof *t);
    tiny_ops(t);
    t->space = (Space){ .name = name,
                        .channels = 1,
                        .height = 8,
                        .width = 8,
                        .classes = 3,
                        .ops = t->ops,
                        .n_ops = 4,
                        .cells = t->cells,
                        .n_objectives = 1 };
    t->space.objectives[0].name = "accuracy";
    t->space.objectives[0].maximize = true;
}

// Three cells, the second a reduction; 5 edges, 4 operators, width 4.
static inline void tiny_darts(TinySpace *t)
{
    static const int from[5] = { 0, 1, 0, 1, 2 }, to[5] = { 2, 2, 3, 3, 3 };
    tiny_common(t, "tiny");
    for (int e = 0; e < 5; e++)
        t->edges[e] = (SpaceEdge){ from[e], to[e], 4, t->lists };
    t->cells[0] = (SpaceCell){ .name = "normal",
                               .inputs = 2,
                               .nodes = 2,
                               .keep = 2,
                               .derive = DERIVE_TOP,
                               .combine = COMBINE_CONCAT,
                               .edges = t->edges,
                               .n_edges = 5,
                               .max_ops = 4 };
    t->cells[1] = t->cells[0];
    t->cells[1].name = "reduction";
    t->space.n_cells = 2;
    t->space.net = (SpaceNet){ .kind = SKELETON_DARTS,
                               .cells = 3,
                               .channels = 4,
                               .stem = 1,
                               .n_reduce = 1,
                               .reduce_at = { 1 },
                               .reduce_frac = { 1.0 / 3 } };
}

// Two stages of one cell, three nodes, all operators on every edge.
static inline void tiny_nb201(TinySpace *t)
{
    static const int from[6] = { 0, 0, 1, 0, 1, 2 }, to[6] = { 1, 2, 2, 3, 3, 3 };
    tiny_common(t, "tiny-nb201");
    for (int e = 0; e < 6; e++)
        t->edges[e] = (SpaceEdge){ from[e], to[e], 4, t->lists };
    t->cells[0] = (SpaceCell){ .name = "cell",
                               .inputs = 1,
                               .nodes = 3,
                               .keep = 1,
                               .derive = DERIVE_ARGMAX,
                               .combine = COMBINE_SUM,
                               .edges = t->edges,
                               .n_edges = 6,
                               .max_ops = 4 };
    t->space.n_cells = 1;
    t->space.net = (SpaceNet){
        .kind = SKELETON_STAGES, .channels = 4, .stem = 1, .stages = 2, .stage_cells = 1
    };
}

#endif
