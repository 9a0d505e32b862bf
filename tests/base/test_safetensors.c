// SPDX-License-Identifier: MIT
#include "tests/base/temp.h"

#include <math.h>

#include "src/base/alloc.h"
#include "src/base/safetensors.h"

static const float weights[6] = { 1, -2.5f, 3, 4, NAN, INFINITY };
static const int64_t steps[1] = { -7 };
static const unsigned char flags[3] = { 1, 0, 1 };
static const char *const meta[][2] = { { "format", "dartboard" }, { "epoch", "9" } };

static const SafeTensor tensors[] = {
    { "flags", SAFE_U8, 1, { 3 }, flags, 3 },
    { "w", SAFE_F32, 2, { 2, 3 }, weights, sizeof weights },
    { "step", SAFE_I64, 0, { 0 }, steps, sizeof steps },
    { "none", SAFE_F64, 2, { 0, 4 }, NULL, 0 },
};

static void pack(Str *out)
{
    Error err = { 0 };
    if (safetensors_pack(tensors, 4, meta, 2, out, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
}

static void check(const SafeFile *f)
{
    assert_int_equal(safetensors_count(f), 4);
    const SafeTensor *w = safetensors_find(f, "w");
    assert_non_null(w);
    assert_int_equal(w->dtype, SAFE_F32);
    assert_int_equal(w->rank, 2);
    assert_int_equal(w->shape[0] * 10 + w->shape[1], 23);
    assert_int_equal(w->bytes, sizeof weights);
    assert_memory_equal(w->data, weights, sizeof weights);
    assert_int_equal(*(const int64_t *)safetensors_find(f, "step")->data, -7);
    assert_memory_equal(safetensors_find(f, "flags")->data, flags, 3);
    assert_int_equal(safetensors_find(f, "none")->bytes, 0);
    assert_null(safetensors_find(f, "x"));
    assert_string_equal(safetensors_meta(f, "epoch"), "9");
    assert_null(safetensors_meta(f, "nothing"));
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    SafeFile *f;
    const char *path = temp_path("a.safetensors");
    assert_int_equal(safetensors_write(path, tensors, 4, meta, 2, NULL), STATUS_OK);
    assert_int_equal(safetensors_open(path, &f, NULL), STATUS_OK);
    check(f);
    safetensors_close(f);
}

static void the_file_has_the_layout_of_the_format(void **state)
{
    (void)state;
    Str s = { 0 };
    pack(&s);
    size_t header = (unsigned char)s.text[0] | (size_t)(unsigned char)s.text[1] << 8;
    assert_int_equal(header % 8, 0);
    assert_int_equal(s.text[8], '{');
    assert_int_equal(s.len, 8 + header + 8 + 24 + 3);
    // Falling alignment: the 8-byte one first.
    assert_non_null(strstr(s.text + 8, "\"step\":{\"dtype\":\"I64\",\"shape\":[],"
                                       "\"data_offsets\":[0,8]}"));
    assert_non_null(strstr(s.text + 8, "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],"
                                       "\"data_offsets\":[8,32]}"));
    assert_non_null(strstr(s.text + 8, "\"__metadata__\":{\"format\":\"dartboard\","));
    str_fini(&s);
}

static void the_same_tensors_give_the_same_bytes(void **state)
{
    (void)state;
    Str a = { 0 }, b = { 0 };
    pack(&a);
    pack(&b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.text, b.text, a.len);
    str_fini(&a);
    str_fini(&b);
}

static void every_cut_and_every_addition_is_refused(void **state)
{
    (void)state;
    Str s = { 0 };
    SafeFile *f;
    pack(&s);
    for (size_t n = 0; n < s.len; n++) {
        assert_int_equal(safetensors_parse(s.text, n, "x", &f, NULL), STATUS_PARSE);
        assert_null(f);
    }
    str_addc(&s, 0);
    assert_int_equal(safetensors_parse(s.text, s.len, "x", &f, NULL), STATUS_PARSE);
    str_fini(&s);
}

// A file with this header text and so many bytes of data.
static Status parse_text(const char *header, size_t data, SafeFile **f, Error *err)
{
    char text[1024] = { 0 };
    size_t n = strlen(header);
    for (int i = 0; i < 8; i++)
        text[i] = (char)(n >> (8 * i) & 0xff);
    memcpy(text + 8, header, n);
    for (size_t i = 0; i < data; i++)
        text[8 + n + i] = (char)i;
    return safetensors_parse(text, 8 + n + data, "x", f, err);
}

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",
        "{}  x",
        "{\"a\":1}",
        "{\"a\":null}",
        "{\"a\":{}}",
        "{\"__metadata__\":{\"k\":1}}",
        "{\"__metadata__\":[]}",
        "{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[\"inf\"],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",  // hole at the end
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",  // at the start
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", // past the end
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", // overlap
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[9007199254740991,9007199254740991],"
        "\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,8],\"data_offsets\":[0,8]}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        SafeFile *f;
        Error err = { 0 };
        if (parse_text(bad[i], 8, &f, &err) != STATUS_PARSE)
            fail_msg("accepted: %s", bad[i]);
        assert_null(f);
        assert_true(str_starts(err.msg, "x"));
    }
}

static void data_out_of_line_is_moved(void **state)
{
    (void)state;
    SafeFile *f;
    assert_int_equal(parse_text("{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                "\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[1,9]}}",
                                9, &f, NULL),
                     STATUS_OK);
    const SafeTensor *a = safetensors_find(f, "a");
    assert_int_equal((uintptr_t)a->data % 8, 0);
    assert_memory_equal(a->data, "\1\2\3\4\5\6\7\10", 8);
    assert_string_equal(safetensors_at(f, 0)->name, "b");
    safetensors_close(f);
}

static void wrong_tensors_are_not_written(void **state)
{
    (void)state;
    static const SafeTensor bad[][2] = {
        { { "a", SAFE_F32, 1, { 2 }, weights, 4 } },
        { { "a", SAFE_F32, 9, { 1 }, weights, 4 } },
        { { "a", SAFE_F32, 1, { -1 }, weights, 4 } },
        { { "", SAFE_F32, 1, { 1 }, weights, 4 } },
        { { "__metadata__", SAFE_F32, 1, { 1 }, weights, 4 } },
        { { "a", SAFE_F32, 1, { 1 }, weights, 4 }, { "a", SAFE_F32, 1, { 1 }, weights, 4 } },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Str s = { 0 };
        assert_int_equal(safetensors_pack(bad[i], bad[i][1].name ? 2 : 1, NULL, 0, &s, NULL),
                         STATUS_ARG);
        assert_int_equal(s.len, 0);
        str_fini(&s);
    }
}

static void need_says_what_was_found(void **state)
{
    (void)state;
    Str s = { 0 };
    SafeFile *f;
    Error err = { 0 };
    const SafeTensor *t;
    pack(&s);
    assert_int_equal(safetensors_parse(s.text, s.len, "x", &f, NULL), STATUS_OK);
    const int64_t right[] = { 2, 3 }, wrong[] = { 3, 2 };
    assert_int_equal(safetensors_need(f, "w", SAFE_F32, 2, right, &t, &err), STATUS_OK);
    assert_ptr_equal(t, safetensors_find(f, "w"));
    assert_int_equal(safetensors_need(f, "w", SAFE_F64, 2, wrong, &t, &err), STATUS_PARSE);
    assert_string_equal(err.msg, "tensor 'w' is F32[2,3], expected F64[3,2]");
    assert_int_equal(safetensors_need(f, "v", SAFE_F64, 0, NULL, &t, &err), STATUS_PARSE);
    assert_null(t);
    safetensors_close(f);
    str_fini(&s);
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    SafeFile *f;
    Error err = { 0 };
    assert_int_equal(safetensors_open("/nonexistent/x", &f, &err), STATUS_IO);
    assert_non_null(strstr(err.msg, "/nonexistent/x"));
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    int64_t n = 0;
    for (Status status = STATUS_NOMEM; status != STATUS_OK; n++) {
        SafeFile *f = NULL;
        const char *path = temp_path("oom.safetensors");
        alloc_fail_after(n);
        status = safetensors_write(path, tensors, 4, meta, 2, NULL);
        if (status == STATUS_OK)
            status = safetensors_open(path, &f, NULL);
        alloc_fail_after(-1);
        assert_true(status == STATUS_OK || status == STATUS_NOMEM);
        if (f)
            check(f);
        safetensors_close(f);
    }
    assert_true(n > 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_file_has_the_layout_of_the_format),
        cmocka_unit_test(the_same_tensors_give_the_same_bytes),
        cmocka_unit_test(every_cut_and_every_addition_is_refused),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(data_out_of_line_is_moved),
        cmocka_unit_test(wrong_tensors_are_not_written),
        cmocka_unit_test(need_says_what_was_found),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
