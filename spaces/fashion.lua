-- SPDX-License-Identifier: MIT
-- A DARTS space on Fashion-MNIST (60 000 + 10 000 images of 28x28, Debian's package
-- dataset-fashion-mnist): a search in minutes on two cores, on 16x16 copies of a subset; the
-- result is trained on all images at full size.

local nas, op = require "nas", require "ops"

return nas.cells {
  name = "fashion", data = "fashion",
  input = { channels = 1, height = 28, width = 28 }, classes = 10,
  cell = {
    inputs = 2, nodes = 4, keep = 2,
    ops = {
      op.none(), op.max_pool(3), op.avg_pool(3), op.skip(),
      op.sep_conv(3), op.sep_conv(5), op.dil_conv(3), op.dil_conv(5),
    },
  },
  net = { cells = 5, channels = 8, stem = 3, reduce_at = { 1 / 3, 2 / 3 } },
  defaults = {
    data = { batch = 64, resize = 16, subset = 12000, split = "stratified", crop = 2 },
    search = {
      epochs = 15,
      w = { lr = 0.05, lr_min = 0.001 },
      alpha = { lr = 1e-3 },
    },
    -- A short training on a CPU wants little regularisation: a quarter of an hour on one core.
    retrain = {
      epochs = 10, cells = 4, channels = 16, batch = 96, lr = 0.1, drop_path = 0, cutout = 0,
      crop = 2, aux = false,
    },
  },
}
