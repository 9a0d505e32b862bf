// SPDX-License-Identifier: MIT
// .npy files: a clean error or an array whose every item can be read.
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "src/data/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    NpyArray a;
    Error err = { 0 };
    if (npy_parse(data, size, "fuzz", &a, &err) != STATUS_OK) {
        assert(err.msg[0]);
        return 0;
    }
    assert(a.count >= 0 && a.rank >= 0 && a.rank <= NPY_RANK);
    volatile double sum = 0;
    for (int64_t i = 0; i < a.count; i++)
        sum = sum + npy_number(&a, i);
    return 0;
}
