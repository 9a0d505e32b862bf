// SPDX-License-Identifier: MIT
#include "src/kernel/isa/tile.h"

#define VW 4
#include "src/kernel/isa/conv_body.h"
#include "src/kernel/isa/conv_grad_body.h"
#if KERNEL_VL >= 8
#undef VW
#define VW 8
#include "src/kernel/isa/conv_body.h"
#include "src/kernel/isa/conv_grad_body.h"
#endif
#if KERNEL_VL >= 16
#undef VW
#define VW 16
#include "src/kernel/isa/conv_body.h"
#include "src/kernel/isa/conv_grad_body.h"
#endif

void conv_run(const ConvJob *job)
{
    WIDTH_CALL(job->in->vw, conv_image, job);
}

void conv_grad(const ConvGradJob *job)
{
    WIDTH_CALL(job->in->vw, conv_grad_image, job);
}
