// SPDX-License-Identifier: MIT
#ifndef NET_BUILD_H
#define NET_BUILD_H

#include <stdbool.h>

#include "src/engine/graph.h"
#include "src/space/space.h"

// Pieces that supernets and derived networks share. A node id of -1 is "failed" and goes through
// all of these unchanged, so a builder checks once at the end; the first message stays in err.
// Affine 0 or 1 says whether the batch norms have a learned scale and shift.

typedef struct {
    Graph *g;
    bool derived; // operators without search_only layers, batch norm affine
    Error *err;
} Builder;

int build_layer(const Builder *b, const char *name, LayerAttr attr, int input);
int build_join(const Builder *b, const char *name, LayerAttr attr, const int *inputs, int n);
int build_relu(const Builder *b, const char *name, int input);
int build_bn(const Builder *b, const char *name, int affine, int input);
// ReLU, convolution (padding "same"), batch norm.
typedef struct {
    int channels, kernel, stride, affine;
} ConvBn;
int build_relu_conv_bn(const Builder *b, const char *name, ConvBn o, int input);
// Convolution 3 x 3 and affine batch norm.
int build_stem(const Builder *b, int channels, int input);
// ReLU, two 1 x 1 convolutions of stride 2 (the second on the input shifted by one pixel),
// concatenated, batch norm.
int build_factorised_reduce(const Builder *b, const char *name, int channels, int affine,
                            int input);
// The operator at width C of its input on an edge of this stride.
int build_op(const Builder *b, const char *prefix, const SpaceOp *op, int stride, int input);
// Global pool, linear, loss.
int build_head(const Builder *b, const char *prefix, int classes, LayerAttr loss, int input);
// Residual block of stride 2 between the stages of NAS-Bench-201.
int build_residual(const Builder *b, const char *prefix, int channels, int input);
int build_channels(const Builder *b, int node); // 0 when failed
// Index of the cell type that cells of this kind have.
int build_cell_type(const Space *space, bool reduction);
// Whether cell i of a network of `cells` cells is a reduction cell: the space's fractions where the
// depth is another, else its indices.
bool build_reduces_at(const Space *space, int cells, int i);

#endif
