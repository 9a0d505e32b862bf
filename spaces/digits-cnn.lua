-- SPDX-License-Identifier: MIT
-- A fixed network, written out layer by layer, on 8x8 handwritten digits: residual blocks with
-- squeeze and excitation, a dilated branch beside a pooled one. Train it with
--   dartboard retrain digits-cnn

local nas = require "nas"

local net = nas.net {
  name = "digits-cnn", data = "digits", channels = 1, height = 8, width = 8, classes = 10,
  defaults = {
    retrain = {
      epochs = 20, batch = 32, lr = 0.05, lr_min = 0.001, cutout = 2, crop = 1, flip = false,
      smoothing = 0.1,
    },
    run = { threads = 1 },
  },
}

net:conv { 16, kernel = 3, name = "stem" }:bn():relu()

for _ = 1, 2 do
  net:residual(function(block)
    block:conv { 16, kernel = 3 }:bn():relu():conv { 16, kernel = 3 }:bn():squeeze_excite(4)
  end):relu()
end

local map = net:mark()
local wide = net:depthwise { 3, dilation = 2 }:pointwise(16):bn():mark()
net:from(map):max_pool { 3, stride = 1, pad = 1 }:concat(wide):relu():factorised_reduce(32)

return net:relu():global_pool():dropout(0.1):linear(10)
