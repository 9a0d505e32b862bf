// SPDX-License-Identifier: MIT
#include "tests/kernel/kit.h"

// Dense, grouped and pointwise convolutions of every instruction set against the reference.

typedef struct {
    KernelConv call;
    KernelSrc src[KERNEL_MAX_SRC];
    KernelDst dst[KERNEL_MAX_SRC];
    size_t in_px, out_px, weights;
} Case;

static void make_shape(Kit *kit, Case *t)
{
    KernelShape *s = &t->call.shape;
    s->n = KIT_PICK(kit, 1, 2, 5);
    s->h = KIT_PICK(kit, 1, 2, 3, 4, 5, 7, 8, 9, 14);
    s->w = KIT_PICK(kit, 1, 2, 3, 4, 5, 7, 8, 9, 14, 19);
    s->k = KIT_PICK(kit, 1, 1, 1, 3, 3, 5, 2, 7);
    s->stride = KIT_PICK(kit, 1, 1, 2, 3);
    s->dil = KIT_PICK(kit, 1, 1, 2);
    s->groups = s->k == 1 ? 1 : KIT_PICK(kit, 1, 1, 1, 2, 3);
    s->pad_y = s->pad_x = s->dil * (s->k - 1) / 2;
    if (s->k == 1 && s->stride == 2 && s->h > 1 && s->w > 1 && kit_int(kit, 0, 1))
        s->pad_y = s->pad_x = -1;
    int window = s->dil * (s->k - 1);
    s->oh = (s->h + 2 * s->pad_y - window - 1) / s->stride + 1;
    s->ow = (s->w + 2 * s->pad_x - window - 1) / s->stride + 1;
    if (s->pad_y < 0) {
        s->oh = s->h / 2;
        s->ow = s->w / 2;
    }
    s->oh = s->oh < 1 ? 1 : s->oh;
    s->ow = s->ow < 1 ? 1 : s->ow;
    s->c = KIT_PICK(kit, 1, 3, 4, 5, 8, 10, 12, 16, 20, 24, 32) * s->groups;
    s->oc = KIT_PICK(kit, 1, 3, 4, 5, 8, 10, 12, 16, 20, 24, 32, 48) * s->groups;
    t->in_px = (size_t)(s->n * s->h * s->w);
    t->out_px = (size_t)(s->n * s->oh * s->ow);
}

static void make_sources(Kit *kit, Case *t)
{
    KernelShape *s = &t->call.shape;
    t->call.n_src = s->k == 1 ? KIT_PICK(kit, 1, 2, 4, 5) : 1;
    int total = 0;
    for (int i = 0; i < t->call.n_src; i++) {
        int c = t->call.n_src == 1 ? s->c : KIT_PICK(kit, 1, 3, 8, 16, 20);
        t->src[i] = kit_src(kit, t->in_px, c);
        t->dst[i] = kit_dst(kit, s->n, t->in_px, c);
        total += c;
    }
    s->c = total;
    t->call.src = t->src;
    t->call.dst = t->dst;
}

// [k*k][oc][c] from [k*k][c][oc].
static float *transposed(Kit *kit, const float *w, const KernelShape *s)
{
    size_t taps = (size_t)(s->k * s->k), c = (size_t)s->c, oc = (size_t)s->oc;
    float *w_t = kit_values(kit, taps * c * oc);
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < c; i++)
            for (size_t o = 0; o < oc; o++)
                w_t[(t * oc + o) * c + i] = w[(t * c + i) * oc + o];
    return w_t;
}

static void make_case(Kit *kit, Case *t)
{
    memset(t, 0, sizeof *t);
    make_shape(kit, t);
    make_sources(kit, t);
    KernelConv *v = &t->call;
    const KernelShape *s = &v->shape;
    t->weights = (size_t)(s->k * s->k) * (size_t)(s->c / s->groups) * (size_t)s->oc;
    v->w = kit_values(kit, t->weights);
    if (s->groups == 1)
        v->w_t = transposed(kit, v->w, s);
    v->y_ld = s->oc + kit_int(kit, 0, 1) * 7;
    v->y = kit_values(kit, t->out_px * (size_t)v->y_ld);
    if (kit_int(kit, 0, 1)) {
        v->bias = kit_values(kit, (size_t)s->oc);
        v->g_bias = kit_values(kit, (size_t)s->oc);
    }
    if (kit_int(kit, 0, 1)) {
        v->stat_ld = s->oc + 3;
        v->stat = kit_values(kit, (size_t)s->n * 2 * (size_t)v->stat_ld);
    }
    v->grad = kit_grad(kit, t->out_px, s->oc, v->y, v->y_ld);
    if (kit_int(kit, 0, 3))
        v->g_w = kit_values(kit, t->weights);
    snprintf(kit->what, sizeof kit->what,
             "n %d, %dx%d, c %d (%d sources) to %d, k %d, stride %d, dil %d, groups %d", s->n, s->h,
             s->w, s->c, v->n_src, s->oc, s->k, s->stride, s->dil, s->groups);
}

static void branch(Kit *kit, Case *to, const Case *from, const Kernels *set, int threads)
{
    *to = *from;
    KernelConv *v = &to->call;
    const KernelShape *s = &v->shape;
    v->src = to->src;
    v->dst = to->dst;
    v->y = kit_copy(kit, v->y, to->out_px * (size_t)v->y_ld);
    if (v->stat)
        v->stat = kit_copy(kit, v->stat, (size_t)s->n * 2 * (size_t)v->stat_ld);
    if (v->g_w)
        v->g_w = kit_copy(kit, v->g_w, to->weights);
    if (v->g_bias)
        v->g_bias = kit_copy(kit, v->g_bias, (size_t)s->oc);
    for (int i = 0; i < v->n_src; i++) {
        KernelDst *dst = &to->dst[i];
        if (dst->dx)
            dst->dx = kit_copy(kit, dst->dx, to->in_px * (size_t)dst->ld);
        if (dst->stat)
            dst->stat = kit_copy(kit, dst->stat, (size_t)s->n * 2 * (size_t)dst->stat_ld);
    }
    v->work = kit_work(kit, threads, set->tile_floats(ENTRY_CONV, s),
                       kernel_round(to->weights) + kernel_round((size_t)s->oc));
}

typedef void Compare(const Kit *, const char *, const float *, const float *, size_t);

static void near_enough(const Kit *kit, const char *name, const float *got, const float *want,
                        size_t count)
{
    kit_near(kit, name, got, want, count, 1e-5f);
}

static void compare(const Kit *kit, const Case *a, const Case *b, Compare *check)
{
    const KernelConv *v = &a->call, *u = &b->call;
    size_t n = (size_t)v->shape.n;
    check(kit, "y", v->y, u->y, a->out_px * (size_t)v->y_ld);
    if (v->stat)
        check(kit, "stat", v->stat, u->stat, n * 2 * (size_t)v->stat_ld);
    if (v->g_w)
        check(kit, "g_w", v->g_w, u->g_w, a->weights);
    if (v->g_bias)
        check(kit, "g_bias", v->g_bias, u->g_bias, (size_t)v->shape.oc);
    for (int i = 0; i < v->n_src; i++) {
        const KernelDst *p = &a->dst[i], *q = &b->dst[i];
        if (p->dx)
            check(kit, "dx", p->dx, q->dx, a->in_px * (size_t)p->ld);
        if (p->stat)
            check(kit, "dx stat", p->stat, q->stat, n * 2 * (size_t)p->stat_ld);
    }
}

static void check_cases(const char *name, int cases)
{
    const Kernels *set = kernels_get(name, NULL), *reference = kernels_reference();
    for (int i = 0; set && i < cases; i++) {
        Kit kit = kit_new(2000 + (uint64_t)i);
        Case made, want, got, threaded;
        make_case(&kit, &made);
        branch(&kit, &want, &made, reference, 1);
        branch(&kit, &got, &made, set, 1);
        branch(&kit, &threaded, &made, set, 4);
        reference->conv_fwd(&want.call);
        reference->conv_bwd(&want.call);
        set->conv_fwd(&got.call);
        set->conv_bwd(&got.call);
        set->conv_fwd(&threaded.call);
        set->conv_bwd(&threaded.call);
        compare(&kit, &got, &want, near_enough);
        compare(&kit, &threaded, &got, kit_same);
        kit_free(&kit);
    }
}

static void convolutions_equal_the_reference_on_odd_shapes(void **state)
{
    (void)state;
    for (int i = 0; i < KIT_SETS; i++)
        check_cases(kit_sets[i], 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_equal_the_reference_on_odd_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
