// SPDX-License-Identifier: MIT
#ifndef DATA_NPY_H
#define DATA_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

// The .npy format of NumPy, C order, integers and floats, little-endian.
// `items` points into the text that was parsed and need not be aligned.
enum { NPY_RANK = 4 };

typedef struct {
    char kind; // 'u', 'i', 'f', 'b'
    int size;  // bytes an item: 1, 2, 4, 8
    int rank;
    int64_t dim[NPY_RANK]; // those beyond rank are 1
    int64_t count;         // product
    const unsigned char *items;
} NpyArray;

Status npy_parse(const void *data, size_t len, const char *name, NpyArray *array, Error *err);
double npy_number(const NpyArray *array, int64_t i);

#endif
