// SPDX-License-Identifier: MIT
#ifndef WATCH_READER_H
#define WATCH_READER_H

#include "src/watch/source.h"

// One format of input: bytes in, records into the model. A reader keeps what is incomplete and
// counts what it does not understand; it fails only for lack of memory.
typedef struct {
    const char *name;
    // `run_name` names the first run; path is where the bytes come from.
    Status (*open)(Model *model, const SourceOptions *options, const char *path,
                   const char *run_name, void **self, Error *err);
    Status (*feed)(void *self, const char *data, size_t len, Error *err);
    // Nothing more is there for now; `last`: nor will be (the file is not followed).
    Status (*idle)(void *self, bool last, Error *err);
    // Drops what is incomplete at the end and says how many bytes that was: they are fed again
    // when the file has grown, since a writer may have cut a torn line before it went on.
    size_t (*unread)(void *self);
    void (*close)(void *self);
} ReaderKind;

extern const ReaderKind journal_reader;
extern const ReaderKind log_reader;
extern const ReaderKind event_reader;

#endif
