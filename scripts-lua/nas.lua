-- SPDX-License-Identifier: MIT
-- Search spaces. A space script returns what nas.cells makes; the engine checks it and reads it.

local _, _, host = ...
local op = require "ops"

---@class SpaceInput
---@field channels integer
---@field height integer
---@field width integer

---@class CellSpec
---@field inputs? integer 2 unless given; 1 in networks of stages
---@field nodes integer intermediate nodes
---@field keep? integer edges kept per node, 2 unless given (derive = "top")
---@field derive? "top"|"argmax"
---@field combine? "concat"|"sum" how nodes become the output
---@field ops (Operator|string)[]|(Operator|string)[][] one list, or one list per edge
---@field edges? table[] { {from, to}, ... }; all edges from lower to higher nodes unless given

---@class NetSpec
---@field cells integer cells in the network, or in each stage
---@field channels integer initial width C
---@field stem? integer the stem makes stem * C channels (3)
---@field reduce_at? number[] where reduction cells stand: fractions of the depth or cell numbers
---@field stages? integer stages of equal cells, a residual block of stride 2 between
---@field reduce? "residual" between stages

---@class Metrics
---@field accuracy number validation accuracy, a fraction
---@field loss number
---@field params number
---@field macs number multiply-adds per image
---@field latency_ms number measured when it is read

---@class CellSpace
---@field name string
---@field data? string data set; short for defaults.data.name
---@field input SpaceInput
---@field classes integer
---@field cell? CellSpec
---@field cells? table<string, CellSpec> normal and reduction, where they differ
---@field net NetSpec
---@field objective? fun(m: Metrics): number|table<string, number>
---@field directions? table<string, "maximize"|"minimize">
---@field defaults? table settings

local nas = {}

--- Stops with a message at the line of the script that sets `path`.
---@param path string
---@param fmt string
---@param ... any
local function fail(path, fmt, ...)
  host.fail(path, fmt:format(...))
end

--- A table, or an error.
---@param path string
---@param value any
---@return table
local function need_table(path, value)
  if type(value) ~= "table" then
    fail(path, "%s: expected a table, got %s", path, type(value))
  end
  return value
end

--- A whole number, or an error.
---@param path string
---@param value any
---@param default? integer
---@return integer
local function need_int(path, value, default)
  if value == nil and default then return default end
  local whole = type(value) == "number" and math.tointeger(value)
  if not whole then
    fail(path, "%s: expected a whole number, got %s", path,
      type(value) == "number" and tostring(value) or type(value))
  end
  if whole < -1000000000 or whole > 1000000000 then
    fail(path, "%s: %d is out of range", path, whole)
  end
  return whole
end

--- One of several words, or an error.
---@param path string
---@param value any
---@param words string[]
---@return string
local function need_word(path, value, words)
  for _, word in ipairs(words) do
    if value == word then return word end
  end
  fail(path, "%s: expected \"%s\"", path, table.concat(words, "\" or \""))
  return ""
end

--- Refuses keys that mean nothing: most are typing errors.
---@param path string
---@param value table
---@param allowed table<string, any>
local function check_keys(path, value, allowed)
  for key in pairs(value) do
    if allowed[key] == nil then
      local near = type(key) == "string" and host.nearest(key, allowed)
      local full = (path ~= "" and path .. "." or "") .. tostring(key)
      fail(full, "unknown field '%s'%s", full,
        near and ("; did you mean '%s'?"):format(near) or "")
    end
  end
end

-- ---- operators ---------------------------------------------------------------------------------

--- Number of an operator among those of the space, added if it is new.
---@param space table
---@param value any
---@param where string
---@return integer
local function op_index(space, value, where)
  if type(value) == "string" then
    local made, near = op.named(value)
    if not made then
      fail("cell.ops", "%s: unknown operator '%s'%s", where, value,
        near and ("; did you mean '%s'?"):format(near) or "")
    end
    value = made
  end
  if not op.is(value) then
    fail("cell.ops", "%s: expected an operator such as op.skip(), got %s", where, type(value))
  end
  local known = space.op_numbers[value.name]
  if known then
    if space.ops[known].key ~= value.key then
      fail("cell.ops", "%s: two different operators are called '%s'", where, value.name)
    end
    return known
  end
  space.ops[#space.ops + 1] = value
  space.op_numbers[value.name] = #space.ops
  return #space.ops
end

--- Numbers of the operators in a list.
---@param space table
---@param list any
---@param where string
---@return integer[]
local function op_list(space, list, where)
  if type(list) ~= "table" or op.is(list) then
    fail("cell.ops", "%s: expected a list of operators", where)
  end
  local numbers = {}
  for i, value in ipairs(list) do
    numbers[i] = op_index(space, value, ("%s, operator %d"):format(where, i))
  end
  for key in pairs(list) do
    if type(key) ~= "number" or numbers[key] == nil then
      fail("cell.ops", "%s: ops must be a plain list, but has the key '%s'", where, tostring(key))
    end
  end
  if #numbers == 0 then fail("cell.ops", "%s: the list of operators is empty", where) end
  return numbers
end

-- ---- cells -------------------------------------------------------------------------------------

local cell_keys = {
  inputs = 1, nodes = 1, keep = 1, derive = 1, combine = 1, ops = 1, edges = 1,
}

--- Edges as {from, to, ops = own list}: those given, or all from lower to higher nodes.
---@param cell table
---@param spec CellSpec
---@return table[]
local function cell_edges(cell, spec)
  local edges = {}
  if spec.edges ~= nil then
    for i, edge in ipairs(need_table("cell.edges", spec.edges)) do
      need_table("cell.edges", edge)
      edges[i] = {
        from = need_int("cell.edges", edge.from or edge[1]),
        to = need_int("cell.edges", edge.to or edge[2]),
        list = edge.ops, order = i,
      }
    end
    table.sort(edges, function(a, b)
      if a.to ~= b.to then return a.to < b.to end
      if a.from ~= b.from then return a.from < b.from end
      return a.order < b.order
    end)
    return edges
  end
  for to = cell.inputs, cell.inputs + cell.nodes - 1 do
    for from = 0, to - 1 do edges[#edges + 1] = { from = from, to = to } end
  end
  return edges
end

--- Gives every edge its operators.
---@param space table
---@param cell table
---@param spec CellSpec
local function fill_edges(space, cell, spec)
  local lists = spec.ops
  local first = type(lists) == "table" and lists[1]
  local per_edge = type(first) == "table" and not op.is(first)
  if per_edge and #lists ~= #cell.edges then
    fail("cell.ops", "cell '%s': %d lists of operators for %d edges; give one list per edge, or one for all",
      cell.name, #lists, #cell.edges)
  end
  local shared
  for i, edge in ipairs(cell.edges) do
    local where = ("cell '%s', edge %d-%d"):format(cell.name, edge.from, edge.to)
    if edge.list ~= nil then
      edge.ops = op_list(space, edge.list, where)
    elseif per_edge then
      edge.ops = op_list(space, lists[i], where)
    else
      shared = shared or op_list(space, lists, ("cell '%s'"):format(cell.name))
      edge.ops = shared
    end
  end
end

--- One kind of cell.
---@param space table
---@param name string
---@param spec CellSpec
---@param stages boolean
---@return table
local function make_cell(space, name, spec, stages)
  need_table("cell", spec)
  check_keys("cell", spec, cell_keys)
  local cell = { name = name }
  cell.inputs = need_int("cell.inputs", spec.inputs, stages and 1 or 2)
  cell.nodes = need_int("cell.nodes", spec.nodes)
  cell.keep = need_int("cell.keep", spec.keep, 2)
  cell.derive = need_word("cell.derive", spec.derive or (stages and "argmax" or "top"),
    { "top", "argmax" })
  cell.combine = need_word("cell.combine", spec.combine or (stages and "sum" or "concat"),
    { "concat", "sum" })
  if cell.inputs < 1 or cell.inputs > 8 or cell.nodes < 1 or cell.nodes > 15 then
    fail("cell.nodes", "cell '%s': %d inputs and %d nodes; expected 1 or 2 inputs and 1 to 14 nodes",
      name, cell.inputs, cell.nodes)
  end
  cell.edges = cell_edges(cell, spec)
  fill_edges(space, cell, spec)
  return cell
end

--- Kinds of cells by the names the skeleton asks for.
---@param space table
---@param spec CellSpace
---@param stages boolean
local function make_cells(space, spec, stages)
  if (spec.cell == nil) == (spec.cells == nil) then
    fail(spec.cell == nil and "cells" or "cell",
      "give either cell = {...} or cells = { normal = {...}, reduction = {...} }")
  end
  local reduces = not stages and #space.net.reduce_at > 0
  local names = stages and { "cell" } or reduces and { "normal", "reduction" } or { "normal" }
  if spec.cells ~= nil then
    need_table("cells", spec.cells)
    check_keys("cells", spec.cells, { normal = 1, reduction = 1, cell = 1 })
  end
  for i, name in ipairs(names) do
    local cell = spec.cell
    if spec.cells ~= nil then cell = spec.cells[name] end
    if cell == nil then fail("cells", "cells: '%s' is missing", name) end
    space.cells[i] = make_cell(space, name, cell, stages)
  end
end

-- ---- skeleton ----------------------------------------------------------------------------------

local net_keys = {
  cells = 1, channels = 1, stem = 1, reduce_at = 1, stages = 1, reduce = 1,
}

--- Places of the reduction cells: index and fraction of the depth.
---@param net table
---@param list any
---@return table[]
local function reductions(net, list)
  local out = {}
  for i, at in ipairs(need_table("net.reduce_at", list)) do
    if math.type(at) == "float" and at > 0 and at < 1 then
      out[i] = { index = math.floor(at * net.cells + 1e-9), fraction = at }
    else
      local index = need_int("net.reduce_at", at)
      out[i] = { index = index, fraction = index / math.max(net.cells, 1) }
    end
  end
  return out
end

--- The network around the cells.
---@param spec NetSpec
---@return table net, boolean stages
local function make_net(spec)
  need_table("net", spec)
  check_keys("net", spec, net_keys)
  local stages = spec.stages ~= nil
  local net = { kind = stages and "stages" or "darts" }
  net.cells = need_int("net.cells", spec.cells)
  net.channels = need_int("net.channels", spec.channels)
  net.stem = need_int("net.stem", spec.stem, stages and 1 or 3)
  net.stages = need_int("net.stages", spec.stages, 0)
  if stages then
    need_word("net.reduce", spec.reduce or "residual", { "residual" })
    if spec.reduce_at ~= nil then
      fail("net.reduce_at", "net.reduce_at is for reduction cells; stages reduce between them")
    end
    net.reduce_at = {}
  else
    if spec.reduce ~= nil then fail("net.reduce", "net.reduce is for networks of stages") end
    net.reduce_at = reductions(net, spec.reduce_at or { 1 / 3, 2 / 3 })
  end
  return net, stages
end

-- ---- objectives and settings -------------------------------------------------------------------

--- Directions as a list in a fixed order: as listed, or sorted by name.
---@param spec CellSpace
---@return table[]
local function make_directions(spec)
  local out = {}
  if spec.directions == nil then
    return { { name = spec.objective and "objective" or "accuracy", maximize = true } }
  end
  for key, value in pairs(need_table("directions", spec.directions)) do
    local name, word = key, value
    if type(key) == "number" then
      need_table("directions", value)
      name, word = value[1] or value.name, value[2] or value.direction
    end
    if type(name) ~= "string" then
      fail("directions", "directions: expected name = \"maximize\" or \"minimize\"")
    end
    need_word("directions." .. name, word, { "maximize", "minimize" })
    out[#out + 1] = { name = name, maximize = word == "maximize" }
  end
  return out
end

--- A setting as text: numbers so that they read back the same.
---@param path string
---@param value any
---@return string
local function setting_text(path, value)
  if type(value) == "boolean" or math.type(value) == "integer" then return tostring(value) end
  if type(value) == "number" then
    local short = ("%.15g"):format(value)
    return tonumber(short) == value and short or ("%.17g"):format(value)
  end
  if type(value) == "string" then return value end
  fail(path, "%s: expected a number, a word or true/false, got %s", path, type(value))
  return ""
end

--- Nested settings as a flat list of key and text.
---@param path string
---@param value any
---@param out table[]
---@param depth integer
local function flatten(path, value, out, depth)
  if depth > 6 then fail(path, "%s: nested too deeply", path) end
  if type(value) ~= "table" then
    local text = setting_text(path, value)
    out[#out + 1] = { key = path:gsub("^defaults%.", ""), value = text, path = path }
    return
  end
  if #value > 0 then
    local parts = {}
    for i, item in ipairs(value) do parts[i] = setting_text(path, item) end
    out[#out + 1] = {
      key = path:gsub("^defaults%.", ""), value = "[" .. table.concat(parts, ", ") .. "]",
      path = path,
    }
    return
  end
  for key, item in pairs(value) do
    if type(key) ~= "string" then
      fail(path, "%s: expected names of settings, got the key %s", path, tostring(key))
    end
    flatten(path .. "." .. key, item, out, depth + 1)
  end
end

--- All settings of the space, the data set included.
---@param spec CellSpace|NetworkSpec
---@return table[]
local function make_defaults(spec)
  local out = {}
  flatten("defaults", need_table("defaults", spec.defaults or {}), out, 0)
  if spec.data ~= nil then
    if type(spec.data) ~= "string" then fail("data", "data: expected the name of a data set") end
    for _, item in ipairs(out) do
      if item.key == "data.name" then
        fail("data", "give data or defaults.data.name, not both")
      end
    end
    table.insert(out, 1, { key = "data.name", value = spec.data, path = "data" })
  end
  return out
end

local space_keys = {
  name = 1, data = 1, input = 1, classes = 1, cell = 1, cells = 1, net = 1, objective = 1,
  directions = 1, defaults = 1,
}

--- Runs are directories named after their space.
---@param name any
local function check_name(name)
  if type(name) ~= "string" or not name:find("^[%w][%w._-]*$") or #name > 63 then
    fail("name", "name: expected letters, digits, '.', '_' or '-', at most 63")
  end
end

--- A weight-sharing space: cells of edges with mixed operators, and the network around them.
---@param spec CellSpace
---@return table
function nas.cells(spec)
  if type(spec) ~= "table" then
    host.raise("nas.cells: expected a table, got " .. type(spec))
  end
  local file, line = host.where()
  check_keys("", spec, space_keys)
  check_name(spec.name)
  if spec.objective ~= nil and type(spec.objective) ~= "function" then
    fail("objective", "objective: expected a function of the metrics, got %s", type(spec.objective))
  end
  local input = need_table("input", spec.input)
  check_keys("input", input, { channels = 1, height = 1, width = 1 })
  local net, stages = make_net(spec.net)
  local space = {
    name = spec.name, file = file, line = line, ops = {}, op_numbers = {}, cells = {}, net = net,
    channels = need_int("input.channels", input.channels),
    height = need_int("input.height", input.height),
    width = need_int("input.width", input.width),
    classes = need_int("classes", spec.classes),
    objective = spec.objective, directions = make_directions(spec),
    defaults = make_defaults(spec), data = spec.data,
  }
  make_cells(space, spec, stages)
  return host.space(space)
end

local network_keys = {
  name = 1, data = 1, channels = 1, height = 1, width = 1, classes = 1, defaults = 1,
}

--- A network written out layer by layer. A script that returns one is trained by
--- `dartboard retrain FILE`.
---
---     local net = nas.net { name = "small", data = "digits", channels = 1, height = 8, width = 8,
---                           classes = 10 }
---     net:conv { 16, kernel = 3 }:bn():relu():max_pool(2):flatten():linear(10)
---@param spec NetworkSpec
---@return Network
function nas.net(spec)
  if type(spec) ~= "table" then
    host.raise("nas.net: expected a table, got " .. type(spec))
  end
  local file, line = host.where()
  check_keys("", spec, network_keys)
  local name = spec.name or "network"
  check_name(name)
  local made = { name = name, file = file, line = line, data = spec.data }
  for _, key in ipairs { "channels", "height", "width", "classes" } do
    made[key] = need_int(key, spec[key])
    if made[key] < 1 then fail(key, "%s is %d; expected 1 or more", key, made[key]) end
  end
  made.defaults = make_defaults(spec)
  return require "network"(made) -- only scripts that use it load it
end

setmetatable(nas, {
  __index = function(_, name)
    local near = host.nearest(name, nas)
    host.raise(("nas.%s is unknown%s"):format(tostring(name),
      near and ("; did you mean nas.%s?"):format(near) or ""))
  end,
})

return nas
