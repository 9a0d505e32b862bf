// SPDX-License-Identifier: MIT
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/str.h"
#include "src/data/reader.h"

// Which reader opens which data.name.

static const char FASHION_DIR[] = "/usr/share/datasets/fashion-mnist";

static const char *const names[] = { "digits", "fashion", "cifar10", "cifar100",
                                     "idx",    "npy",     "folder",  NULL };

const char *const *data_names(void)
{
    return names;
}

static Status open_digits(const DataSpec *spec, Dataset *data, Error *err)
{
    char path[PATH_MAX];
    const char *share = spec->share_dir ? spec->share_dir : file_share_dir();
    snprintf(path, sizeof path, "%s/assets/data", share);
    Status status = idx_open(spec->path ? spec->path : path, "digits", data, err);
    data->scale = 1.0f / 16; // pixels are 0 .. 16
    return status;
}

static Status open_fashion(const DataSpec *spec, Dataset *data, Error *err)
{
    if (!spec->path && !file_is_dir(FASHION_DIR))
        return error_set(err, STATUS_IO,
                         "there is no %s: install the package dataset-fashion-mnist (Debian, "
                         "Ubuntu: sudo apt install dataset-fashion-mnist), or set data.path to a "
                         "directory with the four IDX files",
                         FASHION_DIR);
    return idx_open(spec->path ? spec->path : FASHION_DIR, "train", data, err);
}

static Status open_named(const DataSpec *spec, Dataset *data, Error *err)
{
    const char *name = spec->name;
    if (strcmp(name, "digits") == 0)
        return open_digits(spec, data, err);
    if (strcmp(name, "fashion") == 0)
        return open_fashion(spec, data, err);
    if (!spec->path || !*spec->path)
        return error_set(err, STATUS_ARG,
                         "data %s needs data.path, the file or directory that holds it", name);
    if (strcmp(name, "cifar10") == 0)
        return cifar_open(spec->path, 10, data, err);
    if (strcmp(name, "cifar100") == 0)
        return cifar_open(spec->path, 100, data, err);
    if (strcmp(name, "idx") == 0)
        return idx_open(spec->path, "train", data, err);
    if (strcmp(name, "npy") == 0)
        return npy_open(spec->path, data, err);
    return folder_open(spec, data, err);
}

static Status check_name(const char *name, Error *err)
{
    int n = 0;
    for (; names[n]; n++)
        if (name && strcmp(name, names[n]) == 0)
            return STATUS_OK;
    const char *near = name ? str_nearest(name, names, n) : NULL;
    return error_set(err, STATUS_ARG,
                     "unknown data '%s'%s%s%s, expected digits, fashion, cifar10, cifar100, idx, "
                     "npy or folder",
                     name ? name : "", near ? " (did you mean " : "", near ? near : "",
                     near ? "?)" : "");
}

Status data_open(const DataSpec *spec, Dataset **data, Error *err)
{
    *data = NULL;
    Status status = check_name(spec->name, err);
    if (status != STATUS_OK)
        return status;
    Dataset *set = mem_zero(1, sizeof *set);
    if (!set)
        return error_set(err, STATUS_NOMEM, "out of memory for data %s", spec->name);
    snprintf(set->name, sizeof set->name, "%s", spec->name);
    set->scale = 1.0f / 255;
    status = open_named(spec, set, err);
    if (status == STATUS_OK)
        status = dataset_finish(set, err);
    if (status != STATUS_OK) {
        data_free(set);
        return status;
    }
    *data = set;
    return STATUS_OK;
}
