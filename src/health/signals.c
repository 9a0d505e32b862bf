// SPDX-License-Identifier: MIT
#include "src/health/signals.h"

#include <math.h>
#include <string.h>

// What one edge offers, by column.
typedef struct {
    int n; // live columns
    int col[HEALTH_OPS];
    OpClass kind[HEALTH_OPS];
    int skip, none; // index into col, -1 absent
} EdgeOps;

// Sums over edges; a NAN term makes its sum NAN, which is what the signal should be.
typedef struct {
    double entropy_all, entropy, lift, gap_p, gap_q, margin, none, p_skip;
    int n_entropy_all, n_entropy, n_skip, n_rival, n_margin, wins;
    double d_p[HEALTH_EDGES], d_q[HEALTH_EDGES];
    double d_free[HEALTH_EDGES];
    int n_free;
} Sums;

static const double LOG_FLOOR = 1e-12; // one-hot rows keep a finite gap

const char *health_op(const HealthCell *cell, int edge, int col)
{
    if (col < 0 || col >= cell->n_ops || col >= HEALTH_OPS || edge < 0 || edge >= cell->n_edges)
        return "";
    if (cell->per_edge && cell->edge_op)
        return cell->edge_op[edge][col];
    return cell->op[col];
}

static EdgeOps edge_ops(const HealthCell *cell, int edge)
{
    EdgeOps ops;
    ops.n = 0;
    ops.skip = ops.none = -1;
    int n = cell->n_ops < HEALTH_OPS ? cell->n_ops : HEALTH_OPS;
    for (int k = 0; k < n; k++) {
        const char *name = health_op(cell, edge, k);
        if (!name[0])
            continue;
        OpClass kind = op_class_of_name(name);
        if (kind == OP_SKIP && ops.skip < 0)
            ops.skip = ops.n;
        if (kind == OP_NONE && ops.none < 0)
            ops.none = ops.n;
        ops.kind[ops.n] = kind;
        ops.col[ops.n++] = k;
    }
    return ops;
}

static double safe_log(double x)
{
    return isnan(x) ? NAN : log(x > LOG_FLOOR ? x : LOG_FLOOR);
}

// Entropy of a row that is normalised here, over log n; NAN below two entries.
static double row_entropy(const double *row, int n)
{
    double sum = 0.0, h = 0.0;
    for (int k = 0; k < n; k++)
        sum += row[k];
    if (n < 2 || !(sum > 0.0) || isinf(sum))
        return NAN;
    for (int k = 0; k < n; k++) {
        double x = row[k] / sum;
        if (isnan(x))
            return NAN;
        if (x > 0.0)
            h -= x * log(x);
    }
    return h / log((double)n);
}

// p_s minus the mean of the others, and the same on logarithms.
static void row_lead(const double *row, int n, int s, double *lead, double *gap)
{
    double sum = 0.0, logs = 0.0;
    for (int k = 0; k < n; k++) {
        if (k == s)
            continue;
        sum += row[k];
        logs += safe_log(row[k]);
    }
    *lead = row[s] - sum / (n - 1);
    *gap = safe_log(row[s]) - logs / (n - 1);
}

static double row_margin(const double *row, int n)
{
    double first = -INFINITY, second = -INFINITY;
    for (int k = 0; k < n; k++) {
        if (isnan(row[k]))
            return NAN;
        if (row[k] > first) {
            second = first;
            first = row[k];
        } else if (row[k] > second) {
            second = row[k];
        }
    }
    return first - second;
}

static int row_best(const double *row, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++)
        if (row[k] > row[best])
            best = k;
    return best;
}

// Row without `none`, renormalised. Returns its length and the place of skip.
static int row_without_none(const double *row, const EdgeOps *ops, double *q, int *skip)
{
    int n = 0;
    double sum = 0.0;
    *skip = -1;
    for (int k = 0; k < ops->n; k++) {
        if (k == ops->none)
            continue;
        if (k == ops->skip)
            *skip = n;
        q[n++] = row[k];
        sum += row[k];
    }
    for (int k = 0; k < n; k++)
        q[k] = sum > 0.0 ? q[k] / sum : NAN;
    return n;
}

static void add_skip_terms(Sums *sums, const EdgeOps *ops, const double *row, const double *q,
                           int nq, int skip_q)
{
    sums->p_skip += row[ops->skip];
    sums->lift += nq * q[skip_q];
    sums->wins += row_best(q, nq) == skip_q;
    sums->n_skip++;
    if (ops->n < 2 || nq < 2)
        return;
    double gap_p, gap_q;
    row_lead(row, ops->n, ops->skip, &sums->d_p[sums->n_rival], &gap_p);
    row_lead(q, nq, skip_q, &sums->d_q[sums->n_rival], &gap_q);
    sums->gap_p += gap_p;
    sums->gap_q += gap_q;
    sums->n_rival++;
}

static void add_edge(Sums *sums, const EdgeOps *ops, const double *p)
{
    double row[HEALTH_OPS], q[HEALTH_OPS];
    for (int k = 0; k < ops->n; k++)
        row[k] = p[ops->col[k]];
    int skip_q, nq = row_without_none(row, ops, q, &skip_q);
    if (ops->n >= 2) {
        sums->entropy_all += row_entropy(row, ops->n);
        sums->n_entropy_all++;
        sums->margin += row_margin(row, ops->n);
        sums->n_margin++;
    }
    if (nq >= 2) {
        sums->entropy += row_entropy(q, nq);
        sums->n_entropy++;
    }
    if (ops->none >= 0)
        sums->none += row[ops->none];
    if (ops->skip >= 0 && skip_q >= 0)
        add_skip_terms(sums, ops, row, q, nq, skip_q);
}

// Mean weight of the competing operators without parameters minus that of the convolutions, the
// row normalised over both. Nothing to say where one of the classes is absent.
static void add_free_lead(Sums *sums, const EdgeOps *ops, bool none_competes, const double *p)
{
    double free_sum = 0.0, conv_sum = 0.0;
    int n_free = 0, n_conv = 0;
    for (int k = 0; k < ops->n; k++) {
        double x = p[ops->col[k]];
        if (ops->kind[k] == OP_CONV) {
            conv_sum += x;
            n_conv++;
        } else if (ops->kind[k] != OP_NONE || none_competes) {
            free_sum += x;
            n_free++;
        }
    }
    if (n_free == 0 || n_conv == 0)
        return;
    double lead = free_sum / n_free - conv_sum / n_conv, sum = free_sum + conv_sum;
    sums->d_free[sums->n_free++] = sum > 0.0 ? lead / sum : NAN;
}

static double mean_of(double sum, int n)
{
    return n > 0 ? sum / n : NAN;
}

// One-sample t statistic of d[0..n): mean * sqrt(n) / sd, sd with n - 1.
static double t_statistic(const double *d, int n)
{
    if (n < 2)
        return NAN;
    double mean = 0.0, ss = 0.0;
    for (int i = 0; i < n; i++)
        mean += d[i] / n;
    for (int i = 0; i < n; i++)
        ss += (d[i] - mean) * (d[i] - mean);
    double sd = sqrt(ss / (n - 1));
    if (sd == 0.0)
        return mean == 0.0 ? NAN : copysign(INFINITY, mean);
    return mean * sqrt((double)n) / sd;
}

static Signals signals_nothing(void)
{
    return (Signals){ .entropy_all = NAN,
                      .entropy = NAN,
                      .t_p = NAN,
                      .t_q = NAN,
                      .t_free = NAN,
                      .lift = NAN,
                      .gap_p = NAN,
                      .gap_q = NAN,
                      .win_share = NAN,
                      .margin = NAN,
                      .none_mass = NAN,
                      .p_skip = NAN,
                      .mean_d = NAN,
                      .conv_depth = -1 };
}

void signals_compute(const HealthCell *cell, const double *p, Signals *out)
{
    *out = signals_nothing();
    int edges = cell->n_edges < HEALTH_EDGES ? cell->n_edges : HEALTH_EDGES;
    if (!p || edges <= 0)
        return;
    Sums sums;
    memset(&sums, 0, sizeof sums);
    for (int e = 0; e < edges; e++) {
        EdgeOps ops = edge_ops(cell, e);
        const double *row = p + (size_t)e * (size_t)cell->n_ops;
        if (ops.n > 0) {
            add_edge(&sums, &ops, row);
            add_free_lead(&sums, &ops, cell->derive == DERIVE_ARGMAX, row);
        }
    }
    int n = sums.n_rival;
    out->entropy_all = mean_of(sums.entropy_all, sums.n_entropy_all);
    out->entropy = mean_of(sums.entropy, sums.n_entropy);
    out->t_p = t_statistic(sums.d_p, n);
    out->t_q = t_statistic(sums.d_q, n);
    out->t_free = t_statistic(sums.d_free, sums.n_free);
    out->lift = mean_of(sums.lift, sums.n_skip);
    out->gap_p = mean_of(sums.gap_p, n);
    out->gap_q = mean_of(sums.gap_q, n);
    out->win_share = mean_of(sums.wins, sums.n_skip);
    out->margin = mean_of(sums.margin, sums.n_margin);
    out->none_mass = sums.none / edges;
    out->p_skip = mean_of(sums.p_skip, sums.n_skip);
    out->t_edges = n;
    out->mean_d = 0.0;
    for (int i = 0; i < n; i++)
        out->mean_d += sums.d_p[i];
    out->mean_d = mean_of(out->mean_d, n);
}

void signals_from_genotype(const GenoCell *geno, Signals *out)
{
    CellCount count = geno_cell_count(geno);
    out->skips = count.skips;
    out->parameter_free = count.parameter_free;
    out->kept = count.kept;
    out->conv_depth = count.conv_depth;
}

bool signals_settled(const HealthCell *cell, const Signals *signals, double alpha_epochs)
{
    if (alpha_epochs >= 1.0)
        return true;
    int n = 0; // K': operators without none, of the widest edge
    for (int e = 0; e < cell->n_edges && e < HEALTH_EDGES; e++) {
        EdgeOps ops = edge_ops(cell, e);
        int live = ops.n - (ops.none >= 0);
        n = live > n ? live : n;
    }
    if (n == 0 || signals->t_edges == 0)
        return false;
    return fabs(signals->mean_d) > 5e-3 / sqrt((double)signals->t_edges * n);
}

void signals_softmax(double *a, int rows, int cols)
{
    for (int r = 0; r < rows; r++) {
        double *row = a + (size_t)r * (size_t)cols;
        double max = -INFINITY, sum = 0.0;
        for (int k = 0; k < cols; k++)
            if (row[k] > max)
                max = row[k];
        for (int k = 0; k < cols; k++) {
            row[k] = row[k] == max ? 1.0 : exp(row[k] - max); // inf - inf would be NAN
            if (!isnan(row[k]))
                sum += row[k];
        }
        for (int k = 0; k < cols; k++)
            row[k] /= sum;
    }
}

void signals_sigmoid(double *a, int rows, int cols)
{
    for (size_t i = 0; i < (size_t)rows * (size_t)cols; i++)
        a[i] = 1.0 / (1.0 + exp(-a[i]));
}

double signals_slope(const double *values, int n)
{
    double sx = 0.0, sy = 0.0, sxx = 0.0, sxy = 0.0;
    int m = 0;
    for (int i = 0; i < n; i++) {
        if (!isfinite(values[i]))
            continue;
        sx += i;
        sy += values[i];
        sxx += (double)i * i;
        sxy += i * values[i];
        m++;
    }
    double den = m * sxx - sx * sx;
    return m >= 2 && den > 0.0 ? (m * sxy - sx * sy) / den : NAN;
}
