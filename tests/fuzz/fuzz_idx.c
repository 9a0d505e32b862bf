// SPDX-License-Identifier: MIT
// IDX files: whatever the bytes, a clean error or an array that lies inside them.
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "src/data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    IdxArray a;
    Error err = { 0 };
    if (idx_parse(data, size, "fuzz", &a, &err) != STATUS_OK) {
        assert(err.msg[0]);
        return 0;
    }
    int64_t items = a.dim[0] * a.dim[1] * a.dim[2] * a.dim[3];
    assert(items >= 0 && a.items + items == data + size);
    return 0;
}
