// SPDX-License-Identifier: MIT
#ifndef SPACE_SPACE_H
#define SPACE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/arena.h"
#include "src/base/err.h"
#include "src/base/str.h"
#include "src/layer/layer.h"

// Model of a weight-sharing search space: operators, cells, skeleton. Plain data, made by
// src/script from Lua (or by tests), validated here. Everything lives in the Space's arena.

typedef enum {
    OP_NONE, // contributes nothing; may compete in the softmax, never runs
    OP_SKIP, // identity (factorised reduction where strided)
    OP_POOL, // parameter-free window
    OP_CONV, // has weights: counts for conv depth
    OP_OTHER // parameter-free but not skip, pool or none (noise)
} OpClass;

// One layer of an operator. Channels are relative to the cell's width C: out = mul * C / div,
// rounded down; 0/0 keeps the input's channels.
typedef struct {
    LayerAttr attr;
    int channel_mul, channel_div;
    int from_mul, from_div; // slices: first channel = from_mul * C / from_div
    bool strided;           // takes the stride of the edge
    bool search_only;       // left out of derived networks (BN after pools)
    bool search_plain_bn;   // batch norm: affine only in derived networks
    int inputs[4];          // 0 = the operator's input, k = output of its layer k-1
    int n_inputs;
} OpLayer;

typedef struct {
    const char *name; // "sep_conv_3x3": genotype text
    const char *code; // "sep3": four letters for drawings
    OpClass kind;
    int conv_depth;        // convolutions on its deepest path (sep_conv counts 1: one operator)
    const OpLayer *layers; // stride 1
    int n_layers;
    const OpLayer *reduce; // stride 2; NULL: `layers` with strided layers at stride 2
    int n_reduce;
    const char *file; // where the script made it, for messages; may be NULL
    int line;
} SpaceOp;

typedef enum { DERIVE_TOP, DERIVE_ARGMAX } DeriveRule;
typedef enum { COMBINE_CONCAT, COMBINE_SUM } CombineRule; // SUM: the last node is the output

typedef struct {
    int from, to; // nodes: 0 .. inputs-1 are the cell's inputs
    int n_ops;
    const int *ops; // indices into Space.ops
} SpaceEdge;

typedef struct {
    const char *name; // "normal", "reduction", "cell"
    int inputs, nodes, keep;
    DeriveRule derive;
    CombineRule combine;
    const SpaceEdge *edges; // ordered by `to`, then `from`
    int n_edges;
    int max_ops; // columns of the alpha table: most operators on an edge
} SpaceCell;

typedef enum { SKELETON_DARTS, SKELETON_STAGES } SkeletonKind;

typedef struct {
    SkeletonKind kind;
    int cells;    // DARTS: total cells
    int channels; // initial width C
    int stem;     // stem multiplier (DARTS 3); stages: 1
    int n_reduce; // DARTS: reduction cells at these indices
    int reduce_at[8];
    double reduce_frac[8];   // as given, so that a derived network of other depth can place them
    int stages, stage_cells; // STAGES: N cells in each, a residual block of stride 2 between
} SpaceNet;

// One layer of a network that the script wrote out (nas.net). Input 0 is the image, k the output of
// the k-th layer.
typedef struct {
    const char *name; // of its parameters: "conv1"
    LayerAttr attr;
    const int *inputs;
    int n_inputs;
    const char *file; // where the script added it; may be NULL
    int line;
} SpaceLayer;

typedef struct {
    const char *path; // script, for messages
    const char *name;
    int line;                             // of the call that made the space; 0 if unknown
    int channels, height, width, classes; // input
    const char *data;                     // data.name default, may be NULL
    const SpaceOp *ops;
    int n_ops;
    const SpaceCell *cells; // DARTS: normal and, if the skeleton reduces by cells, reduction
    int n_cells;
    SpaceNet net;
    // A fixed network instead: no operators, no cells, nothing to search. The last layer gives the
    // logits.
    const SpaceLayer *layers;
    int n_layers;
    int n_objectives;
    struct SpaceObjective {
        const char *name; // "accuracy"
        bool maximize;
    } objectives[8];
    bool has_objective_fn; // the script brings objective = function(m)
    // defaults table, flattened: "search.epochs" -> "50", with the script's line
    struct SpaceDefault {
        const char *key, *value;
        int line;
    } * defaults;
    int n_defaults;
    // Names of what the script required, for the run's lua/ copy: paths
    const char *const *required;
    int n_required;
    Arena arena;
} Space;

// Limits on the model; validation holds spaces to them.
enum {
    SPACE_OPS = 64,
    SPACE_CELLS = 4,
    SPACE_NODES = 16,
    SPACE_EDGES = 40,
    SPACE_OP_LAYERS = 64,
    SPACE_LAYERS = 2000,
    SPACE_LAYER_INPUTS = 16,
    SPACE_SIDE = 1024,
    SPACE_CHANNELS = 4096
};

// Checks everything that can be wrong in the model; the message names cell, edge, operator.
Status space_validate(const Space *space, Error *err);
// Same; field says which part is at fault ("net.channels", "cell.keep", "op.NAME"), so that
// whoever knows the script can point at its line.
typedef struct {
    char path[64];
} SpaceField;
Status space_validate_field(const Space *space, SpaceField *field, Error *err);

// ---- operators at a width ----------------------------------------------------------------------
// Layers of the operator on an edge of this stride (1 or 2). Never NULL for a validated space.
const OpLayer *space_op_layers(const SpaceOp *op, int stride, int *n);
// The layer at width C with its channels and stride filled in; in_c: channels of its first input.
LayerAttr space_layer_attr(const OpLayer *layer, int C, int in_c, int stride);
// Output shape of an operator on `in` (in.c = C). The message names layer and operator.
Status space_op_shape(const SpaceOp *op, Shape in, int stride, Shape *out, Error *err);

// Shapes of a fixed network: shapes[0] of the image, shapes[k] of the k-th layer (n_layers + 1 in
// all). *layer (may be NULL): the one that does not fit, from 0. The message names it.
Status space_network_shapes(const Space *space, Shape *shapes, int *layer, Error *err);

// Number of distinct genotypes of one cell and of the whole space, as double and as exact decimal
// text (derive TOP: choices of `keep` edges per node times operators without none).
double space_size(const Space *space);
Status space_size_text(const Space *space, Str *out, Error *err);
int space_cell_index(const Space *space, const char *name); // -1 if absent
int space_op_index(const Space *space, const char *name);
int space_edge_index(const SpaceCell *cell, int from, int to); // -1 if absent
void space_free(Space *space);

#endif
