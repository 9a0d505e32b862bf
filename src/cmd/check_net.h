// SPDX-License-Identifier: MIT
#ifndef CMD_CHECK_NET_H
#define CMD_CHECK_NET_H

#include "src/base/json.h"
#include "src/conf/settings.h"
#include "src/space/space.h"

// What `check` tells of a network that a script wrote out: every layer's shape, parameters and
// multiply-adds, and the memory of a training step. Prints it, or makes a document if `doc` is not
// NULL.
Status check_network(const Space *space, const Settings *settings, Json **doc, Error *err);

#endif
