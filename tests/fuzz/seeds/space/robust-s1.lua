-- SPDX-License-Identifier: MIT
-- Space S1 of RobustDARTS (Zela et al., ICLR 2020): the two operators per edge that a DARTS
-- search ranked highest. Plain DARTS collapses here: a test bed for health signals and remedies.
-- CIFAR-10 is not shipped: give data.path.

local nas, op = require "nas", require "ops"

local skip, max, avg = op.skip(), op.max_pool(3), op.avg_pool(3)
local sep3, dil3, dil5 = op.sep_conv(3), op.dil_conv(3), op.dil_conv(5)

return nas.cells {
  name = "robust-s1", data = "cifar10",
  input = { channels = 3, height = 32, width = 32 }, classes = 10,
  cells = {
    normal = {
      inputs = 2, nodes = 4, keep = 2,
      ops = {
        { skip, dil3 }, { skip, dil5 },                               -- into node 2
        { skip, dil5 }, { skip, sep3 }, { skip, dil3 },               -- 3
        { max, skip }, { skip, sep3 }, { skip, sep3 }, { skip, dil3 }, -- 4
        { skip, sep3 }, { max, skip }, { skip, dil3 }, { dil3, dil5 }, { dil3, dil5 }, -- 5
      },
    },
    reduction = {
      inputs = 2, nodes = 4, keep = 2,
      ops = {
        { max, avg }, { max, dil3 },                                  -- into node 2
        { max, avg }, { max, avg }, { skip, dil5 },                   -- 3
        { max, avg }, { max, sep3 }, { skip, dil3 }, { skip, dil5 },  -- 4
        { max, avg }, { max, avg }, { skip, dil5 }, { skip, dil5 }, { skip, dil5 }, -- 5
      },
    },
  },
  net = { cells = 8, channels = 16, stem = 3, reduce_at = { 1 / 3, 2 / 3 } },
  defaults = {
    data = { batch = 64 },
    search = { epochs = 50, order = "second" },
    retrain = { cells = 20, channels = 36 },
  },
}
