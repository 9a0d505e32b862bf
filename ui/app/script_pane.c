// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/run/rundir.h"
#include "ui/app/state.h"

// The space script beside the run: its text, an external editor on it, and its check, which runs
// in a process of its own (a script may loop for ever).

static void find_script(const App *app, char *path)
{
    const ModelRun *run = app_run(app);
    const ViewSpace *space = app_space(app);
    path[0] = '\0';
    char dir[PATH_MAX];
    if (space)
        spaces_path(space, path);
    else if (app_run_dir(run, dir) && rundir_file(dir, "space.lua", path, NULL) != STATUS_OK)
        path[0] = '\0';
    if (!file_exists(path))
        path[0] = '\0';
}

void script_pane_load(App *app)
{
    char *text, path[PATH_MAX];
    find_script(app, path);
    bool another = strcmp(path, app->script_path) != 0;
    if (another) {
        snprintf(app->script_path, sizeof app->script_path, "%s", path);
        app->script_check[0] = '\0';
        app->script_error_line = 0;
        app->states[VIEW_SPACE] = (ViewState){ 0 };
    }
    app->script_of_list = app_space(app) != NULL;
    app->script_text[0] = '\0';
    app->script_loaded = true;
    if (!path[0] || file_read(path, SCRIPT_TEXT - 1, &text, NULL, NULL) != STATUS_OK)
        return;
    snprintf(app->script_text, sizeof app->script_text, "%s", text);
    mem_free(text);
    if (another && app->script_of_list) // that of a run was checked when it started
        script_pane_check(app);
}

void script_pane_check(App *app)
{
    char *argv[] = { (char *)"dartboard", (char *)"check", app->script_path, NULL };
    if (strcmp(app->child.what, "check") == 0)
        child_stop(&app->child); // of what the script was before
    if (app->script_path[0] && child_start(&app->child, "check", argv))
        snprintf(app->script_check, sizeof app->script_check, "checking …");
}

// "file:12: message" -> 12
static int error_line(const char *text)
{
    for (const char *p = strchr(text, ':'); p; p = strchr(p + 1, ':')) {
        char *end;
        if (!isdigit((unsigned char)p[1]))
            continue;
        long line = strtol(p + 1, &end, 10);
        if (*end == ':' && line > 0 && line < 1000000)
            return (int)line;
    }
    return 0;
}

void script_pane_checked(App *app)
{
    snprintf(app->script_check, sizeof app->script_check, "%s", app->child.text);
    app->script_error_line = app->child.code ? error_line(app->child.text) : 0;
    if (app->script_error_line > 0) // with two lines of context above it
        app->states[VIEW_SPACE].cursor =
            app->script_error_line > 3 ? app->script_error_line - 3 : 0;
    const ViewSpace *space = app_space(app);
    if (app->child.code)
        app_say(app, "the script has an error: %s",
                app->view == VIEW_SPACE ? "its line is marked" : "5 shows it");
    else if (space && app->script_of_list)
        app_say(app, "the script is good; :run %s starts a search", space->name);
    else
        app_say(app, "the script is good");
}

// Ctrl-C in the editor is the editor's: it must not end the dashboard behind it.
static void run_editor(const char *editor, const char *path)
{
    void (*on_int)(int) = signal(SIGINT, SIG_IGN);
    void (*on_quit)(int) = signal(SIGQUIT, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        signal(SIGQUIT, SIG_DFL);
        // The editor may come with options ("code -w"), so a shell splits it.
        execl("/bin/sh", "sh", "-c", "exec $0 \"$1\"", editor, path, (char *)NULL);
        _exit(127);
    }
    int status;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    signal(SIGINT, SIG_IGN); // once more: drops what came while it was blocked
    signal(SIGINT, on_int);
    signal(SIGQUIT, on_quit);
}

void script_pane_edit(App *app)
{
    const char *editor = getenv("VISUAL");
    if (!editor || !*editor)
        editor = getenv("EDITOR");
    if (!editor || !*editor)
        editor = "vi";
    const ViewSpace *space = app_space(app);
    Error err;
    if (space && spaces_own(space, app->script_path, &err) != STATUS_OK) {
        app_say(app, "%s", err.msg);
        return;
    }
    if (!app->script_path[0]) {
        app_say(app, "%s",
                app_run(app) ? "no space script: this is a foreign record"
                             : "no space script: 0 lists the spaces, arrows select");
        return;
    }
    term_leave();
    run_editor(editor, app->script_path);
    term_return();
    app->repaint = true;
    if (app->workbench)
        spaces_scan(&app->spaces); // a copy is an own one now
    script_pane_load(app);
    script_pane_check(app);
}
