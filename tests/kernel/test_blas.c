// SPDX-License-Identifier: MIT
#include "tests/kernel/kit.h"

#include "src/kernel/blas.h"

// What goes to OpenBLAS against the plain loops: weight gradients of wide convolutions, linear
// layers, attention; and the same bits for any number of threads.

// ---- wide convolutions --------------------------------------------------------------------------

typedef struct {
    KernelConv call;
    KernelSrc src[3];
    KernelDst dst[3]; // not wanted
    size_t weights;
} Wide;

static void make_wide(Kit *kit, Wide *t)
{
    memset(t, 0, sizeof *t);
    KernelConv *v = &t->call;
    KernelShape *s = &v->shape;
    s->n = KIT_PICK(kit, 1, 3, 7);
    s->k = KIT_PICK(kit, 1, 3, 3, 5);
    s->dil = KIT_PICK(kit, 1, 1, 2);
    s->h = s->oh = KIT_PICK(kit, 1, 3, 4, 6);
    s->w = s->ow = KIT_PICK(kit, 1, 2, 5, 8);
    s->stride = s->groups = 1;
    s->pad_y = s->pad_x = s->dil * (s->k - 1) / 2;
    size_t pixels = (size_t)(s->n * s->h * s->w);
    v->n_src = s->k == 1 ? KIT_PICK(kit, 1, 3) : 1;
    for (int i = 0; i < v->n_src; i++) {
        int c = v->n_src == 1 ? KIT_PICK(kit, 128, 150) : KIT_PICK(kit, 48, 50);
        t->src[i] = kit_src(kit, pixels, c);
        s->c += c;
    }
    s->oc = KIT_PICK(kit, 128, 131);
    v->src = t->src;
    v->dst = t->dst;
    t->weights = (size_t)(s->k * s->k) * (size_t)s->c * (size_t)s->oc;
    v->w = kit_values(kit, t->weights);
    v->y_ld = s->oc + 2;
    v->y = kit_values(kit, pixels * (size_t)v->y_ld);
    v->grad = kit_grad(kit, pixels, s->oc, v->y, v->y_ld);
    v->g_w = kit_values(kit, t->weights);
    snprintf(kit->what, sizeof kit->what, "n %d, %dx%d, c %d (%d sources) to %d, k %d, dil %d",
             s->n, s->h, s->w, s->c, v->n_src, s->oc, s->k, s->dil);
}

static KernelConv wide_call(Kit *kit, const Wide *t, int threads)
{
    KernelConv v = t->call;
    v.g_w = kit_copy(kit, v.g_w, t->weights);
    v.work = kit_work(kit, threads, kernels_reference()->tile_floats(ENTRY_CONV, &v.shape),
                      kernel_round(t->weights));
    return v;
}

static void weight_gradients_of_wide_convolutions(void **state)
{
    (void)state;
    int taken = 0;
    BlasMix mix = kernels_get(NULL, NULL)->mix_fwd;
    for (int i = 0; i < 40; i++) {
        Kit kit = kit_new(50 + (uint64_t)i);
        Wide t;
        make_wide(&kit, &t);
        KernelConv want = wide_call(&kit, &t, 1), got = wide_call(&kit, &t, 1),
                   threaded = wide_call(&kit, &t, 4);
        kernels_reference()->conv_bwd(&want);
        if (blas_conv_weights(&got, mix)) {
            taken++;
            assert_true(blas_conv_weights(&threaded, mix));
            kit_near(&kit, "g_w", got.g_w, want.g_w, t.weights, 1e-5f);
            kit_same(&kit, "g_w", threaded.g_w, got.g_w, t.weights);
        }
        kit_free(&kit);
    }
    assert_true(taken > 20);
}

static void narrow_and_strided_convolutions_stay_with_the_loops(void **state)
{
    (void)state;
    KernelShape s = { .n = 2, .h = 4, .w = 4, .oh = 4, .ow = 4, .k = 1, .stride = 1, .dil = 1 };
    float g;
    s.c = s.oc = 64;
    s.groups = 1;
    assert_false(blas_conv_weights(&(KernelConv){ .shape = s, .g_w = &g }, NULL));
    s.c = s.oc = 256;
    s.stride = s.oh = s.ow = 2;
    assert_false(blas_conv_weights(&(KernelConv){ .shape = s, .g_w = &g }, NULL));
}

// ---- linear layers and attention ----------------------------------------------------------------

typedef struct {
    KernelGenericArgs call;
    size_t in, out, size[4]; // floats of dx, y, and of the weights
} Layer;

static void add_weights(Kit *kit, Layer *t)
{
    KernelGenericArgs *a = &t->call;
    float *w[4];
    for (int i = 0; i < 4; i++)
        w[i] = t->size[i] ? kit_values(kit, t->size[i]) : NULL;
    for (size_t i = 0; i < t->size[0] && a->kind == GEN_ATTENTION; i++)
        w[0][i] /= 8; // a softmax that is not one-hot
    a->w = w[0];
    a->bias = w[1];
    a->w2 = w[2];
    a->bias2 = w[3];
}

static void make_layer(Kit *kit, Layer *t, KernelGeneric kind)
{
    memset(t, 0, sizeof *t);
    KernelGenericArgs *a = &t->call;
    KernelShape *s = &a->shape;
    bool linear = kind == GEN_LINEAR;
    a->kind = kind;
    s->n = KIT_PICK(kit, 1, 5, 17, 40);
    s->h = s->oh = linear ? KIT_PICK(kit, 1, 3) : KIT_PICK(kit, 1, 3, 4);
    s->w = s->ow = linear ? s->h : KIT_PICK(kit, 2, 5);
    a->heads = linear ? 1 : KIT_PICK(kit, 1, 2, 3);
    s->c = linear ? KIT_PICK(kit, 64, 130, 300) : 6 * KIT_PICK(kit, 1, 2, 4);
    s->oc = linear ? KIT_PICK(kit, 1, 10, 33) : s->c;
    s->k = linear ? 1 : 0;
    s->stride = s->dil = s->groups = 1;
    if (linear)
        s->oh = s->ow = 1;
    size_t c = (size_t)s->c, oc = (size_t)s->oc;
    size_t pixels = (size_t)(s->n * s->h * s->w), out_px = (size_t)(s->n * s->oh * s->ow);
    const size_t linear_size[4] = { (size_t)(s->h * s->w) * c * oc, oc, 0, 0 };
    const size_t attention_size[4] = { 3 * c * c, 3 * c, c * c, c };
    memcpy(t->size, linear ? linear_size : attention_size, sizeof t->size);
    a->src = kit_src(kit, pixels, s->c);
    if (linear && kit_int(kit, 0, 3)) {
        a->src.pre = PRE_NONE;
        a->src.ld = s->h > 1 ? s->c : a->src.ld;
    }
    add_weights(kit, t);
    a->y_ld = s->oc + kit_int(kit, 0, 2);
    t->out = out_px * (size_t)a->y_ld;
    a->y = kit_values(kit, t->out);
    a->grad = kit_grad(kit, out_px, s->oc, a->y, a->y_ld);
    a->dst = kit_dst(kit, s->n, pixels, s->c);
    if (a->dst.dx && kit_int(kit, 0, 1)) // the case without anything beside
        a->dst = (KernelDst){ .dx = a->dst.dx, .ld = s->c };
    t->in = pixels * (size_t)a->dst.ld;
    snprintf(kit->what, sizeof kit->what, "%s n %d, %dx%d, c %d to %d, %d heads",
             linear ? "linear" : "attention", s->n, s->h, s->w, s->c, s->oc, a->heads);
}

static KernelGenericArgs layer_call(Kit *kit, const Layer *t, int threads, bool weights)
{
    KernelGenericArgs a = t->call;
    size_t group = 0;
    float *g[4];
    for (int i = 0; i < 4; i++) {
        g[i] = weights && t->size[i] ? kit_values(kit, t->size[i]) : NULL;
        group += kernel_round(t->size[i]);
    }
    a.g_w = g[0];
    a.g_bias = g[1];
    a.g_w2 = g[2];
    a.g_bias2 = g[3];
    a.y = kit_copy(kit, a.y, t->out);
    a.dst.dx = a.dst.dx ? kit_copy(kit, a.dst.dx, t->in) : NULL;
    if (a.dst.stat)
        a.dst.stat = kit_copy(kit, a.dst.stat, (size_t)a.shape.n * 2 * (size_t)a.dst.stat_ld);
    a.work =
        kit_work(kit, threads, kernels_reference()->tile_floats(ENTRY_GENERIC, &a.shape), group);
    return a;
}

static void run(const Kernels *set, const KernelGenericArgs *a)
{
    set->generic_fwd(a);
    set->generic_bwd(a);
}

typedef void Compare(const Kit *, const char *, const float *, const float *, size_t);

static void near_enough(const Kit *kit, const char *name, const float *got, const float *want,
                        size_t count)
{
    kit_near(kit, name, got, want, count, 2e-5f);
}

static void compare(const Kit *kit, const Layer *t, const KernelGenericArgs *a,
                    const KernelGenericArgs *b, Compare *check)
{
    const float *const g[4] = { a->g_w, a->g_bias, a->g_w2, a->g_bias2 };
    const float *const h[4] = { b->g_w, b->g_bias, b->g_w2, b->g_bias2 };
    check(kit, "y", a->y, b->y, t->out);
    if (a->dst.dx)
        check(kit, "dx", a->dst.dx, b->dst.dx, t->in);
    if (a->dst.stat)
        check(kit, "stat", a->dst.stat, b->dst.stat,
              (size_t)a->shape.n * 2 * (size_t)a->dst.stat_ld);
    for (int i = 0; i < 4; i++)
        if (g[i])
            check(kit, "weight gradient", g[i], h[i], t->size[i]);
}

static void check_layers(KernelGeneric kind)
{
    const Kernels *set = kernels_get("base", NULL);
    for (int i = 0; i < 60; i++) {
        Kit kit = kit_new(900 + (uint64_t)i);
        Layer t;
        make_layer(&kit, &t, kind);
        KernelGenericArgs call[3];
        for (int k = 0; k < 3; k++)
            call[k] = layer_call(&kit, &t, k == 2 ? 4 : 1, i % 4 != 0);
        run(kernels_reference(), &call[0]);
        run(set, &call[1]);
        run(set, &call[2]);
        compare(&kit, &t, &call[1], &call[0], near_enough);
        compare(&kit, &t, &call[2], &call[1], kit_same);
        kit_free(&kit);
    }
}

static void linear_layers(void **state)
{
    (void)state;
    check_layers(GEN_LINEAR);
}

static void attention(void **state)
{
    (void)state;
    check_layers(GEN_ATTENTION);
}

static void numbers_that_are_none_stay_none(void **state)
{
    (void)state;
    enum { IN = 64, OUT = 3 };
    Kit kit = kit_new(1);
    float *x = kit_values(&kit, 2 * IN), *w = kit_values(&kit, IN * OUT), y[2 * OUT];
    x[5] = NAN;
    x[IN + 7] = INFINITY;
    w[7 * OUT] = w[7 * OUT + 1] = w[7 * OUT + 2] = 1;
    KernelWork work = { .threads = 1 };
    KernelGenericArgs a = {
        .kind = GEN_LINEAR,
        .shape = { .n = 2, .h = 1, .w = 1, .c = IN, .oh = 1, .ow = 1, .oc = OUT },
        .src = { .x = x, .c = IN, .ld = IN },
        .w = w,
        .y = y,
        .y_ld = OUT,
        .work = &work
    };
    kernels_get("base", NULL)->generic_fwd(&a);
    for (int i = 0; i < OUT; i++) {
        assert_true(isnan(y[i]));
        assert_true(isinf(y[OUT + i]));
    }
    kit_free(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weight_gradients_of_wide_convolutions),
        cmocka_unit_test(narrow_and_strided_convolutions_stay_with_the_loops),
        cmocka_unit_test(linear_layers),
        cmocka_unit_test(attention),
        cmocka_unit_test(numbers_that_are_none_stay_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
