// SPDX-License-Identifier: MIT
#ifndef UI_DRAW_GRAPH_ROUTE_H
#define UI_DRAW_GRAPH_ROUTE_H

#include "ui/draw/graph.h"

// Inside of the graph layout: rows of the slots, lanes of the channels, line segments.

enum { GRAPH_LINKS = 96 };

// Slot indices in two neighbouring layers; edge of the cell that ends here, -1 towards a dummy.
typedef struct {
    int from, to, edge;
} GraphLink;

bool graph_edge_drawn(const GenoCell *cell, int edge);
int graph_links(const GenoCell *cell, const GraphLayout *g, int channel, GraphLink *links);
// False when there are too many segments.
bool graph_route(const GenoCell *cell, bool compact, GraphLayout *g);

#endif
