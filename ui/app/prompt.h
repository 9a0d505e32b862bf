// SPDX-License-Identifier: MIT
#ifndef UI_APP_PROMPT_H
#define UI_APP_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "ui/draw/grid.h"

// One-line editor of the last row: commands, filters, questions. Feed it keys; no terminal here.

enum { PROMPT_TEXT = 256, PROMPT_HISTORY = 32 };

typedef enum { PROMPT_OFF, PROMPT_COMMAND, PROMPT_FILTER, PROMPT_QUESTION } PromptKind;
typedef enum { PROMPT_EDITING, PROMPT_ACCEPTED, PROMPT_CANCELLED } PromptResult;

typedef struct {
    PromptKind kind;
    char label[160];        // what stands before the text
    char text[PROMPT_TEXT]; // UTF-8
    int len, cursor;        // bytes
    char history[PROMPT_HISTORY][PROMPT_TEXT];
    int n_history, at; // at == n_history: the line being typed
} Prompt;

void prompt_open(Prompt *p, PromptKind kind, const char *label, const char *text);
void prompt_close(Prompt *p);
// A question takes one key: y or Y accepts, anything else cancels.
PromptResult prompt_key(Prompt *p, int key);
// Completes the first word from `words` (NULL-ended); the next call gives the next match.
void prompt_complete(Prompt *p, const char *const *words);
// Draws into the row; *cursor_col gets the column of the cursor.
void prompt_draw(const Prompt *p, Grid *g, Rect row, int *cursor_col);

#endif
