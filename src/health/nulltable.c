// SPDX-License-Identifier: MIT
// Rates of the null model. Printed by `dartboard null --table`; do not edit by hand.
#include "src/health/null.h"

const NullRow NULL_TABLE[] = {
    { 0, 50, { 0 } },
};
const int NULL_TABLE_COUNT = (int)(sizeof NULL_TABLE / sizeof *NULL_TABLE);
