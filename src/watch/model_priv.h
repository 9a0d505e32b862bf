// SPDX-License-Identifier: MIT
#ifndef WATCH_MODEL_PRIV_H
#define WATCH_MODEL_PRIV_H

#include "src/watch/model.h"

// Shared by the files of the read model only.

enum {
    MODEL_BYTES = 112 << 20, // all runs of one model
    MODEL_LOOK_BYTES = 16 << 20,
    MODEL_RUNS = 4096
};

// Nothing more will be said of the run: gives back what only judging needs.
void model_end(ModelRun *run);
// Room for one more item. *full: the model has used up its memory; the record is to be dropped.
Status model_reserve(ModelRun *run, void **items, int n, int *cap, size_t size, bool *full,
                     Error *err);
// Are there `more` bytes to be had, if need be from older runs?
bool model_room(const ModelRun *run, size_t more);
void model_drop_looks(ModelRun *run, ModelCell *cell, int from, int to);
int model_look_count(const ModelCell *cell, int epoch); // looks at or before epoch
int model_geno_count(const ModelCell *cell, int epoch);
int model_row_count(const ModelRun *run, int epoch);
// Genotype of the cell at exactly this epoch, NULL if absent.
GenoRow *model_geno_at(ModelCell *cell, int epoch);
Status model_put_geno(ModelRun *run, int cell, int epoch, const GenoCell *geno, bool logged,
                      Error *err);
// Something about an epoch that health has seen already has changed.
void model_judge_again(ModelRun *run, int epoch);
Status model_declare(ModelRun *run, ModelCell *cell, Error *err); // to health
void model_shape_edges(HealthCell *shape); // every edge from earlier nodes to later ones
void model_shape_ops(HealthCell *cell, const char *names); // comma-separated
void model_derive(const HealthCell *shape, const float *p, GenoCell *out);

static inline bool model_is_beyond(const ModelRun *run, int epoch)
{
    return run->owner->has_until && epoch > run->owner->until;
}

#endif
