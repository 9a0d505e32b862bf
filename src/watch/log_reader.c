// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/watch/log.h"

enum { LONGEST_LOG_LINE = 1 << 20 };

// In this order: a line belongs to the first that knows it. Most lines of a log are steps.
static LogRecognise *const recognisers[] = {
    log_step_line,  log_event_line, log_alpha_line, log_ptdarts_line,  log_pdarts_line,
    log_nb201_line, log_frame_line, log_darts_line, log_settings_line, log_chatter_line,
};

static Status log_line(void *self, char *text, size_t len, int64_t number, Error *err)
{
    LogReader *log = self;
    LogLine line;
    log->line = number;
    if (!text) {
        log_skip(log, "line too long");
        return STATUS_OK;
    }
    if (log->full) {
        log_skip(log, "too many searches");
        return STATUS_OK;
    }
    log_line_read(text, len, &line);
    line.binary &= !log->wide;
    if (line.binary)
        log_skip(log, "not text");
    if (isfinite(line.time)) {
        log->time = line.time;
        log->has_year = line.has_year;
    }
    if (!*line.text)
        return STATUS_OK;
    for (size_t i = 0; i < sizeof recognisers / sizeof *recognisers; i++) {
        Status status = STATUS_OK;
        if (recognisers[i](log, &line, &status, err))
            return status;
        if (status)
            return status;
    }
    if (!line.binary)
        log_skip(log, "not understood");
    return STATUS_OK;
}

static Status log_open(Model *model, const SourceOptions *options, const char *path,
                       const char *run_name, void **self, Error *err)
{
    LogReader *log = mem_zero(1, sizeof *log);
    if (!log)
        return error_set(err, STATUS_NOMEM, "not enough memory to read %s", path);
    log->model = model;
    log->options = options;
    log->now.current = log->now.ended = log->now.clock_epoch = -1;
    memset(log->now.step, -1, sizeof log->now.step);
    log->time = log->now.epoch_time = log->now.heard = NAN;
    log->settings.seed = -1;
    log->lines.longest = LONGEST_LOG_LINE;
    log->lines.returns = true;
    snprintf(log->path, sizeof log->path, "%s", path);
    snprintf(log->name, sizeof log->name, "%s", run_name);
    *self = log;
    return STATUS_OK;
}

static Status log_feed(void *self, const char *data, size_t len, Error *err)
{
    LogReader *log = self;
    // UTF-16: without its NULs it is ASCII, as far as these logs go
    if (!log->lines.line && len > 1)
        log->wide = memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0;
    return lines_feed(&log->lines, data, len, log_line, log, err);
}

// The last line of a file that ends without \n counts only if it says by itself that it is
// whole: a genotype does, a number may have been cut.
static Status log_idle(void *self, bool last, Error *err)
{
    LogReader *log = self;
    Status status = STATUS_OK;
    if (last && scan_find(lines_rest(&log->lines), "enotype"))
        status = lines_feed(&log->lines, "\n", 1, log_line, log, err);
    return status ? status : log_finish(log, last, err);
}

static size_t log_unread(void *self)
{
    LogReader *log = self;
    return lines_unread(&log->lines);
}

static void log_close(void *self)
{
    LogReader *log = self;
    lines_fini(&log->lines);
    mem_free(log);
}

const ReaderKind log_reader = { "log", log_open, log_feed, log_idle, log_unread, log_close };
