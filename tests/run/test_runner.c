// SPDX-License-Identifier: MIT
// Whole runs on a tiny space: what a user may do to one must not change its numbers.
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/base/alloc.h"
#include "src/base/clock.h"
#include "src/base/file.h"
#include "src/base/json.h"
#include "src/base/rng.h"
#include "src/base/str.h"
#include "src/run/checkpoint.h"
#include "src/run/control.h"
#include "src/run/rundir.h"
#include "src/run/runner.h"

static char temp[64] = "/tmp/dartboard-run-XXXXXX";

static int make_temp(void **state)
{
    char here[PATH_MAX];
    (void)state;
    if (!getcwd(here, sizeof here) || setenv("DARTBOARD_SHARE", here, 1) != 0)
        return -1;
    return mkdtemp(temp) ? 0 : -1;
}

static int drop_temp(void **state)
{
    (void)state;
    return file_remove_tree(temp, NULL) == STATUS_OK ? 0 : -1;
}

// ---- running
// --------------------------------------------------------------------------------------

typedef struct {
    const char *strategy, *more; // more: other settings, a blank between two; NULL none
} Wish;

static Status apply(void *self, Settings *s, Error *err)
{
    const Wish *wish = self;
    Status status = settings_set(s, "run.dir", temp, NULL, 0, err);
    if (status == STATUS_OK)
        status = settings_set(s, "search.strategy", wish->strategy, NULL, 0, err);
    char more[256], *save = NULL;
    snprintf(more, sizeof more, "%s", wish->more ? wish->more : "");
    for (char *word = strtok_r(more, " ", &save); word && status == STATUS_OK;
         word = strtok_r(NULL, " ", &save))
        status = settings_assign(s, word, err);
    return status;
}

static Status run_hooked(const char *name, const Wish *wish, const RunHooks *hooks, RunOutcome *out,
                         Error *err)
{
    Session session;
    SessionRequest request = { .space_path = "tests/run/tiny.lua",
                               .user = apply,
                               .self = (void *)wish };
    Status status = session_open(&request, &session, err);
    if (status != STATUS_OK)
        return status;
    status = run_start(&session, "tests/run/tiny.lua", name, hooks, out, err);
    session_close(&session);
    return status;
}

static Status run_tiny(const char *name, const Wish *wish, RunOutcome *out, Error *err)
{
    return run_hooked(name, wish, &(RunHooks){ 0 }, out, err);
}

static RunOutcome outcome; // too large for a stack frame

static void run_whole(const char *name, const Wish *wish)
{
    Error err = { 0 };
    if (run_tiny(name, wish, &outcome, &err) != STATUS_OK)
        fail_msg("%s: %s", name, err.msg);
}

static void path_of(const char *name, char *path)
{
    snprintf(path, PATH_MAX, "%s/%s", temp, name);
}

// ---- comparing journals
// -----------------------------------------------------------------------------

// Records that carry numbers, one line each, times left out; RESUMED drops those of later steps.
typedef struct {
    char **line;
    int64_t *step;
    int n, cap;
} Records;

static void records_free(Records *r)
{
    for (int i = 0; i < r->n; i++)
        mem_free(r->line[i]);
    mem_free(r->line);
    mem_free(r->step);
    *r = (Records){ 0 };
}

static bool is_data(const char *t)
{
    static const char *const kinds[] = { "alpha",    "epoch",   "genotype", "signals", "trial",
                                         "gradient", "hessian", "alarm",    "cells" };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(t, kinds[i]) == 0)
            return true;
    return false;
}

static bool copy_member(void *self, const char *key, const Json *value)
{
    if (strcmp(key, "seconds") == 0 || strcmp(key, "wall") == 0)
        return true;
    Str text = { 0 };
    json_write(value, &text, NULL);
    str_addf(self, "%s=%s ", key, str_text(&text));
    str_fini(&text);
    return true;
}

static void add_record(Records *r, const Json *record, int64_t step)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->line = mem_grow(r->line, (size_t)r->cap, sizeof *r->line);
        r->step = mem_grow(r->step, (size_t)r->cap, sizeof *r->step);
    }
    Str line = { 0 };
    json_each(record, copy_member, &line);
    r->line[r->n] = line.text;
    r->step[r->n++] = step;
}

static void take_line(Records *r, const char *text, size_t len)
{
    Json *record = json_parse(text, len, NULL);
    const char *t = json_get_str(record, "t", "");
    int64_t step = json_get_int(record, "step", -1);
    if (is_data(t) && step < 0)
        fail_msg("no step, so no reader knows whether a resume undid it: %.*s", (int)len, text);
    if (strcmp(t, "state") == 0 && strcmp(json_get_str(record, "state", ""), "RESUMED") == 0) {
        while (r->n && r->step[r->n - 1] > step)
            mem_free(r->line[--r->n]);
        // What stands at exactly this step was written before the checkpoint and stays.
    } else if (is_data(t)) {
        add_record(r, record, step);
    }
    json_free(record);
}

static void read_journal(const char *name, Records *r)
{
    char path[PATH_MAX], file[PATH_MAX], *text;
    size_t len;
    path_of(name, path);
    assert_int_equal(rundir_file(path, "journal.jsonl", file, NULL), STATUS_OK);
    assert_int_equal(file_read(file, 64 << 20, &text, &len, NULL), STATUS_OK);
    *r = (Records){ 0 };
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
        take_line(r, line, (size_t)(end - line));
    mem_free(text);
}

static void assert_same_journals(const char *a, const char *b)
{
    Records ra, rb;
    read_journal(a, &ra);
    read_journal(b, &rb);
    for (int i = 0; i < ra.n && i < rb.n; i++)
        if (strcmp(ra.line[i], rb.line[i]) != 0)
            fail_msg("record %d of %s and %s:\n%s\n%s", i, a, b, ra.line[i], rb.line[i]);
    assert_true(ra.n > 10);
    assert_int_equal(ra.n, rb.n);
    records_free(&ra);
    records_free(&rb);
}

static void assert_same_checkpoints(const char *a, const char *b)
{
    char pa[PATH_MAX], pb[PATH_MAX], name[CHECKPOINT_NAME], fa[PATH_MAX], fb[PATH_MAX];
    int epochs[64];
    path_of(a, pa);
    path_of(b, pb);
    int n = checkpoint_list(pa, epochs, 64);
    assert_true(n > 1);
    for (int i = 0; i < n; i++) {
        char *x, *y;
        size_t nx, ny;
        checkpoint_name(epochs[i], name);
        rundir_file(pa, name, fa, NULL);
        rundir_file(pb, name, fb, NULL);
        assert_int_equal(file_read(fa, 64 << 20, &x, &nx, NULL), STATUS_OK);
        assert_int_equal(file_read(fb, 64 << 20, &y, &ny, NULL), STATUS_OK);
        assert_int_equal(nx, ny);
        assert_memory_equal(x, y, nx);
        mem_free(x);
        mem_free(y);
    }
}

// ---- tests
// -------------------------------------------------------------------------------------------

static const Wish darts = { "darts", NULL };

static void a_run_leaves_all_its_files(void **state)
{
    (void)state;
    static const char *const files[] = { "run.yaml",
                                         "space.lua",
                                         "lua/nas.lua",
                                         "lua/ops.lua",
                                         "journal.jsonl",
                                         "lock",
                                         "checkpoints/0000.safetensors",
                                         "checkpoints/0005.safetensors" };
    char path[PATH_MAX], file[PATH_MAX];
    run_whole("whole", &darts);
    assert_int_equal(outcome.end, RUN_END_DONE);
    assert_true(outcome.params > 0 && outcome.macs > 0);
    path_of("whole", path);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        rundir_file(path, files[i], file, NULL);
        if (!file_exists(file))
            fail_msg("no %s", files[i]);
    }
    rundir_file(path, "control", file, NULL);
    assert_false(file_exists(file));
}

static void equal_runs_have_equal_bytes(void **state)
{
    (void)state;
    run_whole("again", &darts);
    assert_same_journals("whole", "again");
    assert_same_checkpoints("whole", "again");
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    run_whole("threads", &(Wish){ "darts", "run.threads=4" });
    assert_same_journals("whole", "threads");
    assert_same_checkpoints("whole", "threads");
}

// Starts or resumes in a child, kills it after `seconds`; true if it had ended by itself.
static bool run_and_kill(const char *name, const Wish *wish, bool resume, double seconds)
{
    pid_t child = fork();
    if (child == 0) {
        char path[PATH_MAX];
        Error err;
        RunHooks hooks = { 0 };
        path_of(name, path);
        Status status = resume ? run_resume(path, &hooks, &outcome, &err)
                               : run_tiny(name, wish, &outcome, &err);
        _exit(status == STATUS_OK ? 0 : 1);
    }
    double end = clock_mono() + seconds;
    int status;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (clock_mono() >= end) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            break;
        }
        usleep(500);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void kill_at_random_moments(const char *name, const char *reference, const Wish *wish)
{
    char path[PATH_MAX];
    double begin = clock_mono();
    run_whole(reference, wish);
    double whole = clock_mono() - begin;
    Rng rng = rng_new(7);
    path_of(name, path);
    bool done = false;
    for (int kills = 0; kills <= 20 && !done; kills++) {
        // Before the first checkpoint stands there is nothing to resume: start anew.
        bool made = checkpoint_before(path, INT_MAX) != INT_MIN;
        if (!made && file_is_dir(path))
            file_remove_tree(path, NULL);
        double seconds = kills < 20 ? whole * (0.1 + 0.4 * rng_uniform(&rng)) : 600;
        done = run_and_kill(name, wish, made, seconds);
    }
    assert_true(done);
    assert_same_journals(reference, name);
}

static void killed_darts_ends_with_the_same_numbers(void **state)
{
    (void)state;
    kill_at_random_moments("killed", "unkilled", &(Wish){ "darts", "search.order=second" });
}

static void killed_evolution_ends_with_the_same_numbers(void **state)
{
    (void)state;
    kill_at_random_moments("killed-evo", "unkilled-evo", &(Wish){ "evolution", NULL });
}

// Kills its own process when the n-th record of a kind has been journaled.
typedef struct {
    const char *kind;
    int left;
} Doom;

static Status die_at(void *self, Json *record, Error *err)
{
    Doom *doom = self;
    (void)err;
    if (strcmp(json_get_str(record, "t", ""), doom->kind) == 0 && --doom->left == 0)
        kill(getpid(), SIGKILL);
    json_free(record);
    return STATUS_OK;
}

static void live_until(const char *name, const Wish *wish, bool resume, Doom doom)
{
    pid_t child = fork();
    if (child == 0) {
        char path[PATH_MAX];
        Error err;
        RunHooks hooks = { .observer = { &doom, die_at } };
        path_of(name, path);
        _exit(resume ? run_resume(path, &hooks, &outcome, &err) != STATUS_OK
                     : run_hooked(name, wish, &hooks, &outcome, &err) != STATUS_OK);
    }
    int status;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status))
        fail_msg("%s: record %s did not come", name, doom.kind);
}

// Between a record and the checkpoint that covers it, where a clock seldom hits.
static void killed_between_record_and_checkpoint_repeats_it_once(void **state)
{
    (void)state;
    Error err = { 0 };
    char path[PATH_MAX];
    live_until("doomed", &darts, false, (Doom){ "epoch", 1 });
    live_until("doomed", &darts, true, (Doom){ "genotype", 2 });
    live_until("doomed", &darts, true, (Doom){ "signals", 3 });
    path_of("doomed", path);
    assert_int_equal(run_resume(path, &(RunHooks){ 0 }, &outcome, &err), STATUS_OK);
    assert_same_journals("whole", "doomed");
    Wish evolution = { "evolution", NULL };
    run_whole("whole-evo", &evolution);
    live_until("doomed-evo", &evolution, false, (Doom){ "epoch", 1 });
    live_until("doomed-evo", &evolution, true, (Doom){ "trial", 2 });
    live_until("doomed-evo", &evolution, true, (Doom){ "trial", 11 });
    path_of("doomed-evo", path);
    assert_int_equal(run_resume(path, &(RunHooks){ 0 }, &outcome, &err), STATUS_OK);
    assert_same_journals("whole-evo", "doomed-evo");
}

static atomic_int stop_now;

static void stop_after(void *self, const SearchProgress *p)
{
    if (p->step == *(const int *)self)
        atomic_store(&stop_now, 1);
}

static void stopped_between_epochs_resumes_from_there(void **state)
{
    (void)state;
    Session session;
    Error err = { 0 };
    int step = 9;
    RunHooks hooks = { .stop = &stop_now, .tick = stop_after, .self = &step };
    SessionRequest request = { .space_path = "tests/run/tiny.lua",
                               .user = apply,
                               .self = (void *)&darts };
    assert_int_equal(session_open(&request, &session, &err), STATUS_OK);
    assert_int_equal(run_start(&session, "tests/run/tiny.lua", "stopped", &hooks, &outcome, &err),
                     STATUS_OK);
    session_close(&session);
    assert_int_equal(outcome.end, RUN_END_STOPPED);
    atomic_store(&stop_now, 0);
    char path[PATH_MAX];
    path_of("stopped", path);
    assert_int_equal(run_resume(path, &(RunHooks){ 0 }, &outcome, &err), STATUS_OK);
    assert_int_equal(outcome.end, RUN_END_DONE);
    assert_same_journals("whole", "stopped");
    assert_same_checkpoints("whole", "stopped");
}

static void a_fork_with_nothing_changed_repeats_the_run(void **state)
{
    (void)state;
    char from[PATH_MAX];
    Error err = { 0 };
    int at;
    path_of("whole", from);
    ForkRequest request = {
        .from = from, .name = "forked", .epoch = 2, .user = apply, .self = (void *)&darts, .at = &at
    };
    if (run_fork(&request, &(RunHooks){ 0 }, &outcome, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(at, 2);
    char path[PATH_MAX], a[PATH_MAX], b[PATH_MAX], *x, *y;
    size_t nx, ny;
    path_of("forked", path);
    rundir_file(from, "checkpoints/0005.safetensors", a, NULL);
    rundir_file(path, "checkpoints/0005.safetensors", b, NULL);
    assert_int_equal(file_read(a, 64 << 20, &x, &nx, NULL), STATUS_OK);
    assert_int_equal(file_read(b, 64 << 20, &y, &ny, NULL), STATUS_OK);
    assert_int_equal(nx, ny);
    assert_memory_equal(x, y, nx);
    mem_free(x);
    mem_free(y);
    assert_same_journals("whole", "forked"); // the parent's past included
}

static void settings_reach_the_search(void **state)
{
    (void)state;
    Session session;
    SearchContext context = { 0 };
    Error err = { 0 };
    const Wish wish = { "darts", "search.cells=4 search.pdarts_stages=2 search.pdarts_cells=3 "
                                 "search.pdarts_dropout=0.25 search.sgas_batch=5" };
    SessionRequest request = { .space_path = "tests/run/tiny.lua",
                               .user = apply,
                               .self = (void *)&wish };
    assert_int_equal(session_open(&request, &session, &err), STATUS_OK);
    session_context(&session, &context);
    const SearchOptions *o = &context.options;
    assert_int_equal(o->cells, 4);
    assert_int_equal(o->pdarts_stages, 2);
    assert_int_equal(o->pdarts_cells, 3);
    assert_true(o->pdarts_dropout == 0.25);
    assert_int_equal(o->sgas_batch, 5);
    session_close(&session);
}

static void the_derivation_rule_can_be_set(void **state)
{
    (void)state;
    run_whole("argmax", &(Wish){ "darts", "search.derive=argmax search.epochs=1" });
    assert_int_equal(outcome.geno.cells[0].n_edges, 5); // every edge, none among the operators
    run_whole("top", &(Wish){ "darts", "search.derive=top search.epochs=1" });
    assert_int_equal(outcome.geno.cells[0].n_edges, 4); // two for each of two nodes
}

// The first stage ends with epoch 2.
static void stages_go_on_where_they_were_killed_and_can_be_forked(void **state)
{
    (void)state;
    Error err = { 0 };
    char path[PATH_MAX], from[PATH_MAX];
    const Wish staged = { "darts", "search.pdarts_stages=2 search.epochs=3 search.pdarts_cells=1 "
                                   "search.warmup_epochs=1" };
    run_whole("staged", &staged);
    live_until("staged-doomed", &staged, false, (Doom){ "cells", 1 });
    live_until("staged-doomed", &staged, true, (Doom){ "epoch", 2 });
    live_until("staged-doomed", &staged, true, (Doom){ "alpha", 3 });
    path_of("staged-doomed", path);
    assert_int_equal(run_resume(path, &(RunHooks){ 0 }, &outcome, &err), STATUS_OK);
    assert_same_journals("staged", "staged-doomed");
    assert_same_checkpoints("staged", "staged-doomed");
    path_of("staged", from);
    for (int epoch = 2; epoch < 5; epoch++) {
        char name[32];
        snprintf(name, sizeof name, "staged-%d", epoch);
        ForkRequest request = {
            .from = from, .name = name, .epoch = epoch, .user = apply, .self = (void *)&staged
        };
        if (run_fork(&request, &(RunHooks){ 0 }, &outcome, &err) != STATUS_OK)
            fail_msg("%s", err.msg);
        assert_same_journals("staged", name);
    }
}

static void full_disk_ends_the_run_and_loses_nothing(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = { .rlim_cur = 40000, .rlim_max = RLIM_INFINITY };
        setrlimit(RLIMIT_FSIZE, &limit);
        Error err = { 0 };
        Status status = run_tiny("full", &darts, &outcome, &err);
        _exit(status == STATUS_IO && strstr(err.msg, temp) ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void second_run_on_a_locked_directory_is_refused(void **state)
{
    (void)state;
    char path[PATH_MAX];
    RunDir lock;
    path_of("whole", path);
    assert_int_equal(rundir_lock(path, &lock, NULL), STATUS_OK);
    pid_t child = fork();
    if (child == 0) {
        Error err = { 0 };
        Status status = run_resume(path, &(RunHooks){ 0 }, &outcome, &err);
        _exit(status == STATUS_BUSY && strstr(err.msg, "in use by process") ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    rundir_unlock(&lock);
    assert_int_equal(status, 0);
}

static void retraining_sees_the_sealed_part_and_a_search_does_not(void **state)
{
    (void)state;
    char path[PATH_MAX];
    Session session;
    Error err = { 0 };
    path_of("whole", path);
    assert_int_equal(run_session(path, false, NULL, NULL, &session, &err), STATUS_OK);
    assert_int_equal(session.split.n_test, 0);
    session_close(&session);
    assert_int_equal(run_session(path, true, NULL, NULL, &session, &err), STATUS_OK);
    assert_int_equal(session.split.n_test, 359);
    assert_int_equal(session.split.n_train + session.split.n_test, 1797);
    session_close(&session);
}

static void fair_threshold_reaches_the_search(void **state)
{
    (void)state;
    Session session;
    SearchContext context;
    Error err = { 0 };
    Wish wish = { "darts", NULL };
    SessionRequest request = { .space_path = "tests/run/tiny.lua", .user = apply, .self = &wish };
    assert_int_equal(session_open(&request, &session, &err), STATUS_OK);
    session_context(&session, &context);
    assert_true(context.options.fair_threshold == 0.85);
    session_close(&session);
    wish.more = "search.fair_threshold=0.5";
    assert_int_equal(session_open(&request, &session, &err), STATUS_OK);
    session_context(&session, &context);
    assert_true(context.options.fair_threshold == 0.5);
    session_close(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_leaves_all_its_files),
        cmocka_unit_test(equal_runs_have_equal_bytes),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(stopped_between_epochs_resumes_from_there),
        cmocka_unit_test(a_fork_with_nothing_changed_repeats_the_run),
        cmocka_unit_test(killed_darts_ends_with_the_same_numbers),
        cmocka_unit_test(killed_evolution_ends_with_the_same_numbers),
        cmocka_unit_test(fair_threshold_reaches_the_search),
        cmocka_unit_test(killed_between_record_and_checkpoint_repeats_it_once),
        cmocka_unit_test(settings_reach_the_search),
        cmocka_unit_test(the_derivation_rule_can_be_set),
        cmocka_unit_test(stages_go_on_where_they_were_killed_and_can_be_forked),
        cmocka_unit_test(full_disk_ends_the_run_and_loses_nothing),
        cmocka_unit_test(second_run_on_a_locked_directory_is_refused),
        cmocka_unit_test(retraining_sees_the_sealed_part_and_a_search_does_not),
    };
    return cmocka_run_group_tests(tests, make_temp, drop_temp);
}
