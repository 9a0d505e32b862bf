// SPDX-License-Identifier: MIT
#ifndef BASE_ERR_H
#define BASE_ERR_H

// Status codes and error messages. A function that can fail returns a Status and takes an
// `Error *err` last; err may be NULL. The message is written once, at the place that knows,
// in lower case, naming the thing and what was expected; callers pass the status up or add
// context with error_wrap. `where` and `line` name the user's file (YAML, Lua), not ours.

typedef enum {
    STATUS_OK = 0,
    STATUS_ARG,     // wrong use by the user (exit code 2)
    STATUS_NOMEM,   // not enough memory
    STATUS_IO,      // file, socket or device failed; sys_errno says how
    STATUS_PARSE,   // input is malformed
    STATUS_SCRIPT,  // a Lua script failed or ran over a limit
    STATUS_NUMERIC, // a computation cannot go on
    STATUS_STOPPED, // stopped on request
    STATUS_BUSY     // held by another process
} Status;

typedef struct {
    Status code;
    int sys_errno;
    int line; // 1-based line in `where`; 0 if none
    char where[256];
    char msg[512];
} Error;

// Fills *err (if not NULL) and returns code, so that `return error_set(...)` is the idiom.
Status error_set(Error *err, Status code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// Same, and appends ": " and the text of the current errno.
Status error_errno(Error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Same as error_set with the user's file and line.
Status error_at(Error *err, Status code, const char *where, int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
// Prefixes the message with "context: " and returns err->code (STATUS_IO if err is NULL).
Status error_wrap(Error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// "file:line: message" or "message" into buf; returns buf.
const char *error_text(const Error *err, char *buf, int size);
void error_clear(Error *err);

#endif
