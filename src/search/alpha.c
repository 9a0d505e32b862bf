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
    if (!alpha->value || !alpha->m || !alpha->v || !alpha->used) {
        alpha_fini(alpha);
        return false;
    }
    for (int t = 0; t < alpha->types; t++)
        for (int e = 0; e < alpha->rows[t]; e++)
            for (int k = 0; k < space->cells[t].edges[e].n_ops; k++)
                alpha->used[alpha->offset[t] + e * alpha->cols[t] + k] = true;
    for (int i = 0; i < alpha->n; i++) {
        Rng rng = rng_at(seed, STREAM_ALPHA, (uint64_t)i);
        if (i >= alpha->n_alpha)
            alpha->used[i] = true;
        if (alpha->used[i])
            alpha->value[i] = (float)(init * rng_normal(&rng));
    }
    return true;
}

void alpha_fini(Alpha *alpha)
{
    mem_free(alpha->value);
    mem_free(alpha->m);
    mem_free(alpha->v);
    mem_free(alpha->used);
    *alpha = (Alpha){ 0 };
}

void alpha_step(Alpha *alpha, double *grad, const AlphaStep *o)
{
    double sum = 0;
    for (int i = 0; i < alpha->n; i++) {
        if (!alpha->used[i])
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
    optim_adam(alpha->value, g, alpha->m, alpha->v, (size_t)alpha->n, &adam, (int)alpha->steps);
    mem_free(g);
}

OpClass alpha_class(const Alpha *alpha, int type, int edge, int col)
{
    const SpaceEdge *e = &alpha->space->cells[type].edges[edge];
    return col < e->n_ops ? alpha->space->ops[e->ops[col]].kind : OP_NONE;
}
