// SPDX-License-Identifier: MIT
#ifndef TESTS_BASE_TEMP_H
#define TESTS_BASE_TEMP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/file.h"

// A directory for one group of tests.

static char temp_dir[64];

static inline int temp_setup(void **state)
{
    (void)state;
    snprintf(temp_dir, sizeof temp_dir, "/tmp/dartboard-base-XXXXXX");
    return mkdtemp(temp_dir) ? 0 : -1;
}

static inline int temp_teardown(void **state)
{
    (void)state;
    return file_remove_tree(temp_dir, NULL) == STATUS_OK ? 0 : -1;
}

// Path below the directory; four can be in use at once.
static inline const char *temp_path(const char *name)
{
    static char paths[4][256];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", temp_dir, name);
    return path;
}

#endif
