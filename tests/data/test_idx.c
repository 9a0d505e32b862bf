// SPDX-License-Identifier: MIT
#include "tests/data/made.h"

#include "src/data/idx.h"

static void make_pair(const char *dir, const char *stem, int n)
{
    char name[128];
    made_sub(dir);
    snprintf(name, sizeof name, "%s/%s-images-idx3-ubyte", dir, stem);
    made_idx(name, 3, (int[]){ n, 4, 5 }, false);
    snprintf(name, sizeof name, "%s/%s-labels-idx1-ubyte", dir, stem);
    made_idx(name, 1, (int[]){ n }, true);
}

static void a_directory_gives_train_and_test_part(void **state)
{
    (void)state;
    make_pair("both", "train", 7);
    make_pair("both", "t10k", 3);
    Dataset *d = opened("idx", made_path("both"));
    assert_int_equal(d->n, 10);
    assert_int_equal(d->n_train, 7);
    assert_int_equal(d->height, 4);
    assert_int_equal(d->width, 5);
    assert_int_equal(d->channels, 1);
    assert_int_equal(d->classes, 3);
    assert_int_equal(dataset_u8(d, 6)[19], made_pixel(6, 19));
    assert_int_equal(dataset_u8(d, 8)[3], made_pixel(1, 3));
    assert_int_equal(d->labels[8], 1);
    data_free(d);
}

static void one_file_finds_its_labels_beside_it(void **state)
{
    (void)state;
    make_pair("one", "x", 4);
    Dataset *d = opened("idx", made_path("one/x-images-idx3-ubyte"));
    assert_int_equal(d->n, 4);
    assert_int_equal(d->n_train, 4);
    data_free(d);
}

static void four_dimensions_are_colour(void **state)
{
    (void)state;
    made_sub("rgb");
    made_idx("rgb/train-images-idx4-ubyte", 4, (int[]){ 2, 3, 3, 3 }, false);
    made_idx("rgb/train-labels-idx1-ubyte", 1, (int[]){ 2 }, true);
    Dataset *d = opened("idx", made_path("rgb"));
    assert_int_equal(d->channels, 3);
    data_free(d);
}

static void the_shipped_digits_are_whole(void **state)
{
    (void)state;
    Error err = { 0 };
    Dataset *d;
    DataSpec spec = { .name = "digits", .share_dir = "." };
    if (data_open(&spec, &d, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(d->n, 1797);
    assert_int_equal(d->n_train, 1797);
    assert_int_equal(d->height * 10 + d->width, 88);
    assert_int_equal(d->classes, 10);
    int top = 0, zeros = 0;
    for (int k = 0; k < 1797 * 64; k++)
        top = ((unsigned char *)d->pixels)[k] > top ? ((unsigned char *)d->pixels)[k] : top;
    for (int i = 0; i < d->n; i++)
        zeros += d->labels[i] == 0;
    assert_int_equal(top, 16);
    assert_int_equal(zeros, 178);
    assert_true(d->scale == 1.0f / 16);
    assert_string_equal(d->hash, "f2b2400ff958bb73");
    data_free(d);
}

static void fashion_is_the_package_or_names_it(void **state)
{
    (void)state;
    if (!file_is_dir("/usr/share/datasets/fashion-mnist")) {
        refused("fashion", NULL, "dataset-fashion-mnist");
        return;
    }
    float mean[1], std[1];
    Dataset *d = opened("fashion", NULL);
    assert_int_equal(d->n, 70000);
    assert_int_equal(d->n_train, 60000);
    assert_int_equal(d->height * 100 + d->width, 2828);
    assert_int_equal(d->classes, 10);
    assert_false(data_published(d, mean, std));
    int *all = mem_array(60000, sizeof *all);
    for (int i = 0; i < 60000; i++)
        all[i] = i;
    data_statistics(d, all, 60000, mean, std);
    assert_true(fabsf(mean[0] - 0.2860f) < 1e-4f && fabsf(std[0] - 0.3530f) < 1e-4f);
    mem_free(all);
    data_free(d);
}

static void wrong_files_are_named(void **state)
{
    (void)state;
    make_pair("bad", "train", 5);
    refused("idx", made_path("none"), "none: expected a file train-images-idx3-ubyte");
    made_idx("bad/train-labels-idx1-ubyte", 1, (int[]){ 4 }, true);
    refused("idx", made_path("bad"), "4 labels for 5 images");
    made_idx("bad/train-labels-idx1-ubyte", 3, (int[]){ 5, 1, 1 }, true);
    refused("idx", made_path("bad"), "holds images, expected labels");
    made_file("bad/train-images-idx3-ubyte", "\x89PNG\r\n\x1a\n", 8);
    refused("idx", made_path("bad"), "begins with 0x89504e47, expected");
    made_file("bad/train-images-idx3-ubyte", "", 0);
    refused("idx", made_path("bad"), "not an IDX file");
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    make_pair("cut", "train", 2);
    char *text;
    size_t len;
    IdxArray array;
    assert_int_equal(file_read(made_path("cut/train-images-idx3-ubyte"), 4096, &text, &len, NULL),
                     STATUS_OK);
    assert_int_equal(idx_parse(text, len, "x", &array, NULL), STATUS_OK);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(idx_parse(text, n, "x", &array, NULL), STATUS_PARSE);
    mem_free(text);
}

static void huge_dimensions_are_refused(void **state)
{
    (void)state;
    IdxArray array;
    Str s = { 0 };
    add_be32(&s, 0x804);
    for (int i = 0; i < 4; i++)
        add_be32(&s, 0xffffffffu);
    assert_int_equal(idx_parse(s.text, s.len, "x", &array, NULL), STATUS_PARSE);
    str_clear(&s);
    add_be32(&s, 0x804); // the product is 2^64, which is 0 if nobody looks
    for (int i = 0; i < 4; i++)
        add_be32(&s, 0x10000u);
    assert_int_equal(idx_parse(s.text, s.len, "x", &array, NULL), STATUS_PARSE);
    str_fini(&s);
}

static void hash_follows_the_content(void **state)
{
    (void)state;
    make_pair("h1", "train", 4);
    make_pair("h2", "train", 5);
    Dataset *a = opened("idx", made_path("h1")), *b = opened("idx", made_path("h1"));
    Dataset *c = opened("idx", made_path("h2"));
    assert_string_equal(a->hash, b->hash);
    assert_string_not_equal(a->hash, c->hash);
    data_free(a);
    data_free(b);
    data_free(c);
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    make_pair("oom", "train", 3);
    make_pair("oom", "test", 3);
    survives_no_memory(&(DataSpec){ .name = "idx", .path = made_path("oom") });
}

static void unknown_names_get_a_hint(void **state)
{
    (void)state;
    refused("cifar", ".", "did you mean cifar10?");
    refused("folder", NULL, "needs data.path");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_gives_train_and_test_part),
        cmocka_unit_test(one_file_finds_its_labels_beside_it),
        cmocka_unit_test(four_dimensions_are_colour),
        cmocka_unit_test(the_shipped_digits_are_whole),
        cmocka_unit_test(fashion_is_the_package_or_names_it),
        cmocka_unit_test(wrong_files_are_named),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(huge_dimensions_are_refused),
        cmocka_unit_test(hash_follows_the_content),
        cmocka_unit_test(out_of_memory_is_an_error),
        cmocka_unit_test(unknown_names_get_a_hint),
    };
    return cmocka_run_group_tests(tests, made_setup, made_teardown);
}
