// SPDX-License-Identifier: MIT
#include "ui/app/prompt.h"

#include <stdio.h>
#include <string.h>

#include "ui/draw/utf8.h"
#include "ui/term/term.h"

void prompt_open(Prompt *p, PromptKind kind, const char *label, const char *text)
{
    p->kind = kind;
    snprintf(p->label, sizeof p->label, "%s", label);
    snprintf(p->text, sizeof p->text, "%s", text);
    p->len = p->cursor = (int)strlen(p->text);
    p->at = p->n_history;
}

void prompt_close(Prompt *p)
{
    p->kind = PROMPT_OFF;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static int before(const Prompt *p, int at)
{
    do
        at--;
    while (at > 0 && is_continuation(p->text[at]));
    return at < 0 ? 0 : at;
}

static int after(const Prompt *p, int at)
{
    do
        at++;
    while (at < p->len && is_continuation(p->text[at]));
    return at > p->len ? p->len : at;
}

static void cut(Prompt *p, int from, int to)
{
    memmove(p->text + from, p->text + to, (size_t)(p->len - to + 1));
    p->len -= to - from;
    p->cursor = from;
}

static int encode(uint32_t ch, char out[4])
{
    if (ch < 0x80) {
        out[0] = (char)ch;
        return 1;
    }
    if (ch < 0x800) {
        out[0] = (char)(0xc0 | ch >> 6);
        out[1] = (char)(0x80 | (ch & 0x3f));
        return 2;
    }
    if (ch < 0x10000) {
        out[0] = (char)(0xe0 | ch >> 12);
        out[1] = (char)(0x80 | (ch >> 6 & 0x3f));
        out[2] = (char)(0x80 | (ch & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | ch >> 18);
    out[1] = (char)(0x80 | (ch >> 12 & 0x3f));
    out[2] = (char)(0x80 | (ch >> 6 & 0x3f));
    out[3] = (char)(0x80 | (ch & 0x3f));
    return 4;
}

static void insert(Prompt *p, uint32_t ch)
{
    char bytes[4];
    int n = encode(ch, bytes);
    if (p->len + n >= PROMPT_TEXT)
        return;
    memmove(p->text + p->cursor + n, p->text + p->cursor, (size_t)(p->len - p->cursor + 1));
    memcpy(p->text + p->cursor, bytes, (size_t)n);
    p->len += n;
    p->cursor += n;
}

static void recall(Prompt *p, int step)
{
    int at = p->at + step;
    if (p->kind != PROMPT_COMMAND || at < 0 || at > p->n_history)
        return;
    p->at = at;
    snprintf(p->text, sizeof p->text, "%s", at < p->n_history ? p->history[at] : "");
    p->len = p->cursor = (int)strlen(p->text);
}

static void remember(Prompt *p)
{
    if (p->kind != PROMPT_COMMAND || !p->len)
        return;
    if (p->n_history && strcmp(p->history[p->n_history - 1], p->text) == 0)
        return;
    if (p->n_history == PROMPT_HISTORY) {
        memmove(p->history[0], p->history[1], sizeof p->history - sizeof p->history[0]);
        p->n_history--;
    }
    memcpy(p->history[p->n_history++], p->text, sizeof p->text);
}

enum {
    CTRL_A = 1,
    CTRL_C = 3,
    CTRL_E = 5,
    CTRL_G = 7,
    CTRL_K = 11,
    CTRL_U = 21,
    CTRL_W = 23,
    ESC = 27
};

static void edit(Prompt *p, int key)
{
    int word;
    switch (key) {
    case TKEY_LEFT: p->cursor = before(p, p->cursor); break;
    case TKEY_RIGHT: p->cursor = after(p, p->cursor); break;
    case TKEY_HOME:
    case CTRL_A: p->cursor = 0; break;
    case TKEY_END:
    case CTRL_E: p->cursor = p->len; break;
    case TKEY_UP: recall(p, -1); break;
    case TKEY_DOWN: recall(p, 1); break;
    case TKEY_DELETE:
        if (p->cursor < p->len)
            cut(p, p->cursor, after(p, p->cursor));
        break;
    case CTRL_K: cut(p, p->cursor, p->len); break;
    case CTRL_U: cut(p, 0, p->cursor); break;
    case CTRL_W:
        word = p->cursor;
        while (word > 0 && p->text[word - 1] == ' ')
            word--;
        while (word > 0 && p->text[word - 1] != ' ')
            word--;
        cut(p, word, p->cursor);
        break;
    default:
        if (key >= ' ' && key < TKEY_RESIZE && key != 127)
            insert(p, (uint32_t)key);
    }
}

PromptResult prompt_key(Prompt *p, int key)
{
    if (p->kind == PROMPT_QUESTION)
        return key == 'y' || key == 'Y' ? PROMPT_ACCEPTED : PROMPT_CANCELLED;
    if (key == ESC || key == CTRL_C || key == CTRL_G)
        return PROMPT_CANCELLED;
    if (key == TKEY_ENTER) {
        remember(p);
        return PROMPT_ACCEPTED;
    }
    if (key == TKEY_BACKSPACE) {
        if (p->len == 0)
            return PROMPT_CANCELLED;
        if (p->cursor > 0) {
            int to = p->cursor;
            cut(p, before(p, to), to);
        }
        return PROMPT_EDITING;
    }
    edit(p, key);
    return PROMPT_EDITING;
}

void prompt_complete(Prompt *p, const char *const *words)
{
    int stem = 0;
    while (stem < p->cursor && p->text[stem] != ' ')
        stem++;
    if (stem != p->len)
        return; // only the first word
    // A text that is a whole word already goes on to the next one with the same beginning.
    const char *first = NULL, *next = NULL;
    bool seen = false;
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], p->text) == 0) {
            seen = true;
            continue;
        }
        if (strncmp(words[i], p->text, (size_t)p->len) != 0)
            continue;
        if (!first)
            first = words[i];
        if (seen && !next)
            next = words[i];
    }
    const char *chosen = next ? next : first;
    if (!chosen)
        return;
    snprintf(p->text, sizeof p->text, "%s", chosen);
    p->len = p->cursor = (int)strlen(p->text);
}

void prompt_draw(const Prompt *p, Grid *g, Rect row, int *cursor_col)
{
    int used = grid_text(g, row.row, row.col, row.cols, ROLE_TITLE, ATTR_BOLD, p->label);
    char head[PROMPT_TEXT];
    int room = row.cols - used - 1, from = 0;
    if (room < 1) {
        *cursor_col = row.col + row.cols - 1;
        return;
    }
    // A long line scrolls: the text before the cursor keeps a column free for the cursor.
    snprintf(head, sizeof head, "%.*s", p->cursor, p->text);
    while (utf8_cols(head + from) >= room && from < p->cursor)
        from = after(p, from);
    memmove(head, head + from, strlen(head + from) + 1);
    int at = grid_text(g, row.row, row.col + used, room, ROLE_TEXT, 0, head);
    *cursor_col = row.col + used + at;
    grid_text(g, row.row, row.col + used + at, room - at, ROLE_TEXT, 0, p->text + p->cursor);
}
