// SPDX-License-Identifier: MIT
#ifndef UI_APP_COMMAND_RUN_H
#define UI_APP_COMMAND_RUN_H

struct App;

// Commands that act on a run or on its script: each starts the program itself as a child, or asks
// first. Rows of the table in command.c; arg is what followed the command's name.

void run_command_pause(struct App *app, const char *arg);
void run_command_resume(struct App *app, const char *arg);
void run_command_stop(struct App *app, const char *arg);
void run_command_ask_stop(struct App *app, const char *arg);
void run_command_ask_repair(struct App *app, const char *arg);
void run_command_repair(struct App *app, const char *arg);
void run_command_run(struct App *app, const char *arg);
void run_command_edit(struct App *app, const char *arg);
void run_command_check(struct App *app, const char *arg);

#endif
