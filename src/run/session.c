// SPDX-License-Identifier: MIT
#include "src/run/session.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/run/objective.h"
#include "src/script/script.h"

Status session_find_space(const char *name, char *path, Error *err)
{
    const char *lua = str_ends(name, ".lua") ? "" : ".lua";
    bool bare = !strchr(name, '/') && *lua;
    if (!bare) {
        snprintf(path, PATH_MAX, "%s", name);
        if (file_exists(path) && !file_is_dir(path))
            return STATUS_OK;
        return error_set(err, STATUS_ARG, "no space script at %s", name);
    }
    snprintf(path, PATH_MAX, "spaces/%s.lua", name);
    if (file_exists(path))
        return STATUS_OK;
    snprintf(path, PATH_MAX, "%s/spaces/%s.lua", file_share_dir(), name);
    if (file_exists(path))
        return STATUS_OK;
    return error_set(err, STATUS_ARG,
                     "no space '%s': looked for spaces/%s.lua here and in %s; 'dartboard' alone "
                     "lists the spaces",
                     name, name, file_share_dir());
}

static Status apply_defaults(Settings *s, const Space *space, Error *err)
{
    if (space->data)
        snprintf(s->data.name, sizeof s->data.name, "%s", space->data);
    Status status = STATUS_OK;
    for (int i = 0; i < space->n_defaults && status == STATUS_OK; i++)
        status = settings_set(s, space->defaults[i].key, space->defaults[i].value, space->path,
                              space->defaults[i].line, err);
    return status;
}

static Status open_data(Session *s, bool unseal, Error *err)
{
    Settings *set = &s->settings;
    if (!set->data.name[0])
        return error_set(
            err, STATUS_ARG,
            "no image set: name one with data = \"…\" in the space or --set data.name=…");
    DataSpec spec = { .name = set->data.name,
                      .path = set->data.path[0] ? set->data.path : NULL,
                      .channels = s->space->channels == 1 ? 1 : 3 };
    Status status = data_open(&spec, &s->data, err);
    if (status != STATUS_OK)
        return status;
    if (set->data.hash[0] && strcmp(set->data.hash, s->data->hash) != 0)
        return error_set(err, STATUS_ARG,
                         "data %s has changed since the run began (hash %s, expected %s)",
                         set->data.name, s->data->hash, set->data.hash);
    snprintf(set->data.hash, sizeof set->data.hash, "%s", s->data->hash);
    if (set->data.path[0]) {
        char real[PATH_MAX];
        if (realpath(set->data.path, real) && strlen(real) < sizeof set->data.path)
            memcpy(set->data.path, real, strlen(real) + 1);
    }
    if (s->data->classes > s->space->classes)
        return error_set(err, STATUS_ARG, "%s has %d classes, the space expects %d", set->data.name,
                         s->data->classes, s->space->classes);
    SplitOptions split = split_defaults();
    status = split_kind_parse(set->data.split, &split.kind, err);
    if (status != STATUS_OK)
        return status;
    split.valid = unseal ? 0 : set->data.valid; // a retraining uses all images for weights
    split.test = set->data.test;
    split.subset = unseal ? 0 : set->data.subset;
    split.seed = (uint64_t)set->search.seed;
    return unseal ? split_unseal(s->data, &split, &s->split, err)
                  : split_new(s->data, &split, &s->split, err);
}

// The derivation rule of all cells, where the settings name one.
static Status set_derive(const Settings *set, Space *space, Error *err)
{
    if (strcmp(set->search.derive, "auto") == 0)
        return STATUS_OK;
    bool top = strcmp(set->search.derive, "top") == 0;
    SpaceCell *cells = arena_alloc(&space->arena, (size_t)space->n_cells, sizeof *cells);
    if (!cells)
        return error_set(err, STATUS_NOMEM, "no memory for the cells of %s", space->name);
    memcpy(cells, space->cells, (size_t)space->n_cells * sizeof *cells);
    for (int t = 0; t < space->n_cells; t++)
        cells[t].derive = top ? DERIVE_TOP : DERIVE_ARGMAX;
    space->cells = cells;
    Status status = space_validate(space, err);
    return status == STATUS_OK ? status : error_wrap(err, "search.derive=%s", set->search.derive);
}

// Anything but the one built-in objective, validation accuracy upwards.
static bool needs_script(const Space *space)
{
    return space->has_objective_fn || space->n_objectives > 1 ||
           (space->n_objectives == 1 &&
            (strcmp(space->objectives[0].name, "accuracy") != 0 || !space->objectives[0].maximize));
}

static Status open_session(const SessionRequest *request, Session *s, Error *err)
{
    settings_default(&s->settings);
    ScriptOptions script = { .lua_dir = request->lua_dir };
    Status status = script_load_space_guarded(request->space_path, &script, &s->space, err);
    if (status == STATUS_OK && s->space->n_layers > 0 && !request->unseal)
        status = error_set(err, STATUS_ARG,
                           "%s is a fixed network, there is nothing to search; train it with: "
                           "dartboard retrain %s",
                           s->space->name, request->space_path);
    if (status == STATUS_OK)
        status = apply_defaults(&s->settings, s->space, err);
    if (status == STATUS_OK && request->user)
        status = request->user(request->self, &s->settings, err);
    if (status == STATUS_OK)
        status = settings_check(&s->settings, err);
    if (status == STATUS_OK)
        status = set_derive(&s->settings, s->space, err);
    if (status == STATUS_OK)
        status = open_data(s, request->unseal, err);
    if (status == STATUS_OK && needs_script(s->space))
        status = objective_open(request->space_path, request->lua_dir, s, &s->objective, err);
    return status;
}

Status session_open(const SessionRequest *request, Session *s, Error *err)
{
    memset(s, 0, sizeof *s);
    Status status = open_session(request, s, err);
    if (status != STATUS_OK)
        session_close(s);
    return status;
}

void session_close(Session *s)
{
    objective_close(s->objective);
    split_fini(&s->split);
    data_free(s->data);
    space_free(s->space);
    memset(s, 0, sizeof *s);
}

// Published statistics where there are some and the setting is auto; else of the training images.
static void set_normalise(const Session *s, FeedOptions *feed)
{
    feed->normalise = NORMALISE_GIVEN;
    if (strcmp(s->settings.data.normalise, "none") == 0)
        feed->normalise = NORMALISE_NONE;
    else if (strcmp(s->settings.data.normalise, "auto") != 0 ||
             !data_published(s->data, feed->mean, feed->std))
        data_statistics(s->data, s->split.train, s->split.n_train, feed->mean, feed->std);
}

static int at_most_half(int cutout, int side)
{
    return cutout > side / 2 ? side / 2 : cutout;
}

static void set_feeds(const Session *s, SearchContext *c)
{
    const Settings *set = &s->settings;
    int side = set->data.resize;
    FeedOptions feed = { .batch = set->data.batch,
                         .shuffle = true,
                         .height = side ? side : s->space->height,
                         .width = side ? side : s->space->width,
                         .channels = s->space->channels };
    if (set->data.augment) {
        feed.crop = set->data.crop;
        feed.flip = set->data.flip;
        feed.cutout = at_most_half(set->data.cutout, feed.height);
    }
    set_normalise(s, &feed);
    c->train_feed = c->valid_feed = feed;
}

static void set_weights_and_alpha(const Settings *set, SearchOptions *o)
{
    o->w.lr = set->search.w.lr;
    o->w.lr_min = set->search.w.lr_min;
    o->w.momentum = set->search.w.momentum;
    o->w.decay = set->search.w.decay;
    o->w.clip = set->search.w.clip;
    o->w.nesterov = set->search.w.nesterov;
    o->alpha.lr = set->search.alpha.lr;
    o->alpha.beta1 = set->search.alpha.beta1;
    o->alpha.beta2 = set->search.alpha.beta2;
    o->alpha.decay = set->search.alpha.decay;
    o->alpha.init = set->search.alpha.init;
    o->alpha.clip = set->search.alpha.clip;
}

static void set_remedies(const Settings *set, SearchOptions *o)
{
    o->beta_decay = set->search.beta_decay;
    o->dartsminus = set->search.dartsminus;
    o->skip_dropout = set->search.skip_dropout;
    o->skip_cap = set->search.skip_cap;
    o->drop_path = set->search.drop_path;
    o->sdarts_rs = set->search.sdarts_rs;
    o->fair = set->search.fair;
    o->fair_weight = set->search.fair_weight;
    o->fair_threshold = set->search.fair_threshold;
    o->partial = set->search.partial;
    o->edge_weights = set->search.edge_weights;
    o->noisy_skip = set->search.noisy_skip;
    o->oles = set->search.oles;
    o->gdas_tau = set->search.gdas_tau;
    o->gdas_tau_min = set->search.gdas_tau_min;
    o->sgas = set->search.sgas;
    o->sgas_batch = set->search.sgas_batch;
    o->pt = set->search.pt;
    o->pdarts_stages = set->search.pdarts_stages;
    o->pdarts_cells = set->search.pdarts_cells;
    o->pdarts_dropout = set->search.pdarts_dropout;
}

static void set_options(const Session *s, SearchOptions *o)
{
    const Settings *set = &s->settings;
    o->strategy = set->search.strategy;
    o->epochs = set->search.epochs;
    o->warmup_epochs = set->search.warmup_epochs;
    o->cells = set->search.cells;
    o->batch = set->data.batch;
    o->order = strcmp(set->search.order, "second") == 0 ? ORDER_SECOND : ORDER_FIRST;
    o->step_order =
        strcmp(set->search.step_order, "w-first") == 0 ? STEP_W_FIRST : STEP_ALPHA_FIRST;
    o->seed = (uint64_t)set->search.seed;
    o->threads = set->run.threads;
    o->isa = set->run.isa[0] ? set->run.isa : NULL;
    o->recompute = set->run.recompute;
    o->look_steps = set->health.look_steps;
    set_weights_and_alpha(set, o);
    set_remedies(set, o);
    o->hessian_every = set->search.hessian_every;
    o->gradient_match = set->search.gradient_match;
    o->layer_alignment = set->search.layer_alignment;
    o->discretisation = set->search.discretisation;
    o->trials = set->search.trials;
    o->population = set->search.population;
    o->sample = set->search.sample;
    o->share_epochs = set->search.share_epochs;
    o->bn_batches = set->search.bn_batches;
    o->score_batches = set->search.score_batches;
}

static void set_limits(const Settings *set, HealthLimits *h)
{
    health_limits_default(h);
    h->looks = set->health.looks;
    h->clear = set->health.clear;
    h->t_watch = set->health.t_watch;
    h->t_warn = set->health.t_warn;
    h->skips = set->health.skips;
    h->parameter_free = set->health.parameter_free;
    h->rise = set->health.rise;
    h->rise_epochs = set->health.rise_epochs;
    h->slow_hold = set->health.slow_hold;
    h->depth_epochs = set->health.depth_epochs;
    h->lambda_ratio = set->health.lambda_ratio;
    h->warmup_epochs = set->search.warmup_epochs;
    h->epochs = set->search.epochs;
}

void session_context(const Session *s, SearchContext *c)
{
    memset(c, 0, sizeof *c);
    c->space = s->space;
    c->data = s->data;
    c->split = &s->split;
    set_feeds(s, c);
    set_options(s, &c->options);
    set_limits(&s->settings, &c->health);
    if (s->objective)
        c->objective = objective_as_search(s->objective);
}

void session_retrain_feeds(const Session *s, FeedOptions *train, FeedOptions *test)
{
    const Settings *set = &s->settings;
    bool fixed = s->space->n_layers > 0; // made for one size of images
    FeedOptions feed = { .batch = set->retrain.batch,
                         .height = fixed ? s->space->height : s->data->height,
                         .width = fixed ? s->space->width : s->data->width,
                         .channels = s->space->channels };
    set_normalise(s, &feed);
    *test = feed;
    feed.shuffle = true;
    feed.drop_last = true;
    feed.crop = set->retrain.crop;
    feed.flip = set->retrain.flip;
    feed.cutout = at_most_half(set->retrain.cutout, feed.height);
    feed.seed = (uint64_t)set->search.seed;
    *train = feed;
}

void session_retrain_options(const Session *s, RetrainOptions *o)
{
    const Settings *set = &s->settings;
    *o = (RetrainOptions){ .epochs = set->retrain.epochs,
                           .cells = set->retrain.cells,
                           .channels = set->retrain.channels,
                           .batch = set->retrain.batch,
                           .threads = set->run.threads,
                           .lr = set->retrain.lr,
                           .lr_min = set->retrain.lr_min,
                           .momentum = set->retrain.momentum,
                           .decay = set->retrain.decay,
                           .clip = set->retrain.clip,
                           .drop_path = set->retrain.drop_path,
                           .aux_weight = set->retrain.aux_weight,
                           .smoothing = set->retrain.smoothing,
                           .aux = set->retrain.aux,
                           .seed = (uint64_t)set->search.seed,
                           .isa = set->run.isa[0] ? set->run.isa : NULL,
                           .recompute = set->run.recompute };
}
