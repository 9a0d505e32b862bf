// SPDX-License-Identifier: MIT
#include "src/cmd/health_sgas.h"

#include <math.h>

#include "src/base/alloc.h"
#include "src/health/rules.h"

enum { EPOCHS = 4, TABLE = HEALTH_EDGES * HEALTH_OPS };

typedef struct {
    double now[TABLE], then[EPOCHS][TABLE];
    double importance[HEALTH_EDGES], certainty[HEALTH_EDGES], stability[HEALTH_EDGES];
} Tables;

static void widen(const ModelCell *cell, const AlphaLook *look, double *out)
{
    for (int i = 0; i < cell->shape.n_edges * cell->shape.n_ops; i++)
        out[i] = look->p[i];
}

// The last looks of up to four epochs before that of the newest; the oldest first or not is all the
// same to a mean.
static int take_past(const ModelCell *cell, Tables *t)
{
    int n = 0, epoch = cell->looks[cell->n_looks - 1].epoch;
    for (int i = cell->n_looks - 2; i >= 0 && n < EPOCHS; i--)
        if (cell->looks[i].epoch < epoch) {
            epoch = cell->looks[i].epoch;
            widen(cell, &cell->looks[i], t->then[n++]);
        }
    return n;
}

bool health_sgas(const ModelRun *run, int index, double *score, int *best)
{
    const ModelCell *cell = &run->cells[index];
    *best = -1;
    Tables *t = cell->n_looks > 0 ? mem_zero(1, sizeof *t) : NULL;
    if (!t)
        return false;
    const double *then[EPOCHS];
    for (int i = 0; i < EPOCHS; i++)
        then[i] = t->then[i];
    SgasScores out = { t->importance, t->certainty, t->stability, score };
    widen(cell, &cell->looks[cell->n_looks - 1], t->now);
    rule_sgas(&cell->shape, t->now, then, take_past(cell, t), &out);
    for (int e = 0; e < cell->shape.n_edges; e++)
        if (isfinite(score[e]) && (*best < 0 || score[e] > score[*best]))
            *best = e;
    mem_free(t);
    return true;
}
