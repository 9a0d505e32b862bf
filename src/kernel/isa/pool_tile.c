// SPDX-License-Identifier: MIT
#include "src/kernel/isa/tile.h"

#define VW 4
#include "src/kernel/isa/pool_body.h"
#if KERNEL_VL >= 8
#undef VW
#define VW 8
#include "src/kernel/isa/pool_body.h"
#endif
#if KERNEL_VL >= 16
#undef VW
#define VW 16
#include "src/kernel/isa/pool_body.h"
#endif

void pool_max(const PoolJob *job)
{
    WIDTH_CALL(job->in->vw, max_image, job);
}

void pool_avg(const PoolJob *job)
{
    WIDTH_CALL(job->in->vw, avg_image, job);
}

void pool_grad(const PoolGradJob *job)
{
    WIDTH_CALL(job->dx->vw, pool_grad_image, job);
}
