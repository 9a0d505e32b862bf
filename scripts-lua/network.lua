-- SPDX-License-Identifier: MIT
-- Networks written out layer by layer: nas.net. Every method adds a layer behind the last one,
-- checks that it fits, and returns the network, so that calls can be chained. A mark names a place
-- in the network: `add`, `concat` and `scale` join places, `from` goes on at one.

local _, _, host = ...

---@class NetworkSpec
---@field channels integer of the image
---@field height integer
---@field width integer
---@field classes integer
---@field name? string
---@field data? string data set; short for defaults.data.name
---@field defaults? table settings, those of `retrain` above all

---@class NetworkLayer
---@field kind string
---@field name string
---@field inputs integer[] 0 is the image, k the k-th layer
---@field file string
---@field line integer

---@alias Mark integer a place in a network: 0 is the image, k the output of its k-th layer

---@class NetLayerOptions
---@field name? string of its parameters in files: letters, digits, '_', '-' and '.'

---@class WindowOptions: NetLayerOptions
---@field [1]? integer channels (conv, pointwise) or the window (depthwise, pools)
---@field kernel? integer window; conv and depthwise 3, pools 2 unless given
---@field stride? integer 1; of pools the window
---@field pad? integer|"same"|"tf" "same"; of pools 0. "tf" pads as TensorFlow's SAME
---@field dilation? integer
---@field groups? integer
---@field bias? boolean conv and pointwise: false unless given
---@field count_pad? boolean avg_pool: padding counts

---@class NormLayerOptions: NetLayerOptions
---@field affine? boolean learned scale and shift, true unless given
---@field eps? number
---@field momentum? number of running statistics (bn)

---@class Network
---@field name string
---@field classes integer
---@field layers NetworkLayer[]
---@field conv fun(self: Network, options: WindowOptions|integer): Network
---@field pointwise fun(self: Network, options: WindowOptions|integer): Network
---@field depthwise fun(self: Network, options?: WindowOptions|integer): Network
---@field max_pool fun(self: Network, options?: WindowOptions|integer): Network
---@field avg_pool fun(self: Network, options?: WindowOptions|integer): Network
---@field bn fun(self: Network, options?: NormLayerOptions): Network
---@field layer_norm fun(self: Network, options?: NormLayerOptions): Network
---@field relu fun(self: Network, options?: NetLayerOptions): Network
---@field relu6 fun(self: Network, options?: NetLayerOptions): Network
---@field hswish fun(self: Network, options?: NetLayerOptions): Network
---@field swish fun(self: Network, options?: NetLayerOptions): Network
---@field sigmoid fun(self: Network, options?: NetLayerOptions): Network
---@field gelu fun(self: Network, options?: NetLayerOptions): Network
---@field global_pool fun(self: Network, options?: NetLayerOptions): Network
---@field flatten fun(self: Network, options?: NetLayerOptions): Network
---@field identity fun(self: Network, options?: NetLayerOptions): Network
---@field shift fun(self: Network, options?: NetLayerOptions): Network
---@field zero fun(self: Network, options?: NetLayerOptions|integer): Network
---@field linear fun(self: Network, channels: integer|table): Network
---@field attention fun(self: Network, heads?: integer|table): Network
---@field shuffle fun(self: Network, groups?: integer|table): Network
---@field dropout fun(self: Network, rate?: number|table): Network
---@field drop_path fun(self: Network, rate?: number|table): Network
local methods = {}

--- Message at the line of the script that makes the call.
---@param fmt string
---@param ... any
local function fail(fmt, ...) host.raise(fmt:format(...)) end

--- A mark of this network, or an error.
---@param self table
---@param what string
---@param mark any
---@return integer
local function need_mark(self, what, mark)
  if math.type(mark) ~= "integer" or mark < 0 or mark > #self.layers then
    fail("net:%s: expected a mark (what net:mark() returns), got %s", what, tostring(mark))
  end
  return mark
end

--- Name of a new layer: the given one, or kind and number.
---@param self table
---@param short string
---@param name any
---@return string
local function new_name(self, short, name)
  if name == nil then
    repeat
      self.counts[short] = (self.counts[short] or 0) + 1
      name = short .. self.counts[short]
    until not self.names[name]
  end
  if type(name) ~= "string" or not name:find("^[%w_][%w_.-]*$") or #name > 63 then
    fail("net:%s: name: expected up to 63 letters, digits, '_', '-' or '.'", short)
  end
  if self.names[name] then fail("net:%s: two layers are called '%s'", short, name) end
  self.names[name] = true
  return name
end

--- Options of a call: nil, one value for `first`, or a table whose [1] is `first`.
---@param what string
---@param options any
---@param first string?
---@param allowed table<string, any> name and default (true: none)
---@return table
local function read_options(what, options, first, allowed)
  local out = {}
  for key, default in pairs(allowed) do
    if default ~= true then out[key] = default end
  end
  if options == nil then return out end
  if type(options) ~= "table" then
    if not first then fail("net:%s takes a table of options, got %s", what, tostring(options)) end
    options = { options }
  end
  for key, value in pairs(options) do
    local name = key == 1 and first or key
    if name ~= "name" and allowed[name] == nil then
      local near = type(name) == "string" and host.nearest(name, allowed)
      fail("net:%s: unknown option '%s'%s", what, tostring(name),
        near and ("; did you mean '%s'?"):format(near) or "")
    end
    out[name] = value
  end
  return out
end

--- Appends a layer behind `inputs` and goes on there.
---@param self table
---@param short string name of the method
---@param layer table
---@param inputs integer[]
---@return table
local function append(self, short, layer, inputs)
  local shapes = {}
  for i, mark in ipairs(inputs) do shapes[i] = self.shapes[mark] end
  layer.name = new_name(self, short, layer.name)
  layer.inputs = inputs
  layer.file, layer.line = host.where()
  self.shapes[#self.layers + 1] = { host.layer(layer, shapes) }
  self.layers[#self.layers + 1] = layer
  self.at = #self.layers
  return self
end

--- Makes the method of a layer with one input.
---@param short string
---@param kind string
---@param first string?
---@param allowed table
local function define(short, kind, first, allowed)
  methods[short] = function(self, options)
    local layer = read_options(short, options, first, allowed)
    layer.kind = kind
    return append(self, short, layer, { self.at })
  end
end

-- conv { 32, kernel = 3, stride = 1, pad = "same"|"tf"|number, dilation = 1, groups = 1, bias = false }
define("conv", "conv", "channels", { channels = true, kernel = 3, stride = 1, pad = "same",
  dilation = 1, groups = 1, bias = true })
-- pointwise(64), pointwise { 64, groups = 2 }: a window of 1x1
define("pointwise", "conv", "channels", { channels = true, kernel = 1, stride = 1, groups = 1,
  bias = true })
-- depthwise(3), depthwise { 5, stride = 2, dilation = 2 }: every channel by itself
define("depthwise", "depthwise", "kernel", { kernel = 3, stride = 1, pad = "same", dilation = 1 })
-- bn(), bn { affine = false, eps = 1e-5, momentum = 0.1 }
define("bn", "batch_norm", nil, { affine = "yes", eps = true, momentum = true })
define("layer_norm", "layer_norm", nil, { affine = "yes", eps = true })
for _, kind in ipairs { "relu", "relu6", "hswish", "swish", "sigmoid", "gelu", "global_pool",
  "flatten", "identity", "shift" } do
  define(kind, kind, nil, {})
end
-- max_pool(2), max_pool { 3, stride = 2, pad = 1 }: the stride is the window unless given
define("max_pool", "max_pool", "kernel", { kernel = 2, stride = true, pad = 0 })
define("avg_pool", "avg_pool", "kernel", { kernel = 2, stride = true, pad = 0, count_pad = true })
-- linear(10): on the flattened map, with bias
define("linear", "linear", "channels", { channels = true })
-- attention(4): multi-head self-attention over the pixels
define("attention", "attention", "heads", { heads = 1 })
define("shuffle", "shuffle", "groups", { groups = 2 })
define("dropout", "dropout", "rate", { rate = 0.5 })
define("drop_path", "drop_path", "rate", { rate = 0.2 })
define("zero", "zero", "stride", { stride = 1 })

for _, short in ipairs { "max_pool", "avg_pool" } do
  local plain = methods[short]
  methods[short] = function(self, options)
    if type(options) ~= "table" then options = { options } end
    local copy = { stride = options.stride or options[1] or options.kernel or 2 }
    for key, value in pairs(options) do copy[key] = value end
    return plain(self, copy)
  end
end

--- Gaussian noise, the same for the same seed, step and image.
---@param options? { sigma?: number, replace?: boolean, name?: string }
---@return Network
function methods:noise(options)
  local layer = read_options("noise", options, "sigma", { sigma = 1, replace = true })
  layer.kind, layer.rate, layer.sigma = "noise", layer.sigma, nil
  return append(self, "noise", layer, { self.at })
end

--- Channels from .. from + channels - 1, counted from 0.
---@param options { from?: integer, channels: integer, name?: string }
---@return Network
function methods:slice(options)
  local layer = read_options("slice", options, "channels", { channels = true, from = 0 })
  layer.kind, layer.slice_from, layer.from = "slice", layer.from, nil
  return append(self, "slice", layer, { self.at })
end

--- This place in the network.
---@return Mark
function methods:mark() return self.at end

--- Goes on at another place; 0 is the image.
---@param mark Mark
---@return Network
function methods:from(mark)
  self.at = need_mark(self, "from", mark)
  return self
end

--- Height, width and channels here.
---@return integer, integer, integer
function methods:shape()
  local s = self.shapes[self.at]
  return s[1], s[2], s[3]
end

--- A layer that joins this place with marked ones.
---@param self table
---@param kind string
---@param marks table
---@return table
local function join(self, kind, marks)
  local inputs = { self.at }
  for i = 1, marks.n do inputs[i + 1] = need_mark(self, kind, marks[i]) end
  if marks.n == 0 then fail("net:%s: expected at least one mark", kind) end
  return append(self, kind, { kind = kind }, inputs)
end

--- Sum of this place and marked ones, all of one shape.
---@param ... Mark
---@return Network
function methods:add(...) return join(self, "add", table.pack(...)) end

--- Channels of this place and of marked ones, side by side.
---@param ... Mark
---@return Network
function methods:concat(...) return join(self, "concat", table.pack(...)) end

--- The marked map times this 1x1xC vector, channel by channel: squeeze and excitation.
---@param mark Mark
---@return Network
function methods:scale(mark)
  return append(self, "scale", { kind = "scale" }, { need_mark(self, "scale", mark), self.at })
end

-- ---- composed ----------------------------------------------------------------------------------

--- Adds what `body` makes of this place to this place.
---@param body fun(net: Network)
---@return Network
function methods:residual(body)
  if type(body) ~= "function" then fail("net:residual: expected a function of the network") end
  local start = self.at
  body(self)
  return self:add(start)
end

--- Squeeze and excitation: pool, C / ratio channels, ReLU, C channels, sigmoid, scale.
---@param ratio? integer 4 unless given
---@return Network
function methods:squeeze_excite(ratio)
  ratio = ratio or 4
  if math.type(ratio) ~= "integer" or ratio < 1 then
    fail("net:squeeze_excite: expected a whole number from 1, got %s", tostring(ratio))
  end
  local map, _, _, c = self.at, self:shape()
  return self:global_pool():linear(math.max(c // ratio, 1)):relu():linear(c):sigmoid():scale(map)
end

--- Half the size: ReLU, two 1x1 convolutions of stride 2, the second moved by a pixel, side by
--- side, batch norm.
---@param channels integer
---@return Network
function methods:factorised_reduce(channels)
  if math.type(channels) ~= "integer" or channels < 2 then
    fail("net:factorised_reduce: expected a number of channels from 2, got %s", tostring(channels))
  end
  local half = channels // 2
  local start = self:relu():mark()
  local second = self:shift():pointwise { channels - half, stride = 2 }:mark()
  return self:from(start):pointwise { half, stride = 2 }:concat(second):bn()
end

setmetatable(methods, {
  __index = function(_, name)
    local near = host.nearest(name, methods)
    fail("a network has no layer '%s'%s", tostring(name),
      near and ("; did you mean '%s'?"):format(near) or "")
  end,
})

--- Starts a network at the image. The library has checked the numbers.
---@param made table name, file, line, channels, height, width, classes, defaults, data
---@return Network
return function(made)
  made.layers, made.names, made.counts, made.at = {}, {}, {}, 0
  made.shapes = { [0] = { made.height, made.width, made.channels } }
  return host.net(made, methods)
end
