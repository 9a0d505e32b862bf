// SPDX-License-Identifier: MIT
// P-DARTS: what is dropped and when, what a stage starts from, and that a search can be resumed
// inside a later stage.
#include "tests/search/toy_darts.h"

static Toy toy;

enum { STAGES = 3, EPOCHS = 2, DEEPER = 2 };

static void open_toy(bool nb201)
{
    toy_init(&toy, "darts");
    if (nb201)
        tiny_nb201(&toy.tiny);
    SearchOptions *o = &toy.ctx.options;
    o->pdarts_stages = STAGES;
    o->pdarts_cells = DEEPER;
    o->pdarts_dropout = 0.3;
    o->skip_dropout = 0.1;
    o->epochs = EPOCHS;
    o->warmup_epochs = 1;
    o->alpha.lr = 0.05;
}

static Darts *open_darts(void)
{
    Error err = { 0 };
    Darts *d = toy_darts(&toy);
    assert_int_equal(strategy_darts.begin(d, &err), STATUS_OK);
    return d;
}

// ---- rules

static void eight_operators_become_five_then_three(void **state)
{
    (void)state;
    assert_int_equal(pdarts_keep(8, 0, 3), 5);
    assert_int_equal(pdarts_keep(8, 1, 3), 3);
    assert_int_equal(pdarts_keep(5, 0, 3), 3);
    assert_int_equal(pdarts_keep(4, 0, 3), 3);
    assert_int_equal(pdarts_keep(4, 1, 3), 2);
    assert_int_equal(pdarts_keep(8, 0, 2), 4);
    assert_int_equal(pdarts_keep(2, 0, 3), 2); // an edge is not decided before the end
    assert_int_equal(pdarts_keep(1, 0, 3), 1);
    for (int s = 0; s < 3; s++)
        assert_true(fabs(pdarts_dropout(0.1, 0.3, s) - (0.1 + 0.3 * s)) < 1e-12);
    assert_true(pdarts_dropout(0, 0.3, 2) == 0);
}

static void the_weakest_operators_of_every_edge_go(void **state)
{
    (void)state;
    TinySpace tiny;
    Alpha a;
    tiny_darts(&tiny);
    assert_true(alpha_init(&a, &tiny.space, false, 1, 3));
    double p[40];
    for (int i = 0; i < 40; i++)
        p[i] = (i * 7 % 11) / 11.0;
    p[0] = p[1] = p[2] = p[3] = 0.25; // equal: the first goes
    pdarts_drop(&a, p, 0, 3);
    for (int e = 0; e < 10; e++) {
        int low = 0;
        for (int k = 1; k < 4; k++)
            low = p[4 * e + k] < p[4 * e + low] ? k : low;
        for (int k = 0; k < 4; k++)
            assert_int_equal(a.used[4 * e + k], k != low);
    }
    pdarts_drop(&a, p, 1, 3);
    for (int e = 0; e < 10; e++)
        assert_int_equal(a.used[4 * e] + a.used[4 * e + 1] + a.used[4 * e + 2] + a.used[4 * e + 3],
                         2);
    PrunedSpace pruned;
    assert_true(pdarts_space(&a, &pruned));
    for (int e = 0; e < 5; e++)
        for (int k = 0; k < 4; k++) {
            int op = pruned.space.cells[0].edges[e].ops[k];
            assert_int_equal(op, a.used[4 * e + k] ? k : 4);
        }
    assert_int_equal(pruned.space.ops[4].kind, OP_NONE);
    pdarts_space_fini(&pruned);
    alpha_fini(&a);
}

// ---- a search

static void check_params(const Darts *d)
{
    const Alpha *a = &d->alpha;
    for (int i = 0; i < plan_param_tensors(d->t.plan); i++) {
        const char *name = plan_param_info(d->t.plan, i)->name;
        const char *dot = strstr(name, "sep_conv_3x3");
        int from, to, type = strstr(name, ".reduction.") != NULL;
        if (!dot || sscanf(dot - 4, "%d-%d.", &from, &to) != 2)
            continue;
        int e = space_edge_index(&a->space->cells[type], from, to);
        assert_true(a->used[a->offset[type] + 4 * e + 3]);
    }
}

static void every_stage_begins_anew_deeper_and_with_fewer_operators(void **state)
{
    (void)state;
    open_toy(false);
    Darts *d = open_darts();
    assert_int_equal(darts_epochs(d), STAGES * EPOCHS);
    for (int stage = 0; stage < STAGES; stage++) {
        toy_darts_run(d, stage * EPOCHS - 1, 1); // the first step of the stage
        assert_int_equal(d->stage, stage);
        assert_int_equal(d->tables.cells, 3 + DEEPER * stage);
        assert_int_equal(darts_epoch(d), 0);
        assert_true(d->t.lr == toy.ctx.options.w.lr); // the cosine starts again
        double rate = (0.1 + 0.3 * stage) * (EPOCHS - 1) / EPOCHS;
        assert_true(fabs((double)d->t.mix_dropout - rate) < 1e-6);
        assert_int_equal(d->alpha.steps, 0);
        assert_int_equal(d->t.w_steps, 1);
        for (int i = 0; i < d->alpha.n; i++)
            assert_true(fabsf(d->alpha.value[i]) < 0.01f);
        for (int e = 0; e < 10; e++) {
            int n = 0;
            for (int k = 0; k < 4; k++)
                n += d->alpha.used[4 * e + k];
            assert_int_equal(n, 4 - stage);
        }
        check_params(d);
        toy_darts_run(d, stage * EPOCHS, 1); // alphas wait for the first epoch
        assert_true(d->alpha.steps == 1);
    }
    toy_darts_run(d, STAGES * EPOCHS - 1, 0);
    SearchProgress p;
    strategy_darts.progress(d, &p);
    assert_true(p.done);
    toy_darts_close(&toy, d);
}

// Records of one kind, in order.
static int records(const char *kind, Json **out, int most)
{
    int n = 0;
    Error err = { 0 };
    for (const char *line = str_text(&toy.log); *line; line = strchr(line, '\n') + 1) {
        Json *record = json_parse(line, (size_t)(strchr(line, '\n') - line), &err);
        assert_non_null(record);
        if (strcmp(json_get_str(record, "t", ""), kind) == 0 && n < most)
            out[n++] = record;
        else
            json_free(record);
    }
    return n;
}

static const char *text_at(Json **genotypes, int n, int epoch)
{
    for (int i = 0; i < n; i++)
        if (json_get_int(genotypes[i], "epoch", -9) == epoch)
            return json_get_str(genotypes[i], "text", "");
    fail_msg("no genotype of epoch %d", epoch);
    return "";
}

static void the_journal_says_what_was_removed(void **state)
{
    (void)state;
    Json *cells[8], *alphas[400], *genotypes[16];
    open_toy(false);
    Darts *d = open_darts();
    toy_darts_run(d, STAGES * EPOCHS - 1, 0);
    int n = records("cells", cells, 8), na = records("alpha", alphas, 400);
    int ng = records("genotype", genotypes, 16);
    assert_int_equal(n, STAGES - 1);
    assert_int_equal(ng, STAGES * EPOCHS);
    for (int s = 1; s < STAGES; s++) {
        const Json *cell = json_at(json_get(cells[s - 1], "cells"), 1);
        assert_int_equal(json_get_int(cells[s - 1], "stage", 0), s);
        assert_int_equal(json_get_int(cells[s - 1], "epoch", 0), s * EPOCHS);
        for (int e = 0; e < 5; e++) {
            const Json *ops = json_at(json_get(cell, "ops"), e);
            int gone = 0;
            assert_int_equal(json_length(ops), 4);
            for (int k = 0; k < 4; k++)
                gone += !json_to_str(json_at(ops, k), NULL);
            assert_int_equal(gone, s);
        }
        // until alpha moves the cell stands as the stage before left it
        assert_string_equal(text_at(genotypes, ng, s * EPOCHS),
                            text_at(genotypes, ng, s * EPOCHS - 1));
    }
    for (int i = 0; i < na; i++) {
        int epoch = (int)json_get_int(alphas[i], "epoch", -1), nulls = 0, numbers = 0;
        for (int e = 0; e < 5; e++)
            for (int k = 0; k < 4; k++) {
                const Json *x = json_at(json_at(json_get(alphas[i], "a"), e), k);
                numbers += json_is_number(x);
                nulls += !json_is_number(x);
            }
        assert_int_equal(nulls, 5 * (epoch < 0 ? 0 : epoch / EPOCHS));
        assert_int_equal(numbers + nulls, 20);
    }
    for (int i = 0; i < n; i++)
        json_free(cells[i]);
    for (int i = 0; i < na; i++)
        json_free(alphas[i]);
    for (int i = 0; i < ng; i++)
        json_free(genotypes[i]);
    toy_darts_close(&toy, d);
}

static void it_resumes_inside_every_stage(void **state)
{
    (void)state;
    open_toy(false);
    toy_check_resume(&toy);
    toy_fini(&toy);
}

static void so_it_does_with_other_remedies_and_in_stages_of_cells(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        open_toy(i == 0);
        SearchOptions *o = &toy.ctx.options;
        o->pdarts_stages = 2;
        o->fair = i == 1;
        o->fair_threshold = 0.85;
        o->partial = i == 2 ? 2 : 1;
        o->edge_weights = i == 2;
        o->dartsminus = i == 2;
        o->oles = i == 2 ? 0.4 : 0;
        o->layer_alignment = i == 0;
        o->discretisation = i == 0;
        o->hessian_every = i == 0;
        o->order = i == 0 ? ORDER_SECOND : ORDER_FIRST;
        toy_check_resume(&toy);
        toy_fini(&toy);
    }
}

static Status load(Search *search, const Str *bytes, Error *err)
{
    SafeFile *file = NULL;
    Status status = safetensors_parse(bytes->text, bytes->len, "state", &file, err);
    if (status == STATUS_OK)
        status = search_load(search, file, err);
    safetensors_close(file);
    return status;
}

static void a_fork_goes_on_in_its_stage(void **state)
{
    (void)state;
    Error err = { 0 };
    SearchProgress p;
    open_toy(false);
    Search *search = toy_open(&toy);
    toy_begin(search);
    do
        toy_step(search), search_progress(search, &p);
    while (p.epoch < EPOCHS || p.epoch_ended); // into the second epoch of the second stage
    Str bytes = toy_pack(search);
    search_free(search);
    toy.ctx.options.beta_decay = 20; // a fork with a remedy
    toy.ctx.options.dartsminus = 1;  // and with other parameters
    search = toy_open(&toy);
    if (load(search, &bytes, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    while (toy_step(search))
        ;
    search_free(search);
    toy.ctx.options.pdarts_stages = 1; // which is not the search that it was
    search = toy_open(&toy);
    assert_int_equal(load(search, &bytes, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "search.pdarts_stages must be more"));
    search_free(search);
    str_fini(&bytes);
    toy_fini(&toy);
}

static void memory_that_runs_out_between_stages_is_an_error(void **state)
{
    (void)state;
    open_toy(false);
    toy.ctx.options.epochs = 1;
    toy.ctx.options.warmup_epochs = 0;
    toy.ctx.options.oles = 0.4;
    toy_darts_starve(&toy, 0);
    toy_fini(&toy);
}

static void stages_do_not_go_with_decisions(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        Error err = { 0 };
        Search *search = NULL;
        open_toy(false);
        toy.ctx.options.sgas = i == 0;
        toy.ctx.options.pt = i == 1;
        toy.ctx.options.strategy = i == 2 ? "gdas" : "darts";
        assert_int_equal(search_new(&toy.ctx, &search, &err), STATUS_ARG);
        assert_non_null(strstr(err.msg, "search.pdarts_stages goes with neither"));
        toy_fini(&toy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_operators_become_five_then_three),
        cmocka_unit_test(the_weakest_operators_of_every_edge_go),
        cmocka_unit_test(every_stage_begins_anew_deeper_and_with_fewer_operators),
        cmocka_unit_test(the_journal_says_what_was_removed),
        cmocka_unit_test(it_resumes_inside_every_stage),
        cmocka_unit_test(so_it_does_with_other_remedies_and_in_stages_of_cells),
        cmocka_unit_test(a_fork_goes_on_in_its_stage),
        cmocka_unit_test(memory_that_runs_out_between_stages_is_an_error),
        cmocka_unit_test(stages_do_not_go_with_decisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
