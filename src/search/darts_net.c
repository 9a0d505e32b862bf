// SPDX-License-Identifier: MIT
#include "src/base/alloc.h"
#include "src/search/darts.h"

static SupernetOptions supernet_options(const SearchContext *ctx, int stage)
{
    const SearchOptions *o = &ctx->options;
    const SpaceNet *net = &ctx->space->net;
    int own = net->kind == SKELETON_STAGES ? net->stage_cells : net->cells;
    return (SupernetOptions){ .height = ctx->train_feed.height,
                              .width = ctx->train_feed.width,
                              .cells = (o->cells > 0 ? o->cells : own) + stage * o->pdarts_cells,
                              .aux_skip = o->dartsminus > 0,
                              .partial = o->partial,
                              .edge_weights = o->edge_weights,
                              .skip_noise = (float)o->noisy_skip,
                              .skip_dropout = o->skip_dropout > 0,
                              .drop_path = o->drop_path > 0,
                              .cell_tables = o->layer_alignment };
}

static Status build(Darts *d, const SearchContext *ctx, int stage, Graph **graph, Error *err)
{
    SupernetOptions options = supernet_options(ctx, stage);
    PrunedSpace pruned;
    if (!pdarts_space(&d->alpha, &pruned))
        return error_set(err, STATUS_NOMEM, "no memory for the space of stage %d", stage);
    Status status = net_supernet(&pruned.space, &options, graph, err);
    pdarts_space_fini(&pruned);
    net_tables(ctx->space, &options, &d->tables);
    return status;
}

// What is as long as the weights or the tables of the net.
static Status open_arrays(Darts *d, Error *err)
{
    const SearchOptions *o = &d->t.ctx.options;
    size_t w = d->t.n_w + 1;
    bool second = o->order == ORDER_SECOND, weights = second || d->matching;
    d->table_stride = 0;
    for (int t = 0; t < d->alpha.types; t++)
        if (d->alpha.rows[t] * d->alpha.cols[t] > d->table_stride)
            d->table_stride = d->alpha.rows[t] * d->alpha.cols[t];
    size_t table = (size_t)d->tables.n_alpha * (size_t)d->table_stride;
    d->w0 = second ? mem_zero(w, sizeof(float)) : NULL;
    d->direction = weights ? mem_zero(w, sizeof(float)) : NULL;
    d->table_grad = o->layer_alignment ? mem_zero(table, sizeof(double)) : NULL;
    bool ok = (!weights || d->direction) && (!second || d->w0) &&
              (!o->layer_alignment || d->table_grad) &&
              (!d->matching || match_init(&d->match, d->t.plan, d->t.ctx.space));
    return ok ? STATUS_OK : error_set(err, STATUS_NOMEM, "no memory for the search");
}

void darts_close_net(Darts *d)
{
    match_fini(&d->match);
    mem_free(d->w0);
    mem_free(d->direction);
    mem_free(d->table_grad);
    d->w0 = d->direction = NULL;
    d->table_grad = NULL;
}

Status darts_open_net(Darts *d, const SearchContext *ctx, Error *err)
{
    Graph *graph = NULL;
    Status status = build(d, ctx, 0, &graph, err);
    d->first_batch = ctx->options.batch;
    if (status == STATUS_OK)
        status = trainer_open(&d->t, ctx, graph, err);
    return status == STATUS_OK ? open_arrays(d, err) : status;
}

Status darts_change_net(Darts *d, int stage, Error *err)
{
    Graph *graph = NULL;
    Status status = build(d, &d->t.ctx, stage, &graph, err);
    if (status != STATUS_OK)
        return status;
    darts_close_net(d);
    d->stage = stage;
    status = trainer_set_graph(&d->t, graph, stage, err);
    return status == STATUS_OK ? open_arrays(d, err) : status;
}
