// SPDX-License-Identifier: MIT
#include "tests/kernel/kit.h"

// Mixes and their reductions of every instruction set against the reference.

enum { STREAMS = 40 };

typedef struct {
    KernelMix call;
    KernelStream stream[STREAMS];
    KernelTerm term[3];
    size_t px;
} Case;

static void make_case(Kit *kit, Case *t)
{
    KernelMix *m = &t->call;
    memset(t, 0, sizeof *t);
    m->n = KIT_PICK(kit, 1, 2, 5);
    m->hw = KIT_PICK(kit, 1, 2, 3, 9, 16, 25, 49, 64, 81, 130, 196);
    m->c = KIT_PICK(kit, 1, 3, 4, 5, 8, 10, 12, 16, 20, 24, 32, 48, 64, 80, 112);
    m->n_streams = KIT_PICK(kit, 0, 1, 2, 3, 7, 35, STREAMS);
    m->n_terms = kit_int(kit, 1, 3);
    m->add = kit_int(kit, 0, 1);
    m->relu = kit_int(kit, 0, 1);
    t->px = (size_t)(m->n * m->hw);
    for (int i = 0; i < m->n_streams; i++) {
        t->stream[i].ld = m->c + kit_int(kit, 0, 1) * 3;
        t->stream[i].x = kit_values(kit, t->px * (size_t)t->stream[i].ld);
        if (kit_int(kit, 0, 3))
            t->stream[i].a = kit_values(kit, (size_t)m->c);
    }
    for (int i = 0; i < m->n_terms; i++) {
        t->term[i].ld = m->c + kit_int(kit, 0, 1) * 4;
        t->term[i].g = kit_values(kit, t->px * (size_t)t->term[i].ld);
        t->term[i].w = (float)kit_int(kit, -4, 4) / 4;
    }
    if (kit_int(kit, 0, 1))
        m->b = kit_values(kit, (size_t)m->c);
    m->out_ld = m->c + kit_int(kit, 0, 1) * 5;
    m->out = kit_values(kit, t->px * (size_t)m->out_ld);
    m->sums = kit_values(kit, (size_t)(m->n * (m->n_streams + 1) * m->c));
    snprintf(kit->what, sizeof kit->what, "n %d, %d pixels, c %d, %d streams, add %d, relu %d",
             m->n, m->hw, m->c, m->n_streams, m->add, m->relu);
}

static void branch(Kit *kit, Case *to, const Case *from, const Kernels *set, int threads)
{
    *to = *from;
    KernelMix *m = &to->call;
    m->stream = to->stream;
    m->term = to->term;
    m->out = kit_copy(kit, m->out, to->px * (size_t)m->out_ld);
    m->sums = kit_copy(kit, m->sums, (size_t)(m->n * (m->n_streams + 1) * m->c));
    KernelShape s = { .n = m->n,
                      .h = 1,
                      .w = m->hw,
                      .c = m->c,
                      .oh = 1,
                      .ow = m->hw,
                      .oc = m->c,
                      .k = 1,
                      .stride = 1,
                      .dil = 1,
                      .groups = 1 };
    m->work = kit_work(kit, threads, set->tile_floats(ENTRY_MIX, &s), 0);
}

static void check_cases(const char *name, int cases)
{
    const Kernels *set = kernels_get(name, NULL), *reference = kernels_reference();
    for (int i = 0; set && i < cases; i++) {
        Kit kit = kit_new(4000 + (uint64_t)i);
        Case made, want, got, threaded;
        make_case(&kit, &made);
        branch(&kit, &want, &made, reference, 1);
        branch(&kit, &got, &made, set, 1);
        branch(&kit, &threaded, &made, set, 4);
        reference->mix_fwd(&want.call);
        reference->mix_reduce(&want.call);
        set->mix_fwd(&got.call);
        set->mix_reduce(&got.call);
        set->mix_fwd(&threaded.call);
        set->mix_reduce(&threaded.call);
        const KernelMix *m = &made.call;
        size_t out = made.px * (size_t)m->out_ld;
        size_t sums = (size_t)(m->n * (m->n_streams + 1) * m->c);
        kit_near(&kit, "out", got.call.out, want.call.out, out, 1e-5f);
        kit_near(&kit, "sums", got.call.sums, want.call.sums, sums, 1e-5f);
        kit_same(&kit, "out", threaded.call.out, got.call.out, out);
        kit_same(&kit, "sums", threaded.call.sums, got.call.sums, sums);
        kit_free(&kit);
    }
}

static void mixes_equal_the_reference_on_odd_shapes(void **state)
{
    (void)state;
    for (int i = 0; i < KIT_SETS; i++)
        check_cases(kit_sets[i], 150);
}

static void nan_passes_through_relu_and_sums(void **state)
{
    (void)state;
    float x[17], out[17], sums[34];
    for (int i = 0; i < 17; i++)
        x[i] = i % 4 == 0 ? NAN : -1;
    for (int i = 0; i < KIT_SETS; i++) {
        const Kernels *set = kernels_get(kit_sets[i], NULL);
        if (!set)
            continue;
        Kit kit = kit_new(1);
        KernelStream stream = { .x = x, .ld = 17 };
        KernelTerm term = { .g = x, .ld = 17, .w = 1 };
        KernelMix m = { .n = 1,
                        .hw = 1,
                        .c = 17,
                        .stream = &stream,
                        .n_streams = 1,
                        .out = out,
                        .out_ld = 17,
                        .relu = true,
                        .term = &term,
                        .n_terms = 1,
                        .sums = sums };
        m.work = kit_work(&kit, 1, 64, 0);
        set->mix_fwd(&m);
        set->mix_reduce(&m);
        for (int j = 0; j < 17; j++) {
            assert_true(j % 4 == 0 ? isnan(out[j]) : out[j] == 0);
            assert_true(j % 4 == 0 ? isnan(sums[j]) : sums[j] == 1);
        }
        kit_free(&kit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixes_equal_the_reference_on_odd_shapes),
        cmocka_unit_test(nan_passes_through_relu_and_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
