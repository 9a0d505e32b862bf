// SPDX-License-Identifier: MIT
// Event files as torch's SummaryWriter leaves them in directories, made by hand.
#include <sys/stat.h>

#include "src/base/file.h"
#include "src/watch/tags.h"
#include "tests/watch/events.h"
#include "tests/watch/read.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/dartboard-event-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    (void)state;
    return file_remove_tree(dir, NULL);
}

// Writes what is in `file` as DIR/SUB/NAME and empties it.
static void put_file(const char *sub, const char *name, Str *file)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, sub);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", dir, sub, name);
    write_file(path, "w", file->text, file->len);
    str_fini(file);
}

static bool skip_without_protobuf(void)
{
#ifdef WITH_PROTOBUF
    return false;
#else
    skip();
    return true;
#endif
}

static void a_restart_goes_on_with_the_run_of_its_directory(void **state)
{
    (void)state;
    Str file = { 0 };
    if (skip_without_protobuf())
        return;
    for (int e = 0; e < 6; e++) {
        put_scalar(&file, "train_acc", e, 30.0f + (float)e);
        put_scalar(&file, "valid_acc", e, 40.0f + (float)e);
    }
    put_file("search", "events.out.tfevents.100.host.1.0", &file);
    for (int e = 4; e < 9; e++) {
        put_scalar(&file, "train_acc", e, 50.0f + (float)e);
        put_scalar(&file, "valid_acc", e, 60.0f + (float)e);
    }
    put_file("search", "events.out.tfevents.200.host.1.0", &file);
    Source *source = read_path(dir, NULL);
    const Model *model = source_model(source);
    assert_int_equal(model->n, 1);
    const ModelRun *run = model->runs[0];
    assert_string_equal(run->name, "search");
    assert_int_equal(run->n_rows, 9);
    assert_true(near(run->rows[3].valid_acc, 0.43, 1e-6));
    assert_true(near(run->rows[4].train_acc, 0.54, 1e-6));
    assert_true(near(run->rows[8].valid_acc, 0.68, 1e-6));
    source_close(source);
}

static void another_search_in_the_directory_is_another_run(void **state)
{
    (void)state;
    Str file = { 0 };
    if (skip_without_protobuf())
        return;
    for (int again = 0; again < 2; again++) {
        for (int e = 0; e < 3; e++)
            put_scalar(&file, "valid_acc", e, 40.0f + (float)(10 * again + e));
        put_file("runs", again ? "events.out.tfevents.200" : "events.out.tfevents.100", &file);
    }
    Source *source = read_path(dir, NULL);
    const Model *model = source_model(source);
    assert_int_equal(model->n, 2);
    assert_string_equal(model->runs[0]->name, strrchr(dir, '/') + 1); // "runs" says nothing
    assert_non_null(strstr(model->runs[1]->name, "(2)"));
    assert_true(near(model->runs[0]->rows[2].valid_acc, 0.42, 1e-6));
    assert_true(near(model->runs[1]->rows[2].valid_acc, 0.52, 1e-6));
    source_close(source);
}

// add_scalars: a directory a curve, the curve's name taken off the tag.
static void curves_in_directories_of_their_own_are_one_run(void **state)
{
    (void)state;
    Str file = { 0 };
    static const char *const curves[] = { "train", "valid" };
    if (skip_without_protobuf())
        return;
    for (int c = 0; c < 2; c++) {
        char sub[64];
        for (int e = 0; e < 4; e++)
            put_scalar(&file, "accuracy", e, 30.0f + (float)(10 * c + e));
        snprintf(sub, sizeof sub, "accuracy_%s", curves[c]);
        put_file(sub, "events.out.tfevents.1", &file);
    }
    for (int edge = 0; edge < 6; edge++)
        for (int op = 0; op < 5; op++) {
            char tag[64], sub[64];
            snprintf(tag, sizeof tag, "alpha/cell/%d", edge);
            snprintf(sub, sizeof sub, "alpha_cell_%d_%s", edge,
                     op == 1 ? "skip_connect" : (const char *[]){ "none", "", "c", "d", "e" }[op]);
            for (int e = 0; e < 4; e++)
                put_scalar(&file, tag, e, op == 1 ? 0.6f : 0.1f);
            put_file(sub, "events.out.tfevents.1", &file);
        }
    Source *source = read_path(dir, NULL);
    const Model *model = source_model(source);
    assert_int_equal(model->n, 1);
    assert_int_equal(model->skipped_lines, 0);
    const ModelRun *run = model->runs[0];
    assert_int_equal(run->n_rows, 4);
    assert_true(near(run->rows[2].train_acc, 0.32, 1e-6));
    assert_true(near(run->rows[2].valid_acc, 0.42, 1e-6));
    assert_int_equal(run->n_cells, 1);
    assert_int_equal(run->cells[0].n_looks, 4);
    assert_int_equal(run->cells[0].genos[3].skips, 6);
    source_close(source);
}

static void alphas_alone_make_epochs(void **state)
{
    (void)state;
    Str file = { 0 };
    Model model;
    if (skip_without_protobuf())
        return;
    for (int step = 0; step < 3; step++)
        for (int i = 0; i < 30; i++) {
            char tag[64];
            snprintf(tag, sizeof tag, "alphas/cell/%d/%d", i / 5, i % 5);
            put_scalar(&file, tag, 100 * step, i % 5 == 1 ? 0.6f : 0.1f);
        }
    read_with(&event_reader, NULL, file.text, file.len, &model);
    assert_int_equal(model.runs[0]->n_rows, 3);
    assert_int_equal(model.runs[0]->cells[0].n_genos, 3);
    assert_int_equal(model.skipped_lines, 0);
    model_free(&model);
    str_fini(&file);
}

static void tags_that_mean_nothing_here_are_told_apart(void **state)
{
    (void)state;
    TagAlpha tag;
    bool error;
    assert_true(tag_alpha(NULL, "alphas/reduce/3/none", &tag));
    assert_string_equal(tag.cell, "reduction");
    assert_int_equal(tag.edge, 3);
    assert_int_equal(tag_kind("Train accuracy (top 1)", &error), TAG_TRAIN_ACC);
    assert_int_equal(tag_kind("Train accuracy (top 5)", &error), TAG_OTHER);
    assert_int_equal(tag_kind("train_acc_step", &error), TAG_OTHER);
    assert_int_equal(tag_kind("train_acc_epoch", &error), TAG_TRAIN_ACC);
    assert_int_equal(tag_kind("accuracy/valid", &error), TAG_VALID_ACC);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)
    const struct CMUnitTest tests[] = {
        TEST(a_restart_goes_on_with_the_run_of_its_directory),
        TEST(another_search_in_the_directory_is_another_run),
        TEST(curves_in_directories_of_their_own_are_one_run),
        TEST(alphas_alone_make_epochs),
        TEST(tags_that_mean_nothing_here_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
