// SPDX-License-Identifier: MIT
#include "tests/base/temp.h"

#include <math.h>

#include "src/base/rng.h"

// Reference: splitmix64 seeding and xoshiro256** written again from the authors' text.
static uint64_t reference_next(uint64_t s[4])
{
    uint64_t x = s[1] * 5, result = ((x << 7) | (x >> 57)) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

static void it_is_xoshiro256_starstar(void **state)
{
    (void)state;
    // First outputs of the reference implementation for the state 1, 2, 3, 4.
    Rng known = { { 1, 2, 3, 4 } };
    assert_true(rng_u64(&known) == 11520);
    assert_true(rng_u64(&known) == 0);
    assert_true(rng_u64(&known) == 1509978240);
    assert_true(rng_u64(&known) == 1215971899390074240u);
    Rng rng = rng_new(42);
    uint64_t s[4];
    memcpy(s, rng.s, sizeof s);
    for (int i = 0; i < 1000; i++)
        assert_true(rng_u64(&rng) == reference_next(s));
}

// SplitMix64 of 0 begins e220a8397b1dcdaf, 6e789e6aa1b965f4.
static void seeds_go_through_splitmix(void **state)
{
    (void)state;
    Rng rng = rng_new(0);
    assert_true(rng.s[0] == 0xe220a8397b1dcdafu);
    assert_true(rng.s[1] == 0x6e789e6aa1b965f4u);
}

static void streams_depend_on_all_three_numbers(void **state)
{
    (void)state;
    Rng base = rng_at(1, 2, 3), same = rng_at(1, 2, 3);
    assert_memory_equal(&base, &same, sizeof base);
    const uint64_t others[][3] = {
        { 0, 2, 3 }, { 1, 3, 3 }, { 1, 2, 4 }, { 1, 3, 2 }, { 2, 1, 3 }
    };
    for (int i = 0; i < 5; i++) {
        Rng r = rng_at(others[i][0], others[i][1], others[i][2]);
        assert_true(r.s[0] != base.s[0]);
    }
}

static void neighbouring_streams_are_not_alike(void **state)
{
    (void)state;
    // Bits of the first numbers of 4096 neighbours: each near one half.
    int ones[64] = { 0 };
    for (uint64_t a = 0; a < 64; a++)
        for (uint64_t b = 0; b < 64; b++) {
            Rng rng = rng_at(7, a, b);
            uint64_t x = rng_u64(&rng);
            for (int bit = 0; bit < 64; bit++)
                ones[bit] += (int)(x >> bit & 1);
        }
    for (int bit = 0; bit < 64; bit++)
        assert_in_range(ones[bit], 2048 - 200, 2048 + 200);
}

static void below_is_even_and_in_range(void **state)
{
    (void)state;
    Rng rng = rng_new(3);
    int seen[7] = { 0 };
    for (int i = 0; i < 70000; i++)
        seen[rng_below(&rng, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9600, 10400);
    for (int i = 0; i < 100; i++)
        assert_true(rng_below(&rng, 1) == 0);
    assert_true(rng_below(&rng, UINT64_MAX) < UINT64_MAX);
}

static void uniform_and_normal_have_their_moments(void **state)
{
    (void)state;
    Rng rng = rng_new(5);
    double u = 0, z = 0, zz = 0;
    enum { N = 100000 };
    for (int i = 0; i < N; i++) {
        double x = rng_uniform(&rng), y = rng_normal(&rng);
        assert_true(x >= 0 && x < 1 && isfinite(y));
        u += x;
        z += y;
        zz += y * y;
    }
    assert_true(fabs(u / N - 0.5) < 0.005 && fabs(z / N) < 0.015 && fabs(zz / N - 1) < 0.02);
}

static void shuffle_keeps_the_items_and_moves_them_all(void **state)
{
    (void)state;
    Rng rng = rng_new(8);
    int first[5] = { 0 };
    for (int round = 0; round < 5000; round++) {
        int items[5] = { 0, 1, 2, 3, 4 }, seen = 0;
        rng_shuffle(&rng, items, 5);
        for (int i = 0; i < 5; i++)
            seen |= 1 << items[i];
        assert_int_equal(seen, 31);
        first[items[0]]++;
    }
    for (int i = 0; i < 5; i++)
        assert_in_range(first[i], 850, 1150);
    rng_shuffle(&rng, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_xoshiro256_starstar),
        cmocka_unit_test(seeds_go_through_splitmix),
        cmocka_unit_test(streams_depend_on_all_three_numbers),
        cmocka_unit_test(neighbouring_streams_are_not_alike),
        cmocka_unit_test(below_is_even_and_in_range),
        cmocka_unit_test(uniform_and_normal_have_their_moments),
        cmocka_unit_test(shuffle_keeps_the_items_and_moves_them_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
