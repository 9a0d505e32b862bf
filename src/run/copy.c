// SPDX-License-Identifier: MIT
#include "src/run/copy.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/run/rundir.h"

enum { SCRIPT_LIMIT = 8 << 20 };

static Status copy_file(const char *from, const char *run, const char *to, Error *err)
{
    char path[PATH_MAX], *text;
    size_t len;
    Status status = rundir_file(run, to, path, err);
    if (status == STATUS_OK)
        status = file_read(from, SCRIPT_LIMIT, &text, &len, err);
    if (status != STATUS_OK)
        return status;
    status = file_write_atomic(path, text, len, err);
    mem_free(text);
    return status;
}

Status copy_scripts(const Space *space, const char *script, const char *run, Error *err)
{
    char dir[PATH_MAX];
    Status status = copy_file(script, run, "space.lua", err);
    if (status == STATUS_OK)
        status = rundir_file(run, "lua", dir, err);
    if (status == STATUS_OK)
        status = file_mkdirs(dir, err);
    for (int i = 0; i < space->n_required && status == STATUS_OK; i++) {
        const char *base = strrchr(space->required[i], '/');
        char to[PATH_MAX];
        snprintf(to, sizeof to, "lua/%s", base ? base + 1 : space->required[i]);
        status = copy_file(space->required[i], run, to, err);
    }
    return status;
}
