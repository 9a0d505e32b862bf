-- SPDX-License-Identifier: MIT
-- Space S2 of RobustDARTS, scaled for the study: 4 nodes, 14 edges, {skip, sep_conv_3x3}.

local nas, op = require "nas", require "ops"

return nas.cells {
  name = "s2", data = "digits",
  input = { channels = 1, height = 8, width = 8 }, classes = 10,
  cell = { inputs = 2, nodes = 4, keep = 2, ops = { op.skip(), op.sep_conv(3) } },
  net = { cells = 3, channels = 4, stem = 2, reduce_at = { 1 } },
  defaults = {
    data = { batch = 32, subset = 700, split = "stratified", augment = false },
    search = { epochs = 32, w = { lr = 0.1, lr_min = 0.1 }, alpha = { lr = 2e-3 } },
    retrain = {
      epochs = 30, cells = 3, channels = 4, batch = 32, lr = 0.05, drop_path = 0, cutout = 0,
      crop = 1, flip = false, aux = false,
    },
    run = { threads = 1 },
  },
}
