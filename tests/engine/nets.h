// SPDX-License-Identifier: MIT
#ifndef TESTS_ENGINE_NETS_H
#define TESTS_ENGINE_NETS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>

#include <cmocka.h>

#include "src/engine/graph.h"
#include "src/engine/plan.h"

// Small networks and helpers that the engine's tests share. Header only: a test program links its
// one file with the engine.

#define ATTR(...) (&(LayerAttr){ __VA_ARGS__ })

static inline int add1(Graph *g, const char *name, const LayerAttr *attr, int in)
{
    Error err = { 0 };
    int node = graph_add(g, name, attr, &in, 1, &err);
    if (node < 0)
        fail_msg("%s", err.msg);
    return node;
}

static inline int named(Graph *g, const char *path, const char *part, const LayerAttr *attr, int in)
{
    char name[160];
    snprintf(name, sizeof name, "%s.%s", path, part);
    return add1(g, name, attr, in);
}

static inline int conv_bn(Graph *g, const char *path, const LayerAttr *conv, int in, int affine)
{
    int x = named(g, path, "relu", ATTR(.kind = LAYER_RELU), in);
    x = named(g, path, "conv", conv, x);
    return named(g, path, "bn", ATTR(.kind = LAYER_BATCH_NORM, .affine = affine), x);
}

// relu, depthwise, pointwise, bn
static inline int sep_half(Graph *g, const char *path, int in, int k, int stride, int dil, int c)
{
    int x = named(g, path, "relu", ATTR(.kind = LAYER_RELU), in);
    x = named(g, path, "dw",
              ATTR(.kind = LAYER_DEPTHWISE, .kernel = k, .stride = stride, .dilation = dil,
                   .pad = PAD_SAME),
              x);
    x = named(g, path, "pw", ATTR(.kind = LAYER_CONV, .channels = c, .kernel = 1), x);
    return named(g, path, "bn", ATTR(.kind = LAYER_BATCH_NORM), x);
}

static inline int factorised(Graph *g, const char *path, int in, int c, int affine)
{
    Error err = { 0 };
    int x = named(g, path, "relu", ATTR(.kind = LAYER_RELU), in), y[2];
    y[0] = named(g, path, "conv_1",
                 ATTR(.kind = LAYER_CONV, .channels = c / 2, .kernel = 1, .stride = 2), x);
    y[1] = named(g, path, "shift", ATTR(.kind = LAYER_SHIFT), x);
    y[1] = named(g, path, "conv_2",
                 ATTR(.kind = LAYER_CONV, .channels = c - c / 2, .kernel = 1, .stride = 2), y[1]);
    x = graph_add(g, path, ATTR(.kind = LAYER_CONCAT), y, 2, &err);
    return named(g, path, "bn", ATTR(.kind = LAYER_BATCH_NORM, .affine = affine), x);
}

enum { DARTS_OPS = 8 };

// The eight operators of DARTS on one edge; out[] in the order of its PRIMITIVES.
static inline void darts_edge(Graph *g, const char *path, int in, int stride, int c,
                              int out[DARTS_OPS])
{
    char p[DARTS_OPS][140];
    for (int i = 0; i < DARTS_OPS; i++)
        snprintf(p[i], sizeof p[i], "%s.%d", path, i);
    out[0] = named(g, p[0], "zero", ATTR(.kind = LAYER_ZERO, .stride = stride), in);
    out[1] = named(g, p[1], "pool",
                   ATTR(.kind = LAYER_MAX_POOL, .kernel = 3, .stride = stride, .pad = 1), in);
    out[1] = named(g, p[1], "bn", ATTR(.kind = LAYER_BATCH_NORM), out[1]);
    out[2] = named(g, p[2], "pool",
                   ATTR(.kind = LAYER_AVG_POOL, .kernel = 3, .stride = stride, .pad = 1), in);
    out[2] = named(g, p[2], "bn", ATTR(.kind = LAYER_BATCH_NORM), out[2]);
    out[3] = stride == 1 ? named(g, p[3], "skip", ATTR(.kind = LAYER_IDENTITY), in)
                         : factorised(g, p[3], in, c, 0);
    for (int k = 0; k < 2; k++) {
        char half[2][150];
        snprintf(half[0], sizeof half[0], "%s.a", p[4 + k]);
        snprintf(half[1], sizeof half[1], "%s.b", p[4 + k]);
        int x = sep_half(g, half[0], in, 3 + 2 * k, stride, 1, c);
        out[4 + k] = sep_half(g, half[1], x, 3 + 2 * k, 1, 1, c);
        out[6 + k] = sep_half(g, p[6 + k], in, 3 + 2 * k, stride, 2, c);
    }
}

typedef struct {
    int h, w, channels;                        // input
    int cells, c, nodes, classes, reduce_mask; // bit i: cell i reduces
    bool aux;
} DartsNet;

static inline int darts_cell(Graph *g, const DartsNet *net, const int in[2], int index, int c,
                             bool pre_reduced, bool reduce)
{
    Error err = { 0 };
    char path[64], edge[96];
    int state[16];
    snprintf(path, sizeof path, "cells.%d.pre0", index);
    state[0] = pre_reduced ? factorised(g, path, in[0], c, 0)
                           : conv_bn(g, path, ATTR(.kind = LAYER_CONV, .channels = c, .kernel = 1),
                                     in[0], 0);
    snprintf(path, sizeof path, "cells.%d.pre1", index);
    state[1] = conv_bn(g, path, ATTR(.kind = LAYER_CONV, .channels = c, .kernel = 1), in[1], 0);
    int row = 0;
    for (int j = 0; j < net->nodes; j++) {
        int ins[16 * DARTS_OPS], n = 0;
        MixRef refs[16 * DARTS_OPS];
        Shape shape = { 0 };
        for (int i = 0; i < 2 + j; i++, row++) {
            snprintf(edge, sizeof edge, "cells.%d.%d-%d", index, i, j + 2);
            darts_edge(g, edge, state[i], reduce && i < 2 ? 2 : 1, c, ins + n);
            for (int k = 0; k < DARTS_OPS; k++, n++)
                refs[n] = (MixRef){ reduce ? 1 : 0, row, k };
            shape = graph_shape(g, ins[n - 1]);
        }
        snprintf(path, sizeof path, "cells.%d.node%d", index, j);
        state[2 + j] = graph_add_mix(g, path, shape, ins, refs, n, &err);
        assert_true(state[2 + j] >= 0);
    }
    snprintf(path, sizeof path, "cells.%d.out", index);
    return graph_add(g, path, ATTR(.kind = LAYER_CONCAT), state + 2, net->nodes, &err);
}

static inline int head(Graph *g, const char *path, int in, int classes, float weight)
{
    int x = named(g, path, "pool", ATTR(.kind = LAYER_GLOBAL_POOL), in);
    x = named(g, path, "classifier", ATTR(.kind = LAYER_LINEAR, .channels = classes), x);
    return named(g, path, "loss", ATTR(.kind = LAYER_LOSS, .weight = weight), x);
}

static inline Graph *darts_net(const DartsNet *net)
{
    Error err = { 0 };
    Graph *g = graph_new((Shape){ net->h, net->w, net->channels });
    int rows = 0;
    for (int j = 0; j < net->nodes; j++)
        rows += 2 + j;
    graph_add_table(g, "normal", rows, DARTS_OPS, &err);
    graph_add_table(g, "reduction", rows, DARTS_OPS, &err);
    int s =
        named(g, "stem", "conv",
              ATTR(.kind = LAYER_CONV, .channels = 3 * net->c, .kernel = 3, .pad = PAD_SAME), 0);
    s = named(g, "stem", "bn", ATTR(.kind = LAYER_BATCH_NORM, .affine = 1), s);
    int in[2] = { s, s }, c = net->c;
    bool before = false;
    for (int i = 0; i < net->cells; i++) {
        bool reduce = net->reduce_mask >> i & 1;
        c = reduce ? 2 * c : c;
        int out = darts_cell(g, net, in, i, c, before, reduce);
        in[0] = in[1];
        in[1] = out;
        before = reduce;
        if (net->aux && i == net->cells / 2)
            head(g, "aux", out, net->classes, 0.4f);
    }
    head(g, "head", in[1], net->classes, 1);
    return g;
}

// ---- data ---------------------------------------------------------------------------------------

static inline uint32_t test_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static inline float test_uniform(uint32_t *state)
{
    return (float)test_random(state) / 8388608.0f - 1;
}

static inline void test_fill(float *x, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        x[i] = test_uniform(&seed);
}

#endif
