// SPDX-License-Identifier: MIT
#include "src/search/alpha.h"

#include <math.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "src/engine/optim.h"

enum { STREAM_ALPHA = 0x616c7068 };

static void lay_out(Alpha *alpha, const Space *space, bool edge_weights)
{
    alpha->space = space;
    alpha->types = space->n_cells;
    for (int t = 0; t < alpha->types; t++) {
        alpha->rows[t] = space->cells[t].n_edges;
        alpha->cols[t] = space->cells[t].max_ops;
        alpha->offset[t] = alpha->n_alpha;
        alpha->n_alpha += alpha->rows[t] * alpha->cols[t];
    }
    alpha->n = alpha->n_alpha;
    for (int t = 0; t < alpha->types; t++) {
        alpha->edge_offset[t] = edge_weights ? alpha->n : -1;
        alpha->n += edge_weights ? alpha->rows[t] : 0;
    }
}

bool alpha_init(Alpha *alpha, const Space *space, bool edge_weights, double init, uint64_t seed)
{
    *alpha = (Alpha){ 0 };
    lay_out(alpha, space, edge_weights);
    size_t n = (size_t)alpha->n;
    alpha->value = mem_zero(n, sizeof(float));
    alpha->m = mem_zero(n, sizeof(float));
    alpha->v = mem_zero(n, sizeof(float));
    alpha->used = mem_zero(n, sizeof(bool));
    alpha->fixed = mem_zero(n, sizeof(bool));
    if (!alpha->value || !alpha->m || !alpha->v || !alpha->used || !alpha->fixed) {
        alpha_fini(alpha);
        return false;
    }
    for (int t = 0; t < alpha->types; t++)
        for (int e = 0; e < alpha->rows[t]; e++)
            for (int k = 0; k < space->cells[t].edges[e].n_ops; k++)
                alpha->used[alpha->offset[t] + e * alpha->cols[t] + k] = true;
    for (int i = alpha->n_alpha; i < alpha->n; i++)
        alpha->used[i] = true;
    alpha_restart(alpha, init, seed, 0);
    return true;
}

void alpha_restart(Alpha *alpha, double init, uint64_t seed, int round)
{
    alpha->steps = 0;
    for (int i = 0; i < alpha->n; i++) {
        Rng rng = rng_at(seed, STREAM_ALPHA + ((uint64_t)round << 32), (uint64_t)i);
        alpha->value[i] = alpha->used[i] ? (float)(init * rng_normal(&rng)) : 0;
        alpha->m[i] = alpha->v[i] = 0;
        alpha->fixed[i] = false;
    }
}

void alpha_fini(Alpha *alpha)
{
    mem_free(alpha->value);
    mem_free(alpha->m);
    mem_free(alpha->v);
    mem_free(alpha->used);
    mem_free(alpha->fixed);
    *alpha = (Alpha){ 0 };
}

// Adam over the runs of entries that learn.
static void step_free(Alpha *alpha, const float *g, const AdamOptions *adam)
{
    for (int i = 0, end; i < alpha->n; i = end) {
        for (end = i + 1; end < alpha->n && alpha->fixed[end] == alpha->fixed[i];)
            end++;
        if (!alpha->fixed[i])
            optim_adam(alpha->value + i, g + i, alpha->m + i, alpha->v + i, (size_t)(end - i), adam,
                       (int)alpha->steps);
    }
}

void alpha_step(Alpha *alpha, double *grad, const AlphaStep *o)
{
    double sum = 0;
    for (int i = 0; i < alpha->n; i++) {
        if (!alpha->used[i] || alpha->fixed[i])
            grad[i] = 0;
        sum += grad[i] * grad[i];
    }
    double factor = o->clip > 0 ? o->clip / (sqrt(sum) + 1e-6) : 1;
    float *g = mem_array((size_t)alpha->n, sizeof *g);
    if (!g || !isfinite(sum)) { // a step that would spoil every alpha is left out
        mem_free(g);
        return;
    }
    for (int i = 0; i < alpha->n; i++)
        g[i] = (float)(factor < 1 ? grad[i] * factor : grad[i]);
    AdamOptions adam = { o->lr, o->beta1, o->beta2, 1e-8, o->decay, false };
    alpha->steps++;
    step_free(alpha, g, &adam);
    mem_free(g);
}

OpClass alpha_class(const Alpha *alpha, int type, int edge, int col)
{
    const SpaceEdge *e = &alpha->space->cells[type].edges[edge];
    return col < e->n_ops ? alpha->space->ops[e->ops[col]].kind : OP_NONE;
}

int alpha_first_edge(const Alpha *alpha, int type)
{
    int n = 0;
    for (int t = 0; t < type; t++)
        n += alpha->rows[t];
    return n;
}
