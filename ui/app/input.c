// SPDX-License-Identifier: MIT
#include "ui/app/input.h"

#include <stdio.h>
#include <string.h>

#include "ui/app/state.h"

enum {
    CTRL_B = 2,
    CTRL_C = 3,
    CTRL_D = 4,
    CTRL_F = 6,
    CTRL_L = 12,
    CTRL_U = 21,
    CTRL_Z = 26,
    ESC = 27
};

// Plain data: a key and the command it stands for. ui/view/keys.c has the same for people.
static const struct {
    int key;
    const char *command;
} bindings[] = {
    { '?', "help" },
    { TKEY_F1, "help" },
    { 'q', "quit" },
    { CTRL_C, "quit" },
    { ESC, "close" },
    { '\t', "next" },
    { TKEY_BACKTAB, "previous" },
    { '0', "view runs" },
    { '1', "view overview" },
    { '2', "view alpha" },
    { '3', "view cell" },
    { '4', "view pareto" },
    { '5', "view space" },
    { '6', "view log" },
    { '7', "view health" },
    { '8', "view trials" },
    { TKEY_UP, "up" },
    { TKEY_DOWN, "down" },
    { TKEY_LEFT, "left" },
    { TKEY_RIGHT, "right" },
    { 'k', "up" },
    { 'j', "down" },
    { 'h', "left" },
    { 'l', "right" },
    { 'g', "first" },
    { 'G', "last" },
    { TKEY_HOME, "first" },
    { TKEY_END, "last" },
    { TKEY_PAGE_UP, "page-up" },
    { TKEY_PAGE_DOWN, "page-down" },
    { CTRL_B, "page-up" },
    { CTRL_F, "page-down" },
    { CTRL_U, "half-up" },
    { CTRL_D, "half-down" },
    { TKEY_ENTER, "open" },
    { ' ', "mark" },
    { '/', "prompt-filter" },
    { ':', "prompt-command" },
    { 'n', "find-next" },
    { 'N', "find-previous" },
    { ',', "back" },
    { '.', "forward" },
    { '[', "cell-previous" },
    { ']', "cell-next" },
    { 'a', "form" },
    { 's', "sort" },
    { 'y', "log" },
    { '+', "zoom-in" },
    { '-', "zoom-out" },
    { '=', "zoom-all" },
    { 'z', "zoom" },
    { 'f', "freeze" },
    { 'w', "write" },
    { 'e', "edit" },
    { 'E', "edit" },
    { 'p', "pause" },
    { 'X', "ask-stop" },
    { 'R', "ask-repair" },
    { 'v', "glyphs" },
    { 'm', "mouse" },
    { CTRL_L, "repaint" },
    { CTRL_Z, "suspend" },
};

const char *bind_key(int key)
{
    for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++)
        if (bindings[i].key == key)
            return bindings[i].command;
    return NULL;
}

static void finish_prompt(App *app)
{
    char text[PROMPT_TEXT];
    PromptKind kind = app->prompt.kind;
    memcpy(text, app->prompt.text, sizeof text);
    prompt_close(&app->prompt);
    if (kind == PROMPT_COMMAND)
        command_do(app, text);
    else if (kind == PROMPT_FILTER)
        snprintf(app->filter, sizeof app->filter, "%.127s", text);
    else
        command_do(app, app->question);
}

static void prompt_input(App *app, int key)
{
    if (key == '\t' && app->prompt.kind == PROMPT_COMMAND) {
        prompt_complete(&app->prompt, command_words());
        return;
    }
    PromptResult result = prompt_key(&app->prompt, key);
    if (result == PROMPT_ACCEPTED)
        finish_prompt(app);
    else if (result == PROMPT_CANCELLED) {
        if (app->prompt.kind == PROMPT_FILTER)
            memcpy(app->filter, app->filter_before, sizeof app->filter);
        prompt_close(&app->prompt);
    } else if (app->prompt.kind == PROMPT_FILTER) // filters show while they are typed
        snprintf(app->filter, sizeof app->filter, "%.127s", app->prompt.text);
}

static void mouse_input(App *app)
{
    int row, col, wheel;
    term_mouse_event(&row, &col, &wheel);
    if (wheel) {
        command_do(app, wheel < 0 ? "up" : "down");
        return;
    }
    const Layout *l = &app->layout;
    const Rect panes[] = { l->main, l->side, l->list };
    for (int i = 0; i < 3; i++)
        if (panes[i].rows && row >= panes[i].row && row < panes[i].row + panes[i].rows &&
            col >= panes[i].col && col < panes[i].col + panes[i].cols)
            app->focus = (Pane)i;
}

void input_key(App *app, int key)
{
    app->dirty = true;
    if (key == TKEY_RESIZE) {
        app->repaint = true; // the loop lays out anew after the queue is empty
        return;
    }
    if (app->prompt.kind != PROMPT_OFF) {
        prompt_input(app, key);
        return;
    }
    app->message[0] = '\0'; // a message stays until the next key
    if (key == TKEY_MOUSE) {
        mouse_input(app);
        return;
    }
    const char *command = bind_key(key);
    if (command)
        command_do(app, command);
}
