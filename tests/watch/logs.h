// SPDX-License-Identifier: MIT
#ifndef TESTS_WATCH_LOGS_H
#define TESTS_WATCH_LOGS_H

#include "tests/watch/read.h"

// One text log at a time, read into `model`.

static Model model;

static inline const ModelRun *read_text(const char *text)
{
    read_with(&log_reader, NULL, text, strlen(text), &model);
    return model.n ? model.runs[0] : NULL;
}

static inline int tidy(void **state)
{
    (void)state;
    model_free(&model);
    return 0;
}

static inline int skips_at(const ModelRun *run, const char *cell, int epoch)
{
    const GenoRow *row = model_geno(run, model_cell_index(run, cell), epoch);
    return row && row->epoch == epoch ? row->skips : -1;
}

#endif
