// SPDX-License-Identifier: MIT
#include "src/watch/lines.h"

#include <string.h>

static Status emit(Lines *lines, LineVisit *visit, void *self, Error *err)
{
    if (lines->rest.failed)
        return error_set(err, STATUS_NOMEM, "not enough memory for line %lld",
                         (long long)lines->line);
    if (lines->overlong)
        return visit(self, NULL, 0, lines->line, err);
    char *text = lines->rest.text;
    size_t len = lines->rest.len;
    if (!text)
        return visit(self, (char[]){ "" }, 0, lines->line, err);
    if (len && text[len - 1] == '\r')
        text[--len] = '\0';
    while (lines->returns) {
        char *cut = memchr(text, '\r', len);
        if (!cut)
            break;
        *cut = '\0';
        Status status = visit(self, text, (size_t)(cut - text), lines->line, err);
        if (status)
            return status;
        len -= (size_t)(cut - text) + 1;
        text = cut + 1;
    }
    return visit(self, text, len, lines->line, err);
}

static void collect(Lines *lines, const char *data, size_t len)
{
    if (!len || lines->overlong)
        return;
    if (lines->rest.len + len > lines->longest) {
        lines->overlong = true;
        str_fini(&lines->rest);
        return;
    }
    str_addn(&lines->rest, data, len);
}

Status lines_feed(Lines *lines, const char *data, size_t len, LineVisit *visit, void *self,
                  Error *err)
{
    if (!lines->line)
        lines->line = 1;
    while (len) {
        const char *end = memchr(data, '\n', len);
        size_t n = end ? (size_t)(end - data) : len;
        collect(lines, data, n);
        if (!end)
            return STATUS_OK;
        Status status = emit(lines, visit, self, err);
        str_clear(&lines->rest);
        if (lines->rest.cap > (64u << 10))
            str_fini(&lines->rest);
        lines->overlong = false;
        lines->line++;
        if (status)
            return status;
        data += n + 1;
        len -= n + 1;
    }
    return STATUS_OK;
}

const char *lines_rest(const Lines *lines)
{
    return lines->overlong ? "" : str_text(&lines->rest);
}

size_t lines_unread(Lines *lines)
{
    size_t n = lines->overlong ? 0 : lines->rest.len;
    str_clear(&lines->rest);
    return n;
}

void lines_fini(Lines *lines)
{
    str_fini(&lines->rest);
}
