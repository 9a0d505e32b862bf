-- SPDX-License-Identifier: MIT
-- A search that collapses to skips on 8x8 handwritten digits in seconds: the cell of NAS-Bench-201
-- in 2 stages of 4 cells. Few images, no augmentation, a high and constant weight rate:
-- convolutions overfit and stay noisy, so skips win. For trying alarms and remedies, not for good
-- networks. Not every seed collapses; `make demo-collapse` uses one that does.

local nas, op = require "nas", require "ops"

return nas.cells {
  name = "digits-skip", data = "digits",
  input = { channels = 1, height = 8, width = 8 }, classes = 10,
  cell = {
    inputs = 1, nodes = 3, derive = "argmax", combine = "sum",
    ops = { op.none(), op.skip(), op.conv(1), op.conv(3), op.avg_pool(3, { bn = false }) },
  },
  net = { stages = 2, cells = 4, channels = 4, reduce = "residual" },
  defaults = {
    data = { batch = 32, subset = 700, split = "stratified", augment = false },
    search = {
      epochs = 30, step_order = "w-first",
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
