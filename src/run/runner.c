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
#include "src/run/copy.h"
#include "src/run/history.h"
#include "src/run/runner_state.h"

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
