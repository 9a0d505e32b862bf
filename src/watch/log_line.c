// SPDX-License-Identifier: MIT
#include "src/watch/log_line.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- scanning -----------------------------------------------------------------------------------

const char *scan_skip(const char *text, const char *chars)
{
    return text + strspn(text, chars);
}

const char *scan_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    return strncasecmp(text, word, n) == 0 ? scan_skip(text + n, " \t") : NULL;
}

const char *scan_char(const char *text, char c)
{
    text = scan_skip(text, " \t");
    return *text == c ? scan_skip(text + 1, " \t") : NULL;
}

const char *scan_number(const char *text, double *value)
{
    text = scan_skip(text, " \t");
    const char *digits = text + (*text == '-' || *text == '+');
    bool number = isdigit((unsigned char)*digits) ||
                  (*digits == '.' && isdigit((unsigned char)digits[1])) ||
                  strncasecmp(digits, "nan", 3) == 0 || strncasecmp(digits, "inf", 3) == 0;
    if (!number || (digits[0] == '0' && (digits[1] | 32) == 'x'))
        return NULL;
    char *end;
    *value = strtod(text, &end);
    return end;
}

const char *scan_int(const char *text, int *value)
{
    text = scan_skip(text, " \t");
    if (!isdigit((unsigned char)*text))
        return NULL;
    long number = 0;
    while (isdigit((unsigned char)*text) && number < 100000000)
        number = number * 10 + (*text++ - '0');
    if (isdigit((unsigned char)*text))
        return NULL;
    *value = (int)number;
    return text;
}

const char *scan_find(const char *text, const char *key)
{
    return strcasestr(text, key);
}

bool scan_value(const char *text, const char *key, double *value)
{
    size_t n = strlen(key);
    for (const char *at = text; (at = strcasestr(at, key)); at++) {
        unsigned char before = at == text ? ' ' : (unsigned char)at[-1];
        if (isalnum(before) || before == '_' || !strchr(" \t=:", at[n]) || !at[n])
            continue;
        const char *rest = scan_skip(at + n, " \t=:");
        if (scan_number(rest, value))
            return true;
    }
    return false;
}

// ---- colours ------------------------------------------------------------------------------------

static size_t escape_length(const char *text, size_t len)
{
    size_t i = 1;
    if (len > 1 && text[1] == '[') {
        for (i = 2; i < len && !(text[i] >= '@' && text[i] <= '~'); i++)
            ;
        return i < len ? i + 1 : len;
    }
    if (len > 1 && text[1] == ']') {
        for (i = 2; i < len && text[i] != '\a' && text[i] != '\033'; i++)
            ;
        return i < len && text[i] == '\a' ? i + 1 : i;
    }
    return len > 1 ? 2 : 1;
}

// Cuts escape sequences and control characters; true if there were any of the latter.
static bool strip_escapes(char *text, size_t len)
{
    size_t out = 0;
    bool binary = false;
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\033') {
            i += escape_length(text + i, len - i);
            continue;
        }
        bool control = (c < ' ' && c != '\t') || c == 0x7f;
        binary |= control;
        if (!control)
            text[out++] = (char)c;
        i++;
    }
    text[out] = '\0';
    return binary;
}

// ---- time stamps --------------------------------------------------------------------------------

// Days from 1970-01-01 (Howard Hinnant's civil_from_days, the other way round).
static int64_t days_of(int year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int yoe = (int)(year - era * 400);
    int doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool digits(const char *text, int n, int *value)
{
    *value = 0;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        *value = *value * 10 + (text[i] - '0');
    }
    return true;
}

// HH:MM:SS[,mmm] and, after it, AM or PM; seconds of the day.
static const char *clock_read(const char *text, double *seconds)
{
    int h, m, s;
    if (!digits(text, 2, &h) || text[2] != ':' || !digits(text + 3, 2, &m) || text[5] != ':' ||
        !digits(text + 6, 2, &s) || h > 23 || m > 59 || s > 60)
        return NULL;
    double fraction = 0, unit = 0.1;
    text += 8;
    if ((*text == ',' || *text == '.') && isdigit((unsigned char)text[1]))
        for (text++; isdigit((unsigned char)*text); text++) {
            fraction += unit * (*text - '0');
            unit /= 10;
        }
    if (text[0] == ' ' && (text[1] == 'A' || text[1] == 'P') && text[2] == 'M') {
        h = h % 12 + (text[1] == 'P' ? 12 : 0);
        text += 3;
    }
    *seconds = h * 3600.0 + m * 60 + s + fraction;
    return text;
}

// YYYY-MM-DD, YYYY/MM/DD or MM/DD; a blank, 'T' or '-'; the time.
static const char *stamp_read(const char *text, LogLine *out)
{
    int year = 1971, month, day;
    double seconds;
    const char *at;
    if (digits(text, 4, &year) && (text[4] == '-' || text[4] == '/') &&
        digits(text + 5, 2, &month) && text[7] == text[4] && digits(text + 8, 2, &day)) {
        at = text + 10;
        out->has_year = true;
    } else if (digits(text, 2, &month) && (text[2] == '/' || text[2] == '-') &&
               digits(text + 3, 2, &day)) {
        at = text + 5;
        year = 1971;
        out->has_year = false;
    } else {
        return NULL;
    }
    if (month < 1 || month > 12 || day < 1 || day > 31 || !*at || !strchr(" T-", *at))
        return NULL;
    at = clock_read(scan_skip(at + 1, " "), &seconds);
    if (at)
        out->time = (double)days_of(year, month, day) * 86400.0 + seconds;
    return at;
}

// ---- prefixes -----------------------------------------------------------------------------------

static const char *level_skip(const char *text)
{
    static const char *const words[] = { "INFO", "DEBUG",  "WARNING", "WARN",
                                         "root", "[INFO]", "[DEBUG]", "(INFO)" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (strncmp(text, words[i], n) == 0 && text[n] && strchr(" \t:|-]", text[n]))
            return text + n;
    }
    return NULL;
}

// A separator between the parts of a prefix. A '|' must have a blank after it: cells of
// NAS-Bench-201 begin with one.
static const char *separator_skip(const char *text)
{
    bool ends = text[1] == '\0' || text[1] == ' ' || text[1] == '\t';
    if ((*text == '|' || *text == '-' || *text == ':') && ends)
        return text + 1;
    return *text == ':' && level_skip(text + 1) ? text + 1 : NULL;
}

static const char *prefix_skip(const char *text, LogLine *out)
{
    const char *at = text, *next;
    bool stamped = false;
    for (;;) {
        at = scan_skip(at, " \t");
        if (!stamped) {
            bool bracket = *at == '[' || *at == '(';
            next = stamp_read(at + bracket, out);
            if (next) {
                at = scan_skip(next, bracket ? "])" : "");
                stamped = true;
                continue;
            }
        }
        next = level_skip(at);
        if (next) {
            at = *next == ':' || *next == ']' ? next + 1 : next;
            stamped |= *next == ':';
            continue;
        }
        next = stamped ? separator_skip(at) : NULL;
        if (!next)
            return at;
        at = next;
    }
}

static bool is_utf8(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        int more = *c < 0x80 ? 0 : *c >= 0xf0 && *c < 0xf8 ? 3 : *c >= 0xe0 ? 2 : 1;
        if (*c >= 0xf8 || (*c >= 0x80 && *c < 0xc2))
            return false;
        for (c++; more; more--, c++)
            if ((*c & 0xc0) != 0x80)
                return false;
    }
    return true;
}

void log_line_read(char *text, size_t len, LogLine *out)
{
    *out = (LogLine){ .time = NAN };
    out->binary = strip_escapes(text, len) || !is_utf8(text);
    out->text = prefix_skip(text, out);
}
