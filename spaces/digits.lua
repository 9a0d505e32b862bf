-- SPDX-License-Identifier: MIT
-- A small DARTS space on 8x8 handwritten digits: the demo, half a minute on one core.

local nas, op = require "nas", require "ops"

return nas.cells {
  name = "digits", data = "digits",
  input = { channels = 1, height = 8, width = 8 }, classes = 10,
  cell = {
    inputs = 2, nodes = 3, keep = 2,
    ops = {
      op.none(), op.max_pool(3), op.avg_pool(3), op.skip(), op.sep_conv(3), op.dil_conv(3),
    },
  },
  net = { cells = 3, channels = 16, stem = 3, reduce_at = { 1 } },
  -- What random search and evolution score a candidate by; DARTS looks at the loss alone.
  directions = { accuracy = "maximize", params = "minimize" },
  defaults = {
    -- Digits have a left and a right: no flips. Shifts of one pixel, small cutouts.
    data = { batch = 32, split = "stratified", crop = 1, flip = false },
    search = {
      epochs = 50,
      w = { lr = 0.05, lr_min = 0.001 },
      alpha = { lr = 3e-3 },
      trials = 100, population = 20, sample = 5, share_epochs = 30, bn_batches = 5,
    },
    retrain = {
      epochs = 60, cells = 4, channels = 16, batch = 32, lr = 0.05, drop_path = 0.1, cutout = 2,
      crop = 1, flip = false, aux = false,
    },
    -- Maps of 8x8 pixels are too little work to share out; results do not depend on it.
    run = { threads = 1 },
  },
}
