// SPDX-License-Identifier: MIT
#include "tests/engine/nets.h"

#include <math.h>
#include <string.h>

#include "src/engine/optim.h"

// Optimisers against torch.optim in float32 (tests/reference/make_optim.py).

enum { N = 7, STEPS = 4 };

static void golden(const char *name, double *out, int n)
{
    char word[32];
    FILE *f = fopen("tests/reference/goldens/optim.txt", "r");
    assert_non_null(f);
    while (fscanf(f, "%31s", word) == 1)
        if (strcmp(word, name) == 0) {
            for (int i = 0; i < n; i++)
                assert_int_equal(fscanf(f, "%lf", &out[i]), 1);
            fclose(f);
            return;
        }
    fail_msg("no golden '%s'", name);
}

static void expect(const char *name, const float *w)
{
    double want[N];
    golden(name, want, N);
    for (int i = 0; i < N; i++) // torch fuses some multiply-adds: a few units in the last place
        if (!(fabs((double)w[i] - want[i]) <= 3e-7 * fabs(want[i]) + 2e-9))
            fail_msg("%s: weight %d is %.9g, expected %.9g", name, i, (double)w[i], want[i]);
}

static void run_sgd(const char *name, SgdOptions o)
{
    float w[N], g[N], buf[N];
    test_fill(w, N, 1);
    for (int step = 0; step < STEPS; step++) {
        test_fill(g, N, 10 + (uint32_t)step);
        optim_sgd(w, g, buf, N, &o, step == 0);
    }
    expect(name, w);
}

static void sgd_is_torchs(void **state)
{
    (void)state;
    run_sgd("sgd", (SgdOptions){ .lr = 0.05f });
    run_sgd("momentum", (SgdOptions){ .lr = 0.05f, .momentum = 0.9f, .decay = 3e-4f });
    run_sgd("nesterov",
            (SgdOptions){ .lr = 0.05f, .momentum = 0.9f, .decay = 5e-4f, .nesterov = true });
}

static void run_adam(const char *name, AdamOptions o)
{
    float w[N], g[N], m[N] = { 0 }, v[N] = { 0 };
    test_fill(w, N, 1);
    for (int step = 0; step < STEPS; step++) {
        test_fill(g, N, 10 + (uint32_t)step);
        optim_adam(w, g, m, v, N, &o, step + 1);
    }
    expect(name, w);
}

static void adam_is_torchs(void **state)
{
    (void)state;
    run_adam("adam",
             (AdamOptions){ .lr = 3e-4, .beta1 = 0.5, .beta2 = 0.999, .eps = 1e-8, .decay = 1e-3 });
    run_adam("adam_plain", (AdamOptions){ .lr = 1e-2, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8 });
    run_adam("adamw", (AdamOptions){ .lr = 1e-2,
                                     .beta1 = 0.9,
                                     .beta2 = 0.999,
                                     .eps = 1e-8,
                                     .decay = 0.05,
                                     .decoupled = true });
}

static void run_clip(const char *name, double limit)
{
    float g[N];
    double want[N + 1];
    test_fill(g, N, 10);
    golden(name, want, N + 1);
    double norm = optim_clip(g, N, limit);
    assert_true(fabs(norm - want[0]) <= 1e-6 * want[0]);
    for (int i = 0; i < N; i++)
        assert_true(fabs((double)g[i] - want[i + 1]) <= 3e-7 * fabs(want[i + 1]));
}

static void clipping_is_torchs(void **state)
{
    (void)state;
    run_clip("clip0.5", 0.5);
    run_clip("clip100", 100);
    float g[2] = { 3, 4 };
    assert_true(optim_clip(g, 2, 0) == 5);
    assert_true(g[0] == 3 && g[1] == 4);
}

static void a_gradient_that_is_no_number_stays_one(void **state)
{
    (void)state;
    float g[2] = { 1, NAN };
    assert_true(isnan(optim_clip(g, 2, 1)));
    assert_true(isnan(g[0]) && isnan(g[1]));
}

static void the_cosine_is_torchs(void **state)
{
    (void)state;
    static const int at[] = { 0, 1, 10, 25, 49 };
    double want[5];
    golden("cosine", want, 5);
    for (int i = 0; i < 5; i++)
        assert_true(fabs(optim_cosine(0.025, 0.001, at[i], 50) - want[i]) < 1e-9);
    assert_true(optim_cosine(0.025, 0.001, 0, 0) == 0.025);
}

static void steps_decay_after_the_warm_up(void **state)
{
    (void)state;
    assert_true(optim_step_decay(1, 0.5, 0, 10, 4) == 0.25);
    assert_true(optim_step_decay(1, 0.5, 3, 10, 4) == 1);
    assert_true(optim_step_decay(1, 0.5, 13, 10, 4) == 1);
    assert_true(optim_step_decay(1, 0.5, 14, 10, 4) == 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sgd_is_torchs),
        cmocka_unit_test(adam_is_torchs),
        cmocka_unit_test(clipping_is_torchs),
        cmocka_unit_test(a_gradient_that_is_no_number_stays_one),
        cmocka_unit_test(the_cosine_is_torchs),
        cmocka_unit_test(steps_decay_after_the_warm_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
