// SPDX-License-Identifier: MIT
#ifndef SEARCH_TABLE_H
#define SEARCH_TABLE_H

#include "src/search/search.h"

// The strategies that there are.
extern const SearchStrategy strategy_darts, strategy_gdas, strategy_random, strategy_evolution;

#endif
