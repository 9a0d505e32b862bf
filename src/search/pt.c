// SPDX-License-Identifier: MIT
#include <math.h>

#include "src/search/darts.h"

enum { STREAM_PT = 0x70726f6a };

int pt_decisions(const Space *space)
{
    int most = 0;
    for (int t = 0; t < space->n_cells; t++) {
        const SpaceCell *cell = &space->cells[t];
        int n = cell->n_edges + (cell->derive == DERIVE_TOP ? cell->nodes : 0);
        most = n > most ? n : most;
    }
    return most;
}

// Validation accuracy with entries [from, from + n) of the mixing weights at 0; the others are not
// scaled up for it.
static Status accuracy_without(Darts *d, int from, int n, double *acc, Error *err)
{
    double loss;
    darts_mix(d, MIX_FOR_EVAL);
    for (int i = from; i < from + n; i++)
        d->p[i] = 0;
    darts_mix_exact(d, d->p, d->active);
    feed_seek(d->t.eval, 0); // all on the same images
    return trainer_evaluate(&d->t, PASS_EVAL, 0, &loss, acc, err);
}

static Status decide_operator(Darts *d, int type, int edge, Error *err)
{
    const Alpha *a = &d->alpha;
    const SpaceCell *cell = &a->space->cells[type];
    int at = a->offset[type] + edge * a->cols[type], best = -1;
    double lowest = INFINITY;
    for (int k = 0; k < cell->edges[edge].n_ops; k++) {
        double acc;
        if (alpha_class(a, type, edge, k) == OP_NONE && cell->derive == DERIVE_TOP)
            continue;
        Status status = accuracy_without(d, at + k, 1, &acc, err);
        if (status != STATUS_OK)
            return status;
        if (best < 0 || acc < lowest) {
            best = k;
            lowest = acc;
        }
    }
    d->sgas.choice[alpha_first_edge(a, type) + edge] = best;
    return STATUS_OK;
}

// Takes the edge whose masking costs least out of a node, until it has as many as it keeps.
static Status decide_edges(Darts *d, int type, int node, Error *err)
{
    const Alpha *a = &d->alpha;
    const SpaceCell *cell = &a->space->cells[type];
    int32_t *choice = d->sgas.choice + alpha_first_edge(a, type);
    for (;;) {
        int kept = 0, least = -1;
        double highest = -INFINITY;
        for (int e = 0; e < cell->n_edges; e++)
            kept += cell->edges[e].to == node && choice[e] >= 0;
        if (kept <= cell->keep)
            return STATUS_OK;
        for (int e = 0; e < cell->n_edges; e++) {
            double acc;
            if (cell->edges[e].to != node || choice[e] < 0)
                continue;
            Status status =
                accuracy_without(d, a->offset[type] + e * a->cols[type], a->cols[type], &acc, err);
            if (status != STATUS_OK)
                return status;
            if (acc > highest) {
                highest = acc;
                least = e;
            }
        }
        choice[least] = -2;
    }
}

// The n-th open edge of a type, -1 when fewer are open.
static int open_edge(const Darts *d, int type, int n)
{
    const int32_t *choice = d->sgas.choice + alpha_first_edge(&d->alpha, type);
    for (int e = 0; e < d->alpha.rows[type]; e++)
        if (choice[e] == -1 && n-- == 0)
            return e;
    return -1;
}

static Status decide(Darts *d, int type, int decision, Error *err)
{
    const SpaceCell *cell = &d->alpha.space->cells[type];
    int left = cell->n_edges - decision;
    Rng rng = rng_at(d->t.ctx.options.seed, STREAM_PT + (uint64_t)type, (uint64_t)decision);
    if (left > 0)
        return decide_operator(d, type, open_edge(d, type, (int)rng_below(&rng, (uint64_t)left)),
                               err);
    if (cell->derive != DERIVE_TOP || -left >= cell->nodes)
        return STATUS_OK;
    int nodes[SPACE_NODES];
    rng = rng_at(d->t.ctx.options.seed, STREAM_PT + (uint64_t)type, UINT64_MAX);
    for (int i = 0; i < cell->nodes; i++)
        nodes[i] = cell->inputs + i;
    rng_shuffle(&rng, nodes, cell->nodes);
    return decide_edges(d, type, nodes[-left], err);
}

Status pt_step(Darts *d, Error *err)
{
    const SearchOptions *o = &d->t.ctx.options;
    int past = d->t.epoch + 1 - o->epochs;
    if (!o->pt || past < 0 || past % PT_TUNE != 0 || d->t.epoch_step != 0)
        return STATUS_OK;
    int64_t position = feed_tell(d->t.eval);
    Status status = STATUS_OK;
    for (int t = 0; t < d->alpha.types && status == STATUS_OK; t++)
        status = decide(d, t, past / PT_TUNE, err);
    feed_seek(d->t.eval, position);
    return status;
}
