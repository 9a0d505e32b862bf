// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "src/health/machine.h"

static const double CHANCE = 0.02; // level of the limits that come from the space

void health_limits_default(HealthLimits *limits)
{
    *limits = (HealthLimits){ .looks = 3,
                              .clear = 5,
                              .t_watch = 3.0,
                              .rise = 2,
                              .rise_epochs = 8,
                              .slow_hold = 8,
                              .depth_epochs = 3,
                              .majority = NAN,
                              .lambda_ratio = 1.3 };
}

const char *level_name(HealthLevel level)
{
    static const char *const names[] = { "OK", "WATCH", "WARN", "ALARM" };
    return names[level];
}

const char *verdict_name(Verdict verdict)
{
    static const char *const names[] = { "OK", "WATCH", "WARN", "COLLAPSED", "DEAD" };
    return names[verdict];
}

const char *cause_name(Cause cause)
{
    static const char *const names[] = { NULL, "skips", "parameter-free", "depth", "dead" };
    return names[cause];
}

int health_kept(const HealthCell *cell)
{
    if (cell->derive == DERIVE_ARGMAX)
        return cell->n_edges < HEALTH_EDGES ? cell->n_edges : HEALTH_EDGES;
    int kept = 0;
    for (int node = 0; node < cell->nodes && node < HEALTH_EDGES && kept < HEALTH_EDGES; node++) {
        int incoming = 0;
        for (int e = 0; e < cell->n_edges && e < HEALTH_EDGES; e++)
            incoming += cell->edge[e].to == cell->inputs + node;
        if (cell->n_edges == 0)
            incoming = cell->keep < HEALTH_EDGES ? cell->keep : HEALTH_EDGES;
        kept += incoming < cell->keep ? incoming : cell->keep;
    }
    return kept < 0 ? 0 : kept < HEALTH_EDGES ? kept : HEALTH_EDGES;
}

// Means over edges of the chance that an edge, all competing operators being equal, shows skip
// or an operator without parameters, and of the number that compete. `none` competes under
// ARGMAX only.
typedef struct {
    double skip, parameter_free, competing;
} Chances;

static Chances chances_of(const HealthCell *cell)
{
    Chances sum = { 0 };
    int edges = 0;
    for (int e = 0; e < cell->n_edges && e < HEALTH_EDGES; e++) {
        int competing = 0, skip = 0, free_ops = 0;
        for (int k = 0; k < cell->n_ops; k++) {
            const char *name = health_op(cell, e, k);
            OpClass kind = name[0] ? op_class_of_name(name) : OP_NONE;
            if (!name[0] || (kind == OP_NONE && cell->derive != DERIVE_ARGMAX))
                continue;
            competing++;
            skip += kind == OP_SKIP;
            free_ops += kind != OP_CONV;
        }
        if (competing == 0)
            continue;
        sum.skip += (double)skip / competing;
        sum.parameter_free += (double)free_ops / competing;
        sum.competing += competing;
        edges++;
    }
    if (edges == 0)
        return (Chances){ NAN, NAN, 0.0 };
    return (Chances){ sum.skip / edges, sum.parameter_free / edges, sum.competing / edges };
}

double health_binomial_tail(int n, double p, int k)
{
    if (k <= 0)
        return 1.0;
    double tail = 0.0;
    for (int i = k; i <= n; i++)
        tail += exp(lgamma(n + 1.0) - lgamma(i + 1.0) - lgamma(n - i + 1.0)) * pow(p, i) *
                pow(1.0 - p, n - i);
    return tail;
}

// Smallest k with P(Binomial(n, p) >= k) <= 2 %; n + 1 when even k = n is likelier.
static int chance_limit(int n, double p)
{
    int k = 1;
    while (k <= n && health_binomial_tail(n, p, k) > CHANCE)
        k++;
    return k;
}

int health_skip_chance_limit(const HealthCell *cell, int kept)
{
    Chances chance = chances_of(cell);
    // Operators unknown: as likely as in the narrowest space, where two compete.
    return chance_limit(kept, isnan(chance.skip) ? 0.5 : chance.skip);
}

int health_parameter_free_chance_limit(const HealthCell *cell, int kept)
{
    Chances chance = chances_of(cell);
    // Operators unknown: those of the DARTS space, three of seven without parameters.
    return chance_limit(kept, isnan(chance.parameter_free) ? 3.0 / 7.0 : chance.parameter_free);
}

int health_skip_limit_kept(const HealthCell *cell, int kept)
{
    int half = (kept + 1) / 2;
    Chances chance = chances_of(cell);
    if (!(chance.competing >= 4.0))
        return half;
    int by_chance = chance_limit(kept, chance.skip);
    by_chance = by_chance < kept ? by_chance : kept;
    return by_chance > half ? by_chance : half;
}

int health_parameter_free_limit_kept(const HealthCell *cell, int kept)
{
    int half = (kept + 1) / 2;
    int by_chance = health_parameter_free_chance_limit(cell, kept);
    by_chance = by_chance < kept ? by_chance : kept;
    return by_chance > half ? by_chance : half;
}

int health_skip_limit(const HealthCell *cell)
{
    return health_skip_limit_kept(cell, health_kept(cell));
}

int health_parameter_free_limit(const HealthCell *cell)
{
    return health_parameter_free_limit_kept(cell, health_kept(cell));
}

bool health_is_reduction(const HealthCell *cell)
{
    return strncmp(cell->name, "reduc", 5) == 0;
}
