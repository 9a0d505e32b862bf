// SPDX-License-Identifier: MIT
#include "src/kernel/blas.h"

#include <stdlib.h>
#include <string.h>

static const Kernels reference = {
    .name = "reference",
    .tile_floats = ref_tile_floats,
    .unit_fwd = ref_unit_fwd,
    .unit_bwd = ref_unit_bwd,
    .dw_fwd = ref_dw_fwd,
    .dw_bwd = ref_dw_bwd,
    .conv_fwd = ref_conv_fwd,
    .conv_bwd = ref_conv_bwd,
    .pool_fwd = ref_pool_fwd,
    .pool_bwd = ref_pool_bwd,
    .mix_fwd = ref_mix_fwd,
    .mix_reduce = ref_mix_reduce,
    .act_fwd = ref_act_fwd,
    .act_bwd = ref_act_bwd,
    .generic_fwd = ref_generic_fwd,
    .generic_bwd = ref_generic_bwd,
    .loss = ref_loss,
};

const Kernels *kernels_reference(void)
{
    return &reference;
}

// Sets that this build carries, best last. A set is absent when its objects are not linked.
#pragma weak kernels_base
#if defined(__x86_64__)
#pragma weak kernels_avx2
#pragma weak kernels_avx512
#endif

enum { SETS = 3 };

static const Kernels *raw_set(int i)
{
    if (i == 0)
        return kernels_base ? kernels_base() : NULL;
#if defined(__x86_64__)
    if (i == 1)
        return kernels_avx2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
                   ? kernels_avx2()
                   : NULL;
    if (i == 2)
        return kernels_avx512 && __builtin_cpu_supports("avx512f") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vl")
                   ? kernels_avx512()
                   : NULL;
#endif
    return NULL;
}

static const Kernels *active_sets[SETS];

// A set may leave entries to the reference, so a thread's tile must serve both.
static size_t larger_tile(int set, KernelEntry entry, const KernelShape *shape)
{
    const Kernels *raw = raw_set(set);
    size_t own = raw && raw->tile_floats ? raw->tile_floats(entry, shape) : 0;
    size_t ref = ref_tile_floats(entry, shape);
    return own > ref ? own : ref;
}

static size_t tile_0(KernelEntry entry, const KernelShape *shape)
{
    return larger_tile(0, entry, shape);
}

static size_t tile_1(KernelEntry entry, const KernelShape *shape)
{
    return larger_tile(1, entry, shape);
}

static size_t tile_2(KernelEntry entry, const KernelShape *shape)
{
    return larger_tile(2, entry, shape);
}

#define OR_REFERENCE(entry) .entry = set->entry ? set->entry : reference.entry

// Fills the gaps of a set once; the first call comes from one thread (compiling a plan).
static const Kernels *completed(int i)
{
    static Kernels full[SETS];
    static size_t (*const tiles[SETS])(KernelEntry, const KernelShape *) = { tile_0, tile_1,
                                                                             tile_2 };
    const Kernels *set = raw_set(i);
    if (!set || active_sets[i])
        return set ? active_sets[i] : NULL;
    full[i] = (Kernels){
        .name = set->name,
        .tile_floats = tiles[i],
        OR_REFERENCE(unit_fwd),
        OR_REFERENCE(unit_bwd),
        OR_REFERENCE(dw_fwd),
        OR_REFERENCE(dw_bwd),
        OR_REFERENCE(conv_fwd),
        OR_REFERENCE(conv_bwd),
        OR_REFERENCE(pool_fwd),
        OR_REFERENCE(pool_bwd),
        OR_REFERENCE(mix_fwd),
        OR_REFERENCE(mix_reduce),
        OR_REFERENCE(act_fwd),
        OR_REFERENCE(act_bwd),
        .generic_fwd = set->generic_fwd ? set->generic_fwd : blas_generic_fwd,
        .generic_bwd = set->generic_bwd ? set->generic_bwd : blas_generic_bwd,
        OR_REFERENCE(loss),
    };
    blas_start();
    active_sets[i] = &full[i];
    return active_sets[i];
}

static const Kernels *fail(const char **why, const char *text)
{
    if (why)
        *why = text;
    return NULL;
}

const Kernels *kernels_get(const char *name, const char **why)
{
    static const char *const set_names[SETS] = { "base", "avx2", "avx512" };
    if (!name || !*name)
        name = getenv("DARTBOARD_ISA");
    if (name && *name) {
        if (strcmp(name, "reference") == 0)
            return &reference;
        for (int i = 0; i < SETS; i++)
            if (strcmp(name, set_names[i]) == 0) {
                const Kernels *set = completed(i);
                return set ? set : fail(why, "this processor or build does not have that set");
            }
        return fail(why, "expected reference, base, avx2 or avx512");
    }
    for (int i = SETS - 1; i >= 0; i--) {
        const Kernels *set = completed(i);
        if (set)
            return set;
    }
    return &reference;
}
