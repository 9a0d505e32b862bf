// SPDX-License-Identifier: MIT
#include "src/base/str.h"
#include "tests/watch/read.h"

static Model model;

#define RUN                                                                                        \
    "{\"t\":\"run\",\"v\":1,\"name\":\"tiny\",\"strategy\":\"darts\",\"seed\":2,\"epochs\":3,"     \
    "\"cells\":[{\"name\":\"normal\",\"inputs\":2,\"nodes\":1,\"keep\":2,\"derive\":\"top\","      \
    "\"combine\":\"concat\",\"edges\":[[0,2],[1,2]],"                                              \
    "\"ops\":[\"none\",\"max_pool_3x3\",\"skip_connect\"]}]}\n"
#define ALPHA(epoch, step, rows)                                                                   \
    "{\"t\":\"alpha\",\"epoch\":" #epoch ",\"step\":" #step ",\"cell\":\"normal\",\"a\":" rows "}" \
    "\n"
#define EPOCH(epoch, acc)                                                                          \
    "{\"t\":\"epoch\",\"epoch\":" #epoch                                                           \
    ",\"train\":{\"loss\":1.21,\"acc\":0.57},\"valid\":{\"loss\":\"nan\",\"acc\":" acc             \
    "},\"lr\":0.0249,\"seconds\":71.2}\n"
#define FLAT "[[0.3,0.3,0.4],[0.2,0.5,0.3]]"

static void read_text(const char *text)
{
    read_with(&journal_reader, NULL, text, strlen(text), &model);
}

static int tidy(void **state)
{
    (void)state;
    model_free(&model);
    return 0;
}

static void records_become_rows_looks_and_cells(void **state)
{
    (void)state;
    read_text(RUN ALPHA(-1, 0, FLAT) ALPHA(0, 5, FLAT) EPOCH(
        0, "0.55") "{\"t\":\"device\",\"rss\":2100,\"cpu\":1.5}\n"
                   "{\"t\":\"hessian\",\"epoch\":0,\"lambda_max\":0.31,\"batches\":4}\n"
                   "{\"t\":\"checkpoint\",\"epoch\":0,\"file\":\"x\"}\n"
                   "{\"t\":\"note\",\"text\":\"hello\"}\n{\"t\":\"from-the-future\",\"x\":1}\n"
                   "{\"t\":\"state\",\"state\":\"DONE\",\"epoch\":0,\"step\":5}\n");
    const ModelRun *run = model.runs[0];
    assert_int_equal(model.skipped_lines, 0);
    assert_string_equal(run->name, "tiny");
    assert_int_equal(run->n_rows, 1);
    assert_true(isnan(run->rows[0].valid_loss));
    assert_true(near(run->rows[0].valid_acc, 0.55, 0));
    assert_int_equal(run->cells[0].n_looks, 2);
    assert_int_equal(run->cells[0].n_genos, 1); // derived: none was logged
    assert_string_equal(run->cells[0].genos[0].geno.edges[0].op, "max_pool_3x3");
    assert_int_equal(run->n_lambdas, 1);
    assert_int_equal(run->last_checkpoint, 0);
    assert_string_equal(run->log[0].text, "hello");
    assert_true(run->complete);
}

static void bad_lines_are_counted_and_passed_over(void **state)
{
    (void)state;
    read_text(RUN "{\"t\":\"alp\nnot json\n[1,2]\n" ALPHA(0, 5, "[[0.3,0.3,0.4]]") //
              ALPHA(0, 5, FLAT) "{\"t\":\"epoch\",\"epoch\":-7}\n" EPOCH(
                  0, "0.5") "{\"t\":\"epoch\",\"epoch\":1"); // torn: waits for its end, not counted
    static const int64_t lines[] = { 2, 3, 4, 5, 7 };
    assert_int_equal(model.skipped_lines, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(model.skips[i].line, lines[i]);
    assert_int_equal(model.runs[0]->n_rows, 1);
    assert_int_equal(model.runs[0]->cells[0].n_looks, 1);
}

static void logits_and_sigmoids_become_effective_weights(void **state)
{
    (void)state;
    read_text(RUN
              "{\"t\":\"alpha\",\"epoch\":0,\"step\":1,\"cell\":\"normal\",\"kind\":\"logits\","
              "\"a\":[[0,0,0],[\"-inf\",0,0]]}\n"
              "{\"t\":\"alpha\",\"epoch\":1,\"step\":2,\"cell\":\"normal\",\"kind\":\"sigmoid\","
              "\"a\":[[0.5,0.5,1.0],[0.2,0.2,0.6]]}\n");
    const AlphaLook *looks = model.runs[0]->cells[0].looks;
    assert_true(near(looks[0].p[0], 1.0 / 3, 1e-6));
    assert_true(near(looks[0].p[3], 0, 0) && near(looks[0].p[4], 0.5, 1e-6));
    assert_true(near(looks[1].p[2], 0.5, 1e-6) && near(looks[1].p[5], 0.6, 1e-6));
}

static void removed_operators_leave_the_shape(void **state)
{
    (void)state;
    read_text(RUN ALPHA(0, 5, FLAT) ALPHA(1, 9, "[[0.5,null,0.5],[0.2,0.5,0.3]]"));
    const ModelCell *cell = &model.runs[0]->cells[0];
    assert_int_equal(cell->n_looks, 2);
    assert_true(cell->shape.per_edge);
    assert_string_equal(health_op(&cell->shape, 0, 1), "");
    assert_string_equal(health_op(&cell->shape, 1, 1), "max_pool_3x3");
    assert_true(near(cell->looks[1].p[1], 0, 0));
    assert_string_equal(model_op(cell, &cell->looks[0], 0, 1), "max_pool_3x3"); // it was there then
    assert_string_equal(model_op(cell, &cell->looks[1], 0, 1), "");
    assert_string_equal(model_op(cell, NULL, 0, 1), "max_pool_3x3");
}

static void a_roll_back_brings_removed_operators_back(void **state)
{
    (void)state;
    read_text(RUN ALPHA(0, 5, FLAT) ALPHA(1, 9, "[[0.5,null,0.5],[0.2,0.5,0.3]]")
                  ALPHA(2, 12, "[[1,null,null],[null,0.5,0.5]]") ALPHA(1, 9, FLAT));
    const HealthCell *shape = &model.runs[0]->cells[0].shape;
    for (int e = 0; e < 2; e++)
        assert_string_equal(health_op(shape, e, 1), "max_pool_3x3");
    assert_string_equal(health_op(shape, 1, 0), "none");
    assert_string_equal(health_op(shape, 0, 2), "skip_connect");
}

static void resumed_drops_what_is_later(void **state)
{
    (void)state;
    read_text(RUN ALPHA(0, 5, FLAT) EPOCH(0, "0.5") ALPHA(1, 9, FLAT) EPOCH(1, "0.6") ALPHA(
        2, 12, FLAT) "{\"t\":\"state\",\"state\":\"RESUMED\",\"epoch\":0,\"step\":5}\n" //
              ALPHA(1, 9, "[[0.1,0.1,0.8],[0.1,0.1,0.8]]") EPOCH(1, "0.7"));
    const ModelRun *run = model.runs[0];
    assert_int_equal(model.n, 1);
    assert_int_equal(run->n_rows, 2);
    assert_true(near(run->rows[1].valid_acc, 0.7, 0));
    assert_int_equal(run->cells[0].n_looks, 2);
    assert_int_equal(run->cells[0].genos[1].skips, 2);
    assert_int_equal(run->state, RUN_RUNNING);
}

static void a_second_run_record_is_a_second_run_unless_resumed(void **state)
{
    (void)state;
    read_text(RUN EPOCH(0, "0.5") RUN EPOCH(0, "0.6"));
    assert_int_equal(model.n, 2);
    model_free(&model);
    read_text(RUN EPOCH(0, "0.5") RUN
              "{\"t\":\"state\",\"state\":\"RESUMED\",\"epoch\":0,\"step\":5}\n" EPOCH(1, "0.6"));
    assert_int_equal(model.n, 1);
    assert_int_equal(model.runs[0]->n_rows, 2);
}

static void a_genotype_after_its_epoch_is_judged_too(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text, RUN);
    for (int e = 0; e < 12; e++) {
        str_addf(&text, "{\"t\":\"epoch\",\"epoch\":%d,\"train\":{\"acc\":0.5}}\n", e);
        str_addf(&text,
                 "{\"t\":\"genotype\",\"epoch\":%d,\"text\":\"Genotype(normal=[('%s', 0), ('%s', "
                 "1), ('%s', 0), ('%s', 1)], normal_concat=range(2, 4))\"}\n",
                 e, e ? "skip_connect" : "sep_conv_3x3", e ? "skip_connect" : "sep_conv_5x5",
                 e ? "skip_connect" : "sep_conv_3x3", e ? "skip_connect" : "sep_conv_5x5");
    }
    read_with(&journal_reader, NULL, text.text, text.len, &model);
    str_fini(&text);
    assert_int_equal(health_verdict(model.runs[0]->health, NULL), VERDICT_COLLAPSED);
}

static void trials_and_their_front(void **state)
{
    (void)state;
    read_text("{\"t\":\"run\",\"name\":\"s\",\"objectives\":[{\"name\":\"accuracy\","
              "\"direction\":\"maximize\"},{\"name\":\"params\",\"direction\":\"minimize\"}]}\n"
              "{\"t\":\"trial\",\"number\":0,\"state\":\"COMPLETE\",\"arch\":\"a\","
              "\"values\":{\"accuracy\":0.9,\"params\":100}}\n"
              "{\"t\":\"trial\",\"number\":1,\"state\":\"COMPLETE\",\"arch\":\"b\","
              "\"values\":{\"accuracy\":0.8,\"params\":200}}\n"
              "{\"t\":\"trial\",\"number\":2,\"state\":\"COMPLETE\",\"arch\":\"c\","
              "\"values\":{\"accuracy\":0.7,\"params\":50}}\n"
              "{\"t\":\"trial\",\"number\":3,\"state\":\"PRUNED\",\"arch\":\"d\",\"values\":{}}\n"
              "{\"t\":\"trial\",\"number\":4,\"state\":\"RUNNING\",\"arch\":\"e\"}\n"
              "{\"t\":\"trial\",\"number\":4,\"state\":\"COMPLETE\",\"arch\":\"e\","
              "\"values\":{\"accuracy\":0.95,\"params\":60}}\n");
    const ModelRun *run = model.runs[0];
    static const bool front[] = { false, false, true, false, true };
    assert_int_equal(run->n_trials, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(run->trials[i].on_front, front[i]);
}

static void limits_and_settings_reach_the_detector(void **state)
{
    (void)state;
    read_text("{\"t\":\"run\",\"name\":\"x\",\"epochs\":30,\"warmup_epochs\":7,\"majority\":0.2,"
              "\"health\":{\"looks\":4,\"t_watch\":2.5}}\n");
    const HealthLimits *limits = &model.runs[0]->limits;
    assert_int_equal(limits->epochs, 30);
    assert_int_equal(limits->warmup_epochs, 7);
    assert_int_equal(limits->looks, 4);
    assert_true(near(limits->majority, 0.2, 0) && near(limits->t_watch, 2.5, 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tidy)
    const struct CMUnitTest tests[] = {
        TEST(records_become_rows_looks_and_cells),
        TEST(bad_lines_are_counted_and_passed_over),
        TEST(logits_and_sigmoids_become_effective_weights),
        TEST(removed_operators_leave_the_shape),
        TEST(a_roll_back_brings_removed_operators_back),
        TEST(resumed_drops_what_is_later),
        TEST(a_second_run_record_is_a_second_run_unless_resumed),
        TEST(a_genotype_after_its_epoch_is_judged_too),
        TEST(trials_and_their_front),
        TEST(limits_and_settings_reach_the_detector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
