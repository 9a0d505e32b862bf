// SPDX-License-Identifier: MIT
#ifndef CMD_START_H
#define CMD_START_H

#include <stdatomic.h>
#include <stdbool.h>

#include "src/base/err.h"

// Starting a search: signals, the process of its own, and the two help listings of `run`.

atomic_int *start_stop_flag(void);
// INT and TERM set the stop flag (a second INT ends at once); PIPE is ignored, and HUP too where
// a search runs: losing the terminal must not cost it.
void start_signals(bool searching);
bool start_interrupted(void); // INT or TERM came

// Runs job(self, ready_fd) in a session of its own, with standard input from /dev/null, and waits
// until it has said start_report. text (PATH_MAX): the run's path, or the error.
Status start_background(int (*job)(void *self, int ready_fd), void *self, char *text);
void start_report(int ready_fd, Status status, const char *text); // closes the descriptor

int start_help_settings(void);
int start_help_strategies(void);

#endif
