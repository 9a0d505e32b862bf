// SPDX-License-Identifier: MIT
#ifndef PROTO_EVENT_H
#define PROTO_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

// One record of a TensorBoard event file: what torch's SummaryWriter and TensorFlow 2 put there
// that is a number or a table of numbers.
typedef struct {
    const char *tag;
    double wall; // Unix time
    int64_t step;
    int n_dims, dims[4]; // 0: a scalar
    const double *value; // product of dims; 1 for a scalar
    int n;
} EventValue;

enum { EVENT_VALUES = 64 * 32 }; // larger tensors are passed over

typedef Status EventVisit(void *self, const EventValue *value, Error *err);
// Calls visit for every number and table in the record. STATUS_PARSE if it cannot be read;
// STATUS_ARG with a message that names the packages in a build without protobuf.
Status event_decode(const void *data, size_t len, EventVisit *visit, void *self, Error *err);

#endif
