// SPDX-License-Identifier: MIT
#include "tests/search/toy.h"

#include "src/search/oneshot.h"
#include "src/search/table.h"

static Toy toy;

static int setup(void **state)
{
    (void)state;
    toy_init(&toy, "random");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    toy_fini(&toy);
    return 0;
}

static void trials_follow_the_shared_epochs(void **state)
{
    (void)state;
    char *log = toy_run(&toy);
    assert_int_equal(toy_count(log, "\"t\":\"epoch\""), 1);
    assert_int_equal(toy_count(log, "\"t\":\"trial\""), 6);
    assert_int_equal(toy_count(log, "\"number\":5"), 1);
    assert_int_equal(toy_count(log, "\"values\":{\"accuracy\":"), 6);
    assert_true(strstr(log, "\"t\":\"epoch\"") < strstr(log, "\"t\":\"trial\""));
    mem_free(log);
}

static void random_search_resumes_at_every_step(void **state)
{
    (void)state;
    toy_check_resume(&toy);
}

static void evolution_resumes_at_every_step(void **state)
{
    (void)state;
    toy.ctx.options.strategy = "evolution";
    toy_check_resume(&toy);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    toy_check_threads(&toy);
}

static Oneshot *open_evolution(void)
{
    void *self = NULL;
    Error err = { 0 };
    toy.ctx.options.strategy = "evolution";
    toy.ctx.options.trials = 40;
    toy.ctx.options.share_epochs = 0;
    if (strategy_evolution.open(&toy.ctx, &self, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return self;
}

static void parents_come_from_the_youngest_trials_only(void **state)
{
    (void)state;
    Oneshot *o = open_evolution();
    toy.ctx.options.population = 3;
    o->n_trials = 10;
    for (int i = 0; i < 10; i++)
        o->trials[i].values[0] = 1 - 0.1 * i; // the old ones are better
    o->t.ctx.options.population = 3;
    o->t.ctx.options.sample = 64; // sees everything alive
    Rng rng = rng_new(1);
    assert_int_equal(evolution_parent(o, &rng), 7);
    bool seen[10] = { false };
    o->t.ctx.options.sample = 1;
    for (int i = 0; i < 200; i++)
        seen[evolution_parent(o, &rng)] = true;
    for (int i = 0; i < 10; i++)
        assert_int_equal(seen[i], i >= 7);
    oneshot_close(o);
}

static void with_two_objectives_the_parent_wins_most(void **state)
{
    (void)state;
    toy.tiny.space.n_objectives = 2;
    toy.tiny.space.objectives[1].name = "params";
    toy.tiny.space.objectives[1].maximize = false;
    Oneshot *o = open_evolution();
    const double values[4][2] = { { 0.9, 900 }, { 0.8, 100 }, { 0.7, 200 }, { 0.6, 300 } };
    o->n_trials = 4;
    for (int i = 0; i < 4; i++)
        memcpy(o->trials[i].values, values[i], sizeof values[i]);
    assert_true(oneshot_dominates(o, &o->trials[1], &o->trials[2]));
    assert_false(oneshot_dominates(o, &o->trials[0], &o->trials[2]));
    assert_false(oneshot_dominates(o, &o->trials[1], &o->trials[1]));
    o->t.ctx.options.population = 4;
    o->t.ctx.options.sample = 200;
    Rng rng = rng_new(1);
    assert_int_equal(evolution_parent(o, &rng), 1); // beats 2 and 3, number 0 nobody
    Genotype geno;
    Candidate value;
    Error err = { 0 };
    for (int i = 0; i < 4; i++) {
        Rng one = oneshot_rng(o, i);
        arch_random(&toy.tiny.space, &one, &o->trials[i].arch);
        o->trials[i].value.accuracy = values[i][0];
    }
    assert_int_equal(oneshot_result(o, &geno, &value, &err), STATUS_OK);
    assert_true(value.accuracy == 0.9); // the most accurate on the front
    oneshot_close(o);
}

static void a_child_differs_from_its_parent_a_little(void **state)
{
    (void)state;
    Oneshot *o = open_evolution();
    Arch child;
    Genotype a, b;
    o->t.ctx.options.population = 1;
    Rng rng = oneshot_rng(o, 0);
    arch_random(&toy.tiny.space, &rng, &o->trials[0].arch);
    o->n_trials = 1;
    o->propose(o, &child);
    arch_to_genotype(&toy.tiny.space, &o->trials[0].arch, &a);
    arch_to_genotype(&toy.tiny.space, &child, &b);
    assert_false(genotype_equal(&a, &b));
    assert_true(geno_cell_equal(&a.cells[0], &b.cells[0]) ||
                geno_cell_equal(&a.cells[1], &b.cells[1]));
    oneshot_close(o);
}

static void scoring_leaves_the_weights_and_statistics_alone(void **state)
{
    (void)state;
    Oneshot *o = open_evolution();
    size_t n = plan_param_count(o->t.plan), m = plan_buffer_count(o->t.plan);
    float *w = mem_array(n, sizeof *w), *b = mem_array(m, sizeof *b);
    memcpy(w, plan_params(o->t.plan), n * sizeof *w);
    memcpy(b, plan_buffers(o->t.plan), m * sizeof *b);
    Trial first, second;
    Error err = { 0 };
    Arch arch;
    Rng rng = rng_new(3);
    arch_random(&toy.tiny.space, &rng, &arch);
    assert_int_equal(oneshot_score(o, &arch, &first, &err), STATUS_OK);
    assert_memory_equal(w, plan_params(o->t.plan), n * sizeof *w);
    assert_memory_equal(b, plan_buffers(o->t.plan), m * sizeof *b);
    assert_int_equal(oneshot_score(o, &arch, &second, &err), STATUS_OK);
    assert_true(first.value.loss == second.value.loss);
    o->t.ctx.options.bn_batches = 0; // other statistics, another score
    assert_int_equal(oneshot_score(o, &arch, &second, &err), STATUS_OK);
    assert_true(first.value.loss != second.value.loss);
    mem_free(w);
    mem_free(b);
    oneshot_close(o);
}

static Status halve(void *self, const Candidate *c, double *values, int n, Error *err)
{
    (void)err;
    assert_int_equal(n, 1);
    assert_non_null(c->geno);
    assert_true(c->params > 0 && c->macs > 0 && isnan(c->latency_ms));
    ++*(int *)self;
    values[0] = 1000.5 + c->accuracy / 2;
    return STATUS_OK;
}

static void the_objective_is_asked_for_every_candidate(void **state)
{
    (void)state;
    int calls = 0;
    toy.ctx.objective.self = &calls;
    toy.ctx.objective.score = halve;
    char *log = toy_run(&toy);
    assert_int_equal(calls, 6 + 1); // and for the random path of the epoch
    assert_int_equal(toy_count(log, "\"accuracy\":100"), 6);
    mem_free(log);
}

static void a_derived_network_learns_from_scratch(void **state)
{
    (void)state;
    Genotype geno;
    Error err = { 0 };
    RetrainProgress result;
    RetrainOptions o = { .epochs = 20,
                         .cells = 3,
                         .channels = 4,
                         .batch = 16,
                         .threads = 1,
                         .lr = 0.1,
                         .momentum = 0.9,
                         .decay = 3e-4,
                         .clip = 5,
                         .drop_path = 0.1,
                         .aux_weight = 0.4,
                         .aux = true,
                         .seed = 1 };
    RetrainJob job = { .space = &toy.tiny.space,
                       .geno = &geno,
                       .data = &toy.data,
                       .split = &toy.split,
                       .options = o,
                       .stop = &toy.stop };
    toy.split.test = toy.test;
    toy.split.n_test = 16;
    assert_int_equal(
        genotype_parse("Genotype(normal=[('sep_conv_3x3', 0), ('max_pool_3x3', 1), "
                       "('skip_connect', 0), ('sep_conv_3x3', 2)], normal_concat=range(2, 4), "
                       "reduce=[('sep_conv_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_3x3', 2), "
                       "('skip_connect', 0)], reduce_concat=range(2, 4))",
                       &geno, NULL, &err),
        STATUS_OK);
    Status status = search_retrain(&job, &result, &err);
    if (status != STATUS_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(result.epoch, 19);
    if (result.test_acc < 0.8 || result.train_acc < 0.8)
        fail_msg("test accuracy %g, training %g", result.test_acc, result.train_acc);
    toy.stop = 1;
    assert_int_equal(search_retrain(&job, &result, &err), STATUS_STOPPED);
    toy.split.n_test = 0;
    assert_int_equal(search_retrain(&job, &result, &err), STATUS_ARG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(trials_follow_the_shared_epochs),
        TEST(random_search_resumes_at_every_step),
        TEST(evolution_resumes_at_every_step),
        TEST(threads_do_not_change_a_bit),
        TEST(parents_come_from_the_youngest_trials_only),
        TEST(with_two_objectives_the_parent_wins_most),
        TEST(a_child_differs_from_its_parent_a_little),
        TEST(scoring_leaves_the_weights_and_statistics_alone),
        TEST(the_objective_is_asked_for_every_candidate),
        TEST(a_derived_network_learns_from_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
