// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include "src/base/file.h"
#include "src/base/str.h"
#include "src/watch/sniff.h"
#include "src/watch/tags.h"
#include "tests/watch/events.h"
#include "tests/watch/read.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/dartboard-watch-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    (void)state;
    return file_remove_tree(dir, NULL);
}

static const char log_text[] = "2019-07-16 13:28:39,383 epoch 0 lr 2.500000e-02\n"
                               "2019-07-16 13:38:49,215 train_acc 43.372000\n"
                               "2019-07-16 13:39:20,852 valid_acc 53.916000\n";
static const char journal_text[] =
    "{\"t\":\"run\",\"name\":\"j\",\"epochs\":2}\n"
    "{\"t\":\"epoch\",\"epoch\":0,\"train\":{\"acc\":0.5},\"seconds\":3}\n";

static void poll_all(Source *source)
{
    bool more = true;
    while (more)
        assert_int_equal(source_poll(source, 0, &more, NULL), 0);
}

static void kinds_are_told_by_content(void **state)
{
    (void)state;
    static const char other[] = "dear diary,\ntoday nothing happened\n";
    assert_ptr_equal(sniff_kind(log_text, sizeof log_text - 1), &log_reader);
    assert_ptr_equal(sniff_kind(journal_text, sizeof journal_text - 1), &journal_reader);
    assert_null(sniff_kind(other, sizeof other - 1));
    assert_null(sniff_kind("", 0));
}

static void a_directory_is_a_list_of_runs(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_dir("b"), 0777), 0);
    write_file(in_dir("b/journal.jsonl"), "w", journal_text, sizeof journal_text - 1);
    write_file(in_dir("a.txt"), "w", log_text, sizeof log_text - 1);
    write_file(in_dir("diary.txt"), "w", "dear diary\n", 11);
    gzFile gz = gzopen(in_dir("c.log.gz"), "wb");
    assert_int_equal(gzwrite(gz, log_text, sizeof log_text - 1), sizeof log_text - 1);
    assert_int_equal(gzclose(gz), Z_OK);
    Source *source = read_path(dir, NULL);
    const Model *model = source_model(source);
    assert_int_equal(model->n, 3);
    assert_string_equal(model->runs[0]->name, "a");
    assert_string_equal(model->runs[1]->name, "j");
    assert_string_equal(model->runs[2]->name, "c");
    assert_true(near(model->runs[2]->rows[0].valid_acc, 0.53916, 1e-9));
    assert_int_equal(model->skipped_lines, 0);
    source_close(source);
    source = read_path(in_dir("b"), NULL); // a run directory
    assert_int_equal(source_model(source)->n, 1);
    source_close(source);
}

static void a_growing_log_is_followed(void **state)
{
    (void)state;
    SourceOptions options = { .majority = NAN, .until_epoch = INT_MAX, .follow = true };
    const size_t half = sizeof log_text / 2;
    write_file(in_dir("log.txt"), "w", "", 0);
    Source *source = read_path(in_dir("log.txt"), &options);
    assert_int_equal(source_model(source)->n, 0);
    assert_true(source_fd(source) >= 0);
    write_file(in_dir("log.txt"), "a", log_text, half);
    poll_all(source);
    write_file(in_dir("log.txt"), "a", log_text + half, sizeof log_text - 1 - half);
    poll_all(source);
    const ModelRun *run = source_model(source)->runs[0];
    assert_true(near(run->rows[0].train_acc, 0.43372, 1e-9));
    assert_true(near(run->rows[0].valid_acc, 0.53916, 1e-9));
    assert_int_equal(run->state, RUN_RUNNING);
    source_close(source);
}

// Rotated away and begun anew, or cut to nothing and begun anew: the next search is a run of its
// own, what was read before stays.
static void a_log_that_is_replaced_is_read_from_its_beginning(void **state)
{
    (void)state;
    SourceOptions options = { .majority = NAN, .until_epoch = INT_MAX, .follow = true };
    static const char next[] = "2019-07-17 10:00:00,000 epoch 0 lr 2.500000e-02\n"
                               "2019-07-17 10:10:00,000 train_acc 11.0\n";
    char old[256], path[256];
    snprintf(path, sizeof path, "%s", in_dir("log.txt"));
    snprintf(old, sizeof old, "%s", in_dir("log.txt.1"));
    for (int cut = 0; cut < 2; cut++) {
        write_file(path, "w", log_text, sizeof log_text - 1);
        Source *source = read_path(path, &options);
        if (cut)
            assert_int_equal(truncate(path, 0), 0);
        else
            assert_int_equal(rename(path, old), 0);
        poll_all(source);
        write_file(path, "a", next, sizeof next - 1);
        poll_all(source);
        const Model *model = source_model(source);
        assert_int_equal(model->n, 2);
        assert_true(near(model->runs[0]->rows[0].valid_acc, 0.53916, 1e-9));
        assert_true(near(model->runs[1]->rows[0].train_acc, 0.11, 1e-9));
        source_close(source);
    }
}

static void links_to_a_log_are_one_run(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s", in_dir("a.txt"));
    write_file(path, "w", log_text, sizeof log_text - 1);
    assert_int_equal(symlink("a.txt", in_dir("b.txt")), 0);
    assert_int_equal(link(path, in_dir("c.txt")), 0);
    assert_int_equal(symlink("self", in_dir("self")), 0);
    assert_int_equal(mkfifo(in_dir("pipe"), 0600), 0);
    assert_int_equal(mkdir(in_dir("d"), 0777), 0);
    assert_int_equal(symlink("..", in_dir("d/up")), 0);
    Source *source = read_path(in_dir("d"), NULL);
    int named = 0;
    for (int r = 0; r < source_model(source)->n; r++)
        named += strcmp(source_model(source)->runs[r]->name, "a") == 0;
    assert_int_equal(named, 1);
    source_close(source);
}

// A writer that comes back cuts a torn line before it goes on.
static void a_torn_line_that_was_cut_is_read_anew(void **state)
{
    (void)state;
    SourceOptions options = { .majority = NAN, .until_epoch = INT_MAX, .follow = true };
    static const char torn[] = "{\"t\":\"epoch\",\"epo";
    static const char next[] = "{\"t\":\"state\",\"state\":\"RESUMED\",\"epoch\":0,\"step\":9}\n"
                               "{\"t\":\"epoch\",\"epoch\":1,\"train\":{\"acc\":0.6}}\n";
    const char *path = in_dir("journal.jsonl");
    write_file(path, "w", journal_text, sizeof journal_text - 1);
    write_file(path, "a", torn, sizeof torn - 1);
    Source *source = read_path(path, &options);
    assert_int_equal(truncate(path, sizeof journal_text - 1), 0);
    write_file(path, "a", next, sizeof next - 1);
    poll_all(source);
    const Model *model = source_model(source);
    assert_int_equal(model->skipped_lines, 0);
    assert_int_equal(model->runs[0]->n_rows, 2);
    assert_true(near(model->runs[0]->rows[1].train_acc, 0.6, 1e-9));
    source_close(source);
}

static void a_silent_journal_is_lost(void **state)
{
    (void)state;
    const char *path = in_dir("journal.jsonl");
    write_file(path, "w", journal_text, sizeof journal_text - 1);
    const struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
    Source *source = read_path(path, NULL);
    assert_int_equal(source_model(source)->runs[0]->state, RUN_RUNNING);
    source_close(source);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    source = read_path(path, NULL);
    assert_int_equal(source_model(source)->runs[0]->state, RUN_LOST);
    source_close(source);
}

static void replay_stops_after_an_epoch(void **state)
{
    (void)state;
    SourceOptions options = { .majority = NAN, .until_epoch = 1 };
    Str text = { 0 };
    for (int e = 0; e < 5; e++)
        str_addf(&text, "epoch %d lr 0.025\ntrain_acc %d\n", e, 10 + e);
    write_file(in_dir("log.txt"), "w", text.text, text.len);
    str_fini(&text);
    Source *source = read_path(in_dir("log.txt"), &options);
    assert_int_equal(source_model(source)->runs[0]->n_rows, 2);
    assert_int_equal(source_model(source)->runs[0]->epoch, 1);
    source_close(source);
}

static void what_cannot_be_opened_is_said(void **state)
{
    (void)state;
    Source *source;
    Error err = { 0 };
    assert_int_equal(source_open(in_dir("nothing"), NULL, &source, &err), STATUS_IO);
    assert_null(source);
    assert_non_null(strstr(err.msg, "nothing"));
    Source *garbage = NULL;
    write_file(in_dir("g"), "w", "\x1f\x8b\x08 broken", 11);
    garbage = read_path(in_dir("g"), NULL);
    assert_int_equal(source_model(garbage)->n, 0);
    assert_true(source_model(garbage)->skipped_lines > 0);
    source_close(garbage);
}

// ---- event files --------------------------------------------------------------------------------

static void add_epochs(Str *file)
{
    for (int e = 0; e < 3; e++) {
        put_scalar(file, "train/top1", 10 * e + 3, 0.2f + 0.1f * (float)e);
        put_scalar(file, "train/top1", 10 * e + 8, 0.25f + 0.1f * (float)e);
        put_scalar(file, "train/loss", 10 * e + 8, 2.0f);
        put_scalar(file, "val/top1", 10 * e + 9, 0.3f + 0.1f * (float)e);
        for (int i = 0; i < 30; i++) {
            char tag[64];
            snprintf(tag, sizeof tag, "alpha/cell/%d/%d", i / 5, i % 5);
            put_scalar(file, tag, 10 * e + 9, i % 5 == 1 ? 0.6f : 0.1f);
        }
    }
}

static void scalars_of_event_files_become_epochs_and_alphas(void **state)
{
    (void)state;
#ifndef WITH_PROTOBUF
    skip();
#endif
    Str file = { 0 };
    add_epochs(&file);
    assert_ptr_equal(sniff_kind(file.text, file.len), &event_reader);
    Model model;
    read_with(&event_reader, NULL, file.text, file.len, &model);
    const ModelRun *run = model.runs[0];
    assert_int_equal(model.skipped_lines, 0);
    assert_int_equal(run->n_rows, 3);
    assert_true(near(run->rows[1].train_acc, 0.35, 1e-6));
    assert_true(near(run->rows[2].valid_acc, 0.5, 1e-6));
    assert_true(near(run->rows[1].seconds, 10, 1e-6));
    assert_int_equal(run->cells[0].n_looks, 3);
    assert_true(near(run->cells[0].looks[2].p[1], 0.6, 1e-6));
    assert_int_equal(run->cells[0].genos[2].skips, 6);
    model_free(&model);
    str_fini(&file);
}

static void damaged_event_files_are_read_as_far_as_they_go(void **state)
{
    (void)state;
#ifndef WITH_PROTOBUF
    skip();
#endif
    Str file = { 0 };
    add_epochs(&file);
    Model model;
    file.text[20] ^= 1; // data of the first record: it alone is lost
    read_with(&event_reader, NULL, file.text, file.len, &model);
    assert_int_equal(model.skipped_lines, 1);
    assert_int_equal(model.runs[0]->n_rows, 3);
    model_free(&model);
    for (size_t cut = 0; cut < file.len; cut += 13) {
        read_with(&event_reader, NULL, file.text, cut, &model);
        model_free(&model);
    }
    file.text[file.len / 2] ^= 1; // somewhere: at worst the rest is lost
    read_with(&event_reader, NULL, file.text, file.len, &model);
    assert_true(model.skipped_lines >= 2);
    assert_true(model.runs[0]->n_rows >= 1);
    model_free(&model);
    str_fini(&file);
}

static void tags_are_matched_by_pattern_and_by_words(void **state)
{
    (void)state;
    TagAlpha tag;
    bool error;
    assert_true(tag_match("w/{cell}-e{edge}_{op}", "w/reduce-e12_skip", &tag));
    assert_string_equal(tag.cell, "reduction");
    assert_int_equal(tag.edge, 12);
    assert_string_equal(tag.op_name, "skip");
    assert_false(tag_match("w/{cell}-e{edge}", "w/normal", &tag));
    assert_false(tag_match("w/{cell}", "w/", &tag));
    assert_int_equal(tag_kind("train/top1", &error), TAG_TRAIN_ACC);
    assert_int_equal(tag_kind("Accuracy/val", &error), TAG_VALID_ACC);
    assert_int_equal(tag_kind("valid_loss", &error), TAG_VALID_LOSS);
    assert_int_equal(tag_kind("train/top5", &error), TAG_OTHER);
    assert_int_equal(tag_kind("train/lr", &error), TAG_LR);
    assert_int_equal(tag_kind("valid/err", &error), TAG_VALID_ACC);
    assert_true(error);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)
    const struct CMUnitTest tests[] = {
        TEST(kinds_are_told_by_content),
        TEST(a_directory_is_a_list_of_runs),
        TEST(a_growing_log_is_followed),
        TEST(a_log_that_is_replaced_is_read_from_its_beginning),
        TEST(links_to_a_log_are_one_run),
        TEST(a_torn_line_that_was_cut_is_read_anew),
        TEST(a_silent_journal_is_lost),
        TEST(replay_stops_after_an_epoch),
        TEST(what_cannot_be_opened_is_said),
        TEST(scalars_of_event_files_become_epochs_and_alphas),
        TEST(damaged_event_files_are_read_as_far_as_they_go),
        TEST(tags_are_matched_by_pattern_and_by_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
