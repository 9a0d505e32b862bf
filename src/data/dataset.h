// SPDX-License-Identifier: MIT
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

// A set of labelled images in memory. Immutable after data_open, so threads may share it.
// Images 0 .. n_train-1 are for training and validation; n_train .. n-1 are the test part
// that came in files of its own (none if n_train == n; split.h then seals a part off).

enum { DATA_MAX_CHANNELS = 16, DATA_MAX_SIDE = 4096, DATA_MAX_CLASSES = 65536 };

typedef enum { PIXEL_U8, PIXEL_F32 } PixelType;

typedef struct {
    char name[64];
    char hash[17]; // 64 bits over sizes, pixels and labels, in hex
    int n, n_train;
    int height, width, channels, classes;
    PixelType type;
    void *pixels; // N H W C, no gaps
    float scale;  // pixel times scale is the value a network sees before mean and deviation
    int *labels;  // 0 .. classes-1
} Dataset;

// What to open. Strings may be NULL, numbers 0: then the default holds.
typedef struct {
    const char *name;      // digits, fashion, cifar10, cifar100, idx, npy, folder
    const char *path;      // directory or file; digits and fashion have a default place
    const char *share_dir; // where assets/data lies; default file_share_dir()
    int height, width;     // folder: size to bring every image to; default: the first image's
    int channels;          // folder: 1 (grey) or 3; default 3
} DataSpec;

Status data_open(const DataSpec *spec, Dataset **data, Error *err);
void data_free(Dataset *data);
// Names that data_open accepts, NULL at the end.
const char *const *data_names(void);

// Mean and standard deviation per channel (after scale) of the images named by indices;
// a deviation of 0 is given as 1. mean and std have room for channels numbers.
void data_statistics(const Dataset *data, const int *indices, int count, float *mean, float *std);
// The mean and deviation that papers use for this set (CIFAR-10, CIFAR-100); false if there are
// none, then compute them.
bool data_published(const Dataset *data, float *mean, float *std);

#endif
