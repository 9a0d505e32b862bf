// SPDX-License-Identifier: MIT
#include "src/health/rules.h"

#include <math.h>
#include <string.h>

enum { DECIDE_FROM = 5, STREAK = 3, BACK = 8 };
// RobustDARTS: a mean over 5 checkpoints belongs to the one 2 before the newest; two means 4
// checkpoints apart are compared; the older must belong to epoch 10 or later.
enum { WINDOW = 5, CENTRE = 2, DELTA = 4, START_EPOCH = 10 };
enum { SGAS_EPOCHS = 4 };

int rule_skips(const int *skips, int n, int k, int rise)
{
    int streak = 0;
    for (int i = 0; i < n; i++) {
        streak = skips[i] >= k ? streak + 1 : 0;
        int then = i > BACK ? i - BACK : 0;
        if (i >= DECIDE_FROM && streak >= STREAK && skips[i] - skips[then] >= rise)
            return i;
    }
    return -1;
}

int rule_darts_plus_1(const int *skips, int n)
{
    for (int i = 0; i < n; i++)
        if (skips[i] >= 2)
            return i;
    return -1;
}

int rule_stable(const uint64_t *cell_hash, int n, int epochs)
{
    int same = 0;
    for (int i = 1; i < n; i++) {
        same = cell_hash[i] == cell_hash[i - 1] ? same + 1 : 0;
        if (same >= epochs)
            return i;
    }
    return -1;
}

uint64_t rule_cell_hash(const GenoCell *cell)
{
    uint64_t sum = 0x9e3779b97f4a7c15u * (uint64_t)(cell->n_edges + 1);
    for (int i = 0; i < cell->n_edges; i++) {
        const GenoEdge *edge = &cell->edges[i];
        uint64_t h = 0xcbf29ce484222325u; // FNV-1a over from, to, op
        const char *name = edge->op;
        h = (h ^ (uint64_t)(unsigned)edge->from) * 0x100000001b3u;
        h = (h ^ (uint64_t)(unsigned)edge->to) * 0x100000001b3u;
        for (; *name; name++)
            h = (h ^ (uint64_t)(unsigned char)*name) * 0x100000001b3u;
        h ^= h >> 32;
        sum += h * 0xd6e8feb86659fd93u; // a sum: the order of edges does not count
    }
    return sum;
}

static double local_mean(const double *values, int i)
{
    int n = i + 1 < WINDOW ? i + 1 : WINDOW;
    double sum = 0.0;
    for (int j = i - n + 1; j <= i; j++)
        sum += values[j];
    return sum / n;
}

double rule_lambda_ratio(const double *lambda, const int *epochs, int n, int *returned)
{
    int now = n - 1, older = now - DELTA;
    *returned = -1;
    // A mean is defined from the third value on.
    if (older < CENTRE || epochs[older - CENTRE] < START_EPOCH)
        return NAN;
    *returned = epochs[older - CENTRE];
    return local_mean(lambda, now) / local_mean(lambda, older);
}

static bool on_grid(const int *epochs, int n, int i)
{
    int spacing = n > 1 ? epochs[1] - epochs[0] : 1;
    return spacing <= 1 || (epochs[i] - epochs[0]) % spacing == 0;
}

int rule_lambda(const double *lambda, const int *epochs, int n, double factor, int *returned)
{
    enum { KEEP = WINDOW + DELTA };
    double value[KEEP]; // the newest points on the grid, oldest first
    int epoch[KEEP], kept = 0, back = -1, fired = -1;
    for (int i = 0; i < n && fired < 0; i++) {
        if (!on_grid(epochs, n, i))
            continue;
        if (kept == KEEP) {
            memmove(value, value + 1, sizeof value - sizeof *value);
            memmove(epoch, epoch + 1, sizeof epoch - sizeof *epoch);
            kept--;
        }
        value[kept] = lambda[i];
        epoch[kept++] = epochs[i];
        if (rule_lambda_ratio(value, epoch, kept, &back) > factor)
            fired = epochs[i];
    }
    if (returned)
        *returned = fired >= 0 ? back : -1;
    return fired;
}

int rule_cusum(const int *skips, int n, int k, int limit)
{
    int s = 0;
    for (int i = 0; i < n; i++) {
        s = s + skips[i] - k > 0 ? s + skips[i] - k : 0;
        if (i >= DECIDE_FROM && s >= limit)
            return i;
    }
    return -1;
}

// ---- SGAS ---------------------------------------------------------------------------------------

// q of an edge: its row without none, renormalised; 0 in columns that do not count. Returns the
// number of columns that do, and the mass they had in *importance.
static int sgas_row(const HealthCell *cell, const double *p, int edge, double *q,
                    double *importance)
{
    int live = 0;
    *importance = 0.0;
    for (int k = 0; k < cell->n_ops; k++) {
        const char *name = health_op(cell, edge, k);
        bool counts = name[0] && op_class_of_name(name) != OP_NONE;
        q[k] = counts ? p[(size_t)edge * (size_t)cell->n_ops + (size_t)k] : 0.0;
        *importance += q[k];
        live += counts;
    }
    for (int k = 0; k < cell->n_ops; k++)
        q[k] /= *importance;
    return live;
}

static double row_certainty(const double *q, int cols, int live)
{
    if (live < 2) // nothing to be uncertain about
        return 1.0;
    double h = 0.0;
    for (int k = 0; k < cols; k++)
        if (q[k] > 0.0)
            h -= q[k] * log(q[k]);
    return 1.0 - h / log((double)live);
}

static double row_overlap(const double *a, const double *b, int cols)
{
    double sum = 0.0;
    for (int k = 0; k < cols; k++)
        sum += fmin(a[k], b[k]);
    return sum;
}

// x to [0, 1] over the edges; where all are equal but for rounding they say nothing: 1.
static double minmax(const double *x, int n, int i)
{
    double low = x[0], high = x[0];
    for (int j = 1; j < n; j++) {
        low = fmin(low, x[j]);
        high = fmax(high, x[j]);
    }
    return high - low > 1e-6 ? (x[i] - low) / (high - low) : 1.0;
}

void rule_sgas(const HealthCell *cell, const double *now, const double *const *then, int n_then,
               SgasScores *out)
{
    int first = n_then > SGAS_EPOCHS ? n_then - SGAS_EPOCHS : 0;
    for (int e = 0; e < cell->n_edges; e++) {
        double q[HEALTH_OPS], old[HEALTH_OPS], mass, sum = 0.0;
        int live = sgas_row(cell, now, e, q, &out->importance[e]);
        out->certainty[e] = row_certainty(q, cell->n_ops, live);
        for (int t = first; t < n_then; t++) {
            sgas_row(cell, then[t], e, old, &mass);
            sum += row_overlap(q, old, cell->n_ops);
        }
        out->stability[e] = n_then > 0 ? sum / (n_then - first) : NAN;
    }
    for (int e = 0; e < cell->n_edges; e++) {
        out->score[e] =
            minmax(out->importance, cell->n_edges, e) * minmax(out->certainty, cell->n_edges, e);
        if (n_then > 0)
            out->score[e] *= minmax(out->stability, cell->n_edges, e);
    }
}
