// SPDX-License-Identifier: MIT
#include "tests/data/made.h"

#include <time.h>

#include "src/base/rng.h"
#include "src/data/feed.h"

enum { N = 23, H = 6, W = 5, C = 3, ITEMS = H * W * C };

static Dataset *set;
static int all[N];

static int setup(void **state)
{
    (void)state;
    set = made_set(N, N, H, W, C, 4);
    for (int i = 0; i < N; i++)
        all[i] = i;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    data_free(set);
    return 0;
}

static Feed *feed_of(FeedOptions o)
{
    Error err = { 0 };
    Feed *f;
    if (feed_new(set, all, N, &o, &f, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return f;
}

static FeedOptions everything(void)
{
    return (FeedOptions){ .batch = 4,
                          .shuffle = true,
                          .seed = 9,
                          .height = 8,
                          .width = 8,
                          .crop = 2,
                          .flip = true,
                          .cutout = 3,
                          .normalise = NORMALISE_COMPUTED };
}

static uint64_t digest(const Batch *b)
{
    uint64_t h = (uint64_t)b->number;
    size_t items = (size_t)b->n * (size_t)(b->height * b->width * b->channels);
    for (size_t i = 0; i < items; i++) {
        uint32_t bits;
        memcpy(&bits, &b->images[i], sizeof bits);
        h = (h ^ bits) * 0x100000001b3u;
    }
    for (int i = 0; i < b->n; i++)
        h = (h ^ (uint64_t)(unsigned)(b->labels[i] * 1000 + b->indices[i])) * 0x100000001b3u;
    return h;
}

static void pixels_come_scaled_and_in_order(void **state)
{
    (void)state;
    Feed *f = feed_of((FeedOptions){ .batch = 4 });
    const Batch *b = feed_next(f);
    assert_int_equal(b->n, 4);
    assert_int_equal(b->height * 100 + b->width * 10 + b->channels, H * 100 + W * 10 + C);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(b->indices[i], i);
        assert_int_equal(b->labels[i], i % 4);
        for (int k = 0; k < ITEMS; k++)
            assert_true(b->images[i * ITEMS + k] == (float)made_pixel(i, k) * (1.0f / 255));
    }
    assert_true((uintptr_t)b->images % 64 == 0);
    feed_free(f);
}

static void an_epoch_shows_every_image_once(void **state)
{
    (void)state;
    Feed *f = feed_of((FeedOptions){ .batch = 4, .shuffle = true, .seed = 1 });
    int orders[3][N];
    assert_int_equal(feed_batches_per_epoch(f), 6);
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[N] = { 0 }, at = 0;
        for (int k = 0; k < 6; k++) {
            const Batch *b = feed_next(f);
            assert_int_equal(b->number, epoch * 6 + k);
            assert_int_equal(b->epoch, epoch);
            assert_int_equal(b->n, k < 5 ? 4 : 3);
            for (int i = 0; i < b->n; i++) {
                seen[b->indices[i]]++;
                orders[epoch][at++] = b->indices[i];
            }
        }
        for (int i = 0; i < N; i++)
            assert_int_equal(seen[i], 1);
    }
    assert_memory_not_equal(orders[0], orders[1], sizeof orders[0]);
    assert_memory_not_equal(orders[1], orders[2], sizeof orders[0]);
    feed_free(f);
}

static void drop_last_leaves_out_the_rest(void **state)
{
    (void)state;
    Feed *f = feed_of((FeedOptions){ .batch = 4, .drop_last = true });
    assert_int_equal(feed_batches_per_epoch(f), 5);
    for (int k = 0; k < 12; k++) {
        const Batch *b = feed_next(f);
        assert_int_equal(b->n, 4);
        assert_int_equal(b->epoch, k / 5);
    }
    feed_free(f);
}

static void drawing_with_replacement_varies_but_not_within_a_batch(void **state)
{
    (void)state;
    FeedOptions o = { .batch = 8, .replace = true, .seed = 5 };
    Feed *f = feed_of(o);
    int seen[N] = { 0 };
    for (int k = 0; k < 60; k++) {
        const Batch *b = feed_next(f);
        assert_int_equal(b->n, 8);
        int here[N] = { 0 };
        for (int i = 0; i < 8; i++) {
            assert_int_equal(here[b->indices[i]]++, 0);
            seen[b->indices[i]]++;
        }
    }
    for (int i = 0; i < N; i++) // 480 draws: about 21 each
        assert_in_range(seen[i], 5, 45);
    feed_free(f);
}

// Every kind of feed: sequential digests, then the same batches by seeking about.
static void seeking_gives_the_same_bits_as_reading(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    for (int kind = 0; kind < 4; kind++) {
        uint64_t want[COUNT];
        FeedOptions o = everything();
        o.replace = kind == 1;
        o.drop_last = kind == 2;
        o.shuffle = kind != 3;
        o.ahead = 1 + kind;
        Feed *f = feed_of(o), *g = feed_of(o);
        for (int b = 0; b < COUNT; b++)
            want[b] = digest(feed_next(f));
        Rng rng = rng_new(77);
        for (int k = 0; k < 100; k++) {
            int64_t b = (int64_t)rng_below(&rng, COUNT - 2);
            feed_seek(g, b);
            assert_int_equal(feed_tell(g), b);
            for (int run = (int)rng_below(&rng, 3); run > 0; run--, b++)
                assert_true(digest(feed_next(g)) == want[b]);
        }
        feed_free(f);
        feed_free(g);
    }
}

static void timing_and_ring_size_change_nothing(void **state)
{
    (void)state;
    FeedOptions o = everything();
    Feed *fast = feed_of(o);
    o.ahead = 7;
    Feed *slow = feed_of(o);
    for (int b = 0; b < 30; b++) {
        if (b % 5 == 0)
            nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
        uint64_t want = digest(feed_next(fast));
        assert_true(digest(feed_next(slow)) == want);
    }
    feed_free(fast);
    feed_free(slow);
}

static void a_batch_stays_whole_until_the_next_call(void **state)
{
    (void)state;
    FeedOptions o = everything();
    o.ahead = 1;
    Feed *f = feed_of(o);
    for (int k = 0; k < 10; k++) {
        const Batch *b = feed_next(f);
        uint64_t before = digest(b);
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        assert_true(digest(b) == before);
    }
    feed_free(f);
}

static void the_seed_changes_the_batches(void **state)
{
    (void)state;
    FeedOptions o = everything();
    Feed *a = feed_of(o);
    o.seed++;
    Feed *b = feed_of(o);
    assert_true(digest(feed_next(a)) != digest(feed_next(b)));
    feed_free(a);
    feed_free(b);
}

static void computed_normalisation_gives_mean_0_and_deviation_1(void **state)
{
    (void)state;
    Feed *f = feed_of((FeedOptions){ .batch = N, .normalise = NORMALISE_COMPUTED });
    const Batch *b = feed_next(f);
    for (int c = 0; c < C; c++) {
        double sum = 0, squares = 0, n = N * H * W;
        for (int i = c; i < N * ITEMS; i += C) {
            sum += (double)b->images[i];
            squares += (double)b->images[i] * (double)b->images[i];
        }
        assert_true(fabs(sum / n) < 1e-5 && fabs(squares / n - 1) < 1e-4);
    }
    feed_free(f);
}

static void given_normalisation_is_used_as_given(void **state)
{
    (void)state;
    FeedOptions o = { .batch = 2, .normalise = NORMALISE_GIVEN };
    for (int c = 0; c < C; c++) {
        o.mean[c] = 0.1f * (float)c;
        o.std[c] = 0.5f;
    }
    Feed *f = feed_of(o);
    const Batch *b = feed_next(f);
    for (int k = 0; k < ITEMS; k++) {
        float want = ((float)made_pixel(0, k) * (1.0f / 255) - o.mean[k % C]) / 0.5f;
        assert_true(fabsf(b->images[k] - want) < 1e-6f);
    }
    feed_free(f);
}

// A picture of one bright pixel: where it goes tells what was done.
static void crop_and_flip_move_the_picture(void **state)
{
    (void)state;
    Dataset *d = made_set(1, 1, 5, 5, 1, 1);
    memset(d->pixels, 0, 25);
    dataset_u8(d, 0)[2 * 5 + 1] = 255; // row 2, column 1
    FeedOptions o = { .batch = 1, .crop = 1, .flip = true };
    Feed *f;
    int zero = 0, seen[25] = { 0 };
    assert_int_equal(feed_new(d, &zero, 1, &o, &f, NULL), STATUS_OK);
    for (int k = 0; k < 300; k++) {
        const Batch *b = feed_next(f);
        for (int i = 0; i < 25; i++)
            seen[i] += b->images[i] > 0.5f;
    }
    // Rows 1 to 3; columns 0 to 2 as it is and 2 to 4 mirrored; column 2 from both.
    for (int y = 0; y < 5; y++)
        for (int x = 0; x < 5; x++)
            assert_int_equal(seen[y * 5 + x] > 0, y >= 1 && y <= 3);
    assert_true(seen[2 * 5 + 2] > seen[2 * 5]);
    feed_free(f);
    data_free(d);
}

static void cutout_takes_a_square_out_after_normalising(void **state)
{
    (void)state;
    Dataset *d = made_set(1, 1, 8, 8, 1, 1);
    memset(d->pixels, 100, 64);
    FeedOptions o = { .batch = 1, .cutout = 4, .normalise = NORMALISE_GIVEN };
    o.mean[0] = 5;
    o.std[0] = 1;
    Feed *f;
    int zero = 0, least = 64, most = 0;
    assert_int_equal(feed_new(d, &zero, 1, &o, &f, NULL), STATUS_OK);
    for (int k = 0; k < 200; k++) {
        const Batch *b = feed_next(f);
        int holes = 0;
        for (int i = 0; i < 64; i++)
            holes += b->images[i] == 0;
        least = holes < least ? holes : least;
        most = holes > most ? holes : most;
    }
    assert_int_equal(most, 16);
    assert_int_equal(least, 4); // a corner
    feed_free(f);
    data_free(d);
}

static void one_channel_is_repeated_and_resized(void **state)
{
    (void)state;
    Dataset *d = made_set(3, 3, 4, 4, 1, 1);
    FeedOptions o = { .batch = 3, .height = 8, .width = 6, .channels = 3 };
    Feed *f;
    assert_int_equal(feed_new(d, (int[]){ 2, 1, 0 }, 3, &o, &f, NULL), STATUS_OK);
    const Batch *b = feed_next(f);
    assert_int_equal(b->height * 100 + b->width * 10 + b->channels, 863);
    for (int i = 0; i < 3 * 8 * 6; i++)
        assert_true(b->images[3 * i] == b->images[3 * i + 1] &&
                    b->images[3 * i] == b->images[3 * i + 2]);
    assert_true(b->images[0] == (float)made_pixel(2, 0) * (1.0f / 255)); // corners stay
    feed_free(f);
    data_free(d);
}

static void impossible_wishes_are_refused(void **state)
{
    (void)state;
    FeedOptions bad[] = { { .batch = 0 },
                          { .batch = N + 1, .drop_last = true },
                          { .batch = N + 1, .replace = true },
                          { .batch = 1, .channels = 4 },
                          { .batch = 1, .height = -1 },
                          { .batch = 1, .crop = -1 },
                          { .batch = 1, .ahead = 1000 },
                          { .batch = 1, .normalise = NORMALISE_GIVEN } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Error err = { 0 };
        Feed *f;
        assert_int_equal(feed_new(set, all, N, &bad[i], &f, &err), STATUS_ARG);
        assert_true(!f && err.msg[0]);
    }
    FeedOptions fine = { .batch = 1 };
    Feed *f;
    assert_int_equal(feed_new(set, all, 0, &fine, &f, NULL), STATUS_ARG);
    assert_int_equal(feed_new(set, (int[]){ N }, 1, &fine, &f, NULL), STATUS_ARG);
}

static void a_batch_larger_than_the_set_is_partial(void **state)
{
    (void)state;
    Feed *f = feed_of((FeedOptions){ .batch = 100 });
    assert_int_equal(feed_batches_per_epoch(f), 1);
    assert_int_equal(feed_next(f)->n, N);
    assert_int_equal(feed_next(f)->epoch, 1);
    feed_free(f);
}

static void freeing_at_once_is_safe(void **state)
{
    (void)state;
    for (int k = 0; k < 50; k++) {
        Feed *f = feed_of(everything());
        if (k % 2)
            feed_seek(f, 1000000000000);
        if (k % 3 == 0)
            feed_next(f);
        feed_free(f);
    }
    feed_free(NULL);
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    Status status = STATUS_NOMEM;
    int64_t n = 0;
    for (; status != STATUS_OK; n++) {
        FeedOptions o = everything();
        Feed *f;
        alloc_fail_after(n);
        status = feed_new(set, all, N, &o, &f, NULL);
        alloc_fail_after(-1);
        assert_true(status == STATUS_OK || (status == STATUS_NOMEM && !f));
        feed_free(f);
    }
    assert_true(n > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_come_scaled_and_in_order),
        cmocka_unit_test(an_epoch_shows_every_image_once),
        cmocka_unit_test(drop_last_leaves_out_the_rest),
        cmocka_unit_test(drawing_with_replacement_varies_but_not_within_a_batch),
        cmocka_unit_test(seeking_gives_the_same_bits_as_reading),
        cmocka_unit_test(timing_and_ring_size_change_nothing),
        cmocka_unit_test(a_batch_stays_whole_until_the_next_call),
        cmocka_unit_test(the_seed_changes_the_batches),
        cmocka_unit_test(computed_normalisation_gives_mean_0_and_deviation_1),
        cmocka_unit_test(given_normalisation_is_used_as_given),
        cmocka_unit_test(crop_and_flip_move_the_picture),
        cmocka_unit_test(cutout_takes_a_square_out_after_normalising),
        cmocka_unit_test(one_channel_is_repeated_and_resized),
        cmocka_unit_test(impossible_wishes_are_refused),
        cmocka_unit_test(a_batch_larger_than_the_set_is_partial),
        cmocka_unit_test(freeing_at_once_is_safe),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
