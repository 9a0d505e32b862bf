// SPDX-License-Identifier: MIT
// Dead supernet: accuracy sits at the majority class and the loss no longer depends on alpha.
#include <math.h>

#include "src/health/machine.h"

enum { STUCK_EPOCHS = 5, FLAT_EPOCHS = 10, MAJORITY_EPOCHS = 2 };
static const double POINT = 0.01, NEAR = 0.05;
static const double LOW_VALID = 0.25;

// Training accuracy at most a point over the majority rate. A search that is only slow to start
// (GDAS trains one path at a time) already shows more than that in validation.
static int at_majority(const HealthLimits *limits, const AccPoint *acc, int n)
{
    int epochs = 0;
    for (int i = n - 1; i >= 0 && acc[i].train <= limits->majority + POINT &&
                        !(acc[i].valid > limits->majority + NEAR);
         i--)
        epochs++;
    return epochs;
}

// Training accuracy within a point of its first value. The first value itself counts.
static int stuck_at_first(const AccPoint *acc, int n)
{
    int epochs = 0;
    for (int i = n - 1;
         i >= 0 && fabs(acc[i].train - acc[0].train) <= POINT && acc[i].valid < LOW_VALID; i--)
        epochs++;
    return epochs;
}

// A supernet that dies later: training accuracy low and within a point of where it is now.
static int flat_and_low(const AccPoint *acc, int n)
{
    double low = acc[n - 1].train, high = low;
    int epochs = 0;
    for (int i = n - 1; i >= 0 && acc[i].train < LOW_VALID && acc[i].valid < LOW_VALID; i--) {
        low = acc[i].train < low ? acc[i].train : low;
        high = acc[i].train > high ? acc[i].train : high;
        if (high - low > POINT)
            break;
        epochs++;
    }
    return epochs;
}

bool dead_condition(const HealthLimits *limits, const AccPoint *acc, int n, DeadRule *rule,
                    int *epochs)
{
    *epochs = 0;
    if (n == 0)
        return false;
    if (!isnan(limits->majority)) {
        *rule = DEAD_MAJORITY;
        *epochs = at_majority(limits, acc, n);
        return *epochs >= MAJORITY_EPOCHS;
    }
    *rule = DEAD_STUCK;
    *epochs = stuck_at_first(acc, n);
    if (*epochs >= STUCK_EPOCHS)
        return true;
    *rule = DEAD_FLAT;
    *epochs = flat_and_low(acc, n);
    return *epochs >= FLAT_EPOCHS;
}
