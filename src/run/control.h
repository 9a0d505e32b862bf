// SPDX-License-Identifier: MIT
#ifndef RUN_CONTROL_H
#define RUN_CONTROL_H

#include "src/base/err.h"

// The control socket of a run: a word a line in, "ok" or "error …" out. The run polls it between
// steps; nothing of it blocks a step.
typedef struct Control Control;

typedef enum {
    CONTROL_NONE,
    CONTROL_PAUSE,
    CONTROL_RESUME,
    CONTROL_STOP,
    CONTROL_CHECKPOINT
} ControlWord;

Status control_open(const char *run, Control **out, Error *err);
void control_close(Control *control); // removes the socket
// Next word that a client sent, after at most timeout_ms (0: at once, -1: waits). Every word must
// be answered by control_answer before the next is read.
ControlWord control_poll(Control *control, int timeout_ms);
void control_answer(Control *control, const char *error); // NULL: "ok"

// Client: sends a word, waits for the answer. STATUS_IO if nothing listens.
Status control_send(const char *run, const char *word, Error *err);

#endif
