// SPDX-License-Identifier: MIT
#include "src/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void error_clear(Error *err)
{
    if (err)
        memset(err, 0, sizeof *err);
}

__attribute__((format(printf, 3, 0))) static void error_fill(Error *err, Status code,
                                                             const char *fmt, va_list args)
{
    error_clear(err);
    err->code = code;
    vsnprintf(err->msg, sizeof err->msg, fmt, args);
}

Status error_set(Error *err, Status code, const char *fmt, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, fmt);
    error_fill(err, code, fmt, args);
    va_end(args);
    return code;
}

Status error_errno(Error *err, const char *fmt, ...)
{
    int saved = errno;
    if (!err)
        return STATUS_IO;
    va_list args;
    va_start(args, fmt);
    error_fill(err, STATUS_IO, fmt, args);
    va_end(args);
    err->sys_errno = saved;
    size_t used = strlen(err->msg);
    snprintf(err->msg + used, sizeof err->msg - used, ": %s", strerror(saved));
    return STATUS_IO;
}

Status error_at(Error *err, Status code, const char *where, int line, const char *fmt, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, fmt);
    error_fill(err, code, fmt, args);
    va_end(args);
    snprintf(err->where, sizeof err->where, "%s", where ? where : "");
    err->line = line;
    return code;
}

Status error_wrap(Error *err, const char *fmt, ...)
{
    if (!err)
        return STATUS_IO; // a failure must not turn into success
    char context[sizeof err->msg];
    va_list args;
    va_start(args, fmt);
    vsnprintf(context, sizeof context, fmt, args);
    va_end(args);
    size_t used = strlen(context);
    snprintf(context + used, sizeof context - used, ": %s", err->msg);
    memcpy(err->msg, context, sizeof context);
    err->msg[sizeof err->msg - 1] = '\0';
    return err->code;
}

const char *error_text(const Error *err, char *buf, int size)
{
    if (err->where[0] && err->line > 0)
        snprintf(buf, (size_t)size, "%s:%d: %s", err->where, err->line, err->msg);
    else if (err->where[0])
        snprintf(buf, (size_t)size, "%s: %s", err->where, err->msg);
    else
        snprintf(buf, (size_t)size, "%s", err->msg);
    return buf;
}
