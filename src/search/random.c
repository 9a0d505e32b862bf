// SPDX-License-Identifier: MIT
// Random search with parameter sharing (Li and Talwalkar 2019, arXiv 1902.07638).
#include "src/search/oneshot.h"
#include "src/search/table.h"

static void propose(Oneshot *o, Arch *out)
{
    Rng rng = oneshot_rng(o, o->n_trials);
    arch_random(o->t.ctx.space, &rng, out);
}

static Status random_open(const SearchContext *ctx, void **self, Error *err)
{
    return oneshot_open(ctx, propose, self, err);
}

const SearchStrategy strategy_random = {
    .name = "random",
    .summary = "random search with shared weights, one random path per minibatch",
    .paper = "Li and Talwalkar 2019, arXiv 1902.07638",
    .open = random_open,
    ONESHOT_FUNCTIONS
};
