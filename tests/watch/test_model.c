// SPDX-License-Identifier: MIT
#include "src/base/alloc.h"
#include "src/watch/model_priv.h"
#include "tests/watch/read.h"

static ModelRun *run_with_cell(Model *model, int *cell)
{
    HealthCell shape;
    ModelRun *run = model_add(model, "r", NULL);
    assert_non_null(run);
    assert_true(model_shape_guess("normal", 14, 8, &shape));
    assert_int_equal(model_cell(run, &shape, cell, NULL), 0);
    return run;
}

static void long_runs_stay_within_their_memory(void **state)
{
    (void)state;
    Model model = { 0 };
    int cell;
    double p[14 * 8];
    ModelRun *run = run_with_cell(&model, &cell);
    for (int i = 0; i < 14 * 8; i++)
        p[i] = 0.125;
    for (int step = 0; step < 60000; step++)
        assert_int_equal(model_alpha(run, cell, step / 50, step, p, NULL), 0);
    const ModelCell *mine = &run->cells[cell];
    assert_true(mine->n_looks <= 8192);
    assert_true(mine->n_looks > 1000);
    assert_int_equal(mine->looks[mine->n_looks - 1].step, 59999);
    for (int i = 1; i < mine->n_looks; i++)
        assert_true(mine->looks[i - 1].step < mine->looks[i].step);
    assert_int_equal(model_look(run, cell, 0)->epoch, 0);
    assert_true(model.bytes < (32u << 20));
    model_free(&model);
}

static void endless_logs_stop_growing(void **state)
{
    (void)state;
    Model model = { 0 };
    ModelRun *run = model_add(&model, "r", NULL);
    Error err = { 0 };
    for (int i = 0; i < 10000; i++)
        assert_int_equal(model_log(run, NAN, "something", &err), 0);
    assert_true(run->n_log <= MODEL_LOG_ROWS);
    EpochRow *row = NULL;
    int epoch = 0;
    do {
        row = model_epoch(run, epoch++, &err);
    } while (row && row != &run->beyond && epoch < 4000000);
    assert_ptr_equal(row, &run->beyond);
    assert_true(model.bytes <= MODEL_BYTES);
    model_free(&model);
}

static void the_newest_of_very_many_runs_is_whole(void **state)
{
    (void)state;
    Model model = { 0 };
    double p[14 * 8] = { 0 };
    Genotype geno;
    assert_int_equal(genotype_parse("Genotype(normal=[('skip_connect', 0), ('skip_connect', 1)], "
                                    "normal_concat=range(2, 3))",
                                    &geno, NULL, NULL),
                     0);
    for (int r = 0; r < 300; r++) {
        int cell;
        ModelRun *run = run_with_cell(&model, &cell);
        for (int e = 0; e < 200; e++) {
            assert_int_equal(model_alpha(run, cell, e, e, p, NULL), 0);
            assert_int_equal(model_genotype(run, e, &geno, NULL), 0);
        }
    }
    assert_true(model.bytes <= MODEL_BYTES);
    assert_int_equal(model.runs[299]->cells[0].n_genos, 200);
    assert_int_equal(model.runs[299]->cells[0].n_looks, 200);
    assert_int_equal(model.runs[0]->cells[0].n_genos, 1);
    assert_true(model.n_emptied > 0);
    model_free(&model);
}

static void looks_and_genotypes_are_found_by_epoch(void **state)
{
    (void)state;
    Model model = { 0 };
    int cell;
    double p[14 * 8] = { 0 };
    ModelRun *run = run_with_cell(&model, &cell);
    assert_null(model_look(run, cell, 5));
    for (int e = 0; e < 10; e += 2)
        assert_int_equal(model_alpha(run, cell, e, e, p, NULL), 0);
    assert_int_equal(model_look(run, cell, 5)->epoch, 4);
    assert_int_equal(model_look(run, cell, INT_MAX)->epoch, 8);
    assert_null(model_look(run, cell, -1));
    assert_null(model_look(run, 7, 3));
    assert_int_equal(model_alpha(run, cell, 3, 3, p, NULL), 0); // comes late, keeps the order
    assert_int_equal(model_look(run, cell, 3)->epoch, 3);
    model_free(&model);
}

static void time_left_is_by_the_median_of_recent_epochs(void **state)
{
    (void)state;
    Model model = { 0 };
    ModelRun *run = model_add(&model, "r", NULL);
    run->epochs = 10;
    assert_true(isnan(model_eta(run)));
    static const double seconds[] = { 100, 10, 10, 12, 5000 };
    for (int e = 0; e < 5; e++) {
        model_epoch(run, e, NULL)->seconds = seconds[e];
        model_epoch_done(run, e);
    }
    assert_true(near(run->seconds_per_epoch, 12, 1e-9));
    assert_true(near(model_eta(run), 60, 1e-9));
    run->state = RUN_DONE;
    assert_true(near(model_eta(run), 0, 0));
    model_free(&model);
}

static void a_rewind_forgets_what_was_later(void **state)
{
    (void)state;
    Model model = { 0 };
    int cell;
    double p[14 * 8] = { 0 };
    ModelRun *run = run_with_cell(&model, &cell);
    for (int e = 0; e < 6; e++) {
        assert_int_equal(model_alpha(run, cell, e, 10 * e, p, NULL), 0);
        model_epoch_done(run, e);
    }
    uint64_t version = run->version;
    model_rewind(run, 3, 30);
    assert_int_equal(run->n_rows, 4);
    assert_int_equal(run->cells[cell].n_looks, 4);
    assert_int_equal(run->cells[cell].n_genos, 4);
    assert_int_equal(run->epoch, 3);
    assert_int_equal(run->judged, 3);
    assert_true(run->version > version);
    model_free(&model);
}

static void running_out_of_memory_is_said_and_leaves_a_model(void **state)
{
    (void)state;
    static const char text[] =
        "epoch 0 lr 0.025\ngenotype = Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1)], "
        "normal_concat=range(2, 3), reduce=[('skip_connect', 0), ('sep_conv_3x3', 1)], "
        "reduce_concat=range(2, 3))\n"
        "tensor([[0.2, 0.2, 0.2, 0.2, 0.2],[0.2, 0.2, 0.2, 0.2, 0.2],[0.2, 0.2, 0.2, 0.2, 0.2],"
        "[0.2, 0.2, 0.2, 0.2, 0.2],[0.2, 0.2, 0.2, 0.2, 0.2],[0.2, 0.2, 0.2, 0.2, 0.2]])\n"
        "train_acc 10\nvalid_acc 20\n";
    for (int n = 0, done = 0; !done && n < 500; n++) {
        Model model = { 0 };
        SourceOptions options = { .majority = NAN, .until_epoch = INT_MAX };
        void *reader = NULL;
        alloc_fail_after(n);
        Status status = log_reader.open(&model, &options, "t", "t", &reader, NULL);
        if (!status)
            status = log_reader.feed(reader, text, sizeof text - 1, NULL);
        if (!status)
            status = log_reader.idle(reader, true, NULL);
        done = !status && alloc_calls() > 0 && model.n && model.runs[0]->n_cells == 3;
        alloc_fail_after(-1);
        if (reader)
            log_reader.close(reader);
        model_free(&model);
        assert_true(status == STATUS_OK || status == STATUS_NOMEM);
        if (n == 499)
            fail();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_runs_stay_within_their_memory),
        cmocka_unit_test(endless_logs_stop_growing),
        cmocka_unit_test(the_newest_of_very_many_runs_is_whole),
        cmocka_unit_test(looks_and_genotypes_are_found_by_epoch),
        cmocka_unit_test(time_left_is_by_the_median_of_recent_epochs),
        cmocka_unit_test(a_rewind_forgets_what_was_later),
        cmocka_unit_test(running_out_of_memory_is_said_and_leaves_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
