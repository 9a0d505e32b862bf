// SPDX-License-Identifier: MIT
#ifndef WATCH_LOG_LINE_H
#define WATCH_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

// One line of a text log without what loggers put around the message: colours, time stamps,
// levels and names of loggers.
typedef struct {
    const char *text; // the message, leading blanks removed
    double time;      // seconds; NAN without a time stamp
    bool has_year;    // time is Unix time as if the clock ran on UTC; else within a year
    bool binary;      // holds NULs or control characters: not text
} LogLine;

// Changes `text` in place (colours are cut out); text has a NUL at text[len].
void log_line_read(char *text, size_t len, LogLine *out);
// A time stamp with a year that stands elsewhere in a line, NAN if text does not begin with one.
double log_line_stamp(const char *text);

// ---- scanning -----------------------------------------------------------------------------------
// Each returns the place after what it read, or NULL if it is not there.
const char *scan_word(const char *text, const char *word);  // ignoring case, skips blanks after it
const char *scan_number(const char *text, double *value);   // also nan, inf; skips blanks before
const char *scan_int(const char *text, int *value);         // skips blanks before
const char *scan_char(const char *text, char c);            // skips blanks before and after
const char *scan_skip(const char *text, const char *chars); // never NULL
// Number after `key` and one of "=", ":" or blanks, anywhere in the text, as a word of its own.
bool scan_value(const char *text, const char *key, double *value);
// Text from the first occurrence of `key` on (ignoring case), NULL if absent.
const char *scan_find(const char *text, const char *key);

#endif
