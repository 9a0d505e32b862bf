-- SPDX-License-Identifier: MIT
std = "lua54"
max_line_length = 120
include_files = { "scripts-lua/*.lua", "spaces/*.lua" }
