// SPDX-License-Identifier: MIT
#ifndef UI_APP_PLAY_H
#define UI_APP_PLAY_H

#include <stdbool.h>

#include "src/base/err.h"

// Drives the dashboard from a file, for tests and demonstrations. A line is
//   :COMMAND          any command of the ':' line
//   wait WHAT         "epoch N", "done", "runs N", "seconds S", "idle"
//   keys              typed as they stand; <Enter> <Esc> <Tab> <Up> ... by name
// Blank lines and lines that begin with '#' are skipped.
typedef struct {
    char *text; // owned
    const char *next;
    char wait[64];
    double wait_since;
    bool on;
} Play;

struct App;
Status play_open(Play *play, const char *path, Error *err);
void play_close(Play *play);
// Feeds what is due into the application; false once the file is used up.
bool play_step(struct App *app);

#endif
