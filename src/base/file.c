// SPDX-License-Identifier: MIT
#include "src/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/alloc.h"

static Status read_open(int fd, const char *path, size_t limit, char **text, size_t *len,
                        Error *err)
{
    size_t cap = 65536, used = 0;
    char *buf = mem_alloc(cap + 1);
    if (!buf)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", path);
    for (;;) {
        ssize_t n = read(fd, buf + used, cap - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_errno(err, "cannot read %s", path);
            mem_free(buf);
            return STATUS_IO;
        }
        if (n == 0)
            break;
        used += (size_t)n;
        if (used > limit) {
            mem_free(buf);
            return error_set(err, STATUS_PARSE, "%s is larger than %zu bytes", path, limit);
        }
        if (used == cap) {
            char *grown = mem_grow(buf, cap * 2 + 1, 1);
            if (!grown) {
                mem_free(buf);
                return error_set(err, STATUS_NOMEM, "%s: out of memory", path);
            }
            buf = grown;
            cap *= 2;
        }
    }
    buf[used] = '\0';
    *text = buf;
    if (len)
        *len = used;
    return STATUS_OK;
}

Status file_read(const char *path, size_t limit, char **text, size_t *len, Error *err)
{
    *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot open %s", path);
    Status status = read_open(fd, path, limit, text, len, err);
    close(fd);
    return status;
}

static Status write_all(int fd, const char *path, const char *data, size_t len, Error *err)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot write %s", path);
        data += n;
        len -= (size_t)n;
    }
    return STATUS_OK;
}

static void sync_parent(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

Status file_write_atomic(const char *path, const void *data, size_t len, Error *err)
{
    char temp[PATH_MAX];
    if (snprintf(temp, sizeof temp, "%s.tmp", path) >= (int)sizeof temp)
        return error_set(err, STATUS_ARG, "path too long: %s", path);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_errno(err, "cannot create %s", temp);
    Status status = write_all(fd, temp, data, len, err);
    if (status == STATUS_OK && fsync(fd) < 0)
        status = error_errno(err, "cannot write %s", temp);
    if (close(fd) < 0 && status == STATUS_OK)
        status = error_errno(err, "cannot write %s", temp);
    if (status == STATUS_OK && rename(temp, path) < 0)
        status = error_errno(err, "cannot rename %s", temp);
    if (status != STATUS_OK)
        unlink(temp);
    else
        sync_parent(path);
    return status;
}

Status file_mkdirs(const char *path, Error *err)
{
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return error_set(err, STATUS_ARG, "path too long: %s", path);
    for (char *p = part + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char kept = *p;
        *p = '\0';
        if (mkdir(part, 0777) < 0 && errno != EEXIST)
            return error_errno(err, "cannot create directory %s", part);
        if (kept == '\0')
            break;
        *p = kept;
    }
    if (!file_is_dir(path))
        return error_set(err, STATUS_IO, "%s is not a directory", path);
    return STATUS_OK;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

Status file_remove_tree(const char *path, Error *err)
{
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0)
        return error_errno(err, "cannot remove %s", path);
    return STATUS_OK;
}

const char *file_share_dir(void)
{
    static char found[PATH_MAX];
    const char *env = getenv("DARTBOARD_SHARE");
    if (env && *env)
        return env;
    if (found[0])
        return found;
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n > 0) {
        exe[n] = '\0';
        // A build lies in CLONE/build/MODE/: look upwards for the library of the clone.
        for (char *slash = strrchr(exe, '/'); slash; slash = strrchr(exe, '/')) {
            *slash = '\0';
            char probe[PATH_MAX];
            if (snprintf(probe, sizeof probe, "%s/scripts-lua/nas.lua", exe) < (int)sizeof probe &&
                file_exists(probe)) {
                snprintf(found, sizeof found, "%s", exe);
                return found;
            }
        }
    }
    snprintf(found, sizeof found, "%s/share/dartboard", DARTBOARD_PREFIX);
    return found;
}
