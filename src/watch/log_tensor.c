// SPDX-License-Identifier: MIT
#include "src/watch/log_tensor.h"

#include <string.h>

#include "src/watch/log_line.h"

static void tensor_start(LogTensor *t, TensorState state)
{
    t->state = state;
    t->depth = t->depth_seen = t->rows = t->cols = t->in_row = t->n = t->foreign = 0;
    t->scale = 1;
    t->bad = false;
}

static void end_row(LogTensor *t)
{
    if (!t->in_row)
        return;
    if (t->rows && t->in_row != t->cols)
        t->bad = true;
    t->cols = t->in_row;
    t->rows++;
    t->in_row = 0;
}

static void put(LogTensor *t, double value)
{
    if (t->n >= TENSOR_VALUES) {
        t->bad = true;
        return;
    }
    t->value[t->n++] = value * t->scale;
    t->in_row++;
}

// Brackets and numbers up to the closing bracket; the rest of the line is the tail.
static const char *read_numbers(LogTensor *t, const char *text)
{
    while (*text) {
        double value;
        const char *next;
        if (*text == '[') {
            t->depth++;
            t->depth_seen = t->depth > t->depth_seen ? t->depth : t->depth_seen;
            text++;
        } else if (*text == ']') {
            end_row(t);
            text++;
            if (--t->depth <= 0)
                return text;
        } else if (*text == ',' || *text == ' ' || *text == '\t') {
            text++;
        } else if ((next = scan_number(text, &value))) {
            put(t, value);
            text = next;
        } else if (strncmp(text, "True", 4) == 0 || strncmp(text, "False", 5) == 0) {
            put(t, *text == 'T');
            text += *text == 'T' ? 4 : 5;
        } else {
            t->bad = true;
            return text + strlen(text);
        }
    }
    return text;
}

static TensorPiece finish(LogTensor *t)
{
    t->state = TENSOR_IDLE;
    return t->bad || !t->rows ? TENSOR_BROKEN : TENSOR_DONE;
}

// "device='cuda:0', grad_fn=<X>)": ends with the parenthesis. Without "tensor(" there is none.
static TensorPiece read_tail(LogTensor *t, const char *text)
{
    size_t n = strlen(text);
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    if (n && text[n - 1] == ')')
        return finish(t);
    t->state = TENSOR_TAIL;
    return n && text[n - 1] == ',' ? TENSOR_MORE : finish(t);
}

static TensorPiece feed(LogTensor *t, const char *text)
{
    t->foreign = 0;
    t->used = true;
    if (t->state == TENSOR_NUMBERS) {
        text = read_numbers(t, text);
        if (t->bad) {
            t->state = TENSOR_IDLE;
            return TENSOR_BROKEN;
        }
        if (t->depth > 0)
            return TENSOR_MORE;
    }
    return read_tail(t, text);
}

static bool is_numbers(const char *text)
{
    const char *end = text;
    for (size_t word = 1; word;) {
        end += strspn(end, "[]0123456789.,+-eEnaif \t");
        word = strncmp(end, "True", 4) == 0 ? 4 : strncmp(end, "False", 5) == 0 ? 5 : 0;
        end += word;
    }
    return *text && strpbrk(text, "0123456789[]nNTF") &&
           (!*end || strncmp(end, "device=", 7) == 0 || strncmp(end, "grad_fn=", 8) == 0 ||
            strncmp(end, "dtype=", 6) == 0 || strncmp(end, "requires_grad=", 14) == 0 ||
            *end == ')');
}

static bool is_tail(const char *text)
{
    return strncmp(text, "device=", 7) == 0 || strncmp(text, "grad_fn=", 8) == 0 ||
           strncmp(text, "dtype=", 6) == 0 || strncmp(text, "requires_grad=", 14) == 0 ||
           strncmp(text, "size=", 5) == 0 || *text == ')';
}

// torch 0.3: a row a line, then the type and size in brackets.
static TensorPiece feed_plain(LogTensor *t, const char *text)
{
    double value;
    const char *at = text, *next;
    if (!*text)
        return TENSOR_MORE;
    if (strncmp(text, "[torch", 6) == 0)
        return finish(t);
    if ((next = scan_number(at, &value)) && (next = scan_char(next, '*')) && !*next) {
        t->scale = value;
        return TENSOR_MORE;
    }
    while ((next = scan_number(at, &value))) {
        put(t, value);
        at = next;
    }
    end_row(t);
    if (at == text || *scan_skip(at, " \t"))
        return TENSOR_NOT;
    return TENSOR_MORE;
}

static const char *opening(const char *text)
{
    const char *at = strstr(text, "tensor([");
    if (at)
        return at + 7;
    at = scan_find(text, "array([[");
    if (at)
        return at + 6;
    // "alphas_normal = [[0.1 0.2 ...": a numpy array with its name
    at = strstr(text, "[[");
    if (at && at > text && (scan_find(text, "alpha") || scan_find(text, "arch")) &&
        is_numbers(at) && strspn(at, "[ ") < strlen(at))
        return at;
    return text[0] == '[' && text[1] == '[' && is_numbers(text) ? text : NULL;
}

TensorPiece log_tensor_read(LogTensor *t, const char *text)
{
    enum { PATIENCE = 64 };
    const char *start = opening(text);
    bool open = t->state != TENSOR_IDLE;
    t->used = false;
    if (start) {
        tensor_start(t, TENSOR_NUMBERS);
        TensorPiece piece = feed(t, start);
        return open && piece == TENSOR_NOT ? TENSOR_BROKEN : piece;
    }
    if (strcmp(text, "Variable containing:") == 0) {
        tensor_start(t, TENSOR_PLAIN);
        return TENSOR_MORE;
    }
    if (!open)
        return TENSOR_NOT;
    TensorPiece piece = TENSOR_NOT;
    if (t->state == TENSOR_PLAIN)
        piece = feed_plain(t, text);
    else if (t->state == TENSOR_NUMBERS ? is_numbers(text) : is_tail(text))
        piece = feed(t, text);
    if (piece == TENSOR_NOT && t->state == TENSOR_TAIL)
        return finish(t) == TENSOR_DONE ? TENSOR_DONE : TENSOR_BROKEN;
    if (piece == TENSOR_NOT && ++t->foreign > PATIENCE) {
        t->state = TENSOR_IDLE;
        return TENSOR_BROKEN;
    }
    return piece;
}
