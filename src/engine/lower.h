// SPDX-License-Identifier: MIT
#ifndef ENGINE_LOWER_H
#define ENGINE_LOWER_H

#include "src/engine/ir.h"

// Shared by the files of the fusion pass (fuse.c, fuse_conv.c, fuse_mix.c, fuse_split.c). Every
// function that returns an index returns NONE after plan->failed was set.

// One summand of a sum and where its weight lies.
typedef struct {
    Source source;
    MixRef ref;
} Stream;

int lower_tensor(Plan *plan, Shape shape, int op);
int lower_op(Plan *plan, OpKind kind, int node);
// Appends sources; returns the index of the first.
int lower_sources(Plan *plan, const Source *source, int n);
const Node *lower_input(const Plan *plan, const Node *node, int i);
int lower_input_index(const Plan *plan, const Node *node, int i);
// The value of a node as one plain tensor, copied if it is not one already.
int lower_plain(Plan *plan, int node);
// The value of a node as one source; relu or affine: whether the reader can apply them.
Source lower_one(Plan *plan, int node, bool relu);
void lower_result(Plan *plan, int node, Source source);
Source lower_whole(const Plan *plan, int tensor);

void lower_conv(Plan *plan, int node);
void lower_depthwise(Plan *plan, int node);
void lower_pool(Plan *plan, int node);
void lower_mix(Plan *plan, int node);
void lower_split(Plan *plan, int node);
// Makes `op` the sum of the streams into tensor `out`.
void lower_sum(Plan *plan, int op, const Stream *streams, int n, int out);
bool lower_is_sum(const Node *n);
// A sum that only another sum reads, with weight 1: its own op is never made.
bool lower_inlined(const Plan *plan, int node);
// Op of layer `node` on `count` sources from `src` on; its value becomes that of node `result`.
void lower_layer(Plan *plan, int node, int result, int src, int count);
void lower_concat(Plan *plan, int node);
void lower_slice(Plan *plan, int node);
void lower_generic(Plan *plan, int node);
void lower_norm(Plan *plan, int node);
void lower_find_homes(Plan *plan);
void lower_find_splits(Plan *plan);

#endif
