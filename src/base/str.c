// SPDX-License-Identifier: MIT
#include "src/base/str.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"

static bool str_room(Str *s, size_t extra)
{
    if (s->failed)
        return false;
    if (s->len + extra + 1 <= s->cap)
        return true;
    size_t cap = s->cap ? s->cap : 64;
    while (cap < s->len + extra + 1)
        cap *= 2;
    char *grown = mem_grow(s->text, cap, 1);
    if (!grown) {
        s->failed = true;
        return false;
    }
    s->text = grown;
    s->cap = cap;
    return true;
}

void str_addn(Str *s, const char *text, size_t n)
{
    if (!str_room(s, n))
        return;
    memcpy(s->text + s->len, text, n);
    s->len += n;
    s->text[s->len] = '\0';
}

void str_add(Str *s, const char *text)
{
    str_addn(s, text, strlen(text));
}

void str_addc(Str *s, char c)
{
    str_addn(s, &c, 1);
}

void str_addf(Str *s, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n > 0 && str_room(s, (size_t)n)) {
        vsnprintf(s->text + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

void str_clear(Str *s)
{
    s->len = 0;
    if (s->text)
        s->text[0] = '\0';
}

void str_fini(Str *s)
{
    mem_free(s->text);
    *s = (Str){ 0 };
}

const char *str_text(const Str *s)
{
    return s->text ? s->text : "";
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
    size_t n = strlen(text), k = strlen(suffix);
    return n >= k && strcmp(text + n - k, suffix) == 0;
}

bool str_to_double(const char *text, double *value)
{
    char *end;
    if (!*text)
        return false;
    *value = strtod(text, &end);
    return *end == '\0';
}

bool str_to_int(const char *text, int64_t *value)
{
    char *end;
    if (!*text)
        return false;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0;
}

int str_distance(const char *a, const char *b)
{
    enum { LIMIT = 64 };
    int row[LIMIT + 1];
    size_t na = strlen(a), nb = strlen(b);
    if (na > LIMIT || nb > LIMIT)
        return LIMIT;
    for (size_t j = 0; j <= nb; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

const char *str_nearest(const char *word, const char *const *names, int n)
{
    const char *nearest = NULL;
    int limit = (int)strlen(word) / 3;
    int best = limit < 2 ? 3 : limit + 1;
    for (int i = 0; i < n; i++) {
        int d = str_distance(word, names[i]);
        if (d < best) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}

const char *str_bytes(double bytes, char *buf, size_t size)
{
    static const char *const unit[] = { "B", "kB", "MB", "GB", "TB" };
    int u = 0;
    while (fabs(bytes) >= 999.5 && u < 4) {
        bytes /= 1000;
        u++;
    }
    snprintf(buf, size, bytes < 9.95 && u ? "%.1f %s" : "%.0f %s", bytes, unit[u]);
    return buf;
}

const char *str_duration(double seconds, char *buf, size_t size)
{
    if (!isfinite(seconds) || seconds < 0)
        snprintf(buf, size, "-");
    else if (seconds < 9.95)
        snprintf(buf, size, "%.1fs", seconds);
    else if (seconds < 59.5)
        snprintf(buf, size, "%.0fs", seconds);
    else if (seconds < 3599.5)
        snprintf(buf, size, "%dm%02ds", (int)(seconds + 0.5) / 60, (int)(seconds + 0.5) % 60);
    else
        snprintf(buf, size, "%dh%02dm", (int)(seconds / 3600), (int)(seconds / 60) % 60);
    return buf;
}

const char *str_count(double n, char *buf, size_t size)
{
    static const char *const unit[] = { "", " k", " M", " G", " T" };
    int u = 0;
    double v = n;
    while (fabs(v) >= 999.5 && u < 4) {
        v /= 1000;
        u++;
    }
    if (fabs(v) >= 999.5)
        snprintf(buf, size, "%.2e", n);
    else if (u == 0)
        snprintf(buf, size, "%.0f", v);
    else
        snprintf(buf, size,
                 fabs(v) < 9.995   ? "%.2f%s"
                 : fabs(v) < 99.95 ? "%.1f%s"
                                   : "%.0f%s",
                 v, unit[u]);
    return buf;
}
