// SPDX-License-Identifier: MIT
#include "src/base/safetensors.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/json.h"

enum { HEADER_MAX = 100000000 }; // of the format
static const size_t FILE_LIMIT = (size_t)1 << 38;

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [SAFE_BOOL] = { "BOOL", 1 }, [SAFE_U8] = { "U8", 1 },   [SAFE_I8] = { "I8", 1 },
    [SAFE_U16] = { "U16", 2 },   [SAFE_I16] = { "I16", 2 }, [SAFE_F16] = { "F16", 2 },
    [SAFE_BF16] = { "BF16", 2 }, [SAFE_U32] = { "U32", 4 }, [SAFE_I32] = { "I32", 4 },
    [SAFE_F32] = { "F32", 4 },   [SAFE_U64] = { "U64", 8 }, [SAFE_I64] = { "I64", 8 },
    [SAFE_F64] = { "F64", 8 },
};
enum { TYPE_COUNT = sizeof types / sizeof types[0] };

size_t safetensors_item_size(SafeType dtype)
{
    return types[dtype].size;
}

const char *safetensors_type_name(SafeType dtype)
{
    return types[dtype].name;
}

// Bytes of a tensor of this shape; false if that is no size.
static bool shape_bytes(SafeType dtype, int rank, const int64_t *shape, size_t *bytes)
{
    size_t total = types[dtype].size;
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0)
            return false;
        if (shape[i] == 0) {
            empty = true;
            continue;
        }
        if (total > (size_t)INT64_MAX / (size_t)shape[i])
            return false;
        total *= (size_t)shape[i];
    }
    *bytes = empty ? 0 : total;
    return true;
}

// ---- writing ------------------------------------------------------------------------------------

static Status check_tensor(const SafeTensor *t, Error *err)
{
    size_t bytes;
    if (!t->name || !*t->name || strcmp(t->name, "__metadata__") == 0)
        return error_set(err, STATUS_ARG, "safetensors: '%s' cannot be the name of a tensor",
                         t->name ? t->name : "");
    if ((unsigned)t->dtype >= TYPE_COUNT || t->rank < 0 || t->rank > SAFE_RANK)
        return error_set(err, STATUS_ARG, "safetensors: %s has no valid type or rank", t->name);
    if (!shape_bytes(t->dtype, t->rank, t->shape, &bytes) || bytes != t->bytes)
        return error_set(err, STATUS_ARG, "safetensors: %s has %zu bytes, its shape says otherwise",
                         t->name, t->bytes);
    return STATUS_OK;
}

static void header_add(Json *header, const SafeTensor *t, size_t begin)
{
    Json *entry = json_new_object(), *shape = json_new_array(), *offsets = json_new_array();
    json_put_str(entry, "dtype", types[t->dtype].name);
    for (int i = 0; i < t->rank; i++)
        json_add(shape, json_new_int(t->shape[i]));
    json_put(entry, "shape", shape);
    json_add(offsets, json_new_int((int64_t)begin));
    json_add(offsets, json_new_int((int64_t)(begin + t->bytes)));
    json_put(entry, "data_offsets", offsets);
    json_put(header, t->name, entry);
}

static void header_add_meta(Json *header, const char *const (*meta)[2], int n_meta)
{
    if (n_meta <= 0)
        return;
    Json *object = json_new_object();
    for (int i = 0; i < n_meta; i++)
        json_put_str(object, meta[i][0], meta[i][1]);
    json_put(header, "__metadata__", object);
}

// Tensors go out by falling item size, so that all data is aligned.
static Status pack_header(const SafeTensor *tensors, int n, Json *header, Error *err)
{
    size_t begin = 0;
    for (int i = 0; i < n; i++) {
        Status status = check_tensor(&tensors[i], err);
        if (status != STATUS_OK)
            return status;
    }
    for (size_t size = 8; size; size /= 2)
        for (int i = 0; i < n; i++) {
            const SafeTensor *t = &tensors[i];
            if (types[t->dtype].size != size)
                continue;
            if (json_get(header, t->name))
                return error_set(err, STATUS_ARG, "safetensors: two tensors are called '%s'",
                                 t->name);
            header_add(header, t, begin);
            begin += t->bytes;
        }
    return STATUS_OK;
}

static void pack_length(Str *out, uint64_t length)
{
    for (int i = 0; i < 8; i++)
        str_addc(out, (char)(length >> (8 * i) & 0xff));
}

Status safetensors_pack(const SafeTensor *tensors, int n, const char *const (*meta)[2], int n_meta,
                        Str *out, Error *err)
{
    Str text = { 0 };
    Json *header = json_new_object();
    header_add_meta(header, meta, n_meta);
    Status status = pack_header(tensors, n, header, err);
    if (status == STATUS_OK)
        status = json_write(header, &text, err);
    json_free(header);
    if (status == STATUS_OK) {
        while (text.len % 8 && !text.failed)
            str_addc(&text, ' ');
        pack_length(out, text.len);
        str_addn(out, str_text(&text), text.len);
        for (size_t size = 8; size; size /= 2)
            for (int i = 0; i < n; i++)
                if (types[tensors[i].dtype].size == size && tensors[i].bytes)
                    str_addn(out, tensors[i].data, tensors[i].bytes);
        if (text.failed || out->failed)
            status = error_set(err, STATUS_NOMEM, "out of memory while packing %d tensors", n);
        else if (text.len > HEADER_MAX)
            status = error_set(err, STATUS_ARG, "safetensors: too many tensors for one header");
    }
    str_fini(&text);
    return status;
}

Status safetensors_write(const char *path, const SafeTensor *tensors, int n,
                         const char *const (*meta)[2], int n_meta, Error *err)
{
    Str out = { 0 };
    Status status = safetensors_pack(tensors, n, meta, n_meta, &out, err);
    if (status == STATUS_OK)
        status = file_write_atomic(path, out.text, out.len, err);
    str_fini(&out);
    return status;
}

// ---- reading ------------------------------------------------------------------------------------

typedef struct {
    SafeTensor tensor;
    size_t begin, end; // in the data part
} Slot;

// For looking up by name.
typedef struct {
    const Slot *slot;
} NameRef;

struct SafeFile {
    Json *header; // owns the names
    void *data;   // the whole file, or an aligned copy of its data part
    Slot *slots;  // in the order of the data
    NameRef *by_name;
    int count;
};

typedef struct {
    SafeFile *file;
    const char *name;
    Error *err;
    Status status;
} Reader;

static bool whole_number(const Json *value, size_t *number)
{
    if (!json_is_number(value) || json_is_string(value))
        return false;
    double v = json_to_num(value, -1);
    if (!(v >= 0 && v < 0x1p53) || v != floor(v))
        return false;
    *number = (size_t)v;
    return true;
}

static bool read_type(const Json *entry, SafeType *dtype)
{
    const char *text = json_get_str(entry, "dtype", "");
    for (int i = 0; i < TYPE_COUNT; i++)
        if (strcmp(types[i].name, text) == 0) {
            *dtype = (SafeType)i;
            return true;
        }
    return false;
}

static bool read_shape(const Json *entry, SafeTensor *t)
{
    const Json *shape = json_get(entry, "shape");
    if (!json_is_array(shape) || json_length(shape) > SAFE_RANK)
        return false;
    t->rank = json_length(shape);
    for (int i = 0; i < t->rank; i++) {
        size_t n;
        if (!whole_number(json_at(shape, i), &n))
            return false;
        t->shape[i] = (int64_t)n;
    }
    return shape_bytes(t->dtype, t->rank, t->shape, &t->bytes);
}

static bool read_meta(void *self, const char *key, const Json *value)
{
    Reader *r = self;
    if (json_is_string(value))
        return true;
    r->status =
        error_set(r->err, STATUS_PARSE, "%s: __metadata__ '%.100s' must be a string", r->name, key);
    return false;
}

static bool read_entry(void *self, const char *key, const Json *value)
{
    Reader *r = self;
    if (strcmp(key, "__metadata__") == 0) {
        if (json_is_object(value))
            json_each(value, read_meta, r);
        else
            r->status =
                error_set(r->err, STATUS_PARSE, "%s: __metadata__ must be an object", r->name);
        return r->status == STATUS_OK;
    }
    Slot *slot = &r->file->slots[r->file->count];
    SafeTensor *t = &slot->tensor;
    const Json *offsets = json_get(value, "data_offsets");
    t->name = key;
    if (!read_type(value, &t->dtype))
        r->status = error_set(r->err, STATUS_PARSE, "%s: tensor '%.100s' has unknown dtype '%.20s'",
                              r->name, key, json_get_str(value, "dtype", ""));
    else if (!read_shape(value, t))
        r->status = error_set(r->err, STATUS_PARSE,
                              "%s: tensor '%.100s' needs a shape of at most %d whole numbers",
                              r->name, key, SAFE_RANK);
    else if (json_length(offsets) != 2 || !whole_number(json_at(offsets, 0), &slot->begin) ||
             !whole_number(json_at(offsets, 1), &slot->end) || slot->end < slot->begin ||
             slot->end - slot->begin != t->bytes)
        r->status = error_set(r->err, STATUS_PARSE,
                              "%s: data_offsets of tensor '%.100s' do not hold its %zu bytes",
                              r->name, key, t->bytes);
    r->file->count++;
    return r->status == STATUS_OK;
}

static bool count_entry(void *self, const char *key, const Json *value)
{
    (void)key;
    (void)value;
    ++*(int *)self;
    return true;
}

static int by_offset(const void *a, const void *b)
{
    const Slot *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return strcmp(x->tensor.name, y->tensor.name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const NameRef *)a)->slot->tensor.name, ((const NameRef *)b)->slot->tensor.name);
}

// No holes, no overlap, all of the data named.
static Status check_layout(const SafeFile *file, size_t bytes, const char *name, Error *err)
{
    size_t at = 0;
    for (int i = 0; i < file->count; i++) {
        const Slot *slot = &file->slots[i];
        if (slot->begin != at)
            return error_set(err, STATUS_PARSE, "%s: tensor '%.100s' begins at %zu, expected %zu",
                             name, slot->tensor.name, slot->begin, at);
        at = slot->end;
    }
    if (at != bytes)
        return error_set(err, STATUS_PARSE, "%s has %zu bytes of data, its header names %zu", name,
                         bytes, at);
    return STATUS_OK;
}

static Status read_header(SafeFile *file, const char *text, size_t len, const char *name,
                          Error *err)
{
    file->header = json_parse(text, len, err);
    if (!file->header) {
        error_wrap(err, "%s: header", name);
        return STATUS_PARSE;
    }
    if (!json_is_object(file->header))
        return error_set(err, STATUS_PARSE, "%s: the header must be a JSON object", name);
    int count = 0;
    json_each(file->header, count_entry, &count);
    file->slots = mem_zero((size_t)count, sizeof *file->slots);
    file->by_name = mem_zero((size_t)count, sizeof *file->by_name);
    if (!file->slots || !file->by_name)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", name);
    Reader r = { file, name, err, STATUS_OK };
    json_each(file->header, read_entry, &r);
    return r.status;
}

// Points the tensors at their data, which is moved only if it is not aligned in the file.
static Status place_data(SafeFile *file, const char *data, size_t bytes, const char *name,
                         Error *err)
{
    bool aligned = true;
    size_t need = 0;
    for (int i = 0; i < file->count; i++) {
        const Slot *slot = &file->slots[i];
        size_t size = types[slot->tensor.dtype].size;
        aligned = aligned && ((uintptr_t)(data + slot->begin)) % size == 0;
        need += (slot->tensor.bytes + 63) & ~(size_t)63;
    }
    char *moved = aligned ? NULL : mem_aligned(need);
    if (!aligned && !moved)
        return error_set(err, STATUS_NOMEM, "%s: out of memory for %zu bytes", name, bytes);
    size_t at = 0;
    for (int i = 0; i < file->count; i++) {
        SafeTensor *t = &file->slots[i].tensor;
        t->data = data + file->slots[i].begin;
        if (moved && t->bytes)
            t->data = memcpy(moved + at, t->data, t->bytes);
        else if (moved)
            t->data = moved;
        at += (t->bytes + 63) & ~(size_t)63;
        file->by_name[i].slot = &file->slots[i];
    }
    if (moved) {
        mem_free(file->data);
        file->data = moved;
    }
    qsort(file->by_name, (size_t)file->count, sizeof *file->by_name, by_name);
    return STATUS_OK;
}

// Takes over `bytes`, which came from mem_alloc.
static Status parse_owned(char *bytes, size_t len, const char *name, SafeFile **out, Error *err)
{
    SafeFile *file = mem_zero(1, sizeof *file);
    if (!file) {
        mem_free(bytes);
        return error_set(err, STATUS_NOMEM, "%s: out of memory", name);
    }
    file->data = bytes;
    uint64_t header = 0;
    for (int i = 7; i >= 0 && len >= 8; i--)
        header = header << 8 | (unsigned char)bytes[i];
    Status status;
    if (len < 9 || header > HEADER_MAX || header > len - 8 || header < 2 || bytes[8] != '{')
        status = error_set(err, STATUS_PARSE,
                           "%s is not a safetensors file, or is cut off (%zu "
                           "bytes, header of %llu)",
                           name, len, (unsigned long long)header);
    else
        status = read_header(file, bytes + 8, (size_t)header, name, err);
    if (status == STATUS_OK) {
        qsort(file->slots, (size_t)file->count, sizeof *file->slots, by_offset);
        status = check_layout(file, len - 8 - (size_t)header, name, err);
    }
    if (status == STATUS_OK)
        status = place_data(file, bytes + 8 + header, len - 8 - (size_t)header, name, err);
    if (status != STATUS_OK) {
        safetensors_close(file);
        return status;
    }
    *out = file;
    return STATUS_OK;
}

Status safetensors_parse(const void *data, size_t len, const char *name, SafeFile **file,
                         Error *err)
{
    *file = NULL;
    char *copy = mem_alloc(len);
    if (!copy)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", name);
    if (len)
        memcpy(copy, data, len);
    return parse_owned(copy, len, name, file, err);
}

Status safetensors_open(const char *path, SafeFile **file, Error *err)
{
    char *bytes;
    size_t len;
    *file = NULL;
    Status status = file_read(path, FILE_LIMIT, &bytes, &len, err);
    return status == STATUS_OK ? parse_owned(bytes, len, path, file, err) : status;
}

void safetensors_close(SafeFile *file)
{
    if (!file)
        return;
    json_free(file->header);
    mem_free(file->data);
    mem_free(file->slots);
    mem_free(file->by_name);
    mem_free(file);
}

int safetensors_count(const SafeFile *file)
{
    return file->count;
}

const SafeTensor *safetensors_at(const SafeFile *file, int index)
{
    assert(index >= 0 && index < file->count);
    return &file->slots[index].tensor;
}

const SafeTensor *safetensors_find(const SafeFile *file, const char *name)
{
    int lo = 0, hi = file->count;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2, order = strcmp(file->by_name[mid].slot->tensor.name, name);
        if (order == 0)
            return &file->by_name[mid].slot->tensor;
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const char *safetensors_meta(const SafeFile *file, const char *key)
{
    return json_get_str(json_get(file->header, "__metadata__"), key, NULL);
}

static void shape_text(Str *text, int rank, const int64_t *shape)
{
    str_addc(text, '[');
    for (int i = 0; i < rank; i++)
        str_addf(text, "%s%lld", i ? "," : "", (long long)shape[i]);
    str_addc(text, ']');
}

Status safetensors_need(const SafeFile *file, const char *name, SafeType dtype, int rank,
                        const int64_t *shape, const SafeTensor **tensor, Error *err)
{
    const SafeTensor *t = *tensor = safetensors_find(file, name);
    if (!t)
        return error_set(err, STATUS_PARSE, "there is no tensor '%s'", name);
    bool same = t->dtype == dtype && t->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = t->shape[i] == shape[i];
    if (same)
        return STATUS_OK;
    *tensor = NULL;
    Str want = { 0 }, found = { 0 };
    shape_text(&want, rank, shape);
    shape_text(&found, t->rank, t->shape);
    Status status =
        error_set(err, STATUS_PARSE, "tensor '%s' is %s%s, expected %s%s", name,
                  types[t->dtype].name, str_text(&found), types[dtype].name, str_text(&want));
    str_fini(&want);
    str_fini(&found);
    return status;
}
