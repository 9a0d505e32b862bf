// SPDX-License-Identifier: MIT
#ifndef RUN_COPY_H
#define RUN_COPY_H

#include "src/base/err.h"
#include "src/space/space.h"

// Copies the script to run/space.lua and what it required to run/lua/, so that the run can be
// resumed and understood after the originals have changed.
Status copy_scripts(const Space *space, const char *script, const char *run, Error *err);

#endif
