// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/str.h"
#include "src/base/unpack.h"
#include "src/data/npy.h"
#include "src/data/reader.h"

// An image set in NumPy's formats: a directory with train_images.npy, train_labels.npy and
// perhaps test_images.npy, test_labels.npy, or one .npz with arrays of such names.

enum { PART_TRAIN_X, PART_TRAIN_Y, PART_TEST_X, PART_TEST_Y, PART_COUNT };
enum { ALIASES = 4 };

static const char *const part_names[PART_COUNT][ALIASES] = {
    [PART_TRAIN_X] = { "x_train", "train_images", "images", "x" },
    [PART_TRAIN_Y] = { "y_train", "train_labels", "labels", "y" },
    [PART_TEST_X] = { "x_test", "test_images", NULL, NULL },
    [PART_TEST_Y] = { "y_test", "test_labels", NULL, NULL },
};

typedef struct {
    const char *path;
    void *bytes[PART_COUNT];
    NpyArray arrays[PART_COUNT];
} Parts;

static Status parse_part(Parts *parts, int part, void *bytes, size_t len, const char *name,
                         Error *err)
{
    if (parts->bytes[part]) {
        mem_free(bytes);
        return error_set(err, STATUS_PARSE, "%s: a second array for %s", name, part_names[part][0]);
    }
    parts->bytes[part] = bytes;
    return npy_parse(bytes, len, name, &parts->arrays[part], err);
}

static int part_of(const char *member)
{
    for (int part = 0; part < PART_COUNT; part++)
        for (int i = 0; i < ALIASES && part_names[part][i]; i++) {
            size_t n = strlen(part_names[part][i]);
            if (strncmp(member, part_names[part][i], n) == 0 && strcmp(member + n, ".npy") == 0)
                return part;
        }
    return -1;
}

static Status take_member(void *self, const char *member, UnpackEntry *entry, Error *err)
{
    Parts *parts = self;
    int part = part_of(member);
    if (part < 0)
        return STATUS_OK;
    void *bytes;
    size_t len;
    Status status = unpack_entry_read(entry, DATA_FILE_LIMIT, &bytes, &len, err);
    if (status == STATUS_OK)
        status = parse_part(parts, part, bytes, len, member, err);
    if (status != STATUS_OK)
        error_wrap(err, "%s", parts->path);
    return status;
}

static Status load_directory(Parts *parts, Error *err)
{
    for (int part = 0; part < PART_COUNT; part++)
        for (int i = 0; i < ALIASES && part_names[part][i]; i++) {
            char path[PATH_MAX];
            if (snprintf(path, sizeof path, "%s/%s.npy", parts->path, part_names[part][i]) >=
                (int)sizeof path)
                return error_set(err, STATUS_ARG, "path too long: %s", parts->path);
            if (!file_exists(path))
                continue;
            void *bytes;
            size_t len;
            Status status = unpack_file(path, DATA_FILE_LIMIT, &bytes, &len, err);
            if (status == STATUS_OK)
                status = parse_part(parts, part, bytes, len, path, err);
            if (status != STATUS_OK)
                return status;
            break;
        }
    return STATUS_OK;
}

static bool few_channels(int64_t n)
{
    return n == 1 || n == 3;
}

// Where the axes of an array of images are: N H W, N H W C or N C H W (C of 1 or 3).
typedef struct {
    DataShape shape;
    int64_t row, column, channel; // strides in items
} Axes;

static Status find_axes(const NpyArray *a, const char *name, Axes *axes, Error *err)
{
    if (a->rank != 3 && a->rank != 4)
        return error_set(err, STATUS_PARSE,
                         "%s: images of %d dimensions, expected N,H,W or N,H,W,C or N,C,H,W", name,
                         a->rank);
    bool planar = a->rank == 4 && few_channels(a->dim[1]) && !few_channels(a->dim[3]);
    int64_t h = a->dim[planar ? 2 : 1], w = a->dim[planar ? 3 : 2], c = a->dim[planar ? 1 : 3];
    if (h > DATA_MAX_SIDE || w > DATA_MAX_SIDE || c > DATA_MAX_CHANNELS || h * w * c == 0)
        return error_set(err, STATUS_PARSE, "%s: images of %lld x %lld x %lld are out of range",
                         name, (long long)h, (long long)w, (long long)c);
    axes->shape = (DataShape){ a->dim[0], (int)h, (int)w, (int)c,
                               a->kind == 'u' && a->size == 1 ? PIXEL_U8 : PIXEL_F32 };
    axes->row = planar ? w : w * c;
    axes->column = planar ? 1 : c;
    axes->channel = planar ? h * w : 1;
    return STATUS_OK;
}

static void take_image(const NpyArray *a, const Axes *axes, Dataset *data, int image, int64_t at)
{
    size_t k = 0;
    unsigned char *bytes = axes->shape.type == PIXEL_U8 ? dataset_u8(data, image) : NULL;
    float *floats = bytes ? NULL : dataset_f32(data, image);
    for (int y = 0; y < data->height; y++)
        for (int x = 0; x < data->width; x++)
            for (int c = 0; c < data->channels; c++, k++) {
                int64_t i = at + y * axes->row + x * axes->column + c * axes->channel;
                if (bytes)
                    bytes[k] = a->items[i];
                else
                    floats[k] = (float)npy_number(a, i);
            }
}

static Status add_images(const NpyArray *a, const char *name, Dataset *data, int *first, Error *err)
{
    Axes axes;
    if (a->kind != 'f' && !(a->kind == 'u' && a->size == 1))
        return error_set(err, STATUS_PARSE, "%s: images of type %c%d, expected u1, f4 or f8", name,
                         a->kind, a->size);
    Status status = find_axes(a, name, &axes, err);
    if (status == STATUS_OK)
        status = dataset_extend(data, &axes.shape, name, first, err);
    if (status != STATUS_OK)
        return status;
    for (int i = *first; i < data->n; i++)
        take_image(a, &axes, data, i, (i - *first) * (int64_t)dataset_image_items(data));
    return STATUS_OK;
}

static Status add_labels(const NpyArray *a, const char *name, Dataset *data, int first, Error *err)
{
    if (a->kind != 'u' && a->kind != 'i')
        return error_set(err, STATUS_PARSE, "%s: labels of type %c%d, expected whole numbers", name,
                         a->kind, a->size);
    if (a->count != data->n - first || a->rank < 1 || a->dim[0] != a->count)
        return error_set(err, STATUS_PARSE, "%s: %lld labels for %d images", name,
                         (long long)a->count, data->n - first);
    for (int i = first; i < data->n; i++) {
        double label = npy_number(a, i - first);
        if (label < 0 || label >= DATA_MAX_CLASSES)
            return error_set(err, STATUS_PARSE, "%s: label %.0f of image %d, expected 0 to %d",
                             name, label, i - first, DATA_MAX_CLASSES - 1);
        data->labels[i] = (int)label;
    }
    return STATUS_OK;
}

static Status add_parts(const Parts *parts, int x, Dataset *data, Error *err)
{
    char name[PATH_MAX];
    int first = 0;
    for (int i = x; i <= x + 1; i++)
        if (!parts->bytes[i])
            return error_set(err, STATUS_PARSE, "%s: there is no array %s (or %s)", parts->path,
                             part_names[i][0], part_names[i][1]);
    snprintf(name, sizeof name, "%s: %s", parts->path, part_names[x][0]);
    Status status = add_images(&parts->arrays[x], name, data, &first, err);
    snprintf(name, sizeof name, "%s: %s", parts->path, part_names[x + 1][0]);
    return status == STATUS_OK ? add_labels(&parts->arrays[x + 1], name, data, first, err) : status;
}

Status npy_open(const char *path, Dataset *data, Error *err)
{
    Parts parts = { .path = path };
    Status status;
    if (file_is_dir(path))
        status = load_directory(&parts, err);
    else if (str_ends(path, ".npy"))
        status = error_set(err, STATUS_ARG,
                           "%s is one array; expected a directory with train_images.npy and "
                           "train_labels.npy, or an .npz with x_train and y_train",
                           path);
    else
        status = unpack_each(path, take_member, &parts, err);
    if (status == STATUS_OK)
        status = add_parts(&parts, PART_TRAIN_X, data, err);
    data->n_train = data->n;
    if (status == STATUS_OK && (parts.bytes[PART_TEST_X] || parts.bytes[PART_TEST_Y]))
        status = add_parts(&parts, PART_TEST_X, data, err);
    if (data->type == PIXEL_F32)
        data->scale = 1; // floats are taken as they are
    for (int i = 0; i < PART_COUNT; i++)
        mem_free(parts.bytes[i]);
    return status;
}
