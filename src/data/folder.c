// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/str.h"
#include "src/data/picture.h"
#include "src/data/reader.h"
#include "src/data/resize.h"

// A directory with a directory of PNG or JPEG files for every class, or with train/ and test/
// that have these. Names are taken in byte order, so that images and classes have the same
// numbers on every machine.

enum { FILE_BYTES_MAX = 256 << 20 };

typedef struct {
    char **names;
    int count;
} Names;

typedef struct {
    const DataSpec *spec;
    Dataset *data;
    float *from, *to; // scratch for resizing
    size_t from_items;
} Folder;

static void names_fini(Names *list)
{
    for (int i = 0; i < list->count; i++)
        mem_free(list->names[i]);
    mem_free(list->names);
    *list = (Names){ 0 };
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool names_add(Names *list, const char *name)
{
    if ((list->count & (list->count - 1)) == 0) { // room doubles at every power of two
        size_t cap = list->count ? 2 * (size_t)list->count : 1;
        char **grown = mem_grow(list->names, cap, sizeof *grown);
        if (!grown)
            return false;
        list->names = grown;
    }
    char *copy = mem_strdup(name);
    if (copy)
        list->names[list->count++] = copy;
    return copy != NULL;
}

static bool is_picture(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 ||
                   strcasecmp(dot, ".jpeg") == 0);
}

// Directories in `path` (want_dirs) or pictures, sorted.
static Status list_names(const char *path, bool want_dirs, Names *list, Error *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return error_errno(err, "cannot open directory %s", path);
    Status status = STATUS_OK;
    for (struct dirent *e; status == STATUS_OK && (e = readdir(dir));) {
        char full[PATH_MAX];
        if (e->d_name[0] == '.' || (!want_dirs && !is_picture(e->d_name)))
            continue;
        if (snprintf(full, sizeof full, "%s/%s", path, e->d_name) >= (int)sizeof full)
            status = error_set(err, STATUS_ARG, "path too long: %s", path);
        else if (file_is_dir(full) == want_dirs && !names_add(list, e->d_name))
            status = error_set(err, STATUS_NOMEM, "%s: out of memory", path);
    }
    closedir(dir);
    if (list->count)
        qsort(list->names, (size_t)list->count, sizeof *list->names, by_bytes);
    return status;
}

// The first picture fixes the size that all the others are brought to.
static DataShape shape_for(const Folder *f, const Picture *p)
{
    const DataSpec *spec = f->spec;
    bool first = f->data->n == 0;
    DataShape shape = { .n = 1,
                        .height = first ? p->height : f->data->height,
                        .width = first ? p->width : f->data->width,
                        .channels = p->channels,
                        .type = PIXEL_U8 };
    if (first && spec->height > 0)
        shape.height = spec->height;
    if (first && spec->width > 0)
        shape.width = spec->width;
    return shape;
}

static bool scratch_room(Folder *f, size_t items)
{
    if (items > f->from_items) {
        float *grown = mem_grow(f->from, items, sizeof *grown);
        if (!grown)
            return false;
        f->from = grown;
        f->from_items = items;
    }
    if (!f->to)
        f->to = mem_array(dataset_image_items(f->data), sizeof *f->to);
    return f->to != NULL;
}

static Status store(Folder *f, const Picture *p, unsigned char *out, const char *path, Error *err)
{
    Dataset *d = f->data;
    size_t items = (size_t)p->height * (size_t)p->width * (size_t)p->channels;
    if (p->height == d->height && p->width == d->width) {
        memcpy(out, p->pixels, items);
        return STATUS_OK;
    }
    if (!scratch_room(f, items))
        return error_set(err, STATUS_NOMEM, "%s: out of memory", path);
    for (size_t k = 0; k < items; k++)
        f->from[k] = p->pixels[k];
    resize_bilinear(f->from, p->height, p->width, p->channels, f->to, d->height, d->width);
    for (size_t k = 0; k < dataset_image_items(d); k++)
        out[k] = (unsigned char)(f->to[k] + 0.5f);
    return STATUS_OK;
}

static Status add_picture(Folder *f, const char *path, int label, Error *err)
{
    char *bytes;
    size_t len;
    Picture picture = { 0 };
    int first;
    Status status = file_read(path, FILE_BYTES_MAX, &bytes, &len, err);
    if (status != STATUS_OK)
        return status;
    int channels = f->spec->channels == 1 ? 1 : 3;
    status = picture_decode(bytes, len, channels, path, &picture, err);
    mem_free(bytes);
    if (status != STATUS_OK)
        return status;
    DataShape shape = shape_for(f, &picture);
    status = dataset_extend(f->data, &shape, path, &first, err);
    if (status == STATUS_OK) {
        f->data->labels[first] = label;
        status = store(f, &picture, dataset_u8(f->data, first), path, err);
    }
    mem_free(picture.pixels);
    return status;
}

static Status add_class(Folder *f, const char *path, int label, Error *err)
{
    Names files = { 0 };
    Status status = list_names(path, false, &files, err);
    if (status == STATUS_OK && files.count == 0)
        status = error_set(err, STATUS_PARSE, "%s: expected .png, .jpg or .jpeg files, found none",
                           path);
    for (int i = 0; i < files.count && status == STATUS_OK; i++) {
        char full[PATH_MAX];
        if (snprintf(full, sizeof full, "%s/%s", path, files.names[i]) >= (int)sizeof full)
            status = error_set(err, STATUS_ARG, "path too long: %s", path);
        else
            status = add_picture(f, full, label, err);
    }
    names_fini(&files);
    return status;
}

// `classes`: names that the training part has; the test part may have no others.
static Status add_part(Folder *f, const char *path, const Names *classes, Error *err)
{
    Status status = STATUS_OK;
    for (int i = 0; i < classes->count && status == STATUS_OK; i++) {
        char full[PATH_MAX];
        if (snprintf(full, sizeof full, "%s/%s", path, classes->names[i]) >= (int)sizeof full)
            status = error_set(err, STATUS_ARG, "path too long: %s", path);
        else
            status = add_class(f, full, i, err);
    }
    return status;
}

static bool same_names(const Names *a, const Names *b)
{
    if (a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++)
        if (strcmp(a->names[i], b->names[i]) != 0)
            return false;
    return true;
}

static Status add_parts(Folder *f, const char *train, const char *test, Error *err)
{
    Names classes = { 0 }, tests = { 0 };
    Status status = list_names(train, true, &classes, err);
    if (status == STATUS_OK && classes.count == 0)
        status = error_set(err, STATUS_PARSE, "%s: expected a directory for every class", train);
    if (status == STATUS_OK)
        status = add_part(f, train, &classes, err);
    f->data->n_train = f->data->n;
    if (status == STATUS_OK && test)
        status = list_names(test, true, &tests, err);
    if (status == STATUS_OK && test && !same_names(&classes, &tests))
        status =
            error_set(err, STATUS_PARSE, "%s does not have the same classes as %s", test, train);
    if (status == STATUS_OK && test)
        status = add_part(f, test, &classes, err);
    f->data->classes = classes.count;
    names_fini(&classes);
    names_fini(&tests);
    return status;
}

Status folder_open(const DataSpec *spec, Dataset *data, Error *err)
{
    char train[PATH_MAX], test[PATH_MAX];
    Folder f = { .spec = spec, .data = data };
    if (!picture_can_decode())
        return error_set(err, STATUS_ARG,
                         "data folder needs PNG and JPEG; install libpng-dev and "
                         "libturbojpeg0-dev and build again");
    if (spec->channels != 0 && spec->channels != 1 && spec->channels != 3)
        return error_set(err, STATUS_ARG, "data folder has 1 or 3 channels, not %d",
                         spec->channels);
    if (snprintf(train, sizeof train, "%s/train", spec->path) >= (int)sizeof train ||
        snprintf(test, sizeof test, "%s/test", spec->path) >= (int)sizeof test)
        return error_set(err, STATUS_ARG, "path too long: %s", spec->path);
    bool parts = file_is_dir(train) && file_is_dir(test);
    Status status = add_parts(&f, parts ? train : spec->path, parts ? test : NULL, err);
    mem_free(f.from);
    mem_free(f.to);
    return status;
}
