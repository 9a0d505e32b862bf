// SPDX-License-Identifier: MIT
#ifndef SEARCH_RECORD_H
#define SEARCH_RECORD_H

#include "src/base/json.h"
#include "src/health/health.h"
#include "src/space/space.h"

// Journal records that strategies emit. All belong to the caller until they go into a sink.

Json *record_new(const char *t, int epoch);
void record_put_score(Json *record, const char *key, double loss, double acc);
// "alpha": rows of effective weights; kind NULL for probabilities, else "sigmoid". Columns that
// an edge lacks are left out, removed operators are null. p and used are [edges][max_ops] of the
// cell type.
typedef struct {
    const float *p;
    const bool *used;
    const char *kind;
} AlphaRows;
Json *record_alpha(const SpaceCell *cell, int epoch, int64_t step, const AlphaRows *a);
Json *record_signals(const SpaceCell *cell, int epoch, int64_t step, const Signals *signals);
Json *record_genotype(const Genotype *geno, int epoch, int64_t params, int64_t macs);
// "cells" of the `run` record, and of the `cells` record when operators were removed: these are
// null. used [edges][max_ops] of all types one after the other, as in Alpha; NULL: all.
Json *record_cells(const Space *space, const bool *used);

double record_cpu_seconds(void); // of this process, all threads
int64_t record_rss_bytes(void);

#endif
