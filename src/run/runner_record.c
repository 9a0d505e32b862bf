// SPDX-License-Identifier: MIT
// What a run writes: records and checkpoints.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/run/checkpoint.h"
#include "src/run/runner_state.h"

// ---- records -----------------------------------------------------------------------------------

static void pin(Runner *r, int epoch)
{
    for (int i = 0; i < r->n_pinned; i++)
        if (r->pinned[i] == epoch)
            return;
    if (r->n_pinned < PINNED)
        r->pinned[r->n_pinned++] = epoch;
}

// What the runner itself needs to know of a record that passes by.
static void notice(Runner *r, const Json *record)
{
    const char *t = json_get_str(record, "t", "");
    if (strcmp(t, "alarm") == 0) {
        int good = (int)json_get_int(record, "good_epoch", -1);
        int kept = checkpoint_before(r->dir.path, good);
        pin(r, kept);
        if (strcmp(json_get_str(record, "level", ""), "ALARM") == 0) {
            r->alarm = true;
            r->good_epoch = good;
        }
    } else if (strcmp(t, "epoch") == 0) {
        double acc = json_get_num(json_get(record, "valid"), "acc", NAN);
        if (acc > r->best_acc) {
            r->best_acc = acc;
            r->best_epoch = (int)json_get_int(record, "epoch", -1);
        }
    }
}

Status runner_emit(void *self, Json *record, Error *err)
{
    Runner *r = self;
    if (!record)
        return error_set(err, STATUS_NOMEM, "out of memory while recording");
    Status status = journal_append(r->journal, record, err);
    if (status == STATUS_OK && strcmp(json_get_str(record, "t", ""), "epoch") == 0)
        status = journal_sync(r->journal, err);
    notice(r, record);
    if (status == STATUS_OK)
        return sink_emit(&r->hooks->observer, record, err);
    json_free(record);
    return status;
}

Status emit_state(Runner *r, const char *state, Error *err)
{
    SearchProgress p;
    search_progress(r->search, &p);
    Json *record = json_new_object();
    json_put_str(record, "t", "state");
    json_put_str(record, "state", state);
    json_put_int(record, "epoch", p.epoch);
    json_put_int(record, "step", p.step);
    json_put_num(record, "wall", floor(clock_wall()));
    Status status = runner_emit(r, record, err);
    return status == STATUS_OK ? journal_sync(r->journal, err) : status;
}

Status emit_note(Runner *r, const char *text, Error *err)
{
    Json *record = json_new_object();
    json_put_str(record, "t", "note");
    json_put_str(record, "text", text);
    return runner_emit(r, record, err);
}

Status emit_run(Runner *r, const char *fork_of, int fork_epoch, Error *err)
{
    const Settings *s = &r->session->settings;
    const char *name = strrchr(r->dir.path, '/');
    char host[128] = "?";
    gethostname(host, sizeof host - 1);
    Json *record = json_new_object();
    json_put_str(record, "t", "run");
    json_put_int(record, "v", 1);
    json_put_str(record, "name", name ? name + 1 : r->dir.path);
    json_put_str(record, "space", r->session->space->name);
    json_put_str(record, "data", s->data.name);
    json_put_int(record, "seed", s->search.seed);
    search_describe(r->search, record);
    if (fork_of) {
        json_put_str(record, "fork_of", fork_of);
        json_put_int(record, "fork_epoch", fork_epoch);
    }
    json_put_str(record, "host", host);
    json_put_str(record, "version", DARTBOARD_VERSION);
    json_put_num(record, "wall", floor(clock_wall()));
    return runner_emit(r, record, err);
}

// ---- checkpoints -------------------------------------------------------------------------------

static Status emit_checkpoint(Runner *r, int epoch, const char *file, Error *err)
{
    Json *record = json_new_object();
    json_put_str(record, "t", "checkpoint");
    json_put_int(record, "epoch", epoch);
    json_put_str(record, "file", file);
    return runner_emit(r, record, err);
}

Status save_epoch(Runner *r, int epoch, Error *err)
{
    char name[CHECKPOINT_NAME];
    Status status = checkpoint_write(r->dir.path, epoch, r->search, err);
    if (status != STATUS_OK)
        return status;
    checkpoint_drop_now(r->dir.path);
    const Settings *s = &r->session->settings;
    if (r->best_epoch > INT_MIN)
        pin(r, r->best_epoch);
    checkpoint_prune(r->dir.path, s->run.keep,
                     s->health.rise_epochs + s->health.slow_hold + s->health.looks, r->pinned,
                     r->n_pinned);
    checkpoint_name(epoch, name);
    return emit_checkpoint(r, epoch, name, err);
}

// Between epochs: the state goes to a file of its own, so that "after epoch e" stays what it says.
Status save_now(Runner *r, Error *err)
{
    SearchProgress p;
    search_progress(r->search, &p);
    if (p.epoch_ended || p.step == 0)
        return save_epoch(r, p.epoch, err);
    Status status = checkpoint_write_now(r->dir.path, r->search, err);
    return status == STATUS_OK ? emit_checkpoint(r, p.epoch, CHECKPOINT_NOW, err) : status;
}
