// SPDX-License-Identifier: MIT
#include "src/run/runner.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/alloc.h"
#include "src/base/clock.h"
#include "src/base/file.h"
#include "src/run/checkpoint.h"
#include "src/run/control.h"
#include "src/run/copy.h"
#include "src/run/history.h"
#include "src/run/journal.h"
#include "src/run/rundir.h"

enum { PINNED = 64 };

typedef struct {
    RunDir dir;
    Journal *journal;
    Control *control;
    Session *session;
    SearchContext context;
    Sink sink; // journal, then the observer
    Search *search;
    const RunHooks *hooks;
    RunOutcome *out;
    int pinned[PINNED], n_pinned; // epochs whose checkpoints stay
    int best_epoch;
    double best_acc;
    bool alarm;     // an ALARM was journaled since the last look of act_on_alarm
    int good_epoch; // of that alarm
    int rollbacks;
    double started;
    bool finished; // leave the loop
} Runner;

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

static Status runner_emit(void *self, Json *record, Error *err)
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

static Status emit_state(Runner *r, const char *state, Error *err)
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

static Status emit_note(Runner *r, const char *text, Error *err)
{
    Json *record = json_new_object();
    json_put_str(record, "t", "note");
    json_put_str(record, "text", text);
    return runner_emit(r, record, err);
}

static Status emit_run(Runner *r, const char *fork_of, int fork_epoch, Error *err)
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

static Status save_epoch(Runner *r, int epoch, Error *err)
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
static Status save_now(Runner *r, Error *err)
{
    SearchProgress p;
    search_progress(r->search, &p);
    if (p.epoch_ended || p.step == 0)
        return save_epoch(r, p.epoch, err);
    Status status = checkpoint_write_now(r->dir.path, r->search, err);
    return status == STATUS_OK ? emit_checkpoint(r, p.epoch, CHECKPOINT_NOW, err) : status;
}

// ---- control -----------------------------------------------------------------------------------

static Status pause_run(Runner *r, Error *err)
{
    Status status = save_now(r, err);
    if (status == STATUS_OK)
        status = emit_state(r, "PAUSED", err);
    control_answer(r->control, status == STATUS_OK ? NULL : err ? err->msg : "failed");
    while (status == STATUS_OK) {
        ControlWord word = control_poll(r->control, 250);
        if (r->hooks->stop && atomic_load(r->hooks->stop)) {
            r->finished = true;
            return STATUS_OK;
        }
        if (word == CONTROL_NONE)
            continue;
        if (word == CONTROL_PAUSE || word == CONTROL_CHECKPOINT) {
            control_answer(r->control, NULL);
            continue;
        }
        control_answer(r->control, NULL);
        if (word == CONTROL_STOP)
            r->finished = true;
        else
            status = emit_state(r, "RUNNING", err);
        return status;
    }
    return status;
}

static Status obey(Runner *r, Error *err)
{
    Status status = STATUS_OK;
    switch (control_poll(r->control, 0)) {
    case CONTROL_NONE: break;
    case CONTROL_PAUSE: return pause_run(r, err);
    case CONTROL_RESUME: control_answer(r->control, "not paused"); break;
    case CONTROL_STOP:
        control_answer(r->control, NULL);
        r->finished = true;
        break;
    case CONTROL_CHECKPOINT:
        status = save_now(r, err);
        control_answer(r->control, status == STATUS_OK ? NULL : err ? err->msg : "failed");
        break;
    }
    return status;
}

// ---- the search --------------------------------------------------------------------------------

static Status open_search(Runner *r, Error *err)
{
    session_context(r->session, &r->context);
    r->context.sink = &r->sink;
    r->context.stop = r->hooks->stop;
    return search_new(&r->context, &r->search, err);
}

// Switches the remedy on: comma list of settings.
static Status apply_remedy(Settings *s, Error *err)
{
    char list[SETTING_TEXT];
    snprintf(list, sizeof list, "%s", s->health.remedy);
    char *save = NULL;
    for (char *item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        Status status = settings_assign(s, item, err);
        if (status != STATUS_OK) {
            error_wrap(err, "health.remedy");
            return status;
        }
    }
    return STATUS_OK;
}

static Status write_settings(const char *run, const Settings *s, Error *err)
{
    char path[PATH_MAX];
    Str yaml = { 0 };
    Status status = rundir_file(run, "run.yaml", path, err);
    if (status == STATUS_OK)
        status = settings_yaml(s, &yaml, err);
    if (status == STATUS_OK)
        status = file_write_atomic(path, yaml.text, yaml.len, err);
    str_fini(&yaml);
    return status;
}

static Status roll_back(Runner *r, Error *err)
{
    int epoch = checkpoint_before(r->dir.path, r->good_epoch);
    char text[700];
    if (epoch == INT_MIN)
        return emit_note(r, "no checkpoint to roll back to: going on", err);
    r->rollbacks++;
    Status status = apply_remedy(&r->session->settings, err);
    if (status == STATUS_OK)
        status = write_settings(r->dir.path, &r->session->settings, err);
    if (status != STATUS_OK)
        return status;
    search_free(r->search);
    r->search = NULL;
    status = open_search(r, err);
    if (status == STATUS_OK)
        status = checkpoint_load(r->dir.path, epoch, r->search, err);
    if (status != STATUS_OK)
        return status;
    snprintf(text, sizeof text, "rolled back to epoch %d with %s", epoch,
             r->session->settings.health.remedy);
    status = emit_state(r, "RESUMED", err);
    return status == STATUS_OK ? emit_note(r, text, err) : status;
}

static Status act_on_alarm(Runner *r, Error *err)
{
    const Settings *s = &r->session->settings;
    if (!r->alarm)
        return STATUS_OK;
    r->alarm = false;
    if (strcmp(s->health.on_alarm, "watch") == 0)
        return STATUS_OK;
    if (strcmp(s->health.on_alarm, "rollback") == 0 && r->rollbacks < s->health.max_rollbacks)
        return roll_back(r, err);
    r->finished = true;
    r->out->end = RUN_END_ALARM;
    return STATUS_OK;
}

static bool out_of_time(const Runner *r)
{
    double limit = r->session->settings.search.seconds;
    return limit > 0 && clock_mono() - r->started > limit;
}

static Status after_step(Runner *r, const SearchProgress *p, Error *err)
{
    const Settings *s = &r->session->settings;
    Status status = STATUS_OK;
    if (p->epoch_ended && ((p->epoch + 1) % s->run.checkpoint_every == 0 || p->done))
        status = save_epoch(r, p->epoch, err);
    if (status == STATUS_OK && p->epoch_ended)
        status = act_on_alarm(r, err);
    if (r->hooks->tick)
        r->hooks->tick(r->hooks->self, p);
    if (status == STATUS_OK && !r->finished)
        status = obey(r, err);
    if (out_of_time(r))
        r->finished = true;
    return status;
}

static Status search_loop(Runner *r, Error *err)
{
    SearchProgress p;
    search_progress(r->search, &p);
    r->out->end = RUN_END_DONE;
    while (!p.done && !r->finished) {
        Status status = search_step(r->search, &p, err);
        if (status == STATUS_STOPPED) {
            r->finished = true;
            break;
        }
        if (status == STATUS_OK)
            status = after_step(r, &p, err);
        if (status != STATUS_OK)
            return status;
        if (r->hooks->stop && atomic_load(r->hooks->stop))
            r->finished = true;
        search_progress(r->search, &p); // a roll-back moves it
    }
    if (p.done && r->out->end != RUN_END_ALARM)
        return STATUS_OK;
    if (r->out->end == RUN_END_DONE)
        r->out->end = RUN_END_STOPPED;
    return save_now(r, err);
}

static Status conclude(Runner *r, Error *err)
{
    RunOutcome *out = r->out;
    SearchProgress p;
    search_progress(r->search, &p);
    out->accuracy = p.valid_acc;
    out->verdict = p.verdict;
    out->cause = p.cause;
    out->seconds = clock_mono() - r->started;
    Status status = search_result(r->search, &out->geno, &out->value, err);
    if (status != STATUS_OK)
        return status;
    out->params = out->value.params;
    out->macs = out->value.macs;
    if (!isnan(out->value.accuracy))
        out->accuracy = out->value.accuracy;
    return emit_state(r, out->end == RUN_END_DONE ? "DONE" : "STOPPED", err);
}

static Status run_search(Runner *r, Error *err)
{
    Status status = search_loop(r, err);
    if (status == STATUS_OK)
        status = conclude(r, err);
    if (status != STATUS_OK && r->search)
        emit_state(r, "FAILED", NULL); // the reason is on its way to the user
    return status;
}

static void runner_init(Runner *r, Session *session, const RunHooks *hooks, RunOutcome *out)
{
    memset(out, 0, sizeof *out);
    *r = (Runner){ .dir.lock_fd = -1,
                   .session = session,
                   .hooks = hooks,
                   .out = out,
                   .best_epoch = INT_MIN,
                   .best_acc = -1,
                   .started = clock_mono() };
    r->sink = (Sink){ .self = r, .emit = runner_emit };
}

static void runner_fini(Runner *r)
{
    search_free(r->search);
    control_close(r->control);
    journal_close(r->journal);
    rundir_unlock(&r->dir);
}

static Status open_files(Runner *r, Error *err)
{
    char path[PATH_MAX];
    Status status = rundir_file(r->dir.path, "journal.jsonl", path, err);
    if (status == STATUS_OK)
        status = journal_open(path, &r->journal, err);
    if (status == STATUS_OK)
        status = control_open(r->dir.path, &r->control, err);
    snprintf(r->out->path, sizeof r->out->path, "%s", r->dir.path);
    return status;
}

// A directory for a new run, with its settings and scripts in it.
static Status make_directory(Runner *r, const char *space_path, const char *name, Error *err)
{
    const Settings *s = &r->session->settings;
    char made[160];
    snprintf(made, sizeof made, "%.64s-%s-s%lld", r->session->space->name, s->search.strategy,
             (long long)s->search.seed);
    for (char *c = made; *c; c++)
        if (*c == '/' || *c == ' ')
            *c = '-';
    Status status = rundir_create(s->run.dir, name ? name : made, name != NULL, &r->dir, err);
    if (status == STATUS_OK)
        status = write_settings(r->dir.path, s, err);
    if (status == STATUS_OK)
        status = copy_scripts(r->session->space, space_path, r->dir.path, err);
    return status == STATUS_OK ? open_files(r, err) : status;
}

// The parent's records up to the checkpoint. They are on its observer's screen already.
static Status inherit(Runner *r, const char *from, Error *err)
{
    SearchProgress p;
    search_progress(r->search, &p);
    const RunHooks *loud = r->hooks;
    RunHooks quiet = *loud;
    quiet.observer = (Sink){ 0 };
    r->hooks = &quiet;
    Status status = history_copy(from, p.step, &r->sink, err);
    r->hooks = loud;
    return status;
}

static Status begin(Runner *r, const char *fork_of, int fork_epoch, Error *err)
{
    Status status = emit_run(r, fork_of, fork_epoch, err);
    if (status == STATUS_OK)
        status = emit_state(r, "RUNNING", err);
    if (status == STATUS_OK)
        status = fork_of ? inherit(r, fork_of, err) : search_begin(r->search, err);
    if (status == STATUS_OK)
        status = save_now(r, err);
    if (status == STATUS_OK && r->hooks->ready)
        r->hooks->ready(r->hooks->self, r->dir.path);
    return status;
}

Status run_start(Session *session, const char *space_path, const char *name, const RunHooks *hooks,
                 RunOutcome *outcome, Error *err)
{
    Runner r;
    runner_init(&r, session, hooks, outcome);
    Status status = open_search(&r, err); // first: what is wrong here leaves no directory behind
    if (status == STATUS_OK)
        status = make_directory(&r, space_path, name, err);
    if (status == STATUS_OK)
        status = begin(&r, NULL, 0, err);
    if (status == STATUS_OK)
        status = run_search(&r, err);
    runner_fini(&r);
    return status;
}

typedef struct {
    const char *run;
    Status (*user)(void *self, Settings *settings, Error *err);
    void *self;
} Reopen;

static Status reopen_settings(void *self, Settings *settings, Error *err)
{
    Reopen *o = self;
    char path[PATH_MAX];
    Status status = rundir_file(o->run, "run.yaml", path, err);
    if (status == STATUS_OK)
        status = settings_load(settings, path, err);
    return status == STATUS_OK && o->user ? o->user(o->self, settings, err) : status;
}

Status run_session(const char *path, bool unseal, Status (*user)(void *, Settings *, Error *),
                   void *self, Session *session, Error *err)
{
    char script[PATH_MAX], lua[PATH_MAX];
    Reopen reopen = { .run = path, .user = user, .self = self };
    SessionRequest request = { .space_path = script,
                               .lua_dir = lua,
                               .user = reopen_settings,
                               .self = &reopen,
                               .unseal = unseal };
    Status status = rundir_file(path, "space.lua", script, err);
    if (status == STATUS_OK)
        status = rundir_file(path, "lua", lua, err);
    return status == STATUS_OK ? session_open(&request, session, err) : status;
}

// The newest state: the last epoch's checkpoint, or the one written between epochs if that is
// further (a crash may have left an older one behind).
static Status load_newest(Runner *r, Error *err)
{
    int epoch = checkpoint_before(r->dir.path, INT_MAX);
    if (epoch == INT_MIN)
        return error_set(err, STATUS_IO, "%s has no checkpoint to resume from", r->dir.path);
    SearchProgress now, whole;
    bool has_now = checkpoint_load_now(r->dir.path, r->search, NULL) == STATUS_OK;
    if (has_now)
        search_progress(r->search, &now);
    Status status = checkpoint_load(r->dir.path, epoch, r->search, err);
    if (status != STATUS_OK || !has_now)
        return status;
    search_progress(r->search, &whole);
    return now.step > whole.step ? checkpoint_load_now(r->dir.path, r->search, err) : STATUS_OK;
}

Status run_resume(const char *path, const RunHooks *hooks, RunOutcome *outcome, Error *err)
{
    Runner r;
    Session session;
    runner_init(&r, &session, hooks, outcome);
    Status status = rundir_lock(path, &r.dir, err);
    if (status != STATUS_OK)
        return status;
    status = run_session(path, false, NULL, NULL, &session, err);
    if (status != STATUS_OK) {
        rundir_unlock(&r.dir);
        return status;
    }
    status = open_search(&r, err);
    if (status == STATUS_OK)
        status = open_files(&r, err);
    if (status == STATUS_OK)
        status = load_newest(&r, err);
    if (status == STATUS_OK)
        status = emit_state(&r, "RESUMED", err);
    if (status == STATUS_OK && hooks->ready)
        hooks->ready(hooks->self, r.dir.path);
    if (status == STATUS_OK)
        status = run_search(&r, err);
    runner_fini(&r);
    session_close(&session);
    return status;
}

static Status fork_open(Runner *r, const ForkRequest *q, int epoch, Error *err)
{
    char script[PATH_MAX], name[PATH_MAX];
    const char *base = strrchr(q->from, '/');
    snprintf(name, sizeof name, "%s-fork", base ? base + 1 : q->from);
    Status status = open_search(r, err);
    if (status == STATUS_OK)
        status = checkpoint_load(q->from, epoch, r->search, err);
    if (status == STATUS_OK)
        status = rundir_create(r->session->settings.run.dir, q->name ? q->name : name,
                               q->name != NULL, &r->dir, err);
    if (status == STATUS_OK)
        status = write_settings(r->dir.path, &r->session->settings, err);
    if (status == STATUS_OK)
        status = rundir_file(q->from, "space.lua", script, err);
    if (status == STATUS_OK)
        status = copy_scripts(r->session->space, script, r->dir.path, err);
    return status == STATUS_OK ? open_files(r, err) : status;
}

int run_fork_epoch(const char *path, int epoch)
{
    return checkpoint_before(path, epoch);
}

Status run_fork(const ForkRequest *q, const RunHooks *hooks, RunOutcome *outcome, Error *err)
{
    Runner r;
    Session session;
    int epoch = checkpoint_before(q->from, q->epoch);
    if (epoch == INT_MIN)
        return error_set(err, STATUS_ARG, "%s has no checkpoint at or before epoch %d", q->from,
                         q->epoch);
    if (q->at)
        *q->at = epoch;
    Status status = run_session(q->from, false, q->user, q->self, &session, err);
    if (status != STATUS_OK)
        return status;
    runner_init(&r, &session, hooks, outcome);
    status = fork_open(&r, q, epoch, err);
    if (status == STATUS_OK)
        status = begin(&r, q->from, epoch, err);
    if (status == STATUS_OK)
        status = run_search(&r, err);
    runner_fini(&r);
    session_close(&session);
    return status;
}
