// SPDX-License-Identifier: MIT
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

// Seconds. clock_mono never jumps; clock_wall is Unix time. DARTBOARD_CLOCK=SECONDS in the
// environment freezes both, for tests and golden screens.
double clock_mono(void);
double clock_wall(void);

#endif
