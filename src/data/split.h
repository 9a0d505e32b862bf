// SPDX-License-Identifier: MIT
#ifndef DATA_SPLIT_H
#define DATA_SPLIT_H

#include <stdint.h>

#include "src/base/err.h"
#include "src/data/dataset.h"

// Which images are for weights (train), for alpha (valid) and for the final word (test).
// The test part is sealed: a search gets its split from split_new, which never has one. Only
// split_unseal, for a retraining that ends with a test accuracy, hands it out.
// Where the set has test files of its own, these are the test part. Otherwise it is a fixed
// stratified part of the images, the same for every seed and every kind of split.

typedef enum {
    SPLIT_ORDER,     // file order: first part train, second part valid (DARTS)
    SPLIT_SHUFFLED,  // drawn by the seed
    SPLIT_STRATIFIED // drawn by the seed, every class in proportion
} SplitKind;

typedef struct {
    SplitKind kind;
    double valid;   // fraction of the training images, 0 .. 1 (1 excluded)
    double test;    // fraction to seal off where the set has no test files, 0 .. 0.9, 0 excluded
    int64_t subset; // use only so many training images, chosen like `kind`; 0: all
    uint64_t seed;
} SplitOptions;

typedef struct {
    int *train, *valid, *test; // indices into the Dataset, ascending; owned
    int n_train, n_valid, n_test;
} Split;

SplitOptions split_defaults(void); // order, valid 0.5, test 0.2, all, seed 0
// "order", "shuffled", "stratified"; NULL / STATUS_ARG for anything else.
const char *split_kind_name(SplitKind kind);
Status split_kind_parse(const char *text, SplitKind *kind, Error *err);

// n_test is 0 and test NULL. Train is never empty; valid is not either if options->valid > 0.
Status split_new(const Dataset *data, const SplitOptions *options, Split *split, Error *err);
// The same train and valid, and the test part.
Status split_unseal(const Dataset *data, const SplitOptions *options, Split *split, Error *err);
void split_fini(Split *split);

#endif
