// SPDX-License-Identifier: MIT
#ifndef ENGINE_GRAPH_H
#define ENGINE_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/layer/layer.h"

// A network as a graph of layers, in topological order by construction (inputs come before
// their users). Describes only; plan.h makes it run. Node ids are 0, 1, 2 ... in order of
// creation; node 0 is the image input made by graph_new.
typedef struct Graph Graph;

// Where the weight of one input of a LAYER_MIX comes from: entry [row][col] of alpha table
// `table` (-1: the constant 1, no gradient).
typedef struct {
    int table, row, col;
} MixRef;

Graph *graph_new(Shape input); // NULL when out of memory
void graph_free(Graph *g);
// Appends a layer. `name` is a path for messages and for parameter names, "cells.2.normal.0-3.
// sep_conv_3x3.1" (copied; must be unique among layers with parameters). Returns the new node's
// id, or -1 with *err set; shapes are checked here.
int graph_add(Graph *g, const char *name, const LayerAttr *attr, const int *inputs, int n,
              Error *err);
// Appends a LAYER_MIX: out = sum_i weight(ref_i) * input_i. n may be 0: zeros of `shape`.
int graph_add_mix(Graph *g, const char *name, Shape shape, const int *inputs, const MixRef *refs,
                  int n, Error *err);
// Declares alpha table `table` (0, 1, ...; in order) of rows x cols weights. Returns its index.
int graph_add_table(Graph *g, const char *name, int rows, int cols, Error *err);

// The last LAYER_LOSS of weight 0 or 1, else the last one; -1 if the graph has none.
int graph_main_loss(const Graph *g);
int graph_count(const Graph *g);
Shape graph_shape(const Graph *g, int node);
const LayerAttr *graph_attr(const Graph *g, int node);
const char *graph_name(const Graph *g, int node);
int graph_inputs(const Graph *g, int node, const int **inputs);
const MixRef *graph_mix_refs(const Graph *g, int node); // NULL unless LAYER_MIX
int graph_tables(const Graph *g);
void graph_table_size(const Graph *g, int table, int *rows, int *cols);
const char *graph_table_name(const Graph *g, int table);
// Sums over all layers, per image, without the auxiliary heads (nodes after the main loss's
// inputs that only an auxiliary loss uses).
int64_t graph_params(const Graph *g);
int64_t graph_macs(const Graph *g);

#endif
