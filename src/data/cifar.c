// SPDX-License-Identifier: MIT
#include <limits.h>
#include <stdio.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/unpack.h"
#include "src/data/reader.h"

// CIFAR binary files: records of labels (one byte; CIFAR-100 has a coarse one before the fine
// one), 1024 bytes red, 1024 green, 1024 blue.

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE };

static void take_record(const unsigned char *planes, unsigned char *image)
{
    for (int k = 0; k < PLANE; k++)
        for (int c = 0; c < 3; c++)
            image[3 * k + c] = planes[c * PLANE + k];
}

static Status add_records(const char *path, const unsigned char *bytes, size_t len, int classes,
                          Dataset *data, Error *err)
{
    size_t head = classes == 100 ? 2 : 1, record = head + PIXELS;
    if (len == 0 || len % record)
        return error_set(err, STATUS_PARSE,
                         "%s: %zu bytes, expected a multiple of %zu (the records of CIFAR-%d)",
                         path, len, record, classes);
    DataShape shape = { (int64_t)(len / record), SIDE, SIDE, 3, PIXEL_U8 };
    int first;
    Status status = dataset_extend(data, &shape, path, &first, err);
    if (status != STATUS_OK)
        return status;
    for (int i = first; i < data->n; i++, bytes += record) {
        data->labels[i] = bytes[head - 1];
        if (data->labels[i] >= classes)
            return error_set(err, STATUS_PARSE, "%s: record %d has label %d, expected 0 to %d",
                             path, i - first, data->labels[i], classes - 1);
        take_record(bytes + head, dataset_u8(data, i));
    }
    return STATUS_OK;
}

static Status add_file(const char *dir, const char *name, int classes, Dataset *data, Error *err)
{
    char path[PATH_MAX];
    void *bytes = NULL;
    size_t len;
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return error_set(err, STATUS_ARG, "path too long: %s", dir);
    Status status = unpack_file(path, DATA_FILE_LIMIT, &bytes, &len, err);
    if (status == STATUS_OK)
        status = add_records(path, bytes, len, classes, data, err);
    mem_free(bytes);
    return status;
}

static Status add_training(const char *dir, int classes, Dataset *data, Error *err)
{
    if (classes == 100)
        return add_file(dir, "train.bin", classes, data, err);
    Status status = STATUS_OK;
    for (int i = 1; i <= 5 && status == STATUS_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        status = add_file(dir, name, classes, data, err);
    }
    return status;
}

// path: the directory of the files, or the one that the archive was unpacked in.
Status cifar_open(const char *path, int classes, Dataset *data, Error *err)
{
    char inner[PATH_MAX];
    const char *sub = classes == 100 ? "cifar-100-binary" : "cifar-10-batches-bin";
    if (snprintf(inner, sizeof inner, "%s/%s", path, sub) >= (int)sizeof inner)
        return error_set(err, STATUS_ARG, "path too long: %s", path);
    const char *dir = file_is_dir(inner) ? inner : path;
    data->classes = classes;
    Status status = add_training(dir, classes, data, err);
    data->n_train = data->n;
    if (status == STATUS_OK)
        status = add_file(dir, classes == 100 ? "test.bin" : "test_batch.bin", classes, data, err);
    if (status == STATUS_IO)
        error_wrap(err, "CIFAR-%d binary version expected in %s", classes, path);
    return status;
}
