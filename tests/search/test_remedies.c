// SPDX-License-Identifier: MIT
#include "tests/support/tiny_space.h"

#include <math.h>

#include "src/search/remedies.h"

static TinySpace tiny;
static Alpha alpha;
enum { MOST = 64 };

static int setup(void **state)
{
    (void)state;
    tiny_darts(&tiny);
    assert_true(alpha_init(&alpha, &tiny.space, false, 1.0, 11));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    alpha_fini(&alpha);
    return 0;
}

#define NEAR(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

// ---- beta-decay

// sum over cell types of the mean over edges of logsumexp.
static double decay_loss(void)
{
    double sum = 0;
    for (int t = 0; t < alpha.types; t++)
        for (int e = 0; e < 5; e++) {
            double row = 0;
            for (int k = 0; k < 4; k++)
                row += exp(alpha.value[alpha.offset[t] + 4 * e + k]);
            sum += log(row) / 5;
        }
    return sum;
}

static void beta_decay_is_the_gradient_of_mean_logsumexp(void **state)
{
    (void)state;
    double grad[MOST] = { 0 };
    beta_decay_add(&alpha, 2.5, grad);
    for (int i = 0; i < alpha.n; i++) {
        float was = alpha.value[i], h = 0.015625f;
        alpha.value[i] = was + h;
        double up = decay_loss();
        alpha.value[i] = was - h;
        double down = decay_loss();
        alpha.value[i] = was;
        NEAR(grad[i], 2.5 * (up - down) / (2.0 * h), 1e-4);
    }
    NEAR(beta_decay_weight(50, 0, 100), 0, 0);
    NEAR(beta_decay_weight(50, 50, 100), 25, 0);
}

// ---- schedules

static void schedules_are_those_of_the_papers(void **state)
{
    (void)state;
    NEAR(dartsminus_weight(1, 0, 50), 1, 0);
    NEAR(dartsminus_weight(1, 40, 50), 0.2, 1e-12);
    NEAR(dartsminus_weight(1, 50, 50), 0, 0);
    NEAR(sdarts_eps(0.3, 0, 50), 0.03, 1e-12);
    NEAR(sdarts_eps(0.3, 25, 50), 0.03 + 0.27 / 2, 1e-12);
    NEAR(skip_dropout_rate(0.4, 4, 10, 25), 0.4 * 20 / 25, 1e-12);
    NEAR(skip_dropout_rate(0.4, 10, 10, 25), 0.4, 1e-12);
    NEAR(skip_dropout_rate(0.4, 15, 10, 25), 0.4 * exp(-1), 1e-12);
    NEAR(gdas_tau(10, 0.1, 0, 250), 10, 0);
    NEAR(gdas_tau(10, 0.1, 249, 250), 0.1, 1e-12);
}

// ---- SDARTS-RS

static void sdarts_stays_within_eps_before_it_renormalises(void **state)
{
    (void)state;
    double p[MOST], was[MOST];
    Rng rng = rng_new(5);
    weights_forward(&alpha, WEIGHT_SOFTMAX, was);
    memcpy(p, was, sizeof p);
    sdarts_perturb(&alpha, 0.1, &rng, p);
    bool moved = false;
    for (int row = 0; row < 10; row++) {
        double sum = 0;
        for (int k = 4 * row; k < 4 * row + 4; k++) {
            sum += p[k];
            assert_true(p[k] >= 0 && p[k] <= 1);
            // four entries within 0.1: the sum before was within 1 +- 0.4
            assert_true(p[k] <= (was[k] + 0.1) / 0.6 && p[k] >= (was[k] - 0.1) / 1.4);
            moved = moved || fabs(p[k] - was[k]) > 1e-3;
        }
        NEAR(sum, 1, 1e-12);
    }
    assert_true(moved);
}

// ---- skip cap

static int skips_of(const GenoCell *cell)
{
    int n = 0;
    for (int i = 0; i < cell->n_edges; i++)
        n += strcmp(cell->edges[i].op, "skip_connect") == 0;
    return n;
}

static void the_cap_takes_the_weakest_skips(void **state)
{
    (void)state;
    float p[20], work[20];
    GenoCell cell;
    for (int e = 0; e < 5; e++) { // skip leads everywhere, by 0.1 per edge more
        p[4 * e] = 0.05f;
        p[4 * e + 1] = 0.06f;
        p[4 * e + 2] = 0.3f + 0.1f * (float)e;
        p[4 * e + 3] = 0.2f;
    }
    memcpy(work, p, sizeof p);
    skip_cap_derive(&tiny.space, 0, work, 4, &cell);
    assert_int_equal(skips_of(&cell), 4);
    memcpy(work, p, sizeof p);
    skip_cap_derive(&tiny.space, 0, work, 2, &cell);
    assert_int_equal(skips_of(&cell), 2);
    assert_int_equal(cell.n_edges, 4);
    // edges 0 and 1 lost theirs, the strong ones into node 3 stay
    for (int i = 0; i < cell.n_edges; i++)
        assert_string_equal(cell.edges[i].op,
                            cell.edges[i].to == 3 ? "skip_connect" : "sep_conv_3x3");
}

// ---- FairDARTS

static void the_fair_gradient_is_that_of_its_loss(void **state)
{
    (void)state;
    double grad[MOST] = { 0 };
    fair_add(&alpha, 10, grad);
    for (int i = 0; i < alpha.n; i++) {
        float was = alpha.value[i], h = 0.015625f;
        alpha.value[i] = was + h;
        double up = fair_loss(&alpha, 10);
        alpha.value[i] = was - h;
        double down = fair_loss(&alpha, 10);
        alpha.value[i] = was;
        NEAR(grad[i], (up - down) / (2.0 * h), 1e-4);
    }
    for (int i = 0; i < alpha.n; i++)
        alpha.value[i] = 40; // every sigmoid is 1: loss -10 * 0.25
    NEAR(fair_loss(&alpha, 10), -2.5, 1e-9);
}

static void fair_keeps_what_is_over_the_threshold(void **state)
{
    (void)state;
    float p[20] = { 0 };
    GenoCell cell;
    for (int e = 0; e < 5; e++)
        p[4 * e + 3] = 0.5f + 0.1f * (float)e; // 0.5 0.6 | 0.7 0.8 0.9
    arch_derive_cell(&tiny.space, 0, p, &cell);
    assert_int_equal(cell.n_edges, 4);
    fair_prune(&tiny.space, 0, p, 0.75, &cell);
    assert_int_equal(cell.n_edges, 3); // node 2 keeps its strongest although it is under
    assert_int_equal(cell.edges[0].from, 1);
    assert_int_equal(cell.edges[1].from, 2);
    assert_int_equal(cell.edges[2].from, 1);
}

// ---- GDAS

static void gdas_samples_one_operator_by_its_probability(void **state)
{
    (void)state;
    double soft[MOST], hard[MOST], p[MOST];
    bool active[MOST];
    int hits[4] = { 0 };
    enum { DRAWS = 4000 };
    weights_forward(&alpha, WEIGHT_SOFTMAX, p);
    for (int i = 0; i < DRAWS; i++) {
        Rng rng = rng_at(1, 2, (uint64_t)i);
        gdas_sample(&alpha, 1, &rng, soft, hard, active);
        double sum = hard[0] + hard[1] + hard[2] + hard[3];
        NEAR(sum, 1, 0);
        for (int k = 0; k < 4; k++) {
            hits[k] += hard[k] == 1;
            assert_int_equal(active[k], hard[k] == 1);
        }
    }
    for (int k = 0; k < 4; k++) // Gumbel-max: five standard errors
        NEAR(hits[k] / (double)DRAWS, p[k], 5 * sqrt(p[k] * (1 - p[k]) / DRAWS));
}

static void gdas_passes_the_gradient_through_the_soft_sample(void **state)
{
    (void)state;
    double soft[MOST], hard[MOST], up[MOST], down[MOST], g[MOST] = { 0 }, out[MOST];
    bool active[MOST];
    const double tau = 2;
    for (int i = 0; i < 4; i++)
        g[i] = i + 0.5;
    Rng rng = rng_new(9);
    gdas_sample(&alpha, tau, &rng, soft, hard, active);
    gdas_backward(&alpha, tau, soft, g, out);
    for (int i = 0; i < 4; i++) {
        float was = alpha.value[i], h = 0.015625f;
        alpha.value[i] = was + h;
        rng = rng_new(9);
        gdas_sample(&alpha, tau, &rng, up, hard, active);
        alpha.value[i] = was - h;
        rng = rng_new(9);
        gdas_sample(&alpha, tau, &rng, down, hard, active);
        alpha.value[i] = was;
        double sum = 0;
        for (int k = 0; k < 4; k++)
            sum += g[k] * (up[k] - down[k]) / (2.0 * h);
        NEAR(out[i], sum, 1e-4);
    }
}

// ---- SGAS

static void sgas_scores_by_importance_certainty_and_stability(void **state)
{
    (void)state;
    Sgas s;
    double score[8];
    for (int i = 0; i < alpha.n; i++)
        alpha.value[i] = 0;
    alpha.value[4 * 3 + 3] = 3; // edge 3 is certain and important
    alpha.value[4 * 1 + 0] = 3; // edge 1 is mostly none
    assert_true(sgas_init(&s, &alpha));
    for (int e = 0; e < SGAS_FIRST; e++)
        sgas_epoch(&s, &alpha, e);
    assert_int_equal(s.n_past, SGAS_HISTORY);
    sgas_scores(&s, &alpha, 0, score);
    NEAR(score[3], 1, 1e-6);
    NEAR(score[1], 0, 1e-6);
    assert_int_equal(s.choice[3], -1);
    sgas_epoch(&s, &alpha, SGAS_FIRST);
    assert_int_equal(s.choice[3], 3);
    assert_int_equal(s.choice[2], -1); // node 3 keeps two of three
    double p[MOST];
    bool active[MOST];
    memset(active, 1, sizeof active);
    weights_forward(&alpha, WEIGHT_SOFTMAX, p);
    sgas_apply(&s, &alpha, p, active);
    NEAR(p[15], 1, 0);
    NEAR(p[12], 0, 0);
    assert_false(active[12]);
    assert_true(active[15]);
    alpha.value[4 * 4 + 1] = 4; // edge 4 next: then node 3 is full and edge 2 goes
    for (int e = SGAS_FIRST + 1; e <= SGAS_FIRST + SGAS_EVERY; e++)
        sgas_epoch(&s, &alpha, e);
    assert_int_equal(s.choice[4], 1);
    assert_int_equal(s.choice[2], -2);
    sgas_apply(&s, &alpha, p, active);
    NEAR(p[8] + p[9] + p[10] + p[11], 0, 0);
    sgas_fini(&s);
}

// ---- gradient match

static void cosines_run_along_the_output_channels(void **state)
{
    (void)state;
    const ParamInfo info = { "w", 2, { 2, 3 }, 0, 6 };
    const float a[6] = { 1, 0, 0, 1, 2, 2 }, b[6] = { 2, 0, 0, 2, 1, 2 }, c[6] = { 0 };
    NEAR(match_cosine(&info, a, b), (1 + 8.0 / 9) / 2, 1e-9);
    NEAR(match_cosine(&info, a, c), 0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(beta_decay_is_the_gradient_of_mean_logsumexp),
        TEST(schedules_are_those_of_the_papers),
        TEST(sdarts_stays_within_eps_before_it_renormalises),
        TEST(the_cap_takes_the_weakest_skips),
        TEST(the_fair_gradient_is_that_of_its_loss),
        TEST(fair_keeps_what_is_over_the_threshold),
        TEST(gdas_samples_one_operator_by_its_probability),
        TEST(gdas_passes_the_gradient_through_the_soft_sample),
        TEST(sgas_scores_by_importance_certainty_and_stability),
        TEST(cosines_run_along_the_output_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
