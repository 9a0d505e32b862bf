// SPDX-License-Identifier: MIT
#include "src/watch/sniff.h"

#include <string.h>

#include "src/watch/log_line.h"

static bool is_event_file(const char *data, size_t len)
{
    const unsigned char *at = (const unsigned char *)data;
    return len >= 12 && event_u64(at) < ((uint64_t)1 << 32) &&
           event_masked_crc(at, 8) == event_u32(at + 8);
}

static bool is_record(const char *line, size_t len)
{
    size_t i = 0;
    while (i < len && (line[i] == ' ' || line[i] == '\t'))
        i++;
    return i < len && line[i] == '{' && memmem(line, len, "\"t\"", 3);
}

// Words that no log of the family is without.
static bool is_search_log(const char *line)
{
    static const char *const words[] = {
        "enotype",    "train_acc", "train acc:", "valid_acc", "Namespace(", "Structure(",
        "-th epoch]", "ALPHA ###", "tensor([[",  "P-DARTS",   "Train: [",   "Logger is set",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(line, words[i]))
            return true;
    const char *at = scan_find(line, "epoch");
    int epoch;
    return at && scan_int(scan_skip(at + 5, " :=["), &epoch) && scan_find(at, "lr");
}

const ReaderKind *sniff_kind(const char *data, size_t len)
{
    char line[512];
    if (is_event_file(data, len))
        return &event_reader;
    for (const char *at = data, *end = data + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        if (is_record(at, n))
            return &journal_reader;
        size_t kept = 0;
        for (size_t i = 0; i < n && kept < sizeof line - 1; i++)
            if (at[i])
                line[kept++] = at[i];
        line[kept] = '\0';
        if (is_search_log(line))
            return &log_reader;
        at += n + 1;
    }
    return NULL;
}

uint32_t event_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint64_t event_u64(const unsigned char *at)
{
    return (uint64_t)event_u32(at) | (uint64_t)event_u32(at + 4) << 32;
}

uint32_t event_masked_crc(const void *data, size_t len)
{
    const unsigned char *at = data;
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}
