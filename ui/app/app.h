// SPDX-License-Identifier: MIT
#ifndef UI_APP_APP_H
#define UI_APP_APP_H

// The dashboard's entry points, as subcommands call them. All return exit codes.

int app_workbench(int argc, char **argv);              // dartboard without a command
int app_watch(int argc, char **argv);                  // watch PATH
int app_replay(int argc, char **argv);                 // replay PATH
int app_open(const char *path, int argc, char **argv); // after run, resume, fork

#endif
