// SPDX-License-Identifier: MIT
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/err.h"

// Whole file into *text (NUL added, caller frees with mem_free); over `limit` bytes is an error.
Status file_read(const char *path, size_t limit, char **text, size_t *len, Error *err);
// Write, fsync, rename, fsync of the directory: after a crash the old or the new file is there.
Status file_write_atomic(const char *path, const void *data, size_t len, Error *err);
Status file_mkdirs(const char *path, Error *err); // like mkdir -p
bool file_exists(const char *path);
bool file_is_dir(const char *path);
Status file_remove_tree(const char *path, Error *err);
// Directory with scripts-lua, spaces and assets: $DARTBOARD_SHARE, else the clone that holds
// the executable, else PREFIX/share/dartboard.
const char *file_share_dir(void);

#endif
