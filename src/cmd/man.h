// SPDX-License-Identifier: MIT
#ifndef CMD_MAN_H
#define CMD_MAN_H

#include "src/cmd/cmd.h"

// A key of the dashboard as the man page names it; src does not know ui, so main.c hands it over.
typedef struct {
    const char *keys, *does;
} ManKey;

// The manual as mdoc on standard output, from the tables behind --help. Returns an exit code.
int man_print(const Command *const *commands, int n, const ManKey *keys, int n_keys);

#endif
