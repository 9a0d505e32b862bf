// SPDX-License-Identifier: MIT
#include "ui/view/view.h"

// UI.md 2: every key is also a command of the ':' line.
static const ViewKey keys[] = {
    { "? F1", "help", "help for the focused pane" },
    { "q Ctrl-C", "quit", "leave the dashboard; the search goes on" },
    { "Esc", "close", "close what is open, clear the prompt, go up; never quits" },
    { "0-8", "view NAME", "runs, overview, alpha, cell, pareto, space, log, health, trials" },
    { "Tab Shift-Tab", "next, previous", "next or previous pane" },
    { "arrows hjkl", "up, down, left, right", "move" },
    { "g G Home End", "first, last", "first, last" },
    { "PgUp PgDn", "page-up, page-down", "a page; Ctrl-U and Ctrl-D half a page" },
    { "Enter", "open", "open what is selected" },
    { "Space", "mark", "mark for comparison" },
    { "/ n N", "filter TEXT", "filter or search, next, previous" },
    { ":", "", "command line, with history and completion" },
    { ", .", "epoch N", "step back, on by one epoch; End is live again" },
    { "[ ]", "cell NAME", "previous, next cell type or series" },
    { "a", "form", "other form of the pane: graph or matrix, chart or table" },
    { "s", "sort", "sort, or next metric" },
    { "y", "log", "linear or logarithmic y" },
    { "+ - =", "zoom-in, zoom-out, zoom-all", "time axis" },
    { "z", "zoom", "one pane full size, and back" },
    { "f", "freeze", "freeze the picture; data keeps arriving" },
    { "w", "write FILE", "write this pane to a file, text and CSV" },
    { "e E", "edit", "edit the space script; E in $VISUAL or $EDITOR" },
    { "p", "pause, resume", "pause or resume the search" },
    { "X", "stop", "stop the search (asks)" },
    { "R", "repair", "roll back, or fork with a remedy (asks)" },
    { "v", "glyphs", "characters: braille, block, ascii" },
    { "m", "mouse", "mouse on or off" },
    { "Ctrl-L", "repaint", "paint everything again" },
    { "Ctrl-Z", "suspend", "suspend; fg comes back" },
};

const ViewKey *view_keys(int *n)
{
    *n = (int)(sizeof keys / sizeof *keys);
    return keys;
}
