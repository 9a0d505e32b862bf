// SPDX-License-Identifier: MIT
#include "ui/app/spaces.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/str.h"

enum { SCRIPT_MOST = 1 << 20 };

void spaces_path(const ViewSpace *space, char path[PATH_MAX])
{
    if (space->own)
        snprintf(path, PATH_MAX, "spaces/%s.lua", space->name);
    else
        snprintf(path, PATH_MAX, "%s/spaces/%s.lua", file_share_dir(), space->name);
}

// The comment on top up to its first full stop or colon, lines joined; the licence line is not it.
static void read_about(const char *text, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (; strncmp(text, "--", 2) == 0; text += strcspn(text, "\n"), text += *text == '\n') {
        if (str_starts(text, "-- SPDX"))
            continue;
        const char *s = text + 2 + strspn(text + 2, " -");
        if (n > 0 && n + 1 < size)
            out[n++] = ' ';
        for (; *s && *s != '\n' && n + 1 < size; s++) {
            bool ends = (*s == '.' || *s == ':') && (s[1] == ' ' || s[1] == '\n' || !s[1]);
            if (ends) {
                out[n] = '\0';
                return;
            }
            out[n++] = *s;
        }
        out[n] = '\0';
    }
}

static void add(Spaces *s, const char *file, bool own)
{
    char path[PATH_MAX], *text;
    size_t len = strlen(file);
    ViewSpace *space = &s->item[s->n];
    if (s->n == SPACES_MOST || file[0] == '.' || !str_ends(file, ".lua") ||
        len - 4 >= sizeof space->name)
        return;
    *space = (ViewSpace){ .own = own };
    snprintf(space->name, sizeof space->name, "%.*s", (int)len - 4, file);
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->item[i].name, space->name) == 0)
            return;
    spaces_path(space, path);
    if (file_read(path, SCRIPT_MOST, &text, NULL, NULL) != STATUS_OK)
        return;
    read_about(text, space->about, sizeof space->about);
    mem_free(text);
    s->n++;
}

static void scan(Spaces *s, const char *dir, bool own)
{
    struct dirent **names;
    int n = scandir(dir, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        add(s, names[i]->d_name, own);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ViewSpace *)a)->name, ((const ViewSpace *)b)->name);
}

void spaces_scan(Spaces *s)
{
    char shipped[PATH_MAX];
    s->n = 0;
    snprintf(shipped, sizeof shipped, "%s/spaces", file_share_dir());
    scan(s, "spaces", true);
    scan(s, shipped, false);
    qsort(s->item, (size_t)s->n, sizeof s->item[0], by_name); // a copy stays where it was
}

Status spaces_own(const ViewSpace *space, char path[PATH_MAX], Error *err)
{
    ViewSpace own = *space;
    char *text;
    size_t len;
    spaces_path(space, path);
    if (space->own)
        return STATUS_OK;
    Status status = file_read(path, SCRIPT_MOST, &text, &len, err);
    if (status != STATUS_OK)
        return status;
    own.own = true;
    spaces_path(&own, path);
    status = file_mkdirs("spaces", err);
    if (status == STATUS_OK)
        status = file_write_atomic(path, text, len, err);
    mem_free(text);
    return status;
}
