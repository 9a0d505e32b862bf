// SPDX-License-Identifier: MIT
#include <string.h>

#include "src/base/alloc.h"
#include "src/health/rules.h"
#include "src/search/judge.h"
#include "src/search/remedies.h"

bool sgas_init(Sgas *s, const Alpha *alpha)
{
    int n = alpha_first_edge(alpha, alpha->types);
    *s = (Sgas){ .choice = mem_array((size_t)n, sizeof *s->choice),
                 .past = mem_zero((size_t)SGAS_HISTORY * (size_t)alpha->n_alpha, sizeof *s->past) };
    bool ok = s->choice && s->past;
    for (int t = 0; t < alpha->types && ok; t++)
        ok = judge_shape(alpha->space, t, &s->cell[t], NULL) == STATUS_OK;
    for (int i = 0; i < n && ok; i++)
        s->choice[i] = -1;
    if (!ok)
        sgas_fini(s);
    return ok;
}

void sgas_fini(Sgas *s)
{
    for (int t = 0; t < SPACE_CELLS; t++)
        mem_free(s->cell[t].edge_op);
    mem_free(s->choice);
    mem_free(s->past);
    *s = (Sgas){ 0 };
}

static void rows_of(const Alpha *alpha, int type, double *p)
{
    int cols = alpha->cols[type], at = alpha->offset[type];
    for (int e = 0; e < alpha->rows[type]; e++)
        weights_softmax(alpha->value + at + e * cols, alpha->used + at + e * cols, cols, 1,
                        p + (size_t)e * (size_t)cols);
}

void sgas_scores(const Sgas *s, const Alpha *alpha, int type, double *score)
{
    double now[HEALTH_EDGES * HEALTH_OPS], part[3][HEALTH_EDGES];
    const double *then[SGAS_HISTORY];
    const int32_t *choice = s->choice + alpha_first_edge(alpha, type);
    for (int64_t h = 0; h < s->n_past; h++)
        then[h] = s->past + h * alpha->n_alpha + alpha->offset[type];
    rows_of(alpha, type, now);
    SgasScores scores = { part[0], part[1], part[2], score };
    rule_sgas(&s->cell[type], now, then, (int)s->n_past, &scores);
    for (int e = 0; e < alpha->rows[type]; e++)
        score[e] = choice[e] == -1 ? score[e] : -1;
}

// The strongest operator of an edge but none.
static int strongest(const Alpha *alpha, int type, int edge)
{
    int best = -1, at = alpha->offset[type] + edge * alpha->cols[type];
    for (int k = 0; k < alpha->cols[type]; k++)
        if (alpha->used[at + k] && alpha_class(alpha, type, edge, k) != OP_NONE &&
            (best < 0 || alpha->value[at + k] > alpha->value[at + best]))
            best = k;
    return best < 0 ? 0 : best;
}

static bool decide(Sgas *s, const Alpha *alpha, int type)
{
    const SpaceCell *cell = &alpha->space->cells[type];
    int32_t *choice = s->choice + alpha_first_edge(alpha, type);
    double score[HEALTH_EDGES] = { 0 };
    int best = -1, kept = 0;
    sgas_scores(s, alpha, type, score);
    for (int e = 0; e < cell->n_edges; e++)
        if (choice[e] == -1 && (best < 0 || score[e] > score[best]))
            best = e;
    if (best < 0)
        return false;
    choice[best] = strongest(alpha, type, best);
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
        rows_of(alpha, t, s->past + alpha->offset[t]);
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
    book_put(book, "sgas.choice", SAFE_I32, s->choice, alpha_first_edge(alpha, alpha->types));
    book_put(book, "sgas.past", SAFE_F64, s->past, (int64_t)SGAS_HISTORY * alpha->n_alpha);
}

Status sgas_load(Sgas *s, const Alpha *alpha, const SafeFile *file, bool fork, Error *err)
{
    int64_t counts[2] = { 0, 0 };
    Status status = book_get(file, "sgas.counts", SAFE_I64, counts, 2, fork, err);
    if (status == STATUS_OK)
        status = book_get(file, "sgas.choice", SAFE_I32, s->choice,
                          alpha_first_edge(alpha, alpha->types), fork, err);
    if (status == STATUS_OK)
        status = book_get(file, "sgas.past", SAFE_F64, s->past,
                          (int64_t)SGAS_HISTORY * alpha->n_alpha, fork, err);
    if (status != STATUS_OK)
        return status;
    if (counts[0] < 0 || counts[0] > SGAS_HISTORY || counts[1] < 0 ||
        counts[1] > alpha_first_edge(alpha, alpha->types))
        return error_set(err, STATUS_PARSE, "checkpoint: sgas.counts are out of range");
    s->n_past = counts[0];
    s->decisions = counts[1];
    return STATUS_OK;
}
