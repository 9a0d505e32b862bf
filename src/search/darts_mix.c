// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "src/search/darts.h"

enum { STREAM_GDAS = 0x67646173, STREAM_SDARTS = 0x73646172 };

void darts_mix_exact(Darts *d, const double *p, const bool *active)
{
    float weights[SPACE_EDGES * SPACE_OPS];
    const Alpha *a = &d->alpha;
    for (int t = 0; t < d->tables.n_alpha; t++) {
        int type = d->tables.alpha_type[t], at = a->offset[type];
        for (int i = 0; i < a->rows[type] * a->cols[type]; i++)
            weights[i] = (float)p[at + i];
        plan_set_mix(d->t.plan, t, weights, active ? active + at : NULL);
    }
    for (int i = 0; i < a->n; i++) // which is read together with the gradients
        d->active[i] = !active || active[i];
    for (int t = 0; t < a->types; t++) {
        for (int e = 0; a->edge_offset[t] >= 0 && e < a->rows[t]; e++)
            weights[e] = (float)p[a->edge_offset[t] + e];
        if (a->edge_offset[t] >= 0)
            plan_set_mix(d->t.plan, d->tables.edges[t], weights, NULL);
    }
    const SearchOptions *o = &d->t.ctx.options;
    float beta = (float)dartsminus_weight(o->dartsminus, darts_epoch(d), o->epochs);
    if (d->tables.beta >= 0)
        plan_set_mix(d->t.plan, d->tables.beta, &beta, NULL);
}

void darts_mix(Darts *d, MixPurpose purpose)
{
    const SearchOptions *o = &d->t.ctx.options;
    const Alpha *a = &d->alpha;
    int epoch = darts_epoch(d);
    bool sampled = d->kind == WEIGHT_SAMPLED;
    Rng rng = rng_at(o->seed, sampled ? STREAM_GDAS : STREAM_SDARTS,
                     (uint64_t)d->t.step * 2 + (uint64_t)purpose);
    weights_forward(a, d->kind, d->p);
    if (sampled && purpose == MIX_FOR_EVAL)
        gdas_argmax(a, d->p, d->active);
    else if (sampled)
        gdas_sample(a, gdas_tau(o->gdas_tau, o->gdas_tau_min, epoch, o->epochs), &rng, d->soft,
                    d->p, d->active);
    else
        memcpy(d->active, a->used, (size_t)a->n);
    if (d->deciding)
        sgas_apply(&d->sgas, a, d->p, d->active);
    if (o->sdarts_rs > 0 && purpose == MIX_FOR_WEIGHTS && !sampled && epoch < o->epochs)
        sdarts_perturb(a, sdarts_eps(o->sdarts_rs, epoch, o->epochs), &rng, d->p);
    darts_mix_exact(d, d->p, sampled || d->deciding ? d->active : NULL);
}

// The gradient in the weights of one table, added to g [rows][cols]. What a sampled path left out
// gets what the published code gives it: in cells of stages its weight is added to the map as a
// number, in the others it is not there.
static void add_table(const Darts *d, int table, double *g)
{
    const Alpha *a = &d->alpha;
    int type = d->tables.alpha_type[table], cols = a->cols[type], n = a->rows[type] * cols;
    const double *ran = plan_mix_grad(d->t.plan, table);
    for (int i = 0; i < n; i++)
        g[i] += ran[i];
    if (d->kind != WEIGHT_SAMPLED || a->space->net.kind != SKELETON_STAGES)
        return;
    const double *rest = plan_mix_rest(d->t.plan, table);
    for (int i = 0; i < n; i++)
        g[i] += d->active[a->offset[type] + i] ? 0 : rest[i / cols];
}

void darts_read_mix(const Darts *d, double *raw)
{
    const Alpha *a = &d->alpha;
    memset(raw, 0, (size_t)a->n * sizeof *raw);
    for (int t = 0; t < d->tables.n_alpha; t++)
        add_table(d, t, raw + a->offset[d->tables.alpha_type[t]]);
    for (int t = 0; t < a->types; t++)
        if (a->edge_offset[t] >= 0)
            memcpy(raw + a->edge_offset[t], plan_mix_grad(d->t.plan, d->tables.edges[t]),
                   (size_t)a->rows[t] * sizeof *raw);
    for (int i = 0; i < a->n; i++)
        if (!a->used[i])
            raw[i] = 0;
}

void darts_alpha_gradient(const Darts *d, const double *raw, double *grad)
{
    const SearchOptions *o = &d->t.ctx.options;
    const Alpha *a = &d->alpha;
    if (d->kind == WEIGHT_SAMPLED)
        gdas_backward(a, gdas_tau(o->gdas_tau, o->gdas_tau_min, darts_epoch(d), o->epochs), d->soft,
                      raw, grad);
    else
        weights_backward(a, d->kind, d->p, raw, grad);
    for (int i = 0; i < a->n_alpha; i++)
        grad[i] = a->fixed[i] ? 0 : grad[i];
}

// Index of row i of a matrix that starts at `first`.
static size_t row_at(int first, int i, int width)
{
    return (size_t)first + (size_t)i * (size_t)width;
}

double darts_skip_lead(const Darts *d, int type, const double *grad)
{
    const Alpha *a = &d->alpha;
    double sum = 0, square = 0;
    int edges = 0, entries = 0;
    for (int e = 0; e < a->rows[type]; e++) {
        const double *g = grad + row_at(a->offset[type], e, a->cols[type]);
        double skip = NAN, conv = 0;
        int convs = 0;
        for (int k = 0; k < a->space->cells[type].edges[e].n_ops; k++) {
            OpClass kind = alpha_class(a, type, e, k);
            skip = kind == OP_SKIP ? g[k] : skip;
            conv += kind == OP_CONV ? g[k] : 0;
            convs += kind == OP_CONV;
            square += g[k] * g[k];
            entries++;
        }
        if (isnan(skip) || convs == 0)
            continue;
        sum += conv / convs - skip;
        edges++;
    }
    return edges > 0 && square > 0 ? sum / edges / sqrt(square / entries) : NAN;
}

static double cosine(const double *x, const double *y, int n)
{
    double xy = 0, xx = 0, yy = 0;
    for (int i = 0; i < n; i++) {
        xy += x[i] * y[i];
        xx += x[i] * x[i];
        yy += y[i] * y[i];
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

// LA = mean over pairs of cells of one type of the cosine of the alpha gradients through them.
double darts_alignment(const Darts *d)
{
    const Alpha *a = &d->alpha;
    if (!d->table_grad)
        return NAN;
    for (int t = 0; t < d->tables.n_alpha; t++) {
        int type = d->tables.alpha_type[t], cols = a->cols[type];
        double g[SPACE_EDGES * SPACE_OPS] = { 0 };
        const double *p = (d->kind == WEIGHT_SAMPLED ? d->soft : d->p) + a->offset[type];
        add_table(d, t, g);
        for (int e = 0; e < a->rows[type]; e++)
            weights_softmax_back(p + row_at(0, e, cols), g + row_at(0, e, cols), cols,
                                 d->table_grad + row_at(e * cols, t, d->table_stride));
    }
    double sum = 0;
    int pairs = 0;
    for (int i = 0; i < d->tables.n_alpha; i++)
        for (int j = i + 1; j < d->tables.n_alpha; j++) {
            int type = d->tables.alpha_type[i];
            if (type != d->tables.alpha_type[j])
                continue;
            sum += cosine(d->table_grad + row_at(0, i, d->table_stride),
                          d->table_grad + row_at(0, j, d->table_stride),
                          a->rows[type] * a->cols[type]);
            pairs++;
        }
    return pairs > 0 ? sum / pairs : NAN;
}
