// SPDX-License-Identifier: MIT
#ifndef TESTS_SCRIPT_MADE_H
#define TESTS_SCRIPT_MADE_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/base/file.h"
#include "src/script/script.h"

// Scripts in a directory of their own; the library comes from the working tree.

static char script_dir[64], script_path[128];
static double script_seconds; // deadline of a load, 0: the default

static inline int script_setup(void **state)
{
    (void)state;
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here) || setenv("DARTBOARD_SHARE", here, 1) != 0)
        return -1;
    snprintf(script_dir, sizeof script_dir, "/tmp/dartboard-script-XXXXXX");
    if (!mkdtemp(script_dir))
        return -1;
    snprintf(script_path, sizeof script_path, "%s/space.lua", script_dir);
    return 0;
}

static inline int script_teardown(void **state)
{
    (void)state;
    return file_remove_tree(script_dir, NULL) == STATUS_OK ? 0 : -1;
}

static inline void write_file(const char *name, const char *text)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", script_dir, name);
    assert_int_equal(file_write_atomic(path, text, strlen(text), NULL), STATUS_OK);
}

static inline Status load_text(const char *text, Space **space, Error *err)
{
    write_file("space.lua", text);
    *err = (Error){ 0 };
    ScriptOptions options = { .seconds = script_seconds };
    return script_load_space(script_path, &options, space, err);
}

// The script must fail at this line with this in its message.
static inline void expect_error(const char *text, int line, const char *part)
{
    Space *space;
    Error err;
    Status status = load_text(text, &space, &err);
    if (status != STATUS_SCRIPT)
        fail_msg("status %d, expected a script error '%s': %s", (int)status, part, err.msg);
    if (!strstr(err.msg, part) || strcmp(err.where, script_path) != 0 || err.line != line) {
        char got[1024];
        fail_msg("expected line %d: %s\ngot %s", line, part, error_text(&err, got, sizeof got));
    }
}

#define SOUND_HEAD "local nas, op = require 'nas', require 'ops'\n"
#define SOUND_BODY(cell, net, more)                                                                \
    SOUND_HEAD "return nas.cells {\n"                                                              \
               "  name = 'tiny', input = { channels = 1, height = 8, width = 8 }, classes = 10,\n" \
               "  cell = { " cell " },\n"                                                          \
               "  net = { " net " },\n" more "}\n"
#define SOUND_CELL "nodes = 2, ops = { op.none(), op.skip(), op.sep_conv(3) }"
#define SOUND_NET "cells = 3, channels = 8, reduce_at = { 1 }"
#define SOUND SOUND_BODY(SOUND_CELL, SOUND_NET, "")

#endif
