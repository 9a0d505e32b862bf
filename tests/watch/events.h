// SPDX-License-Identifier: MIT
#ifndef TEST_WATCH_EVENTS_H
#define TEST_WATCH_EVENTS_H

#include <string.h>

#include "src/base/str.h"
#include "src/watch/sniff.h"

// Event files by hand, a record at a time.

static inline void put_bytes(Str *out, uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        str_addc(out, (char)(value >> (8 * i)));
}

static inline void put_frame(Str *out, const Str *record)
{
    size_t at = out->len;
    put_bytes(out, record->len, 8);
    put_bytes(out, event_masked_crc(out->text + at, 8), 4);
    str_addn(out, record->text, record->len);
    put_bytes(out, event_masked_crc(record->text, record->len), 4);
}

// Event { 1: wall, 2: step, 5: Summary { 1: Value { 1: tag, 2: value } } }
static inline void put_scalar(Str *out, const char *tag, int step, float number)
{
    Str value = { 0 }, record = { 0 };
    union {
        float f;
        uint32_t u;
    } bits = { .f = number };
    union {
        double d;
        uint64_t u;
    } wall = { .d = 1.7e9 + step };
    str_addc(&value, 10);
    str_addc(&value, (char)strlen(tag));
    str_add(&value, tag);
    str_addc(&value, 2 << 3 | 5);
    put_bytes(&value, bits.u, 4);
    str_addc(&record, 1 << 3 | 1);
    put_bytes(&record, wall.u, 8);
    str_addc(&record, 2 << 3);
    for (int rest = step; rest > 127 || (str_addc(&record, (char)rest), 0); rest >>= 7)
        str_addc(&record, (char)((rest & 127) | 128));
    str_addc(&record, 5 << 3 | 2);
    str_addc(&record, (char)(value.len + 2));
    str_addc(&record, 10);
    str_addc(&record, (char)value.len);
    str_addn(&record, value.text, value.len);
    put_frame(out, &record);
    str_fini(&value);
    str_fini(&record);
}

#endif
