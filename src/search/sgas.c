// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/search/remedies.h"

static int edges_of(const Alpha *alpha)
{
    int n = 0;
    for (int t = 0; t < alpha->types; t++)
        n += alpha->rows[t];
    return n;
}

static int first_edge(const Alpha *alpha, int type)
{
    int n = 0;
    for (int t = 0; t < type; t++)
        n += alpha->rows[t];
    return n;
}

bool sgas_init(Sgas *s, const Alpha *alpha)
{
    int n = edges_of(alpha);
    *s = (Sgas){ mem_array((size_t)n, sizeof *s->choice),
                 mem_zero((size_t)SGAS_HISTORY * (size_t)alpha->n_alpha, sizeof *s->past), 0, 0 };
    if (!s->choice || !s->past) {
        sgas_fini(s);
        return false;
    }
    for (int i = 0; i < n; i++)
        s->choice[i] = -1;
    return true;
}

void sgas_fini(Sgas *s)
{
    mem_free(s->choice);
    mem_free(s->past);
    *s = (Sgas){ 0 };
}

// Row without none, renormalised; returns the mass that is not none.
static double row_q(const Alpha *alpha, int type, int edge, double *q, int *n)
{
    int cols = alpha->cols[type], at = alpha->offset[type] + edge * cols;
    double importance = 0;
    weights_softmax(alpha->value + at, alpha->used + at, cols, 1, q);
    *n = 0;
    for (int k = 0; k < cols; k++) {
        bool none = !alpha->used[at + k] || alpha_class(alpha, type, edge, k) == OP_NONE;
        q[k] = none ? 0 : q[k];
        *n += !none;
        importance += q[k];
    }
    for (int k = 0; k < cols && importance > 0; k++)
        q[k] /= importance;
    return importance;
}

static double certainty(const double *q, int cols, int n)
{
    double entropy = 0;
    for (int k = 0; k < cols; k++)
        entropy -= q[k] > 0 ? q[k] * log(q[k]) : 0;
    return n > 1 ? 1 - entropy / log(n) : 1;
}

// Mean over the last epochs of the overlap of q now and then.
static double stability(const Sgas *s, const Alpha *alpha, int at, const double *q, int cols)
{
    double sum = 0;
    for (int64_t h = 0; h < s->n_past; h++)
        for (int k = 0; k < cols; k++)
            sum += fmin(q[k], s->past[h * alpha->n_alpha + at + k]);
    return s->n_past > 0 ? sum / (double)s->n_past : 0;
}

// To 0 .. 1 over all edges, decided ones too; values that differ by rounding only are equal and
// count 1.
static void minmax(double *x, int n)
{
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < n; i++) {
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
    }
    for (int i = 0; i < n; i++)
        x[i] = high - low > 1e-6 ? (x[i] - low) / (high - low) : 1;
}

void sgas_scores(const Sgas *s, const Alpha *alpha, int type, double *score)
{
    double part[3][SPACE_EDGES], q[SPACE_OPS];
    int cols = alpha->cols[type], rows = alpha->rows[type], n;
    const int32_t *choice = s->choice + first_edge(alpha, type);
    for (int e = 0; e < rows; e++) {
        part[0][e] = row_q(alpha, type, e, q, &n);
        part[1][e] = certainty(q, cols, n);
        part[2][e] = stability(s, alpha, alpha->offset[type] + e * cols, q, cols);
    }
    for (int i = 0; i < 3; i++)
        minmax(part[i], rows);
    for (int e = 0; e < rows; e++)
        score[e] = choice[e] == -1 ? part[0][e] * part[1][e] * part[2][e] : -1;
}

static bool decide(Sgas *s, const Alpha *alpha, int type)
{
    const SpaceCell *cell = &alpha->space->cells[type];
    int32_t *choice = s->choice + first_edge(alpha, type);
    double score[SPACE_EDGES] = { 0 }, q[SPACE_OPS] = { 0 };
    int best = -1, n, kept = 0, op = 0;
    sgas_scores(s, alpha, type, score);
    for (int e = 0; e < cell->n_edges; e++)
        if (choice[e] == -1 && (best < 0 || score[e] > score[best]))
            best = e;
    if (best < 0)
        return false;
    row_q(alpha, type, best, q, &n);
    for (int k = 1; k < alpha->cols[type]; k++)
        op = q[k] > q[op] ? k : op;
    choice[best] = op;
    // A node with enough edges is done: the others into it go.
    for (int e = 0; e < cell->n_edges; e++)
        kept += cell->edges[e].to == cell->edges[best].to && choice[e] >= 0;
    for (int e = 0; e < cell->n_edges && cell->derive == DERIVE_TOP && kept >= cell->keep; e++)
        if (cell->edges[e].to == cell->edges[best].to && choice[e] == -1)
            choice[e] = -2;
    return true;
}

void sgas_epoch(Sgas *s, const Alpha *alpha, int e)
{
    bool time = e >= SGAS_FIRST && (e - SGAS_FIRST) % SGAS_EVERY == 0, decided = false;
    for (int t = 0; t < alpha->types && time; t++)
        decided = decide(s, alpha, t) || decided;
    s->decisions += decided;
    memmove(s->past + alpha->n_alpha, s->past,
            (size_t)(SGAS_HISTORY - 1) * (size_t)alpha->n_alpha * sizeof *s->past);
    for (int t = 0; t < alpha->types; t++)
        for (int edge = 0; edge < alpha->rows[t]; edge++) {
            double q[SPACE_OPS];
            int n, at = alpha->offset[t] + edge * alpha->cols[t];
            row_q(alpha, t, edge, q, &n);
            for (int k = 0; k < alpha->cols[t]; k++)
                s->past[at + k] = (float)q[k];
        }
    s->n_past += s->n_past < SGAS_HISTORY;
}

void sgas_apply(const Sgas *s, const Alpha *alpha, double *p, bool *active)
{
    int i = 0;
    for (int t = 0; t < alpha->types; t++)
        for (int e = 0; e < alpha->rows[t]; e++, i++) {
            int at = alpha->offset[t] + e * alpha->cols[t];
            for (int k = 0; k < alpha->cols[t] && s->choice[i] != -1; k++) {
                bool on = k == s->choice[i];
                p[at + k] = on ? 1 : 0;
                if (active)
                    active[at + k] = on;
            }
        }
}

void sgas_fix(const Sgas *s, Alpha *alpha)
{
    int i = 0;
    for (int t = 0; t < alpha->types; t++)
        for (int e = 0; e < alpha->rows[t]; e++, i++)
            for (int k = 0; k < alpha->cols[t]; k++)
                alpha->fixed[alpha->offset[t] + e * alpha->cols[t] + k] = s->choice[i] != -1;
}

int sgas_batch(int first, int step, int64_t n, int images)
{
    int64_t batch = first + n * step;
    return batch < images ? (int)batch : first > images ? first : images;
}

void sgas_save(const Sgas *s, const Alpha *alpha, Book *book)
{
    int64_t counts[2] = { s->n_past, s->decisions };
    book_copy(book, "sgas.counts", SAFE_I64, counts, 2);
    book_put(book, "sgas.choice", SAFE_I32, s->choice, edges_of(alpha));
    book_put(book, "sgas.past", SAFE_F32, s->past, (int64_t)SGAS_HISTORY * alpha->n_alpha);
}

Status sgas_load(Sgas *s, const Alpha *alpha, const SafeFile *file, bool fork, Error *err)
{
    int64_t counts[2] = { 0, 0 };
    Status status = book_get(file, "sgas.counts", SAFE_I64, counts, 2, fork, err);
    if (status == STATUS_OK)
        status = book_get(file, "sgas.choice", SAFE_I32, s->choice, edges_of(alpha), fork, err);
    if (status == STATUS_OK)
        status = book_get(file, "sgas.past", SAFE_F32, s->past,
                          (int64_t)SGAS_HISTORY * alpha->n_alpha, fork, err);
    if (status != STATUS_OK)
        return status;
    if (counts[0] < 0 || counts[0] > SGAS_HISTORY || counts[1] < 0 || counts[1] > edges_of(alpha))
        return error_set(err, STATUS_PARSE, "checkpoint: sgas.counts are out of range");
    s->n_past = counts[0];
    s->decisions = counts[1];
    return STATUS_OK;
}
