// SPDX-License-Identifier: MIT
// script_load_space: run the script, read what it returns, validate it.
#include "src/script/state.h"

#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"

// The script's file as a function, run; its first result is read. [-1, +0, e]
static int run_script(lua_State *L)
{
    Script *s = script_of(L);
    Space *space = lua_touserdata(L, 1);
    char source[CHUNK_ID + 1];
    snprintf(source, sizeof source, "@%s", s->chunks[0].id);
    const char *text = s->text;
    if (*text == '#') // a line for the shell
        text += strcspn(text, "\n");
    if (luaL_loadbufferx(L, text, strlen(text), source, "t") != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 1);
    script_read_space(L, space);
    return 0;
}

// Adds the user's line to what the model says.
static Status validate(const Script *s, const Space *space, Error *err)
{
    SpaceField field;
    Error found = { 0 };
    Status status = space_validate_field(space, &field, &found);
    if (status == STATUS_OK)
        return status;
    const char *where = space->path;
    int line = 0;
    if (!strncmp(field.path, "op.", 3)) {
        int op = space_op_index(space, field.path + 3);
        if (op >= 0 && space->ops[op].line > 0) {
            where = space->ops[op].file ? space->ops[op].file : where;
            line = space->ops[op].line;
        }
    }
    int layer;
    if (sscanf(field.path, "layer.%d", &layer) == 1 && layer >= 0 && layer < space->n_layers) {
        where = space->layers[layer].file ? space->layers[layer].file : where;
        line = space->layers[layer].line;
    }
    if (line == 0)
        line = script_locate(s, field.path);
    if (line == 0)
        line = space->line > 0 ? space->line : 1;
    return error_at(err, STATUS_SCRIPT, where, line, "%s", found.msg);
}

static Space *space_new(void)
{
    Arena arena = { 0 };
    Space *space = arena_alloc(&arena, 1, sizeof *space);
    if (space)
        space->arena = arena;
    return space;
}

Status script_load(const char *path, const ScriptOptions *options, ScriptTrace *trace,
                   Script **script, Space **space, Error *err)
{
    *script = NULL;
    *space = NULL;
    Script *s;
    Status status = script_open(path, options, trace, &s, err);
    if (status != STATUS_OK)
        return status;
    Space *made = space_new();
    if (!made)
        status = error_set(err, STATUS_NOMEM, "out of memory");
    if (status == STATUS_OK) {
        script_arm(s, s->options.seconds);
        status = script_protect(s, run_script, made, err);
        script_disarm(s);
        if (status != STATUS_OK && s->no_memory)
            status = error_set(err, STATUS_NOMEM, "out of memory while running %s", path);
    }
    if (status == STATUS_OK)
        status = validate(s, made, err);
    if (status == STATUS_OK) {
        *script = s;
        *space = made;
        return status;
    }
    space_free(made);
    script_close(s);
    return status;
}

Status script_load_space(const char *path, const ScriptOptions *options, Space **out, Error *err)
{
    Script *s;
    Status status = script_load(path, options, NULL, &s, out, err);
    script_close(s);
    return status;
}
