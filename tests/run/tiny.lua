-- SPDX-License-Identifier: MIT
-- The smallest search that does everything: for tests of runs.
local nas, op = require "nas", require "ops"

return nas.cells {
  name = "tiny", data = "digits",
  input = { channels = 1, height = 8, width = 8 }, classes = 10,
  cell = { inputs = 2, nodes = 2, keep = 2,
           ops = { op.none(), op.max_pool(3), op.skip(), op.sep_conv(3) } },
  net = { cells = 2, channels = 4, stem = 1, reduce_at = { 1 } },
  defaults = {
    data = { batch = 16, subset = 200, crop = 1, flip = false },
    search = { epochs = 5, trials = 12, population = 4, sample = 2, share_epochs = 1, bn_batches = 1,
               score_batches = 1, alpha = { lr = 0.01 } },
    retrain = { epochs = 2, cells = 2, channels = 4, batch = 16, cutout = 2, crop = 1, flip = false,
                drop_path = 0.1, aux = false },
    health = { look_steps = 2 },
    run = { threads = 1 },
  },
}
