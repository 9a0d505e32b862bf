// SPDX-License-Identifier: MIT
#ifndef TESTS_ARCH_LOGS_H
#define TESTS_ARCH_LOGS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/arch/arch.h"
#include "src/base/alloc.h"
#include "src/base/file.h"

// Public search logs lie beside the repository where it is developed; tests that need them are
// skipped elsewhere.
static inline char *log_text(const char *name)
{
    char path[256], *text = NULL;
    snprintf(path, sizeof path, "../shared/data/logs/%s", name);
    if (!file_exists(path))
        return NULL;
    assert_int_equal(file_read(path, 16 << 20, &text, NULL, NULL), STATUS_OK);
    return text;
}

// "skip_connect@0 ..." of a cell's genes, in text order.
static inline void genes_text(const GenoCell *cell, Str *out)
{
    str_clear(out);
    for (int i = 0; i < cell->n_edges; i++)
        str_addf(out, "%s%s@%d", i ? " " : "", cell->edges[i].op, cell->edges[i].from);
}

#endif
