// SPDX-License-Identifier: MIT
#include "src/kernel/reference.h"

#include <string.h>

#include "src/base/rng.h"

// Random layers are pure functions of (seed, salt, step, image): backward draws the same numbers.

static Rng stream(const RefImage *r)
{
    const KernelGenericArgs *a = r->a;
    return rng_at(a->seed ^ (a->salt * 0x9e3779b97f4a7c15u), a->step, (uint64_t)r->image);
}

static void dropout(const RefImage *r, const float *in, float *out)
{
    const KernelShape *s = &r->a->shape;
    size_t size = (size_t)s->h * s->w * s->c;
    float rate = r->a->rate, keep = 1 / (1 - rate);
    if (rate <= 0) {
        memcpy(out, in, size * sizeof *out);
        return;
    }
    Rng rng = stream(r);
    if (r->a->kind == GEN_DROP_PATH) {
        float factor = rng_uniform(&rng) < rate ? 0 : keep;
        for (size_t i = 0; i < size; i++)
            out[i] = in[i] * factor;
        return;
    }
    for (size_t i = 0; i < size; i++)
        out[i] = in[i] * (rng_uniform(&rng) < rate ? 0 : keep);
}

// Replacing noise may have a stride: it reads nothing of x but its shape.
static void noise_fwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    size_t size = (size_t)s->oh * s->ow * s->oc;
    Rng rng = stream(r);
    for (size_t i = 0; i < size; i++) {
        float x = r->a->replace ? 0 : r->x[i];
        r->y[i] = r->a->rate == 0 ? x : x + r->a->rate * (float)rng_normal(&rng);
    }
}

void ref_random_fwd(const RefImage *r)
{
    if (r->a->kind == GEN_NOISE)
        noise_fwd(r);
    else
        dropout(r, r->x, r->y);
}

void ref_random_bwd(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    size_t size = (size_t)s->h * s->w * s->c;
    if (r->a->kind != GEN_NOISE)
        dropout(r, r->dy, r->dx);
    else if (r->a->replace)
        memset(r->dx, 0, size * sizeof *r->dx);
    else
        memcpy(r->dx, r->dy, size * sizeof *r->dx);
}
