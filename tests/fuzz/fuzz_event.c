// SPDX-License-Identifier: MIT
// Event files: whatever the bytes, a model in order. Inputs that begin with 'r' are records, each
// after its length as one byte or, from 200 on, 100 times more: they get their frames here, so
// that what lies behind the checksums is reached.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "src/base/str.h"
#include "src/watch/sniff.h"
#include "tests/fuzz/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_u32(Str *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        str_addc(out, (char)(value >> (8 * i)));
}

static void frame(Str *out, const uint8_t *data, uint32_t len)
{
    size_t at = out->len;
    put_u32(out, len);
    put_u32(out, 0);
    put_u32(out, event_masked_crc(out->text + at, 8));
    str_addn(out, (const char *)data, len);
    put_u32(out, event_masked_crc(data, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || data[0] != 'r') {
        feed_reader(&event_reader, (const char *)data, size);
        return 0;
    }
    Str file = { 0 };
    for (size_t at = 1; at < size;) {
        size_t len = data[at] < 200 ? data[at] : (size_t)(data[at] - 200) * 100;
        at++;
        len = len < size - at ? len : size - at;
        frame(&file, data + at, (uint32_t)len);
        at += len;
    }
    feed_reader(&event_reader, str_text(&file), file.len);
    str_fini(&file);
    return 0;
}
