// SPDX-License-Identifier: MIT
#include "ui/app/app.h"

#include <assert.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "src/base/alloc.h"
#include "src/base/clock.h"
#include "src/base/file.h"
#include "src/base/str.h"
#include "src/run/rundir.h"
#include "ui/app/input.h"
#include "ui/app/state.h"
#include "ui/view/views.h"

// ---- what other files ask
// ---------------------------------------------------------------------------

const Model *app_model(const App *app)
{
    static const Model none = { 0 };
    return app->source ? source_model(app->source) : &none;
}

ModelRun *app_run(const App *app)
{
    const Model *model = app_model(app);
    return app->run >= 0 && app->run < model->n ? model->runs[app->run] : NULL;
}

static bool dir_of_journal(const char *path, char *dir)
{
    static const char journal[] = "/journal.jsonl";
    snprintf(dir, PATH_MAX, "%s", path);
    if (str_ends(dir, journal))
        dir[strlen(dir) - strlen(journal)] = '\0';
    return file_is_dir(dir) && rundir_is_run(dir);
}

bool app_run_dir(const ModelRun *run, char *dir)
{
    return run && dir_of_journal(run->path, dir);
}

ViewId app_side_view(const App *app)
{
    static const ViewId beside[VIEW_COUNT] = {
        [VIEW_RUNS] = VIEW_OVERVIEW, [VIEW_OVERVIEW] = VIEW_CELL, [VIEW_ALPHA] = VIEW_CELL,
        [VIEW_CELL] = VIEW_ALPHA,    [VIEW_PARETO] = VIEW_TRIALS, [VIEW_SPACE] = VIEW_LOG,
        [VIEW_LOG] = VIEW_HEALTH,    [VIEW_HEALTH] = VIEW_CELL,   [VIEW_TRIALS] = VIEW_PARETO,
    };
    const ModelRun *run = app_run(app);
    if (app->view == VIEW_OVERVIEW && run && run->n_trials > 0)
        return VIEW_TRIALS; // the front is in the overview
    if (app->view == VIEW_OVERVIEW && app->layout.main.cols >= OVERVIEW_WITH_CELL)
        return VIEW_ALPHA;
    if ((app->view == VIEW_PARETO || app->view == VIEW_TRIALS) && !(run && run->n_trials > 0))
        return VIEW_OVERVIEW; // one pane that says why it is empty is enough
    return beside[app->view];
}

ViewId app_pane_view(const App *app)
{
    return app->focus == PANE_MAIN   ? app->view
           : app->focus == PANE_SIDE ? app_side_view(app)
                                     : VIEW_RUNS;
}

ViewId app_focused_view(const App *app)
{
    return app->help ? VIEW_HELP : app_pane_view(app);
}

void app_context(const App *app, ViewContext *ctx)
{
    *ctx = (ViewContext){ .model = app_model(app),
                          .run = app_run(app),
                          .epoch = app->epoch,
                          .cell = app->cell,
                          .x_from = app->x_from,
                          .x_to = app->x_to,
                          .log_y = app->log_y,
                          .now = clock_wall(),
                          .filter = app->filter,
                          .script_path = app->script_path[0] ? app->script_path : NULL,
                          .script_text = app->script_text[0] ? app->script_text : NULL,
                          .script_check = app->script_check[0] ? app->script_check : NULL,
                          .script_error_line = app->script_error_line,
                          .script_of_list = app->script_of_list,
                          .spaces = app->spaces.item,
                          .n_spaces = app->spaces.n,
                          .marks = app->states[VIEW_RUNS].marks,
                          .n_marks = app->states[VIEW_RUNS].n_marks,
                          .focus = app_pane_view(app) };
}

const ViewSpace *app_space(const App *app)
{
    ViewContext ctx;
    app_context(app, &ctx);
    int index = view_runs_space(&ctx, &app->states[VIEW_RUNS]);
    return index >= 0 ? &app->spaces.item[index] : NULL;
}

void app_say(App *app, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(app->message, sizeof app->message, fmt, args);
    va_end(args);
    for (char *c = app->message; *c; c++)
        if (*c == '\n')
            *c = ' ';
    app->dirty = true;
}

void app_assert(const App *app)
{
    assert(app->focus != PANE_SIDE || app->layout.side.rows);
    assert(app->focus != PANE_LIST || app->layout.list.rows);
    assert(app->view < VIEW_HELP);
    assert(!app->help || app->prompt.kind == PROMPT_OFF);
    (void)app;
}

Status app_reopen(App *app, Error *err)
{
    Source *fresh;
    SourceOptions options = app->options;
    if (app->replay)
        options.until_epoch = app->replay_epoch;
    Status status = source_open(app->path, &options, &fresh, err);
    if (status != STATUS_OK)
        return status;
    source_close(app->source);
    app->source = fresh;
    app->script_loaded = false;
    bool more = app->replay;
    while (more && status == STATUS_OK)
        status = source_poll(app->source, 0, &more, err);
    app->dirty = true;
    return status;
}

// ---- the loop
// ------------------------------------------------------------------------------------------

static uint64_t model_version(const App *app)
{
    const Model *model = app_model(app);
    uint64_t sum = (uint64_t)model->n;
    for (int i = 0; i < model->n; i++)
        sum += model->runs[i]->version + (uint64_t)model->runs[i]->state;
    return sum;
}

static void choose_run(App *app)
{
    const Model *model = app_model(app);
    if (app->run < 0 && model->n == 1)
        app->run = 0;
    if (app->run >= model->n)
        app->run = model->n - 1;
}

static void read_data(App *app, bool *more)
{
    Error err;
    *more = false;
    if (app->view == VIEW_SPACE && !app->script_loaded)
        script_pane_load(app);
    if (!app->source)
        return;
    if (source_poll(app->source, 20, more, &err) != STATUS_OK)
        app_say(app, "%s", err.msg);
    choose_run(app);
    if (model_version(app) != app->seen && !app->frozen)
        app->dirty = true;
}

// "run: runs/NAME" printed by a detached start: open it.
static void open_started(App *app)
{
    const char *mark = strstr(app->child.text, "run: ");
    char path[PATH_MAX], dir[PATH_MAX];
    if (!mark)
        return;
    snprintf(path, sizeof path, "%.*s", (int)strcspn(mark + 5, "\n"), mark + 5);
    const Model *model = app_model(app);
    for (int i = 0; i < model->n; i++)
        if (app_run_dir(model->runs[i], dir) && strcmp(dir, path) == 0) {
            app->run = app->states[VIEW_RUNS].cursor = i;
            return;
        }
    // A source on one run cannot show another: go on with the directory that holds both.
    char *slash = strrchr(path, '/');
    if (slash && !app->replay) {
        Error err;
        char name[128];
        snprintf(name, sizeof name, "%s", slash + 1);
        *slash = '\0';
        snprintf(app->path, sizeof app->path, "%s", path);
        if (app_reopen(app, &err) != STATUS_OK)
            return;
        bool more = true;
        while (more && source_poll(app->source, 0, &more, NULL) == STATUS_OK)
            ;
        model = app_model(app);
        for (int i = 0; i < model->n; i++)
            if (strcmp(model->runs[i]->name, name) == 0)
                app->run = app->states[VIEW_RUNS].cursor = i;
        app->view = VIEW_OVERVIEW;
        app->epoch = INT_MAX;
    }
}

static void read_child(App *app)
{
    if (!child_poll(&app->child))
        return;
    app->dirty = true;
    if (strcmp(app->child.what, "check") == 0) {
        script_pane_checked(app);
        return;
    }
    if (app->child.code == 0) {
        const char *started = strstr(app->child.text, "run: ");
        open_started(app);
        if (started)
            app_say(app, "%.*s has started; q leaves it running", (int)strcspn(started + 5, "\n"),
                    started + 5);
        else
            app_say(app, "%s: done%s%s", app->child.what, app->child.text[0] ? ": " : "",
                    app->child.text);
    } else {
        app_say(app, "%s", app->child.text);
    }
}

static void advance_replay(App *app)
{
    if (!app->replay || app->frozen || clock_mono() < app->replay_next)
        return;
    const ModelRun *run = app_run(app);
    if (run && run->epoch < app->replay_epoch) {
        app->replay_next = INFINITY; // the end
        return;
    }
    Error err;
    double late = app->replay_next > 0 ? (clock_mono() - app->replay_next) * app->speed : 0;
    app->replay_epoch += 1 + (int)fmin(late, 1000); // faster than pictures: some are left out
    app->replay_next = clock_mono() + 1 / app->speed;
    if (app_reopen(app, &err) != STATUS_OK)
        app_say(app, "%s", err.msg);
}

static void draw_if_due(App *app)
{
    const ModelRun *run = app_run(app);
    double now = clock_mono();
    // The ETA moves while nothing else does: once a second at most.
    if (run && run->state == RUN_RUNNING && !app->frozen && now - app->last_clock >= 1)
        app->dirty = true;
    if (!app->dirty || (now - app->last_draw < app->delay && !app->repaint))
        return;
    int rows, cols;
    term_size(&rows, &cols);
    if ((rows != app->grid.rows || cols != app->grid.cols) && !grid_resize(&app->grid, rows, cols))
        return;
    app->seen = model_version(app);
    screen_draw(app);
    int cursor = -1;
    if (app->prompt.kind != PROMPT_OFF && !app->layout.too_small) {
        grid_fill(&app->grid, app->layout.footer, ' ', ROLE_TEXT, 0);
        prompt_draw(&app->prompt, &app->grid, app->layout.footer, &cursor);
    }
    term_draw(&app->grid, app->repaint);
    term_cursor(cursor >= 0 ? rows - 1 : -1, cursor);
    app->dirty = app->repaint = false;
    app->last_draw = app->last_clock = now;
}

static int wait_ms(const App *app, bool more)
{
    if (more || app->play.on)
        return 10;
    if (app->dirty) {
        double left = app->delay - (clock_mono() - app->last_draw);
        return left > 0.005 ? (int)(left * 1000) + 1 : 5;
    }
    if (app->replay && !app->frozen && app->replay_next < INFINITY) {
        double left = app->replay_next - clock_mono();
        return left > 0.25 ? 250 : left > 0.005 ? (int)(left * 1000) + 1 : 5;
    }
    return 250;
}

static void wait_for_input(App *app, bool more, const sigset_t *mask)
{
    struct pollfd fds[3] = { { .fd = STDIN_FILENO, .events = POLLIN } };
    int n = 1;
    if (app->source && source_fd(app->source) >= 0)
        fds[n++] = (struct pollfd){ .fd = source_fd(app->source), .events = POLLIN };
    if (app->child.pid)
        fds[n++] = (struct pollfd){ .fd = app->child.fd, .events = POLLIN };
    int ms = wait_ms(app, more);
    struct timespec timeout = { ms / 1000, (ms % 1000) * 1000000L };
    int ready = ppoll(fds, (nfds_t)n, &timeout, mask);
    if (ready > 0 && (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)))
        _exit(0); // the terminal is gone: nothing may be written to it; the search goes on
}

static void loop(App *app)
{
    sigset_t block, before;
    sigemptyset(&block);
    const int signals[] = { SIGWINCH, SIGTERM, SIGHUP, SIGINT }; // not TSTP: curses would lose it
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaddset(&block, signals[i]);
    sigprocmask(SIG_BLOCK, &block, &before);
    while (!app->quit && !term_quit_asked()) {
        bool more;
        read_data(app, &more);
        read_child(app);
        advance_replay(app);
        if (term_continued())
            app->repaint = app->dirty = true;
        if (app->play.on && !play_step(app))
            app->dirty = true;
        draw_if_due(app);
        wait_for_input(app, more, &before);
        if (term_hung_up())
            _exit(0);
        for (int key = term_key(); key != TKEY_NONE; key = term_key())
            input_key(app, key);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

// Whether the process of a journal is gone. Of another host only silence tells.
static bool is_dead(const char *journal)
{
    char path[PATH_MAX], dir[PATH_MAX], host[256], *text, *at;
    if (!dir_of_journal(journal, dir) || rundir_owner(dir) != 0 ||
        rundir_file(dir, "lock", path, NULL) != STATUS_OK ||
        file_read(path, 4096, &text, NULL, NULL) != STATUS_OK)
        return false;
    at = strstr(text, "host ");
    bool here = at && gethostname(host, sizeof host) == 0 && strlen(host) > 0 &&
                strncmp(at + 5, host, strlen(host)) == 0;
    mem_free(text);
    return here;
}

// ---- start
// --------------------------------------------------------------------------------------------

static int fail(const Error *err)
{
    char text[1024];
    fprintf(stderr, "dartboard: %s\n", error_text(err, text, sizeof text));
    return err->code == STATUS_ARG ? 2 : 1;
}

// While curses is up, messages of libraries must not land on the screen: they are kept in memory
// and printed when the terminal is back.
static int stderr_away(void)
{
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    int kept = memfd_create("stderr", MFD_CLOEXEC);
    if (saved >= 0 && kept >= 0)
        dup2(kept, STDERR_FILENO);
    if (kept >= 0)
        close(kept);
    return saved;
}

static void stderr_back(int saved)
{
    char text[4096];
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (saved < 0)
        return;
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t n = kept >= 0 ? pread(kept, text, sizeof text, 0) : 0;
    if (n > 0)
        fwrite(text, 1, (size_t)n, stderr);
    if (kept >= 0)
        close(kept);
}

static void say_goodbye(const App *app)
{
    const ModelRun *run = app_run(app);
    char dir[PATH_MAX];
    if (run && (run->state == RUN_RUNNING || run->state == RUN_PAUSED) && app_run_dir(run, dir))
        printf("%s %s; come back with: dartboard watch %s\n", run->name,
               run->state == RUN_PAUSED ? "is paused" : "goes on", dir);
}

// One dashboard a process; too large for the stack.
static App *app_instance(const AppOptions *o)
{
    static App app;
    memset(&app, 0, sizeof app);
    app.run = -1;
    app.epoch = INT_MAX;
    app.options = (SourceOptions){ .majority = NAN, .until_epoch = INT_MAX, .follow = true };
    app.options.is_dead = o->replay ? NULL : is_dead;
    app.view = o->list ? VIEW_RUNS : VIEW_OVERVIEW;
    app.term = (TermOptions){ .glyphs = o->glyphs, .color = o->color, .theme = o->theme };
    app.delay = o->delay;
    app.replay = o->replay;
    app.replay_epoch = o->until;
    app.replay_next = o->until >= 0 ? INFINITY : 0;
    app.speed = o->speed;
    snprintf(app.path, sizeof app.path, "%s", o->path);
    app.workbench = o->list;
    if (app.workbench)
        spaces_scan(&app.spaces);
    return &app;
}

int app_main(const AppOptions *o)
{
    Error err = { 0 };
    App *app = app_instance(o);
    Status status = o->play ? play_open(&app->play, o->play, &err) : STATUS_OK;
    if (status == STATUS_OK && app->path[0])
        status = app_reopen(app, &err);
    if (status == STATUS_OK)
        status = term_start(&app->term, &err);
    if (status != STATUS_OK) {
        source_close(app->source);
        play_close(&app->play);
        return fail(&err);
    }
    app->glyphs = term_glyphs();
    app->dirty = true;
    int rows, cols; // commands of a play file may come before the first picture
    term_size(&rows, &cols);
    if (grid_resize(&app->grid, rows, cols))
        screen_draw(app);
    int saved = stderr_away();
    loop(app);
    term_stop();
    stderr_back(saved);
    say_goodbye(app);
    child_stop(&app->child);
    source_close(app->source);
    grid_fini(&app->grid);
    play_close(&app->play);
    return 0;
}
