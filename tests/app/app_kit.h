// SPDX-License-Identifier: MIT
#ifndef TESTS_APP_KIT_H
#define TESTS_APP_KIT_H

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ui/app/input.h"
#include "ui/app/state.h"

// A dashboard on a recorded journal, without a terminal.
static inline App *kit_open(const char *file, int rows, int cols)
{
    static App app;
    Error err;
    memset(&app, 0, sizeof app);
    app.run = -1;
    app.epoch = INT_MAX;
    app.view = VIEW_OVERVIEW;
    app.glyphs = GLYPHS_BRAILLE;
    app.options = (SourceOptions){ .majority = NAN, .until_epoch = INT_MAX };
    snprintf(app.path, sizeof app.path, "tests/runs/%s", file);
    if (!grid_resize(&app.grid, rows, cols))
        return NULL;
    if (!*file)
        return &app;
    if (app_reopen(&app, &err) != STATUS_OK)
        return NULL;
    bool more = true;
    while (more && source_poll(app.source, 0, &more, &err) == STATUS_OK)
        ;
    app.run = app_model(&app)->n - 1;
    return &app;
}

static inline void kit_close(App *app)
{
    source_close(app->source);
    app->source = NULL;
    grid_fini(&app->grid);
}

static inline bool kit_shows(const App *app, const char *text)
{
    char *dump = grid_dump(&app->grid, false);
    bool found = dump && strstr(dump, text);
    free(dump);
    return found;
}

#endif
