// SPDX-License-Identifier: MIT
#include "tests/data/made.h"

#include "src/base/unpack.h"
#include "src/data/npy.h"

// An .npy text with this dict and these items; version 1 or 2.
static void put_npy(Str *s, int version, const char *dict, const void *items, size_t len)
{
    char header[256];
    int start = version == 1 ? 10 : 12, n = snprintf(header, sizeof header, "%s", dict);
    while ((start + n + 1) % 64)
        header[n++] = ' ';
    header[n++] = '\n';
    str_addn(s, "\x93NUMPY", 6);
    str_addc(s, (char)version);
    str_addc(s, 0);
    str_addc(s, (char)(n & 0xff));
    str_addc(s, (char)(n >> 8));
    if (version > 1)
        str_addn(s, "\0\0", 2);
    str_addn(s, header, (size_t)n);
    str_addn(s, items, len);
}

static void make_npy(const char *name, const char *descr, const char *shape, const void *items,
                     size_t len)
{
    char dict[200];
    Str s = { 0 };
    snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
             shape);
    put_npy(&s, 1, dict, items, len);
    made_file(name, s.text, s.len);
    str_fini(&s);
}

static void make_dir(const char *dir)
{
    char name[64];
    unsigned char pixels[4 * 6];
    const int64_t labels[4] = { 0, 1, 2, 1 };
    for (int i = 0; i < 24; i++)
        pixels[i] = made_pixel(0, i);
    made_sub(dir);
    snprintf(name, sizeof name, "%s/train_images.npy", dir);
    make_npy(name, "|u1", "(4, 2, 3)", pixels, sizeof pixels);
    snprintf(name, sizeof name, "%s/train_labels.npy", dir);
    make_npy(name, "<i8", "(4,)", labels, sizeof labels);
}

static void a_directory_of_arrays_is_read(void **state)
{
    (void)state;
    make_dir("dir");
    Dataset *d = opened("npy", made_path("dir"));
    assert_int_equal(d->n, 4);
    assert_int_equal(d->n_train, 4);
    assert_int_equal(d->height * 100 + d->width * 10 + d->channels, 231);
    assert_int_equal(d->classes, 3);
    assert_int_equal(dataset_u8(d, 3)[5], made_pixel(0, 23));
    assert_int_equal(d->labels[2], 2);
    data_free(d);
}

static void a_test_part_is_kept_apart(void **state)
{
    (void)state;
    make_dir("parts");
    unsigned char pixels[2 * 6] = { 7 };
    make_npy("parts/x_test.npy", "|u1", "(2,2,3)", pixels, sizeof pixels);
    refused("npy", made_path("parts"), "there is no array y_test");
    make_npy("parts/y_test.npy", "|u1", "(2,1)", "\0\1", 2);
    Dataset *d = opened("npy", made_path("parts"));
    assert_int_equal(d->n, 6);
    assert_int_equal(d->n_train, 4);
    assert_int_equal(dataset_u8(d, 4)[0], 7);
    assert_int_equal(d->labels[5], 1);
    data_free(d);
}

static void planar_floats_become_pixels(void **state)
{
    (void)state;
    float x[2 * 3 * 4 * 5];
    for (int k = 0; k < 120; k++)
        x[k] = (float)k / 4;
    made_sub("planar");
    make_npy("planar/x_train.npy", "<f4", "(2, 3, 4, 5)", x, sizeof x);
    make_npy("planar/y_train.npy", "<i4", "(2,)", (int32_t[]){ 1, 0 }, 8);
    Dataset *d = opened("npy", made_path("planar"));
    assert_int_equal(d->type, PIXEL_F32);
    assert_int_equal(d->height * 100 + d->width * 10 + d->channels, 453);
    assert_true(d->scale == 1);
    for (int k = 0; k < 20; k++)
        for (int c = 0; c < 3; c++)
            assert_true(dataset_f32(d, 1)[3 * k + c] == x[60 + c * 20 + k]);
    data_free(d);
}

static void not_a_number_is_refused(void **state)
{
    (void)state;
    double x[2 * 4] = { 0, 1, 2, 3, 4, NAN, 6, 7 };
    made_sub("nan");
    make_npy("nan/x.npy", "<f8", "(2,2,2)", x, sizeof x);
    make_npy("nan/y.npy", "|u1", "(2,)", "\0\0", 2);
    refused("npy", made_path("nan"), "image 1 has a pixel that is not a finite number");
}

static void wrong_files_are_named(void **state)
{
    (void)state;
    make_dir("bad");
    refused("npy", made_path("bad/train_images.npy"), "is one array; expected a directory");
    make_npy("bad/train_labels.npy", "|u1", "(3,)", "\0\0\0", 3);
    refused("npy", made_path("bad"), "3 labels for 4 images");
    make_npy("bad/train_labels.npy", "|i1", "(4,)", "\0\0\xff\0", 4);
    refused("npy", made_path("bad"), "label -1 of image 2");
    make_npy("bad/train_labels.npy", "<f4", "(1,)", "\0\0\0\0", 4);
    refused("npy", made_path("bad"), "expected whole numbers");
    make_npy("bad/train_labels.npy", "|u1", "(4,)", "\0\0", 2);
    refused("npy", made_path("bad"), "promises 4 bytes of items, the file has 2");
    made_file("bad/train_labels.npy", "hello, I am no array", 20);
    refused("npy", made_path("bad"), "train_labels.npy: not a .npy file");
    made_sub("empty");
    refused("npy", made_path("empty"), "there is no array x_train (or train_images)");
}

static void headers_of_all_versions_are_understood(void **state)
{
    (void)state;
    const float x[2] = { 1.5f, -2 };
    for (int version = 1; version <= 3; version++) {
        Str s = { 0 };
        NpyArray a;
        put_npy(&s, version, "{'shape':(2,),'descr':'<f4','fortran_order':False}", x, sizeof x);
        assert_int_equal(npy_parse(s.text, s.len, "x", &a, NULL), STATUS_OK);
        assert_int_equal(a.rank, 1);
        assert_true(npy_number(&a, 0) == 1.5 && npy_number(&a, 1) == -2);
        for (size_t n = 0; n < s.len; n++)
            assert_int_equal(npy_parse(s.text, n, "x", &a, NULL), STATUS_PARSE);
        str_fini(&s);
    }
}

static void strange_headers_are_refused(void **state)
{
    (void)state;
    static const char *const dicts[] = {
        "{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,4294967296,4294967296)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f",
        "",
        "{'descr'",
        "{'fortran_order': False, 'shape': (2,)}",
    };
    for (size_t i = 0; i < sizeof dicts / sizeof dicts[0]; i++) {
        Str s = { 0 };
        NpyArray a;
        Error err = { 0 };
        put_npy(&s, 1, dicts[i], "12345678", 8);
        assert_int_equal(npy_parse(s.text, s.len, "x", &a, &err), STATUS_PARSE);
        assert_true(str_starts(err.msg, "x: "));
        str_fini(&s);
    }
}

static void whole_numbers_of_every_size_are_read(void **state)
{
    (void)state;
    static const struct {
        char kind;
        int size;
        double want;
    } cases[] = { { 'u', 1, 0xfe },       { 'i', 1, -2 }, { 'u', 2, 0xfffe }, { 'i', 2, -2 },
                  { 'u', 4, 0xfffffffe }, { 'i', 4, -2 }, { 'i', 8, -2 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        NpyArray a = { cases[i].kind,
                       cases[i].size,
                       1,
                       { 1, 1, 1, 1 },
                       1,
                       (const unsigned char *)"\xfe\xff\xff\xff\xff\xff\xff\xff" };
        assert_true(npy_number(&a, 0) == cases[i].want);
    }
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    make_dir("oom");
    survives_no_memory(&(DataSpec){ .name = "npy", .path = made_path("oom") });
}

// ---- .npz: a zip of stored members, made here ----

static void add_le(Str *s, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        str_addc(s, (char)(v >> (8 * i) & 0xff));
}

static uint32_t crc_of(const char *p, size_t n)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned char)p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void zip_add(Str *zip, Str *central, const char *name, const Str *data)
{
    uint32_t at = (uint32_t)zip->len, crc = crc_of(data->text, data->len);
    for (int where = 0; where < 2; where++) {
        Str *s = where ? central : zip;
        add_le(s, where ? 0x02014b50 : 0x04034b50, 4);
        add_le(s, 20, where ? 4 : 2); // version made by and needed; needed
        add_le(s, 0, 2);
        add_le(s, 0, 2); // stored
        add_le(s, 0, 4);
        add_le(s, crc, 4);
        add_le(s, (uint32_t)data->len, 4);
        add_le(s, (uint32_t)data->len, 4);
        add_le(s, (uint32_t)strlen(name), 2);
        add_le(s, 0, 2);
        if (where) {
            add_le(s, 0, 4);
            add_le(s, 0, 2);
            add_le(s, 0, 4);
            add_le(s, at, 4);
        }
        str_add(s, name);
    }
    str_addn(zip, data->text, data->len);
}

static void make_npz(const char *name)
{
    Str zip = { 0 }, central = { 0 }, x = { 0 }, y = { 0 };
    put_npy(&x, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,2,2)}", "abcdefghijkl",
            12);
    put_npy(&y, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", "\0\1\2", 3);
    zip_add(&zip, &central, "x_train.npy", &x);
    zip_add(&zip, &central, "notes.npy", &y);
    zip_add(&zip, &central, "y_train.npy", &y);
    uint32_t at = (uint32_t)zip.len, size = (uint32_t)central.len;
    str_addn(&zip, central.text, central.len);
    add_le(&zip, 0x06054b50, 4);
    add_le(&zip, 0, 4);
    add_le(&zip, 3, 2);
    add_le(&zip, 3, 2);
    add_le(&zip, size, 4);
    add_le(&zip, at, 4);
    add_le(&zip, 0, 2);
    made_file(name, zip.text, zip.len);
    str_fini(&zip);
    str_fini(&central);
    str_fini(&x);
    str_fini(&y);
}

static void an_npz_is_read(void **state)
{
    (void)state;
    make_npz("set.npz");
    if (!unpack_has_archives()) {
        refused("npy", made_path("set.npz"), "libarchive-dev");
        return;
    }
    Dataset *d = opened("npy", made_path("set.npz"));
    assert_int_equal(d->n, 3);
    assert_int_equal(dataset_u8(d, 2)[0], 'i');
    assert_int_equal(d->labels[2], 2);
    data_free(d);
    made_file("no.npz", "this is not a zip file at all", 29);
    refused("npy", made_path("no.npz"), "cannot read the archive");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_of_arrays_is_read),
        cmocka_unit_test(a_test_part_is_kept_apart),
        cmocka_unit_test(planar_floats_become_pixels),
        cmocka_unit_test(not_a_number_is_refused),
        cmocka_unit_test(wrong_files_are_named),
        cmocka_unit_test(headers_of_all_versions_are_understood),
        cmocka_unit_test(strange_headers_are_refused),
        cmocka_unit_test(whole_numbers_of_every_size_are_read),
        cmocka_unit_test(out_of_memory_is_an_error),
        cmocka_unit_test(an_npz_is_read),
    };
    return cmocka_run_group_tests(tests, made_setup, made_teardown);
}
