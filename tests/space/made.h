// SPDX-License-Identifier: MIT
#ifndef TESTS_SPACE_MADE_H
#define TESTS_SPACE_MADE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/space/space.h"

// A small space whose every part can be spoiled: two inputs, two nodes, three operators.
typedef struct {
    Space space;
    SpaceOp ops[3];
    OpLayer layers[3][4];
    SpaceCell cells[2];
    SpaceEdge edges[5];
    int all[3];
} Made;

static inline void made_fill(Made *m)
{
    static const int from[5] = { 0, 1, 0, 1, 2 }, to[5] = { 2, 2, 3, 3, 3 };
    memset(m, 0, sizeof *m);
    m->layers[0][0] = (OpLayer){ .attr = { .kind = LAYER_ZERO }, .strided = true, .n_inputs = 1 };
    m->layers[1][0] = (OpLayer){ .attr = { .kind = LAYER_MAX_POOL, .kernel = 3, .pad = PAD_SAME },
                                 .strided = true,
                                 .n_inputs = 1 };
    m->layers[2][0] = (OpLayer){ .attr = { .kind = LAYER_RELU }, .n_inputs = 1 };
    m->layers[2][1] = (OpLayer){ .attr = { .kind = LAYER_CONV, .kernel = 3, .pad = PAD_SAME },
                                 .channel_mul = 1,
                                 .channel_div = 1,
                                 .strided = true,
                                 .inputs = { 1 },
                                 .n_inputs = 1 };
    m->ops[0] = (SpaceOp){
        .name = "none", .code = "none", .kind = OP_NONE, .layers = m->layers[0], .n_layers = 1
    };
    m->ops[1] = (SpaceOp){
        .name = "pool", .code = "pool", .kind = OP_POOL, .layers = m->layers[1], .n_layers = 1
    };
    m->ops[2] = (SpaceOp){ .name = "conv",
                           .code = "conv",
                           .kind = OP_CONV,
                           .layers = m->layers[2],
                           .n_layers = 2,
                           .conv_depth = 1 };
    for (int i = 0; i < 3; i++)
        m->all[i] = i;
    for (int i = 0; i < 5; i++)
        m->edges[i] = (SpaceEdge){ from[i], to[i], 3, m->all };
    for (int i = 0; i < 2; i++)
        m->cells[i] = (SpaceCell){ .name = i ? "reduction" : "normal",
                                   .inputs = 2,
                                   .nodes = 2,
                                   .keep = 2,
                                   .edges = m->edges,
                                   .n_edges = 5,
                                   .max_ops = 3 };
    m->space =
        (Space){ .name = "made",
                 .path = "made.lua",
                 .channels = 3,
                 .height = 8,
                 .width = 8,
                 .classes = 10,
                 .ops = m->ops,
                 .n_ops = 3,
                 .cells = m->cells,
                 .n_cells = 2,
                 .net = { .cells = 3, .channels = 8, .stem = 3, .n_reduce = 1, .reduce_at = { 1 } },
                 .n_objectives = 1,
                 .objectives = { { "accuracy", true } } };
}

#endif
