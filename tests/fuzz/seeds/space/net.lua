local nas = require "nas"
local net = nas.net { name = "n", channels = 1, height = 8, width = 8, classes = 3 }
net:conv { 8, kernel = 3 }:bn():relu()
local x = net:mark()
net:residual(function(n) n:depthwise(3):squeeze_excite(2) end):max_pool(2)
net:from(x):avg_pool { 3, stride = 1, pad = 1 }:concat(x):slice { 8, from = 4 }:attention(2)
return net:flatten():dropout(0.1):linear(3)
