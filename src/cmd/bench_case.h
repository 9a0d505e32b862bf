// SPDX-License-Identifier: MIT
#ifndef CMD_BENCH_CASE_H
#define CMD_BENCH_CASE_H

#include "src/base/err.h"
#include "src/kernel/kernel.h"

// One call of the kernel table with made-up tensors, ready to be repeated.

typedef enum { CASE_UNIT, CASE_CONV, CASE_POOL, CASE_MIX } CaseEntry;

typedef struct {
    const char *name; // "sep 3x3"
    CaseEntry entry;
    int k, dil;
    bool backward, weights; // weights: backward with weight gradients
} CaseKind;

typedef struct {
    int c, side;
} CaseSize;

enum { CASE_STREAMS = 7, CASE_BLOCKS = 64 };

typedef struct {
    const Kernels *kernels;
    CaseKind kind;
    KernelShape shape;
    KernelWork work;
    KernelUnit unit;
    KernelUnits units;
    KernelConv conv;
    KernelPool pool;
    KernelMix mix;
    KernelSrc src;
    KernelDst dst;
    KernelTerm term;
    KernelStream stream[CASE_STREAMS];
    double macs, bytes; // of a call; bytes: every tensor read or written once
    void *block[CASE_BLOCKS];
    int n_blocks;
    bool failed; // out of memory
} Case;

const CaseKind *case_kinds(int *n);
const CaseSize *case_sizes(int *n);
Status case_open(Case *c, const Kernels *kernels, const CaseKind *kind, const CaseSize *size,
                 int batch, int threads, Error *err);
void case_run(const Case *c);
void case_close(Case *c);

#endif
