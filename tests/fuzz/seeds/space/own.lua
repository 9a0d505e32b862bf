local nas, op, layers = require "nas", require "ops", require "layers"
local own = op.define { name = "own", layers = { layers.conv { kernel = 3, strided = true },
  layers.bn(), layers.slice { part = 1, parts = 2 }, layers.concat { from = { 3, 3 } } } }
return nas.cells { name = "t", input = { channels = 1, height = 8, width = 8 }, classes = 2,
  cell = { nodes = 1, edges = { { 0, 2, ops = { own } }, { 1, 2 } }, ops = { "skip_connect" } },
  net = { cells = 3, channels = 8, reduce_at = { 1 } },
  directions = { { "params", "minimize" } }, objective = function(m) return m.params end,
  defaults = { search = { w = { lr = 0.1 } } } }
