// SPDX-License-Identifier: MIT
#include "ui/draw/graph_route.h"

#include <string.h>

// Between two layers each source (node or dummy) owns a net: out of its row, along its lane, into
// one row per target.
//
//   | 0 |--+              lane of 0: rows 0..2
//          |  +--sep3->| 2 |
//          +-----skip->|   |
//   | 1 |-----+           lane of 1
//
// A row of a target never equals the row of another source of the same channel, so that two nets
// can cross but never share a piece of line, whatever the order of the lanes.

typedef struct {
    int source_row;
    int n, target[GRAPH_LINKS]; // rows
    int lo, hi;                 // rows of the vertical piece
    int lane;                   // -1: straight, needs none
} Net;

// Rows of the ports of one slot: targets sorted by the row of their source.
static int slot_ports(const GraphLayout *g, int channel, const GraphLink *links, int n_links,
                      int slot, int *port)
{
    int n = 0;
    for (int i = 0; i < n_links; i++) {
        if (links[i].to != slot)
            continue;
        int at = n;
        while (at > 0 && g->slot[channel][links[port[at - 1]].from].out_row >
                             g->slot[channel][links[i].from].out_row) {
            port[at] = port[at - 1];
            at--;
        }
        port[at] = i;
        n++;
    }
    return n;
}

static bool row_taken(const GraphLayout *g, int channel, const GraphLink *links, int n_links,
                      int row, int own)
{
    for (int i = 0; i < n_links; i++)
        if (links[i].from != own && g->slot[channel][links[i].from].out_row == row)
            return true;
    return false;
}

static bool fits_at(const GraphLayout *g, int channel, const GraphLink *links, int n_links,
                    const int *port, int n_ports, int top)
{
    for (int p = 0; p < n_ports; p++)
        if (row_taken(g, channel, links, n_links, top + p, links[port[p]].from))
            return false;
    return true;
}

// Top of the box so that its middle is level with the middle of its sources.
static int wanted_top(const GraphLayout *g, int channel, const GraphLink *links, const int *port,
                      int n_ports)
{
    int sum = 0;
    for (int p = 0; p < n_ports; p++)
        sum += g->slot[channel][links[port[p]].from].out_row;
    return n_ports > 0 ? (sum - n_ports * (n_ports - 1) / 2) / n_ports : 0;
}

static void place_layer(const GenoCell *cell, GraphLayout *g, int layer)
{
    GraphLink links[GRAPH_LINKS];
    int n_links = graph_links(cell, g, layer - 1, links), next = 0;
    for (int s = 0; s < g->n_slots[layer]; s++) {
        GraphSlot *slot = &g->slot[layer][s];
        int port[GRAPH_LINKS];
        int n = slot_ports(g, layer - 1, links, n_links, s, port);
        int top = wanted_top(g, layer - 1, links, port, n);
        top = top < next ? next : top;
        while (!fits_at(g, layer - 1, links, n_links, port, n, top))
            top++;
        slot->top = slot->out_row = top;
        next = top + slot->rows + (slot->dummy ? 0 : 1);
    }
}

static int layer_rows(const GraphLayout *g, int layer)
{
    int rows = 0;
    for (int s = 0; s < g->n_slots[layer]; s++)
        rows += g->slot[layer][s].rows + (g->slot[layer][s].dummy ? 0 : 1);
    return rows;
}

static void place_rows(const GenoCell *cell, GraphLayout *g)
{
    int most = 0;
    for (int l = 0; l < g->n_layers; l++)
        most = layer_rows(g, l) > most ? layer_rows(g, l) : most;
    int n = g->n_slots[0];
    for (int s = 0; s < n; s++)
        g->slot[0][s].top = g->slot[0][s].out_row = (2 * s + 1) * most / (2 * n);
    for (int l = 1; l < g->n_layers; l++)
        place_layer(cell, g, l);
    int low = g->slot[0][0].top;
    for (int pass = 0; pass < 2; pass++)
        for (int l = 0; l < g->n_layers; l++)
            for (int s = 0; s < g->n_slots[l]; s++) {
                GraphSlot *slot = &g->slot[l][s];
                if (pass == 0) {
                    low = slot->top < low ? slot->top : low;
                    continue;
                }
                slot->top -= low;
                slot->out_row -= low;
                if (slot->top + slot->rows > g->rows)
                    g->rows = slot->top + slot->rows;
            }
}

static void make_nets(const GraphLayout *g, int channel, const GraphLink *links, int n_links,
                      Net *net)
{
    for (int s = 0; s < g->n_slots[channel]; s++) {
        net[s] = (Net){ .source_row = g->slot[channel][s].out_row, .lane = -1 };
        net[s].lo = net[s].hi = net[s].source_row;
    }
    for (int t = 0; t < g->n_slots[channel + 1]; t++) {
        int port[GRAPH_LINKS];
        int n = slot_ports(g, channel, links, n_links, t, port);
        for (int p = 0; p < n; p++) {
            Net *owner = &net[links[port[p]].from];
            int row = g->slot[channel + 1][t].top + p;
            owner->target[owner->n++] = row;
            owner->lo = row < owner->lo ? row : owner->lo;
            owner->hi = row > owner->hi ? row : owner->hi;
        }
    }
}

// Crossings when the lane of a lies left of the lane of b.
static int lane_cost(const Net *a, const Net *b)
{
    int cost = b->source_row > a->lo && b->source_row < a->hi;
    for (int i = 0; i < a->n; i++)
        cost += a->target[i] > b->lo && a->target[i] < b->hi;
    return cost;
}

// Orders the lanes by insertion at the cheapest place, then by swapping neighbours.
static int assign_lanes(Net *net, int n_nets)
{
    int order[GRAPH_SLOTS], n = 0;
    for (int s = 0; s < n_nets; s++)
        if (net[s].lo < net[s].hi)
            order[n++] = s;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i + 1 < n; i++) {
            const Net *a = &net[order[i]], *b = &net[order[i + 1]];
            if (lane_cost(b, a) < lane_cost(a, b)) {
                int first = order[i];
                order[i] = order[i + 1];
                order[i + 1] = first;
                moved = true;
            }
        }
    }
    for (int i = 0; i < n; i++)
        net[order[i]].lane = i;
    return n;
}

static bool add_segment(GraphLayout *g, int source, int row0, int col0, int row1, int col1)
{
    if (g->n_segments >= GRAPH_SEGMENTS)
        return false;
    g->segment[g->n_segments++] = (GraphSegment){ source, row0, col0, row1, col1 };
    return true;
}

static bool draw_net(GraphLayout *g, int source, const Net *net, int from, int to, int step)
{
    bool ok = true;
    if (net->n == 0)
        return true;
    if (net->lane < 0)
        return add_segment(g, source, net->source_row, from, net->source_row, to);
    int lane = from + 2 + net->lane * step;
    ok = add_segment(g, source, net->source_row, from, net->source_row, lane) &&
         add_segment(g, source, net->lo, lane, net->hi, lane);
    for (int i = 0; i < net->n && ok; i++)
        ok = add_segment(g, source, net->target[i], lane, net->target[i], to);
    return ok;
}

static void place_labels(const GenoCell *cell, GraphLayout *g, int channel, const GraphLink *links,
                         int n_links, int col)
{
    for (int t = 0; t < g->n_slots[channel + 1]; t++) {
        int port[GRAPH_LINKS];
        int n = slot_ports(g, channel, links, n_links, t, port);
        for (int p = 0; p < n; p++) {
            int edge = links[port[p]].edge;
            if (edge < 0 || !graph_edge_drawn(cell, edge) || g->n_labels >= GENO_EDGES)
                continue;
            g->label[g->n_labels].row = g->slot[channel + 1][t].top + p;
            g->label[g->n_labels].col = col;
            g->label[g->n_labels++].edge = edge;
        }
    }
}

// Width of the boxes: "|12|" compact, "| 12 |" otherwise; inputs are as wide as their names.
static int box_width(const GenoCell *cell, int layer, bool compact)
{
    int digits = cell->inputs + cell->nodes > 10 ? 2 : 1;
    if (layer == 0)
        return cell->inputs == 1 ? 2 : 3;
    return digits + (compact ? 2 : 4);
}

bool graph_route(const GenoCell *cell, bool compact, GraphLayout *g)
{
    enum { LABEL = 4 };
    int step = compact ? 1 : 2, col = 0;
    place_rows(cell, g);
    for (int l = 0; l < g->n_layers; l++) {
        g->col[l] = col;
        g->width[l] = box_width(cell, l, compact);
        col += g->width[l];
        if (l + 1 == g->n_layers)
            break;
        GraphLink links[GRAPH_LINKS];
        static Net net[GRAPH_SLOTS];
        int n_links = graph_links(cell, g, l, links);
        make_nets(g, l, links, n_links, net);
        int lanes = assign_lanes(net, g->n_slots[l]);
        int label_col = col + 1 + lanes * step + (compact ? 0 : 1);
        int end = label_col + LABEL + (compact ? 0 : 1); // column of the arrow head
        for (int s = 0; s < g->n_slots[l]; s++)
            if (!draw_net(g, g->slot[l][s].node, &net[s], col - 1, end, step))
                return false;
        place_labels(cell, g, l, links, n_links, label_col);
        col = end + 1;
    }
    g->cols = col;
    return true;
}
