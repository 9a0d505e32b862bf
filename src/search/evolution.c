// SPDX-License-Identifier: MIT
// Regularised evolution (Real et al. 2019, arXiv 1802.01548) over the weights of a supernet. The
// oldest dies, so the population is the last P trials and needs no state of its own. With several
// objectives the parent is the member of the sample that dominates most others of the sample;
// ties go to the better first objective, then to the older.
#include "src/search/oneshot.h"
#include "src/search/table.h"

static double first_objective(const Oneshot *o, int trial)
{
    const Space *space = o->t.ctx.space;
    double value = o->trials[trial].values[0];
    return space->n_objectives > 0 && !space->objectives[0].maximize ? -value : value;
}

int evolution_parent(const Oneshot *o, Rng *rng)
{
    const SearchOptions *so = &o->t.ctx.options;
    int drawn[256], n = so->sample < 256 ? so->sample : 256, best = -1, most = -1;
    int living = o->n_trials < so->population ? o->n_trials : so->population;
    n = n > 0 ? n : 1;
    for (int i = 0; i < n; i++)
        drawn[i] = o->n_trials - living + (int)rng_below(rng, (uint64_t)living);
    for (int i = 0; i < n; i++) {
        int wins = 0;
        for (int k = 0; k < n; k++)
            wins += oneshot_dominates(o, &o->trials[drawn[i]], &o->trials[drawn[k]]);
        double lead = best >= 0 ? first_objective(o, drawn[i]) - first_objective(o, best) : 1;
        bool older = best >= 0 && drawn[i] < best;
        if (wins > most || (wins == most && (lead > 0 || (lead == 0 && older)))) {
            best = drawn[i];
            most = wins;
        }
    }
    return best;
}

static void propose(Oneshot *o, Arch *out)
{
    Rng rng = oneshot_rng(o, o->n_trials);
    if (o->n_trials < o->t.ctx.options.population)
        arch_random(o->t.ctx.space, &rng, out);
    else
        arch_mutate(o->t.ctx.space, &o->trials[evolution_parent(o, &rng)].arch, &rng, out);
}

static Status evolution_open(const SearchContext *ctx, void **self, Error *err)
{
    return oneshot_open(ctx, propose, self, err);
}

const SearchStrategy strategy_evolution = {
    .name = "evolution",
    .summary = "regularised evolution over shared weights, oldest out",
    .paper = "Real et al. 2019, arXiv 1802.01548",
    .open = evolution_open,
    ONESHOT_FUNCTIONS
};
