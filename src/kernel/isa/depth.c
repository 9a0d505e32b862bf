// SPDX-License-Identifier: MIT
#include "src/kernel/isa/tile.h"

#define VW 4
#include "src/kernel/isa/depth_body.h"
#if KERNEL_VL >= 8
#undef VW
#define VW 8
#include "src/kernel/isa/depth_body.h"
#endif
#if KERNEL_VL >= 16
#undef VW
#define VW 16
#include "src/kernel/isa/depth_body.h"
#endif

void depth_run(const DepthJob *job)
{
    WIDTH_CALL(job->in->vw, depth_image, job);
}

void depth_grad(const DepthGradJob *job)
{
    WIDTH_CALL(job->in->vw, depth_grad_image, job);
}
