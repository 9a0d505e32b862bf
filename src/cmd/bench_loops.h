// SPDX-License-Identifier: MIT
#ifndef CMD_BENCH_LOOPS_H
#define CMD_BENCH_LOOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The two loops that tell what a core can do at most, once an instruction set: multiply-adds
// from registers to registers, and reading.
typedef struct {
    const char *name;
    bool (*has)(void); // this CPU runs it
    int macs;          // multiply-adds of one round
    float (*multiply)(int64_t rounds);
    float (*read)(const float *x, size_t n); // 64-byte aligned, n a multiple of 128
} BenchLoops;

// Best last.
const BenchLoops *bench_loops(int *n);

#endif
