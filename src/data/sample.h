// SPDX-License-Identifier: MIT
#ifndef DATA_SAMPLE_H
#define DATA_SAMPLE_H

#include <stdint.h>

#include "src/base/rng.h"
#include "src/data/dataset.h"
#include "src/data/feed.h"

// One image on its way from the Dataset to a network, for src/data only:
// scale, resize, crop, mirror, mean and deviation, repeated channel, cutout.
typedef struct {
    const Dataset *data;
    int height, width, channels; // of the result
    int crop, cutout;
    bool flip;
    float mean[DATA_MAX_CHANNELS], std[DATA_MAX_CHANNELS]; // 0 and 1: nothing to do
} Sampler;

// Floats of scratch space that sample_make needs.
size_t sample_scratch(const Sampler *s);
// out: height width channels. All chance comes from rng.
void sample_make(const Sampler *s, int image, Rng *rng, float *scratch, float *out);

#endif
