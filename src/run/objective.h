// SPDX-License-Identifier: MIT
#ifndef RUN_OBJECTIVE_H
#define RUN_OBJECTIVE_H

#include "src/run/session.h"

// The script's objective as the search sees it: a function pointer. Latency is measured here, and
// only when the script reads it: the derived network, batch 1, median of several passes.

Status objective_open(const char *script, const char *lua_dir, const Session *session,
                      Objective **out, Error *err);
void objective_close(Objective *objective);
SearchObjective objective_as_search(Objective *objective);

#endif
