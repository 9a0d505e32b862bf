// SPDX-License-Identifier: MIT
#ifndef TESTS_SEARCH_TOY_DARTS_H
#define TESTS_SEARCH_TOY_DARTS_H

#include "tests/search/toy.h"

#include "src/search/darts.h"
#include "src/search/table.h"

// Searches of the DARTS family on the toy problem with their insides open: what defines a remedy
// is about one step, not about its records.

static inline Darts *toy_darts(Toy *toy)
{
    void *self = NULL;
    Error err = { 0 };
    const SearchStrategy *strategy = search_find(toy->ctx.options.strategy); // darts or gdas
    if (strategy->open(&toy->ctx, &self, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return self;
}

static inline void toy_darts_close(Toy *toy, Darts *d)
{
    strategy_darts.close(d);
    toy_fini(toy);
}

static inline SearchProgress toy_darts_step(Darts *d)
{
    SearchProgress p;
    Error err = { 0 };
    if (strategy_darts.step(d, &p, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return p;
}

// Until `epoch` has ended (-1: nothing) and `more` steps of the next were done.
static inline void toy_darts_run(Darts *d, int epoch, int more)
{
    while (d->t.epoch < epoch || d->t.epoch_step < more)
        toy_darts_step(d);
}

#endif
