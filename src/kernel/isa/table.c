// SPDX-License-Identifier: MIT
#include "src/kernel/isa/entry.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

// Windows too large for tiles run in the reference.
static bool fits(int k)
{
    return k <= TAP_MAX;
}

static bool units_fit(const KernelUnits *u)
{
    for (int i = 0; i < u->n_units; i++)
        if (!fits(u->unit[i].k))
            return false;
    return true;
}

#define ROUTE(name, Args, entry, ok, fast)                                                         \
    static void name(const Args *args)                                                             \
    {                                                                                              \
        if (ok)                                                                                    \
            fast(args);                                                                            \
        else                                                                                       \
            kernels_reference()->entry(args);                                                      \
    }
ROUTE(route_unit_fwd, KernelUnits, unit_fwd, units_fit(args), units_fwd)
ROUTE(route_unit_bwd, KernelUnits, unit_bwd, units_fit(args), units_bwd)
ROUTE(route_dw_fwd, KernelUnits, dw_fwd, units_fit(args), depthwise_fwd)
ROUTE(route_dw_bwd, KernelUnits, dw_bwd, units_fit(args), depthwise_bwd)
ROUTE(route_conv_fwd, KernelConv, conv_fwd, fits(args->shape.k), dense_fwd)
ROUTE(route_conv_bwd, KernelConv, conv_bwd, fits(args->shape.k), dense_bwd)
ROUTE(route_pool_fwd, KernelPool, pool_fwd, fits(args->shape.k), pools_fwd)
ROUTE(route_pool_bwd, KernelPool, pool_bwd, fits(args->shape.k), pools_bwd)

static size_t entry_floats(KernelEntry entry, const KernelShape *s)
{
    size_t reference = kernels_reference()->tile_floats(entry, s), own = 0;
    if (fits(s->k)) {
        switch (entry) {
        case ENTRY_UNIT:
        case ENTRY_DW: own = unit_floats(s); break;
        case ENTRY_CONV: own = dense_floats(s); break;
        case ENTRY_POOL: own = pools_floats(s); break;
        case ENTRY_MIX:
        case ENTRY_ACT:
        case ENTRY_GENERIC: break;
        }
    }
    return own > reference ? own : reference;
}

static const Kernels table = {
    .name = TEXT(KERNEL_ISA),
    .tile_floats = entry_floats,
    .unit_fwd = route_unit_fwd,
    .unit_bwd = route_unit_bwd,
    .dw_fwd = route_dw_fwd,
    .dw_bwd = route_dw_bwd,
    .conv_fwd = route_conv_fwd,
    .conv_bwd = route_conv_bwd,
    .pool_fwd = route_pool_fwd,
    .pool_bwd = route_pool_bwd,
    .mix_fwd = streams_fwd,
    .mix_reduce = streams_reduce,
};

const Kernels *KERNEL_NAME(kernels)(void)
{
    return &table;
}
