// SPDX-License-Identifier: MIT
#ifndef TESTS_VIEW_SCREEN_H
#define TESTS_VIEW_SCREEN_H

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/watch/reader.h"
#include "ui/view/view.h"

// A recorded journal read into a model, and a view drawn from it.

static inline bool screen_load(Model *model, const char *file)
{
    char path[256], *text;
    size_t len;
    void *self;
    SourceOptions options = { .majority = NAN, .until_epoch = INT_MAX };
    snprintf(path, sizeof path, "tests/runs/%s", file);
    if (file_read(path, 1 << 24, &text, &len, NULL))
        return false;
    bool ok = journal_reader.open(model, &options, path, file, &self, NULL) == STATUS_OK;
    if (ok) {
        ok = journal_reader.feed(self, text, len, NULL) == STATUS_OK &&
             journal_reader.idle(self, true, NULL) == STATUS_OK;
        journal_reader.close(self);
    }
    mem_free(text);
    for (int i = 0; i < model->n; i++)
        model_settle(model->runs[i]);
    return ok && model->n > 0;
}

static inline ViewContext screen_context(const Model *model)
{
    return (ViewContext){ .model = model,
                          .run = model->n ? model->runs[model->n - 1] : NULL,
                          .epoch = INT_MAX,
                          .now = 1767229200.0, // an hour after the runs begin
                          .filter = "",
                          .focus = VIEW_OVERVIEW };
}

static inline bool screen_open(Grid *grid, int rows, int cols, GlyphTier glyphs)
{
    *grid = (Grid){ 0 };
    if (!grid_resize(grid, rows, cols))
        return false;
    grid->glyphs = glyphs;
    grid->ascii_only = glyphs == GLYPHS_ASCII;
    return true;
}

#endif
