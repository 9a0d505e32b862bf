// SPDX-License-Identifier: MIT
#include "ui/draw/utf8.h"

#include <stddef.h>

static int sequence_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    if (lead >= 0xF0 && lead <= 0xF4)
        return 4;
    return 0;
}

uint32_t utf8_next(const char **text)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *s = (const unsigned char *)*text;
    if (!s[0])
        return 0;
    int n = sequence_length(s[0]);
    uint32_t ch = n < 2 ? s[0] : s[0] & (0xFFu >> (n + 1));
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            n = 0;
            break;
        }
        ch = ch << 6 | (s[i] & 0x3F);
    }
    if (n == 0 || ch < least[n] || ch > 0x10FFFF || (ch >= 0xD800 && ch <= 0xDFFF)) {
        *text += 1;
        return '?';
    }
    *text += n;
    return ch;
}

int utf8_encode(uint32_t ch, char out[5])
{
    int n = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    for (int i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (ch & 0x3F));
        ch >>= 6;
    }
    out[0] = (char)(lead[n] | ch);
    out[n] = '\0';
    return n;
}

typedef struct {
    uint32_t from, to;
} Range;

static const Range zero_width[] = {
    { 0x0300, 0x036F }, { 0x0483, 0x0489 }, { 0x0591, 0x05BD },   { 0x0610, 0x061A },
    { 0x064B, 0x065F }, { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF },   { 0x200B, 0x200F },
    { 0x202A, 0x202E }, { 0x2060, 0x2064 }, { 0x20D0, 0x20FF },   { 0xFE00, 0xFE0F },
    { 0xFE20, 0xFE2F }, { 0xFEFF, 0xFEFF }, { 0xE0001, 0xE01EF },
};
static const Range double_width[] = {
    { 0x1100, 0x115F },   { 0x231A, 0x231B },   { 0x2329, 0x232A },   { 0x23E9, 0x23EC },
    { 0x2E80, 0x303E },   { 0x3041, 0x33FF },   { 0x3400, 0x4DBF },   { 0x4E00, 0x9FFF },
    { 0xA000, 0xA4CF },   { 0xAC00, 0xD7A3 },   { 0xF900, 0xFAFF },   { 0xFE30, 0xFE6F },
    { 0xFF00, 0xFF60 },   { 0xFFE0, 0xFFE6 },   { 0x1F300, 0x1F64F }, { 0x1F680, 0x1F6FF },
    { 0x1F900, 0x1F9FF }, { 0x20000, 0x3FFFD },
};

static int in_ranges(uint32_t ch, const Range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ch >= ranges[i].from && ch <= ranges[i].to)
            return 1;
    return 0;
}

int utf8_width(uint32_t ch)
{
    if (ch < 0x300)
        return 1;
    if (in_ranges(ch, zero_width, sizeof zero_width / sizeof *zero_width))
        return 0;
    return in_ranges(ch, double_width, sizeof double_width / sizeof *double_width) ? 2 : 1;
}

int utf8_cols(const char *text)
{
    int cols = 0;
    for (uint32_t ch; (ch = utf8_next(&text)) != 0;)
        cols += utf8_width(ch);
    return cols;
}
