// SPDX-License-Identifier: MIT
// Included by every *_body.h with VW set to 4, 8 or 16: names and helpers of that width. No guard
// around the names, one around each width's helpers.

#include "src/kernel/isa/vec.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef VW
#define VW 4
#endif

#ifndef WIDTH_FENCE
#define WIDTH_FENCE
INLINE void width_fence(void)
{
#if defined(__x86_64__)
    _mm_sfence();
#endif
}
#endif

#undef V
#undef VU
#undef VI
#undef AT_WIDTH
#define AT_WIDTH(x) KERNEL_PASTE(x, VW)
#define V AT_WIDTH(Vec)
#define VU AT_WIDTH(VecU)
#define VI AT_WIDTH(Int)

#if (VW == 4 && !defined(WIDTH_4_DONE)) || (VW == 8 && !defined(WIDTH_8_DONE)) ||                  \
    (VW == 16 && !defined(WIDTH_16_DONE))

INLINE V AT_WIDTH(load)(const float *p)
{
    return *(const V *)p;
}

INLINE V AT_WIDTH(loadu)(const float *p)
{
    return *(const VU *)p;
}

INLINE void AT_WIDTH(store)(float *p, V v)
{
    *(V *)p = v;
}

INLINE void AT_WIDTH(storeu)(float *p, V v)
{
    *(VU *)p = v;
}

// Past the caches, to an aligned place: what is written is not read again soon, and the line is not
// fetched first. width_fence comes before others may read it.
INLINE void AT_WIDTH(stream)(float *p, V v)
{
#if defined(__x86_64__) && VW == 4
    _mm_stream_ps(p, (__m128)v);
#elif defined(__x86_64__) && VW == 8
    _mm256_stream_ps(p, (__m256)v);
#elif defined(__x86_64__) && VW == 16
    _mm512_stream_ps(p, (__m512)v);
#else
    *(V *)p = v;
#endif
}

// The first n of VW lanes; the others read as 0 and are not written.
#if defined(__AVX512VL__) && VW == 16
#define TAIL_LOAD(p, n) (V) _mm512_maskz_loadu_ps((__mmask16)((1U << (n)) - 1), p)
#define TAIL_STORE(p, v, n) _mm512_mask_storeu_ps(p, (__mmask16)((1U << (n)) - 1), (__m512)(v))
#elif defined(__AVX512VL__) && VW == 8
#define TAIL_LOAD(p, n) (V) _mm256_maskz_loadu_ps((__mmask8)((1U << (n)) - 1), p)
#define TAIL_STORE(p, v, n) _mm256_mask_storeu_ps(p, (__mmask8)((1U << (n)) - 1), (__m256)(v))
#elif defined(__AVX512VL__) && VW == 4
#define TAIL_LOAD(p, n) (V) _mm_maskz_loadu_ps((__mmask8)((1U << (n)) - 1), p)
#define TAIL_STORE(p, v, n) _mm_mask_storeu_ps(p, (__mmask8)((1U << (n)) - 1), (__m128)(v))
#elif defined(__AVX2__) && VW == 8
#define TAIL_MASK(n)                                                                               \
    _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define TAIL_LOAD(p, n) (V) _mm256_maskload_ps(p, TAIL_MASK(n))
#define TAIL_STORE(p, v, n) _mm256_maskstore_ps(p, TAIL_MASK(n), (__m256)(v))
#endif

// Kept out of the unrolled code around them.
static __attribute__((noinline, unused)) V AT_WIDTH(load_tail)(const float *p, int n)
{
#ifdef TAIL_LOAD
    return TAIL_LOAD(p, n);
#else
    V v = { 0 };
    for (int i = 0; i < n; i++)
        v[i] = p[i];
    return v;
#endif
}

static __attribute__((noinline, unused)) void AT_WIDTH(store_tail)(float *p, V v, int n)
{
#ifdef TAIL_STORE
    TAIL_STORE(p, v, n);
#else
    for (int i = 0; i < n; i++)
        p[i] = v[i];
#endif
}
#undef TAIL_MASK
#undef TAIL_LOAD
#undef TAIL_STORE

INLINE V AT_WIDTH(load_part)(const float *p, int n)
{
    return n >= VW ? AT_WIDTH(loadu)(p) : AT_WIDTH(load_tail)(p, n);
}

INLINE void AT_WIDTH(store_part)(float *p, V v, int n)
{
    if (n >= VW)
        AT_WIDTH(storeu)(p, v);
    else
        AT_WIDTH(store_tail)(p, v, n);
}

INLINE V AT_WIDTH(select)(VI mask, V yes, V no)
{
    return (V)(((VI)yes & mask) | ((VI)no & ~mask));
}

// max(0, v) that keeps a NaN, as PyTorch's relu does: the x86 instruction returns its second
// operand when the two do not compare.
INLINE V AT_WIDTH(relu)(V v)
{
    V zero = { 0 };
#if defined(__x86_64__) && VW == 4
    return (V)_mm_max_ps((__m128)zero, (__m128)v);
#elif defined(__x86_64__) && VW == 8
    return (V)_mm256_max_ps((__m256)zero, (__m256)v);
#elif defined(__x86_64__) && VW == 16
    return (V)_mm512_max_ps((__m512)zero, (__m512)v);
#else
    return AT_WIDTH(select)((VI)(zero > v), zero, v);
#endif
}

INLINE VI AT_WIDTH(imax)(VI a, VI b)
{
#if defined(__AVX512F__) && VW == 16
    return (VI)_mm512_max_epi32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__) && VW == 8
    return (VI)_mm256_max_epi32((__m256i)a, (__m256i)b);
#elif defined(__SSE4_1__) && VW == 4
    return (VI)_mm_max_epi32((__m128i)a, (__m128i)b);
#else
    VI more = a > b;
    return (a & more) | (b & ~more);
#endif
}

// Integer that orders as the float does, with -0 equal to +0 and every NaN above infinity. The map
// of the bits is its own inverse.
INLINE VI AT_WIDTH(order_bits)(VI i)
{
    return i ^ ((i >> 31) & 0x7fffffff);
}

INLINE VI AT_WIDTH(order_key)(V v)
{
    V plus = v + (V){ 0 };
    VI nan = (VI)(v != v);
    VI key = AT_WIDTH(order_bits)((VI)plus);
    return (key & ~nan) | (nan & 0x7fc00000);
}

INLINE V AT_WIDTH(order_value)(VI key)
{
    return (V)AT_WIDTH(order_bits)(key);
}

#endif

#if VW == 4
#define WIDTH_4_DONE
#elif VW == 8
#define WIDTH_8_DONE
#else
#define WIDTH_16_DONE
#endif
