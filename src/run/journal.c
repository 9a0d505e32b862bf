// SPDX-License-Identifier: MIT
#include "src/run/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "src/base/alloc.h"
#include "src/base/str.h"

struct Journal {
    int fd;
    off_t end; // bytes of whole lines
    Str line;
    char path[PATH_MAX];
};

// Offset just after the last newline: what a crash left behind it is not a record.
static off_t whole_lines(int fd, off_t size)
{
    char buf[4096];
    while (size > 0) {
        off_t from = size > (off_t)sizeof buf ? size - (off_t)sizeof buf : 0;
        ssize_t n = pread(fd, buf, (size_t)(size - from), from);
        if (n <= 0)
            return size;
        for (ssize_t i = n; i > 0; i--)
            if (buf[i - 1] == '\n')
                return from + i;
        size = from;
    }
    return 0;
}

Status journal_open(const char *path, Journal **out, Error *err)
{
    Journal *j = mem_zero(1, sizeof *j);
    *out = NULL;
    if (!j)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", path);
    snprintf(j->path, sizeof j->path, "%s", path);
    j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (j->fd < 0) {
        mem_free(j);
        return error_errno(err, "cannot open %s", path);
    }
    off_t size = lseek(j->fd, 0, SEEK_END);
    j->end = whole_lines(j->fd, size);
    if (j->end != size && ftruncate(j->fd, j->end) < 0) {
        Status status = error_errno(err, "cannot cut the torn last line of %s", path);
        journal_close(j);
        return status;
    }
    *out = j;
    return STATUS_OK;
}

Status journal_append(Journal *j, const Json *record, Error *err)
{
    str_clear(&j->line);
    Status status = json_write(record, &j->line, err);
    if (status != STATUS_OK)
        return status;
    str_addc(&j->line, '\n');
    if (j->line.failed)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", j->path);
    size_t done = 0;
    while (done < j->line.len) {
        ssize_t n = pwrite(j->fd, j->line.text + done, j->line.len - done, j->end + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            status = error_errno(err, "cannot write %s", j->path);
            if (ftruncate(j->fd, j->end) < 0)
                return status; // a torn line stays; readers and the next open skip it
            return status;
        }
        done += (size_t)n;
    }
    j->end += (off_t)j->line.len;
    return STATUS_OK;
}

Status journal_sync(Journal *j, Error *err)
{
    if (fsync(j->fd) < 0 && errno != EINVAL && errno != EROFS)
        return error_errno(err, "cannot write %s", j->path);
    return STATUS_OK;
}

void journal_close(Journal *j)
{
    if (!j)
        return;
    close(j->fd);
    str_fini(&j->line);
    mem_free(j);
}
