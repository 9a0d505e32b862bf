// SPDX-License-Identifier: MIT
#ifndef WATCH_LINES_H
#define WATCH_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/str.h"

// Cuts a growing stream of bytes into lines. A line counts once its \n is there; what stands
// after the last one waits. A line over `longest` bytes is not kept: it is reported as NULL.
typedef struct {
    Str rest;
    size_t longest;
    int64_t line;  // number of the line being collected, from 1; 0 before the first byte
    bool overlong; // the line being collected is one to report as NULL
    bool returns;  // a lone \r ends a piece of a line too (progress bars)
} Lines;

// text is NUL-terminated without its line end, may hold NULs, may be changed; NULL: overlong.
typedef Status LineVisit(void *self, char *text, size_t len, int64_t line, Error *err);
Status lines_feed(Lines *lines, const char *data, size_t len, LineVisit *visit, void *self,
                  Error *err);
// The text after the last \n.
const char *lines_rest(const Lines *lines);
// Forgets the text after the last \n, returns its length; 0 for the middle of an overlong line.
size_t lines_unread(Lines *lines);
void lines_fini(Lines *lines);

#endif
