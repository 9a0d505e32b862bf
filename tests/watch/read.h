// SPDX-License-Identifier: MIT
#ifndef TEST_WATCH_READ_H
#define TEST_WATCH_READ_H

#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/watch/reader.h"

// Reads text with one reader, as a file that is whole; the model is the caller's to free.
static inline void read_with(const ReaderKind *kind, const SourceOptions *options, const char *text,
                             size_t len, Model *model)
{
    static const SourceOptions none = { .majority = NAN, .until_epoch = INT_MAX };
    void *reader;
    *model = (Model){ 0 };
    assert_int_equal(kind->open(model, options ? options : &none, "test", "test", &reader, NULL),
                     0);
    assert_int_equal(kind->feed(reader, text, len, NULL), 0);
    assert_int_equal(kind->idle(reader, true, NULL), 0);
    kind->close(reader);
    for (int r = 0; r < model->n; r++)
        model_settle(model->runs[r]);
}

// Reads a file or directory to its end through a source; NULL with a message if that fails.
static inline Source *read_path(const char *path, const SourceOptions *options)
{
    static const SourceOptions none = { .majority = NAN, .until_epoch = INT_MAX };
    Source *source = NULL;
    Error err = { 0 };
    bool more = true;
    if (source_open(path, options ? options : &none, &source, &err))
        fail_msg("%s", err.msg);
    while (more)
        if (source_poll(source, 0, &more, &err))
            fail_msg("%s", err.msg);
    return source;
}

static inline void write_file(const char *path, const char *mode, const char *text, size_t len)
{
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static inline bool near(double a, double b, double within)
{
    return fabs(a - b) <= within;
}

#endif
