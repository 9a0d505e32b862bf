// SPDX-License-Identifier: MIT
#include "tests/kernel/kit.h"

// Pools of every instruction set against the reference.

typedef struct {
    KernelPool call;
    size_t in_px, out_px;
} Case;

static void make_case(Kit *kit, Case *t)
{
    KernelPool *p = &t->call;
    KernelShape *s = &p->shape;
    memset(t, 0, sizeof *t);
    s->n = KIT_PICK(kit, 1, 2, 5);
    s->h = KIT_PICK(kit, 1, 2, 3, 4, 5, 7, 8, 9, 14, 16);
    s->w = KIT_PICK(kit, 1, 2, 3, 4, 5, 7, 8, 9, 14, 16, 19);
    s->c = s->oc = KIT_PICK(kit, 1, 3, 4, 5, 8, 10, 12, 16, 20, 24, 32, 48, 64);
    s->k = KIT_PICK(kit, 3, 3, 3, 2, 5, 1);
    s->stride = KIT_PICK(kit, 1, 2, 2, 3);
    s->pad_y = s->pad_x = (s->k - 1) / 2;
    s->oh = (s->h + s->stride - 1) / s->stride;
    s->ow = (s->w + s->stride - 1) / s->stride;
    s->dil = s->groups = 1;
    t->in_px = (size_t)(s->n * s->h * s->w);
    t->out_px = (size_t)(s->n * s->oh * s->ow);
    p->src = kit_src(kit, t->in_px, s->c);
    p->count_pad = kit_int(kit, 0, 1);
    int which = kit_int(kit, 1, 4);
    size_t out = t->out_px * (size_t)s->c, stat = (size_t)(s->n * 2 * s->c);
    if (which != 1)
        p->max = kit_values(kit, out);
    if (which != 2)
        p->avg = kit_values(kit, out);
    if (p->max && kit_int(kit, 0, 1))
        p->max_stat = kit_values(kit, stat);
    if (p->avg && kit_int(kit, 0, 1))
        p->avg_stat = kit_values(kit, stat);
    p->max_grad = kit_grad(kit, t->out_px, s->c, p->max, s->c);
    p->avg_grad = kit_grad(kit, t->out_px, s->c, p->avg, s->c);
    do
        p->dst = kit_dst(kit, s->n, t->in_px, s->c);
    while (!p->dst.dx);
    snprintf(kit->what, sizeof kit->what, "n %d, %dx%d, c %d, k %d, stride %d, pools %d", s->n,
             s->h, s->w, s->c, s->k, s->stride, which);
}

static void branch(Kit *kit, Case *to, const Case *from, const Kernels *set, int threads)
{
    *to = *from;
    KernelPool *p = &to->call;
    const KernelShape *s = &p->shape;
    size_t out = to->out_px * (size_t)s->c, stat = (size_t)(s->n * 2 * s->c);
    p->max = p->max ? kit_copy(kit, p->max, out) : NULL;
    p->avg = p->avg ? kit_copy(kit, p->avg, out) : NULL;
    p->max_stat = p->max_stat ? kit_copy(kit, p->max_stat, stat) : NULL;
    p->avg_stat = p->avg_stat ? kit_copy(kit, p->avg_stat, stat) : NULL;
    p->max_grad.y = p->max;
    p->avg_grad.y = p->avg;
    p->dst.dx = kit_copy(kit, p->dst.dx, to->in_px * (size_t)p->dst.ld);
    if (p->dst.stat)
        p->dst.stat = kit_copy(kit, p->dst.stat, (size_t)(s->n * 2 * p->dst.stat_ld));
    p->work = kit_work(kit, threads, set->tile_floats(ENTRY_POOL, s), 0);
}

typedef void Compare(const Kit *, const char *, const float *, const float *, size_t);

static void near_enough(const Kit *kit, const char *name, const float *got, const float *want,
                        size_t count)
{
    kit_near(kit, name, got, want, count, 1e-5f);
}

static void compare(const Kit *kit, const Case *a, const Case *b, Compare *check)
{
    const KernelPool *p = &a->call, *q = &b->call;
    const KernelShape *s = &p->shape;
    size_t out = a->out_px * (size_t)s->c, stat = (size_t)(s->n * 2 * s->c);
    if (p->max)
        check(kit, "max", p->max, q->max, out);
    if (p->avg)
        check(kit, "avg", p->avg, q->avg, out);
    if (p->max_stat)
        check(kit, "max stat", p->max_stat, q->max_stat, stat);
    if (p->avg_stat)
        check(kit, "avg stat", p->avg_stat, q->avg_stat, stat);
    check(kit, "dx", p->dst.dx, q->dst.dx, a->in_px * (size_t)p->dst.ld);
    if (p->dst.stat)
        check(kit, "dx stat", p->dst.stat, q->dst.stat, (size_t)(s->n * 2 * p->dst.stat_ld));
}

static void check_cases(const char *name, int cases)
{
    const Kernels *set = kernels_get(name, NULL), *reference = kernels_reference();
    for (int i = 0; set && i < cases; i++) {
        Kit kit = kit_new(3000 + (uint64_t)i);
        Case made, want, got, threaded;
        make_case(&kit, &made);
        branch(&kit, &want, &made, reference, 1);
        branch(&kit, &got, &made, set, 1);
        branch(&kit, &threaded, &made, set, 4);
        reference->pool_fwd(&want.call);
        reference->pool_bwd(&want.call);
        set->pool_fwd(&got.call);
        set->pool_bwd(&got.call);
        set->pool_fwd(&threaded.call);
        set->pool_bwd(&threaded.call);
        compare(&kit, &got, &want, near_enough);
        compare(&kit, &threaded, &got, kit_same);
        kit_free(&kit);
    }
}

static void pools_equal_the_reference_on_odd_shapes(void **state)
{
    (void)state;
    for (int i = 0; i < KIT_SETS; i++)
        check_cases(kit_sets[i], 150);
}

// x runs once through each pool of one row: window 3, stride 1.
static void row_pool(const Kernels *set, const float *x, float *max, float *avg, float *dx, int w)
{
    Kit kit = kit_new(1);
    float *ones = kit_values(&kit, (size_t)w);
    for (int i = 0; i < w; i++)
        ones[i] = 1;
    KernelTerm term = { .g = ones, .ld = 1, .w = 1 };
    KernelPool p = { .shape = { .n = 1,
                                .h = 1,
                                .w = w,
                                .c = 1,
                                .oh = 1,
                                .ow = w,
                                .oc = 1,
                                .k = 3,
                                .stride = 1,
                                .dil = 1,
                                .pad_y = 1,
                                .pad_x = 1,
                                .groups = 1 },
                     .src = { .x = x, .c = 1, .ld = 1 },
                     .max = max,
                     .avg = avg,
                     .max_grad = { .term = &term, .n = 1 },
                     .dst = { .dx = dx, .ld = 1 } };
    p.work = kit_work(&kit, 1, set->tile_floats(ENTRY_POOL, &p.shape), 0);
    set->pool_fwd(&p);
    set->pool_bwd(&p);
    kit_free(&kit);
}

static void a_window_with_nan_gives_nan(void **state)
{
    (void)state;
    const float x[6] = { 1, 2, -NAN, -INFINITY, 5, 6 };
    for (int i = 0; i < KIT_SETS; i++) {
        const Kernels *set = kernels_get(kit_sets[i], NULL);
        float max[6], avg[6], dx[6];
        if (!set)
            continue;
        row_pool(set, x, max, avg, dx, 6);
        assert_true(max[0] == 2 && isnan(max[1]) && isnan(max[2]) && isnan(max[3]));
        assert_true(max[4] == 6 && max[5] == 6);
        assert_true(avg[0] == 1.5f && isnan(avg[1]) && isnan(avg[3]) && isinf(avg[4]));
    }
}

static void minus_infinity_and_signed_zeros_keep_their_order(void **state)
{
    (void)state;
    const float x[6] = { -INFINITY, -INFINITY, -0.0f, 0.0f, -1, -2 };
    const float want[6] = { -INFINITY, 0, 0, 0, 0, -1 };
    const float routed[6] = { 1, 0, 3, 1, 1, 0 };
    for (int i = 0; i < KIT_SETS; i++) {
        const Kernels *set = kernels_get(kit_sets[i], NULL);
        float max[6], avg[6], dx[6];
        if (!set)
            continue;
        row_pool(set, x, max, avg, dx, 6);
        for (int j = 0; j < 6; j++) {
            assert_true(max[j] == want[j]);
            assert_true(dx[j] == routed[j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_equal_the_reference_on_odd_shapes),
        cmocka_unit_test(a_window_with_nan_gives_nan),
        cmocka_unit_test(minus_infinity_and_signed_zeros_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
