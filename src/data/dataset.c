// SPDX-License-Identifier: MIT
#include "src/data/dataset.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/data/reader.h"

void data_free(Dataset *data)
{
    if (!data)
        return;
    mem_free(data->pixels);
    mem_free(data->labels);
    mem_free(data);
}

size_t dataset_image_items(const Dataset *data)
{
    return (size_t)data->height * (size_t)data->width * (size_t)data->channels;
}

unsigned char *dataset_u8(const Dataset *data, int image)
{
    return (unsigned char *)data->pixels + (size_t)image * dataset_image_items(data);
}

float *dataset_f32(const Dataset *data, int image)
{
    return (float *)data->pixels + (size_t)image * dataset_image_items(data);
}

static Status check_shape(const Dataset *data, const DataShape *s, const char *name, Error *err)
{
    if (s->height < 1 || s->width < 1 || s->height > DATA_MAX_SIDE || s->width > DATA_MAX_SIDE)
        return error_set(err, STATUS_PARSE, "%s: images of %d x %d, expected sides of 1 to %d",
                         name, s->height, s->width, DATA_MAX_SIDE);
    if (s->channels < 1 || s->channels > DATA_MAX_CHANNELS)
        return error_set(err, STATUS_PARSE, "%s: images of %d channels, expected 1 to %d", name,
                         s->channels, DATA_MAX_CHANNELS);
    if (s->n < 1 || s->n > INT_MAX - data->n)
        return error_set(err, STATUS_PARSE, "%s: %lld images, expected at least 1 and at most %d",
                         name, (long long)s->n, INT_MAX);
    if (data->n && (s->height != data->height || s->width != data->width ||
                    s->channels != data->channels || s->type != data->type))
        return error_set(err, STATUS_PARSE,
                         "%s: images of %d x %d x %d %s, the files before have %d x %d x %d %s",
                         name, s->height, s->width, s->channels,
                         s->type == PIXEL_U8 ? "bytes" : "floats", data->height, data->width,
                         data->channels, data->type == PIXEL_U8 ? "bytes" : "floats");
    return STATUS_OK;
}

Status dataset_extend(Dataset *data, const DataShape *shape, const char *name, int *first,
                      Error *err)
{
    Status status = check_shape(data, shape, name, err);
    if (status != STATUS_OK)
        return status;
    data->height = shape->height;
    data->width = shape->width;
    data->channels = shape->channels;
    data->type = shape->type;
    size_t n = (size_t)data->n + (size_t)shape->n;
    size_t item = dataset_image_items(data) * (data->type == PIXEL_U8 ? 1 : sizeof(float));
    void *pixels = mem_grow(data->pixels, n, item);
    if (pixels)
        data->pixels = pixels;
    int *labels = mem_grow(data->labels, n, sizeof *labels);
    if (labels)
        data->labels = labels;
    if (!pixels || !labels)
        return error_set(err, STATUS_NOMEM, "%s: out of memory for %zu images", name, n);
    *first = data->n;
    data->n = (int)n;
    return STATUS_OK;
}

// ---- hash ---------------------------------------------------------------------------------------

static uint64_t mix(uint64_t h, uint64_t word)
{
    h ^= word * 0x9e3779b97f4a7c15u;
    h = (h << 29 | h >> 35) * 0xbf58476d1ce4e5b9u;
    return h ^ h >> 32;
}

// Words are read as little-endian, so that the hash is the same everywhere.
static uint64_t hash_bytes(uint64_t h, const unsigned char *p, size_t n)
{
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t word = 0;
        for (int i = 7; i >= 0; i--)
            word = word << 8 | p[i];
        h = mix(h, word);
    }
    uint64_t tail = n;
    for (size_t i = 0; i < n; i++)
        tail = tail << 8 | p[i];
    return mix(h, tail);
}

static void hash_set(Dataset *d)
{
    const int sizes[] = { d->n, d->n_train, d->height, d->width, d->channels, (int)d->type };
    uint64_t h = 0x2545f4914f6cdd1du;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        h = mix(h, (uint64_t)sizes[i]);
    size_t item = d->type == PIXEL_U8 ? 1 : sizeof(float);
    h = hash_bytes(h, d->pixels, (size_t)d->n * dataset_image_items(d) * item);
    for (int i = 0; i < d->n; i++)
        h = mix(h, (uint64_t)d->labels[i]);
    snprintf(d->hash, sizeof d->hash, "%016llx", (unsigned long long)h);
}

static Status check_floats(const Dataset *data, Error *err)
{
    size_t items = dataset_image_items(data);
    for (int i = 0; data->type == PIXEL_F32 && i < data->n; i++) {
        const float *image = dataset_f32(data, i);
        for (size_t k = 0; k < items; k++)
            if (!isfinite(image[k]))
                return error_set(err, STATUS_PARSE,
                                 "%s: image %d has a pixel that is not a finite number", data->name,
                                 i);
    }
    return STATUS_OK;
}

Status dataset_finish(Dataset *data, Error *err)
{
    if (data->n_train < 1)
        return error_set(err, STATUS_PARSE, "%s: there are no training images", data->name);
    int top = 0;
    for (int i = 0; i < data->n; i++) {
        if (data->labels[i] < 0 || data->labels[i] >= DATA_MAX_CLASSES)
            return error_set(err, STATUS_PARSE, "%s: label %d of image %d, expected 0 to %d",
                             data->name, data->labels[i], i, DATA_MAX_CLASSES - 1);
        if (data->labels[i] > top)
            top = data->labels[i];
    }
    if (data->classes > 0 && top >= data->classes)
        return error_set(err, STATUS_PARSE, "%s: found label %d, expected at most %d", data->name,
                         top, data->classes - 1);
    if (data->classes == 0)
        data->classes = top + 1;
    Status status = check_floats(data, err);
    if (status == STATUS_OK)
        hash_set(data);
    return status;
}

// ---- statistics ---------------------------------------------------------------------------------

static double pixel_at(const Dataset *d, int image, size_t k)
{
    return d->type == PIXEL_U8 ? dataset_u8(d, image)[k] : (double)dataset_f32(d, image)[k];
}

static double channel_mean(const Dataset *d, const int *indices, int count, int c)
{
    double sum = 0, pixels = (double)d->height * d->width * count;
    for (int i = 0; i < count; i++)
        for (size_t k = (size_t)c; k < dataset_image_items(d); k += (size_t)d->channels)
            sum += pixel_at(d, indices[i], k);
    return sum / pixels;
}

static double channel_std(const Dataset *d, const int *indices, int count, int c, double mean)
{
    double sum = 0, pixels = (double)d->height * d->width * count;
    for (int i = 0; i < count; i++)
        for (size_t k = (size_t)c; k < dataset_image_items(d); k += (size_t)d->channels) {
            double x = pixel_at(d, indices[i], k) - mean;
            sum += x * x;
        }
    return sqrt(sum / pixels);
}

void data_statistics(const Dataset *data, const int *indices, int count, float *mean, float *std)
{
    for (int c = 0; c < data->channels; c++) {
        double m = count > 0 ? channel_mean(data, indices, count, c) : 0;
        double s = count > 0 ? channel_std(data, indices, count, c, m) : 0;
        mean[c] = (float)(m * (double)data->scale);
        std[c] = (float)(s * (double)data->scale);
        if (!(std[c] > 0))
            std[c] = 1;
    }
}

bool data_published(const Dataset *data, float *mean, float *std)
{
    static const struct {
        const char *name;
        float mean[3], std[3];
    } known[] = {
        // quark0/darts utils.py
        { "cifar10",
          { 0.49139968f, 0.48215827f, 0.44653124f },
          { 0.24703233f, 0.24348505f, 0.26158768f } },
        // chenxin061/pdarts utils.py
        { "cifar100", { 0.5071f, 0.4867f, 0.4408f }, { 0.2675f, 0.2565f, 0.2761f } },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(data->name, known[i].name) == 0 && data->channels == 3) {
            memcpy(mean, known[i].mean, sizeof known[i].mean);
            memcpy(std, known[i].std, sizeof known[i].std);
            return true;
        }
    return false;
}
