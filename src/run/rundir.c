// SPDX-License-Identifier: MIT
#include "src/run/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/file.h"

Status rundir_file(const char *path, const char *file, char *buf, Error *err)
{
    if (snprintf(buf, PATH_MAX, "%s/%s", path, file) >= PATH_MAX)
        return error_set(err, STATUS_ARG, "path too long: %s/%s", path, file);
    return STATUS_OK;
}

static struct flock whole_file(short type)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET };
}

static void write_owner(int fd)
{
    char host[128] = "?", text[256];
    gethostname(host, sizeof host - 1);
    int n = snprintf(text, sizeof text, "pid %ld\nhost %s\nstarted %.0f\n", (long)getpid(), host,
                     clock_wall());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) < 0)
        return; // the lock is what counts; its text only helps people
}

static Status lock_taken(const char *path, int fd, Error *err)
{
    char text[256] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    long pid = 0;
    char host[128] = "?";
    if (n > 0)
        sscanf(text, "pid %ld host %127s", &pid, host);
    return error_set(err, STATUS_BUSY,
                     "%s is in use by process %ld on %s: watch it, or stop it first", path, pid,
                     host);
}

Status rundir_lock(const char *path, RunDir *rd, Error *err)
{
    char file[PATH_MAX];
    *rd = (RunDir){ .lock_fd = -1 };
    Status status = rundir_file(path, "lock", file, err);
    if (status != STATUS_OK)
        return status;
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_errno(err, "cannot open %s", file);
    struct flock lock = whole_file(F_WRLCK);
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        if (errno == EAGAIN || errno == EACCES)
            status = lock_taken(path, fd, err);
        else
            status = error_errno(err, "cannot lock %s", file);
        close(fd);
        return status;
    }
    write_owner(fd);
    snprintf(rd->path, sizeof rd->path, "%s", path);
    rd->lock_fd = fd;
    return STATUS_OK;
}

void rundir_unlock(RunDir *rd)
{
    if (rd->lock_fd >= 0)
        close(rd->lock_fd);
    rd->lock_fd = -1;
}

pid_t rundir_owner(const char *path)
{
    char file[PATH_MAX];
    if (rundir_file(path, "lock", file, NULL) != STATUS_OK)
        return 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    struct flock lock = whole_file(F_WRLCK);
    lock.l_type = F_RDLCK; // a read-only descriptor may only ask for a read lock
    pid_t owner = 0;
    if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
        owner = lock.l_pid;
    close(fd);
    return owner;
}

Status rundir_create(const char *dir, const char *name, bool exact, RunDir *rd, Error *err)
{
    if (strchr(name, '/') || name[0] == '\0' || name[0] == '.')
        return error_set(err, STATUS_ARG, "run name '%s': expected a plain name without '/'", name);
    Status status = file_mkdirs(dir, err);
    for (int i = 1; status == STATUS_OK && i < 100000; i++) {
        char path[PATH_MAX], sub[PATH_MAX];
        int n = i == 1 ? snprintf(path, sizeof path, "%s/%s", dir, name)
                       : snprintf(path, sizeof path, "%s/%s-%d", dir, name, i);
        if (n >= (int)sizeof path)
            return error_set(err, STATUS_ARG, "path too long: %s/%s", dir, name);
        if (mkdir(path, 0777) == 0) {
            status = rundir_file(path, "checkpoints", sub, err);
            if (status == STATUS_OK)
                status = file_mkdirs(sub, err);
            return status == STATUS_OK ? rundir_lock(path, rd, err) : status;
        }
        if (errno != EEXIST)
            return error_errno(err, "cannot create %s", path);
        if (exact)
            return error_set(err, STATUS_ARG,
                             "%s exists: choose another --name, or 'dartboard resume %s'", path,
                             name);
    }
    return status == STATUS_OK ? error_set(err, STATUS_IO, "no free name for %s in %s", name, dir)
                               : status;
}

bool rundir_is_run(const char *path)
{
    char file[PATH_MAX];
    if (rundir_file(path, "journal.jsonl", file, NULL) == STATUS_OK && file_exists(file))
        return true;
    return rundir_file(path, "run.yaml", file, NULL) == STATUS_OK && file_exists(file);
}

Status rundir_find(const char *dir, const char *name_or_path, char *path, Error *err)
{
    if (rundir_is_run(name_or_path)) {
        snprintf(path, PATH_MAX, "%s", name_or_path);
        size_t n = strlen(path);
        while (n > 1 && path[n - 1] == '/')
            path[--n] = '\0';
        return STATUS_OK;
    }
    if (!strchr(name_or_path, '/')) {
        Status status = rundir_file(dir, name_or_path, path, err);
        if (status != STATUS_OK || rundir_is_run(path))
            return status;
    }
    return error_set(err, STATUS_ARG, "no run '%s' here or in %s ('dartboard list' shows them)",
                     name_or_path, dir);
}
