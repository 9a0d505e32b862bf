// SPDX-License-Identifier: MIT
#ifndef KERNEL_ISA_VEC_H
#define KERNEL_ISA_VEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// What one instruction set gives: the suffix of its symbols, its vector types, the unroll pragma.
// Every file of this directory is compiled once per instruction set; KERNEL_ISA is its name and
// KERNEL_VL the floats in its widest vector. Wider vectors than the machine's are never used:
// compilers lower them through memory.

#ifndef KERNEL_ISA
#define KERNEL_ISA base
#endif
#ifndef KERNEL_VL
#define KERNEL_VL 4
#endif

#define KERNEL_PASTE_(a, b) a##_##b
#define KERNEL_PASTE(a, b) KERNEL_PASTE_(a, b)
#define KERNEL_NAME(x) KERNEL_PASTE(x, KERNEL_ISA)

#define INLINE static inline __attribute__((always_inline))
#define PRAGMA(x) _Pragma(#x)
#if defined(__clang__)
#define UNROLL(n) PRAGMA(clang loop unroll_count(n))
#else
#define UNROLL(n) PRAGMA(GCC unroll n)
#endif

// Keeps a pointer in one register of its own: compilers otherwise split the sums of offsets it came
// from into more address registers than there are.
#define OPAQUE(pointer) __asm__("" : "+r"(pointer))

// Pixels that a pass over tensors asks for ahead of their use: the hardware stops at every page.
enum { PREFETCH_PIXELS = 48 };
#define PREFETCH(pointer, ld)                                                                      \
    __builtin_prefetch(                                                                            \
        (const void *)((uintptr_t)(pointer) + sizeof(float) * PREFETCH_PIXELS * (size_t)(ld)))

#define VEC_TYPES(n)                                                                               \
    typedef float Vec_##n __attribute__((vector_size(4 * n), may_alias));                          \
    typedef float VecU_##n __attribute__((vector_size(4 * n), may_alias, aligned(4)));             \
    typedef int32_t Int_##n __attribute__((vector_size(4 * n), may_alias));
VEC_TYPES(4)
#if KERNEL_VL >= 8
VEC_TYPES(8)
#endif
#if KERNEL_VL >= 16
VEC_TYPES(16)
#endif
#undef VEC_TYPES

// Calls the VW-suffixed variant for a width known at run time.
#if KERNEL_VL >= 16
#define WIDTH_CALL(vw, f, ...)                                                                     \
    do {                                                                                           \
        if ((vw) == 16)                                                                            \
            f##_16(__VA_ARGS__);                                                                   \
        else if ((vw) == 8)                                                                        \
            f##_8(__VA_ARGS__);                                                                    \
        else                                                                                       \
            f##_4(__VA_ARGS__);                                                                    \
    } while (0)
#elif KERNEL_VL >= 8
#define WIDTH_CALL(vw, f, ...)                                                                     \
    do {                                                                                           \
        if ((vw) == 8)                                                                             \
            f##_8(__VA_ARGS__);                                                                    \
        else                                                                                       \
            f##_4(__VA_ARGS__);                                                                    \
    } while (0)
#else
#define WIDTH_CALL(vw, f, ...) ((void)(vw), f##_4(__VA_ARGS__))
#endif

// Narrowest vector that holds c channels, the widest one if none does.
INLINE int width_of(int c)
{
    int vw = 4;
    while (vw < KERNEL_VL && vw < c)
        vw *= 2;
    return vw;
}

#endif
