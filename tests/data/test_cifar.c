// SPDX-License-Identifier: MIT
#include "tests/data/made.h"

// n records; label of record i is i % classes, byte k of the planes made_pixel(i, k).
static void make_records(const char *name, int n, int classes)
{
    Str s = { 0 };
    for (int i = 0; i < n; i++) {
        if (classes == 100)
            str_addc(&s, (char)(i % 20));
        str_addc(&s, (char)(i % classes));
        for (int k = 0; k < 3072; k++)
            str_addc(&s, (char)made_pixel(i, k));
    }
    made_file(name, s.text, s.len);
    str_fini(&s);
}

static void make_ten(const char *dir)
{
    char name[64];
    made_sub(dir);
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "%s/data_batch_%d.bin", dir, i);
        make_records(name, 4 + i, 10);
    }
    snprintf(name, sizeof name, "%s/test_batch.bin", dir);
    make_records(name, 3, 10);
}

static void planes_become_pixels(void **state)
{
    (void)state;
    make_ten("ten");
    Dataset *d = opened("cifar10", made_path("ten"));
    assert_int_equal(d->n_train, 5 + 6 + 7 + 8 + 9);
    assert_int_equal(d->n, d->n_train + 3);
    assert_int_equal(d->classes, 10);
    const unsigned char *image = dataset_u8(d, 5 + 2); // record 2 of the second file
    for (int k = 0; k < 1024; k++)
        for (int c = 0; c < 3; c++)
            assert_int_equal(image[3 * k + c], made_pixel(2, c * 1024 + k));
    assert_int_equal(d->labels[5 + 2], 2);
    float mean[3], std[3];
    assert_true(data_published(d, mean, std) && mean[0] == 0.49139968f && std[2] == 0.26158768f);
    data_free(d);
}

static void the_directory_of_the_archive_is_found(void **state)
{
    (void)state;
    make_ten("outer/cifar-10-batches-bin");
    Dataset *d = opened("cifar10", made_path("outer"));
    assert_int_equal(d->n, 38);
    data_free(d);
}

static void hundred_classes_take_the_fine_label(void **state)
{
    (void)state;
    made_sub("hundred");
    make_records("hundred/train.bin", 60, 100);
    make_records("hundred/test.bin", 2, 100);
    Dataset *d = opened("cifar100", made_path("hundred"));
    assert_int_equal(d->classes, 100);
    assert_int_equal(d->labels[50], 50);
    assert_int_equal(dataset_u8(d, 1)[0], made_pixel(1, 0));
    data_free(d);
}

static void wrong_files_are_named(void **state)
{
    (void)state;
    make_ten("bad");
    refused("cifar10", made_path("nowhere"), "data_batch_1.bin");
    made_file("bad/data_batch_3.bin", "abc", 3);
    refused("cifar10", made_path("bad"), "data_batch_3.bin: 3 bytes, expected a multiple of 3073");
    make_records("bad/data_batch_3.bin", 12, 100); // 12 * 3074 is no multiple of 3073
    refused("cifar10", made_path("bad"), "expected a multiple of 3073");
    make_ten("label");
    make_records("label/test_batch.bin", 12, 11);
    refused("cifar10", made_path("label"), "record 10 has label 10, expected 0 to 9");
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    make_ten("oom");
    survives_no_memory(&(DataSpec){ .name = "cifar10", .path = made_path("oom") });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_become_pixels),
        cmocka_unit_test(the_directory_of_the_archive_is_found),
        cmocka_unit_test(hundred_classes_take_the_fine_label),
        cmocka_unit_test(wrong_files_are_named),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, made_setup, made_teardown);
}
