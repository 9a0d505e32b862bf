// SPDX-License-Identifier: MIT
#include "tests/base/temp.h"

#include <zlib.h>

#include "src/base/alloc.h"
#include "src/base/str.h"
#include "src/base/unpack.h"

static void put(const char *name, const void *bytes, size_t len)
{
    assert_int_equal(file_write_atomic(temp_path(name), bytes, len, NULL), STATUS_OK);
}

static void append(const char *name, const char *text)
{
    FILE *f = fopen(temp_path(name), "ab");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void put_gz(const char *name, const void *bytes, size_t len)
{
    gzFile gz = gzopen(temp_path(name), "wb");
    assert_non_null(gz);
    assert_int_equal(gzwrite(gz, bytes, (unsigned)len), (int)len);
    gzclose(gz);
}

static void expect(Unpack *u, const char *text)
{
    char buf[64];
    size_t got;
    assert_int_equal(unpack_read(u, buf, sizeof buf, &got, NULL), STATUS_OK);
    assert_int_equal(got, strlen(text));
    assert_memory_equal(buf, text, got);
}

static Unpack *open_ok(const char *name)
{
    Unpack *u;
    Error err = { 0 };
    if (unpack_open(temp_path(name), &u, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return u;
}

static void plain_and_gzip_read_the_same(void **state)
{
    (void)state;
    void *a, *b;
    size_t len_a, len_b;
    char text[300000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * i >> 5);
    put("big", text, sizeof text);
    put_gz("big.gz", text, sizeof text);
    assert_int_equal(unpack_file(temp_path("big"), 1 << 20, &a, &len_a, NULL), STATUS_OK);
    assert_int_equal(unpack_file(temp_path("big.gz"), 1 << 20, &b, &len_b, NULL), STATUS_OK);
    assert_int_equal(len_a, sizeof text);
    assert_int_equal(len_b, sizeof text);
    assert_memory_equal(a, text, sizeof text);
    assert_memory_equal(b, text, sizeof text);
    mem_free(a);
    mem_free(b);
}

static void a_growing_file_goes_on(void **state)
{
    (void)state;
    put("log", "", 0);
    Unpack *u = open_ok("log");
    expect(u, "");
    append("log", "o");
    expect(u, "o");
    expect(u, "");
    append("log", "ne\ntwo\n");
    expect(u, "ne\ntwo\n");
    assert_int_equal(unpack_tell(u), 8);
    assert_int_equal(unpack_seek(u, 4, NULL), STATUS_OK);
    expect(u, "two\n");
    assert_int_equal(unpack_seek(u, 9, NULL), STATUS_PARSE);
    assert_false(unpack_is_gzip(u));
    unpack_close(u);
}

static void a_file_of_one_byte_like_gzip_is_waited_for(void **state)
{
    (void)state;
    put("one", "\x1f", 1);
    Unpack *u = open_ok("one");
    expect(u, ""); // gzip or not: nobody knows yet
    append("one", "x");
    expect(u, "\x1fx");
    unpack_close(u);
}

static void gzip_can_be_searched(void **state)
{
    (void)state;
    put_gz("seek.gz", "0123456789", 10);
    Unpack *u = open_ok("seek.gz");
    assert_int_equal(unpack_seek(u, 7, NULL), STATUS_OK);
    expect(u, "789");
    assert_true(unpack_is_gzip(u));
    assert_int_equal(unpack_seek(u, 2, NULL), STATUS_OK);
    assert_int_equal(unpack_tell(u), 2);
    expect(u, "23456789");
    assert_int_equal(unpack_seek(u, 11, NULL), STATUS_PARSE);
    unpack_close(u);
}

static void cut_and_damaged_gzip_is_refused(void **state)
{
    (void)state;
    char *text;
    size_t len, got;
    void *data;
    Error err = { 0 };
    char lines[5000];
    for (size_t i = 0; i < sizeof lines; i++)
        lines[i] = (char)(i * 7919 >> 3);
    put_gz("whole.gz", lines, sizeof lines);
    assert_int_equal(file_read(temp_path("whole.gz"), 1 << 20, &text, &len, NULL), STATUS_OK);
    for (size_t n = 2; n < len; n += n < 30 || n > len - 12 ? 1 : 97) {
        put("cut.gz", text, n);
        assert_int_equal(unpack_file(temp_path("cut.gz"), 1 << 20, &data, &got, &err),
                         STATUS_PARSE);
        assert_null(data);
        assert_non_null(strstr(err.msg, "cut.gz"));
    }
    text[len / 2] ^= 0x55;
    put("bad.gz", text, len);
    assert_int_equal(unpack_file(temp_path("bad.gz"), 1 << 20, &data, &got, &err), STATUS_PARSE);
    mem_free(text);
}

static void a_limit_holds_against_small_files_that_grow(void **state)
{
    (void)state;
    void *data;
    size_t len;
    Error err = { 0 };
    char *zeros = mem_zero(1, 4000000);
    put_gz("bomb.gz", zeros, 4000000);
    mem_free(zeros);
    assert_int_equal(unpack_file(temp_path("bomb.gz"), 100000, &data, &len, &err), STATUS_PARSE);
    assert_non_null(strstr(err.msg, "holds more than 100000 bytes"));
    assert_int_equal(unpack_file(temp_path("bomb.gz"), 4000000, &data, &len, &err), STATUS_OK);
    assert_int_equal(len, 4000000);
    mem_free(data);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    Unpack *u;
    Error err = { 0 };
    assert_int_equal(unpack_open(temp_path("nothing"), &u, &err), STATUS_IO);
    assert_null(u);
    assert_int_equal(unpack_open(temp_dir, &u, &err), STATUS_IO);
    assert_non_null(strstr(err.msg, "is a directory"));
    unpack_close(NULL);
}

// A tar with two files, by hand.
static void add_tar(Str *s, const char *name, const char *text)
{
    char head[512] = { 0 };
    unsigned sum = 0;
    snprintf(head, 100, "%s", name);
    memcpy(head + 100, "0000644\0000000000\0000000000\0", 24);
    snprintf(head + 124, 12, "%011o", (unsigned)strlen(text));
    memcpy(head + 136, "00000000000\0        0", 21);
    memcpy(head + 257, "ustar\00000", 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum);
    str_addn(s, head, 512);
    str_add(s, text);
    while (s->len % 512)
        str_addc(s, 0);
}

static Status count_members(void *self, const char *name, UnpackEntry *entry, Error *err)
{
    (void)entry;
    (void)err;
    assert_true(str_starts(name, "dir/"));
    ++*(int *)self;
    return STATUS_OK;
}

static Status refuse(void *self, const char *name, UnpackEntry *entry, Error *err)
{
    (void)entry;
    ++*(int *)self;
    return error_set(err, STATUS_STOPPED, "no more after %s", name);
}

static void members_of_archives_are_read(void **state)
{
    (void)state;
    Str tar = { 0 };
    Error err = { 0 };
    void *data;
    size_t len;
    int count = 0;
    add_tar(&tar, "dir/a.txt", "first");
    add_tar(&tar, "dir/b.txt", "the second");
    for (int i = 0; i < 1024; i++)
        str_addc(&tar, 0);
    put_gz("x.tar.gz", tar.text, tar.len);
    const char *path = temp_path("x.tar.gz");
    if (!unpack_has_archives()) {
        assert_int_equal(unpack_member(path, "dir/b.txt", 99, &data, &len, &err), STATUS_ARG);
        assert_non_null(strstr(err.msg, "libarchive-dev"));
        str_fini(&tar);
        return;
    }
    assert_int_equal(unpack_member(path, "dir/b.txt", 99, &data, &len, &err), STATUS_OK);
    assert_string_equal(data, "the second");
    mem_free(data);
    assert_int_equal(unpack_member(path, "dir/b.txt", 9, &data, &len, &err), STATUS_PARSE);
    assert_int_equal(unpack_member(path, "dir/c.txt", 99, &data, &len, &err), STATUS_PARSE);
    assert_non_null(strstr(err.msg, "no member 'dir/c.txt'"));
    assert_int_equal(unpack_each(path, count_members, &count, &err), STATUS_OK);
    assert_int_equal(count, 2);
    count = 0;
    assert_int_equal(unpack_each_in(tar.text, tar.len, "mem", refuse, &count, &err),
                     STATUS_STOPPED);
    assert_int_equal(count, 1);
    assert_int_equal(unpack_each_in("nonsense", 8, "mem", refuse, &count, &err), STATUS_PARSE);
    assert_int_equal(unpack_each("/nonexistent.zip", refuse, &count, &err), STATUS_IO);
    str_fini(&tar);
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    int64_t n = 0;
    char text[200000] = { 1 };
    put_gz("oom.gz", text, sizeof text);
    for (Status status = STATUS_NOMEM; status != STATUS_OK; n++) {
        void *data;
        size_t len;
        alloc_fail_after(n);
        status = unpack_file(temp_path("oom.gz"), 1 << 20, &data, &len, NULL);
        alloc_fail_after(-1);
        assert_true(status == STATUS_OK || (status == STATUS_NOMEM && !data));
        mem_free(data);
    }
    assert_true(n > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_gzip_read_the_same),
        cmocka_unit_test(a_growing_file_goes_on),
        cmocka_unit_test(a_file_of_one_byte_like_gzip_is_waited_for),
        cmocka_unit_test(gzip_can_be_searched),
        cmocka_unit_test(cut_and_damaged_gzip_is_refused),
        cmocka_unit_test(a_limit_holds_against_small_files_that_grow),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(members_of_archives_are_read),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
