// SPDX-License-Identifier: MIT
// Rates of the null model. Printed by `dartboard null --table`; do not edit by hand.
#include "src/health/null.h"

const NullShape NULL_SHAPES[] = {
    { "darts",
      DERIVE_TOP,
      2,
      4,
      2,
      { "none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
        "dil_conv_3x3", "dil_conv_5x5", NULL } },
};
const int NULL_SHAPE_COUNT = (int)(sizeof NULL_SHAPES / sizeof *NULL_SHAPES);

const NullRow NULL_TABLE[] = {
    { 0, 50, { 0 } },
};
const int NULL_TABLE_COUNT = (int)(sizeof NULL_TABLE / sizeof *NULL_TABLE);
