// SPDX-License-Identifier: MIT
// From the table that nas.cells made to the Space. The library has checked what users write; here
// every type is checked again, for the table may have been changed afterwards.
#include "src/script/state.h"

#include <string.h>

const char script_objective_key;

// A field of the table at `index` that must be a whole number in a range. [-0, +0, e]
int script_get_int(lua_State *L, int index, const char *key, int low, int high, int fallback)
{
    int type = lua_getfield(L, index, key), whole;
    lua_Integer value = lua_tointegerx(L, -1, &whole);
    lua_pop(L, 1);
    if (type == LUA_TNIL && fallback >= low)
        return fallback;
    if (!whole || type != LUA_TNUMBER || value < low || value > high)
        luaL_error(L, "'%s' must be a whole number from %d to %d", key, low, high);
    return (int)value;
}

static double get_number(lua_State *L, int index, const char *key, double fallback)
{
    int type = lua_getfield(L, index, key);
    double value = type == LUA_TNIL ? fallback : lua_tonumber(L, -1);
    if (type != LUA_TNIL && type != LUA_TNUMBER)
        luaL_error(L, "'%s' must be a number", key);
    lua_pop(L, 1);
    return value;
}

static bool get_bool(lua_State *L, int index, const char *key)
{
    lua_getfield(L, index, key);
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

void *script_take(lua_State *L, Space *space, size_t count, size_t size)
{
    void *p = arena_alloc(&space->arena, count ? count : 1, size);
    if (!p) {
        script_of(L)->no_memory = true;
        luaL_error(L, "out of memory");
    }
    return p;
}

static const char *copy_text(lua_State *L, Space *space, int index, const char *what)
{
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "%s must be a text", what);
    size_t n;
    const char *text = lua_tolstring(L, index, &n);
    if (strlen(text) != n || n > 4096)
        luaL_error(L, "%s is not a plain text", what);
    char *copy = script_take(L, space, n + 1, 1);
    memcpy(copy, text, n + 1);
    return copy;
}

const char *script_get_text(lua_State *L, Space *space, int index, const char *key, bool optional)
{
    const char *text = NULL;
    if (lua_getfield(L, index, key) != LUA_TNIL || !optional)
        text = copy_text(L, space, -1, key);
    lua_pop(L, 1);
    return text;
}

int script_push_list(lua_State *L, int index, const char *key, int most)
{
    luaL_checkstack(L, 10, "nested too deeply");
    if (lua_getfield(L, index, key) != LUA_TTABLE)
        luaL_error(L, "'%s' must be a table", key);
    lua_Unsigned n = lua_rawlen(L, -1);
    if (n > (lua_Unsigned)most)
        luaL_error(L, "'%s' has too many entries; at most %d fit", key, most);
    return (int)n;
}

int script_push_entry(lua_State *L, int list, int i, const char *what)
{
    if (lua_rawgeti(L, list, i) != LUA_TTABLE)
        luaL_error(L, "entry %d of '%s' must be a table", i, what);
    return lua_gettop(L);
}

// One of several words, as its place in the list.
static int get_word(lua_State *L, int index, const char *key, const char *const *words)
{
    lua_getfield(L, index, key);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    int found = -1;
    for (int i = 0; words[i]; i++)
        if (!strcmp(words[i], text))
            found = i;
    if (found < 0)
        luaL_error(L, "'%s' has an unknown value", key);
    lua_pop(L, 1);
    return found;
}

// ---- operators ---------------------------------------------------------------------------------

static void read_inputs(lua_State *L, int index, int place, OpLayer *out)
{
    int type = lua_getfield(L, index, "from");
    out->n_inputs = 1;
    out->inputs[0] = place; // the layer before; 0 is the operator's input
    if (type == LUA_TNUMBER) {
        out->inputs[0] = (int)luaL_checkinteger(L, -1);
    } else if (type == LUA_TTABLE) {
        lua_Unsigned n = lua_rawlen(L, -1);
        if (n < 1 || n > 4)
            luaL_error(L, "'from' lists %d layers; expected 1 to 4", (int)n);
        out->n_inputs = (int)n;
        for (int i = 0; i < (int)n; i++) {
            lua_rawgeti(L, -1, i + 1);
            int whole;
            lua_Integer value = lua_tointegerx(L, -1, &whole);
            if (!whole || value < -1 || value > 1000)
                luaL_error(L, "'from' must list numbers of layers");
            out->inputs[i] = (int)value;
            lua_pop(L, 1);
        }
    } else if (type != LUA_TNIL) {
        luaL_error(L, "'from' must be the number of a layer or a list of numbers");
    }
    lua_pop(L, 1);
}

static int read_pad(lua_State *L, int index)
{
    int type = lua_getfield(L, index, "pad"), pad = PAD_SAME;
    const char *word = type == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (!strcmp(word, "tf"))
        pad = PAD_TF_SAME;
    else if (!strcmp(word, "same"))
        pad = PAD_SAME;
    else if (type == LUA_TNUMBER && lua_tonumber(L, -1) >= 0 && lua_tonumber(L, -1) <= 64)
        pad = (int)lua_tonumber(L, -1);
    else if (type != LUA_TNIL)
        luaL_error(L, "'pad' must be a number from 0 to 64, \"same\" or \"tf\"");
    lua_pop(L, 1);
    return pad;
}

void script_read_attr(lua_State *L, int index, LayerAttr *attr)
{
    lua_getfield(L, index, "kind");
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    int kind = layer_kind(name);
    if (kind < 0)
        luaL_error(L, "unknown layer '%s'", name);
    lua_pop(L, 1);
    *attr = (LayerAttr){
        .kind = (LayerKind)kind,
        .kernel = script_get_int(L, index, "kernel", 0, 64, 0),
        .stride = script_get_int(L, index, "stride", 0, 64, 0),
        .dilation = script_get_int(L, index, "dilation", 0, 64, 0),
        .groups = script_get_int(L, index, "groups", 0, SPACE_CHANNELS, 0),
        .heads = script_get_int(L, index, "heads", 0, SPACE_CHANNELS, 0),
        .pad = read_pad(L, index),
        .bias = get_bool(L, index, "bias"),
        .affine = get_bool(L, index, "affine"),
        .count_pad = get_bool(L, index, "count_pad"),
        .replace = get_bool(L, index, "replace"),
        .eps = (float)get_number(L, index, "eps", 0),
        .momentum = (float)get_number(L, index, "momentum", 0),
        .rate = (float)get_number(L, index, "rate", 0),
    };
}

static void read_layer(lua_State *L, int index, int place, OpLayer *out)
{
    script_read_attr(L, index, &out->attr);
    out->channel_mul = script_get_int(L, index, "mul", 0, 64, 0);
    out->channel_div = script_get_int(L, index, "div", 0, 64, 0);
    if (out->channel_mul > 0 && out->channel_div == 0)
        luaL_error(L, "'div' must be at least 1");
    out->from_mul = script_get_int(L, index, "from_mul", 0, 64, 0);
    out->from_div = script_get_int(L, index, "from_div", 0, 64, 0);
    out->strided = get_bool(L, index, "strided");
    out->search_only = get_bool(L, index, "search_only");
    out->search_plain_bn = out->attr.kind == LAYER_BATCH_NORM && get_bool(L, index, "plain_search");
    read_inputs(L, index, place, out);
}

static const OpLayer *read_layers(lua_State *L, Space *space, int index, const char *key, int *n)
{
    *n = script_push_list(L, index, key, SPACE_OP_LAYERS);
    int list = lua_gettop(L);
    OpLayer *layers = script_take(L, space, (size_t)*n, sizeof *layers);
    for (int i = 0; i < *n; i++) {
        read_layer(L, script_push_entry(L, list, i + 1, key), i, &layers[i]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return layers;
}

static void read_op(lua_State *L, Space *space, int index, SpaceOp *op)
{
    static const char *const kinds[] = { "none", "skip", "pool", "conv", "other", NULL };
    op->name = script_get_text(L, space, index, "name", false);
    op->code = script_get_text(L, space, index, "code", false);
    op->kind = (OpClass)get_word(L, index, "kind", kinds);
    op->conv_depth = script_get_int(L, index, "conv_depth", 0, 64, 0);
    op->file = script_get_text(L, space, index, "file", true);
    op->line = script_get_int(L, index, "line", 0, 1 << 24, 0);
    op->layers = read_layers(L, space, index, "layers", &op->n_layers);
    if (lua_getfield(L, index, "reduce") != LUA_TNIL)
        op->reduce = read_layers(L, space, index, "reduce", &op->n_reduce);
    lua_pop(L, 1);
}

static void read_ops(lua_State *L, Space *space, int root)
{
    space->n_ops = script_push_list(L, root, "ops", SPACE_OPS);
    int list = lua_gettop(L);
    SpaceOp *ops = script_take(L, space, (size_t)space->n_ops, sizeof *ops);
    for (int i = 0; i < space->n_ops; i++) {
        read_op(L, space, script_push_entry(L, list, i + 1, "ops"), &ops[i]);
        lua_pop(L, 1);
    }
    space->ops = ops;
    lua_pop(L, 1);
}

// ---- cells -------------------------------------------------------------------------------------

static void read_edge(lua_State *L, Space *space, int index, SpaceEdge *edge)
{
    edge->from = script_get_int(L, index, "from", -1000, 1000, -2000);
    edge->to = script_get_int(L, index, "to", -1000, 1000, -2000);
    edge->n_ops = script_push_list(L, index, "ops", SPACE_OPS);
    int *ops = script_take(L, space, (size_t)edge->n_ops, sizeof *ops);
    for (int i = 0; i < edge->n_ops; i++) {
        lua_rawgeti(L, -1, i + 1);
        ops[i] = (int)luaL_checkinteger(L, -1) - 1;
        lua_pop(L, 1);
    }
    edge->ops = ops;
    lua_pop(L, 1);
}

static void read_cell(lua_State *L, Space *space, int index, SpaceCell *cell)
{
    static const char *const derives[] = { "top", "argmax", NULL };
    static const char *const combines[] = { "concat", "sum", NULL };
    cell->name = script_get_text(L, space, index, "name", false);
    cell->inputs = script_get_int(L, index, "inputs", 0, 1000, -1);
    cell->nodes = script_get_int(L, index, "nodes", 0, 1000, -1);
    cell->keep = script_get_int(L, index, "keep", -1000000000, 1000000000, 2);
    cell->derive = get_word(L, index, "derive", derives) ? DERIVE_ARGMAX : DERIVE_TOP;
    cell->combine = get_word(L, index, "combine", combines) ? COMBINE_SUM : COMBINE_CONCAT;
    cell->n_edges = script_push_list(L, index, "edges", 1000);
    int list = lua_gettop(L);
    SpaceEdge *edges = script_take(L, space, (size_t)cell->n_edges, sizeof *edges);
    for (int i = 0; i < cell->n_edges; i++) {
        read_edge(L, space, script_push_entry(L, list, i + 1, "edges"), &edges[i]);
        cell->max_ops = edges[i].n_ops > cell->max_ops ? edges[i].n_ops : cell->max_ops;
        lua_pop(L, 1);
    }
    cell->edges = edges;
    lua_pop(L, 1);
}

static void read_cells(lua_State *L, Space *space, int root)
{
    space->n_cells = script_push_list(L, root, "cells", SPACE_CELLS);
    int list = lua_gettop(L);
    SpaceCell *cells = script_take(L, space, (size_t)space->n_cells, sizeof *cells);
    for (int i = 0; i < space->n_cells; i++) {
        read_cell(L, space, script_push_entry(L, list, i + 1, "cells"), &cells[i]);
        lua_pop(L, 1);
    }
    space->cells = cells;
    lua_pop(L, 1);
}

static void read_net(lua_State *L, Space *space, int root)
{
    static const char *const kinds[] = { "darts", "stages", NULL };
    SpaceNet *net = &space->net;
    enum { LOW = -1000000000, HIGH = 1000000000 };
    if (lua_getfield(L, root, "net") != LUA_TTABLE)
        luaL_error(L, "'net' must be a table");
    int index = lua_gettop(L);
    net->kind = get_word(L, index, "kind", kinds) ? SKELETON_STAGES : SKELETON_DARTS;
    net->cells = script_get_int(L, index, "cells", LOW, HIGH, LOW - 1);
    net->channels = script_get_int(L, index, "channels", LOW, HIGH, LOW - 1);
    net->stem = script_get_int(L, index, "stem", LOW, HIGH, LOW - 1);
    if (net->kind == SKELETON_STAGES) {
        net->stages = script_get_int(L, index, "stages", LOW, HIGH, LOW - 1);
        net->stage_cells = net->cells;
        if (net->stages > 0 && net->stages <= 6 && net->cells > 0 && net->cells <= 64)
            net->cells = net->stages * net->stage_cells;
    }
    net->n_reduce = script_push_list(L, index, "reduce_at", 8);
    int list = lua_gettop(L);
    for (int i = 0; i < net->n_reduce; i++) {
        int entry = script_push_entry(L, list, i + 1, "reduce_at");
        net->reduce_at[i] = script_get_int(L, entry, "index", LOW, HIGH, LOW - 1);
        net->reduce_frac[i] = get_number(L, entry, "fraction", 0);
        lua_pop(L, 1);
    }
    lua_settop(L, index - 1);
}

// ---- the rest ----------------------------------------------------------------------------------

static void read_directions(lua_State *L, Space *space, int root)
{
    space->n_objectives = script_push_list(L, root, "directions", 8);
    int list = lua_gettop(L);
    for (int i = 0; i < space->n_objectives; i++) {
        int entry = script_push_entry(L, list, i + 1, "directions");
        space->objectives[i].name = script_get_text(L, space, entry, "name", false);
        space->objectives[i].maximize = get_bool(L, entry, "maximize");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    int type = lua_getfield(L, root, "objective");
    space->has_objective_fn = type == LUA_TFUNCTION;
    if (type != LUA_TNIL && type != LUA_TFUNCTION)
        luaL_error(L, "'objective' must be a function");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &script_objective_key);
}

static void read_defaults(lua_State *L, Space *space, int root)
{
    Script *s = script_of(L);
    space->n_defaults = script_push_list(L, root, "defaults", 500);
    int list = lua_gettop(L);
    space->defaults = script_take(L, space, (size_t)space->n_defaults, sizeof *space->defaults);
    for (int i = 0; i < space->n_defaults; i++) {
        int entry = script_push_entry(L, list, i + 1, "defaults");
        space->defaults[i].key = script_get_text(L, space, entry, "key", false);
        space->defaults[i].value = script_get_text(L, space, entry, "value", false);
        const char *path = script_get_text(L, space, entry, "path", false);
        int line = script_locate(s, path);
        space->defaults[i].line = line > 0 ? line : space->line;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void read_required(lua_State *L, Space *space)
{
    const Script *s = script_of(L);
    int n = s->n_chunks - 1;
    const char **list = script_take(L, space, (size_t)n, sizeof *list);
    for (int i = 0; i < n; i++) {
        size_t size = strlen(s->chunks[i + 1].path) + 1;
        list[i] = memcpy(script_take(L, space, size, 1), s->chunks[i + 1].path, size);
    }
    space->required = list;
    space->n_required = n;
}

// What spaces and fixed networks have in common.
static void read_head(lua_State *L, Space *space, int root)
{
    const Script *s = script_of(L);
    enum { LOW = -1000000000, HIGH = 1000000000 };
    size_t size = strlen(s->chunks[0].path) + 1;
    space->path = memcpy(script_take(L, space, size, 1), s->chunks[0].path, size);
    space->line = script_get_int(L, root, "line", 0, 1 << 24, 0);
    space->name = script_get_text(L, space, root, "name", false);
    space->data = script_get_text(L, space, root, "data", true);
    space->channels = script_get_int(L, root, "channels", LOW, HIGH, 2 * LOW);
    space->height = script_get_int(L, root, "height", LOW, HIGH, 2 * LOW);
    space->width = script_get_int(L, root, "width", LOW, HIGH, 2 * LOW);
    space->classes = script_get_int(L, root, "classes", LOW, HIGH, 2 * LOW);
}

void script_read_space(lua_State *L, Space *space)
{
    int root = lua_gettop(L);
    bool net = script_is_net(L, root);
    if (!net && !script_is_space(L, root)) {
        if (lua_isnil(L, root))
            luaL_error(L, "the script returns nothing; it must end with: return nas.cells {...}");
        luaL_error(L,
                   "the script returns a %s; it must return what nas.cells {...} or nas.net {...} "
                   "makes",
                   luaL_typename(L, root));
    }
    if (net) {
        lua_pushnil(L); // absent fields are absent, not unknown layers
        lua_setmetatable(L, root);
    }
    read_head(L, space, root);
    if (net) {
        script_read_layers(L, root, space);
    } else {
        read_ops(L, space, root);
        read_cells(L, space, root);
        read_net(L, space, root);
        read_directions(L, space, root);
    }
    read_defaults(L, space, root);
    read_required(L, space);
}
