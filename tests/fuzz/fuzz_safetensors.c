// SPDX-License-Identifier: MIT
// safetensors files: a clean error or tensors whose every byte can be read; what was read and
// is written again must read the same.
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const SafeFile *f)
{
    int n = safetensors_count(f);
    Str out = { 0 };
    SafeFile *again;
    SafeTensor *list = mem_zero((size_t)n, sizeof *list);
    assert(list);
    for (int i = 0; i < n; i++)
        list[i] = *safetensors_at(f, i);
    if (safetensors_pack(list, n, NULL, 0, &out, NULL) == STATUS_OK) { // a name may be ""
        assert(safetensors_parse(out.text, out.len, "again", &again, NULL) == STATUS_OK);
        for (int i = 0; i < n; i++) {
            const SafeTensor *t = safetensors_find(again, list[i].name);
            assert(t && t->bytes == list[i].bytes);
            assert(!t->bytes || memcmp(t->data, list[i].data, t->bytes) == 0);
        }
        safetensors_close(again);
    }
    mem_free(list);
    str_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SafeFile *f;
    Error err = { 0 };
    if (safetensors_parse(data, size, "fuzz", &f, &err) != STATUS_OK) {
        assert(!f && err.msg[0]);
        return 0;
    }
    safetensors_meta(f, "format");
    write_again(f);
    safetensors_close(f);
    return 0;
}
