// SPDX-License-Identifier: MIT
#ifndef BASE_SAFETENSORS_H
#define BASE_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/str.h"

// Named arrays in one file, in the safetensors format: u64le header length, JSON header padded
// with blanks to 8 bytes, then the data, little-endian, C order. The same tensors and metadata
// in the same order give a byte-identical file. Files from elsewhere are checked in full
// (sizes, holes, overlap) before anything is used.

typedef enum {
    SAFE_BOOL,
    SAFE_U8,
    SAFE_I8,
    SAFE_U16,
    SAFE_I16,
    SAFE_F16,
    SAFE_BF16,
    SAFE_U32,
    SAFE_I32,
    SAFE_F32,
    SAFE_U64,
    SAFE_I64,
    SAFE_F64
} SafeType;

enum { SAFE_RANK = 8 };

typedef struct {
    const char *name;
    SafeType dtype;
    int rank;                 // 0 is a scalar (one element)
    int64_t shape[SAFE_RANK]; // a zero is allowed: no elements
    const void *data;         // aligned for the type
    size_t bytes;             // product of shape times element size
} SafeTensor;

// `meta`: n_meta pairs of key and text that become __metadata__; NULL and 0 for none.
Status safetensors_pack(const SafeTensor *tensors, int n, const char *const (*meta)[2], int n_meta,
                        Str *out, Error *err);
// The same into a file, atomically.
Status safetensors_write(const char *path, const SafeTensor *tensors, int n,
                         const char *const (*meta)[2], int n_meta, Error *err);

typedef struct SafeFile SafeFile; // owns the names and the data of its tensors

Status safetensors_open(const char *path, SafeFile **file, Error *err);
// The same from memory, which is copied; `name` is for messages.
Status safetensors_parse(const void *data, size_t len, const char *name, SafeFile **file,
                         Error *err);
void safetensors_close(SafeFile *file);
int safetensors_count(const SafeFile *file);
const SafeTensor *safetensors_at(const SafeFile *file, int index); // in the order of the data
const SafeTensor *safetensors_find(const SafeFile *file, const char *name); // NULL if absent
const char *safetensors_meta(const SafeFile *file, const char *key);        // NULL if absent
// The tensor, if it has this type and shape; otherwise an error that says what was found.
Status safetensors_need(const SafeFile *file, const char *name, SafeType dtype, int rank,
                        const int64_t *shape, const SafeTensor **tensor, Error *err);

size_t safetensors_item_size(SafeType dtype);
const char *safetensors_type_name(SafeType dtype);

#endif
