-- SPDX-License-Identifier: MIT
-- Operators of search spaces, composed from engine layers. The names are those of DARTS and
-- NAS-Bench-201, so that genotypes can be exchanged with other programs. Add one with `define`.

local _, _, host = ...
local layers = require "layers"

---@class Operator
---@field name string name in genotypes
---@field code string four letters for drawings
---@field kind "none"|"skip"|"pool"|"conv"|"other"
---@field conv_depth integer convolutions it counts for in a path
---@field layers Layer[]
---@field reduce? Layer[] layers at stride 2; without, `layers` with the strided ones at stride 2
---@field key string tells equal operators from different ones
---@field file string
---@field line integer

---@class OperatorOptions
---@field name string letters, digits and underscores
---@field code? string four letters for drawings; the first four of the name unless given
---@field kind? "none"|"skip"|"pool"|"conv"|"other" conv if it has a convolution, else pool or other
---@field conv_depth? integer 1 for convolutions, else 0
---@field layers Layer[]
---@field reduce? Layer[]

local op = {}
local marker = {}
marker.__index = marker
marker.__metatable = "operator"

local has_weights = { conv = true, depthwise = true, linear = true, attention = true }
local kinds = { none = true, skip = true, pool = true, conv = true, other = true }
local option_names = {
  name = true, code = true, kind = true, conv_depth = true, layers = true, reduce = true,
}

--- Text that is equal for equal values, whatever the order of keys.
---@param value any
---@return string
local function fingerprint(value)
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for key, item in pairs(value) do
    parts[#parts + 1] = tostring(key) .. "=" .. fingerprint(item)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

--- Kind of an operator that does not say it.
---@param list Layer[]
---@return string
local function kind_of(list)
  local kind = "other"
  for _, layer in ipairs(list) do
    if has_weights[layer.kind] then return "conv" end
    if layer.kind == "max_pool" or layer.kind == "avg_pool" then kind = "pool" end
  end
  return kind
end

--- Refuses what is not a list of layers.
---@param name string
---@param field string
---@param list any
local function check_list(name, field, list)
  if type(list) ~= "table" or #list == 0 then
    host.raise(("operator '%s': %s must be a list of layers"):format(name, field))
  end
  for i, layer in ipairs(list) do
    if type(layer) ~= "table" or type(layer.kind) ~= "string" then
      host.raise(("operator '%s': %s[%d] is not a layer; make it with require \"layers\"")
        :format(name, field, i))
    end
  end
end

--- Makes an operator.
---@param spec OperatorOptions
---@return Operator
local function make(spec)
  if type(spec) ~= "table" then
    host.raise("op.define: expected a table with name and layers, got " .. type(spec))
  end
  for key in pairs(spec) do
    if not option_names[key] then
      host.raise(("op.define: unknown field '%s'"):format(tostring(key)))
    end
  end
  local name = spec.name
  if type(name) ~= "string" or not name:find("^[%w_]+$") or #name > 31 then
    host.raise("op.define: name must be 1 to 31 letters, digits or underscores")
  end
  check_list(name, "layers", spec.layers)
  if spec.reduce ~= nil then check_list(name, "reduce", spec.reduce) end
  local kind = spec.kind or kind_of(spec.layers)
  if not kinds[kind] then
    host.raise(("operator '%s': kind must be none, skip, pool, conv or other"):format(name))
  end
  local code = spec.code or name:sub(1, 4)
  if type(code) ~= "string" or #code < 1 or #code > 4 then
    host.raise(("operator '%s': code must have up to four letters"):format(name))
  end
  local file, line = host.where()
  return setmetatable({
    name = name, code = code, kind = kind,
    conv_depth = spec.conv_depth or (kind == "conv" and 1 or 0),
    layers = spec.layers, reduce = spec.reduce,
    key = fingerprint({ spec.layers, spec.reduce or false, kind, code }),
    file = file, line = line,
  }, marker)
end

--- A new operator.
---
---     op.define { name = "conv_bn", layers = { layers.conv { kernel = 3, strided = true },
---                                              layers.bn() } }
---@param spec OperatorOptions
---@return Operator
function op.define(spec) return make(spec) end

--- True for what the functions of this library return.
---@param value any
---@return boolean
function op.is(value)
  return type(value) == "table" and getmetatable(value) == "operator"
end

--- An odd window size, or an error at the user's line.
---@param what string
---@param k any
---@return integer
local function odd(what, k)
  if math.type(k) ~= "integer" or k < 1 or k % 2 == 0 or k > 31 then
    host.raise(("op.%s: kernel %s; expected an odd number from 1 to 31"):format(what, tostring(k)))
  end
  return k
end

--- Nothing: lets the search drop an edge.
---@return Operator
function op.none()
  return make({
    name = "none", code = "none", kind = "none", layers = { layers.zero { strided = true } },
  })
end

--- Identity; at stride 2 a factorised reduction: ReLU, two 1x1 convolutions of stride 2, the
--- second on the input moved by a pixel, side by side, batch norm.
---@return Operator
function op.skip()
  return make({
    name = "skip_connect", code = "skip", kind = "skip",
    layers = { layers.identity() },
    reduce = {
      layers.relu(),
      layers.pointwise { div = 2, stride = 2, from = 1 },
      layers.shift { from = 1 },
      layers.pointwise { div = 2, stride = 2, from = 3 },
      layers.concat { from = { 2, 4 } },
      layers.bn(),
    },
  })
end

---@class PoolingOptions
---@field bn? boolean batch norm behind it while searching, true unless given (NAS-Bench-201: false)

--- A pool and the batch norm that DARTS puts behind it while searching.
---@param layer Layer
---@param options PoolingOptions?
---@return Layer[]
local function pool_layers(layer, options)
  if options and options.bn == false then return { layer } end
  return { layer, layers.bn { affine = false, search_only = true } }
end

--- Max pool with a kxk window.
---@param k integer
---@param options PoolingOptions?
---@return Operator
function op.max_pool(k, options)
  odd("max_pool", k)
  return make({
    name = ("max_pool_%dx%d"):format(k, k), code = "max" .. k % 10, kind = "pool",
    layers = pool_layers(layers.max_pool { kernel = k, strided = true }, options),
  })
end

--- Average pool with a kxk window; padding does not count.
---@param k integer
---@param options PoolingOptions?
---@return Operator
function op.avg_pool(k, options)
  odd("avg_pool", k)
  return make({
    name = ("avg_pool_%dx%d"):format(k, k), code = "avg" .. k % 10, kind = "pool",
    layers = pool_layers(layers.avg_pool { kernel = k, strided = true }, options),
  })
end

--- Separable convolution: ReLU, depthwise kxk, pointwise, batch norm, twice.
---@param k integer
---@return Operator
function op.sep_conv(k)
  odd("sep_conv", k)
  return make({
    name = ("sep_conv_%dx%d"):format(k, k), code = "sep" .. k % 10, kind = "conv",
    layers = {
      layers.relu(), layers.depthwise { kernel = k, strided = true }, layers.pointwise(),
      layers.bn(),
      layers.relu(), layers.depthwise { kernel = k }, layers.pointwise(), layers.bn(),
    },
  })
end

--- Dilated separable convolution: ReLU, depthwise kxk with dilation 2, pointwise, batch norm.
---@param k integer
---@return Operator
function op.dil_conv(k)
  odd("dil_conv", k)
  return make({
    name = ("dil_conv_%dx%d"):format(k, k), code = "dil" .. k % 10, kind = "conv",
    layers = {
      layers.relu(), layers.depthwise { kernel = k, dilation = 2, strided = true },
      layers.pointwise(), layers.bn(),
    },
  })
end

--- Dense convolution: ReLU, kxk, batch norm.
---@param k integer
---@return Operator
function op.conv(k)
  odd("conv", k)
  return make({
    name = ("nor_conv_%dx%d"):format(k, k), code = "cnv" .. k % 10, kind = "conv",
    layers = { layers.relu(), layers.conv { kernel = k, strided = true }, layers.bn() },
  })
end

--- Dense 1x1 convolution, the same as conv(1).
---@return Operator
function op.conv_1x1() return op.conv(1) end

--- Pure Gaussian noise N(0, sigma) in place of the input (space S4 of RobustDARTS).
---@param sigma? number 1 unless given
---@return Operator
function op.noise(sigma)
  if sigma ~= nil and type(sigma) ~= "number" then
    host.raise("op.noise: sigma must be a number")
  end
  return make({
    name = "noise", code = "nois", kind = "other",
    layers = { layers.noise { sigma = sigma or 1, replace = true, strided = true } },
  })
end

---@class MobileOptions
---@field expand? integer channels inside are expand * C, 3 unless given
---@field squeeze? integer squeeze and excitation with C * expand / squeeze channels; none unless given

--- Inverted residual without the sum (MobileNetV2, V3): pointwise to expand * C, depthwise kxk,
--- squeeze and excitation if asked for, pointwise back, batch norms and h-swish between.
---@param k integer
---@param options MobileOptions?
---@return Operator
function op.mb_conv(k, options)
  odd("mb_conv", k)
  options = options or {}
  local e, squeeze = options.expand or 3, options.squeeze
  if math.type(e) ~= "integer" or e < 1 or (squeeze and math.type(squeeze) ~= "integer") then
    host.raise("op.mb_conv: expand and squeeze must be whole numbers")
  end
  local list = {
    layers.pointwise { mul = e }, layers.bn(), layers.hswish(),
    layers.depthwise { kernel = k, strided = true }, layers.bn(), layers.hswish(),
  }
  if squeeze then
    for _, layer in ipairs {
      layers.global_pool(), layers.linear { mul = e, div = squeeze }, layers.relu(),
      layers.linear { mul = e }, layers.sigmoid(), layers.scale { from = { 6, 11 } },
    } do list[#list + 1] = layer end
  end
  list[#list + 1] = layers.pointwise()
  list[#list + 1] = layers.bn()
  return make({
    name = ("mb_conv_%dx%d_e%d%s"):format(k, k, e, squeeze and "_se" or ""), code = "mbc" .. k % 10,
    kind = "conv", layers = list,
  })
end

--- Self-attention over the pixels behind a layer norm (a transformer's first half); at stride 2
--- behind an average pool.
---@param heads? integer 1 unless given
---@return Operator
function op.attention(heads)
  heads = heads or 1
  if math.type(heads) ~= "integer" or heads < 1 then
    host.raise("op.attention: heads must be a whole number from 1")
  end
  return make({
    name = ("attention_%d"):format(heads), code = "attn", kind = "conv",
    layers = { layers.layer_norm(), layers.attention { heads = heads } },
    reduce = {
      layers.avg_pool { kernel = 3, stride = 2 }, layers.layer_norm(),
      layers.attention { heads = heads },
    },
  })
end

local by_name = {
  none = op.none, skip_connect = op.skip, noise = op.noise,
  ["max_pool_(%d+)x(%d+)"] = op.max_pool, ["avg_pool_(%d+)x(%d+)"] = op.avg_pool,
  ["sep_conv_(%d+)x(%d+)"] = op.sep_conv, ["dil_conv_(%d+)x(%d+)"] = op.dil_conv,
  ["nor_conv_(%d+)x(%d+)"] = op.conv,
}

--- The operator that genotypes call `name`, or nil and the nearest known name.
---@param name string
---@return Operator?, string?
function op.named(name)
  for pattern, maker in pairs(by_name) do
    local k, again = name:match("^" .. pattern .. "$")
    if k and not again and not pattern:find("(", 1, true) then return maker() end
    if k and k == again and #k < 3 and tonumber(k) % 2 == 1 and tonumber(k) <= 31 then
      return maker(math.tointeger(tonumber(k)))
    end
  end
  return nil, host.nearest(name, {
    none = 1, skip_connect = 1, noise = 1, max_pool_3x3 = 1, avg_pool_3x3 = 1, sep_conv_3x3 = 1,
    sep_conv_5x5 = 1, dil_conv_3x3 = 1, dil_conv_5x5 = 1, nor_conv_1x1 = 1, nor_conv_3x3 = 1,
  })
end

setmetatable(op, {
  __index = function(_, name)
    local near = host.nearest(name, op)
    host.raise(("unknown operator '%s'%s"):format(tostring(name),
      near and ("; did you mean '%s'?"):format(near) or ""))
  end,
})

return op
