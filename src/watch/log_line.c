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
    if (tolower((unsigned char)*text) != tolower((unsigned char)*word))
        return NULL;
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

// strcasestr prepares for long texts; lines are short and there are many of them.
const char *scan_find(const char *text, const char *key)
{
    int low = tolower((unsigned char)*key), high = toupper((unsigned char)*key);
    size_t n = strlen(key);
    for (; *text; text++)
        if ((*text == low || *text == high) && strncasecmp(text, key, n) == 0)
            return text;
    return NULL;
}

bool scan_value(const char *text, const char *key, double *value)
{
    size_t n = strlen(key);
    for (const char *at = text; (at = scan_find(at, key)); at++) {
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

// HH:MM:SS[,mmm] and, after it, AM or PM, or a zone; seconds of the day.
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
    } else if (*text == 'Z') {
        text++;
    } else if ((*text == '+' || *text == '-') && digits(text + 1, 2, &m)) {
        text += text[3] == ':' ? 6 : 5;
    }
    *seconds = h * 3600.0 + m * 60 + s + fraction;
    return text;
}

// YYYY-MM-DD, YYYY/MM/DD or MM/DD, the time after a blank, 'T' or '-'; the time alone; or what
// glog writes, I0315 10:00:00.123456.
static const char *stamp_read(const char *text, LogLine *out)
{
    int year = 1971, month = 1, day = 1;
    double seconds;
    const char *at = text;
    bool has_year = false;
    if (digits(text, 4, &year) && (text[4] == '-' || text[4] == '/') &&
        digits(text + 5, 2, &month) && text[7] == text[4] && digits(text + 8, 2, &day)) {
        at = text + 10;
        has_year = true;
    } else if (digits(text, 2, &month) && (text[2] == '/' || text[2] == '-') &&
               digits(text + 3, 2, &day)) {
        at = text + 5;
        year = 1971;
    } else if (*text && strchr("IWEF", *text) && digits(text + 1, 2, &month) &&
               digits(text + 3, 2, &day)) {
        at = text + 5;
        year = 1971;
    } else if (!clock_read(text, &seconds)) {
        return NULL;
    } else {
        month = day = 1;
        year = 1971;
    }
    if (month < 1 || month > 12 || day < 1 || day > 31 ||
        (at > text && (!*at || !strchr(" T-", *at))))
        return NULL;
    at = clock_read(at > text ? scan_skip(at + 1, " ") : at, &seconds);
    if (at) {
        out->has_year = has_year;
        out->time = (double)days_of(year, month, day) * 86400.0 + seconds;
    }
    return at;
}

double log_line_stamp(const char *text)
{
    LogLine line = { .time = NAN };
    return stamp_read(text, &line) && line.has_year ? line.time : NAN;
}

// ---- prefixes -----------------------------------------------------------------------------------

static const char *level_skip(const char *text)
{
    static const char *const words[] = { "INFO",     "DEBUG", "WARNING", "WARN",    "ERROR",
                                         "CRITICAL", "root",  "[INFO]",  "[DEBUG]", "(INFO)" };
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

static size_t name_length(const char *text)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || (text[n] && strchr("_./<>-", text[n])))
        n++;
    return n;
}

// Names of loggers and places in programs: [root], (nas.search/MainThread), "train.py:12]" of
// glog, "nas.search - INFO" and "__main__:main:12 - ".
static const char *origin_skip(const char *text)
{
    if (*text == '[' || *text == '(') {
        size_t n = isalpha((unsigned char)text[1]) || text[1] == '_' ? name_length(text + 1) : 0;
        return n && text[n + 1] == (*text == '[' ? ']' : ')') ? text + n + 2 : NULL;
    }
    size_t n = name_length(text), part;
    if (!n || isdigit((unsigned char)*text))
        return NULL;
    if ((strncmp(text + n, " - ", 3) == 0 || strncmp(text + n, " | ", 3) == 0) &&
        level_skip(text + n + 3))
        return text + n + 1;
    const char *at = text + n;
    while (*at == ':' && (part = name_length(at + 1)) > 0)
        at += 1 + part;
    bool numbered = at > text + n && isdigit((unsigned char)at[-1]);
    if (numbered && *at == ']')
        return at + 1;
    return numbered && strncmp(at, " - ", 3) == 0 ? at + 1 : NULL;
}

// What starters of several processes put before a line: "[1,0]<stdout>:", "(Worker pid=12) ".
static const char *starter_skip(const char *text)
{
    const char *end;
    if (*text == '[' && isdigit((unsigned char)text[1]) && (end = strstr(text, ">:")) &&
        end - text < 24)
        return scan_skip(end + 2, " ");
    if (*text == '(' && (end = strchr(text, ')')) && end - text < 64) {
        const char *pid = strstr(text, "pid=");
        return pid && pid < end ? scan_skip(end + 1, " ") : text;
    }
    return text;
}

// After a level: "root:", "nas.search:" as in INFO:root:epoch 0.
static const char *logger_skip(const char *text)
{
    size_t n = *text == ':' ? name_length(text + 1) : 0;
    bool more = n && text[1 + n] == ':' && text[2 + n] && !strchr(" \t=", text[2 + n]);
    return more ? text + n + 2 : *text == ':' || *text == ']' ? text + 1 : text;
}

static const char *prefix_skip(const char *text, LogLine *out)
{
    const char *at = starter_skip(scan_skip(text, " \t")), *next;
    bool stamped = false, glog = *at && strchr("IWEF", *at);
    for (;;) {
        at = scan_skip(at, " \t");
        if (!isfinite(out->time)) {
            bool bracket = *at == '[' || *at == '(';
            next = stamp_read(at + bracket, out);
            // "[03/15 10:00:00 nas.search]: "
            if (next && bracket && *next == ' ')
                next += 1 + name_length(next + 1);
            if (next) {
                at = bracket && (*next == ']' || *next == ')') ? next + 1 : next;
                stamped = true;
                if (glog && isdigit((unsigned char)*scan_skip(at, " "))) // the thread
                    at = scan_skip(scan_skip(at, " "), "0123456789");
                continue;
            }
        }
        next = level_skip(at);
        if (next) {
            at = logger_skip(next);
            stamped |= *next == ':';
            continue;
        }
        next = stamped ? origin_skip(at) : NULL;
        if (!next)
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
