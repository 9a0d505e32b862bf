// SPDX-License-Identifier: MIT
#include "src/cmd/bench_loops.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// Accumulators by name, so that they are registers at every level of optimisation that matters.
// Twelve cover two pipes of a latency of up to six cycles and fit sixteen registers with m and k.
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define EACH_READ(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
enum { CHAINS = 12, READS = 8 };

// Every value goes to 1 and stays there: nothing denormal, nothing infinite.
#define LOOPS(NAME, TARGET, VEC, LANES, SET, STORE)                                                \
    TARGET static float multiply_##NAME(int64_t rounds)                                            \
    {                                                                                              \
        VEC m = SET(0.75F), k = SET(0.25F);                                                        \
        EACH(MULTIPLY_START_##NAME)                                                                \
        for (int64_t r = 0; r < rounds; r++) {                                                     \
            EACH(MULTIPLY_STEP_##NAME)                                                             \
        }                                                                                          \
        float out[LANES];                                                                          \
        EACH(MULTIPLY_SUM_##NAME)                                                                  \
        STORE(out, m);                                                                             \
        return out[0];                                                                             \
    }                                                                                              \
    TARGET static float read_##NAME(const float *x, size_t n)                                      \
    {                                                                                              \
        VEC m = SET(0.0F);                                                                         \
        EACH_READ(READ_START_##NAME)                                                               \
        for (size_t i = 0; i + READS * (LANES) <= n; i += READS * (LANES)) {                       \
            EACH_READ(READ_STEP_##NAME)                                                            \
        }                                                                                          \
        float out[LANES];                                                                          \
        EACH_READ(READ_SUM_##NAME)                                                                 \
        STORE(out, m);                                                                             \
        return out[0];                                                                             \
    }

static bool always(void)
{
    return true;
}

// ---- what every compiler has: four lanes, multiply and add apart unless the target fuses -------
typedef float Vec4 __attribute__((vector_size(16), may_alias));

static inline Vec4 set_base(float v)
{
    return (Vec4){ v, v, v, v };
}

static inline Vec4 fma_base(Vec4 a, Vec4 b, Vec4 c)
{
#if defined(__aarch64__)
    return (Vec4)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

static inline void store_base(float *to, Vec4 v)
{
    for (int i = 0; i < 4; i++)
        to[i] = v[i];
}

#define MULTIPLY_START_base(i) Vec4 a##i = set_base(2.0F + (i));
#define MULTIPLY_STEP_base(i) a##i = fma_base(a##i, m, k);
#define MULTIPLY_SUM_base(i) m += a##i;
#define READ_START_base(i) Vec4 a##i = m;
#define READ_STEP_base(j) a##j += *(const Vec4 *)(x + i + 4 * (j));
#define READ_SUM_base(i) m += a##i;
LOOPS(base, , Vec4, 4, set_base, store_base)

// ---- x86 ---------------------------------------------------------------------------------------
#if defined(__x86_64__)
#define TARGET_AVX2 __attribute__((target("avx2,fma")))
#define MULTIPLY_START_avx2(i) __m256 a##i = _mm256_set1_ps(2.0F + (i));
#define MULTIPLY_STEP_avx2(i) a##i = _mm256_fmadd_ps(a##i, m, k);
#define MULTIPLY_SUM_avx2(i) m = _mm256_add_ps(m, a##i);
#define READ_START_avx2(i) __m256 a##i = m;
#define READ_STEP_avx2(j) a##j = _mm256_add_ps(a##j, _mm256_load_ps(x + i + 8 * (j)));
#define READ_SUM_avx2(i) m = _mm256_add_ps(m, a##i);
LOOPS(avx2, TARGET_AVX2, __m256, 8, _mm256_set1_ps, _mm256_storeu_ps)

#define TARGET_AVX512 __attribute__((target("avx512f")))
#define MULTIPLY_START_avx512(i) __m512 a##i = _mm512_set1_ps(2.0F + (i));
#define MULTIPLY_STEP_avx512(i) a##i = _mm512_fmadd_ps(a##i, m, k);
#define MULTIPLY_SUM_avx512(i) m = _mm512_add_ps(m, a##i);
#define READ_START_avx512(i) __m512 a##i = m;
#define READ_STEP_avx512(j) a##j = _mm512_add_ps(a##j, _mm512_load_ps(x + i + 16 * (j)));
#define READ_SUM_avx512(i) m = _mm512_add_ps(m, a##i);
LOOPS(avx512, TARGET_AVX512, __m512, 16, _mm512_set1_ps, _mm512_storeu_ps)

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f");
}
#endif

const BenchLoops *bench_loops(int *n)
{
    static const BenchLoops loops[] = {
        { "base", always, CHAINS * 4, multiply_base, read_base },
#if defined(__x86_64__)
        { "avx2", has_avx2, CHAINS * 8, multiply_avx2, read_avx2 },
        { "avx512", has_avx512, CHAINS * 16, multiply_avx512, read_avx512 },
#endif
    };
    *n = sizeof loops / sizeof loops[0];
    return loops;
}
