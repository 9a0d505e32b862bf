// SPDX-License-Identifier: MIT
#include "tests/data/made.h"

#include "src/data/picture.h"

#ifdef WITH_IMAGES

#include <png.h>
#include <turbojpeg.h>

// A grey ramp or one colour; what is in it is told by its first pixel.
static void make_png(const char *name, int h, int w, int red, int green, int blue)
{
    unsigned char pixels[64 * 64 * 3];
    png_image image = { .version = PNG_IMAGE_VERSION,
                        .width = (png_uint_32)w,
                        .height = (png_uint_32)h,
                        .format = PNG_FORMAT_RGB };
    for (int k = 0; k < h * w; k++) {
        pixels[3 * k] = (unsigned char)red;
        pixels[3 * k + 1] = (unsigned char)green;
        pixels[3 * k + 2] = (unsigned char)blue;
    }
    assert_true(png_image_write_to_file(&image, made_path(name), 0, pixels, 0, NULL));
}

static void make_jpeg(const char *name, int h, int w, int level)
{
    unsigned char pixels[64 * 64 * 3], *out = NULL;
    unsigned long len = 0;
    memset(pixels, level, sizeof pixels);
    tjhandle jpeg = tjInitCompress();
    assert_int_equal(tjCompress2(jpeg, pixels, w, 0, h, TJPF_RGB, &out, &len, TJSAMP_444, 95, 0),
                     0);
    made_file(name, out, len);
    tjFree(out);
    tjDestroy(jpeg);
}

static void make_tree(const char *top)
{
    char name[128];
    static const char *const classes[] = { "zebra", "ant" };
    for (int c = 0; c < 2; c++) {
        snprintf(name, sizeof name, "%s/%s", top, classes[c]);
        made_sub(name);
        for (int i = 0; i < 3; i++) {
            snprintf(name, sizeof name, "%s/%s/%d.png", top, classes[c], 2 - i);
            make_png(name, 4, 6, 100 * c + 2 - i, 7, 9);
        }
    }
}

static void classes_and_files_come_in_name_order(void **state)
{
    (void)state;
    make_tree("plain");
    made_file("plain/ant/readme.txt", "x", 1);
    made_file("plain/.hidden", "x", 1);
    Dataset *d = opened("folder", made_path("plain"));
    assert_int_equal(d->n, 6);
    assert_int_equal(d->n_train, 6);
    assert_int_equal(d->classes, 2);
    assert_int_equal(d->height * 100 + d->width * 10 + d->channels, 463);
    for (int i = 0; i < 6; i++) { // ant first
        assert_int_equal(d->labels[i], i / 3);
        assert_int_equal(dataset_u8(d, i)[0], (i < 3 ? 100 : 0) + i % 3);
        assert_int_equal(dataset_u8(d, i)[1], 7);
    }
    data_free(d);
}

static void other_sizes_are_brought_to_the_first(void **state)
{
    (void)state;
    make_tree("sizes");
    make_png("sizes/zebra/big.png", 40, 30, 200, 200, 200);
    make_jpeg("sizes/zebra/small.JPG", 2, 3, 50);
    Dataset *d = opened("folder", made_path("sizes"));
    assert_int_equal(d->n, 8);
    assert_int_equal(d->height * 10 + d->width, 46);
    assert_int_equal(dataset_u8(d, 6)[71], 200);
    assert_in_range(dataset_u8(d, 7)[71], 48, 52);
    data_free(d);
}

static void size_and_channels_can_be_chosen(void **state)
{
    (void)state;
    make_tree("chosen");
    Dataset *d;
    DataSpec spec = { "folder", made_path("chosen"), NULL, 10, 12, 1 };
    assert_int_equal(data_open(&spec, &d, NULL), STATUS_OK);
    assert_int_equal(d->height * 1000 + d->width * 10 + d->channels, 10121);
    data_free(d);
}

static void train_and_test_are_told_apart(void **state)
{
    (void)state;
    make_tree("parts/train");
    make_tree("parts/test");
    Dataset *d = opened("folder", made_path("parts"));
    assert_int_equal(d->n, 12);
    assert_int_equal(d->n_train, 6);
    data_free(d);
    made_sub("parts/test/cow");
    refused("folder", made_path("parts"), "does not have the same classes");
}

static void wrong_files_are_named(void **state)
{
    (void)state;
    make_tree("bad");
    refused("folder", made_path("nowhere"), "nowhere");
    made_sub("bad/empty");
    refused("folder", made_path("bad"), "empty: expected .png, .jpg or .jpeg files");
    made_file("bad/empty/1.png", "not a picture", 13);
    refused("folder", made_path("bad"), "1.png is neither a PNG nor a JPEG");
    made_file("bad/empty/1.png", "\x89PNG\r\n\x1a\nxxxxxxxxxxxxxxxxxxxxxxxxxx", 34);
    refused("folder", made_path("bad"), "1.png: not a readable PNG");
    made_file("bad/empty/1.png", "\xff\xd8\xff\xe0garbage", 11);
    refused("folder", made_path("bad"), "1.png: not a readable JPEG");
}

static void cut_pictures_do_not_crash(void **state)
{
    (void)state;
    char *text;
    size_t len;
    made_sub("cut");
    make_png("cut/a.png", 20, 20, 1, 2, 3);
    make_jpeg("cut/b.jpg", 20, 20, 77);
    static const char *const names[] = { "cut/a.png", "cut/b.jpg" };
    for (int k = 0; k < 2; k++) {
        assert_int_equal(file_read(made_path(names[k]), 1 << 20, &text, &len, NULL), STATUS_OK);
        for (size_t n = 0; n <= len; n++) {
            Picture p;
            Status status = picture_decode(text, n, 3, "x", &p, NULL);
            assert_true((status == STATUS_OK) == (p.pixels != NULL));
            assert_true(status == STATUS_OK || n < len);
            mem_free(p.pixels);
        }
        mem_free(text);
    }
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    make_tree("oom");
    make_png("oom/zebra/big.png", 9, 9, 1, 2, 3);
    survives_no_memory(&(DataSpec){ .name = "folder", .path = made_path("oom") });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_and_files_come_in_name_order),
        cmocka_unit_test(other_sizes_are_brought_to_the_first),
        cmocka_unit_test(size_and_channels_can_be_chosen),
        cmocka_unit_test(train_and_test_are_told_apart),
        cmocka_unit_test(wrong_files_are_named),
        cmocka_unit_test(cut_pictures_do_not_crash),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, made_setup, made_teardown);
}

#else

static void the_missing_libraries_are_named(void **state)
{
    (void)state;
    assert_false(picture_can_decode());
    refused("folder", made_dir, "libpng-dev");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_missing_libraries_are_named) };
    return cmocka_run_group_tests(tests, made_setup, made_teardown);
}

#endif
