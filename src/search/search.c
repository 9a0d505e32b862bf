// SPDX-License-Identifier: MIT
#include "src/search/search.h"

#include <string.h>

#include "src/base/alloc.h"
#include "src/search/table.h"

struct Search {
    const SearchStrategy *strategy;
    void *self;
};

enum { TABLE_COUNT = 4 };
static const SearchStrategy *const table[TABLE_COUNT] = { &strategy_darts, &strategy_gdas,
                                                          &strategy_random, &strategy_evolution };

const SearchStrategy *search_table(int *count)
{
    static SearchStrategy flat[TABLE_COUNT];
    for (int i = 0; i < TABLE_COUNT; i++)
        flat[i] = *table[i];
    *count = TABLE_COUNT;
    return flat;
}

const SearchStrategy *search_find(const char *name)
{
    for (int i = 0; i < TABLE_COUNT; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

Status search_new(const SearchContext *context, Search **search, Error *err)
{
    const char *name = context->options.strategy ? context->options.strategy : "";
    const SearchStrategy *strategy = search_find(name);
    if (!strategy) {
        const char *names[TABLE_COUNT];
        for (int i = 0; i < TABLE_COUNT; i++)
            names[i] = table[i]->name;
        const char *near = str_nearest(name, names, TABLE_COUNT);
        return error_set(err, STATUS_ARG,
                         "unknown strategy '%s'%s%s%s; expected darts, gdas, random or evolution",
                         name, near ? ", did you mean '" : "", near ? near : "", near ? "'" : "");
    }
    Search *s = mem_zero(1, sizeof *s);
    if (!s)
        return error_set(err, STATUS_NOMEM, "no memory for the search");
    s->strategy = strategy;
    Status status = strategy->open(context, &s->self, err);
    if (status != STATUS_OK) {
        mem_free(s);
        return status;
    }
    *search = s;
    return STATUS_OK;
}

void search_free(Search *search)
{
    if (!search)
        return;
    search->strategy->close(search->self);
    mem_free(search);
}

void search_describe(const Search *search, Json *run_record)
{
    search->strategy->describe(search->self, run_record);
}

Status search_begin(Search *search, Error *err)
{
    return search->strategy->begin(search->self, err);
}

Status search_step(Search *search, SearchProgress *progress, Error *err)
{
    return search->strategy->step(search->self, progress, err);
}

void search_progress(const Search *search, SearchProgress *progress)
{
    search->strategy->progress(search->self, progress);
}

Status search_save(Search *search, SearchState *state, Error *err)
{
    return search->strategy->save(search->self, state, err);
}

Status search_load(Search *search, const SafeFile *file, Error *err)
{
    return search->strategy->load(search->self, file, err);
}

const Health *search_health(const Search *search)
{
    return search->strategy->health ? search->strategy->health(search->self) : NULL;
}

Status search_result(Search *search, Genotype *geno, Candidate *value, Error *err)
{
    return search->strategy->result(search->self, geno, value, err);
}
