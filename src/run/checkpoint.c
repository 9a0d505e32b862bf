// SPDX-License-Identifier: MIT
#include "src/run/checkpoint.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/safetensors.h"
#include "src/run/rundir.h"

void checkpoint_name(int epoch, char name[CHECKPOINT_NAME])
{
    snprintf(name, CHECKPOINT_NAME, "checkpoints/%04d.safetensors", epoch + 1);
}

static Status checkpoint_path(const char *run, int epoch, char *path, Error *err)
{
    char name[CHECKPOINT_NAME];
    checkpoint_name(epoch, name);
    return rundir_file(run, name, path, err);
}

static Status write_state(const char *path, Search *search, Error *err)
{
    SearchState state = { 0 };
    Status status = search_save(search, &state, err);
    if (status != STATUS_OK)
        return status;
    return safetensors_write(path, state.tensors, state.n_tensors,
                             (const char *const(*)[2])state.meta, state.n_meta, err);
}

Status checkpoint_write(const char *run, int epoch, Search *search, Error *err)
{
    char path[PATH_MAX];
    Status status = checkpoint_path(run, epoch, path, err);
    return status == STATUS_OK ? write_state(path, search, err) : status;
}

Status checkpoint_write_now(const char *run, Search *search, Error *err)
{
    char path[PATH_MAX];
    Status status = rundir_file(run, CHECKPOINT_NOW, path, err);
    return status == STATUS_OK ? write_state(path, search, err) : status;
}

void checkpoint_drop_now(const char *run)
{
    char path[PATH_MAX];
    if (rundir_file(run, CHECKPOINT_NOW, path, NULL) == STATUS_OK)
        unlink(path);
}

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

int checkpoint_list(const char *run, int *epochs, int cap)
{
    char path[PATH_MAX];
    if (rundir_file(run, "checkpoints", path, NULL) != STATUS_OK)
        return 0;
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    int n = 0;
    for (struct dirent *e = readdir(dir); e && n < cap; e = readdir(dir)) {
        int number;
        char tail[32];
        if (sscanf(e->d_name, "%d%31s", &number, tail) == 2 && number >= 0 &&
            strcmp(tail, ".safetensors") == 0)
            epochs[n++] = number - 1;
    }
    closedir(dir);
    qsort(epochs, (size_t)n, sizeof *epochs, compare_ints);
    return n;
}

enum { MANY = 4096 };

int checkpoint_before(const char *run, int epoch)
{
    int epochs[MANY];
    int n = checkpoint_list(run, epochs, MANY), found = INT_MIN;
    for (int i = 0; i < n; i++)
        if (epochs[i] <= epoch)
            found = epochs[i];
    return found;
}

static Status load_state(const char *path, Search *search, Error *err)
{
    SafeFile *file;
    Status status = safetensors_open(path, &file, err);
    if (status != STATUS_OK)
        return status;
    status = search_load(search, file, err);
    safetensors_close(file);
    if (status != STATUS_OK)
        error_wrap(err, "%s", path);
    return status;
}

Status checkpoint_load(const char *run, int epoch, Search *search, Error *err)
{
    char path[PATH_MAX];
    Status status = checkpoint_path(run, epoch, path, err);
    return status == STATUS_OK ? load_state(path, search, err) : status;
}

Status checkpoint_load_now(const char *run, Search *search, Error *err)
{
    char path[PATH_MAX];
    Status status = rundir_file(run, CHECKPOINT_NOW, path, err);
    if (status == STATUS_OK && !file_exists(path))
        return error_set(err, STATUS_IO, "no %s", path);
    return status == STATUS_OK ? load_state(path, search, err) : status;
}

static bool is_pinned(int epoch, const int *pinned, int n)
{
    for (int i = 0; i < n; i++)
        if (pinned[i] == epoch)
            return true;
    return false;
}

void checkpoint_prune(const char *run, int keep, int window, const int *pinned, int n_pinned)
{
    int epochs[MANY];
    int n = checkpoint_list(run, epochs, MANY);
    for (int i = 0; i < n - keep && i < n; i++) {
        char path[PATH_MAX];
        if (epochs[i] < 0 || epochs[i] > epochs[n - 1] - window ||
            is_pinned(epochs[i], pinned, n_pinned))
            continue;
        if (checkpoint_path(run, epochs[i], path, NULL) == STATUS_OK)
            unlink(path);
    }
}
