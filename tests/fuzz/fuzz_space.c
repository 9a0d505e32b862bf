// SPDX-License-Identifier: MIT
// Space scripts: whatever the text, an error with file and line or a space that validates.
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/script/script.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Run from the repository root: the library lies there.
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return setenv("DARTBOARD_SHARE", ".", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    // Small limits: a C function that runs long is another test's business, and so is patience.
    ScriptOptions options = {
        .memory_limit = 8 << 20, .instructions = 200 * 1000, .seconds = 1, .quiet = true
    };
    Space *space;
    Error err = { 0 };
    Status status = script_load_space(path, &options, &space, &err);
    close(fd);
    if (status != STATUS_OK) {
        assert(!space && err.msg[0] && (status != STATUS_SCRIPT || err.line > 0));
        return 0;
    }
    assert(space_validate(space, &err) == STATUS_OK);
    assert(space_size(space) >= 1);
    space_free(space);
    return 0;
}
