// SPDX-License-Identifier: MIT
// The few functions that the Lua library has and scripts have not: lines, messages, the seal on
// what the library made.
#include "src/script/state.h"

#include <ctype.h>
#include <string.h>

#include "src/base/str.h"

static const char seal_key, net_key;

// ---- where a setting stands --------------------------------------------------------------------

// Skips a comment or a string at p; returns p where neither begins. Long brackets included.
static const char *skip_long(const char *p)
{
    const char *q = p + 1;
    size_t level = strspn(q, "=");
    if (*p != '[' || q[level] != '[')
        return p;
    for (const char *end = q + level + 1; (end = strchr(end, ']')); end++)
        if (strspn(end + 1, "=") >= level && end[1 + level] == ']')
            return end + level + 2;
    return p + strlen(p);
}

static const char *skip_quoted(const char *p)
{
    if (p[0] == '-' && p[1] == '-') {
        const char *past = skip_long(p + 2);
        return past > p + 2 ? past : p + strcspn(p, "\n");
    }
    if (*p == '[')
        return skip_long(p);
    if (*p != '"' && *p != '\'')
        return p;
    const char *q = p + 1;
    while (*q && *q != *p && *q != '\n')
        q += q[0] == '\\' && q[1] ? 2 : 1;
    return *q == *p ? q + 1 : q;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

// Place of `word =` (not ==) at or after p; NULL if there is none.
static const char *find_field(const char *p, const char *word, size_t n)
{
    while (*p) {
        const char *past = skip_quoted(p);
        if (past > p) {
            p = past;
            continue;
        }
        if (!is_word(*p)) {
            p++;
            continue;
        }
        const char *start = p;
        while (is_word(*p))
            p++;
        const char *next = p + strspn(p, " \t\r\n");
        if ((size_t)(p - start) == n && !strncmp(start, word, n) && next[0] == '=' &&
            next[1] != '=')
            return start;
    }
    return NULL;
}

int script_locate(const Script *s, const char *path)
{
    const char *at = s->text, *found = NULL;
    while (*path) {
        size_t n = strcspn(path, ".");
        const char *hit = find_field(at, path, n);
        if (hit) {
            found = hit;
            at = hit + n;
        }
        path += n + (path[n] == '.');
    }
    int line = found != NULL;
    for (const char *p = s->text; found && p < found; p++)
        line += *p == '\n';
    return line;
}

// ---- functions ---------------------------------------------------------------------------------

// where() -> path, line of the nearest user frame. [-0, +2, e]
static int host_where(lua_State *L)
{
    int chunk, line;
    script_user_line(L, &chunk, &line);
    lua_pushstring(L, script_of(L)->chunks[chunk].path);
    lua_pushinteger(L, line);
    return 2;
}

static int raise_at(lua_State *L, int chunk, int line, const char *message)
{
    lua_pushfstring(L, "%s:%d: %s", script_of(L)->chunks[chunk].id, line > 0 ? line : 1, message);
    return lua_error(L);
}

// raise(message): error at the nearest user line. [-1, +0, e]
static int host_raise(lua_State *L)
{
    int chunk, line;
    const char *message = luaL_checkstring(L, 1);
    script_user_line(L, &chunk, &line);
    return raise_at(L, chunk, line, message);
}

// fail(path, message): error at the line that sets path. [-2, +0, e]
static int host_fail(lua_State *L)
{
    int chunk, line;
    const char *path = luaL_checkstring(L, 1), *message = luaL_checkstring(L, 2);
    script_user_line(L, &chunk, &line);
    int found = chunk == 0 ? script_locate(script_of(L), path) : 0;
    return raise_at(L, chunk, found > 0 ? found : line, message);
}

// nearest(word, table) -> key of the table that looks most like it, or nil. [-2, +1, e]
static int host_nearest(lua_State *L)
{
    const char *best = NULL;
    int distance = 0;
    luaL_checktype(L, 2, LUA_TTABLE);
    if (lua_type(L, 1) != LUA_TSTRING)
        return 0;
    const char *word = lua_tostring(L, 1);
    if (strlen(word) > 64)
        return 0;
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            continue;
        const char *key = lua_tostring(L, -1);
        if (!str_nearest(word, &key, 1))
            continue;
        int d = str_distance(word, key);
        if (!best || d < distance || (d == distance && strcmp(key, best) < 0)) {
            best = key; // stays alive: the table holds it
            distance = d;
        }
    }
    if (!best)
        return 0;
    lua_pushstring(L, best);
    return 1;
}

// space(table): seals what nas.cells made. [-1, +1, e]
static int host_space(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &seal_key);
    lua_setmetatable(L, 1);
    return 1;
}

// net(table, methods): makes the table a network with these methods. [-2, +1, e]
static int host_net(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &net_key);
    lua_insert(L, 2);
    lua_setfield(L, 2, "__index");
    lua_setmetatable(L, 1);
    return 1;
}

static int shape_field(lua_State *L, int i)
{
    lua_rawgeti(L, -1, i);
    int value = (int)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    return value;
}

// layer(table, shapes) -> height, width, channels of a layer's output; an error at the nearest
// user line if it does not fit. [-2, +3, e]
static int host_layer(lua_State *L)
{
    Shape in[SPACE_LAYER_INPUTS], out;
    LayerAttr attr;
    Error err = { 0 };
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    script_read_attr(L, 1, &attr);
    attr.channels = script_get_int(L, 1, "channels", -1, 1 << 20, 0);
    attr.slice_from = script_get_int(L, 1, "slice_from", -1, 1 << 20, 0);
    int n = (int)lua_rawlen(L, 2);
    if (n > SPACE_LAYER_INPUTS)
        luaL_error(L, "a layer joins at most %d places", SPACE_LAYER_INPUTS);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, 2, i + 1);
        in[i] = (Shape){ shape_field(L, 1), shape_field(L, 2), shape_field(L, 3) };
        lua_pop(L, 1);
    }
    if (layer_shape(&attr, in, n, &out, &err) != STATUS_OK) {
        int chunk, line;
        lua_getfield(L, 1, "name");
        const char *name = lua_tostring(L, -1);
        script_user_line(L, &chunk, &line);
        lua_pushfstring(L, "layer '%s': %s", name ? name : "?", err.msg);
        return raise_at(L, chunk, line, lua_tostring(L, -1));
    }
    lua_pushinteger(L, out.h);
    lua_pushinteger(L, out.w);
    lua_pushinteger(L, out.c);
    return 3;
}

static bool has_seal(lua_State *L, int index, const void *key)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

bool script_is_space(lua_State *L, int index)
{
    return has_seal(L, index, &seal_key);
}

bool script_is_net(lua_State *L, int index)
{
    return has_seal(L, index, &net_key);
}

static void make_seal(lua_State *L, const char *name, const void *key)
{
    lua_newtable(L);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void script_push_host(lua_State *L)
{
    static const luaL_Reg functions[] = { { "where", host_where }, { "raise", host_raise },
                                          { "fail", host_fail },   { "nearest", host_nearest },
                                          { "space", host_space }, { "net", host_net },
                                          { "layer", host_layer }, { NULL, NULL } };
    make_seal(L, "space", &seal_key);
    make_seal(L, "network", &net_key);
    luaL_newlib(L, functions);
}
