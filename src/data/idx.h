// SPDX-License-Identifier: MIT
#ifndef DATA_IDX_H
#define DATA_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

// The IDX format of MNIST, unsigned bytes only: big-endian u32 0x000008RR (RR dimensions), a u32
// per dimension, then the items. `items` points into the text that was parsed.
typedef struct {
    int rank;       // 1: labels; 3: N H W; 4: N H W C
    int64_t dim[4]; // those beyond rank are 1
    const unsigned char *items;
} IdxArray;

Status idx_parse(const void *data, size_t len, const char *name, IdxArray *array, Error *err);

#endif
