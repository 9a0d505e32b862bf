// SPDX-License-Identifier: MIT
#ifndef UI_APP_CHILD_H
#define UI_APP_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

// A command of our own program run beside the dashboard ("check", "pause", "fork" …): what takes
// long or may hang never runs on the screen's path. One at a time.
enum { CHILD_TEXT = 16384 };

typedef struct {
    pid_t pid; // 0: none
    int fd;    // its standard output and error
    int used, code;
    char text[CHILD_TEXT]; // what it printed, cut at the end of the room
    char what[32];         // name for messages
} Child;

// Starts /proc/self/exe with argv (argv[0] is ignored; NULL-ended). False if one is running.
bool child_start(Child *c, const char *what, char *const argv[]);
// Reads what is there; true once it has ended (text, code are complete; the slot is free again).
bool child_poll(Child *c);
void child_stop(Child *c);

#endif
