// SPDX-License-Identifier: MIT
#include "src/script/state.h"

#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/str.h"

enum { HOOK_STEP = 1000 };

Script *script_of(lua_State *L)
{
    return *(Script **)lua_getextraspace(L);
}

// The base clock can be frozen for golden screens; a deadline must not.
double script_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *limited_alloc(void *self, void *old, size_t old_size, size_t new_size)
{
    Script *s = self;
    if (!old)
        old_size = 0; // Lua passes a type tag there
    if (new_size == 0) {
        s->used -= old_size;
        mem_free(old);
        return NULL;
    }
    if (new_size > old_size && s->used + (new_size - old_size) > s->options.memory_limit) {
        s->over_limit = true;
        return NULL;
    }
    void *block = mem_grow(old, new_size, 1);
    if (!block) {
        s->no_memory = true;
        return new_size <= old_size ? old : NULL;
    }
    s->used = s->used - old_size + new_size;
    return block;
}

// ---- chunks and lines --------------------------------------------------------------------------

// Lua cuts long chunk names in messages, so long paths go by their last part.
static void chunk_id(Script *s, Chunk *chunk)
{
    const char *name = chunk->path;
    size_t n = strlen(name);
    if (n > CHUNK_ID - 8) {
        const char *slash = strrchr(name, '/');
        name = slash ? slash + 1 : name;
        n = strlen(name);
        name += n > CHUNK_ID - 8 ? n - (CHUNK_ID - 8) : 0;
    }
    snprintf(chunk->id, sizeof chunk->id, "%s", name);
    for (int i = 0; i < s->n_chunks; i++)
        if (!strcmp(s->chunks[i].id, chunk->id))
            snprintf(chunk->id, sizeof chunk->id, "%.40s#%d", name, s->n_chunks);
}

int script_add_chunk(Script *s, const char *path, bool library)
{
    if (s->n_chunks == CHUNKS)
        return -1;
    Chunk *chunk = &s->chunks[s->n_chunks];
    chunk->path = mem_strdup(path);
    if (!chunk->path)
        return -1;
    chunk->library = library;
    chunk_id(s, chunk);
    return s->n_chunks++;
}

int script_chunk_of(const Script *s, const char *source)
{
    for (int i = 0; *source == '@' && i < s->n_chunks; i++)
        if (!strcmp(s->chunks[i].id, source + 1))
            return i;
    return -1;
}

static void note_line(Script *s, lua_State *L, lua_Debug *ar)
{
    lua_getinfo(L, "S", ar);
    if (ar->source != s->last_source) {
        s->last_source = ar->source;
        s->last_chunk = script_chunk_of(s, ar->source);
    }
    if (s->last_chunk < 0 || s->chunks[s->last_chunk].library)
        return;
    if (s->trace && s->user_chunk != s->last_chunk)
        snprintf(s->trace->path, sizeof s->trace->path, "%s", s->chunks[s->last_chunk].path);
    s->user_chunk = s->last_chunk;
    s->user_line = ar->currentline;
    if (s->trace)
        s->trace->line = ar->currentline;
}

void script_user_line(lua_State *L, int *chunk, int *line)
{
    Script *s = script_of(L);
    lua_Debug ar;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        int at = script_chunk_of(s, ar.source);
        if (at >= 0 && !s->chunks[at].library && ar.currentline > 0) {
            *chunk = at;
            *line = ar.currentline;
            return;
        }
    }
    // `return nas.cells {...}` is a tail call: its frame is gone, the last line seen is not.
    *chunk = s->user_chunk;
    *line = s->user_line;
}

// ---- limits ------------------------------------------------------------------------------------

static void limit_hook(lua_State *L, lua_Debug *ar)
{
    Script *s = script_of(L);
    if (ar->event == LUA_HOOKLINE && !s->killed) {
        note_line(s, L, ar);
        return;
    }
    if (!s->killed) {
        s->budget -= HOOK_STEP;
        if (s->budget >= 0 && script_now() < s->deadline)
            return;
        script_user_line(L, &s->user_chunk, &s->user_line);
        s->killed = s->budget < 0 ? KILL_BUDGET : KILL_TIME;
        // From here on every instruction fails, so that no pcall can go on.
        lua_sethook(L, limit_hook, LUA_MASKCOUNT, 1);
    }
    luaL_error(L, "stopped");
}

void script_arm(Script *s, double seconds)
{
    s->budget = s->options.instructions;
    s->deadline = script_now() + seconds;
    s->killed = KILL_NONE;
    s->over_limit = s->no_memory = false;
    lua_sethook(s->L, limit_hook, LUA_MASKCOUNT | LUA_MASKLINE, HOOK_STEP);
}

void script_disarm(Script *s)
{
    lua_sethook(s->L, NULL, 0, 0);
}

// ---- errors ------------------------------------------------------------------------------------

// Turns "id:12: message" into where and line. Errors that name a library file or nothing are put
// at the last line of the user's script.
static Status locate_error(Script *s, const char *message, Error *err)
{
    for (int i = 0; i < s->n_chunks; i++) {
        size_t n = strlen(s->chunks[i].id);
        if (strncmp(message, s->chunks[i].id, n) != 0 || message[n] != ':')
            continue;
        char *end;
        long line = strtol(message + n + 1, &end, 10);
        if (line <= 0 || strncmp(end, ": ", 2) != 0 || s->chunks[i].library)
            continue;
        return error_at(err, STATUS_SCRIPT, s->chunks[i].path, (int)line, "%s", end + 2);
    }
    return error_at(err, STATUS_SCRIPT, s->chunks[s->user_chunk].path,
                    s->user_line > 0 ? s->user_line : 1, "%s", message);
}

static Status explain(Script *s, int rc, Error *err)
{
    const char *where = s->n_chunks ? s->chunks[s->user_chunk].path : "";
    int line = s->user_line > 0 ? s->user_line : 1;
    if (s->killed == KILL_BUDGET)
        return error_at(err, STATUS_SCRIPT, where, line,
                        "stopped after %lld million instructions; is there a loop without end?",
                        (long long)(s->options.instructions / 1000000));
    if (s->killed == KILL_TIME)
        return error_at(err, STATUS_SCRIPT, where, line,
                        "stopped after %g s; is there a loop without end?", s->options.seconds);
    if (rc == LUA_ERRMEM && s->no_memory)
        return error_set(err, STATUS_NOMEM, "out of memory while running %s", where);
    if (rc == LUA_ERRMEM)
        return error_at(err, STATUS_SCRIPT, where, line, "needs more than %zu MB of memory",
                        s->options.memory_limit >> 20);
    const char *message = lua_type(s->L, -1) == LUA_TSTRING ? lua_tostring(s->L, -1) : "failed";
    locate_error(s, message, err);
    // Lua refuses strings past 2 GB before it asks for memory.
    if (err && strstr(err->msg, "string too large"))
        snprintf(err->msg, sizeof err->msg, "needs more than %zu MB of memory",
                 s->options.memory_limit >> 20);
    return STATUS_SCRIPT;
}

// Message handler: notes the user's line while the stack still stands. [-1, +1, e]
static int handle_error(lua_State *L)
{
    Script *s = script_of(L);
    if (!s->killed) // the hook noted the line where it stopped the script
        script_user_line(L, &s->user_chunk, &s->user_line);
    if (lua_type(L, 1) == LUA_TSTRING)
        return 1;
    // No luaL_tolstring: a __tostring of the script would run.
    lua_pushfstring(L, "error object is a %s, not a message", luaL_typename(L, 1));
    return 1;
}

Status script_protect(Script *s, lua_CFunction function, void *argument, Error *err)
{
    lua_State *L = s->L;
    int top = lua_gettop(L);
    // Light C functions and light userdata need no memory: nothing raises before the call.
    lua_pushcfunction(L, handle_error);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, argument);
    int rc = lua_pcall(L, 1, 0, top + 1);
    Status status = rc == LUA_OK ? STATUS_OK : explain(s, rc, err);
    lua_settop(L, top);
    return status;
}

// ---- life --------------------------------------------------------------------------------------

static ScriptOptions with_defaults(const ScriptOptions *options)
{
    ScriptOptions o = options ? *options : (ScriptOptions){ 0 };
    if (o.memory_limit == 0)
        o.memory_limit = (size_t)64 << 20;
    if (o.instructions <= 0)
        o.instructions = 50 * 1000 * 1000;
    if (o.seconds <= 0)
        o.seconds = 5;
    return o;
}

static int open_libs(lua_State *L)
{
    return script_open_libs(L);
}

Status script_open(const char *path, const ScriptOptions *options, ScriptTrace *trace, Script **out,
                   Error *err)
{
    *out = NULL;
    Script *s = mem_zero(1, sizeof *s);
    if (!s)
        return error_set(err, STATUS_NOMEM, "out of memory");
    s->options = with_defaults(options);
    s->trace = trace;
    s->last_chunk = -1;
    size_t len;
    Status status = file_read(path, SCRIPT_FILE_LIMIT, &s->text, &len, err);
    if (status == STATUS_OK && script_add_chunk(s, path, false) < 0)
        status = error_set(err, STATUS_NOMEM, "out of memory");
    if (status == STATUS_OK && trace)
        snprintf(trace->path, sizeof trace->path, "%s", path);
    if (status == STATUS_OK && strlen(s->text) != len)
        status = error_at(err, STATUS_SCRIPT, path, 1, "not a text file: it contains a zero byte");
    if (status == STATUS_OK) {
        s->L = lua_newstate(limited_alloc, s);
        if (!s->L)
            status = error_set(err, STATUS_NOMEM, "out of memory while starting Lua");
    }
    if (status == STATUS_OK) {
        *(Script **)lua_getextraspace(s->L) = s;
        status = script_protect(s, open_libs, NULL, err);
    }
    if (status == STATUS_OK)
        *out = s;
    else
        script_close(s);
    return status;
}

void script_close(Script *s)
{
    if (!s)
        return;
    if (s->L)
        lua_close(s->L);
    for (int i = 0; i < s->n_chunks; i++)
        mem_free(s->chunks[i].path);
    mem_free(s->text);
    mem_free(s);
}
