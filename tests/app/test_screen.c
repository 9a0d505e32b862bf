// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "tests/app/app_kit.h"

// The whole picture on recorded runs, without a terminal.

static int64_t c_allocations;

// Counting beside mem_*: what a library takes for itself. Sanitizers have their own malloc.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void *malloc(size_t size)
{
    c_allocations++;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size)
{
    c_allocations++;
    return __libc_calloc(count, size);
}
void *realloc(void *p, size_t size)
{
    c_allocations++;
    return __libc_realloc(p, size);
}
#endif

static const char *const records[] = { "collapse.jsonl", "healthy.jsonl",
                                       "logged.jsonl",   "nan.jsonl",
                                       "nb201.jsonl",    "started.jsonl",
                                       "trials.jsonl",   "" };
enum { RECORDS = sizeof records / sizeof *records };

static void no_frame_allocates(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 40, 160 }, { 24, 80 }, { 60, 200 } };
    for (int r = 0; r < 3 * RECORDS; r++) {
        App *app = kit_open(records[r / 3], sizes[r % 3][0], sizes[r % 3][1]);
        assert_non_null(app);
        for (int v = 0; v < VIEW_HELP; v++) {
            app->view = (ViewId)v;
            screen_draw(app);
            int64_t before = alloc_calls(), c_before = c_allocations;
            for (int i = 0; i < 6; i++) {
                app->states[v].form = i % 2;
                app->glyphs = (GlyphTier)(i % 3);
                screen_draw(app);
            }
            app->help = true;
            screen_draw(app);
            app->help = false;
            assert_int_equal(alloc_calls(), before);
            assert_int_equal(c_allocations, c_before);
        }
        kit_close(app);
    }
}

static void every_view_draws_at_every_size(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 1, 1 },    { 1, 200 },  { 60, 1 },  { 9, 39 },   { 10, 40 },
                                    { 11, 41 },  { 12, 79 },  { 24, 80 }, { 24, 119 }, { 24, 120 },
                                    { 60, 200 }, { 10, 200 }, { 60, 40 }, { 200, 400 } };
    for (int r = 0; r < RECORDS; r++) {
        App *app = kit_open(records[r], 1, 1);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            assert_true(grid_resize(&app->grid, sizes[s][0], sizes[s][1]));
            for (int v = 0; v < VIEW_HELP; v++)
                for (int form = 0; form < 4; form++) {
                    app->view = (ViewId)v;
                    app->states[v].form = form & 1;
                    app->glyphs = form & 2 ? GLYPHS_ASCII : GLYPHS_BRAILLE;
                    screen_draw(app);
                }
        }
        kit_close(app);
    }
}

static void ascii_screens_hold_ascii_only(void **state)
{
    (void)state;
    for (int r = 0; r < RECORDS; r++) {
        App *app = kit_open(records[r], 30, 130);
        app->glyphs = GLYPHS_ASCII;
        for (int v = 0; v < VIEW_HELP; v++) {
            app->view = (ViewId)v;
            app->help = v == VIEW_LOG;
            screen_draw(app);
            for (int i = 0; i < 30 * 130; i++)
                assert_in_range(app->grid.cells[i].ch, 32, 126);
        }
        kit_close(app);
    }
}

// Keys at random, sizes at random: invariants hold (app_assert runs in every picture).
static void any_keys_at_any_size_are_survived(void **state)
{
    (void)state;
    static const char letters[] = "012345678jkhlgG nN,.[]asyz+-=zf?\t\x02\x06\x15\x04";
    static const int others[] = { TKEY_UP,      TKEY_DOWN,      TKEY_LEFT,  TKEY_RIGHT, TKEY_HOME,
                                  TKEY_PAGE_UP, TKEY_PAGE_DOWN, TKEY_END,   TKEY_ENTER, 27,
                                  TKEY_BACKTAB, TKEY_F1,        TKEY_RESIZE };
    Rng rng;
    rng = rng_new(11);
    for (int r = 0; r < RECORDS; r++) {
        App *app = kit_open(records[r], 24, 80);
        for (int i = 0; i < 3000; i++) {
            uint32_t pick = (uint32_t)rng_below(&rng, 60);
            input_key(app, pick < 13 ? others[pick] : letters[rng_below(&rng, sizeof letters - 1)]);
            assert_false(app->quit);
            if (rng_below(&rng, 8) == 0)
                assert_true(grid_resize(&app->grid, 1 + (int)rng_below(&rng, 60),
                                        1 + (int)rng_below(&rng, 200)));
            screen_draw(app);
        }
        kit_close(app);
    }
}

static void a_screen_too_small_says_what_it_needs(void **state)
{
    (void)state;
    App *app = kit_open("healthy.jsonl", 8, 32);
    screen_draw(app);
    assert_true(kit_shows(app, "need 40x10, have 32x8"));
    kit_close(app);
}

static void the_first_rows_say_what_and_where(void **state)
{
    (void)state;
    App *app = kit_open("collapse.jsonl", 24, 80);
    screen_draw(app);
    assert_true(kit_shows(app, "darts-darts-s5"));
    assert_true(kit_shows(app, "1 Overview"));
    assert_true(kit_shows(app, "COLLAPSED"));
    assert_true(kit_shows(app, "? help"));
    kit_close(app);
}

static void without_runs_the_screen_says_how_to_start_one(void **state)
{
    (void)state;
    App *app = kit_open("", 24, 80);
    app->view = VIEW_RUNS;
    screen_draw(app);
    assert_true(kit_shows(app, ":run digits"));
    kit_close(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_frame_allocates),
        cmocka_unit_test(every_view_draws_at_every_size),
        cmocka_unit_test(ascii_screens_hold_ascii_only),
        cmocka_unit_test(any_keys_at_any_size_are_survived),
        cmocka_unit_test(a_screen_too_small_says_what_it_needs),
        cmocka_unit_test(the_first_rows_say_what_and_where),
        cmocka_unit_test(without_runs_the_screen_says_how_to_start_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
