// SPDX-License-Identifier: MIT
#ifndef TESTS_HEALTH_MADE_H
#define TESTS_HEALTH_MADE_H

// Made-up cells and looks for the detector; included after cmocka.h.
#include <string.h>

#include "src/health/machine.h"

static const char *const DARTS_OPS[] = { "none",         "max_pool_3x3", "avg_pool_3x3",
                                         "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
                                         "dil_conv_3x3", "dil_conv_5x5" };

static inline HealthCell cell_of(const char *name, int n_ops, const char *const *ops, bool argmax)
{
    HealthCell cell = { .inputs = argmax ? 1 : 2,
                        .nodes = argmax ? 3 : 4,
                        .keep = 2,
                        .derive = argmax ? DERIVE_ARGMAX : DERIVE_TOP,
                        .n_ops = n_ops,
                        .alpha_known = true };
    strncpy(cell.name, name, sizeof cell.name - 1);
    for (int to = cell.inputs; to < cell.inputs + cell.nodes; to++)
        for (int from = 0; from < to; from++) {
            cell.edge[cell.n_edges].from = from;
            cell.edge[cell.n_edges++].to = to;
        }
    for (int k = 0; k < n_ops; k++)
        strncpy(cell.op[k], ops[k], GENO_NAME - 1);
    return cell;
}

static inline Health *judge_of(const HealthCell *cell, int epochs, int *index)
{
    HealthLimits limits;
    health_limits_default(&limits);
    limits.epochs = epochs;
    Health *health = health_new(&limits);
    assert_non_null(health);
    *index = health_cell(health, cell);
    assert_int_equal(*index, 0);
    return health;
}

static inline Health *darts(int *cell)
{
    HealthCell shape = cell_of("normal", 8, DARTS_OPS, false);
    return judge_of(&shape, 50, cell);
}

// A look with alpha that moves, nothing wrong but what is given.
static inline HealthLook look_of(int epoch, int skips, int parameter_free, int depth)
{
    HealthLook look = { .epoch = epoch, .has_alpha = true, .p_norm = epoch };
    look.signals.skips = skips;
    look.signals.parameter_free = parameter_free > skips ? parameter_free : skips;
    look.signals.conv_depth = depth;
    look.signals.kept = 8;
    look.signals.t_edges = 14;
    look.signals.t_q = look.signals.t_p = -1.0;
    look.signals.gap_q = -1.0;
    return look;
}

static inline void feed_skips(Health *health, int cell, const char *digits)
{
    for (int e = 0; digits[e]; e++) {
        HealthLook look = look_of(e, digits[e] - '0', 0, 3);
        health_look(health, cell, &look);
    }
}

static inline int alarm_epoch(const Health *health, const char *rule)
{
    for (int i = 0; i < health_alarm_count(health); i++)
        if (strcmp(health_alarm(health, i)->rule, rule) == 0)
            return health_alarm(health, i)->epoch;
    return -1;
}

#endif
