// SPDX-License-Identifier: MIT
#ifndef SEARCH_JUDGE_H
#define SEARCH_JUDGE_H

#include "src/search/alpha.h"
#include "src/search/book.h"
#include "src/search/sink.h"

// The detector of a running search: signals from effective weights, one look of src/health an
// epoch, each new alarm journaled once. What was fed is kept, so that a checkpoint restores the
// detector by feeding it again.
typedef struct {
    double train_acc, valid_acc, lambda, batches, match;
} JudgeRow; // NAN: not known that epoch

typedef struct {
    const Alpha *alpha;
    HealthCell cell[SPACE_CELLS];
    int index[SPACE_CELLS]; // of the cell types in health
    Health *health;
    HealthLimits limits;
    float *p; // [epochs][n_alpha] effective weights
    JudgeRow *row;
    char *text; // [epochs][JUDGE_TEXT] genotypes
    int epochs, cap;
} Judge;

enum { JUDGE_TEXT = 2048 };

// Shape of a cell type as the detector takes it; to->edge_op is for the caller to free.
Status judge_shape(const Space *space, int type, HealthCell *to, Error *err);
Status judge_open(Judge *judge, const Alpha *alpha, const HealthLimits *limits, Error *err);
void judge_close(Judge *judge);
// Signals of one cell type; p is laid out as Alpha says, NAN where an operator was removed: the
// shape that the detector knows of the cell follows that.
void judge_signals(Judge *judge, int type, const float *p, Signals *out);
// One finished epoch, in order.
Status judge_epoch(Judge *judge, int epoch, const float *p, const Genotype *geno,
                   const JudgeRow *row, Error *err);
// Alarm records of what was raised since the last call.
Status judge_emit(Judge *judge, int64_t step, const Sink *sink, Error *err);

void judge_save(const Judge *judge, Book *book);
Status judge_load(Judge *judge, const SafeFile *file, bool fork, Error *err);

#endif
