// SPDX-License-Identifier: MIT
#ifndef DATA_READER_H
#define DATA_READER_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/data/dataset.h"

// What the readers of the file formats share; for src/data only. A reader fills the Dataset
// of its caller part by part: first the training images, then the test images.

#define DATA_FILE_LIMIT ((size_t)1 << 33) // bytes of one file, decompressed

typedef struct {
    int64_t n; // images
    int height, width, channels;
    PixelType type;
} DataShape;

// Makes room for shape->n more images behind those that are there; the first call fixes the
// shape of an image, later ones must agree. `name` is the file, for messages. *first is the
// index of the first new image.
Status dataset_extend(Dataset *data, const DataShape *shape, const char *name, int *first,
                      Error *err);
unsigned char *dataset_u8(const Dataset *data, int image);
float *dataset_f32(const Dataset *data, int image);
size_t dataset_image_items(const Dataset *data); // H * W * C
// Classes, hash; checks that there is something. Negative labels are errors.
Status dataset_finish(Dataset *data, Error *err);

Status idx_open(const char *path, const char *stem, Dataset *data, Error *err);
Status cifar_open(const char *path, int classes, Dataset *data, Error *err);
Status npy_open(const char *path, Dataset *data, Error *err);
Status folder_open(const DataSpec *spec, Dataset *data, Error *err);

#endif
