// SPDX-License-Identifier: MIT
#ifndef SEARCH_BOOK_H
#define SEARCH_BOOK_H

#include "src/base/arena.h"
#include "src/base/safetensors.h"
#include "src/engine/plan.h"
#include "src/search/search.h"

// The state of a search as a list of named tensors. Names and small copies live in the book's
// arena until the next book_reset; big arrays are only pointed to.
typedef struct {
    Arena arena;
    SafeTensor *tensors;
    int n, cap;
    const char *(*meta)[2];
    int n_meta;
    bool failed;
} Book;

void book_reset(Book *book);
void book_fini(Book *book);
// `name` is copied; data is pointed to.
void book_put(Book *book, const char *name, SafeType dtype, const void *data, int64_t count);
// The same with a copy of the data.
void book_copy(Book *book, const char *name, SafeType dtype, const void *data, int64_t count);
void book_meta(Book *book, const char *key, const char *text);
// A flat array of a plan as one tensor per parameter, "PREFIX.NAME", in PyTorch's shape and order.
void book_params(Book *book, const char *prefix, const Plan *plan, bool buffers, const float *flat);
Status book_finish(Book *book, SearchState *state, Error *err);

// Reading back. `optional`: an absent tensor leaves `out` as it is.
Status book_get(const SafeFile *file, const char *name, SafeType dtype, void *out, int64_t count,
                bool optional, Error *err);
Status book_get_params(const SafeFile *file, const char *prefix, const Plan *plan, bool buffers,
                       float *flat, bool optional, Error *err);

#endif
