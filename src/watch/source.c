// SPDX-License-Identifier: MIT
#include "src/watch/source.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/alloc.h"
#include "src/base/clock.h"
#include "src/base/file.h"
#include "src/base/unpack.h"
#include "src/watch/event_run.h"
#include "src/watch/hessians.h"
#include "src/watch/reader.h"
#include "src/watch/sniff.h"

// Files and how far each was read. A file is closed whenever its end was reached and opened
// again when stat says that it has changed, so that many runs cost no descriptors.

enum { HEAD_BYTES = 64 << 10, CHUNK_BYTES = 64 << 10, FEEDS = 4096, DEPTH = 4 };

typedef struct {
    char *path, *name;
    const ReaderKind *kind; // NULL until its first bytes were recognised
    void *reader;
    bool needs_kind; // found in a directory: without a kind it is not read
    Unpack *stream;  // NULL between polls
    int64_t offset;  // of the contents, read and used
    dev_t dev;       // of the file when it was found: links to it are the same feed
    ino_t ino;
    struct stat seen;
    bool ended; // damaged or read to its end for good: nothing more is read
    int first_run;
} Feed;

struct Source {
    Model model;
    SourceOptions options;
    char *space, *hessians, *pattern;
    char *dir; // watched for more runs, NULL for a single file
    Feed *feeds;
    int n_feeds, cap_feeds;
    double scanned;
    bool finished; // idle was told that nothing more comes
    bool full;     // there are more files than are read
    int notify;
    char chunk[CHUNK_BYTES];
};

// ---- files to feeds -----------------------------------------------------------------------------

static char *run_name_of(const char *path)
{
    char text[PATH_MAX];
    snprintf(text, sizeof text, "%s", path);
    char *slash = strrchr(text, '/');
    char *name = slash ? slash + 1 : text;
    if (strcmp(name, "journal.jsonl") == 0 && slash) {
        *slash = '\0';
        slash = strrchr(text, '/');
        name = slash ? slash + 1 : text;
    }
    static const char *const ends[] = { ".gz", ".txt", ".log", ".jsonl", ".out" };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (str_ends(name, ends[i]) && strlen(name) > strlen(ends[i]))
            name[strlen(name) - strlen(ends[i])] = '\0';
    return mem_strdup(name);
}

static bool has_feed(const Source *source, const char *path, const struct stat *st)
{
    for (int i = 0; i < source->n_feeds; i++) {
        const Feed *feed = &source->feeds[i];
        if ((feed->ino == st->st_ino && feed->dev == st->st_dev) || strcmp(feed->path, path) == 0)
            return true;
    }
    return false;
}

static Status add_feed(Source *source, const char *path, bool needs_kind, Error *err)
{
    struct stat st;
    if (stat(path, &st) != 0 || has_feed(source, path, &st))
        return STATUS_OK;
    if (source->n_feeds == FEEDS) {
        if (!source->full)
            model_skip(&source->model, NULL, FEEDS, "more files than are read");
        source->full = true;
        return STATUS_OK;
    }
    if (source->n_feeds == source->cap_feeds) {
        int cap = source->cap_feeds ? 2 * source->cap_feeds : 4;
        Feed *feeds = mem_grow(source->feeds, (size_t)cap, sizeof *feeds);
        if (!feeds)
            return error_set(err, STATUS_NOMEM, "not enough memory to read %s", path);
        source->feeds = feeds;
        source->cap_feeds = cap;
    }
    Feed feed = { .path = mem_strdup(path),
                  .name = run_name_of(path),
                  .needs_kind = needs_kind,
                  .dev = st.st_dev,
                  .ino = st.st_ino };
    if (!feed.path || !feed.name) {
        mem_free(feed.path);
        mem_free(feed.name);
        return error_set(err, STATUS_NOMEM, "not enough memory to read %s", path);
    }
    source->feeds[source->n_feeds++] = feed;
    if (source->notify >= 0)
        inotify_add_watch(source->notify, path, IN_MODIFY);
    return STATUS_OK;
}

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool worth_sniffing(const char *name)
{
    static const char *const never[] = { ".safetensors", ".pt",  ".pth", ".db",   ".json", ".yaml",
                                         ".lua",         ".png", ".pdf", ".npz",  ".py",   ".csv",
                                         ".md",          ".c",   ".h",   ".html", ".o" };
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (str_ends(name, never[i]))
            return false;
    return true;
}

// A run directory gives its journal; any other directory what it holds, in the order of names.
static Status scan_dir(Source *source, const char *dir, int depth, Error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/journal.jsonl", dir);
    if (file_exists(path))
        return add_feed(source, path, false, err);
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, no_dots, alphasort);
    Status status = STATUS_OK;
    for (int i = 0; i < n; i++) {
        struct stat st;
        bool fits =
            snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name) < (int)sizeof path;
        if (fits && !status && stat(path, &st) == 0) {
            if (S_ISDIR(st.st_mode) && depth < DEPTH)
                status = scan_dir(source, path, depth + 1, err);
            else if (S_ISREG(st.st_mode) && st.st_size > 0 && worth_sniffing(path))
                status = add_feed(source, path, true, err);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

// ---- opening ------------------------------------------------------------------------------------

static Status copy_options(Source *source, const SourceOptions *options, Error *err)
{
    static const SourceOptions none = { .majority = NAN, .until_epoch = INT_MAX };
    source->options = options ? *options : none;
    SourceOptions *mine = &source->options;
    if ((mine->space && !(mine->space = source->space = mem_strdup(mine->space))) ||
        (mine->hessians && !(mine->hessians = source->hessians = mem_strdup(mine->hessians))) ||
        (mine->tag_pattern &&
         !(mine->tag_pattern = source->pattern = mem_strdup(mine->tag_pattern))))
        return error_set(err, STATUS_NOMEM, "not enough memory to open a source");
    source->model.has_until = mine->until_epoch != INT_MAX && mine->until_epoch >= -1;
    source->model.until = mine->until_epoch;
    source->model.majority = mine->majority > 0 ? mine->majority : 0;
    return STATUS_OK;
}

static Status open_paths(Source *source, const char *path, Error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return error_errno(err, "%s", path);
    if (S_ISDIR(st.st_mode)) {
        char trimmed[PATH_MAX];
        snprintf(trimmed, sizeof trimmed, "%s", path);
        for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--)
            trimmed[n - 1] = '\0';
        source->dir = mem_strdup(trimmed);
        if (!source->dir)
            return error_set(err, STATUS_NOMEM, "not enough memory to open %s", path);
        source->scanned = clock_mono();
        return scan_dir(source, trimmed, 0, err);
    }
    if (!S_ISREG(st.st_mode))
        return error_set(err, STATUS_IO, "%s: expected a file or a directory", path);
    if (access(path, R_OK) != 0)
        return error_errno(err, "%s", path);
    return add_feed(source, path, false, err);
}

Status source_open(const char *path, const SourceOptions *options, Source **source, Error *err)
{
    *source = NULL;
    Source *made = mem_zero(1, sizeof *made);
    if (!made)
        return error_set(err, STATUS_NOMEM, "not enough memory to open %s", path);
    made->notify = -1;
    Status status = copy_options(made, options, err);
    if (!status && made->options.follow)
        made->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (!status)
        status = open_paths(made, path, err);
    if (!status && made->dir && made->notify >= 0)
        inotify_add_watch(made->notify, made->dir, IN_CREATE | IN_MOVED_TO);
    if (status) {
        source_close(made);
        return status;
    }
    *source = made;
    return STATUS_OK;
}

void source_close(Source *source)
{
    if (!source)
        return;
    for (int i = 0; i < source->n_feeds; i++) {
        Feed *feed = &source->feeds[i];
        if (feed->reader)
            feed->kind->close(feed->reader);
        unpack_close(feed->stream);
        mem_free(feed->path);
        mem_free(feed->name);
    }
    mem_free(source->feeds);
    if (source->notify >= 0)
        close(source->notify);
    model_free(&source->model);
    mem_free(source->space);
    mem_free(source->hessians);
    mem_free(source->pattern);
    mem_free(source->dir);
    mem_free(source);
}

Model *source_model(Source *source)
{
    return &source->model;
}

int source_fd(const Source *source)
{
    return source->notify;
}

// ---- reading ------------------------------------------------------------------------------------

static void damaged(Source *source, Feed *feed, const char *reason)
{
    model_skip(&source->model, NULL, feed->offset, reason);
    feed->ended = true;
}

static void stop_stream(Feed *feed)
{
    unpack_close(feed->stream);
    feed->stream = NULL;
}

// Reads the beginning and decides. A file named by the user is taken for a log when nothing else
// fits; what a directory holds besides is left alone.
static Status recognise(Source *source, Feed *feed, bool *known, Error *err)
{
    size_t have = 0, got = 1;
    char *head = mem_alloc(HEAD_BYTES);
    if (!head)
        return error_set(err, STATUS_NOMEM, "not enough memory to read %s", feed->path);
    while (have < HEAD_BYTES && got &&
           !unpack_read(feed->stream, head + have, HEAD_BYTES - have, &got, NULL))
        have += got;
    feed->kind = sniff_kind(head, have);
    mem_free(head);
    bool waits = have < HEAD_BYTES && source->options.follow;
    if (!feed->kind && !feed->needs_kind && !waits)
        feed->kind = &log_reader;
    *known = feed->kind != NULL;
    if (!*known) {
        feed->ended = !waits;
        return STATUS_OK;
    }
    feed->first_run = source->model.n;
    Status status = unpack_seek(feed->stream, 0, NULL);
    if (status) {
        damaged(source, feed, "unreadable");
        *known = false;
        return STATUS_OK;
    }
    return feed->kind->open(&source->model, &source->options, feed->path, feed->name, &feed->reader,
                            err);
}

// Has the file changed since its end was reached? A file that is another one now, or shorter than
// what was used of it, is read from its beginning as runs of their own.
static bool changed(Feed *feed)
{
    struct stat now;
    if (feed->ended || stat(feed->path, &now) != 0)
        return false;
    bool other =
        feed->seen.st_ino && (now.st_ino != feed->seen.st_ino || now.st_dev != feed->seen.st_dev);
    bool same = now.st_size == feed->seen.st_size && !other &&
                now.st_mtim.tv_sec == feed->seen.st_mtim.tv_sec &&
                now.st_mtim.tv_nsec == feed->seen.st_mtim.tv_nsec;
    bool shorter = now.st_size < feed->seen.st_size && now.st_size < feed->offset;
    feed->seen = now;
    if (feed->reader && (other || shorter)) {
        feed->kind->close(feed->reader);
        feed->reader = NULL;
        feed->kind = NULL;
        feed->offset = 0;
    }
    return !same;
}

static Status start_stream(Source *source, Feed *feed, bool *ready, Error *err)
{
    *ready = false;
    if (!changed(feed))
        return STATUS_OK;
    if (unpack_open(feed->path, &feed->stream, NULL)) {
        damaged(source, feed, "cannot be opened");
        return STATUS_OK;
    }
    if (!feed->kind) {
        Status status = recognise(source, feed, ready, err);
        if (!*ready)
            stop_stream(feed);
        return status;
    }
    *ready = unpack_seek(feed->stream, feed->offset, NULL) == STATUS_OK;
    if (!*ready)
        stop_stream(feed);
    return STATUS_OK;
}

// One piece of one file. *more: its end was not reached.
static Status read_piece(Source *source, Feed *feed, bool *more, Error *err)
{
    size_t got = 0;
    bool ready = feed->stream != NULL;
    *more = false;
    Status status = ready ? STATUS_OK : start_stream(source, feed, &ready, err);
    if (status || !ready)
        return status;
    if (unpack_read(feed->stream, source->chunk, sizeof source->chunk, &got, NULL)) {
        damaged(source, feed, "damaged or cut gzip");
        got = 0;
    }
    feed->offset += (int64_t)got;
    if (got) {
        *more = true;
        return feed->kind->feed(feed->reader, source->chunk, got, err);
    }
    bool last = !source->options.follow || feed->ended;
    status = feed->kind->idle(feed->reader, last, err);
    feed->offset -= (int64_t)feed->kind->unread(feed->reader);
    stop_stream(feed);
    if (last) {
        feed->kind->close(feed->reader);
        feed->reader = NULL;
        feed->ended = true;
    }
    return status;
}

// ---- silence ------------------------------------------------------------------------------------

// A journal that says RUNNING but has been silent for several epochs is that of a dead process;
// where the process can be asked for, also one that says PAUSED, and at once.
static void check_silence(Source *source)
{
    enum { LEAST = 120, UNKNOWN_PACE = 1800, EPOCHS = 4 };
    double now = clock_wall();
    for (int i = 0; i < source->n_feeds; i++) {
        const Feed *feed = &source->feeds[i];
        int end = i + 1 < source->n_feeds ? source->feeds[i + 1].first_run : source->model.n;
        for (int r = feed->first_run; feed->kind == &journal_reader && r < end; r++) {
            ModelRun *run = source->model.runs[r];
            double pace = run->seconds_per_epoch;
            double limit = isfinite(pace) ? fmax(LEAST, EPOCHS * pace) : UNKNOWN_PACE;
            bool silent = now - (double)feed->seen.st_mtim.tv_sec > limit;
            RunState state = run->state;
            bool alive = state == RUN_RUNNING || state == RUN_PAUSED;
            bool dead = (alive || state == RUN_LOST) && source->options.is_dead &&
                        source->options.is_dead(run->path);
            if ((state == RUN_RUNNING && silent) || (alive && dead))
                run->state = RUN_LOST;
            else if (state == RUN_LOST && !silent && !dead)
                run->state = RUN_RUNNING;
            run->version += run->state != state;
        }
    }
}

static void drain_notify(const Source *source)
{
    char buf[4096];
    while (source->notify >= 0 && read(source->notify, buf, sizeof buf) > 0)
        ;
}

static Status look_for_runs(Source *source, Error *err)
{
    enum { PAUSE_S = 2 };
    if (!source->dir || !source->options.follow || clock_mono() - source->scanned < PAUSE_S)
        return STATUS_OK;
    source->scanned = clock_mono();
    return scan_dir(source, source->dir, 0, err);
}

static Status finish(Source *source, Error *err)
{
    if (source->finished || source->options.follow)
        return STATUS_OK;
    source->finished = true;
    if (source->options.hessians)
        return hessians_read(source->options.hessians, &source->model, err);
    return STATUS_OK;
}

Status source_poll(Source *source, int budget_ms, bool *more, Error *err)
{
    double end = clock_mono() + budget_ms / 1000.0;
    Status status = look_for_runs(source, err);
    bool out_of_time = false;
    *more = false;
    drain_notify(source);
    for (int i = 0; i < source->n_feeds && !status && !out_of_time; i++) {
        bool again = true;
        while (again && !status && !out_of_time) {
            status = read_piece(source, &source->feeds[i], &again, err);
            out_of_time = budget_ms > 0 && clock_mono() >= end;
        }
        *more |= again || (out_of_time && i + 1 < source->n_feeds);
    }
    if (!status && !*more)
        status = event_runs_settle(&source->model, err);
    if (!status && !*more)
        status = finish(source, err);
    for (int r = 0; r < source->model.n; r++)
        model_settle(source->model.runs[r]);
    check_silence(source);
    return status;
}
