// SPDX-License-Identifier: MIT
#ifndef UI_APP_SHOW_H
#define UI_APP_SHOW_H

// `dartboard show PANE [RUN]`: one pane on standard output, drawn by the same code as the
// dashboard. argv[0] is "show". Returns the exit code.
int show_main(int argc, char **argv);

#endif
