// SPDX-License-Identifier: MIT
#include "tests/base/temp.h"

#include "src/base/alloc.h"
#include "src/base/arena.h"

static void pieces_are_zero_aligned_and_apart(void **state)
{
    (void)state;
    Arena arena = { 0 };
    unsigned char *pieces[400];
    for (int i = 0; i < 400; i++) {
        size_t n = (size_t)(i * 7 % 300 + 1);
        pieces[i] = arena_alloc(&arena, n, 1);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], i & 0xff, n);
    }
    for (int i = 0; i < 400; i++)
        for (int k = 0; k < i * 7 % 300 + 1; k++)
            assert_int_equal(pieces[i][k], i & 0xff);
    arena_fini(&arena);
}

static void large_pieces_get_a_block_of_their_own(void **state)
{
    (void)state;
    Arena arena = { 0 };
    char *big = arena_alloc(&arena, 1 << 20, 1), *small = arena_alloc(&arena, 1, 1);
    assert_non_null(big);
    assert_non_null(small);
    big[(1 << 20) - 1] = 1;
    assert_null(arena_alloc(&arena, SIZE_MAX / 4, 8));
    arena_fini(&arena);
}

static void reset_gives_the_memory_again(void **state)
{
    (void)state;
    Arena arena = { 0 };
    for (int round = 0; round < 5; round++) {
        int64_t before = alloc_calls();
        for (int i = 0; i < 100; i++) {
            unsigned char *p = arena_alloc(&arena, 1000, 1);
            assert_int_equal(p[999], 0);
            memset(p, 0xff, 1000);
        }
        if (round > 0)
            assert_int_equal(alloc_calls(), before);
        assert_int_equal(arena.used, 100 * 1008);
        arena_reset(&arena);
        assert_int_equal(arena.used, 0);
    }
    arena_fini(&arena);
}

static void text_is_copied(void **state)
{
    (void)state;
    Arena arena = { 0 };
    assert_string_equal(arena_strdup(&arena, "hello"), "hello");
    assert_string_equal(arena_strndup(&arena, "hello", 2), "he");
    assert_string_equal(arena_printf(&arena, "%d-%s", 5, "x"), "5-x");
    arena_fini(&arena);
}

static void out_of_memory_is_null(void **state)
{
    (void)state;
    Arena arena = { 0 };
    alloc_fail_after(0);
    assert_null(arena_alloc(&arena, 1, 1));
    alloc_fail_after(0);
    assert_null(arena_printf(&arena, "x"));
    alloc_fail_after(-1);
    assert_non_null(arena_alloc(&arena, 1, 1));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zero_aligned_and_apart),
        cmocka_unit_test(large_pieces_get_a_block_of_their_own),
        cmocka_unit_test(reset_gives_the_memory_again),
        cmocka_unit_test(text_is_copied),
        cmocka_unit_test(out_of_memory_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
