-- SPDX-License-Identifier: MIT
-- The DARTS space without skip connections: a control for collapse. A search that only looks
-- healthy because skips cannot win shows what the other operators do by themselves.

local nas, op = require "nas", require "ops"

return nas.cells {
  name = "darts-no-skip", data = "cifar10",
  input = { channels = 3, height = 32, width = 32 }, classes = 10,
  cell = {
    inputs = 2, nodes = 4, keep = 2,
    ops = {
      op.none(), op.max_pool(3), op.avg_pool(3),
      op.sep_conv(3), op.sep_conv(5), op.dil_conv(3), op.dil_conv(5),
    },
  },
  net = { cells = 8, channels = 16, stem = 3, reduce_at = { 1 / 3, 2 / 3 } },
  defaults = {
    data = { batch = 64 },
    search = { epochs = 50 },
  },
}
