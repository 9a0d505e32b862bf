// SPDX-License-Identifier: MIT
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/base/str.h"
#include "src/base/alloc.h"
#include "src/watch/event_run.h"
#include "src/watch/reader.h"
#include "src/watch/sniff.h"

// TensorBoard event files. Framing: u64le length, u32le masked CRC-32C of these 8 bytes, data,
// u32le masked CRC-32C of the data. A bad length cannot be stepped over: reading stops. Bad data
// can: the record is counted and skipped.

enum { FRAME = 12, LONGEST_RECORD = 16 << 20 };

typedef struct {
    Model *model;
    const SourceOptions *options;
    EventRun *run; // NULL before the first value
    Str rest;
    int64_t offset; // of rest in the file
    bool stopped;
    char dir[512];
    char curve[128]; // name of the curve that add_scalars gave this file, "" none
} Events;

// ---- whose file this is -------------------------------------------------------------------------

// add_scalars("a/b", {"train": ...}) writes the tag "a/b" into the directory a_b_train.
static bool is_curve(const char *dir, const char *tag, const char **curve)
{
    const char *slash = strrchr(dir, '/'), *name = slash ? slash + 1 : dir;
    size_t n = strlen(tag);
    for (size_t i = 0; i < n; i++)
        if (name[i] != (tag[i] == '/' ? '_' : tag[i]))
            return false;
    *curve = name + n + 1;
    return slash && name[n] == '_' && **curve;
}

static Status find_run(Events *ev, const EventValue *value, Error *err)
{
    const char *curve;
    char dir[512];
    snprintf(dir, sizeof dir, "%s", ev->dir);
    if (is_curve(ev->dir, value->tag, &curve)) {
        snprintf(ev->curve, sizeof ev->curve, "%s", curve);
        *strrchr(dir, '/') = '\0';
    }
    EventValue first = *value;
    char tag[512];
    if (ev->curve[0]) {
        snprintf(tag, sizeof tag, "%s/%s", value->tag, ev->curve);
        first.tag = tag;
    }
    Error why = { 0 };
    ev->run = event_run_for(ev->model, ev->options, dir, &first, &why);
    if (ev->run)
        return STATUS_OK;
    if (err)
        *err = why;
    ev->stopped = true;
    return why.code;
}

static Status take_value(void *self, const EventValue *value, Error *err)
{
    Events *ev = self;
    char tag[512];
    Status status = ev->run ? STATUS_OK : find_run(ev, value, err);
    if (status)
        return status;
    if (!ev->curve[0])
        return event_run_take(ev->run, value->tag, value, ev->offset, err);
    snprintf(tag, sizeof tag, "%s/%s", value->tag, ev->curve);
    return event_run_take(ev->run, tag, value, ev->offset, err);
}

// ---- framing ------------------------------------------------------------------------------------

static void skip(Events *ev, const char *reason)
{
    model_skip(ev->model, ev->run ? event_run_model(ev->run) : NULL, ev->offset, reason);
}

static Status take_record(Events *ev, const unsigned char *data, size_t len, Error *err)
{
    Error why = { 0 };
    if (event_masked_crc(data, len) != event_u32(data + len)) {
        skip(ev, "checksum of a record");
        return STATUS_OK;
    }
    Status status = event_decode(data, len, take_value, ev, &why);
    if (status == STATUS_PARSE) {
        skip(ev, "record not understood");
        return STATUS_OK;
    }
    if (status && err)
        *err = why;
    return status;
}

// Uses up whole records at the front of rest.
static Status take_records(Events *ev, Error *err)
{
    size_t at = 0;
    Status status = STATUS_OK;
    while (!status && !ev->stopped && ev->rest.len - at >= FRAME) {
        const unsigned char *head = (const unsigned char *)ev->rest.text + at;
        uint64_t len = event_u64(head);
        if (event_masked_crc(head, 8) != event_u32(head + 8) || len > LONGEST_RECORD) {
            skip(ev, "checksum of a length: reading stops");
            ev->stopped = true;
            break;
        }
        if (ev->rest.len - at < FRAME + len + 4)
            break;
        status = take_record(ev, head + FRAME, (size_t)len, err);
        at += FRAME + (size_t)len + 4;
        ev->offset += (int64_t)(FRAME + len + 4);
    }
    if (ev->stopped) {
        str_fini(&ev->rest);
        return status;
    }
    if (at) {
        memmove(ev->rest.text, ev->rest.text + at, ev->rest.len - at);
        ev->rest.len -= at;
    }
    return status;
}

static Status events_open(Model *model, const SourceOptions *options, const char *path,
                          const char *run_name, void **self, Error *err)
{
    (void)run_name; // event files are named by their directory
    Events *ev = mem_zero(1, sizeof *ev);
    if (!ev)
        return error_set(err, STATUS_NOMEM, "not enough memory to read %s", path);
    ev->model = model;
    ev->options = options;
    snprintf(ev->dir, sizeof ev->dir, "%s", path);
    char *slash = strrchr(ev->dir, '/');
    if (slash && slash > ev->dir)
        *slash = '\0';
    else
        snprintf(ev->dir, sizeof ev->dir, "%s", slash ? "/" : ".");
    snprintf(model->dialect, sizeof model->dialect, "tensorboard");
    *self = ev;
    return STATUS_OK;
}

static Status events_feed(void *self, const char *data, size_t len, Error *err)
{
    Events *ev = self;
    if (ev->stopped)
        return STATUS_OK;
    str_addn(&ev->rest, data, len);
    if (ev->rest.failed)
        return error_set(err, STATUS_NOMEM, "not enough memory to read %s", ev->dir);
    return take_records(ev, err);
}

static Status events_idle(void *self, bool last, Error *err)
{
    Events *ev = self;
    (void)last;
    return ev->run ? event_run_settle(ev->run, !ev->curve[0], err) : STATUS_OK;
}

static size_t events_unread(void *self)
{
    Events *ev = self;
    size_t n = ev->rest.len;
    str_clear(&ev->rest);
    return n;
}

static void events_close(void *self)
{
    Events *ev = self;
    str_fini(&ev->rest);
    mem_free(ev);
}

const ReaderKind event_reader = { "tensorboard", events_open,   events_feed,
                                  events_idle,   events_unread, events_close };
