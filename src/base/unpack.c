// SPDX-License-Identifier: MIT
#include "src/base/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "src/base/alloc.h"

// ---- stream -------------------------------------------------------------------------------------

typedef enum { KIND_UNKNOWN, KIND_PLAIN, KIND_GZIP } Kind;

struct Unpack {
    char *path;
    int fd;
    Kind kind;
    gzFile gz; // owns fd once it is set
    int64_t at;
};

Status unpack_open(const char *path, Unpack **stream, Error *err)
{
    *stream = NULL;
    Unpack *s = mem_zero(1, sizeof *s);
    char *name = mem_strdup(path);
    if (!s || !name) {
        mem_free(s);
        mem_free(name);
        return error_set(err, STATUS_NOMEM, "%s: out of memory", path);
    }
    s->path = name;
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (s->fd < 0 || fstat(s->fd, &st) < 0) {
        error_errno(err, "cannot open %s", path);
        unpack_close(s);
        return STATUS_IO;
    }
    if (S_ISDIR(st.st_mode)) {
        unpack_close(s);
        return error_set(err, STATUS_IO, "%s is a directory, expected a file", path);
    }
    *stream = s;
    return STATUS_OK;
}

void unpack_close(Unpack *s)
{
    if (!s)
        return;
    if (s->gz)
        gzclose(s->gz);
    else if (s->fd >= 0)
        close(s->fd);
    mem_free(s->path);
    mem_free(s);
}

// Looks at the first two bytes; stays unknown while the file is shorter.
static Status tell_kind(Unpack *s, Error *err)
{
    unsigned char magic[2];
    ssize_t n = pread(s->fd, magic, sizeof magic, 0);
    if (n < 0 && errno == ESPIPE) { // a pipe cannot be looked into: taken as it is
        s->kind = KIND_PLAIN;
        return STATUS_OK;
    }
    if (n < 0)
        return error_errno(err, "cannot read %s", s->path);
    if (n > 0 && magic[0] != 0x1f)
        s->kind = KIND_PLAIN;
    if (n < 2 || s->kind == KIND_PLAIN)
        return STATUS_OK;
    s->kind = magic[1] == 0x8b ? KIND_GZIP : KIND_PLAIN;
    if (s->kind == KIND_PLAIN)
        return STATUS_OK;
    s->gz = gzdopen(s->fd, "rb");
    if (!s->gz) {
        s->kind = KIND_UNKNOWN;
        return error_set(err, STATUS_NOMEM, "%s: out of memory", s->path);
    }
    gzbuffer(s->gz, 1 << 17);
    return STATUS_OK;
}

static Status read_gzip(Unpack *s, void *buf, size_t cap, size_t *got, Error *err)
{
    int n = gzread(s->gz, buf, cap > 1 << 30 ? 1 << 30 : (unsigned)cap), code = Z_OK;
    if (n > 0) {
        *got = (size_t)n;
        return STATUS_OK;
    }
    const char *why = gzerror(s->gz, &code);
    if (code == Z_BUF_ERROR)
        return error_set(err, STATUS_PARSE, "%s: the gzip file is cut off", s->path);
    if (code == Z_ERRNO)
        return error_errno(err, "cannot read %s", s->path);
    if (n < 0 || code < 0)
        return error_set(err, STATUS_PARSE, "%s: damaged gzip file: %s", s->path, why);
    return STATUS_OK;
}

Status unpack_read(Unpack *s, void *buf, size_t cap, size_t *got, Error *err)
{
    *got = 0;
    if (s->kind == KIND_UNKNOWN) {
        Status status = tell_kind(s, err);
        if (status != STATUS_OK || s->kind == KIND_UNKNOWN)
            return status;
    }
    if (s->kind == KIND_GZIP) {
        Status status = read_gzip(s, buf, cap, got, err);
        s->at += (int64_t)*got;
        return status;
    }
    ssize_t n;
    do
        n = read(s->fd, buf, cap);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_errno(err, "cannot read %s", s->path);
    *got = (size_t)n;
    s->at += n;
    return STATUS_OK;
}

static Status seek_gzip(Unpack *s, int64_t offset, Error *err)
{
    if (offset < s->at) {
        if (gzrewind(s->gz) < 0)
            return error_set(err, STATUS_IO, "%s: cannot go back to the start", s->path);
        s->at = 0;
    }
    char skip[16384];
    while (s->at < offset) {
        size_t want = sizeof skip, got;
        if ((int64_t)want > offset - s->at)
            want = (size_t)(offset - s->at);
        Status status = unpack_read(s, skip, want, &got, err);
        if (status != STATUS_OK)
            return status;
        if (got == 0)
            return error_set(err, STATUS_PARSE, "%s ends at byte %lld, before byte %lld", s->path,
                             (long long)s->at, (long long)offset);
    }
    return STATUS_OK;
}

Status unpack_seek(Unpack *s, int64_t offset, Error *err)
{
    if (s->kind == KIND_UNKNOWN) {
        Status status = tell_kind(s, err);
        if (status != STATUS_OK)
            return status;
    }
    if (s->kind == KIND_GZIP)
        return seek_gzip(s, offset, err);
    struct stat st;
    if (fstat(s->fd, &st) < 0)
        return error_errno(err, "cannot read %s", s->path);
    if (offset < 0 || offset > st.st_size)
        return error_set(err, STATUS_PARSE, "%s has %lld bytes, there is no byte %lld", s->path,
                         (long long)st.st_size, (long long)offset);
    if (lseek(s->fd, offset, SEEK_SET) < 0)
        return error_errno(err, "cannot read %s", s->path);
    s->at = offset;
    return STATUS_OK;
}

int64_t unpack_tell(const Unpack *s)
{
    return s->at;
}

bool unpack_is_gzip(const Unpack *s)
{
    return s->kind == KIND_GZIP;
}

// ---- whole contents -----------------------------------------------------------------------------

// Grows with what is there, so that a wrong size in a header costs nothing.
typedef struct {
    char *bytes;
    size_t len, cap;
} Buffer;

static bool buffer_room(Buffer *b)
{
    if (b->len < b->cap)
        return true;
    size_t cap = b->cap ? b->cap * 2 : 65536;
    char *grown = mem_grow(b->bytes, cap + 1, 1); // one more for the NUL
    if (!grown)
        return false;
    b->bytes = grown;
    b->cap = cap;
    return true;
}

// One step of a source: fills up to cap bytes, *got = 0 at the end.
typedef Status Pull(void *self, void *buf, size_t cap, size_t *got, Error *err);

static Status pull_all(Pull *pull, void *self, const char *name, size_t limit, void **data,
                       size_t *len, Error *err)
{
    Buffer b = { 0 };
    Status status = STATUS_OK;
    for (size_t got = 1; got;) {
        if (!buffer_room(&b)) {
            status = error_set(err, STATUS_NOMEM, "%s: out of memory", name);
            break;
        }
        status = pull(self, b.bytes + b.len, b.cap - b.len, &got, err);
        if (status != STATUS_OK)
            break;
        b.len += got;
        if (b.len > limit) {
            status = error_set(err, STATUS_PARSE, "%s holds more than %zu bytes", name, limit);
            break;
        }
    }
    if (status != STATUS_OK) {
        mem_free(b.bytes);
        return status;
    }
    b.bytes[b.len] = '\0';
    *data = b.bytes;
    *len = b.len;
    return STATUS_OK;
}

static Status pull_stream(void *self, void *buf, size_t cap, size_t *got, Error *err)
{
    return unpack_read(self, buf, cap, got, err);
}

Status unpack_file(const char *path, size_t limit, void **data, size_t *len, Error *err)
{
    Unpack *stream;
    *data = NULL;
    *len = 0;
    Status status = unpack_open(path, &stream, err);
    if (status != STATUS_OK)
        return status;
    status = pull_all(pull_stream, stream, path, limit, data, len, err);
    unpack_close(stream);
    return status;
}

// ---- archives -----------------------------------------------------------------------------------

#ifdef WITH_ARCHIVE

#include <archive.h>
#include <archive_entry.h>

struct UnpackEntry {
    struct archive *archive;
    const char *archive_name, *name;
};

bool unpack_has_archives(void)
{
    return true;
}

static Status archive_failed(struct archive *a, const char *name, Error *err)
{
    const char *why = archive_error_string(a);
    return error_set(err, STATUS_PARSE, "%s: cannot read the archive: %s", name,
                     why ? why : "damaged");
}

static Status each_member(struct archive *a, const char *name, UnpackVisit *visit, void *self,
                          Error *err)
{
    struct archive_entry *head;
    int code;
    while ((code = archive_read_next_header(a, &head)) == ARCHIVE_OK || code == ARCHIVE_WARN) {
        const char *member = archive_entry_pathname(head);
        if (archive_entry_filetype(head) != AE_IFREG || !member)
            continue;
        UnpackEntry entry = { a, name, member };
        Status status = visit(self, member, &entry, err);
        if (status != STATUS_OK)
            return status;
    }
    return code == ARCHIVE_EOF ? STATUS_OK : archive_failed(a, name, err);
}

static struct archive *archive_new(void)
{
    struct archive *a = archive_read_new();
    if (!a)
        return NULL;
    archive_read_support_filter_gzip(a);
    archive_read_support_format_zip(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_gnutar(a);
    return a;
}

Status unpack_each(const char *path, UnpackVisit *visit, void *self, Error *err)
{
    if (access(path, R_OK) < 0)
        return error_errno(err, "cannot open %s", path);
    struct archive *a = archive_new();
    if (!a)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", path);
    Status status = archive_read_open_filename(a, path, 65536) == ARCHIVE_OK
                        ? each_member(a, path, visit, self, err)
                        : archive_failed(a, path, err);
    archive_read_free(a);
    return status;
}

Status unpack_each_in(const void *data, size_t len, const char *name, UnpackVisit *visit,
                      void *self, Error *err)
{
    struct archive *a = archive_new();
    if (!a)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", name);
    Status status = archive_read_open_memory(a, data, len) == ARCHIVE_OK
                        ? each_member(a, name, visit, self, err)
                        : archive_failed(a, name, err);
    archive_read_free(a);
    return status;
}

static Status pull_entry(void *self, void *buf, size_t cap, size_t *got, Error *err)
{
    UnpackEntry *entry = self;
    la_ssize_t n;
    do
        n = archive_read_data(entry->archive, buf, cap);
    while (n == ARCHIVE_RETRY);
    if (n < 0)
        return archive_failed(entry->archive, entry->archive_name, err);
    *got = (size_t)n;
    return STATUS_OK;
}

Status unpack_entry_read(UnpackEntry *entry, size_t limit, void **data, size_t *len, Error *err)
{
    *data = NULL;
    *len = 0;
    return pull_all(pull_entry, entry, entry->name, limit, data, len, err);
}

#else // without libarchive

bool unpack_has_archives(void)
{
    return false;
}

static Status no_archives(const char *name, Error *err)
{
    return error_set(err, STATUS_ARG,
                     "%s is an archive; install libarchive-dev and build again to read it", name);
}

Status unpack_each(const char *path, UnpackVisit *visit, void *self, Error *err)
{
    (void)visit;
    (void)self;
    return no_archives(path, err);
}

Status unpack_each_in(const void *data, size_t len, const char *name, UnpackVisit *visit,
                      void *self, Error *err)
{
    (void)data;
    (void)len;
    (void)visit;
    (void)self;
    return no_archives(name, err);
}

Status unpack_entry_read(UnpackEntry *entry, size_t limit, void **data, size_t *len, Error *err)
{
    (void)entry;
    (void)limit;
    (void)data;
    (void)len;
    return no_archives("this", err);
}

#endif

typedef struct {
    const char *member;
    size_t limit;
    void **data;
    size_t *len;
} Wanted;

static Status take_member(void *self, const char *name, UnpackEntry *entry, Error *err)
{
    Wanted *w = self;
    if (*w->data || strcmp(name, w->member) != 0)
        return STATUS_OK;
    return unpack_entry_read(entry, w->limit, w->data, w->len, err);
}

Status unpack_member(const char *path, const char *member, size_t limit, void **data, size_t *len,
                     Error *err)
{
    *data = NULL;
    *len = 0;
    Wanted wanted = { member, limit, data, len };
    Status status = unpack_each(path, take_member, &wanted, err);
    if (status == STATUS_OK && !*data)
        return error_set(err, STATUS_PARSE, "%s has no member '%s'", path, member);
    if (status != STATUS_OK) {
        mem_free(*data);
        *data = NULL;
    }
    return status;
}
