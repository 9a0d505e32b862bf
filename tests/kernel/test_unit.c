// SPDX-License-Identifier: MIT
#include "tests/kernel/kit.h"

// Units and depthwise convolutions of every instruction set against the reference.

enum { UNITS = 6 };

typedef struct {
    KernelUnits call;
    KernelUnit unit[UNITS];
    size_t in_px, out_px, group;
} Case;

static size_t dx_count(const Case *t)
{
    return t->in_px * (size_t)t->call.dst.ld;
}

static void make_unit(Kit *kit, Case *t, KernelUnit *unit, bool point)
{
    const KernelShape *s = &t->call.shape;
    const int kernels[] = { 3, 5, 3, 5, 7, 1, 2, 4 };
    *unit = (KernelUnit){ .k = kernels[kit_int(kit, 0, 7)], .dil = kit_int(kit, 1, 2) };
    unit->pad_y = unit->pad_x = unit->dil * (unit->k - 1) / 2;
    size_t k2 = (size_t)(unit->k * unit->k), c = (size_t)s->c, oc = (size_t)s->oc;
    unit->dw = kit_values(kit, k2 * c);
    unit->g_dw = kit_values(kit, k2 * c);
    t->group += kernel_round(k2 * c);
    if (point) {
        float *w = kit_values(kit, c * oc), *w_t = kit_values(kit, c * oc);
        for (size_t i = 0; i < c * oc; i++)
            w_t[i % oc * c + i / oc] = w[i];
        unit->pw = w;
        unit->pw_t = w_t;
        unit->g_pw = kit_values(kit, c * oc);
        t->group += kernel_round(c * oc);
    }
    unit->y_ld = s->oc + kit_int(kit, 0, 1) * 7;
    unit->y = kit_values(kit, t->out_px * (size_t)unit->y_ld);
    if (kit_int(kit, 0, 2)) {
        unit->stat_ld = s->oc + 3;
        unit->stat = kit_values(kit, (size_t)s->n * 2 * (size_t)unit->stat_ld);
    }
    unit->grad = kit_grad(kit, t->out_px, s->oc, unit->y, unit->y_ld);
}

static KernelShape random_shape(Kit *kit, bool point)
{
    KernelShape s = { .groups = 1 };
    s.n = KIT_PICK(kit, 1, 2, 5, 9, 21);
    s.h = KIT_PICK(kit, 1, 2, 3, 4, 5, 7, 8, 9, 14, 16);
    s.w = KIT_PICK(kit, 1, 2, 3, 4, 5, 7, 8, 9, 14, 16, 21);
    s.c = KIT_PICK(kit, 1, 3, 4, 5, 8, 10, 12, 16, 20, 24, 32, 48, 64);
    s.oc = point && kit_int(kit, 0, 1) ? KIT_PICK(kit, 1, 4, 6, 8, 16, 20, 32, 48) : s.c;
    s.stride = KIT_PICK(kit, 1, 1, 2, 2, 3);
    s.oh = (s.h + s.stride - 1) / s.stride;
    s.ow = (s.w + s.stride - 1) / s.stride;
    return s;
}

static void make_case(Kit *kit, Case *t, const KernelShape *shape, bool point)
{
    KernelShape *s = &t->call.shape;
    memset(t, 0, sizeof *t);
    *s = *shape;
    t->in_px = (size_t)(s->n * s->h * s->w);
    t->out_px = (size_t)(s->n * s->oh * s->ow);
    t->call.src = kit_src(kit, t->in_px, s->c);
    t->call.n_units = kit_int(kit, 1, UNITS);
    for (int i = 0; i < t->call.n_units; i++)
        make_unit(kit, t, &t->unit[i], point);
    if (kit_int(kit, 0, 3) == 0)
        for (int i = 0; i < t->call.n_units; i++)
            t->unit[i].g_dw = t->unit[i].g_pw = NULL;
    t->call.unit = t->unit;
    t->call.dst = kit_dst(kit, s->n, t->in_px, s->c);
    snprintf(kit->what, sizeof kit->what,
             "n %d, %dx%d, c %d to %d, stride %d, %d units, first k %d dil %d", s->n, s->h, s->w,
             s->c, s->oc, s->stride, t->call.n_units, t->unit[0].k, t->unit[0].dil);
}

// The same case with its own outputs and scratch for `set`.
static void branch(Kit *kit, Case *to, const Case *from, const Kernels *set, KernelEntry entry,
                   int threads)
{
    *to = *from;
    to->call.unit = to->unit;
    size_t tile = 0;
    for (int i = 0; i < to->call.n_units; i++) {
        KernelUnit *u = &to->unit[i];
        const KernelShape *s = &to->call.shape;
        size_t k2 = (size_t)(u->k * u->k), c = (size_t)s->c;
        KernelShape shape = *s;
        shape.k = u->k;
        shape.dil = u->dil;
        shape.pad_y = u->pad_y;
        shape.pad_x = u->pad_x;
        size_t floats = set->tile_floats(entry, &shape);
        tile = floats > tile ? floats : tile;
        u->y = kit_copy(kit, u->y, to->out_px * (size_t)u->y_ld);
        if (u->stat)
            u->stat = kit_copy(kit, u->stat, (size_t)s->n * 2 * (size_t)u->stat_ld);
        if (u->g_dw)
            u->g_dw = kit_copy(kit, u->g_dw, k2 * c);
        if (u->g_pw)
            u->g_pw = kit_copy(kit, u->g_pw, c * (size_t)s->oc);
    }
    KernelDst *dst = &to->call.dst;
    if (dst->dx)
        dst->dx = kit_copy(kit, dst->dx, dx_count(to));
    if (dst->stat)
        dst->stat = kit_copy(kit, dst->stat, (size_t)to->call.shape.n * 2 * (size_t)dst->stat_ld);
    to->call.work = kit_work(kit, threads, tile, to->group);
}

// Sums over the batch: which image's row of `stat` a value is in is the kernel set's affair.
static float *batch_sums(Kit *kit, const float *stat, int n, int ld)
{
    float *sums = kit_bytes(kit, 2 * (size_t)ld * sizeof *sums);
    for (int i = 0; i < n; i++)
        for (int q = 0; q < 2 * ld; q++)
            sums[q] += stat[(size_t)i * 2 * (size_t)ld + (size_t)q];
    return sums;
}

typedef void Compare(const Kit *, const char *, const float *, const float *, size_t);

static void near_enough(const Kit *kit, const char *name, const float *got, const float *want,
                        size_t count)
{
    kit_near(kit, name, got, want, count, 1e-5f);
}

static void compare(Kit *kit, const Case *a, const Case *b, Compare *check)
{
    const KernelShape *s = &a->call.shape;
    for (int i = 0; i < a->call.n_units; i++) {
        const KernelUnit *u = &a->unit[i], *v = &b->unit[i];
        size_t k2 = (size_t)(u->k * u->k), c = (size_t)s->c;
        check(kit, "y", u->y, v->y, a->out_px * (size_t)u->y_ld);
        if (u->stat)
            check(kit, "stat", batch_sums(kit, u->stat, s->n, u->stat_ld),
                  batch_sums(kit, v->stat, s->n, v->stat_ld), 2 * (size_t)u->stat_ld);
        if (u->g_dw)
            check(kit, "g_dw", u->g_dw, v->g_dw, k2 * c);
        if (u->g_pw)
            check(kit, "g_pw", u->g_pw, v->g_pw, c * (size_t)s->oc);
    }
    if (a->call.dst.dx)
        check(kit, "dx", a->call.dst.dx, b->call.dst.dx, dx_count(a));
    if (a->call.dst.stat)
        check(kit, "dx stat", a->call.dst.stat, b->call.dst.stat,
              (size_t)s->n * 2 * (size_t)a->call.dst.stat_ld);
}

static void run(const Kernels *set, Case *t, bool point)
{
    (point ? set->unit_fwd : set->dw_fwd)(&t->call);
    (point ? set->unit_bwd : set->dw_bwd)(&t->call);
}

static void check_case(Kit *kit, const Kernels *set, const Case *made, bool point)
{
    const Kernels *reference = kernels_reference();
    Case want, got, threaded;
    KernelEntry entry = point ? ENTRY_UNIT : ENTRY_DW;
    branch(kit, &want, made, reference, entry, 1);
    branch(kit, &got, made, set, entry, 1);
    branch(kit, &threaded, made, set, entry, 4);
    run(reference, &want, point);
    run(set, &got, point);
    run(set, &threaded, point);
    compare(kit, &got, &want, near_enough);
    compare(kit, &threaded, &got, kit_same);
}

static void check_cases(const char *name, bool point, int cases)
{
    const Kernels *set = kernels_get(name, NULL);
    for (int i = 0; set && i < cases; i++) {
        Kit kit = kit_new(1000 + (uint64_t)i);
        Case made;
        KernelShape s = random_shape(&kit, point);
        make_case(&kit, &made, &s, point);
        check_case(&kit, set, &made, point);
        kit_free(&kit);
    }
}

// Large enough to be stored past the caches and to be shared out piece by piece.
static void large_outputs_equal_the_reference(void **state)
{
    (void)state;
    for (int i = 0; i < KIT_SETS; i++) {
        const Kernels *set = kernels_get(kit_sets[i], NULL);
        for (int c = 8; set && c <= 16; c += 8) {
            Kit kit = kit_new((uint64_t)c);
            Case made;
            int side = c == 8 ? 46 : 32;
            KernelShape s = { .n = 65,
                              .h = side,
                              .w = side,
                              .c = c,
                              .oh = side,
                              .ow = side,
                              .oc = c,
                              .stride = 1,
                              .groups = 1 };
            make_case(&kit, &made, &s, true);
            made.call.n_units = 1;
            made.unit[0].y_ld = c;
            check_case(&kit, set, &made, true);
            kit_free(&kit);
        }
    }
}

static void units_equal_the_reference_on_odd_shapes(void **state)
{
    (void)state;
    for (int i = 0; i < KIT_SETS; i++)
        check_cases(kit_sets[i], true, 120);
}

static void depthwise_equals_the_reference_on_odd_shapes(void **state)
{
    (void)state;
    for (int i = 0; i < KIT_SETS; i++)
        check_cases(kit_sets[i], false, 120);
}

// Columns and rows may be read shifted, as the second path of a factorised reduction does.
static void negative_padding_reads_shifted(void **state)
{
    (void)state;
    float x[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, one = 1, y[4], want[4] = { 5, 6, 8, 9 };
    KernelUnit unit = { .k = 1, .dil = 1, .pad_y = -1, .pad_x = -1, .dw = &one, .y = y, .y_ld = 1 };
    for (int i = 0; i < KIT_SETS; i++) {
        const Kernels *set = kernels_get(kit_sets[i], NULL);
        if (!set)
            continue;
        Kit kit = kit_new(1);
        KernelShape s = { .n = 1,
                          .h = 3,
                          .w = 3,
                          .c = 1,
                          .oh = 2,
                          .ow = 2,
                          .oc = 1,
                          .k = 1,
                          .stride = 1,
                          .dil = 1,
                          .pad_y = -1,
                          .pad_x = -1,
                          .groups = 1 };
        KernelUnits call = {
            .shape = s, .src = { .x = x, .c = 1, .ld = 1 }, .unit = &unit, .n_units = 1
        };
        call.work = kit_work(&kit, 1, set->tile_floats(ENTRY_DW, &s), 0);
        set->dw_fwd(&call);
        kit_near(&kit, "y", y, want, 4, 0);
        kit_free(&kit);
    }
}

static void relu_keeps_nan_and_its_gradient(void **state)
{
    (void)state;
    for (int i = 0; i < KIT_SETS; i++) {
        const Kernels *set = kernels_get(kit_sets[i], NULL);
        if (!set)
            continue;
        Kit kit = kit_new(1);
        float x[5] = { NAN, -1, 0, INFINITY, -INFINITY }, w = 2, g = 3, y[5], dx[5], gw;
        float g5[5] = { g, g, g, g, g };
        KernelTerm term = { .g = g5, .ld = 1, .w = 1 };
        KernelUnit unit = { .k = 1,
                            .dil = 1,
                            .dw = &w,
                            .y = y,
                            .y_ld = 1,
                            .g_dw = &gw,
                            .grad = { .term = &term, .n = 1 } };
        KernelShape s = { .n = 1,
                          .h = 1,
                          .w = 5,
                          .c = 1,
                          .oh = 1,
                          .ow = 5,
                          .oc = 1,
                          .k = 1,
                          .stride = 1,
                          .dil = 1,
                          .groups = 1 };
        KernelUnits call = { .shape = s,
                             .src = { .x = x, .c = 1, .ld = 1, .pre = PRE_RELU },
                             .unit = &unit,
                             .n_units = 1,
                             .dst = { .dx = dx, .ld = 1 } };
        call.work = kit_work(&kit, 1, set->tile_floats(ENTRY_DW, &s), 16);
        set->dw_fwd(&call);
        set->dw_bwd(&call);
        assert_true(isnan(y[0]) && isnan(gw));
        assert_true(y[1] == 0 && y[2] == 0 && isinf(y[3]) && y[4] == 0);
        assert_true(dx[0] == 6 && dx[1] == 0 && dx[2] == 0 && dx[3] == 6 && dx[4] == 0);
        kit_free(&kit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_equal_the_reference_on_odd_shapes),
        cmocka_unit_test(depthwise_equals_the_reference_on_odd_shapes),
        cmocka_unit_test(large_outputs_equal_the_reference),
        cmocka_unit_test(negative_padding_reads_shifted),
        cmocka_unit_test(relu_keeps_nan_and_its_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
