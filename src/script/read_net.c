// SPDX-License-Identifier: MIT
// Networks that scripts write out with nas.net.
#include "src/script/state.h"

static const int *read_inputs(lua_State *L, int index, Space *space, int *n)
{
    *n = script_push_list(L, index, "inputs", SPACE_LAYER_INPUTS);
    int *inputs = script_take(L, space, (size_t)*n, sizeof *inputs);
    for (int i = 0; i < *n; i++) {
        lua_rawgeti(L, -1, i + 1);
        inputs[i] = (int)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return inputs;
}

static void read_layer(lua_State *L, int index, Space *space, SpaceLayer *layer)
{
    script_read_attr(L, index, &layer->attr);
    layer->attr.channels = script_get_int(L, index, "channels", -1, 1 << 20, 0);
    layer->attr.slice_from = script_get_int(L, index, "slice_from", -1, 1 << 20, 0);
    layer->name = script_get_text(L, space, index, "name", false);
    layer->file = script_get_text(L, space, index, "file", true);
    layer->line = script_get_int(L, index, "line", 0, 1 << 24, 0);
    layer->inputs = read_inputs(L, index, space, &layer->n_inputs);
}

void script_read_layers(lua_State *L, int index, Space *space)
{
    space->n_layers = script_push_list(L, index, "layers", SPACE_LAYERS);
    int list = lua_gettop(L);
    SpaceLayer *layers = script_take(L, space, (size_t)space->n_layers + 1, sizeof *layers);
    for (int i = 0; i < space->n_layers; i++) {
        read_layer(L, script_push_entry(L, list, i + 1, "layers"), space, &layers[i]);
        lua_pop(L, 1);
    }
    space->layers = layers;
    lua_pop(L, 1);
}
