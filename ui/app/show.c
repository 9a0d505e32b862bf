// SPDX-License-Identifier: MIT
#include "ui/app/show.h"

#include <dirent.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/base/alloc.h"
#include "src/base/clock.h"
#include "src/base/file.h"
#include "src/base/str.h"
#include "src/run/rundir.h"
#include "src/watch/source.h"
#include "ui/app/show_print.h"
#include "ui/view/view.h"

enum { SHOW_RUNS = 512, WIDTH_MAX = 1000, HEIGHT_MAX = 1000 };

typedef struct {
    const char *pane, *run, *dir, *cell, *filter, *glyphs, *color;
    int epoch, width, height, form;
    bool roles, csv, help;
} ShowArgs;

typedef struct {
    Source *source[SHOW_RUNS];
    int n_sources;
    Model model; // borrows the runs of the sources
    char path[PATH_MAX];
    char *script;
    char script_path[PATH_MAX];
} ShowData;

static const char usage[] =
    "usage: dartboard show PANE [RUN] [--epoch N] [--cell NAME] [--width W] [--height H]\n"
    "                      [--form 0|1] [--filter TEXT] [--csv] [--roles] [--glyphs TIER]\n"
    "                      [--color WHEN] [--dir DIR]\n"
    "PANE: overview, runs, alpha, cell, health, pareto, trials, space, log, help.\n"
    "RUN: a name, a run directory, a journal or a log. --epoch counts from 0.\n";

static int wrong(const char *message, const char *what)
{
    fprintf(stderr, "dartboard show: %s '%s' (dartboard show --help)\n", message, what);
    return 2;
}

// ---- arguments ----------------------------------------------------------------------------------

static int take_number(const char *name, const char *text, int low, int high, int *value)
{
    int64_t n;
    if (!str_to_int(text, &n) || n < low || n > high) {
        fprintf(stderr, "dartboard show: %s needs a whole number from %d to %d, got '%s'\n", name,
                low, high, text);
        return 2;
    }
    *value = (int)n;
    return 0;
}

static int take_value(ShowArgs *a, const char *name, const char *value)
{
    struct {
        const char *name;
        const char **text;
    } texts[] = { { "--dir", &a->dir },
                  { "--cell", &a->cell },
                  { "--filter", &a->filter },
                  { "--glyphs", &a->glyphs },
                  { "--color", &a->color } };
    struct {
        const char *name;
        int *number, low, high;
    } numbers[] = { { "--epoch", &a->epoch, -1, INT_MAX },
                    { "--width", &a->width, 1, WIDTH_MAX },
                    { "--height", &a->height, 1, HEIGHT_MAX },
                    { "--form", &a->form, 0, 1 } };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].text = value;
            return 0;
        }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i].name) == 0)
            return take_number(name, value, numbers[i].low, numbers[i].high, numbers[i].number);
    if (strcmp(name, "--theme") == 0 || strcmp(name, "--delay") == 0)
        return 0; // taken everywhere, without meaning here
    return wrong("unknown option", name);
}

static bool take_flag(ShowArgs *a, const char *arg)
{
    a->roles |= strcmp(arg, "--roles") == 0;
    a->csv |= strcmp(arg, "--csv") == 0;
    a->help |= strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
    return strcmp(arg, "--roles") == 0 || strcmp(arg, "--csv") == 0 || strcmp(arg, "--help") == 0 ||
           strcmp(arg, "-h") == 0;
}

static int parse(int argc, char **argv, ShowArgs *a)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i], *equals = strchr(arg, '=');
        char name[32];
        if (take_flag(a, arg))
            continue;
        if (strncmp(arg, "--", 2) != 0) {
            if (a->pane && a->run)
                return wrong("one pane and one run are enough, not also", arg);
            *(a->pane ? &a->run : &a->pane) = arg;
            continue;
        }
        snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - arg) : 31, arg);
        if (!equals && i + 1 >= argc)
            return wrong("a value is missing after", arg);
        int code = take_value(a, name, equals ? equals + 1 : argv[++i]);
        if (code)
            return code;
    }
    if (!a->pane && !a->help) {
        fputs(usage, stderr);
        return 2;
    }
    return 0;
}

// ---- data ---------------------------------------------------------------------------------------

static Status add_source(ShowData *d, const char *path, Error *err)
{
    SourceOptions options = { .majority = NAN, .until_epoch = INT_MAX };
    Source *source;
    if (d->n_sources == SHOW_RUNS)
        return STATUS_OK;
    Status status = source_open(path, &options, &source, err);
    if (status)
        return status;
    d->source[d->n_sources++] = source;
    bool more = true;
    while (more && status == STATUS_OK)
        status = source_poll(source, 0, &more, err);
    Model *model = source_model(source);
    for (int i = 0; i < model->n && status == STATUS_OK; i++) {
        ModelRun **runs = mem_grow(d->model.runs, (size_t)d->model.n + 1, sizeof *runs);
        if (!runs)
            return error_set(err, STATUS_NOMEM, "not enough memory for the runs");
        d->model.runs = runs;
        runs[d->model.n++] = model->runs[i];
        // A run directory whose process is gone neither runs nor waits, whatever its journal says.
        ModelRun *run = runs[d->model.n - 1];
        if ((run->state == RUN_RUNNING || run->state == RUN_PAUSED) && rundir_is_run(path) &&
            rundir_owner(path) == 0)
            run->state = RUN_LOST;
    }
    return status;
}

static Status add_directory(ShowData *d, const char *dir)
{
    struct dirent **names;
    int n = scandir(dir, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        int used = snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && used < (int)sizeof path && rundir_is_run(path))
            add_source(d, path, NULL); // one that cannot be read does not hide the others
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return STATUS_OK;
}

static void read_script(ShowData *d)
{
    size_t len;
    int used = snprintf(d->script_path, sizeof d->script_path, "%s/space.lua", d->path);
    if (used < (int)sizeof d->script_path &&
        file_read(d->script_path, 1 << 20, &d->script, &len, NULL))
        d->script = NULL;
}

static Status load(const ShowArgs *a, ShowData *d, ViewId view, Error *err)
{
    const char *dir = a->dir ? a->dir : "runs";
    if (!a->run)
        return view == VIEW_RUNS ? add_directory(d, dir)
               : view == VIEW_HELP
                   ? STATUS_OK
                   : error_set(err, STATUS_ARG, "which run? dartboard show %s RUN", a->pane);
    if (rundir_find(dir, a->run, d->path, NULL) != STATUS_OK) {
        if (!file_exists(a->run))
            return error_set(err, STATUS_ARG, "no run, journal or log '%s' (looked here and in %s)",
                             a->run, dir);
        snprintf(d->path, sizeof d->path, "%s", a->run);
    }
    if (view == VIEW_SPACE)
        read_script(d);
    return add_source(d, d->path, err);
}

static void data_fini(ShowData *d)
{
    mem_free(d->model.runs);
    mem_free(d->script);
    for (int i = 0; i < d->n_sources; i++)
        source_close(d->source[i]);
}

// ---- drawing ------------------------------------------------------------------------------------

static void default_size(ShowArgs *a)
{
    struct winsize size = { 0 };
    bool tty = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    if (a->width == 0)
        a->width = tty && size.ws_col > 0 ? size.ws_col : 80;
    if (a->height == 0)
        a->height = tty && size.ws_row > 1 ? size.ws_row - 1 : 24;
}

static int choose_glyphs(const ShowArgs *a, GlyphTier *tier)
{
    const char *term = getenv("TERM"), *name = a->glyphs ? a->glyphs : "auto";
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    bool poor = term && (strcmp(term, "linux") == 0 || strcmp(term, "dumb") == 0);
    if (strcmp(name, "auto") == 0)
        *tier = utf8 && !poor ? GLYPHS_BRAILLE : GLYPHS_ASCII;
    else if (strcmp(name, "braille") == 0)
        *tier = GLYPHS_BRAILLE;
    else if (strcmp(name, "block") == 0)
        *tier = GLYPHS_BLOCK;
    else if (strcmp(name, "ascii") == 0)
        *tier = GLYPHS_ASCII;
    else
        return wrong("--glyphs is braille, block, ascii or auto, not", name);
    return 0;
}

static int choose_color(const ShowArgs *a, bool *color)
{
    const char *no = getenv("NO_COLOR"), *name = a->color ? a->color : "auto";
    if (strcmp(name, "auto") != 0 && strcmp(name, "always") != 0 && strcmp(name, "never") != 0)
        return wrong("--color is auto, always or never, not", name);
    *color = strcmp(name, "always") == 0 ||
             (strcmp(name, "auto") == 0 && isatty(STDOUT_FILENO) && !(no && *no));
    return 0;
}

static int find_cell(const ShowArgs *a, const ModelRun *run, int *cell)
{
    *cell = 0;
    for (int c = 0; a->cell && run && c < run->n_cells; c++)
        if (strcmp(run->cells[c].shape.name, a->cell) == 0) {
            *cell = c;
            return 0;
        }
    return a->cell ? wrong("this run has no cell", a->cell) : 0;
}

static int print_csv(const View *view, const ViewContext *ctx, const ViewState *state)
{
    char *text = view->csv ? view->csv(ctx, state) : NULL;
    if (!text)
        return wrong("no data as CSV in pane", view->name);
    fputs(text, stdout);
    mem_free(text);
    return 0;
}

static int draw(const ShowArgs *a, const View *view, const ShowData *d)
{
    Grid grid = { 0 };
    GlyphTier tier = GLYPHS_ASCII;
    bool color = false;
    ViewState state = { .form = a->form };
    ViewContext ctx = { .model = &d->model,
                        .run = d->model.n ? d->model.runs[d->model.n - 1] : NULL,
                        .epoch = a->epoch,
                        .details = a->width >= 120,
                        .now = clock_wall(),
                        .filter = a->filter ? a->filter : "",
                        .script_path = d->script ? d->script_path : NULL,
                        .script_text = d->script,
                        .focus = VIEW_HELP };
    int code = find_cell(a, ctx.run, &ctx.cell);
    if (!code)
        code = choose_glyphs(a, &tier);
    if (!code)
        code = choose_color(a, &color);
    if (code || a->csv)
        return code ? code : print_csv(view, &ctx, &state);
    if (!grid_resize(&grid, a->height, a->width)) {
        fputs("dartboard show: not enough memory for the screen\n", stderr);
        return 1;
    }
    grid.glyphs = tier;
    grid.ascii_only = tier == GLYPHS_ASCII;
    view_draw(view, &ctx, &state, &grid, (Rect){ 0, 0, grid.rows, grid.cols }, false);
    bool printed = show_print(&grid, color, a->roles, stdout);
    grid_fini(&grid);
    return printed ? 0 : 1;
}

int show_main(int argc, char **argv)
{
    ShowArgs args = { .epoch = INT_MAX };
    static ShowData data;
    Error err = { 0 };
    char text[800];
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    int code = parse(argc, argv, &args);
    if (code)
        return code;
    if (args.help) {
        fputs(usage, stdout);
        return 0;
    }
    const View *view = view_find(args.pane);
    if (!view)
        return wrong("no such pane:", args.pane);
    default_size(&args);
    data = (ShowData){ 0 };
    Status status = load(&args, &data, view->id, &err);
    if (status == STATUS_OK && args.run && data.model.n == 0)
        status = error_set(&err, STATUS_PARSE, "%s: no search found in it", args.run);
    if (status == STATUS_OK) {
        code = draw(&args, view, &data);
    } else {
        fprintf(stderr, "dartboard show: %s\n", error_text(&err, text, sizeof text));
        code = status == STATUS_ARG ? 2 : 1;
    }
    data_fini(&data);
    return code;
}
