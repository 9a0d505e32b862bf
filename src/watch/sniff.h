// SPDX-License-Identifier: MIT
#ifndef WATCH_SNIFF_H
#define WATCH_SNIFF_H

#include "src/watch/reader.h"

// Which reader understands these first bytes of a file; NULL if none does.
const ReaderKind *sniff_kind(const char *data, size_t len);

// CRC-32C with the mask of TFRecord files.
uint32_t event_masked_crc(const void *data, size_t len);
uint32_t event_u32(const unsigned char *at); // little-endian
uint64_t event_u64(const unsigned char *at);

#endif
