// SPDX-License-Identifier: MIT
#ifndef TESTS_KERNEL_KIT_H
#define TESTS_KERNEL_KIT_H

// What the tests of the kernel table share: the instruction sets of this machine, random tensors
// that live until the end of a case, scratch, and comparison with the reference.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "src/kernel/kernel.h"

enum { KIT_BLOCKS = 320 };

typedef struct {
    Rng rng;
    void *block[KIT_BLOCKS];
    int n_blocks;
    char what[256]; // the case, for messages
} Kit;

static inline Kit kit_new(uint64_t seed)
{
    return (Kit){ .rng = rng_new(seed) };
}

static inline void kit_free(Kit *kit)
{
    while (kit->n_blocks > 0)
        mem_free(kit->block[--kit->n_blocks]);
}

static inline int kit_int(Kit *kit, int from, int to)
{
    return from + (int)rng_below(&kit->rng, (uint64_t)(to - from + 1));
}

static inline int kit_pick(Kit *kit, const int *of, int n)
{
    return of[kit_int(kit, 0, n - 1)];
}

#define KIT_PICK(kit, ...)                                                                         \
    kit_pick(kit, (const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static inline void *kit_bytes(Kit *kit, size_t bytes)
{
    assert_true(kit->n_blocks < KIT_BLOCKS);
    // Ends at the end of the allocation, so that the sanitizer sees a read beyond it.
    // Large tensors are aligned, as a plan's are: kernels may store whole lines there.
    void *p = bytes >= 1 << 20 ? mem_aligned(bytes) : mem_alloc(bytes ? bytes : 1);
    assert_non_null(p);
    memset(p, 0, bytes);
    kit->block[kit->n_blocks++] = p;
    return p;
}

// Multiples of 1/8 in [-2, 2]: sums are nearly exact, so that no rounding moves a relu's or a
// maximum's decision, and ties are frequent.
static inline float *kit_values(Kit *kit, size_t count)
{
    float *p = kit_bytes(kit, count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        p[i] = (float)kit_int(kit, -16, 16) / 8;
    return p;
}

static inline float *kit_copy(Kit *kit, const float *from, size_t count)
{
    float *p = kit_bytes(kit, count * sizeof(float));
    memcpy(p, from, count * sizeof(float));
    return p;
}

// Scratch for `threads`, poisoned: a kernel that reads what it did not write gives NaN.
static inline KernelWork *kit_work(Kit *kit, int threads, size_t tile, size_t weights)
{
    KernelWork *work = kit_bytes(kit, sizeof *work);
    *work = (KernelWork){ .threads = threads, .tile_floats = kernel_round(tile) };
    size_t tiles = work->tile_floats * (size_t)threads, group = weights * KERNEL_GROUPS;
    work->tile = mem_aligned((tiles + group + 16) * sizeof(float));
    assert_non_null(work->tile);
    kit->block[kit->n_blocks++] = work->tile;
    work->group = work->tile + tiles;
    for (size_t i = 0; i < tiles + group; i++)
        work->tile[i] = NAN;
    return work;
}

// Equal within `tolerance` of the largest reference value; NaN only where the reference has it.
static inline void kit_near(const Kit *kit, const char *name, const float *got, const float *want,
                            size_t count, float tolerance)
{
    float largest = 1;
    for (size_t i = 0; i < count; i++)
        if (isfinite(want[i]) && fabsf(want[i]) > largest)
            largest = fabsf(want[i]);
    for (size_t i = 0; i < count; i++) {
        if (isnan(want[i]) && isnan(got[i]))
            continue;
        if (got[i] == want[i] || fabsf(got[i] - want[i]) <= tolerance * largest)
            continue;
        fail_msg("%s: %s[%zu] is %.9g, expected %.9g", kit->what, name, i, (double)got[i],
                 (double)want[i]);
    }
}

static inline void kit_same(const Kit *kit, const char *name, const float *a, const float *b,
                            size_t count)
{
    if (memcmp(a, b, count * sizeof(float)) != 0)
        fail_msg("%s: %s differs between numbers of threads", kit->what, name);
}

static const char *const kit_sets[] = { "base", "avx2", "avx512" };
enum { KIT_SETS = 3 };

// Source of c channels, up to 3 floats of slack between pixels.
static inline KernelSrc kit_src(Kit *kit, size_t pixels, int c)
{
    KernelSrc src = { .c = c, .ld = c + kit_int(kit, 0, 1) * 3 };
    src.x = kit_values(kit, pixels * (size_t)src.ld);
    src.pre = (KernelPre)kit_int(kit, PRE_NONE, PRE_AFFINE_RELU);
    src.a = kit_values(kit, (size_t)c);
    src.b = kit_values(kit, (size_t)c);
    return src;
}

// Gradient of y with up to 3 terms; the batch norm part half the time.
static inline KernelGrad kit_grad(Kit *kit, size_t pixels, int c, const float *y, int y_ld)
{
    KernelGrad grad = { .n = kit_int(kit, 1, 3), .y = y, .y_ld = y_ld };
    KernelTerm *term = kit_bytes(kit, 3 * sizeof *term);
    for (int i = 0; i < grad.n; i++) {
        term[i].ld = c + kit_int(kit, 0, 1) * 5;
        term[i].g = kit_values(kit, pixels * (size_t)term[i].ld);
        term[i].w = (float)kit_int(kit, -4, 4) / 4;
    }
    grad.term = term;
    int norm = kit_int(kit, 0, 2);
    if (norm > 0)
        grad.A = kit_values(kit, (size_t)c);
    if (norm > 1) {
        grad.B = kit_values(kit, (size_t)c);
        grad.K = kit_values(kit, (size_t)c);
    }
    return grad;
}

// Destination for an input gradient; NULL dx one time in six.
static inline KernelDst kit_dst(Kit *kit, int n, size_t pixels, int c)
{
    KernelDst dst = { .ld = c + kit_int(kit, 0, 1) * 2, .add = kit_int(kit, 0, 1) };
    if (kit_int(kit, 0, 5) == 0)
        return dst;
    dst.dx = kit_values(kit, pixels * (size_t)dst.ld);
    dst.n_plus = kit_int(kit, 0, 2);
    KernelTerm *plus = kit_bytes(kit, 2 * sizeof *plus);
    for (int i = 0; i < dst.n_plus; i++) {
        plus[i] = (KernelTerm){ .ld = c + i, .w = (float)kit_int(kit, -4, 4) / 4 };
        plus[i].g = kit_values(kit, pixels * (size_t)plus[i].ld);
    }
    dst.plus = plus;
    if (kit_int(kit, 0, 1)) {
        dst.stat_ld = c + 1;
        dst.stat = kit_values(kit, (size_t)n * 2 * (size_t)dst.stat_ld);
    }
    return dst;
}

#endif
