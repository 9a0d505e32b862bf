// SPDX-License-Identifier: MIT
// What changes between epochs of a search: the stages of P-DARTS, the batches of SGAS.
#include <math.h>
#include <string.h>

#include "src/search/darts.h"
#include "src/search/record.h"

int darts_epoch(const Darts *d)
{
    return d->t.epoch + 1 - d->stage * d->t.ctx.options.epochs;
}

bool darts_carries(const Darts *d)
{
    return d->stage > 0 && d->alpha.steps == 0;
}

// The batch that the decisions so far ask for.
static Status set_batch(Darts *d, Error *err)
{
    const Split *split = d->t.ctx.split;
    int images = split->n_train < split->n_valid ? split->n_train : split->n_valid;
    int step = d->t.ctx.options.sgas_batch;
    int batch = sgas_batch(d->first_batch, step, d->sgas.decisions, images);
    Status status = trainer_set_batch(&d->t, batch, err);
    return status == STATUS_OK ? status : error_wrap(err, "search.sgas_batch=%d", step);
}

static Status emit_cells(const Darts *d, Error *err)
{
    Json *record = record_new("cells", d->t.epoch + 1);
    json_put_int(record, "step", d->t.step + 1); // of the step that begins with it
    json_put_int(record, "stage", d->stage);
    json_put_int(record, "depth", d->tables.cells);
    json_put(record, "cells", record_cells(d->t.ctx.space, d->alpha.used));
    return sink_emit(d->t.ctx.sink, record, err);
}

// The weakest operators go, everything else begins anew in a deeper net.
static Status next_stage(Darts *d, Error *err)
{
    const SearchOptions *o = &d->t.ctx.options;
    darts_update_effective(d);
    memcpy(d->carried, d->effective, (size_t)d->alpha.n_alpha * sizeof *d->carried);
    weights_forward(&d->alpha, d->kind, d->p);
    pdarts_drop(&d->alpha, d->p, d->stage, o->pdarts_stages);
    alpha_restart(&d->alpha, o->alpha.init, o->seed, d->stage + 1);
    Status status = darts_change_net(d, d->stage + 1, err);
    if (status != STATUS_OK)
        return error_wrap(err, "stage %d of P-DARTS", d->stage);
    d->alignment_sum = 0;
    d->alignment_n = 0;
    for (int t = 0; t < SPACE_CELLS; t++)
        d->lead[t] = NAN;
    return emit_cells(d, err);
}

Status darts_advance(Darts *d, Error *err)
{
    const SearchOptions *o = &d->t.ctx.options;
    if (d->t.epoch_step != 0)
        return STATUS_OK;
    if (darts_epoch(d) == o->epochs && d->stage + 1 < o->pdarts_stages)
        return next_stage(d, err);
    return o->sgas ? set_batch(d, err) : STATUS_OK;
}
