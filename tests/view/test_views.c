// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/view/screen.h"
#include "ui/view/parts.h"
#include "ui/draw/text.h"

static const char *const files[] = { "healthy.jsonl", "collapse.jsonl", "nan.jsonl",
                                     "nb201.jsonl",   "trials.jsonl",   "started.jsonl",
                                     "logged.jsonl" };
enum { FILES = sizeof files / sizeof *files };
static Model models[FILES];

static int load_all(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++)
        if (!screen_load(&models[i], files[i]))
            return -1;
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++)
        model_free(&models[i]);
    return 0;
}

// Draws into an area inside a grid full of '~' and looks whether any was touched outside.
static void draw_fenced(const View *view, const ViewContext *ctx, ViewState *state, int rows,
                        int cols, GlyphTier tier)
{
    Grid g;
    Rect area = { 1, 2, rows, cols };
    assert_true(screen_open(&g, rows + 2, cols + 4, tier));
    grid_fill(&g, (Rect){ 0, 0, g.rows, g.cols }, '~', ROLE_TEXT, 0);
    grid_fill(&g, area, ' ', ROLE_TEXT, 0);
    view_draw(view, ctx, state, &g, area, rows % 2);
    for (int row = 0; row < g.rows; row++)
        for (int col = 0; col < g.cols; col++) {
            bool inside = row >= 1 && row <= rows && col >= 2 && col < cols + 2;
            const Cell *cell = grid_at(&g, row, col);
            if (!inside && (cell->ch != '~' || cell->role != ROLE_TEXT))
                fail_msg("view %s of %dx%d writes outside at %d,%d", view->name, rows, cols, row,
                         col);
            if (tier == GLYPHS_ASCII && cell->ch > 126)
                fail_msg("view %s draws U+%04X in ASCII", view->name, (unsigned)cell->ch);
        }
    grid_fini(&g);
}

static void every_view_keeps_to_its_area_at_any_size(void **state)
{
    (void)state;
    int turn = 0;
    for (int rows = 1; rows <= 60; rows++)
        for (int cols = 1 + rows % 23; cols <= 200; cols += 23)
            for (int v = 0; v < VIEW_COUNT; v++, turn++) {
                ViewContext ctx = screen_context(&models[turn % FILES]);
                ViewState view_state = { .form = turn / 3 % 2,
                                         .metric = turn % 4,
                                         .cursor = turn % 90 };
                ctx.epoch = turn % 5 ? INT_MAX : turn % 40;
                ctx.cell = turn % 3;
                ctx.log_y = turn % 2;
                if (turn % 2)
                    ctx.script_text = "-- a space\nreturn nas.cells {\n\tname = 'x' }\n";
                draw_fenced(view_get((ViewId)v), &ctx, &view_state, rows, cols,
                            turn % 3 == 0   ? GLYPHS_ASCII
                            : turn % 3 == 1 ? GLYPHS_BLOCK
                                            : GLYPHS_BRAILLE);
            }
}

static void every_view_draws_without_a_run_and_says_why(void **state)
{
    (void)state;
    Model none = { 0 };
    for (int v = 0; v < VIEW_COUNT; v++) {
        Grid g;
        ViewState view_state = { 0 };
        ViewContext ctx = screen_context(&none);
        assert_true(screen_open(&g, 24, 80, GLYPHS_ASCII));
        view_draw(view_get((ViewId)v), &ctx, &view_state, &g, (Rect){ 0, 0, 24, 80 }, true);
        char *text = grid_dump(&g, false);
        assert_true(strlen(text) > 40);
        mem_free(text);
        grid_fini(&g);
    }
}

static void drawing_allocates_nothing(void **state)
{
    (void)state;
    for (int v = 0; v < VIEW_COUNT; v++)
        for (int i = 0; i < FILES; i++) {
            Grid g;
            ViewState view_state = { 0 };
            ViewContext ctx = screen_context(&models[i]);
            assert_true(screen_open(&g, 40, 120, GLYPHS_BRAILLE));
            int64_t before = alloc_calls();
            view_draw(view_get((ViewId)v), &ctx, &view_state, &g, (Rect){ 0, 0, 40, 120 }, true);
            assert_int_equal(alloc_calls(), before);
            grid_fini(&g);
        }
}

static void keys_move_within_the_items(void **state)
{
    (void)state;
    for (int v = 0; v < VIEW_COUNT; v++)
        for (int i = 0; i < FILES; i++) {
            Grid g;
            ViewState view_state = { 0 };
            ViewContext ctx = screen_context(&models[i]);
            assert_true(screen_open(&g, 12, 70, GLYPHS_ASCII));
            for (int k = 0; k < 400; k++) {
                const View *view = view_get((ViewId)v);
                view_draw(view, &ctx, &view_state, &g, (Rect){ 0, 0, 12, 70 }, true);
                view->act(&ctx, &view_state, (ViewAction)(k * 7 % (ACTION_FIND_PREV + 1)));
                assert_true(view_state.cursor >= 0 && view_state.left >= 0);
            }
            grid_fini(&g);
        }
}

static bool contains(const char *file, const char *view, int epoch, const char *text)
{
    Model model = { 0 };
    Grid g;
    ViewState view_state = { 0 };
    assert_true(screen_load(&model, file));
    ViewContext ctx = screen_context(&model);
    ctx.epoch = epoch;
    assert_true(screen_open(&g, 40, 120, GLYPHS_ASCII));
    view_draw(view_find(view), &ctx, &view_state, &g, (Rect){ 0, 0, 40, 120 }, true);
    char *dump = grid_dump(&g, false);
    bool found = strstr(dump, text) != NULL;
    mem_free(dump);
    grid_fini(&g);
    model_free(&model);
    return found;
}

static void a_collapse_is_named_with_its_evidence_and_the_way_back(void **state)
{
    (void)state;
    assert_true(contains("collapse.jsonl", "overview", INT_MAX, "COLLAPSED"));
    assert_true(contains("collapse.jsonl", "health", INT_MAX, "skips-alarm"));
    assert_true(contains("collapse.jsonl", "health", INT_MAX, "last good epoch"));
    assert_true(contains("collapse.jsonl", "health", INT_MAX, "R rolls back"));
    assert_false(contains("healthy.jsonl", "overview", INT_MAX, "COLLAPSED"));
}

static void alarms_of_later_epochs_are_hidden_while_scrubbing(void **state)
{
    (void)state;
    assert_false(contains("collapse.jsonl", "health", 6, "skips-alarm"));
    assert_true(contains("collapse.jsonl", "cell", 3, "epoch 3"));
}

static void a_diverged_loss_is_said_in_words(void **state)
{
    (void)state;
    assert_true(contains("nan.jsonl", "overview", INT_MAX, "loss is not finite since epoch 9"));
    assert_false(contains("nan.jsonl", "overview", 5, "not finite"));
}

static void the_cursor_of_the_front_walks_along_it(void **state)
{
    (void)state;
    ViewState view_state = { 0 };
    ViewContext ctx = screen_context(&models[4]);
    const View *pareto = view_find("pareto");
    double before = -1;
    for (int i = 0; i < 5; i++) {
        pareto->act(&ctx, &view_state, ACTION_RIGHT);
        const TrialRow *t = &ctx.run->trials[view_state.cursor];
        assert_true(t->on_front);
        assert_true(t->values[1] >= before); // params grow to the right
        before = t->values[1];
    }
}

static void the_filter_of_the_runs_says_which_run_is_selected(void **state)
{
    (void)state;
    Model model = { 0 };
    ViewState view_state = { 0 };
    assert_true(screen_load(&model, "healthy.jsonl") && screen_load(&model, "trials.jsonl"));
    ViewContext ctx = screen_context(&model);
    ctx.filter = "EVOLUTION";
    assert_int_equal(view_runs_selected(&ctx, &view_state), 1);
    assert_true(view_find("runs")->act(&ctx, &view_state, ACTION_OPEN) & VIEW_OPEN_RUN);
    ctx.filter = "nothing like it";
    assert_int_equal(view_runs_selected(&ctx, &view_state), -1);
    assert_false(view_find("runs")->act(&ctx, &view_state, ACTION_OPEN) & VIEW_OPEN_RUN);
    model_free(&model);
}

static void the_cursor_goes_on_from_the_runs_to_the_spaces(void **state)
{
    (void)state;
    static const ViewSpace spaces[] = { { .name = "digits", .about = "small", .own = true },
                                        { .name = "darts", .about = "the published one" } };
    Model model = { 0 };
    ViewState view_state = { 0 };
    Grid g;
    assert_true(screen_load(&model, "healthy.jsonl") && screen_open(&g, 24, 80, GLYPHS_ASCII));
    ViewContext ctx = screen_context(&model);
    const View *view = view_find("runs");
    ctx.spaces = spaces;
    ctx.n_spaces = 2;
    view_draw(view, &ctx, &view_state, &g, (Rect){ 0, 0, 24, 80 }, true);
    assert_int_equal(view_state.items, 3);
    assert_int_equal(view_runs_space(&ctx, &view_state), -1);
    assert_true(view->act(&ctx, &view_state, ACTION_LAST) & VIEW_HANDLED);
    assert_int_equal(view_runs_space(&ctx, &view_state), 1);
    assert_int_equal(view_runs_selected(&ctx, &view_state), -1);
    assert_true(view->act(&ctx, &view_state, ACTION_OPEN) & VIEW_OPEN_SPACE);
    ctx.filter = "small"; // no run is left, and one space
    view_draw(view, &ctx, &view_state, &g, (Rect){ 0, 0, 24, 80 }, true);
    assert_int_equal(view_state.cursor, 0);
    assert_int_equal(view_runs_space(&ctx, &view_state), 0);
    grid_fini(&g);
    model_free(&model);
}

// Of what fired, skips come before what follows from them.
static void the_gravest_alarm_is_the_one_the_verdict_is_of(void **state)
{
    (void)state;
    Model model = { 0 };
    assert_true(screen_load(&model, "logged.jsonl"));
    ViewContext ctx = screen_context(&model);
    int n = part_alarm_count(&ctx);
    assert_true(n >= 3);
    assert_string_equal(part_alarm(&ctx, 0)->rule, "skips-alarm");
    assert_string_equal(part_alarm(&ctx, 1)->rule, "depth"); // newer, but another cause
    for (int k = 1; k < n; k++)
        assert_true(part_alarm(&ctx, k)->level <= part_alarm(&ctx, k - 1)->level);
    assert_null(part_alarm(&ctx, n));
    ctx.epoch = 0;
    assert_int_equal(part_alarm_count(&ctx), 0);
    assert_null(part_alarm(&ctx, 0));
    model_free(&model);
}

static void csv_has_a_line_of_names_and_the_data(void **state)
{
    (void)state;
    for (int v = 0; v < VIEW_COUNT; v++)
        for (int i = 0; i < FILES; i++) {
            ViewState view_state = { 0 };
            ViewContext ctx = screen_context(&models[i]);
            const View *view = view_get((ViewId)v);
            char *text = view->csv ? view->csv(&ctx, &view_state) : NULL;
            if (text)
                assert_non_null(strchr(text, '\n'));
            mem_free(text);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view_keeps_to_its_area_at_any_size),
        cmocka_unit_test(every_view_draws_without_a_run_and_says_why),
        cmocka_unit_test(drawing_allocates_nothing),
        cmocka_unit_test(keys_move_within_the_items),
        cmocka_unit_test(a_collapse_is_named_with_its_evidence_and_the_way_back),
        cmocka_unit_test(alarms_of_later_epochs_are_hidden_while_scrubbing),
        cmocka_unit_test(a_diverged_loss_is_said_in_words),
        cmocka_unit_test(the_cursor_of_the_front_walks_along_it),
        cmocka_unit_test(the_filter_of_the_runs_says_which_run_is_selected),
        cmocka_unit_test(the_cursor_goes_on_from_the_runs_to_the_spaces),
        cmocka_unit_test(the_gravest_alarm_is_the_one_the_verdict_is_of),
        cmocka_unit_test(csv_has_a_line_of_names_and_the_data),
    };
    return cmocka_run_group_tests(tests, load_all, free_all);
}
