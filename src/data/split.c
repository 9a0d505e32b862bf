// SPDX-License-Identifier: MIT
#include "src/data/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "src/base/str.h"

// The seed of the sealed part: part of the contract, results depend on it.
static const uint64_t SEAL_SEED = 0x5ea1ed0000000001u;

enum { DRAW_SEAL = 1, DRAW_SUBSET, DRAW_VALID };

static const char *const kind_names[] = { "order", "shuffled", "stratified" };
enum { KIND_COUNT = sizeof kind_names / sizeof kind_names[0] };

SplitOptions split_defaults(void)
{
    return (SplitOptions){ .kind = SPLIT_ORDER, .valid = 0.5, .test = 0.2 };
}

const char *split_kind_name(SplitKind kind)
{
    return (unsigned)kind < KIND_COUNT ? kind_names[kind] : NULL;
}

Status split_kind_parse(const char *text, SplitKind *kind, Error *err)
{
    for (int i = 0; i < KIND_COUNT; i++)
        if (strcmp(text, kind_names[i]) == 0) {
            *kind = (SplitKind)i;
            return STATUS_OK;
        }
    return error_set(err, STATUS_ARG, "unknown split '%s', expected order, shuffled or stratified",
                     text);
}

// ---- choosing part of a list --------------------------------------------------------------------

// Images of one class in list[begin .. end), how many of them are taken, and the rest that
// rounding down left: the largest get one more (largest remainder method).
typedef struct {
    int class, begin, end, take;
    double rest;
} Group;

static int by_rest(const void *a, const void *b)
{
    const Group *x = a, *y = b;
    if (x->rest != y->rest)
        return x->rest > y->rest ? -1 : 1;
    return x->class - y->class;
}

static int by_value(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

// Moves the images of each class together, ascending classes, order within a class kept.
static void group_classes(const Dataset *data, int *list, int n, Group *groups, int *scratch)
{
    for (int c = 0; c < data->classes; c++)
        groups[c] = (Group){ .class = c };
    for (int i = 0; i < n; i++)
        groups[data->labels[list[i]]].end++;
    for (int c = 0, at = 0; c < data->classes; c++) {
        groups[c].begin = at;
        at += groups[c].end;
        groups[c].end = groups[c].begin;
    }
    memcpy(scratch, list, (size_t)n * sizeof *list);
    for (int i = 0; i < n; i++)
        list[groups[data->labels[scratch[i]]].end++] = scratch[i];
}

// Shares k among the groups in proportion to their sizes.
static void share_out(Group *groups, int n_groups, int n, int k)
{
    int left = k;
    for (int c = 0; c < n_groups; c++) {
        double exact = (double)k * (groups[c].end - groups[c].begin) / n;
        groups[c].take = (int)floor(exact);
        groups[c].rest = exact - groups[c].take;
        left -= groups[c].take;
    }
    qsort(groups, (size_t)n_groups, sizeof *groups, by_rest);
    for (int c = 0; c < n_groups && left > 0; c++)
        if (groups[c].take < groups[c].end - groups[c].begin) {
            groups[c].take++;
            left--;
        }
}

static Status choose_stratified(const Dataset *data, int *list, int n, int k, uint64_t seed,
                                uint64_t draw, Error *err)
{
    Group *groups = mem_zero((size_t)data->classes, sizeof *groups);
    int *scratch = mem_array((size_t)n, sizeof *scratch);
    if (groups && scratch) {
        group_classes(data, list, n, groups, scratch);
        share_out(groups, data->classes, n, k);
        int taken = 0, kept = k;
        for (int c = 0; c < data->classes; c++) {
            Group *g = &groups[c];
            Rng rng = rng_at(seed, draw, (uint64_t)g->class);
            rng_shuffle(&rng, list + g->begin, g->end - g->begin);
            for (int i = g->begin; i < g->end; i++)
                scratch[i - g->begin < g->take ? taken++ : kept++] = list[i];
        }
        memcpy(list, scratch, (size_t)n * sizeof *list);
    }
    bool failed = !groups || !scratch;
    mem_free(groups);
    mem_free(scratch);
    return failed ? error_set(err, STATUS_NOMEM, "out of memory while splitting %d images", n)
                  : STATUS_OK;
}

// Rearranges list so that the k chosen ones come first; both parts ascending.
static Status choose(const Dataset *data, SplitKind kind, int *list, int n, int k, uint64_t seed,
                     uint64_t draw, Error *err)
{
    Status status = STATUS_OK;
    if (kind == SPLIT_STRATIFIED) {
        status = choose_stratified(data, list, n, k, seed, draw, err);
    } else if (kind == SPLIT_SHUFFLED) {
        Rng rng = rng_at(seed, draw, 0);
        rng_shuffle(&rng, list, n);
    }
    qsort(list, (size_t)k, sizeof *list, by_value);
    qsort(list + k, (size_t)(n - k), sizeof *list, by_value);
    return status;
}

// ---- the split ----------------------------------------------------------------------------------

static Status check_options(const Dataset *data, const SplitOptions *o, Error *err)
{
    if (!(o->valid >= 0 && o->valid < 1))
        return error_set(err, STATUS_ARG, "data.valid is %g, expected at least 0 and less than 1",
                         o->valid);
    if (data->n_train == data->n && !(o->test > 0 && o->test <= 0.9))
        return error_set(err, STATUS_ARG,
                         "data.test is %g, expected more than 0 and at most 0.9: %s has no test "
                         "files of its own",
                         o->test, data->name);
    if (o->subset < 0)
        return error_set(err, STATUS_ARG, "data.subset is %lld, expected 0 (all) or more",
                         (long long)o->subset);
    return STATUS_OK;
}

static int *copy_list(const int *list, int n)
{
    int *copy = mem_array((size_t)n, sizeof *copy);
    if (copy && n)
        memcpy(copy, list, (size_t)n * sizeof *copy);
    return copy;
}

// all[0 .. *n_open) are the images a search may use, the rest up to data->n is the test part.
static Status seal(const Dataset *data, const SplitOptions *o, int *all, int *n_open, Error *err)
{
    for (int i = 0; i < data->n; i++)
        all[i] = i;
    *n_open = data->n_train;
    if (data->n_train < data->n)
        return STATUS_OK;
    int n_test = (int)floor(o->test * data->n + 0.5);
    if (n_test < 1 || n_test >= data->n)
        return error_set(err, STATUS_ARG, "%s: cannot seal off %g of %d images as the test part",
                         data->name, o->test, data->n);
    *n_open = data->n - n_test;
    return choose(data, SPLIT_STRATIFIED, all, data->n, *n_open, SEAL_SEED, DRAW_SEAL, err);
}

// list[0 .. n): the open images. The first part of the choice is train, the second valid.
static Status split_open(const Dataset *data, const SplitOptions *o, int *list, int n, Split *split,
                         Error *err)
{
    if (o->subset > n)
        return error_set(err, STATUS_ARG, "data.subset is %lld, %s has only %d training images",
                         (long long)o->subset, data->name, n);
    Status status = STATUS_OK;
    if (o->subset > 0 && o->subset < n) {
        status = choose(data, o->kind, list, n, (int)o->subset, o->seed, DRAW_SUBSET, err);
        n = (int)o->subset;
    }
    if (status != STATUS_OK)
        return status;
    int n_train = (int)floor((1 - o->valid) * n + 1e-9);
    if (n_train < 1 || (o->valid > 0 && n_train == n))
        return error_set(err, STATUS_ARG, "data.valid %g leaves no images on one side of %d",
                         o->valid, n);
    if (n_train < n)
        status = choose(data, o->kind, list, n, n_train, o->seed, DRAW_VALID, err);
    if (status != STATUS_OK)
        return status;
    split->n_train = n_train;
    split->n_valid = n - n_train;
    split->train = copy_list(list, n_train);
    split->valid = copy_list(list + n_train, n - n_train);
    return split->train && split->valid ? STATUS_OK
                                        : error_set(err, STATUS_NOMEM, "out of memory for a split");
}

static Status split_make(const Dataset *data, const SplitOptions *o, bool unseal, Split *split,
                         Error *err)
{
    *split = (Split){ 0 };
    Status status = check_options(data, o, err);
    if (status != STATUS_OK)
        return status;
    int n_open = 0, *all = mem_array((size_t)data->n, sizeof *all);
    if (!all)
        return error_set(err, STATUS_NOMEM, "out of memory for a split of %d images", data->n);
    status = seal(data, o, all, &n_open, err);
    if (status == STATUS_OK)
        status = split_open(data, o, all, n_open, split, err);
    if (status == STATUS_OK && unseal) {
        split->n_test = data->n - n_open;
        split->test = copy_list(all + n_open, split->n_test);
        if (!split->test)
            status = error_set(err, STATUS_NOMEM, "out of memory for a split");
    }
    mem_free(all);
    if (status != STATUS_OK)
        split_fini(split);
    return status;
}

Status split_new(const Dataset *data, const SplitOptions *options, Split *split, Error *err)
{
    return split_make(data, options, false, split, err);
}

Status split_unseal(const Dataset *data, const SplitOptions *options, Split *split, Error *err)
{
    return split_make(data, options, true, split, err);
}

void split_fini(Split *split)
{
    mem_free(split->train);
    mem_free(split->valid);
    mem_free(split->test);
    *split = (Split){ 0 };
}
