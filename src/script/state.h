// SPDX-License-Identifier: MIT
#ifndef SCRIPT_STATE_H
#define SCRIPT_STATE_H

#include <lauxlib.h>
#include <lua.h>

#include "src/script/script.h"

// One Lua state and its limits; private to src/script. The Script pointer lies in the state's
// extra space. Everything that can raise runs inside script_protect.

enum { CHUNKS = 64, CHUNK_ID = 60, SCRIPT_FILE_LIMIT = 1 << 20, LAST_PATH = 256 };

typedef struct {
    char id[CHUNK_ID]; // what Lua calls it in messages
    char *path;
    bool library; // part of scripts-lua: errors are reported at the user's line instead
} Chunk;

// Where the script is, readable by the process that guards it.
typedef struct {
    volatile int line;
    char path[LAST_PATH];
} ScriptTrace;

typedef struct Script {
    lua_State *L;
    ScriptOptions options; // with defaults filled in
    size_t used;           // bytes held by Lua
    bool over_limit, no_memory;
    int64_t budget;  // instructions left
    double deadline; // monotonic seconds
    enum { KILL_NONE, KILL_BUDGET, KILL_TIME } killed;
    Chunk chunks[CHUNKS];
    int n_chunks;
    char *text;                // of chunk 0, the script
    int user_chunk, user_line; // last line seen outside the library
    const char *last_source;   // of the previous line event and its chunk
    int last_chunk;
    size_t printed;
    ScriptTrace *trace; // may be NULL
} Script;

Script *script_of(lua_State *L);
double script_now(void);

// state.c
Status script_open(const char *path, const ScriptOptions *options, ScriptTrace *trace, Script **out,
                   Error *err);
void script_close(Script *script);
void script_arm(Script *script, double seconds); // budget and deadline from now
void script_disarm(Script *script);
// Calls the C function with one light userdata under all limits.
Status script_protect(Script *script, lua_CFunction function, void *argument, Error *err);
int script_add_chunk(Script *script, const char *path, bool library); // -1 when full or no memory
int script_chunk_of(const Script *script, const char *source);        // "@id"; -1 if unknown
void script_user_line(lua_State *L, int *chunk, int *line);           // nearest user frame

// libs.c: opens the allowed libraries, print, pairs, require. [-0, +0, e]
int script_open_libs(lua_State *L);

// host.c: pushes the table that library files get as third argument. [-0, +1, e]
void script_push_host(lua_State *L);
bool script_is_space(lua_State *L, int index); // made by nas.cells
bool script_is_net(lua_State *L, int index);   // made by nas.net
// Line of the script that sets a dotted path ("net.channels"); 0 if it cannot be told.
int script_locate(const Script *script, const char *path);

// read.c: reads the table that a script returned, at the top, into the zeroed Space, which lies in
// its own arena. [-0, +0, e]
void script_read_space(lua_State *L, Space *space);
// Attributes of a layer from the table at index. [-0, +0, e]
void script_read_attr(lua_State *L, int index, LayerAttr *attr);
// read_net.c: layers of the network at index, made by nas.net. [-0, +0, e]
void script_read_layers(lua_State *L, int index, Space *space);
// Reading of tables, shared by read.c and read_net.c; errors name the key. [-0, +0, e]
int script_get_int(lua_State *L, int index, const char *key, int low, int high, int fallback);
const char *script_get_text(lua_State *L, Space *space, int index, const char *key, bool optional);
void *script_take(lua_State *L, Space *space, size_t count, size_t size); // of the space's arena
// Pushes a table field and returns its length as a list. [-0, +1, e]
int script_push_list(lua_State *L, int index, const char *key, int most);
// Pushes the i-th entry (from 1), which must be a table, and returns its index. [-0, +1, e]
int script_push_entry(lua_State *L, int list, int i, const char *what);
extern const char script_objective_key; // registry: the objective function

// load.c: opens the script, runs it, reads and validates the space.
Status script_load(const char *path, const ScriptOptions *options, ScriptTrace *trace,
                   Script **script, Space **space, Error *err);

#endif
