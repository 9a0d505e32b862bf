// SPDX-License-Identifier: MIT
#include <math.h>

#include "src/search/remedies.h"

double skip_dropout_rate(double p0, int e, int warmup, int E)
{
    if (e < warmup)
        return E > 0 ? p0 * (E - e - 1) / E : 0;
    return p0 * exp(-0.2 * (e - warmup));
}
