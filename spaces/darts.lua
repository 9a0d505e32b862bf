-- SPDX-License-Identifier: MIT
-- The DARTS space on CIFAR-10 with its published settings (Liu, Simonyan, Yang, ICLR 2019):
-- cells of 4 nodes, 14 edges, 8 operators; 8 cells of 16 channels while searching, 20 of 36 when
-- the result is trained from scratch. CIFAR-10 is not shipped: give data.path.

local nas, op = require "nas", require "ops"

return nas.cells {
  name = "darts", data = "cifar10",
  input = { channels = 3, height = 32, width = 32 }, classes = 10,
  cell = {
    inputs = 2, nodes = 4, keep = 2,
    ops = {
      op.none(), op.max_pool(3), op.avg_pool(3), op.skip(),
      op.sep_conv(3), op.sep_conv(5), op.dil_conv(3), op.dil_conv(5),
    },
  },
  net = { cells = 8, channels = 16, stem = 3, reduce_at = { 1 / 3, 2 / 3 } },
  defaults = {
    data = { batch = 64 },
    search = {
      epochs = 50,
      w = { lr = 0.025, lr_min = 0.001, momentum = 0.9, decay = 3e-4, clip = 5 },
      alpha = { lr = 3e-4, beta1 = 0.5, beta2 = 0.999, decay = 1e-3, init = 1e-3 },
    },
    retrain = { epochs = 600, cells = 20, channels = 36, batch = 96, drop_path = 0.2, cutout = 16 },
  },
}
