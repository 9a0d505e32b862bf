// SPDX-License-Identifier: MIT
#include "ui/draw/graph.h"

#include <stdlib.h>
#include <string.h>

#include "ui/draw/graph_route.h"

// From a cell to ordered layers of slots; ui/draw/graph_route.c gives them rows and lanes.

static bool edge_usable(const GenoCell *cell, const GenoEdge *e)
{
    int total = cell->inputs + cell->nodes;
    return e->from >= 0 && e->from < e->to && e->to < total && e->to >= cell->inputs &&
           op_class_of_name(e->op) != OP_NONE;
}

bool graph_edge_drawn(const GenoCell *cell, int edge)
{
    return edge_usable(cell, &cell->edges[edge]);
}

// Longest path from the inputs; nodes without inputs stand in layer 1.
static void find_layers(const GenoCell *cell, int *layer)
{
    for (int v = 0; v < cell->inputs + cell->nodes; v++) {
        layer[v] = v < cell->inputs ? 0 : 1;
        for (int i = 0; i < cell->n_edges; i++)
            if (edge_usable(cell, &cell->edges[i]) && cell->edges[i].to == v &&
                layer[cell->edges[i].from] + 1 > layer[v])
                layer[v] = layer[cell->edges[i].from] + 1;
    }
}

static int in_degree(const GenoCell *cell, int node)
{
    int n = 0;
    for (int i = 0; i < cell->n_edges; i++)
        n += edge_usable(cell, &cell->edges[i]) && cell->edges[i].to == node;
    return n;
}

static bool add_slot(GraphLayout *out, int layer, int node, bool dummy, int rows)
{
    int n = out->n_slots[layer];
    if (n >= GRAPH_SLOTS)
        return false;
    out->slot[layer][n] = (GraphSlot){ .node = node, .dummy = dummy, .rows = rows };
    out->n_slots[layer]++;
    return true;
}

static bool make_slots(const GenoCell *cell, GraphLayout *out)
{
    int layer[GRAPH_NODES], total = cell->inputs + cell->nodes;
    find_layers(cell, layer);
    for (int v = 0; v < total; v++) {
        int rows = in_degree(cell, v);
        if (layer[v] >= GRAPH_LAYERS || !add_slot(out, layer[v], v, false, rows > 0 ? rows : 1))
            return false;
        if (layer[v] + 1 > out->n_layers)
            out->n_layers = layer[v] + 1;
    }
    for (int v = 0; v < total; v++) {
        int last = layer[v];
        for (int i = 0; i < cell->n_edges; i++)
            if (edge_usable(cell, &cell->edges[i]) && cell->edges[i].from == v &&
                layer[cell->edges[i].to] > last)
                last = layer[cell->edges[i].to];
        for (int l = layer[v] + 1; l < last; l++)
            if (!add_slot(out, l, v, true, 1))
                return false;
    }
    return true;
}

int graph_links(const GenoCell *cell, const GraphLayout *g, int channel, GraphLink *links)
{
    int n = 0;
    for (int a = 0; a < g->n_slots[channel]; a++)
        for (int b = 0; b < g->n_slots[channel + 1]; b++) {
            const GraphSlot *from = &g->slot[channel][a], *to = &g->slot[channel + 1][b];
            if (to->dummy && to->node == from->node)
                links[n++] = (GraphLink){ a, b, -1 };
            for (int i = 0; i < cell->n_edges && !to->dummy && n < GRAPH_LINKS - 1; i++)
                if (edge_usable(cell, &cell->edges[i]) && cell->edges[i].from == from->node &&
                    cell->edges[i].to == to->node)
                    links[n++] = (GraphLink){ a, b, i };
            if (n >= GRAPH_LINKS - 1)
                return n;
        }
    return n;
}

static int channel_crossings(const GenoCell *cell, const GraphLayout *g, int channel)
{
    GraphLink links[GRAPH_LINKS];
    if (channel < 0 || channel + 1 >= g->n_layers)
        return 0;
    int n = graph_links(cell, g, channel, links), crossings = 0;
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++)
            crossings += (links[i].from - links[j].from) * (links[i].to - links[j].to) < 0;
    return crossings;
}

static int around(const GenoCell *cell, const GraphLayout *g, int layer)
{
    return channel_crossings(cell, g, layer - 1) + channel_crossings(cell, g, layer);
}

typedef struct {
    const GenoCell *cell;
    GraphLayout *g;
    int layer, best;
    GraphSlot keep[GRAPH_SLOTS];
} Search;

// All orders of slots k .. n-1, in lexicographic order of the present one: the first best wins.
static void permute(Search *s, int k)
{
    GraphSlot *slot = s->g->slot[s->layer];
    int n = s->g->n_slots[s->layer];
    if (k == n) {
        int c = around(s->cell, s->g, s->layer);
        if (c < s->best) {
            s->best = c;
            memcpy(s->keep, slot, sizeof s->keep);
        }
        return;
    }
    for (int i = k; i < n && s->best > 0; i++) {
        GraphSlot moved = slot[i];
        memmove(&slot[k + 1], &slot[k], (size_t)(i - k) * sizeof *slot);
        slot[k] = moved;
        permute(s, k + 1);
        memmove(&slot[k], &slot[k + 1], (size_t)(i - k) * sizeof *slot);
        slot[i] = moved;
    }
}

// For layers too full for all orders: swap neighbours while that helps.
static void swap_down(const GenoCell *cell, GraphLayout *g, int layer)
{
    GraphSlot *slot = g->slot[layer];
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i + 1 < g->n_slots[layer]; i++) {
            int before = around(cell, g, layer);
            GraphSlot first = slot[i];
            slot[i] = slot[i + 1];
            slot[i + 1] = first;
            if (around(cell, g, layer) < before) {
                moved = true;
                continue;
            }
            slot[i + 1] = slot[i];
            slot[i] = first;
        }
    }
}

static void order_layer(const GenoCell *cell, GraphLayout *g, int layer)
{
    enum { ALL_ORDERS = 6 };
    if (g->n_slots[layer] > ALL_ORDERS) {
        swap_down(cell, g, layer);
        return;
    }
    Search s = { .cell = cell, .g = g, .layer = layer, .best = around(cell, g, layer) };
    memcpy(s.keep, g->slot[layer], sizeof s.keep);
    permute(&s, 0);
    memcpy(g->slot[layer], s.keep, sizeof s.keep);
}

static int all_crossings(const GenoCell *cell, const GraphLayout *g)
{
    int crossings = 0;
    for (int l = 0; l + 1 < g->n_layers; l++)
        crossings += channel_crossings(cell, g, l);
    return crossings;
}

static void order_layers(const GenoCell *cell, GraphLayout *g)
{
    int crossings = all_crossings(cell, g);
    for (int sweep = 0; sweep < 8 && crossings > 0; sweep++) {
        for (int l = 1; l < g->n_layers; l++)
            order_layer(cell, g, l);
        for (int l = g->n_layers - 1; l >= 0; l--)
            order_layer(cell, g, l);
        int now = all_crossings(cell, g);
        if (now >= crossings)
            break;
        crossings = now;
    }
    g->crossings = all_crossings(cell, g);
}

bool graph_layout(const GenoCell *cell, bool compact, GraphLayout *out)
{
    memset(out, 0, sizeof *out);
    if (cell->inputs < 1 || cell->nodes < 1 || cell->inputs + cell->nodes > GRAPH_NODES ||
        cell->n_edges < 0 || cell->n_edges > GENO_EDGES)
        return false;
    if (!make_slots(cell, out))
        return false;
    order_layers(cell, out);
    return graph_route(cell, compact, out);
}
