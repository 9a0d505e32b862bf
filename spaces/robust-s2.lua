-- SPDX-License-Identifier: MIT
-- Space S2 of RobustDARTS (Zela et al., ICLR 2020): skip and 3x3 separable convolution.
-- Plain DARTS collapses here: a test bed for health signals and remedies. CIFAR-10 is not
-- shipped: give data.path.

local nas, op = require "nas", require "ops"

return nas.cells {
  name = "robust-s2", data = "cifar10",
  input = { channels = 3, height = 32, width = 32 }, classes = 10,
  cell = {
    inputs = 2, nodes = 4, keep = 2,
    ops = { op.skip(), op.sep_conv(3) },
  },
  net = { cells = 8, channels = 16, stem = 3, reduce_at = { 1 / 3, 2 / 3 } },
  defaults = {
    data = { batch = 64 },
    search = { epochs = 50, order = "second" },
    retrain = { cells = 20, channels = 36 },
  },
}
