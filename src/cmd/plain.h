// SPDX-License-Identifier: MIT
#ifndef CMD_PLAIN_H
#define CMD_PLAIN_H

#include <stdbool.h>
#include <stdio.h>

#include "src/base/json.h"

// The plain form: one line an event on standard output, no escapes; a progress line with ETA on
// standard error when that is a terminal.
typedef struct {
    int epochs;   // planned, from the run record
    double began; // clock_mono of the first epoch record here
    int first_epoch;
    bool progress; // a progress line stands on stderr
    bool is_terminal;
} Plain;

void plain_init(Plain *p);
// Prints what the record says to a person; nothing for records that are data only.
void plain_record(Plain *p, const Json *record);
// Progress within an epoch; at most four times a second, overwritten in place.
void plain_progress(Plain *p, int epoch, long long step, long long steps, double loss);
void plain_clear(Plain *p); // takes the progress line away before other output

#endif
