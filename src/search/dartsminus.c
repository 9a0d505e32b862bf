// SPDX-License-Identifier: MIT
#include "src/search/remedies.h"

double dartsminus_weight(double initial, int e, int E)
{
    return E > 0 && e < E ? initial * (E - e) / E : 0;
}
