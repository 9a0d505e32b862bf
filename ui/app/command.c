// SPDX-License-Identifier: MIT
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/str.h"
#include "ui/app/command_run.h"
#include "ui/app/state.h"

// What the ':' line takes. Every key is one of these too, so scripts and tests use names.

typedef struct {
    const char *name;
    void (*run)(App *app, const char *arg);
} Entry;

// ---- moving ------------------------------------------------------------------------------------

static int act(App *app, ViewAction action)
{
    ViewContext ctx;
    ViewId id = app_focused_view(app);
    const View *view = view_get(id);
    if (!view || !view->act)
        return VIEW_IGNORED;
    app_context(app, &ctx);
    int result = view->act(&ctx, &app->states[id], action);
    if (result & VIEW_OPEN_RUN) {
        int run = view_runs_selected(&ctx, &app->states[id]);
        if (run >= 0) {
            app->run = run;
            app->epoch = INT_MAX;
            app->cell = 0;
            app->view = app->view == VIEW_RUNS ? VIEW_OVERVIEW : app->view;
            app->focus = PANE_MAIN;
            app->frozen = false;
            app->script_loaded = false;
        }
    }
    if (result & VIEW_OPEN_SPACE) { // words can be added before Enter starts it
        char line[PROMPT_TEXT];
        snprintf(line, sizeof line, "run %s", app_space(app)->name);
        prompt_open(&app->prompt, PROMPT_COMMAND, ":", line);
    }
    return result;
}

#define ACT(function, action)                                                                      \
    static void function(App *app, const char *arg)                                                \
    {                                                                                              \
        (void)arg;                                                                                 \
        act(app, action);                                                                          \
    }
ACT(do_up, ACTION_UP)
ACT(do_down, ACTION_DOWN)
ACT(do_left, ACTION_LEFT)
ACT(do_right, ACTION_RIGHT)
ACT(do_first, ACTION_FIRST)
ACT(do_page_up, ACTION_PAGE_UP)
ACT(do_page_down, ACTION_PAGE_DOWN)
ACT(do_half_up, ACTION_HALF_UP)
ACT(do_half_down, ACTION_HALF_DOWN)
ACT(do_open, ACTION_OPEN)
ACT(do_mark, ACTION_MARK)
ACT(do_form, ACTION_FORM)
ACT(do_sort, ACTION_SORT)
ACT(do_find_next, ACTION_FIND_NEXT)
ACT(do_find_previous, ACTION_FIND_PREV)

static void do_last(App *app, const char *arg)
{
    (void)arg;
    act(app, ACTION_LAST);
    app->epoch = INT_MAX; // End is live again
}

static void step_cell(App *app, ViewAction action, int step)
{
    const ModelRun *run = app_run(app);
    if (act(app, action) != VIEW_IGNORED || !run || run->n_cells == 0)
        return;
    app->cell = (app->cell + step + run->n_cells) % run->n_cells;
}

static void do_cell_next(App *app, const char *arg)
{
    (void)arg;
    step_cell(app, ACTION_NEXT, 1);
}

static void do_cell_previous(App *app, const char *arg)
{
    (void)arg;
    step_cell(app, ACTION_PREV, -1);
}

static void do_cell(App *app, const char *arg)
{
    const ModelRun *run = app_run(app);
    for (int c = 0; run && c < run->n_cells; c++)
        if (strcmp(run->cells[c].shape.name, arg) == 0) {
            app->cell = c;
            return;
        }
    app_say(app, "no cell '%s' in this run", arg);
}

static void do_view(App *app, const char *arg)
{
    const View *view = view_find(arg);
    if (!view) {
        app_say(app,
                "no view '%s': runs, overview, alpha, cell, pareto, space, log, health, trials",
                arg);
        return;
    }
    if (view->id == VIEW_HELP) {
        app->help = true;
        return;
    }
    app->view = view->id;
    app->focus = PANE_MAIN;
    app->help = false;
    app->script_loaded = false; // the file may have changed
    if (app->workbench && app->view == VIEW_RUNS)
        spaces_scan(&app->spaces); // and others come
}

static bool pane_exists(const App *app, Pane pane)
{
    const Layout *l = &app->layout;
    return pane == PANE_MAIN || (pane == PANE_SIDE ? l->side.rows : l->list.rows) > 0;
}

static void focus_step(App *app, int step)
{
    for (int i = 1; i <= 3; i++) {
        Pane pane = (Pane)(((int)app->focus + step * i + 3) % 3);
        if (pane_exists(app, pane)) {
            // One pane on the screen: Tab goes on to the next view instead.
            if (pane == app->focus)
                app->view = (ViewId)((app->view + (step == 1 ? 1 : VIEW_HELP - 1)) % VIEW_HELP);
            app->focus = pane;
            return;
        }
    }
}

static void do_next(App *app, const char *arg)
{
    (void)arg;
    focus_step(app, 1);
}

static void do_previous(App *app, const char *arg)
{
    (void)arg;
    focus_step(app, 2);
}

// ---- time ---------------------------------------------------------------------------------------

static void scrub(App *app, int epoch)
{
    const ModelRun *run = app_run(app);
    if (!run)
        return;
    if (app->replay) {
        app->replay_epoch = epoch < -1 ? -1 : epoch;
        app->replay_next = INFINITY; // by hand from here on
        Error err;
        if (app_reopen(app, &err) != STATUS_OK)
            app_say(app, "%s", err.msg);
        return;
    }
    app->epoch = epoch >= run->epoch ? INT_MAX : epoch < -1 ? -1 : epoch;
}

static int scrub_position(const App *app)
{
    const ModelRun *run = app_run(app);
    if (app->replay)
        return app->replay_epoch;
    return app->epoch != INT_MAX ? app->epoch : run ? run->epoch : 0;
}

static void do_back(App *app, const char *arg)
{
    (void)arg;
    scrub(app, scrub_position(app) - 1);
}

static void do_forward(App *app, const char *arg)
{
    (void)arg;
    scrub(app, scrub_position(app) + 1);
}

static void do_epoch(App *app, const char *arg)
{
    int64_t epoch;
    if (strcmp(arg, "live") == 0)
        app->epoch = INT_MAX;
    else if (str_to_int(arg, &epoch) && epoch >= -1 && epoch < INT_MAX)
        scrub(app, (int)epoch);
    else
        app_say(app, "epoch: expected a number, or live");
}

static void zoom_time(App *app, double factor)
{
    const ModelRun *run = app_run(app);
    if (!run)
        return;
    double all = run->epochs > 1 ? run->epochs - 1 : run->epoch > 1 ? run->epoch : 1;
    double from = app->x_to > app->x_from ? app->x_from : 0;
    double to = app->x_to > app->x_from ? app->x_to : all;
    double centre = app->epoch != INT_MAX ? app->epoch : fmin(to, fmax(0, run->epoch));
    double width = fmax(2, (to - from) * factor);
    if (width >= all) {
        app->x_from = app->x_to = 0;
        return;
    }
    app->x_to = fmin(all, fmax(centre + width / 2, width));
    app->x_from = app->x_to - width;
}

static void do_zoom_in(App *app, const char *arg)
{
    (void)arg;
    zoom_time(app, 0.5);
}

static void do_zoom_out(App *app, const char *arg)
{
    (void)arg;
    zoom_time(app, 2);
}

static void do_zoom_all(App *app, const char *arg)
{
    (void)arg;
    app->x_from = app->x_to = 0;
}

// ---- switches ----------------------------------------------------------------------------------

static void do_quit(App *app, const char *arg)
{
    (void)arg;
    app->quit = true;
}

static void do_close(App *app, const char *arg)
{
    (void)arg;
    if (app->help)
        app->help = false;
    else if (app->filter[0])
        app->filter[0] = '\0';
    else if (app->epoch != INT_MAX && !app->frozen)
        app->epoch = INT_MAX;
    else if (app->zoom)
        app->zoom = false;
    else
        app->focus = PANE_MAIN;
}

static void do_help(App *app, const char *arg)
{
    (void)arg;
    app->help = !app->help;
}

static void do_zoom(App *app, const char *arg)
{
    (void)arg;
    // The focused pane becomes the one that is shown.
    if (!app->zoom && app->focus != PANE_MAIN)
        app->view = app_pane_view(app);
    app->help = false;
    app->zoom = !app->zoom;
    app->focus = PANE_MAIN;
}

static void do_freeze(App *app, const char *arg)
{
    const ModelRun *run = app_run(app);
    (void)arg;
    app->frozen = !app->frozen;
    if (app->frozen && run && app->epoch == INT_MAX)
        app->epoch = run->epoch;
    else if (!app->frozen)
        app->epoch = INT_MAX;
    app_say(app, app->frozen ? "frozen: data keeps arriving; f goes on" : "live");
}

static void do_log(App *app, const char *arg)
{
    (void)arg;
    app->log_y = !app->log_y;
}

static void do_mouse(App *app, const char *arg)
{
    (void)arg;
    app->mouse = !app->mouse;
    term_mouse(app->mouse);
    app_say(app, app->mouse ? "mouse on" : "mouse off");
}

static void do_glyphs(App *app, const char *arg)
{
    static const char *const names[] = { "ascii", "block", "braille" };
    int next = ((int)app->glyphs + 1) % 3;
    for (int i = 0; i < 3; i++)
        if (strcmp(arg, names[i]) == 0)
            next = i;
    if (next != GLYPHS_ASCII && term_glyphs() == GLYPHS_ASCII && !app->term.glyphs) {
        app_say(app, "this terminal or locale shows ASCII only");
        return;
    }
    app->glyphs = (GlyphTier)next;
    app_say(app, "glyphs: %s", names[next]);
}

static void do_repaint(App *app, const char *arg)
{
    (void)arg;
    app->repaint = true;
}

static void do_suspend(App *app, const char *arg)
{
    (void)arg;
    term_suspend();
    app->repaint = true;
}

static void do_filter(App *app, const char *arg)
{
    snprintf(app->filter, sizeof app->filter, "%s", arg);
}

static void do_prompt_filter(App *app, const char *arg)
{
    (void)arg;
    app->help = false;
    memcpy(app->filter_before, app->filter, sizeof app->filter_before);
    prompt_open(&app->prompt, PROMPT_FILTER, "/", app->filter);
}

static void do_prompt_command(App *app, const char *arg)
{
    app->help = false;
    prompt_open(&app->prompt, PROMPT_COMMAND, ":", arg);
}

// ---- files -------------------------------------------------------------------------------------

// Says what went wrong; false then.
static bool save(App *app, const char *path, char *text)
{
    Error err;
    bool done = text && file_write_atomic(path, text, strlen(text), &err) == STATUS_OK;
    app_say(app, "%s%s", done ? "wrote " : "", done ? path : text ? err.msg : "out of memory");
    free(text);
    return done;
}

static void do_save_display(App *app, const char *arg)
{
    screen_draw(app);
    save(app, *arg ? arg : "dartboard-screen.txt", grid_dump(&app->grid, false));
}

// The focused pane as text, and its data as CSV beside it.
static void do_write(App *app, const char *arg)
{
    ViewContext ctx;
    ViewId id = app_focused_view(app);
    const View *view = view_get(id);
    char name[PATH_MAX], csv[PATH_MAX];
    snprintf(name, sizeof name, "%s", *arg ? arg : view->name);
    if (!str_ends(name, ".txt"))
        strncat(name, ".txt", sizeof name - strlen(name) - 1);
    snprintf(csv, sizeof csv, "%.*s.csv", (int)strlen(name) - 4, name);
    Grid pane = { .glyphs = app->glyphs };
    app_context(app, &ctx);
    Rect r = app->layout.main;
    if (!grid_resize(&pane, r.rows, r.cols)) {
        app_say(app, "out of memory");
        return;
    }
    view_draw(view, &ctx, &app->states[id], &pane, (Rect){ 0, 0, r.rows, r.cols }, false);
    bool done = save(app, name, grid_dump(&pane, false));
    grid_fini(&pane);
    if (done && view->csv && save(app, csv, view->csv(&ctx, &app->states[id]))) {
        app_say(app, "wrote %s and %s", name, csv);
    }
}

// ---- the table ---------------------------------------------------------------------------------

static const Entry entries[] = {
    { "back", do_back },
    { "cell", do_cell },
    { "cell-next", do_cell_next },
    { "cell-previous", do_cell_previous },
    { "check", run_command_check },
    { "close", do_close },
    { "down", do_down },
    { "edit", run_command_edit },
    { "epoch", do_epoch },
    { "filter", do_filter },
    { "find-next", do_find_next },
    { "find-previous", do_find_previous },
    { "first", do_first },
    { "form", do_form },
    { "forward", do_forward },
    { "freeze", do_freeze },
    { "glyphs", do_glyphs },
    { "half-down", do_half_down },
    { "half-up", do_half_up },
    { "help", do_help },
    { "last", do_last },
    { "left", do_left },
    { "log", do_log },
    { "mark", do_mark },
    { "mouse", do_mouse },
    { "next", do_next },
    { "open", do_open },
    { "page-down", do_page_down },
    { "page-up", do_page_up },
    { "pause", run_command_pause },
    { "previous", do_previous },
    { "quit", do_quit },
    { "repair", run_command_repair },
    { "repaint", do_repaint },
    { "resume", run_command_resume },
    { "right", do_right },
    { "run", run_command_run },
    { "save-display", do_save_display },
    { "sort", do_sort },
    { "stop", run_command_stop },
    { "suspend", do_suspend },
    { "up", do_up },
    { "view", do_view },
    { "write", do_write },
    { "zoom", do_zoom },
    { "zoom-all", do_zoom_all },
    { "zoom-in", do_zoom_in },
    { "zoom-out", do_zoom_out },
    // behind keys only
    { "ask-repair", run_command_ask_repair },
    { "ask-stop", run_command_ask_stop },
    { "prompt-command", do_prompt_command },
    { "prompt-filter", do_prompt_filter },
};
enum { ENTRIES = sizeof entries / sizeof entries[0] };

const char *const *command_words(void)
{
    static const char *words[ENTRIES + 1];
    for (int i = 0; i < ENTRIES; i++)
        words[i] = entries[i].name;
    return words;
}

void command_do(App *app, const char *line)
{
    char word[48];
    while (*line == ' ')
        line++;
    size_t n = strcspn(line, " ");
    if (n == 0)
        return;
    snprintf(word, sizeof word, "%.*s", (int)n, line);
    const char *arg = line + n;
    while (*arg == ' ')
        arg++;
    app->dirty = true;
    for (int i = 0; i < ENTRIES; i++)
        if (strcmp(entries[i].name, word) == 0) {
            entries[i].run(app, arg);
            return;
        }
    const char *near = str_nearest(word, command_words(), ENTRIES);
    if (near)
        app_say(app, "unknown command '%s' (did you mean '%s'?)", word, near);
    else
        app_say(app, "unknown command '%s': ? lists the keys", word);
}
