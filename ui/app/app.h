// SPDX-License-Identifier: MIT
#ifndef UI_APP_APP_H
#define UI_APP_APP_H

#include <stdbool.h>

// The dashboard. Returns an exit code when the user has left it.
typedef struct {
    const char *path;                          // run, journal, log, directory; "" none
    const char *glyphs, *color, *theme, *play; // NULL: not given
    double delay;                              // seconds between two pictures
    bool replay, list;                         // list: begin with the runs
    double speed;                              // replay: epochs a second
    int until;                                 // replay: stand still after this epoch; -1 play
} AppOptions;
int app_main(const AppOptions *options);

#endif
