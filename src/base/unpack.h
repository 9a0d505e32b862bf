// SPDX-License-Identifier: MIT
#ifndef BASE_UNPACK_H
#define BASE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

// Reading files that may be compressed. The only place that knows zlib and libarchive.
// Every function that returns whole contents takes a limit in bytes, so that a small file
// cannot fill the memory.

// ---- a stream over a plain or gzip file, told apart by its first bytes ----
typedef struct Unpack Unpack;

Status unpack_open(const char *path, Unpack **stream, Error *err);
// Up to cap bytes into buf. *got = 0: the end for now; a plain file that has grown gives more on
// the next call. A damaged or cut gzip file gives what it has first and STATUS_PARSE after that.
Status unpack_read(Unpack *stream, void *buf, size_t cap, size_t *got, Error *err);
// To byte `offset` of the contents: at once in a plain file, by decompressing in a gzip file.
// Past the end is an error.
Status unpack_seek(Unpack *stream, int64_t offset, Error *err);
int64_t unpack_tell(const Unpack *stream);
bool unpack_is_gzip(const Unpack *stream); // false until the first two bytes were seen
void unpack_close(Unpack *stream);

// Whole contents (NUL added, caller frees with mem_free).
Status unpack_file(const char *path, size_t limit, void **data, size_t *len, Error *err);

// ---- archives: zip (so .npz and .pth too), tar, tar.gz, ... ----
// Without libarchive these return STATUS_ARG with a message that names the package.
typedef struct UnpackEntry UnpackEntry;

// Calls visit for every regular file in the archive, in order; stops at the first status that
// is not OK and returns it. The entry is valid during the call only.
typedef Status UnpackVisit(void *self, const char *name, UnpackEntry *entry, Error *err);
Status unpack_each(const char *path, UnpackVisit *visit, void *self, Error *err);
Status unpack_each_in(const void *data, size_t len, const char *name, UnpackVisit *visit,
                      void *self, Error *err);
// Contents of the entry being visited (NUL added, caller frees with mem_free).
Status unpack_entry_read(UnpackEntry *entry, size_t limit, void **data, size_t *len, Error *err);
// Contents of the member called `member`; STATUS_PARSE if there is none.
Status unpack_member(const char *path, const char *member, size_t limit, void **data, size_t *len,
                     Error *err);
bool unpack_has_archives(void);

#endif
