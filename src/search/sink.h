// SPDX-License-Identifier: MIT
#ifndef SEARCH_SINK_H
#define SEARCH_SINK_H

#include "src/base/err.h"
#include "src/base/json.h"

// Where a strategy's records go: the journal, a list in memory (tests) or nowhere. Records are
// those of the journal protocol ("t" names the record; see README, File formats). The sink takes
// ownership of `record`.
typedef struct {
    void *self;
    Status (*emit)(void *self, Json *record, Error *err);
} Sink;

static inline Status sink_emit(const Sink *sink, Json *record, Error *err)
{
    if (sink && sink->emit)
        return sink->emit(sink->self, record, err);
    json_free(record);
    return STATUS_OK;
}

#endif
