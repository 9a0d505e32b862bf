// SPDX-License-Identifier: MIT
#ifndef TESTS_DATA_MADE_H
#define TESTS_DATA_MADE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/str.h"
#include "src/data/dataset.h"
#include "src/data/reader.h"

// Image sets and files made by the tests, in a directory that the group's teardown removes.

static char made_dir[64];

static inline int made_setup(void **state)
{
    (void)state;
    snprintf(made_dir, sizeof made_dir, "/tmp/dartboard-data-XXXXXX");
    return mkdtemp(made_dir) ? 0 : -1;
}

static inline int made_teardown(void **state)
{
    (void)state;
    return file_remove_tree(made_dir, NULL) == STATUS_OK ? 0 : -1;
}

// Path below the directory; four can be in use at once.
static inline const char *made_path(const char *name)
{
    static char paths[4][256];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", made_dir, name);
    return path;
}

static inline const char *made_sub(const char *name)
{
    const char *path = made_path(name);
    assert_int_equal(file_mkdirs(path, NULL), STATUS_OK);
    return path;
}

static inline void made_file(const char *name, const void *bytes, size_t len)
{
    assert_int_equal(file_write_atomic(made_path(name), bytes, len, NULL), STATUS_OK);
}

static inline void add_be32(Str *s, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        str_addc(s, (char)(v >> shift & 0xff));
}

// Pixel k of image i of every made set, unless said otherwise.
static inline unsigned char made_pixel(int i, int k)
{
    return (unsigned char)(i * 37 + k * 11);
}

static inline void made_idx(const char *name, int rank, const int *dim, bool labels)
{
    Str s = { 0 };
    int n = dim[0], items = 1;
    add_be32(&s, 0x800u + (uint32_t)rank);
    for (int i = 0; i < rank; i++) {
        add_be32(&s, (uint32_t)dim[i]);
        items *= i ? dim[i] : 1;
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < items; k++)
            str_addc(&s, labels ? (char)(i % 3) : (char)made_pixel(i, k));
    made_file(name, s.text, s.len);
    str_fini(&s);
}

// A set in memory: n images of h x w x c bytes, label i % classes.
static inline Dataset *made_set(int n, int n_train, int h, int w, int c, int classes)
{
    Dataset *d = mem_zero(1, sizeof *d);
    DataShape shape = { n, h, w, c, PIXEL_U8 };
    int first;
    snprintf(d->name, sizeof d->name, "made");
    assert_int_equal(dataset_extend(d, &shape, "made", &first, NULL), STATUS_OK);
    d->n_train = n_train;
    d->scale = 1.0f / 255;
    d->classes = classes;
    for (int i = 0; i < n; i++) {
        d->labels[i] = i % classes;
        for (int k = 0; k < h * w * c; k++)
            dataset_u8(d, i)[k] = made_pixel(i, k);
    }
    assert_int_equal(dataset_finish(d, NULL), STATUS_OK);
    return d;
}

static inline Dataset *opened(const char *name, const char *path)
{
    Error err = { 0 };
    Dataset *d;
    DataSpec spec = { .name = name, .path = path };
    if (data_open(&spec, &d, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return d;
}

// The set must not open, and the message must hold `text`.
static inline void refused(const char *name, const char *path, const char *text)
{
    Error err = { 0 };
    Dataset *d;
    DataSpec spec = { .name = name, .path = path };
    assert_int_not_equal(data_open(&spec, &d, &err), STATUS_OK);
    assert_null(d);
    if (!strstr(err.msg, text))
        fail_msg("expected '%s' in: %s", text, err.msg);
}

// Fails every allocation in turn: each try must fail cleanly, the last one must succeed.
static inline void survives_no_memory(const DataSpec *spec)
{
    for (int64_t n = 0;; n++) {
        Error err = { 0 };
        Dataset *d;
        alloc_fail_after(n);
        Status status = data_open(spec, &d, &err);
        alloc_fail_after(-1);
        if (status == STATUS_OK) {
            assert_true(n > 2);
            data_free(d);
            return;
        }
        assert_int_equal(status, STATUS_NOMEM);
        assert_null(d);
        assert_true(err.msg[0] && n < 1000);
    }
}

#endif
