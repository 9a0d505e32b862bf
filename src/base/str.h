// SPDX-License-Identifier: MIT
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Growing byte string, always NUL-terminated once something was added. `failed` is sticky:
// check it once at the end instead of at every call.
typedef struct {
    char *text;
    size_t len, cap;
    bool failed;
} Str;

void str_add(Str *s, const char *text);
void str_addn(Str *s, const char *text, size_t n);
void str_addc(Str *s, char c);
void str_addf(Str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_clear(Str *s); // keeps the memory
void str_fini(Str *s);
const char *str_text(const Str *s); // "" when empty

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
// Strict: the whole text must be a number. Accepts nan, inf, -inf for doubles.
bool str_to_double(const char *text, double *value);
bool str_to_int(const char *text, int64_t *value);
// Levenshtein distance, for "did you mean".
int str_distance(const char *a, const char *b);
// Nearest of n names, NULL when none is near (distance over a third of the length, at least 2).
const char *str_nearest(const char *word, const char *const *names, int n);
// "1.2 GB" style (powers of 1000) and "3 m 20 s" style into buf; return buf.
const char *str_bytes(double bytes, char *buf, size_t size);
const char *str_duration(double seconds, char *buf, size_t size);
const char *str_count(double n, char *buf, size_t size); // 1.23 M, 456 k, 12

#endif
