// SPDX-License-Identifier: MIT
#include "src/run/history.h"

#include <limits.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/json.h"
#include "src/run/rundir.h"

enum { JOURNAL_LIMIT = INT_MAX };

typedef struct {
    Json **record;
    int64_t *step;
    int n, cap;
} History;

static bool is_history(const char *t)
{
    static const char *const kinds[] = { "alpha",    "signals", "epoch", "genotype",
                                         "gradient", "hessian", "trial", "cells" };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(t, kinds[i]) == 0)
            return true;
    return false;
}

static bool history_room(History *h)
{
    if (h->n < h->cap)
        return true;
    int cap = h->cap ? 2 * h->cap : 256;
    Json **record = mem_grow(h->record, (size_t)cap, sizeof *record);
    if (record)
        h->record = record;
    int64_t *step = record ? mem_grow(h->step, (size_t)cap, sizeof *step) : NULL;
    if (!step)
        return false;
    h->step = step;
    h->cap = cap;
    return true;
}

static void drop_later(History *h, int64_t step)
{
    while (h->n && h->step[h->n - 1] > step)
        json_free(h->record[--h->n]);
}

static Status take_line(History *h, const char *text, size_t len, Error *err)
{
    Json *record = json_parse(text, len, NULL); // a line that is none is skipped, as readers do
    const char *t = json_get_str(record, "t", "");
    int64_t step = json_get_int(record, "step", 0);
    if (strcmp(t, "state") == 0 && strcmp(json_get_str(record, "state", ""), "RESUMED") == 0)
        drop_later(h, step);
    if (!is_history(t)) {
        json_free(record);
        return STATUS_OK;
    }
    if (!history_room(h)) {
        json_free(record);
        return error_set(err, STATUS_NOMEM, "out of memory while copying the parent's journal");
    }
    h->record[h->n] = record;
    h->step[h->n++] = step;
    return STATUS_OK;
}

static void history_fini(History *h)
{
    drop_later(h, INT64_MIN);
    mem_free(h->record);
    mem_free(h->step);
}

Status history_copy(const char *run, int64_t step, const Sink *sink, Error *err)
{
    char path[PATH_MAX], *text;
    History h = { 0 };
    Status status = rundir_file(run, "journal.jsonl", path, err);
    if (status == STATUS_OK)
        status = file_read(path, JOURNAL_LIMIT, &text, NULL, err);
    if (status != STATUS_OK)
        return status;
    for (char *line = text, *end; status == STATUS_OK && (end = strchr(line, '\n')); line = end + 1)
        status = take_line(&h, line, (size_t)(end - line), err);
    mem_free(text);
    drop_later(&h, step);
    for (int i = 0; i < h.n && status == STATUS_OK; i++) {
        status = sink_emit(sink, h.record[i], err);
        h.record[i] = NULL;
    }
    history_fini(&h);
    return status;
}
