// SPDX-License-Identifier: MIT
#include "tests/data/made.h"

#include "src/data/split.h"

static Split split_of(const Dataset *d, SplitOptions o, bool unseal)
{
    Error err = { 0 };
    Split s;
    Status status = unseal ? split_unseal(d, &o, &s, &err) : split_new(d, &o, &s, &err);
    if (status != STATUS_OK)
        fail_msg("%s", err.msg);
    return s;
}

static void mark(unsigned char *seen, const int *list, int n)
{
    for (int i = 0; i < n; i++) {
        assert_true(i == 0 || list[i] > list[i - 1]);
        assert_int_equal(seen[list[i]]++, 0);
    }
}

static int count_class(const Dataset *d, const int *list, int n, int class)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        count += d->labels[list[i]] == class;
    return count;
}

static void assert_same(const int *a, const int *b, int n)
{
    assert_memory_equal(a, b, (size_t)n * sizeof *a);
}

static void order_is_the_halves_of_the_file(void **state)
{
    (void)state;
    Dataset *d = made_set(13, 11, 1, 1, 1, 2);
    Split s = split_of(d, split_defaults(), false);
    assert_int_equal(s.n_train, 5); // as int(floor(0.5 * 11))
    assert_int_equal(s.n_valid, 6);
    for (int i = 0; i < s.n_train; i++)
        assert_int_equal(s.train[i], i);
    for (int i = 0; i < s.n_valid; i++)
        assert_int_equal(s.valid[i], 5 + i);
    split_fini(&s);
    data_free(d);
}

static void parts_are_disjoint_and_complete(void **state)
{
    (void)state;
    static const double valids[] = { 0, 0.1, 0.5, 0.75 };
    for (int own = 0; own < 2; own++)
        for (SplitKind kind = SPLIT_ORDER; kind <= SPLIT_STRATIFIED; kind++)
            for (int v = 0; v < 4; v++)
                for (uint64_t seed = 0; seed < 4; seed++) {
                    unsigned char seen[103] = { 0 };
                    Dataset *d = made_set(103, own ? 80 : 103, 1, 1, 1, 7);
                    SplitOptions o = { kind, valids[v], 0.2, 0, seed };
                    Split s = split_of(d, o, true);
                    mark(seen, s.train, s.n_train);
                    mark(seen, s.valid, s.n_valid);
                    mark(seen, s.test, s.n_test);
                    for (int i = 0; i < 103; i++)
                        assert_int_equal(seen[i], 1);
                    assert_int_equal(s.n_test, own ? 23 : 21);
                    split_fini(&s);
                    data_free(d);
                }
}

static void a_search_never_gets_the_test_part(void **state)
{
    (void)state;
    Dataset *own = made_set(50, 40, 1, 1, 1, 3), *none = made_set(50, 50, 1, 1, 1, 3);
    const Dataset *const sets[] = { own, none };
    for (int k = 0; k < 2; k++)
        for (SplitKind kind = SPLIT_ORDER; kind <= SPLIT_STRATIFIED; kind++) {
            SplitOptions o = { kind, 0.5, 0.2, 0, 3 };
            Split search = split_of(sets[k], o, false), all = split_of(sets[k], o, true);
            assert_int_equal(search.n_test, 0);
            assert_null(search.test);
            assert_int_equal(all.n_test, 10);
            assert_int_equal(search.n_train + search.n_valid, 40);
            assert_same(search.train, all.train, all.n_train);
            assert_same(search.valid, all.valid, all.n_valid);
            split_fini(&search);
            split_fini(&all);
        }
    data_free(own);
    data_free(none);
}

static void the_seal_knows_no_seed_kind_or_subset(void **state)
{
    (void)state;
    Dataset *d = made_set(200, 200, 1, 1, 1, 10);
    Split first = split_of(d, split_defaults(), true);
    for (SplitKind kind = SPLIT_ORDER; kind <= SPLIT_STRATIFIED; kind++)
        for (uint64_t seed = 0; seed < 5; seed++)
            for (int subset = 0; subset < 100; subset += 50) {
                SplitOptions o = { kind, 0.3, 0.2, subset, seed };
                Split s = split_of(d, o, true);
                assert_int_equal(s.n_test, first.n_test);
                assert_same(s.test, first.test, s.n_test);
                split_fini(&s);
            }
    for (int c = 0; c < 10; c++)
        assert_int_equal(count_class(d, first.test, first.n_test, c), 4);
    split_fini(&first);
    data_free(d);
}

// The digits' test part is a promise to everybody who compares numbers.
static void the_sealed_digits_stay_the_same(void **state)
{
    (void)state;
    Dataset *d;
    assert_int_equal(data_open(&(DataSpec){ .name = "digits", .share_dir = "." }, &d, NULL),
                     STATUS_OK);
    Split s = split_of(d, split_defaults(), true);
    assert_int_equal(s.n_test, 359);
    assert_int_equal(s.n_train, 719);
    assert_int_equal(s.n_valid, 719);
    uint64_t sum = 0;
    for (int i = 0; i < s.n_test; i++)
        sum = sum * 31 + (uint64_t)s.test[i];
    for (int c = 0; c < 10; c++) {
        int n = count_class(d, s.test, s.n_test, c);
        assert_true(n >= 34 && n <= 37);
    }
    assert_true(sum == 2174642815783549968u);
    split_fini(&s);
    data_free(d);
}

static void stratified_keeps_the_proportions(void **state)
{
    (void)state;
    Dataset *d = made_set(120, 100, 1, 1, 1, 4);
    for (int i = 0; i < 100; i++) // 70, 20, 9, 1
        d->labels[i] = i < 70 ? 0 : i < 90 ? 1 : i < 99 ? 2 : 3;
    for (uint64_t seed = 0; seed < 10; seed++) {
        SplitOptions o = { SPLIT_STRATIFIED, 0.5, 0.2, 0, seed };
        Split s = split_of(d, o, false);
        assert_int_equal(s.n_train, 50);
        assert_int_equal(count_class(d, s.train, 50, 0), 35);
        assert_int_equal(count_class(d, s.train, 50, 1), 10);
        int third = count_class(d, s.train, 50, 2);
        assert_true(third == 4 || third == 5);
        split_fini(&s);
        o.subset = 20;
        s = split_of(d, o, false);
        assert_int_equal(s.n_train + s.n_valid, 20);
        assert_int_equal(count_class(d, s.train, s.n_train, 0), 7);
        assert_int_equal(count_class(d, s.valid, s.n_valid, 0), 7);
        split_fini(&s);
    }
    data_free(d);
}

static void the_seed_decides_and_nothing_else(void **state)
{
    (void)state;
    Dataset *d = made_set(100, 80, 1, 1, 1, 4);
    for (SplitKind kind = SPLIT_SHUFFLED; kind <= SPLIT_STRATIFIED; kind++) {
        SplitOptions o = { kind, 0.5, 0.2, 0, 1 };
        Split a = split_of(d, o, false), b = split_of(d, o, false);
        o.seed = 2;
        Split c = split_of(d, o, false);
        assert_same(a.train, b.train, 40);
        assert_memory_not_equal(a.train, c.train, 40 * sizeof(int));
        split_fini(&a);
        split_fini(&b);
        split_fini(&c);
    }
    data_free(d);
}

static void a_subset_in_order_is_the_first_images(void **state)
{
    (void)state;
    Dataset *d = made_set(30, 20, 1, 1, 1, 2);
    SplitOptions o = split_defaults();
    o.subset = 7;
    Split s = split_of(d, o, false);
    assert_int_equal(s.n_train, 3);
    assert_int_equal(s.valid[s.n_valid - 1], 6);
    split_fini(&s);
    data_free(d);
}

static void no_validation_leaves_all_for_training(void **state)
{
    (void)state;
    Dataset *d = made_set(30, 20, 1, 1, 1, 2);
    SplitOptions o = split_defaults();
    o.valid = 0;
    Split s = split_of(d, o, true);
    assert_int_equal(s.n_train, 20);
    assert_int_equal(s.n_valid, 0);
    assert_int_equal(s.n_test, 10);
    split_fini(&s);
    data_free(d);
}

static void impossible_wishes_are_refused(void **state)
{
    (void)state;
    Dataset *d = made_set(10, 10, 1, 1, 1, 2);
    static const SplitOptions bad[] = {
        { SPLIT_ORDER, 1.0, 0.2, 0, 0 },  { SPLIT_ORDER, -0.1, 0.2, 0, 0 },
        { SPLIT_ORDER, NAN, 0.2, 0, 0 },  { SPLIT_ORDER, 0.5, 0, 0, 0 },
        { SPLIT_ORDER, 0.5, 0.95, 0, 0 }, { SPLIT_ORDER, 0.5, 0.01, 0, 0 },
        { SPLIT_ORDER, 0.5, 0.2, 9, 0 },  { SPLIT_ORDER, 0.5, 0.2, -1, 0 },
        { SPLIT_ORDER, 0.95, 0.2, 0, 0 }, { SPLIT_ORDER, 0.5, 0.2, 1, 0 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Error err = { 0 };
        Split s;
        assert_int_equal(split_new(d, &bad[i], &s, &err), STATUS_ARG);
        assert_true(err.msg[0] && !s.train && !s.valid && !s.test);
    }
    data_free(d);
}

static void kinds_have_names(void **state)
{
    (void)state;
    SplitKind kind;
    for (SplitKind k = SPLIT_ORDER; k <= SPLIT_STRATIFIED; k++) {
        assert_int_equal(split_kind_parse(split_kind_name(k), &kind, NULL), STATUS_OK);
        assert_int_equal(kind, k);
    }
    assert_int_equal(split_kind_parse("random", &kind, NULL), STATUS_ARG);
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    Dataset *d = made_set(60, 60, 1, 1, 1, 3);
    SplitOptions o = { SPLIT_STRATIFIED, 0.5, 0.2, 20, 0 };
    Status status = STATUS_NOMEM;
    int64_t n = 0;
    for (; status != STATUS_OK; n++) {
        Split s;
        alloc_fail_after(n);
        status = split_unseal(d, &o, &s, NULL);
        alloc_fail_after(-1);
        assert_true(status == STATUS_OK || (status == STATUS_NOMEM && !s.train && !s.test));
        split_fini(&s);
    }
    assert_true(n > 5);
    data_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_the_halves_of_the_file),
        cmocka_unit_test(parts_are_disjoint_and_complete),
        cmocka_unit_test(a_search_never_gets_the_test_part),
        cmocka_unit_test(the_seal_knows_no_seed_kind_or_subset),
        cmocka_unit_test(the_sealed_digits_stay_the_same),
        cmocka_unit_test(stratified_keeps_the_proportions),
        cmocka_unit_test(the_seed_decides_and_nothing_else),
        cmocka_unit_test(a_subset_in_order_is_the_first_images),
        cmocka_unit_test(no_validation_leaves_all_for_training),
        cmocka_unit_test(impossible_wishes_are_refused),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
