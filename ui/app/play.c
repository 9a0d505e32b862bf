// SPDX-License-Identifier: MIT
#include "ui/app/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/str.h"
#include "ui/app/input.h"
#include "ui/app/state.h"

Status play_open(Play *p, const char *path, Error *err)
{
    Status status = file_read(path, 1 << 20, &p->text, NULL, err);
    if (status != STATUS_OK)
        return status;
    p->next = p->text;
    p->on = true;
    return STATUS_OK;
}

void play_close(Play *p)
{
    mem_free(p->text);
    *p = (Play){ 0 };
}

// Real seconds: a frozen test clock must not stop the waiting.
static double play_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool waiting(const App *app)
{
    const Play *p = &app->play;
    const ModelRun *run = app_run(app);
    int n = 0;
    if (!p->wait[0])
        return false;
    if (sscanf(p->wait, "epoch %d", &n) == 1)
        return !run || run->epoch < n;
    if (sscanf(p->wait, "runs %d", &n) == 1)
        return app_model(app)->n < n;
    if (strcmp(p->wait, "done") == 0)
        return !run || run->state == RUN_RUNNING || run->state == RUN_UNKNOWN;
    if (strcmp(p->wait, "idle") == 0)
        return app->child.pid != 0;
    if (str_starts(p->wait, "seconds "))
        return play_now() - p->wait_since < strtod(p->wait + 8, NULL);
    return false;
}

static int named_key(const char *name, size_t len)
{
    static const struct {
        const char *name;
        int key;
    } names[] = { { "Enter", TKEY_ENTER },
                  { "Esc", 27 },
                  { "Tab", '\t' },
                  { "BackTab", TKEY_BACKTAB },
                  { "Up", TKEY_UP },
                  { "Down", TKEY_DOWN },
                  { "Left", TKEY_LEFT },
                  { "Right", TKEY_RIGHT },
                  { "Home", TKEY_HOME },
                  { "End", TKEY_END },
                  { "PgUp", TKEY_PAGE_UP },
                  { "PgDn", TKEY_PAGE_DOWN },
                  { "F1", TKEY_F1 },
                  { "Space", ' ' },
                  { "Backspace", TKEY_BACKSPACE } };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i].name) == len && strncmp(names[i].name, name, len) == 0)
            return names[i].key;
    return TKEY_NONE;
}

static void type_keys(App *app, const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char *close = line[i] == '<' ? memchr(line + i, '>', len - i) : NULL;
        int key =
            close ? named_key(line + i + 1, (size_t)(close - line - (ptrdiff_t)i - 1)) : TKEY_NONE;
        if (key != TKEY_NONE)
            i = (size_t)(close - line);
        else
            key = (unsigned char)line[i];
        input_key(app, key);
    }
}

bool play_step(App *app)
{
    Play *p = &app->play;
    while (p->on && !app->quit) {
        if (waiting(app))
            return true;
        p->wait[0] = '\0';
        if (!*p->next) {
            p->on = false;
            break;
        }
        size_t len = strcspn(p->next, "\n");
        const char *line = p->next;
        p->next += len + (line[len] == '\n');
        char command[512];
        snprintf(command, sizeof command, "%.*s", (int)len, line);
        if (command[0] == ':')
            command_do(app, command + 1);
        else if (str_starts(command, "wait ")) {
            snprintf(p->wait, sizeof p->wait, "%s", command + 5);
            p->wait_since = play_now();
        } else if (command[0] && command[0] != '#')
            type_keys(app, line, len);
        app->dirty = true;
    }
    return p->on;
}
