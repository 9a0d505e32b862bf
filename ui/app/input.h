// SPDX-License-Identifier: MIT
#ifndef UI_APP_INPUT_H
#define UI_APP_INPUT_H

struct App;
// One key: into the prompt, the help overlay or, through bind_key, a command.
void input_key(struct App *app, int key);

#endif
