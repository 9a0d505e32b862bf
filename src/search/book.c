// SPDX-License-Identifier: MIT
#include "src/search/book.h"

#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/engine/weights.h"

enum { BOOK_NAME = 256, BOOK_META = 16 };

// Metadata of files whose weights have PyTorch's shapes and order. Older files have the engine's.
#define BOOK_ORDER "order"

void book_reset(Book *book)
{
    arena_reset(&book->arena);
    book->n = book->n_meta = 0;
    book->meta = NULL;
    book->failed = false;
}

void book_fini(Book *book)
{
    arena_fini(&book->arena);
    mem_free(book->tensors);
    *book = (Book){ 0 };
}

static void append(Book *book, SafeTensor tensor, const char *name)
{
    if (book->n == book->cap) {
        int cap = book->cap ? book->cap * 2 : 256;
        SafeTensor *more = mem_grow(book->tensors, (size_t)cap, sizeof *more);
        if (!more) {
            book->failed = true;
            return;
        }
        book->tensors = more;
        book->cap = cap;
    }
    tensor.name = arena_strdup(&book->arena, name);
    book->failed = book->failed || !tensor.name;
    book->tensors[book->n++] = tensor;
}

void book_put(Book *book, const char *name, SafeType dtype, const void *data, int64_t count)
{
    SafeTensor t = { .dtype = dtype, .rank = 1, .shape = { count }, .data = data };
    t.bytes = (size_t)count * safetensors_item_size(dtype);
    append(book, t, name);
}

void book_copy(Book *book, const char *name, SafeType dtype, const void *data, int64_t count)
{
    size_t item = safetensors_item_size(dtype);
    void *copy = arena_alloc(&book->arena, (size_t)count + 1, item);
    if (!copy) {
        book->failed = true;
        return;
    }
    if (count > 0)
        memcpy(copy, data, (size_t)count * item);
    book_put(book, name, dtype, copy, count);
}

void book_meta(Book *book, const char *key, const char *text)
{
    if (!book->meta)
        book->meta = arena_alloc(&book->arena, BOOK_META, sizeof *book->meta);
    if (!book->meta || book->n_meta >= BOOK_META) {
        book->failed = true;
        return;
    }
    book->meta[book->n_meta][0] = arena_strdup(&book->arena, key);
    book->meta[book->n_meta][1] = arena_strdup(&book->arena, text);
    book->failed = book->failed || !book->meta[book->n_meta][0] || !book->meta[book->n_meta][1];
    book->n_meta++;
}

static void put_buffer(Book *book, const char *name, const Plan *plan, int i, const float *flat)
{
    const ParamInfo *info = plan_buffer_info(plan, i);
    book_put(book, name, SAFE_F32, flat + info->offset, (int64_t)info->count);
}

static void put_param(Book *book, const char *name, const Plan *plan, int i, const float *flat)
{
    float *copy = arena_alloc(&book->arena, plan_param_info(plan, i)->count, sizeof *copy);
    if (copy)
        append(book, weights_tensor(plan, i, flat, copy), name);
    else
        book->failed = true;
}

void book_params(Book *book, const char *prefix, const Plan *plan, bool buffers, const float *flat)
{
    int n = buffers ? plan_buffer_tensors(plan) : plan_param_tensors(plan);
    for (int i = 0; i < n; i++) {
        const ParamInfo *info = buffers ? plan_buffer_info(plan, i) : plan_param_info(plan, i);
        char name[BOOK_NAME];
        snprintf(name, sizeof name, "%s.%s", prefix, info->name);
        if (buffers)
            put_buffer(book, name, plan, i, flat);
        else
            put_param(book, name, plan, i, flat);
    }
}

Status book_finish(Book *book, SearchState *state, Error *err)
{
    book_meta(book, BOOK_ORDER, "torch");
    if (book->failed)
        return error_set(err, STATUS_NOMEM, "no memory for the state of the search");
    *state =
        (SearchState){ book->tensors, book->n, (const char *const(*)[2])book->meta, book->n_meta };
    return STATUS_OK;
}

Status book_get(const SafeFile *file, const char *name, SafeType dtype, void *out, int64_t count,
                bool optional, Error *err)
{
    const SafeTensor *t = safetensors_find(file, name);
    if (!t && optional)
        return STATUS_OK;
    Status status = safetensors_need(file, name, dtype, 1, &count, &t, err);
    if (status == STATUS_OK && t->bytes > 0)
        memcpy(out, t->data, t->bytes);
    return status;
}

// One parameter; files without BOOK_ORDER have it as the engine does.
static Status get_param(const SafeFile *file, const char *name, const Plan *plan, int i,
                        float *flat, Error *err)
{
    if (safetensors_meta(file, BOOK_ORDER))
        return weights_take(file, name, plan, i, flat, err);
    const ParamInfo *info = plan_param_info(plan, i);
    const SafeTensor *t;
    Status status = safetensors_need(file, name, SAFE_F32, info->rank, info->shape, &t, err);
    if (status == STATUS_OK)
        memcpy(flat + info->offset, t->data, t->bytes);
    return status;
}

Status book_get_params(const SafeFile *file, const char *prefix, const Plan *plan, bool buffers,
                       float *flat, bool optional, Error *err)
{
    int n = buffers ? plan_buffer_tensors(plan) : plan_param_tensors(plan);
    for (int i = 0; i < n; i++) {
        const ParamInfo *info = buffers ? plan_buffer_info(plan, i) : plan_param_info(plan, i);
        char name[BOOK_NAME];
        snprintf(name, sizeof name, "%s.%s", prefix, info->name);
        if (optional && !safetensors_find(file, name))
            continue;
        Status status = buffers ? book_get(file, name, SAFE_F32, flat + info->offset,
                                           (int64_t)info->count, false, err)
                                : get_param(file, name, plan, i, flat, err);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}
