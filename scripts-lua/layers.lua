-- SPDX-License-Identifier: MIT
-- Layers of the engine, as operators are composed from them. Widths are shares of the cell's
-- width C: `mul` and `div` make mul * C / div channels. A layer takes the output of the layer
-- before it; `from` names other ones: 0 is the operator's input, k the k-th layer of the list.

local _, _, host = ...

---@class Layer
---@field kind string
---@field mul? integer channels: mul * C / div
---@field div? integer
---@field kernel? integer
---@field stride? integer
---@field dilation? integer
---@field groups? integer
---@field pad? integer|"tf"
---@field from? integer|integer[]
---@field strided? boolean takes the stride of the edge
---@field search_only? boolean left out of derived networks
---@field search_plain? boolean batch norm without scale and shift while searching

---@class LayerOptions
---@field from? integer|integer[] inputs: 0 is the operator's input, k its k-th layer
---@field strided? boolean takes the stride of the edge: 2 in reductions
---@field stride? integer a stride of its own, for lists called `reduce`
---@field search_only? boolean left out of derived networks

local layers = {}

local common = { from = true, strided = true, stride = true, search_only = true }

--- Makes a layer and checks its options.
---@param kind string
---@param options table?
---@param allowed table<string, any> name of an option and its default (or true for none)
---@return Layer
local function make(kind, options, allowed)
  if options ~= nil and type(options) ~= "table" then
    host.raise(("layers.%s: expected a table of options, got %s"):format(kind, type(options)))
  end
  local layer = { kind = kind }
  for key, default in pairs(allowed) do
    if default ~= true then layer[key] = default end
  end
  for key, value in pairs(options or {}) do
    if allowed[key] == nil and not common[key] then
      host.raise(("layers.%s: unknown option '%s'"):format(kind, tostring(key)))
    end
    layer[key] = value
  end
  return layer
end

---@class ConvOptions: LayerOptions
---@field kernel? integer odd, 1 unless given; even with pad = "tf"
---@field mul? integer output channels are mul * C / div
---@field div? integer
---@field dilation? integer
---@field groups? integer
---@field bias? boolean
---@field pad? integer|"tf" "tf" pads as TensorFlow's SAME

--- Convolution.
---@param options ConvOptions?
---@return Layer
function layers.conv(options)
  return make("conv", options,
    { kernel = 1, mul = 1, div = 1, dilation = true, groups = true, bias = true, pad = true })
end

--- Convolution with a 1x1 window.
---@param options ConvOptions?
---@return Layer
function layers.pointwise(options)
  return make("conv", options, { kernel = 1, mul = 1, div = 1, groups = true, bias = true })
end

--- Depthwise convolution: every channel by itself.
---@param options ConvOptions?
---@return Layer
function layers.depthwise(options)
  return make("depthwise", options, { kernel = 3, dilation = true, pad = true })
end

---@class NormOptions: LayerOptions
---@field affine? boolean learned scale and shift, true unless given
---@field plain_search? boolean no scale and shift while searching, true unless given
---@field eps? number
---@field momentum? number

--- Batch norm.
---@param options NormOptions?
---@return Layer
function layers.bn(options)
  local layer = make("batch_norm", options,
    { affine = true, plain_search = true, eps = true, momentum = true })
  if layer.affine == nil then layer.affine = true end
  if layer.plain_search == nil then layer.plain_search = true end
  return layer
end

--- max(x, 0)
---@param options LayerOptions?
---@return Layer
function layers.relu(options) return make("relu", options, {}) end

--- min(max(x, 0), 6)
---@param options LayerOptions?
---@return Layer
function layers.relu6(options) return make("relu6", options, {}) end

--- x * relu6(x + 3) / 6
---@param options LayerOptions?
---@return Layer
function layers.hswish(options) return make("hswish", options, {}) end

--- x * sigmoid(x)
---@param options LayerOptions?
---@return Layer
function layers.swish(options) return make("swish", options, {}) end

--- 1 / (1 + exp(-x))
---@param options LayerOptions?
---@return Layer
function layers.sigmoid(options) return make("sigmoid", options, {}) end

--- x times the normal distribution function of x
---@param options LayerOptions?
---@return Layer
function layers.gelu(options) return make("gelu", options, {}) end

---@class PoolOptions: LayerOptions
---@field kernel? integer odd, 3 unless given
---@field count_pad? boolean padding counts in averages, false unless given

--- Largest value of a window.
---@param options PoolOptions?
---@return Layer
function layers.max_pool(options) return make("max_pool", options, { kernel = 3 }) end

--- Average of a window.
---@param options PoolOptions?
---@return Layer
function layers.avg_pool(options)
  return make("avg_pool", options, { kernel = 3, count_pad = true })
end

--- Average over the whole map: 1x1xC.
---@param options LayerOptions?
---@return Layer
function layers.global_pool(options) return make("global_pool", options, {}) end

--- Fully connected layer on the flattened input.
---@param options ConvOptions?
---@return Layer
function layers.linear(options) return make("linear", options, { mul = 1, div = 1 }) end

---@class AttentionOptions: LayerOptions
---@field heads? integer 1 unless given

--- Multi-head self-attention over the pixels, with biases.
---@param options AttentionOptions?
---@return Layer
function layers.attention(options) return make("attention", options, { heads = 1 }) end

---@class LayerNormOptions: LayerOptions
---@field affine? boolean learned scale and shift, true unless given
---@field eps? number

--- Norm over the channels of every pixel.
---@param options LayerNormOptions?
---@return Layer
function layers.layer_norm(options)
  local layer = make("layer_norm", options, { affine = true, eps = true })
  if layer.affine == nil then layer.affine = true end
  return layer
end

--- Sum of several layers: `from = { 1, 3 }`.
---@param options LayerOptions
---@return Layer
function layers.add(options) return make("add", options, {}) end

--- Channels of several layers side by side: `from = { 2, 4 }`.
---@param options LayerOptions
---@return Layer
function layers.concat(options) return make("concat", options, {}) end

--- First input times the second, which is 1x1xC: squeeze and excitation.
---@param options LayerOptions
---@return Layer
function layers.scale(options) return make("scale", options, {}) end

---@class SliceOptions: LayerOptions
---@field part integer which part, from 1
---@field parts integer in how many equal parts of C the channels are cut

--- One of several equal parts of the channels.
---@param options SliceOptions
---@return Layer
function layers.slice(options)
  local layer = make("slice", options, { part = 1, parts = 2 })
  if math.type(layer.part) ~= "integer" or math.type(layer.parts) ~= "integer"
    or layer.part < 1 or layer.part > layer.parts then
    host.raise("layers.slice: expected whole numbers part and parts with 1 <= part <= parts")
  end
  layer.mul, layer.div = 1, layer.parts
  layer.from_mul, layer.from_div = layer.part - 1, layer.parts
  layer.part, layer.parts = nil, nil
  return layer
end

---@class ShuffleOptions: LayerOptions
---@field groups integer

--- Channel shuffle.
---@param options ShuffleOptions
---@return Layer
function layers.shuffle(options) return make("shuffle", options, { groups = 2 }) end

--- The input as it is.
---@param options LayerOptions?
---@return Layer
function layers.identity(options) return make("identity", options, {}) end

--- Zeros.
---@param options LayerOptions?
---@return Layer
function layers.zero(options) return make("zero", options, {}) end

--- The input moved by one pixel up and left: the second path of a factorised reduction.
---@param options LayerOptions?
---@return Layer
function layers.shift(options) return make("shift", options, {}) end

---@class DropOptions: LayerOptions
---@field rate number probability

--- Dropout by element.
---@param options DropOptions
---@return Layer
function layers.dropout(options) return make("dropout", options, { rate = 0.5 }) end

--- Drops the whole path, image by image.
---@param options DropOptions
---@return Layer
function layers.drop_path(options) return make("drop_path", options, { rate = 0.2 }) end

---@class NoiseOptions: LayerOptions
---@field sigma? number standard deviation, 1 unless given
---@field replace? boolean the noise takes the place of the input instead of being added

--- Gaussian noise, the same for the same seed, step and image.
---@param options NoiseOptions?
---@return Layer
function layers.noise(options)
  local layer = make("noise", options, { sigma = 1, replace = true })
  layer.rate, layer.sigma = layer.sigma, nil
  return layer
end

setmetatable(layers, {
  __index = function(_, name)
    local near = host.nearest(name, layers)
    host.raise(("unknown layer '%s'%s"):format(tostring(name),
      near and ("; did you mean '%s'?"):format(near) or ""))
  end,
})

return layers
