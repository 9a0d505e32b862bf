// SPDX-License-Identifier: MIT
#include "src/base/clock.h"

#include <stdlib.h>
#include <time.h>

static double clock_read(clockid_t id)
{
    const char *fixed = getenv("DARTBOARD_CLOCK");
    if (fixed)
        return strtod(fixed, NULL);
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_mono(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

double clock_wall(void)
{
    return clock_read(CLOCK_REALTIME);
}
