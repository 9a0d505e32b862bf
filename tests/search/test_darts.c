// SPDX-License-Identifier: MIT
#include "tests/search/toy.h"

static Toy toy;

static int setup(void **state)
{
    (void)state;
    toy_init(&toy, "darts");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    toy_fini(&toy);
    return 0;
}

static void the_supernet_learns_the_toy_problem(void **state)
{
    (void)state;
    toy.ctx.options.epochs = 25;
    Search *search = toy_open(&toy);
    toy_begin(search);
    while (toy_step(search))
        ;
    SearchProgress p;
    search_progress(search, &p);
    assert_int_equal(p.epoch, 24);
    assert_int_equal(p.step, p.steps);
    assert_true(p.done && p.epoch_ended);
    if (p.valid_acc < 0.75 || p.train_acc < 0.8)
        fail_msg("validation accuracy %g, training %g", p.valid_acc, p.train_acc);
    Genotype geno;
    Candidate value;
    Error err = { 0 };
    assert_int_equal(search_result(search, &geno, &value, &err), STATUS_OK);
    assert_int_equal(geno.n_cells, 2);
    assert_int_equal(geno.cells[0].n_edges, 4);
    assert_true(value.params > 0 && value.accuracy == p.valid_acc);
    search_free(search);
}

static void every_look_and_epoch_is_recorded(void **state)
{
    (void)state;
    char *log = toy_run(&toy);
    // 40 images in batches of 16: 3 steps an epoch, 6 in all; looks at 2 and 4, epoch ends 3, 6
    assert_int_equal(toy_count(log, "\"t\":\"alpha\""), 2 * (1 + 2 + 2));
    assert_int_equal(toy_count(log, "\"t\":\"signals\""), 2 * (1 + 2 + 2));
    assert_int_equal(toy_count(log, "\"t\":\"epoch\""), 2);
    assert_int_equal(toy_count(log, "\"t\":\"genotype\""), 2);
    assert_int_equal(toy_count(log, "\"epoch\":-1"), 4);
    assert_int_equal(toy_count(log, "\"epoch\":0,\"step\":2,\"cell\":\"normal\""), 2);
    assert_int_equal(toy_count(log, "\"epoch\":0,\"step\":3,\"cell\":\"normal\""), 2);
    assert_int_equal(toy_count(log, "\"t\":\"hessian\""), 0);
    mem_free(log);
}

static void warm_up_leaves_alpha_alone(void **state)
{
    (void)state;
    toy.ctx.options.warmup_epochs = 1;
    Search *search = toy_open(&toy);
    toy_begin(search);
    char *first = strstr(str_text(&toy.log), "\"a\":");
    char start[400];
    snprintf(start, sizeof start, "%.200s", first);
    for (int i = 0; i < 3; i++)
        toy_step(search);
    assert_int_equal(toy_count(str_text(&toy.log), start), 3); // start, step 2, step 3
    toy_step(search);
    assert_int_equal(toy_count(str_text(&toy.log), start), 3);
    search_free(search);
}

static void a_resumed_search_gives_the_same_bits_at_every_step(void **state)
{
    (void)state;
    toy_check_resume(&toy);
}

static void so_does_one_of_second_order(void **state)
{
    (void)state;
    toy.ctx.options.order = ORDER_SECOND;
    toy.ctx.options.step_order = STEP_W_FIRST;
    toy_check_resume(&toy);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    toy.ctx.options.order = ORDER_SECOND;
    toy_check_threads(&toy);
}

static void the_order_of_the_halves_matters(void **state)
{
    (void)state;
    char *alpha_first = toy_run(&toy);
    str_clear(&toy.log);
    toy.ctx.options.step_order = STEP_W_FIRST;
    char *w_first = toy_run(&toy);
    assert_string_not_equal(alpha_first, w_first);
    mem_free(alpha_first);
    mem_free(w_first);
}

static void a_stop_request_ends_before_the_next_step(void **state)
{
    (void)state;
    Search *search = toy_open(&toy);
    SearchProgress p;
    Error err = { 0 };
    toy_step(search);
    atomic_store(&toy.stop, 1);
    assert_int_equal(search_step(search, &p, &err), STATUS_STOPPED);
    search_progress(search, &p);
    assert_int_equal(p.step, 1);
    atomic_store(&toy.stop, 0);
    toy_step(search);
    search_progress(search, &p);
    assert_int_equal(p.step, 2);
    search_free(search);
}

// ---- every remedy runs, resumes, and does something
// ----------------------------------------------

typedef void Switch(SearchOptions *o);
static void on_nothing(SearchOptions *o)
{
    (void)o;
}
static void on_beta_decay(SearchOptions *o)
{
    o->beta_decay = 50;
}
static void on_dartsminus(SearchOptions *o)
{
    o->dartsminus = 1;
}
static void on_skip_dropout(SearchOptions *o)
{
    o->skip_dropout = 0.4;
}
static void on_drop_path(SearchOptions *o)
{
    o->drop_path = 0.3;
}
static void on_sdarts(SearchOptions *o)
{
    o->sdarts_rs = 0.3;
}
static void on_fair(SearchOptions *o)
{
    o->fair = true;
}
static void on_partial(SearchOptions *o)
{
    o->partial = 2;
    o->edge_weights = true;
}
static void on_edge_weights(SearchOptions *o)
{
    o->edge_weights = true;
}
static void on_noisy_skip(SearchOptions *o)
{
    o->noisy_skip = 0.2;
}
static void on_oles(SearchOptions *o)
{
    o->oles = 0.4;
    o->epochs = 9;
}
static void on_long(SearchOptions *o)
{
    o->epochs = 9;
}
static void on_sgas(SearchOptions *o)
{
    o->sgas = true;
    o->epochs = 12;
}
static void on_longer(SearchOptions *o)
{
    o->epochs = 12;
}
static void on_decay(SearchOptions *o)
{
    o->w.decay = 0.01;
}

static char *run_with(Switch *on)
{
    toy_options(&toy.ctx.options, "darts");
    on(&toy.ctx.options);
    str_clear(&toy.log);
    char *log = toy_run(&toy);
    assert_null(strstr(log, "nan"));
    return log;
}

static void every_remedy_changes_the_search(void **state)
{
    (void)state;
    Switch *const remedies[] = { on_beta_decay, on_dartsminus, on_skip_dropout, on_drop_path,
                                 on_sdarts,     on_fair,       on_partial,      on_edge_weights,
                                 on_noisy_skip, on_decay };
    char *plain = run_with(on_nothing);
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++) {
        char *log = run_with(remedies[i]);
        if (strcmp(log, plain) == 0)
            fail_msg("remedy %zu does nothing", i);
        mem_free(log);
    }
    mem_free(plain);
    char *long_plain = run_with(on_long), *oles = run_with(on_oles);
    assert_string_not_equal(long_plain, oles);
    assert_non_null(strstr(oles, "\"frozen\":"));
    mem_free(long_plain);
    mem_free(oles);
    char *longer = run_with(on_longer), *sgas = run_with(on_sgas);
    assert_string_not_equal(longer, sgas);
    mem_free(longer);
    mem_free(sgas);
}

static void all_remedies_together_resume(void **state)
{
    (void)state;
    SearchOptions *o = &toy.ctx.options;
    o->epochs = 2;
    on_beta_decay(o);
    on_dartsminus(o);
    on_skip_dropout(o);
    on_drop_path(o);
    on_sdarts(o);
    on_noisy_skip(o);
    o->partial = 2;
    o->edge_weights = true;
    o->oles = 0.4;
    o->sgas = true;
    o->hessian_every = 1;
    o->gradient_match = o->layer_alignment = o->discretisation = true;
    toy_check_resume(&toy);
}

static void gdas_samples_and_resumes(void **state)
{
    (void)state;
    toy.ctx.options.strategy = "gdas";
    toy_check_resume(&toy);
}

static void masking_decides_every_edge_and_resumes(void **state)
{
    (void)state;
    toy.ctx.options.pt = true;
    toy.ctx.options.epochs = 1;
    Search *search = toy_open(&toy);
    SearchProgress p;
    toy_begin(search);
    search_progress(search, &p);
    assert_int_equal(p.steps, 3 * (1 + 5 * (5 + 2))); // 5 edges, 2 nodes
    for (int i = 0; i < 3 * (1 + 5 * 3) + 1; i++)     // within the tuning after decision 4
        toy_step(search);
    const char *alpha = NULL;
    Str before = toy_pack(search);
    Search *again = toy_open(&toy);
    toy_unpack(again, &before);
    str_clear(&toy.log);
    while (toy_step(search))
        ;
    char *log = mem_strdup(str_text(&toy.log));
    str_clear(&toy.log);
    while (toy_step(again))
        ;
    assert_string_equal(str_text(&toy.log), log);
    // at the end every row is one-hot, or nothing but none
    for (const char *q = log; (q = strstr(q, "\"cell\":\"normal\",\"a\":")) != NULL; q++)
        alpha = q;
    assert_non_null(alpha);
    char *end = strchr(alpha, '\n');
    *end = '\0';
    assert_null(strstr(alpha, "0.2"));
    int ones = toy_count(alpha, "[1") + toy_count(alpha, ",1");
    assert_int_equal(ones, 4); // two nodes that keep two
    search_free(again);
    search_free(search);
    str_fini(&before);
    mem_free(log);
}

static void a_remedy_can_be_switched_on_at_a_checkpoint(void **state)
{
    (void)state;
    Search *search = toy_open(&toy);
    for (int i = 0; i < 4; i++)
        toy_step(search);
    Str bytes = toy_pack(search);
    search_free(search);
    on_dartsminus(&toy.ctx.options);
    on_beta_decay(&toy.ctx.options);
    toy.ctx.options.oles = 0.4;
    Search *fork = toy_open(&toy);
    toy_unpack(fork, &bytes);
    SearchProgress p;
    search_progress(fork, &p);
    assert_int_equal(p.step, 4);
    while (toy_step(fork))
        ;
    search_free(fork);
    str_fini(&bytes);
}

static void a_damaged_state_is_refused(void **state)
{
    (void)state;
    Search *search = toy_open(&toy);
    SearchState whole;
    Str bytes = { 0 };
    SafeFile *file = NULL;
    Error err = { 0 };
    assert_int_equal(search_save(search, &whole, &err), STATUS_OK);
    assert_int_equal(safetensors_pack(whole.tensors + 1, whole.n_tensors - 1, whole.meta,
                                      whole.n_meta, &bytes, &err),
                     STATUS_OK);
    assert_int_equal(safetensors_parse(bytes.text, bytes.len, "state", &file, &err), STATUS_OK);
    assert_int_not_equal(search_load(search, file, &err), STATUS_OK);
    safetensors_close(file);
    search_free(search);
    toy.ctx.options.strategy = "random";
    search = toy_open(&toy);
    toy.ctx.options.strategy = "darts";
    Search *other = toy_open(&toy);
    Str random = toy_pack(search);
    assert_int_equal(safetensors_parse(random.text, random.len, "state", &file, &err), STATUS_OK);
    assert_int_equal(search_load(other, file, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "oneshot"));
    safetensors_close(file);
    search_free(search);
    search_free(other);
    str_fini(&random);
    str_fini(&bytes);
}

static void the_nb201_skeleton_is_searched_too(void **state)
{
    (void)state;
    tiny_nb201(&toy.tiny);
    toy.ctx.options.step_order = STEP_W_FIRST;
    char *log = toy_run(&toy);
    assert_int_equal(toy_count(log, "\"cell\":\"cell\""), 2 * 5);
    assert_non_null(strstr(log, "~0|+|"));
    mem_free(log);
}

static void signals_that_cost_passes_leave_the_search_alone(void **state)
{
    (void)state;
    char *plain = toy_run(&toy);
    str_clear(&toy.log);
    toy.ctx.options.hessian_every = 1;
    toy.ctx.options.discretisation = toy.ctx.options.gradient_match = true;
    Search *search = toy_open(&toy);
    toy_begin(search);
    while (toy_step(search))
        ;
    const char *log = str_text(&toy.log);
    assert_int_equal(toy_count(log, "\"t\":\"hessian\""), 2);
    assert_int_equal(toy_count(log, "\"discretisation\":"), 2);
    // the alpha records of the plain run are all there
    for (const char *line = strstr(plain, "{\"t\":\"alpha\""); line;
         line = strstr(line + 1, "{\"t\":\"alpha\"")) {
        char *end = strchr(line, '\n'), keep = *end;
        *end = '\0';
        if (!strstr(log, line))
            fail_msg("changed: %s", line);
        *end = keep;
    }
    search_free(search);
    mem_free(plain);
}

static void a_collapse_is_journaled_once_and_survives_a_resume(void **state)
{
    (void)state;
    // a space whose only operators are skip and none collapses by construction
    toy.ctx.options.epochs = 12;
    toy.ctx.options.w.lr = 0.01;
    for (int e = 0; e < 5; e++)
        toy.tiny.edges[e].n_ops = 3;
    Search *search = toy_open(&toy);
    toy_begin(search);
    while (toy_step(search))
        ;
    SearchProgress p;
    search_progress(search, &p);
    char *log = mem_strdup(str_text(&toy.log));
    int alarms = toy_count(log, "\"t\":\"alarm\"");
    assert_true(alarms > 0);
    assert_int_equal(alarms, health_alarm_count(search_health(search)));
    Str bytes = toy_pack(search);
    Search *again = toy_open(&toy);
    toy_unpack(again, &bytes);
    SearchProgress q;
    search_progress(again, &q);
    assert_int_equal(q.verdict, p.verdict);
    assert_int_equal(health_alarm_count(search_health(again)), alarms);
    search_free(again);
    search_free(search);
    str_fini(&bytes);
    mem_free(log);
}

static void memory_that_runs_out_is_an_error(void **state)
{
    (void)state;
    bool done = false;
    for (int64_t n = 0; !done; n += 1 + n / 7) {
        Search *search = NULL;
        Error err = { 0 };
        alloc_fail_after(n);
        Status status = search_new(&toy.ctx, &search, &err);
        alloc_fail_after(-1);
        done = status == STATUS_OK;
        if (!done)
            assert_int_equal(status, STATUS_NOMEM);
        else
            search_free(search);
    }
}

static void unknown_strategies_are_named(void **state)
{
    (void)state;
    Search *search = NULL;
    Error err = { 0 };
    toy.ctx.options.strategy = "evolutoin";
    assert_int_equal(search_new(&toy.ctx, &search, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "did you mean 'evolution'"));
    toy.ctx.options.strategy = "darts";
    toy.split.n_valid = 0;
    assert_int_equal(search_new(&toy.ctx, &search, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "validation part"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_supernet_learns_the_toy_problem),
        TEST(every_look_and_epoch_is_recorded),
        TEST(warm_up_leaves_alpha_alone),
        TEST(a_resumed_search_gives_the_same_bits_at_every_step),
        TEST(so_does_one_of_second_order),
        TEST(threads_do_not_change_a_bit),
        TEST(the_order_of_the_halves_matters),
        TEST(a_stop_request_ends_before_the_next_step),
        TEST(every_remedy_changes_the_search),
        TEST(all_remedies_together_resume),
        TEST(gdas_samples_and_resumes),
        TEST(masking_decides_every_edge_and_resumes),
        TEST(a_remedy_can_be_switched_on_at_a_checkpoint),
        TEST(a_damaged_state_is_refused),
        TEST(the_nb201_skeleton_is_searched_too),
        TEST(signals_that_cost_passes_leave_the_search_alone),
        TEST(a_collapse_is_journaled_once_and_survives_a_resume),
        TEST(memory_that_runs_out_is_an_error),
        TEST(unknown_strategies_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
