// SPDX-License-Identifier: MIT
#include "tests/base/temp.h"

#include "src/base/alloc.h"

static void products_that_overflow_give_null(void **state)
{
    (void)state;
    assert_null(mem_array(SIZE_MAX / 2, 3));
    assert_null(mem_array(SIZE_MAX, SIZE_MAX));
    assert_null(mem_zero(SIZE_MAX / 4, 8));
    assert_null(mem_aligned(SIZE_MAX));
    void *p = mem_alloc(8);
    assert_null(mem_grow(p, SIZE_MAX / 4, 8)); // p is still ours
    mem_free(p);
}

static void nothing_is_something(void **state)
{
    (void)state;
    void *const all[] = { mem_alloc(0), mem_zero(0, 8), mem_array(0, 8), mem_aligned(0) };
    for (int i = 0; i < 4; i++) {
        assert_non_null(all[i]);
        mem_free(all[i]);
    }
    mem_free(NULL);
}

static void aligned_is_aligned_and_zero(void **state)
{
    (void)state;
    for (size_t n = 1; n < 300; n += 13) {
        unsigned char *p = mem_aligned(n);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        mem_free(p);
    }
}

static void the_nth_call_fails_and_only_that_one(void **state)
{
    (void)state;
    int64_t before = alloc_calls();
    alloc_fail_after(2);
    for (int i = 0; i < 6; i++) {
        void *p = i % 2 ? mem_zero(1, 4) : mem_alloc(4);
        assert_true((p == NULL) == (i == 2));
        mem_free(p);
    }
    alloc_fail_after(-1);
    assert_int_equal(alloc_calls() - before, 6);
}

static void copies_of_text_are_copies(void **state)
{
    (void)state;
    char text[] = "abc", *copy = mem_strdup(text);
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    mem_free(copy);
    alloc_fail_after(0);
    assert_null(mem_strdup("x"));
    alloc_fail_after(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_that_overflow_give_null),
        cmocka_unit_test(nothing_is_something),
        cmocka_unit_test(aligned_is_aligned_and_zero),
        cmocka_unit_test(the_nth_call_fails_and_only_that_one),
        cmocka_unit_test(copies_of_text_are_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
