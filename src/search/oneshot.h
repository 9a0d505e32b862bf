// SPDX-License-Identifier: MIT
#ifndef SEARCH_ONESHOT_H
#define SEARCH_ONESHOT_H

#include "src/net/net.h"
#include "src/search/trainer.h"

// Searches that share weights but have no alphas (SCIENCE.md 5.1, 5.2): the supernet is trained
// on one uniformly random architecture per minibatch, then candidates are scored with its weights
// after a re-estimation of the batch-norm statistics. How candidates are proposed is all in which
// random search and evolution differ.
typedef struct {
    Arch arch;
    Candidate value;
    double values[8]; // by the space's objectives
} Trial;

typedef struct Oneshot Oneshot;
// Architecture of trial number `n_trials`.
typedef void Propose(Oneshot *o, Arch *out);

struct Oneshot {
    Trainer t;
    Propose *propose;
    int entries; // of the masks below
    float *mix;
    bool *active;
    float *buffers; // batch-norm statistics, kept while a candidate has its own
    Trial *trials;
    int n_trials, n_objectives;
    Feed *stats; // batches for the re-estimation, the same for every candidate
    Book book;
};

Status oneshot_open(const SearchContext *ctx, Propose *propose, void **self, Error *err);
void oneshot_close(void *self);
void oneshot_describe(const void *self, Json *record);
Status oneshot_begin(void *self, Error *err);
Status oneshot_step(void *self, SearchProgress *progress, Error *err);
void oneshot_progress(const void *self, SearchProgress *progress);
Status oneshot_save(void *self, SearchState *state, Error *err);
Status oneshot_load(void *self, const SafeFile *file, Error *err);
Status oneshot_result(void *self, Genotype *geno, Candidate *value, Error *err);
// A strategy's entries, but for its name and its `open`.
#define ONESHOT_FUNCTIONS                                                                          \
    .close = oneshot_close, .describe = oneshot_describe, .begin = oneshot_begin,                  \
    .step = oneshot_step, .progress = oneshot_progress, .save = oneshot_save,                      \
    .load = oneshot_load, .result = oneshot_result

// The plan runs this architecture only.
void oneshot_set_path(Oneshot *o, const Arch *arch);
Status oneshot_score(Oneshot *o, const Arch *arch, Trial *trial, Error *err);
// True if a is at least as good in every objective and better in one.
bool oneshot_dominates(const Oneshot *o, const Trial *a, const Trial *b);
// Random numbers that belong to trial `number`.
Rng oneshot_rng(const Oneshot *o, int number);

// evolution.c: the parent of the next child among `sample` draws, with replacement, from the last
// `population` trials.
int evolution_parent(const Oneshot *o, Rng *rng);

#endif
