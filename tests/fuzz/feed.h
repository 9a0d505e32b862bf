// SPDX-License-Identifier: MIT
#ifndef FUZZ_FEED_H
#define FUZZ_FEED_H

#include <assert.h>
#include <limits.h>
#include <math.h>

#include "src/watch/reader.h"

// Feeds bytes to a reader in two pieces and checks what must hold of any model.
static inline void feed_check_run(const ModelRun *run)
{
    for (int i = 1; i < run->n_rows; i++)
        assert(run->rows[i - 1].epoch < run->rows[i].epoch);
    for (int c = 0; c < run->n_cells; c++) {
        const ModelCell *cell = &run->cells[c];
        assert(cell->shape.n_edges <= HEALTH_EDGES && cell->shape.n_ops <= HEALTH_OPS);
        for (int i = 1; i < cell->n_looks; i++)
            assert(cell->looks[i - 1].epoch <= cell->looks[i].epoch);
        for (int i = 1; i < cell->n_genos; i++)
            assert(cell->genos[i - 1].epoch < cell->genos[i].epoch);
    }
    assert(health_verdict(run->health, NULL) <= VERDICT_DEAD);
    (void)model_eta(run);
}

static inline void feed_reader(const ReaderKind *kind, const char *data, size_t len)
{
    Model model = { 0 };
    SourceOptions options = { .majority = NAN, .until_epoch = INT_MAX };
    void *reader;
    Error err = { 0 };
    Status status = kind->open(&model, &options, "input", "input", &reader, &err);
    assert(status == STATUS_OK);
    size_t half = len / 2;
    status = kind->feed(reader, data, half, &err);
    assert(status == STATUS_OK);
    status = kind->idle(reader, false, &err);
    assert(status == STATUS_OK);
    half -= kind->unread(reader);
    status = kind->feed(reader, data + half, len - half, &err);
    assert(status == STATUS_OK);
    status = kind->idle(reader, true, &err);
    assert(status == STATUS_OK);
    kind->close(reader);
    for (int r = 0; r < model.n; r++) {
        model_settle(model.runs[r]);
        feed_check_run(model.runs[r]);
    }
    model_free(&model);
}

#endif
