// SPDX-License-Identifier: MIT
#include "src/data/idx.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/unpack.h"
#include "src/data/reader.h"

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

Status idx_parse(const void *data, size_t len, const char *name, IdxArray *array, Error *err)
{
    const unsigned char *p = data;
    uint32_t magic = len >= 4 ? big_endian(p) : 0;
    int rank = (int)(magic & 0xff);
    if (len < 4 || magic >> 8 != 8 || (rank != 1 && rank != 3 && rank != 4))
        return error_set(err, STATUS_PARSE,
                         "%s is not an IDX file of bytes: it begins with 0x%08x, expected "
                         "0x00000801, 0x00000803 or 0x00000804",
                         name, magic);
    size_t header = 4 + 4 * (size_t)rank;
    if (len < header)
        return error_set(err, STATUS_PARSE, "%s is cut off: %zu bytes, the header alone has %zu",
                         name, len, header);
    uint64_t items = 1;
    *array = (IdxArray){ rank, { 1, 1, 1, 1 }, p + header };
    for (int i = 0; i < rank; i++) {
        array->dim[i] = big_endian(p + 4 + 4 * (size_t)i);
        if (array->dim[i] && items > ((uint64_t)1 << 40) / (uint64_t)array->dim[i])
            return error_set(err, STATUS_PARSE, "%s: dimension %d of %lld is out of range", name, i,
                             (long long)array->dim[i]);
        items *= (uint64_t)array->dim[i];
    }
    if (items != len - header)
        return error_set(err, STATUS_PARSE,
                         "%s: the header promises %llu bytes of items, the file has %zu", name,
                         (unsigned long long)items, len - header);
    return STATUS_OK;
}

static Status read_array(const char *path, void **bytes, IdxArray *array, Error *err)
{
    size_t len;
    Status status = unpack_file(path, DATA_FILE_LIMIT, bytes, &len, err);
    if (status == STATUS_OK)
        status = idx_parse(*bytes, len, path, array, err);
    return status;
}

static Status add_images(const char *path, const IdxArray *a, Dataset *data, int *first, Error *err)
{
    if (a->rank == 1)
        return error_set(err, STATUS_PARSE, "%s holds labels, expected images", path);
    if (a->dim[1] > DATA_MAX_SIDE || a->dim[2] > DATA_MAX_SIDE || a->dim[3] > DATA_MAX_CHANNELS)
        return error_set(err, STATUS_PARSE, "%s: images of %lld x %lld x %lld are too large", path,
                         (long long)a->dim[1], (long long)a->dim[2], (long long)a->dim[3]);
    DataShape shape = { a->dim[0], (int)a->dim[1], (int)a->dim[2], (int)a->dim[3], PIXEL_U8 };
    assert(a->items);
    Status status = dataset_extend(data, &shape, path, first, err);
    if (status == STATUS_OK)
        memcpy(dataset_u8(data, *first), a->items, (size_t)a->dim[0] * dataset_image_items(data));
    return status;
}

static Status add_labels(const char *path, const IdxArray *a, Dataset *data, int first, Error *err)
{
    if (a->rank != 1)
        return error_set(err, STATUS_PARSE, "%s holds images, expected labels", path);
    if (a->dim[0] != data->n - first)
        return error_set(err, STATUS_PARSE, "%s: %lld labels for %d images", path,
                         (long long)a->dim[0], data->n - first);
    for (int i = first; i < data->n; i++)
        data->labels[i] = a->items[i - first];
    return STATUS_OK;
}

static Status add_pair(const char *images, const char *labels, Dataset *data, Error *err)
{
    void *bytes = NULL;
    IdxArray array = { 0 };
    int first = 0;
    Status status = read_array(images, &bytes, &array, err);
    if (status == STATUS_OK)
        status = add_images(images, &array, data, &first, err);
    mem_free(bytes);
    bytes = NULL;
    if (status == STATUS_OK)
        status = read_array(labels, &bytes, &array, err);
    if (status == STATUS_OK)
        status = add_labels(labels, &array, data, first, err);
    mem_free(bytes);
    return status;
}

// Finds DIR/STEM-images-idx3-ubyte and the like; false if there is none.
static bool find_file(const char *dir, const char *stem, const char *what, int least, int most,
                      char *path, size_t size)
{
    for (int rank = least; rank <= most; rank++)
        for (int form = 0; form < 4; form++) {
            int n = snprintf(path, size, "%s/%s-%s%cidx%d-ubyte%s", dir, stem, what,
                             form & 1 ? '.' : '-', rank, form & 2 ? ".gz" : "");
            if (n > 0 && (size_t)n < size && file_exists(path))
                return true;
        }
    return false;
}

static Status add_stem(const char *dir, const char *stem, Dataset *data, Error *err)
{
    char images[PATH_MAX], labels[PATH_MAX];
    if (!find_file(dir, stem, "images", 3, 4, images, sizeof images))
        return error_set(err, STATUS_IO,
                         "%s: expected a file %s-images-idx3-ubyte (or .gz), found none", dir,
                         stem);
    if (!find_file(dir, stem, "labels", 1, 1, labels, sizeof labels))
        return error_set(err, STATUS_IO,
                         "%s: expected a file %s-labels-idx1-ubyte (or .gz), found none", dir,
                         stem);
    return add_pair(images, labels, data, err);
}

// "x-images-idx3-ubyte.gz" -> "x-labels-idx1-ubyte.gz"
static bool labels_of(const char *images, char *labels, size_t size)
{
    const char *slash = strrchr(images, '/');
    const char *word = strstr(slash ? slash : images, "images");
    if (!word)
        return false;
    int n = snprintf(labels, size, "%.*slabels%s", (int)(word - images), images, word + 6);
    char *idx = n > 0 && (size_t)n < size ? strstr(labels + (word - images), "idx") : NULL;
    if (idx && idx[3])
        idx[3] = '1';
    return n > 0 && (size_t)n < size;
}

// path: a directory with STEM-images..., STEM-labels... and perhaps t10k-... or test-..., or
// one file of images that has its labels beside it.
Status idx_open(const char *path, const char *stem, Dataset *data, Error *err)
{
    char probe[PATH_MAX];
    Status status;
    if (file_exists(path) && !file_is_dir(path)) {
        if (!labels_of(path, probe, sizeof probe))
            return error_set(err, STATUS_ARG,
                             "%s: expected 'images' in the file's name, its labels are looked for "
                             "in the same name with 'labels'",
                             path);
        status = add_pair(path, probe, data, err);
        data->n_train = data->n;
        return status;
    }
    status = add_stem(path, stem, data, err);
    data->n_train = data->n;
    static const char *const tests[] = { "t10k", "test" };
    for (int i = 0; i < 2 && status == STATUS_OK; i++)
        if (find_file(path, tests[i], "images", 3, 4, probe, sizeof probe))
            return add_stem(path, tests[i], data, err);
    return status;
}
