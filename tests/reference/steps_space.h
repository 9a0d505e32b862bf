// SPDX-License-Identifier: MIT
#ifndef TESTS_REFERENCE_STEPS_SPACE_H
#define TESTS_REFERENCE_STEPS_SPACE_H

#include <string.h>

#include "src/space/space.h"

// The space of supernet_steps.py: the DARTS skeleton with the operators of the digits space, cells
// of two nodes, three cells of 4, 8 and 8 channels, the second a reduction.

enum { STEPS_OPS = 6, STEPS_EDGES = 5 };

typedef struct {
    OpLayer none[1], skip[1], max_pool[2], avg_pool[2], sep[8], dil[4];
    SpaceOp ops[STEPS_OPS];
    int lists[STEPS_OPS];
    SpaceEdge edges[STEPS_EDGES];
    SpaceCell cells[2];
    Space space;
} StepsSpace;

static inline OpLayer *steps_layer(OpLayer *layer, LayerKind kind, int kernel, int input)
{
    *layer = (OpLayer){ .attr = { .kind = kind, .kernel = kernel, .pad = PAD_SAME },
                        .inputs = { input },
                        .n_inputs = 1,
                        .search_plain_bn = kind == LAYER_BATCH_NORM };
    return layer;
}

static inline void steps_pool(OpLayer pool[2], LayerKind kind)
{
    steps_layer(&pool[0], kind, 3, 0)->strided = true;
    steps_layer(&pool[1], LAYER_BATCH_NORM, 0, 1)->search_only = true;
}

// ReLU, depthwise, pointwise, BN, after `input` layers.
static inline void steps_unit(OpLayer unit[4], int input, bool strided, int dilation)
{
    steps_layer(&unit[0], LAYER_RELU, 0, input);
    steps_layer(&unit[1], LAYER_DEPTHWISE, 3, input + 1)->strided = strided;
    unit[1].attr.dilation = dilation;
    steps_layer(&unit[2], LAYER_CONV, 1, input + 2);
    steps_layer(&unit[3], LAYER_BATCH_NORM, 0, input + 3);
}

static inline SpaceOp steps_op(const char *name, OpClass kind, const OpLayer *layers, int n)
{
    return (SpaceOp){ .name = name,
                      .code = "op",
                      .kind = kind,
                      .conv_depth = kind == OP_CONV,
                      .layers = layers,
                      .n_layers = n };
}

static inline void steps_ops(StepsSpace *s)
{
    steps_layer(&s->none[0], LAYER_ZERO, 0, 0)->strided = true;
    steps_layer(&s->skip[0], LAYER_IDENTITY, 0, 0);
    steps_pool(s->max_pool, LAYER_MAX_POOL);
    steps_pool(s->avg_pool, LAYER_AVG_POOL);
    steps_unit(s->sep, 0, true, 1);
    steps_unit(s->sep + 4, 4, false, 1);
    steps_unit(s->dil, 0, true, 2);
    s->ops[0] = steps_op("none", OP_NONE, s->none, 1);
    s->ops[1] = steps_op("max_pool_3x3", OP_POOL, s->max_pool, 2);
    s->ops[2] = steps_op("avg_pool_3x3", OP_POOL, s->avg_pool, 2);
    s->ops[3] = steps_op("skip_connect", OP_SKIP, s->skip, 1);
    s->ops[4] = steps_op("sep_conv_3x3", OP_CONV, s->sep, 8);
    s->ops[5] = steps_op("dil_conv_3x3", OP_CONV, s->dil, 4);
}

static inline void steps_space(StepsSpace *s)
{
    static const int from[STEPS_EDGES] = { 0, 1, 0, 1, 2 }, to[STEPS_EDGES] = { 2, 2, 3, 3, 3 };
    memset(s, 0, sizeof *s);
    steps_ops(s);
    for (int i = 0; i < STEPS_OPS; i++)
        s->lists[i] = i;
    for (int e = 0; e < STEPS_EDGES; e++)
        s->edges[e] = (SpaceEdge){ from[e], to[e], STEPS_OPS, s->lists };
    s->cells[0] = (SpaceCell){ .name = "normal",
                               .inputs = 2,
                               .nodes = 2,
                               .keep = 2,
                               .derive = DERIVE_TOP,
                               .combine = COMBINE_CONCAT,
                               .edges = s->edges,
                               .n_edges = STEPS_EDGES,
                               .max_ops = STEPS_OPS };
    s->cells[1] = s->cells[0];
    s->cells[1].name = "reduction";
    s->space = (Space){ .name = "steps",
                        .channels = 1,
                        .height = 8,
                        .width = 8,
                        .classes = 10,
                        .ops = s->ops,
                        .n_ops = STEPS_OPS,
                        .cells = s->cells,
                        .n_cells = 2,
                        .n_objectives = 1,
                        .net = { .kind = SKELETON_DARTS,
                                 .cells = 3,
                                 .channels = 4,
                                 .stem = 3,
                                 .n_reduce = 1,
                                 .reduce_at = { 1 },
                                 .reduce_frac = { 1.0 / 3 } } };
    s->space.objectives[0].name = "accuracy";
    s->space.objectives[0].maximize = true;
}

#endif
