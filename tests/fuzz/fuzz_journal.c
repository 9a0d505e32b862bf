// SPDX-License-Identifier: MIT
// Journals: whatever the bytes, a model in order.
#include <stddef.h>
#include <stdint.h>

#include "tests/fuzz/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    feed_reader(&journal_reader, (const char *)data, size);
    return 0;
}
