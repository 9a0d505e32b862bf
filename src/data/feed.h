// SPDX-License-Identifier: MIT
#ifndef DATA_FEED_H
#define DATA_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/data/dataset.h"

// Batches, made ready by one background thread. What is in batch b, counted over the whole run
// from 0, depends on the data, the indices, the options and b, and on nothing else: after
// feed_seek(feed, b) the batches are the same bit for bit as if they had been read from 0.
// One thread at a time may use a feed. The Dataset must outlive it; the indices are copied.

typedef enum {
    NORMALISE_NONE,    // pixel times scale
    NORMALISE_GIVEN,   // (x - mean) / std from the options
    NORMALISE_COMPUTED // the same with mean and deviation of this feed's own images
} Normalise;

typedef struct {
    int batch;      // images a batch
    bool shuffle;   // a new order every epoch; else the order of the indices
    bool replace;   // every batch is drawn afresh from all images (no image twice in one batch)
    bool drop_last; // leave out the last batch of an epoch if it is not full
    uint64_t seed;
    int height, width, channels; // what the network takes; 0: as in the data. 1 channel can be
                                 // repeated, sizes are resized bilinear
    int crop;                    // zero padding for a random crop; 0: no crop
    bool flip;                   // mirror every second image or so left to right
    int cutout;                  // side of a square set to 0 (after mean and std); 0: none
    Normalise normalise;
    float mean[DATA_MAX_CHANNELS], std[DATA_MAX_CHANNELS]; // per channel of the data
    int ahead;                                             // batches made in advance; 0: 2
} FeedOptions;

typedef struct {
    int64_t number; // b
    int64_t epoch;  // b / batches per epoch
    int n;          // images; less than options.batch only in a last partial batch
    int height, width, channels;
    const float *images; // n H W C, 64-byte aligned
    const int *labels;
    const int *indices; // which images of the Dataset
} Batch;

typedef struct Feed Feed;

Status feed_new(const Dataset *data, const int *indices, int count, const FeedOptions *options,
                Feed **out, Error *err);
void feed_free(Feed *feed);
int64_t feed_batches_per_epoch(const Feed *feed);
// The next feed_next gives batch number b >= 0. Makes the last batch invalid.
void feed_seek(Feed *feed, int64_t b);
int64_t feed_tell(const Feed *feed); // number of the batch that feed_next gives next
// Never fails and never ends: after the last batch of an epoch comes the next epoch. The batch
// is valid until the next call of feed_next, feed_seek or feed_free.
const Batch *feed_next(Feed *feed);
// Mean and deviation in use, per channel of the data.
void feed_normalisation(const Feed *feed, const float **mean, const float **std);

#endif
