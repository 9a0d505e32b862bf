// SPDX-License-Identifier: MIT
// Genotype text: an error, or a genotype whose own text reads back as the same genotype.
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "src/arch/arch.h"
#include "src/base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_alloc(size + 1);
    assert(text);
    memcpy(text, data, size);
    text[size] = '\0';
    Genotype first, second;
    Error err = { 0 };
    int used;
    Status status = genotype_parse(text, &first, &used, &err);
    assert(used >= 0 && (size_t)used <= size);
    if (status == STATUS_OK) {
        Str out = { 0 };
        for (int i = 0; i < first.n_cells; i++)
            assert(geno_cell_count(&first.cells[i]).conv_depth >= -1);
        genotype_write(&first, &out);
        assert(genotype_parse(out.text, &second, NULL, &err) == STATUS_OK);
        assert(genotype_equal(&first, &second));
        str_fini(&out);
    } else {
        assert(status == STATUS_PARSE && err.msg[0]);
    }
    mem_free(text);
    return 0;
}
