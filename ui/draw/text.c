// SPDX-License-Identifier: MIT
#include "ui/draw/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "src/arch/arch.h"
#include "src/base/str.h"
#include "ui/draw/utf8.h"

// Bytes and columns of the next line of at most `cols` columns, broken at a blank if there is one.
static int line_bytes(const char *text, int cols)
{
    const char *s = text, *blank = NULL;
    int used = 0;
    for (;;) {
        const char *before = s;
        uint32_t ch = utf8_next(&s);
        if (ch == 0 || ch == '\n')
            return (int)(before - text);
        if (ch == ' ')
            blank = before;
        used += utf8_width(ch);
        if (used > cols)
            return blank && blank > text ? (int)(blank - text) : (int)(before - text);
    }
}

int text_wrap(Grid *g, Rect r, Role role, int attr, const char *text)
{
    char line[512];
    int row = 0;
    if (r.cols < 2)
        return 0;
    while (*text && row < r.rows) {
        int n = line_bytes(text, r.cols);
        int copy = n < (int)sizeof line - 1 ? n : (int)sizeof line - 1;
        memcpy(line, text, (size_t)copy);
        line[copy] = '\0';
        grid_text(g, r.row + row++, r.col, r.cols, role, attr, line);
        text += n;
        if (*text == ' ' || *text == '\n')
            text++;
        else if (n == 0)
            break;
    }
    return row;
}

void text_empty(Grid *g, Rect r, const char *why, const char *help)
{
    int cols = utf8_cols(why) > utf8_cols(help) ? utf8_cols(why) : utf8_cols(help);
    int left = cols < r.cols ? (r.cols - cols) / 2 : 0, top = r.rows > 4 ? r.rows / 3 : 0;
    Rect inner = { r.row + top, r.col + left, r.rows - top, r.cols - left };
    int used = text_wrap(g, inner, ROLE_TEXT, 0, why);
    inner.row += used;
    inner.rows -= used;
    text_wrap(g, inner, ROLE_DIM, 0, help);
}

static bool is_ascii(const Grid *g)
{
    return g->ascii_only || g->glyphs == GLYPHS_ASCII;
}

void text_bar(Grid *g, int row, int col, int cols, double share, Role role)
{
    if (cols < 3)
        return;
    share = isfinite(share) ? fmin(fmax(share, 0), 1) : 0;
    int inner = cols - 2, full = (int)(share * inner + 0.5);
    grid_put(g, row, col, '[', ROLE_DIM, 0);
    for (int i = 0; i < inner; i++) {
        if (i < full)
            grid_put(g, row, col + 1 + i, is_ascii(g) ? '#' : 0x2588, role, 0);
        else
            grid_put(g, row, col + 1 + i, is_ascii(g) ? '.' : 0x00B7, ROLE_DIM, 0);
    }
    grid_put(g, row, col + cols - 1, ']', ROLE_DIM, 0);
}

static double bucket_max(int n, TextValue *value, const void *data, int column, int cols)
{
    int from = n > cols ? (int)((long)column * n / cols) : column;
    int to = n > cols ? (int)((long)(column + 1) * n / cols) : column + 1;
    double best = NAN;
    for (int i = from; i < to && i < n; i++) {
        double v = value(data, i);
        if (isfinite(v) && !(best >= v))
            best = v;
    }
    return best;
}

void text_spark(Grid *g, Rect r, int n, TextValue *value, const void *data, double lo, double hi,
                Role role)
{
    static const char steps[] = "_.,-=+*#";
    int cols = n < r.cols ? n : r.cols;
    for (int c = 0; c < cols && r.rows > 0; c++) {
        double v = bucket_max(n, value, data, c, r.cols);
        if (!isfinite(v))
            continue;
        double t = hi > lo ? (v - lo) / (hi - lo) : 0.5;
        int step = (int)(fmin(fmax(t, 0), 1) * 7.999);
        uint32_t ch = is_ascii(g) ? (uint32_t)(unsigned char)steps[step] : 0x2581u + (unsigned)step;
        grid_put(g, r.row, r.col + c, ch, role, 0);
    }
}

const char *text_number(double v, int decimals, char *buf, size_t size)
{
    if (isnan(v))
        snprintf(buf, size, "-");
    else if (isinf(v))
        snprintf(buf, size, v > 0 ? "inf" : "-inf");
    else if (fabs(v) >= 1e6)
        snprintf(buf, size, "%.2e", v);
    else
        snprintf(buf, size, "%.*f", decimals, v);
    return buf;
}

const char *text_percent(double fraction, char *buf, size_t size)
{
    if (isfinite(fraction))
        snprintf(buf, size, "%.1f%%", 100 * fraction);
    else
        snprintf(buf, size, "-");
    return buf;
}

const char *text_count(double n, char *buf, size_t size)
{
    if (!isfinite(n))
        snprintf(buf, size, "-");
    else if (n >= 1e9)
        snprintf(buf, size, "%.2f G", n / 1e9);
    else if (n >= 1e6)
        snprintf(buf, size, "%.2f M", n / 1e6);
    else if (n >= 1e4)
        snprintf(buf, size, "%.1f k", n / 1e3);
    else
        snprintf(buf, size, "%.0f", n);
    return buf;
}

const char *text_eta(double seconds, char *buf, size_t size)
{
    if (!isfinite(seconds) || seconds < 0) {
        snprintf(buf, size, "-");
        return buf;
    }
    double s = floor(seconds + 0.5);
    if (seconds < 9.95)
        snprintf(buf, size, "%.1fs", seconds);
    else if (s < 60)
        snprintf(buf, size, "%.0fs", s);
    else if (s < 3600)
        snprintf(buf, size, "%.0fm%02.0fs", floor(s / 60), fmod(s, 60));
    else if (s < 86400 * 2)
        snprintf(buf, size, "%.0fh%02.0fm", floor(s / 3600), floor(fmod(s, 3600) / 60));
    else
        snprintf(buf, size, "%.0fd%02.0fh", floor(s / 86400), floor(fmod(s, 86400) / 3600));
    return buf;
}

const char *text_time(double unix_time, char *buf, size_t size)
{
    struct tm tm;
    time_t t = isfinite(unix_time) ? (time_t)unix_time : 0;
    if (!isfinite(unix_time) || !gmtime_r(&t, &tm) || !strftime(buf, size, "%Y-%m-%d %H:%M", &tm))
        snprintf(buf, size, "-");
    return buf;
}

Role op_role(const char *name)
{
    // Skip is the operator to watch: vermilion. Pools and none recede.
    static const struct {
        const char *name;
        Role role;
    } known[] = {
        { "sep_conv_3x3", ROLE_SERIES_1 }, { "sep_conv_5x5", ROLE_SERIES_5 },
        { "dil_conv_3x3", ROLE_SERIES_3 }, { "dil_conv_5x5", ROLE_SERIES_6 },
        { "max_pool_3x3", ROLE_SERIES_4 }, { "avg_pool_3x3", ROLE_SERIES_7 },
        { "skip_connect", ROLE_SERIES_2 }, { "none", ROLE_SERIES_8 },
        { "nor_conv_3x3", ROLE_SERIES_1 }, { "nor_conv_1x1", ROLE_SERIES_5 },
        { "noise", ROLE_SERIES_4 },
    };
    static const Role others[4] = { ROLE_SERIES_1, ROLE_SERIES_3, ROLE_SERIES_5, ROLE_SERIES_6 };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0)
            return known[i].role;
    OpClass kind = op_class_of_name(name);
    if (kind == OP_SKIP)
        return ROLE_SERIES_2;
    if (kind == OP_NONE)
        return ROLE_SERIES_8;
    if (kind == OP_POOL)
        return ROLE_SERIES_4;
    unsigned hash = 5381;
    for (const char *s = name; *s; s++)
        hash = hash * 33 + (unsigned char)*s;
    return others[hash % 4];
}

char series_mark(Role role)
{
    static const char marks[] = "ox+*#@%&";
    return role >= ROLE_SERIES_1 && role <= ROLE_SERIES_8 ? marks[role - ROLE_SERIES_1] : '*';
}

char op_mark(const char *name)
{
    return series_mark(op_role(name));
}
