// SPDX-License-Identifier: MIT
// What a script finds in its global environment: an allow list.
#include "src/script/state.h"

#include <limits.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/str.h"

static const char loaded_key, host_key;

enum { PRINT_LIMIT = 64 * 1024 };

// print(...) to stderr, with a ceiling on the bytes. [-0, +0, e]
static int lib_print(lua_State *L)
{
    Script *s = script_of(L);
    int n = lua_gettop(L);
    for (int i = 1; i <= n; i++) {
        size_t len;
        const char *text = luaL_tolstring(L, i, &len);
        if (!s->options.quiet && s->printed + len < PRINT_LIMIT)
            fprintf(stderr, "%s%s", i > 1 ? "\t" : "", text);
        s->printed += len + 1;
        lua_pop(L, 1);
    }
    if (!s->options.quiet && s->printed < PRINT_LIMIT)
        fputc('\n', stderr);
    return 0;
}

// setmetatable without finalizers: they run where no hook can stop them. [-0, +1, e]
static int lib_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnoneornil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    lua_settop(L, 2);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "__gc is not allowed here");
        lua_pop(L, 1);
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

// ---- require -----------------------------------------------------------------------------------

static bool is_module_name(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= 64 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

static bool probe(char *path, const char *dir, int dir_len, const char *name)
{
    int n = snprintf(path, PATH_MAX, "%.*s/%s.lua", dir_len, dir, name);
    return n < PATH_MAX && file_exists(path) && !file_is_dir(path);
}

// The run's copies, the library, the script's own directory.
static bool find_module(const Script *s, const char *name, char *path, bool *library)
{
    char share[PATH_MAX], shipped[PATH_MAX];
    snprintf(share, sizeof share, "%s/scripts-lua", file_share_dir());
    bool known = probe(shipped, share, (int)strlen(share), name);
    *library = known;
    const char *dir = s->options.lua_dir;
    if (dir && probe(path, dir, (int)strlen(dir), name))
        return true;
    if (known) {
        memcpy(path, shipped, strlen(shipped) + 1);
        return true;
    }
    *library = false;
    const char *script = s->chunks[0].path, *slash = strrchr(script, '/');
    if (slash)
        return probe(path, script, (int)(slash - script), name);
    return probe(path, ".", 1, name);
}

// Raises an error at the nearest line of the user's. The message is at the top.
static int raise_for_user(lua_State *L)
{
    Script *s = script_of(L);
    int chunk, line;
    script_user_line(L, &chunk, &line);
    const char *message = lua_tostring(L, -1);
    lua_pushfstring(L, "%s:%d: %s", s->chunks[chunk].id, line > 0 ? line : 1, message);
    return lua_error(L);
}

// Loads the file as a function at the top. [-0, +1, e]
static void load_module(lua_State *L, const char *path, bool library)
{
    Script *s = script_of(L);
    char *text = NULL;
    size_t len = 0;
    Error err = { 0 };
    int chunk = -1, rc = LUA_OK;
    if (file_read(path, SCRIPT_FILE_LIMIT, &text, &len, &err) == STATUS_OK)
        chunk = script_add_chunk(s, path, library);
    if (chunk >= 0) {
        char source[CHUNK_ID + 1];
        snprintf(source, sizeof source, "@%s", s->chunks[chunk].id);
        rc = luaL_loadbufferx(L, text, len, source, "t");
    }
    mem_free(text);
    if (chunk < 0) {
        if (err.code == STATUS_NOMEM || (err.code == STATUS_OK && s->n_chunks < CHUNKS))
            lua_pushstring(L, "out of memory");
        else
            lua_pushstring(L, err.code != STATUS_OK ? err.msg : "too many modules");
        raise_for_user(L);
    }
    if (rc != LUA_OK)
        lua_error(L);
}

// require(name). Library files get (name, path, host). [-1, +1, e]
static int lib_require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    char path[PATH_MAX];
    bool library;
    lua_settop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key); // name loaded
    lua_pushvalue(L, 1);
    int type = lua_rawget(L, 2); // name loaded value
    if (type == LUA_TLIGHTUSERDATA) {
        lua_pushfstring(L, "module '%s' requires itself", name);
        return raise_for_user(L);
    }
    if (type != LUA_TNIL)
        return 1;
    if (!is_module_name(name) || !find_module(script_of(L), name, path, &library)) {
        lua_pushfstring(
            L, "module '%s' not found; require looks in scripts-lua and beside the script", name);
        return raise_for_user(L);
    }
    lua_pushlightuserdata(L, script_of(L));
    lua_setfield(L, 2, name);
    load_module(L, path, library);
    lua_pushvalue(L, 1);
    lua_pushstring(L, path);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &host_key);
    lua_call(L, 3, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name);
    return 1;
}

// ---- opening -----------------------------------------------------------------------------------

// Lua's order of keys differs from process to process; a search must not. math.randomseed
// without a number would read the clock.
static const char prelude[] =
    "local next, type, getmetatable, rawget, sort = next, type, getmetatable, rawget, table.sort\n"
    "local select, seed = select, math.randomseed\n"
    "function pairs(t)\n"
    "  local mt = type(t) == 'table' and getmetatable(t)\n"
    "  local own = type(mt) == 'table' and rawget(mt, '__pairs')\n"
    "  if own then return own(t) end\n"
    "  if type(t) ~= 'table' then\n"
    "    error(\"bad argument #1 to 'pairs' (table expected, got \" .. type(t) .. ')', 2)\n"
    "  end\n"
    "  local keys, words, rest = {}, {}, {}\n"
    "  for k in next, t do\n"
    "    if type(k) == 'number' then keys[#keys + 1] = k\n"
    "    elseif type(k) == 'string' then words[#words + 1] = k\n"
    "    else rest[#rest + 1] = k end\n"
    "  end\n"
    "  sort(keys)\n"
    "  sort(words)\n"
    "  for i = 1, #words do keys[#keys + 1] = words[i] end\n"
    "  for i = 1, #rest do keys[#keys + 1] = rest[i] end\n"
    "  local i = 0\n"
    "  return function()\n"
    "    while i < #keys do\n"
    "      i = i + 1\n"
    "      local k = keys[i]\n"
    "      local v = rawget(t, k)\n"
    "      if v ~= nil then return k, v end\n"
    "    end\n"
    "  end, t, nil\n"
    "end\n"
    "function math.randomseed(...)\n"
    "  if select('#', ...) == 0 then error('math.randomseed needs a number here', 2) end\n"
    "  return seed(...)\n"
    "end\n";

static void forbid(lua_State *L, const char *table, const char *const *names)
{
    if (table)
        lua_getglobal(L, table);
    else
        lua_pushglobaltable(L);
    for (; *names; names++) {
        lua_pushnil(L);
        lua_setfield(L, -2, *names);
    }
    lua_pop(L, 1);
}

static void seed_random(lua_State *L, uint64_t seed)
{
    lua_getglobal(L, "math");
    lua_getfield(L, -1, "randomseed");
    lua_pushinteger(L, (lua_Integer)seed);
    lua_pushinteger(L, 0);
    lua_call(L, 2, 0);
    lua_pop(L, 1);
}

int script_open_libs(lua_State *L)
{
    static const luaL_Reg libs[] = { { LUA_GNAME, luaopen_base },
                                     { LUA_TABLIBNAME, luaopen_table },
                                     { LUA_STRLIBNAME, luaopen_string },
                                     { LUA_MATHLIBNAME, luaopen_math } };
    static const char *const base[] = { "load",           "loadfile", "loadstring", "dofile",
                                        "collectgarbage", "warn",     NULL };
    static const char *const strings[] = { "dump", NULL };
    for (size_t i = 0; i < sizeof libs / sizeof *libs; i++) {
        luaL_requiref(L, libs[i].name, libs[i].func, 1);
        lua_pop(L, 1);
    }
    forbid(L, NULL, base);
    forbid(L, LUA_STRLIBNAME, strings);
    seed_random(L, script_of(L)->options.seed);
    if (luaL_loadbufferx(L, prelude, sizeof prelude - 1, "=prelude", "t") != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 0);
    lua_register(L, "print", lib_print);
    lua_register(L, "setmetatable", lib_setmetatable);
    lua_register(L, "require", lib_require);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
    script_push_host(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &host_key);
    return 0;
}
