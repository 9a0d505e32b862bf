// SPDX-License-Identifier: MIT
#ifndef UI_DRAW_GRAPH_H
#define UI_DRAW_GRAPH_H

#include <stdbool.h>

#include "src/arch/arch.h"
#include "ui/draw/grid.h"

// A derived cell as a picture. The layout is pure: the same cell gives the same picture, ties
// keep node order. Layers by longest path; inputs share layer 0; an edge that skips layers passes
// through dummies, which edges from one source share; orders per layer minimise crossings; each
// source has one lane per channel, so lines of different sources never run on top of each other.

enum { GRAPH_NODES = 20, GRAPH_SLOTS = 20, GRAPH_LAYERS = 20, GRAPH_SEGMENTS = 512 };

// A node in its layer, or a dummy that carries the output of `node` through the layer.
typedef struct {
    int node;
    bool dummy;
    int top, rows; // rows of the box (one per incoming edge, at least 1)
    int out_row;   // where its output leaves
} GraphSlot;

typedef struct {
    int source;                 // node whose output this line carries
    int row0, col0, row1, col1; // horizontal or vertical, both ends included
} GraphSegment;

typedef struct {
    int n_layers;
    int n_slots[GRAPH_LAYERS];
    GraphSlot slot[GRAPH_LAYERS][GRAPH_SLOTS];  // in order from the top
    int col[GRAPH_LAYERS], width[GRAPH_LAYERS]; // of the nodes' boxes
    int n_segments;
    GraphSegment segment[GRAPH_SEGMENTS];
    struct {
        int row, col; // of the four-letter code
        int edge;     // in GenoCell.edges
    } label[GENO_EDGES];
    int n_labels;
    int crossings;  // between neighbouring layers, after ordering
    int rows, cols; // of the picture without the output bar
} GraphLayout;

// False for a cell that cannot be laid out (too many nodes, edges that do not point forward).
bool graph_layout(const GenoCell *cell, bool compact, GraphLayout *out);
// Draws the graph and the output bar; false and nothing drawn when it does not fit.
bool graph_draw(Grid *g, Rect area, const GenoCell *cell);
// Space the graph needs at least; zeros when there is none.
void graph_need(const GenoCell *cell, int *rows, int *cols);

// "c-2", "in", "3": name of a node in pictures.
void graph_node_name(const GenoCell *cell, int node, char name[8]);
// What the output is: "concat of 0 1 2 3", "sum at node 3".
void graph_output_text(const GenoCell *cell, char *buf, int size);

typedef struct {
    const GenoCell *cell;
    // Mixing weight of an operator on an edge, NAN unknown; may be NULL.
    double (*weight)(const void *data, int from, int to, const char *op);
    const void *data;
} MatrixSpec;
// The cell as a table of targets by sources; returns the rows it took.
int matrix_draw(Grid *g, Rect area, const MatrixSpec *spec);

#endif
