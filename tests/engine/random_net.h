// SPDX-License-Identifier: MIT
#ifndef TESTS_ENGINE_RANDOM_NET_H
#define TESTS_ENGINE_RANDOM_NET_H

#include "tests/engine/nets.h"

// A random small graph over all kinds of layers, a pure function of its seed. Random layers
// (dropout, noise) are only in when asked for: merging may not change what they draw, but fused
// and unfused plans number their draws by node, which is the same in both.

typedef struct {
    Graph *g;
    uint32_t rng;
    int nodes[160], n;
    int count;
    bool plain; // no dropout, drop path, noise
} RandomNet;

static inline int pick(RandomNet *r, int n)
{
    return (int)(test_random(&r->rng) % (uint32_t)n);
}

static inline void keep(RandomNet *r, int node)
{
    assert_true(node >= 0);
    r->nodes[r->n++] = node;
}

static inline const char *fresh(RandomNet *r)
{
    static char name[32];
    snprintf(name, sizeof name, "n%d", r->count++);
    return name;
}

static inline int any_node(RandomNet *r)
{
    // Recent nodes more often, so that graphs get deep.
    int span = r->n < 6 || pick(r, 3) == 0 ? r->n : 6;
    return r->nodes[r->n - 1 - pick(r, span)];
}

static inline bool equal_shape(Shape a, Shape b)
{
    return a.h == b.h && a.w == b.w && a.c == b.c;
}

// Up to `most` nodes with the shape (or only the size) of a given one, that one first.
static inline int like(RandomNet *r, int node, bool channels, int most, int *out)
{
    Shape s = graph_shape(r->g, node);
    int n = 0;
    out[n++] = node;
    for (int i = 0; i < r->n && n < most; i++) {
        Shape t = graph_shape(r->g, r->nodes[i]);
        bool fits = channels ? equal_shape(s, t) : s.h == t.h && s.w == t.w;
        if (fits && pick(r, 2))
            out[n++] = r->nodes[i];
    }
    return n;
}

static inline int random_mix(RandomNet *r)
{
    Error err = { 0 };
    int in[12], node = any_node(r), n = like(r, node, true, 12, in);
    MixRef refs[12];
    for (int i = 0; i < n; i++)
        refs[i] = pick(r, 4) ? (MixRef){ 0, pick(r, 6), pick(r, 5) } : (MixRef){ -1, 0, 0 };
    return graph_add_mix(r->g, fresh(r), graph_shape(r->g, node), in, refs, n, &err);
}

static inline int random_joined(RandomNet *r, LayerKind kind)
{
    Error err = { 0 };
    int in[4], n = like(r, any_node(r), kind == LAYER_ADD, 4, in);
    if (n < 2)
        in[n++] = in[0];
    return graph_add(r->g, fresh(r), ATTR(.kind = kind), in, n, &err);
}

static inline int random_conv(RandomNet *r, int in)
{
    static const int widths[] = { 1, 3, 5, 8, 10, 16, 20 };
    LayerAttr a = { .kind = LAYER_CONV, .channels = widths[pick(r, 7)] };
    a.kernel = pick(r, 2) ? 1 : 3;
    a.stride = 1 + (pick(r, 4) == 0);
    a.pad = pick(r, 3) ? PAD_SAME : PAD_TF_SAME;
    a.dilation = 1 + (pick(r, 4) == 0);
    a.bias = pick(r, 3) == 0;
    Shape s = graph_shape(r->g, in);
    if (pick(r, 4) == 0 && s.c % 2 == 0 && a.channels % 2 == 0)
        a.groups = 2;
    if (pick(r, 5) == 0) { // the second path of a factorised reduction
        in = add1(r->g, fresh(r), ATTR(.kind = LAYER_SHIFT), in);
        a = (LayerAttr){ .kind = LAYER_CONV, .channels = a.channels, .kernel = 1, .stride = 2 };
    }
    return add1(r->g, fresh(r), &a, in);
}

static inline int random_unit(RandomNet *r, int in)
{
    LayerAttr dw = { .kind = LAYER_DEPTHWISE,
                     .kernel = 3 + 2 * pick(r, 2),
                     .pad = PAD_SAME,
                     .stride = 1 + (pick(r, 4) == 0),
                     .dilation = 1 + pick(r, 2) };
    in = add1(r->g, fresh(r), &dw, in);
    if (pick(r, 4))
        in = add1(r->g, fresh(r),
                  ATTR(.kind = LAYER_CONV, .kernel = 1, .channels = graph_shape(r->g, in).c), in);
    return in;
}

static inline int random_pool(RandomNet *r, int in)
{
    LayerAttr a = { .kind = pick(r, 2) ? LAYER_MAX_POOL : LAYER_AVG_POOL,
                    .kernel = 3,
                    .pad = 1,
                    .stride = 1 + (pick(r, 4) == 0),
                    .count_pad = pick(r, 4) == 0 };
    return add1(r->g, fresh(r), &a, in);
}

static inline int random_slice(RandomNet *r, int in)
{
    int c = graph_shape(r->g, in).c, from = pick(r, c);
    return add1(r->g, fresh(r),
                ATTR(.kind = LAYER_SLICE, .slice_from = from, .channels = 1 + pick(r, c - from)),
                in);
}

static inline int random_gate(RandomNet *r, int in)
{
    Error err = { 0 };
    int pair[2] = { in, add1(r->g, fresh(r), ATTR(.kind = LAYER_GLOBAL_POOL), in) };
    pair[1] = add1(r->g, fresh(r), ATTR(.kind = LAYER_SIGMOID), pair[1]);
    return graph_add(r->g, fresh(r), ATTR(.kind = LAYER_SCALE), pair, 2, &err);
}

static inline int random_plain(RandomNet *r, int in)
{
    static const LayerKind kinds[] = { LAYER_RELU6,     LAYER_HSWISH, LAYER_SWISH,
                                       LAYER_SIGMOID,   LAYER_GELU,   LAYER_IDENTITY,
                                       LAYER_SHUFFLE,   LAYER_SHIFT,  LAYER_DROPOUT,
                                       LAYER_DROP_PATH, LAYER_NOISE,  LAYER_LAYER_NORM,
                                       LAYER_ATTENTION, LAYER_ZERO };
    LayerAttr a = { .kind = kinds[pick(r, 14)] };
    if (r->plain && a.kind >= LAYER_DROPOUT && a.kind <= LAYER_NOISE)
        a.kind = LAYER_HSWISH;
    int c = graph_shape(r->g, in).c;
    a.groups = a.kind == LAYER_SHUFFLE && c % 2 == 0 ? 2 : 0;
    a.heads = a.kind == LAYER_ATTENTION && c % 2 == 0 ? 2 : 0;
    a.affine = a.kind == LAYER_LAYER_NORM;
    a.rate = a.kind == LAYER_NOISE ? (pick(r, 2) ? 0.1f : -0.2f) : 0.3f;
    return add1(r->g, fresh(r), &a, in);
}

static inline int random_layer(RandomNet *r)
{
    int in = any_node(r);
    switch (pick(r, 16)) {
    case 0:
    case 1: return random_mix(r);
    case 2: return random_joined(r, LAYER_ADD);
    case 3: return random_joined(r, LAYER_CONCAT);
    case 4:
    case 5: return random_conv(r, in);
    case 6:
    case 7: return random_unit(r, in);
    case 8: return random_pool(r, in);
    case 9: return random_slice(r, in);
    case 10: return random_gate(r, in);
    case 11:
    case 12: return add1(r->g, fresh(r), ATTR(.kind = LAYER_RELU), in);
    case 13:
    case 14: return add1(r->g, fresh(r), ATTR(.kind = LAYER_BATCH_NORM, .affine = pick(r, 2)), in);
    default: return random_plain(r, in);
    }
}

static inline Graph *random_net_with(uint32_t seed, int layers, bool plain)
{
    static const int channels[] = { 3, 5, 8, 10, 16 };
    Error err = { 0 };
    RandomNet r = { .rng = seed * 2654435761u + 1, .plain = plain };
    r.g = graph_new((Shape){ 5 + pick(&r, 4), 5 + pick(&r, 4), 1 + 2 * pick(&r, 2) });
    graph_add_table(r.g, "alpha", 6, 5, &err);
    int stem = add1(
        r.g, "stem",
        ATTR(.kind = LAYER_CONV, .kernel = 3, .pad = PAD_SAME, .channels = channels[pick(&r, 5)]),
        0);
    keep(&r, stem);
    for (int i = 0; i < layers; i++) {
        int node = random_layer(&r);
        if (graph_shape(r.g, node).c <= 40)
            keep(&r, node);
    }
    // Everything late reaches the loss: pool the last nodes, concatenate, classify.
    int last[6], n = 0;
    for (int i = r.n - 1; i >= 0 && n < 6; i--)
        last[n++] = add1(r.g, fresh(&r), ATTR(.kind = LAYER_GLOBAL_POOL), r.nodes[i]);
    int x = n > 1 ? graph_add(r.g, "all", ATTR(.kind = LAYER_CONCAT), last, n, &err) : last[0];
    if (pick(&r, 2))
        head(r.g, "aux", r.nodes[r.n / 2], 7, 0.4f);
    if (pick(&r, 2)) {
        int f = add1(r.g, "flat", ATTR(.kind = LAYER_FLATTEN), r.nodes[r.n - 1]);
        int z[2] = { add1(r.g, "fc0", ATTR(.kind = LAYER_LINEAR, .channels = 7), f),
                     add1(r.g, "fc", ATTR(.kind = LAYER_LINEAR, .channels = 7), x) };
        x = graph_add(r.g, "sum", ATTR(.kind = LAYER_ADD), z, 2, &err);
    } else {
        x = add1(r.g, "fc", ATTR(.kind = LAYER_LINEAR, .channels = 7), x);
    }
    add1(r.g, "loss", ATTR(.kind = LAYER_LOSS, .smoothing = 0.1f), x);
    return r.g;
}

static inline Graph *random_net(uint32_t seed, int layers)
{
    return random_net_with(seed, layers, false);
}

#endif
