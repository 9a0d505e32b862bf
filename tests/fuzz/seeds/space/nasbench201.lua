-- SPDX-License-Identifier: MIT
-- NAS-Bench-201 (Dong, Yang, ICLR 2020): cells of 4 nodes and 6 edges with 5 operators, 15 625 in
-- all, each of them trained and tabulated; 3 stages of 5 cells. Settings of AutoDL-Projects:
-- nesterov, weight decay 5e-4, the weight step before the alpha step, argmax on every edge.

local nas, op = require "nas", require "ops"

return nas.cells {
  name = "nasbench201", data = "cifar10",
  input = { channels = 3, height = 32, width = 32 }, classes = 10,
  cell = {
    inputs = 1, nodes = 3, derive = "argmax", combine = "sum",
    ops = { op.none(), op.skip(), op.conv(1), op.conv(3), op.avg_pool(3, { bn = false }) },
  },
  net = { stages = 3, cells = 5, channels = 16, reduce = "residual" },
  defaults = {
    data = { batch = 64 },
    search = {
      epochs = 50, step_order = "w-first",
      w = { lr = 0.025, lr_min = 0.001, momentum = 0.9, nesterov = true, decay = 5e-4, clip = 5 },
      alpha = { lr = 3e-4, beta1 = 0.5, beta2 = 0.999, decay = 1e-3, init = 1e-3 },
    },
    retrain = {
      epochs = 200, cells = 5, channels = 16, batch = 256, lr = 0.1, decay = 5e-4, clip = 0,
      drop_path = 0, cutout = 0, aux = false,
    },
  },
}
