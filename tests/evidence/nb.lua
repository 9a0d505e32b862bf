-- SPDX-License-Identifier: MIT
-- The cell of NAS-Bench-201, scaled for the study: 6 edges, 5 operators, nodes summed, argmax on
-- every edge; 2 stages of 4 cells with 4 channels. Few images, no augmentation, a high and constant
-- weight rate: convolutions overfit and stay noisy, which is when skips win for good.

local nas, op = require "nas", require "ops"

return nas.cells {
  name = "nb", data = "digits",
  input = { channels = 1, height = 8, width = 8 }, classes = 10,
  cell = {
    inputs = 1, nodes = 3, derive = "argmax", combine = "sum",
    ops = { op.none(), op.skip(), op.conv(1), op.conv(3), op.avg_pool(3, { bn = false }) },
  },
  net = { stages = 2, cells = 4, channels = 4, reduce = "residual" },
  defaults = {
    data = { batch = 32, subset = 700, split = "stratified", augment = false },
    search = {
      epochs = 32, step_order = "w-first",
      w = { lr = 0.1, lr_min = 0.1, nesterov = true, decay = 5e-4 },
      alpha = { lr = 1e-3 },
    },
    retrain = {
      epochs = 40, cells = 4, channels = 4, batch = 32, lr = 0.1, decay = 5e-4, drop_path = 0,
      cutout = 0, crop = 1, flip = false, aux = false,
    },
    run = { threads = 1 },
  },
}
