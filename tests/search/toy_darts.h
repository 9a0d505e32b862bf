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

// Memory that runs out anywhere in the step after `epoch` is an error, after which progress can
// still be read and the search be closed.
static inline void toy_darts_starve(Toy *toy, int epoch)
{
    bool done = false;
    toy->ctx.sink = NULL;
    for (int64_t n = 0; !done; n += 1 + n / 6) {
        Darts *d = toy_darts(toy);
        SearchProgress p;
        Error err = { 0 };
        toy_darts_run(d, epoch, 0);
        alloc_fail_after(n);
        Status status = strategy_darts.step(d, &p, &err);
        alloc_fail_after(-1);
        done = status == STATUS_OK;
        if (!done)
            assert_int_equal(status, STATUS_NOMEM);
        strategy_darts.progress(d, &p);
        assert_int_equal(p.epoch, epoch);
        strategy_darts.close(d);
    }
}

#endif
