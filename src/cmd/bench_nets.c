// SPDX-License-Identifier: MIT
#include "src/cmd/bench.h"

// Supernets whose step is measured; the PyTorch side has the same under the same names.

#define GB 1e9

const BenchNet *bench_nets(int *n)
{
    static const BenchNet nets[] = {
        { .name = "digits", .space = "digits", .cost = 0.05, .torch_cost = 0.4, .torch_bytes = GB },
        { .name = "darts-4c8-1x8x8",
          .space = "darts",
          .net = { .channels = 8, .cells = 4, .height = 8, .width = 8 },
          .channels = 1,
          .cost = 0.1,
          .torch_cost = 1.5,
          .torch_bytes = GB },
        { .name = "darts-4c8-3x16x16",
          .space = "darts",
          .net = { .channels = 8, .cells = 4, .height = 16, .width = 16 },
          .cost = 0.3,
          .torch_cost = 3,
          .torch_bytes = 2 * GB },
        { .name = "gdas-4c8-3x16x16",
          .space = "darts",
          .net = { .channels = 8, .cells = 4, .height = 16, .width = 16 },
          .sampled = true,
          .cost = 0.1,
          .torch_cost = 0.5,
          .torch_bytes = GB },
        { .name = "nasbench201",
          .space = "nasbench201",
          .cost = 2.5,
          .torch_cost = 7,
          .torch_bytes = 5.5 * GB },
        { .name = "pc-darts-k4",
          .space = "darts",
          .net = { .partial = 4, .edge_weights = true },
          .cost = 1.5,
          .torch_cost = 6,
          .torch_bytes = 4.5 * GB },
        { .name = "darts",
          .space = "darts",
          .large = true,
          .cost = 5,
          .torch_cost = 30,
          .torch_bytes = 13 * GB },
        { .name = "gdas",
          .space = "darts",
          .sampled = true,
          .large = true,
          .cost = 1.2,
          .torch_cost = 5,
          .torch_bytes = 4 * GB },
    };
    *n = sizeof nets / sizeof nets[0];
    return nets;
}
