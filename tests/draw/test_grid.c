// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "ui/draw/dots.h"
#include "ui/draw/grid.h"
#include "ui/draw/heat.h"
#include "ui/draw/table.h"
#include "ui/draw/text.h"
#include "ui/draw/utf8.h"

static Grid open_grid(int rows, int cols, GlyphTier tier)
{
    Grid g = { 0 };
    assert_true(grid_resize(&g, rows, cols));
    g.glyphs = tier;
    g.ascii_only = tier == GLYPHS_ASCII;
    return g;
}

static void expect(Grid *g, const char *text)
{
    char *dump = grid_dump(g, false);
    assert_string_equal(dump, text);
    mem_free(dump);
    grid_fini(g);
}

static void text_is_cut_by_columns_with_an_ellipsis(void **state)
{
    (void)state;
    Grid g = open_grid(2, 8, GLYPHS_BRAILLE);
    assert_int_equal(grid_text(&g, 0, 0, 5, ROLE_TEXT, 0, "abcdefgh"), 5);
    assert_int_equal(grid_text(&g, 1, 0, 5, ROLE_TEXT, 0, "abcde"), 5);
    expect(&g, "abcd\u2026\nabcde\n");
}

static void ascii_has_its_own_ellipsis_and_no_other_characters(void **state)
{
    (void)state;
    Grid g = open_grid(2, 8, GLYPHS_ASCII);
    grid_text(&g, 0, 0, 4, ROLE_TEXT, 0, "abcdefgh");
    grid_text(&g, 1, 0, -1, ROLE_TEXT, 0, "\u2192\u28ff\u2588\u00e9");
    expect(&g, "abc~\n>*#?\n");
}

static void a_wide_character_takes_two_cells_and_leaves_no_half(void **state)
{
    (void)state;
    Grid g = open_grid(3, 4, GLYPHS_BRAILLE);
    assert_int_equal(grid_text(&g, 0, 0, -1, ROLE_TEXT, 0, "\u4e2dx"), 3);
    assert_int_equal(grid_at(&g, 0, 1)->ch, 0);
    grid_text(&g, 1, 0, -1, ROLE_TEXT, 0, "\u4e2dx");
    grid_put(&g, 1, 1, 'y', ROLE_TEXT, 0); // over the right half
    grid_text(&g, 2, 0, -1, ROLE_TEXT, 0, "\u4e2dx");
    grid_put(&g, 2, 0, 'y', ROLE_TEXT, 0); // over the left half
    expect(&g, "\u4e2dx\n yx\ny x\n");
}

static void bytes_that_are_not_utf8_become_question_marks(void **state)
{
    (void)state;
    Grid g = open_grid(1, 10, GLYPHS_BRAILLE);
    grid_text(&g, 0, 0, -1, ROLE_TEXT, 0, "a\xff\xc3z\x01\xed\xa0\x80");
    expect(&g, "a??z????\n");
}

static void lines_that_meet_become_junctions(void **state)
{
    (void)state;
    Grid g = open_grid(3, 5, GLYPHS_BRAILLE);
    grid_hline(&g, 0, 0, 5, ROLE_GRID);
    grid_hline(&g, 2, 0, 5, ROLE_GRID);
    grid_vline(&g, 0, 0, 3, ROLE_GRID);
    grid_vline(&g, 0, 2, 3, ROLE_GRID);
    expect(&g, "\u250c\u2500\u252c\u2500\u2574\n\u2502 \u2502\n\u2514\u2500\u2534\u2500\u2574\n");
    g = open_grid(3, 5, GLYPHS_ASCII);
    grid_hline(&g, 1, 0, 5, ROLE_GRID);
    grid_vline(&g, 0, 2, 3, ROLE_GRID);
    expect(&g, "  |\n--+--\n  |\n");
}

static void a_box_returns_its_inside_and_shows_its_title(void **state)
{
    (void)state;
    Grid g = open_grid(3, 12, GLYPHS_ASCII);
    Rect inside = grid_box(&g, (Rect){ 0, 0, 3, 12 }, "alpha", true);
    assert_int_equal(inside.row, 1);
    assert_int_equal(inside.cols, 10);
    assert_true(grid_at(&g, 0, 3)->attr & ATTR_REVERSE);
    expect(&g, "+- alpha --+\n|          |\n+----------+\n");
}

static void nothing_is_written_outside_the_clip(void **state)
{
    (void)state;
    Grid g = open_grid(3, 6, GLYPHS_ASCII);
    Rect old = grid_clip(&g, (Rect){ 1, 1, 1, 3 });
    grid_fill(&g, (Rect){ -5, -5, 100, 100 }, 'x', ROLE_TEXT, 0);
    grid_text(&g, 0, 0, -1, ROLE_TEXT, 0, "outside");
    grid_hline(&g, 2, -3, 50, ROLE_GRID);
    g.clip = old;
    expect(&g, "\n xxx\n\n");
}

static void the_plane_of_roles_tells_reversed_cells(void **state)
{
    (void)state;
    Grid g = open_grid(1, 4, GLYPHS_ASCII);
    grid_put(&g, 0, 0, 'a', ROLE_WARN, 0);
    grid_put(&g, 0, 1, 'b', ROLE_WARN, ATTR_REVERSE);
    grid_put(&g, 0, 2, 'c', ROLE_SERIES_3, 0);
    char *dump = grid_dump(&g, true);
    assert_string_equal(dump, "abc\n----\nwW3\n");
    mem_free(dump);
    grid_fini(&g);
}

static void every_role_has_a_letter_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < ROLE_COUNT; a++)
        for (int b = 0; b < a; b++)
            assert_int_not_equal(role_letter((Role)a), role_letter((Role)b));
}

static void dots_share_a_cell_in_every_tier(void **state)
{
    (void)state;
    Grid g = open_grid(1, 2, GLYPHS_BRAILLE);
    Dots d = dots_open(&g, (Rect){ 0, 0, 1, 2 }, 0);
    dots_line(&d, 0, 0, 3, 3, ROLE_SERIES_1);
    expect(&g, "\u2811\u2884\n");
    g = open_grid(1, 3, GLYPHS_BLOCK);
    d = dots_open(&g, (Rect){ 0, 0, 1, 3 }, 0);
    dots_put(&d, 0, 0, ROLE_SERIES_1);
    dots_put(&d, 1, 1, ROLE_SERIES_1);
    dots_line(&d, 2, 0, 2, 1, ROLE_SERIES_1);
    expect(&g, "\u2580\u2584\u2588\n");
    g = open_grid(1, 3, GLYPHS_ASCII);
    d = dots_open(&g, (Rect){ 0, 0, 1, 3 }, 0);
    dots_put(&d, 0, 0, ROLE_SERIES_1);
    dots_put(&d, 1, 1, ROLE_SERIES_1);
    dots_line(&d, 2, 0, 2, 1, ROLE_SERIES_1);
    expect(&g, "'.:\n");
}

static void text_wraps_at_blanks_and_breaks_long_words(void **state)
{
    (void)state;
    Grid g = open_grid(4, 6, GLYPHS_ASCII);
    assert_int_equal(text_wrap(&g, (Rect){ 0, 0, 4, 6 }, ROLE_TEXT, 0, "one two abcdefghi"), 4);
    expect(&g, "one\ntwo\nabcdef\nghi\n");
}

static void a_heat_cell_reads_without_colours(void **state)
{
    (void)state;
    Grid g = open_grid(5, 8, GLYPHS_ASCII);
    heat_cell(&g, 0, 0, 7, 0.62, true, false);
    heat_cell(&g, 1, 0, 3, 0.62, true, false);
    heat_cell(&g, 2, 0, 4, NAN, false, false);
    heat_cell(&g, 3, 0, 4, NAN, false, true);
    heat_cell(&g, 4, 0, 4, 1.0, false, false);
    expect(&g, "*[.62]\n62*\nnan\n  .\n1.0\n");
}

static void an_operator_keeps_its_role_whatever_else_is_drawn(void **state)
{
    (void)state;
    assert_int_equal(op_role("skip_connect"), ROLE_SERIES_2);
    assert_int_equal(op_role("sep_conv_3x3"), ROLE_SERIES_1);
    assert_int_equal(op_role("none"), ROLE_SERIES_8);
    assert_int_equal(op_role("my_conv"), op_role("my_conv"));
}

static void numbers_read_as_people_write_them(void **state)
{
    (void)state;
    char buf[32];
    assert_string_equal(text_eta(3725, buf, sizeof buf), "1h02m");
    assert_string_equal(text_eta(59.6, buf, sizeof buf), "1m00s");
    assert_string_equal(text_eta(NAN, buf, sizeof buf), "-");
    assert_string_equal(text_percent(0.9132, buf, sizeof buf), "91.3%");
    assert_string_equal(text_percent(NAN, buf, sizeof buf), "-");
    assert_string_equal(text_number(INFINITY, 2, buf, sizeof buf), "inf");
    assert_string_equal(text_count(3349342, buf, sizeof buf), "3.35 M");
}

static void a_bar_is_filled_by_its_share(void **state)
{
    (void)state;
    Grid g = open_grid(1, 6, GLYPHS_ASCII);
    text_bar(&g, 0, 0, 6, 0.5, ROLE_OK);
    expect(&g, "[##..]\n");
}

static double one_peak(const void *data, int i)
{
    (void)data;
    return i == 37 ? 1.0 : i == 90 ? NAN : 0.0;
}

static void a_spark_line_keeps_the_peak_of_each_column(void **state)
{
    (void)state;
    Grid g = open_grid(1, 10, GLYPHS_ASCII);
    text_spark(&g, (Rect){ 0, 0, 1, 10 }, 100, one_peak, NULL, 0, 1, ROLE_TEXT);
    expect(&g, "___#______\n");
}

// ---- tables -------------------------------------------------------------------------------------

static void number_cell(const void *data, int row, int column, char *buf, size_t size, Role *role)
{
    (void)data;
    (void)role;
    snprintf(buf, size, column == 0 ? "row %d" : "%d", column == 0 ? row : row * 100);
}

static const TableColumn two[] = { { "name", 0, false, true }, { "value", 1, true, false } };

static void a_table_scrolls_to_its_cursor(void **state)
{
    (void)state;
    Grid g = open_grid(3, 14, GLYPHS_ASCII);
    Table t = { .columns = two,
                .n_columns = 2,
                .n_rows = 20,
                .cell = number_cell,
                .cursor = 12,
                .sort_column = 1 };
    int top = 0;
    assert_int_equal(table_draw(&g, (Rect){ 0, 0, 3, 20 }, &t, &top), 2);
    assert_int_equal(top, 11);
    grid_fini(&g);
    g = open_grid(3, 20, GLYPHS_ASCII);
    table_draw(&g, (Rect){ 0, 0, 3, 20 }, &t, &top);
    assert_true(grid_at(&g, 2, 0)->attr & ATTR_UNDERLINE); // not focused
    expect(&g, "name          valuev\nrow 11          1100\nrow 12          1200\n");
}

static void a_narrow_table_drops_columns_not_words(void **state)
{
    (void)state;
    Grid g = open_grid(2, 12, GLYPHS_ASCII);
    Table t = { .columns = two,
                .n_columns = 2,
                .n_rows = 1,
                .cell = number_cell,
                .cursor = -1,
                .sort_column = -1 };
    int top = 0;
    table_draw(&g, (Rect){ 0, 0, 2, 8 }, &t, &top);
    expect(&g, "name\nrow 0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_cut_by_columns_with_an_ellipsis),
        cmocka_unit_test(ascii_has_its_own_ellipsis_and_no_other_characters),
        cmocka_unit_test(a_wide_character_takes_two_cells_and_leaves_no_half),
        cmocka_unit_test(bytes_that_are_not_utf8_become_question_marks),
        cmocka_unit_test(lines_that_meet_become_junctions),
        cmocka_unit_test(a_box_returns_its_inside_and_shows_its_title),
        cmocka_unit_test(nothing_is_written_outside_the_clip),
        cmocka_unit_test(the_plane_of_roles_tells_reversed_cells),
        cmocka_unit_test(every_role_has_a_letter_of_its_own),
        cmocka_unit_test(dots_share_a_cell_in_every_tier),
        cmocka_unit_test(text_wraps_at_blanks_and_breaks_long_words),
        cmocka_unit_test(a_heat_cell_reads_without_colours),
        cmocka_unit_test(an_operator_keeps_its_role_whatever_else_is_drawn),
        cmocka_unit_test(numbers_read_as_people_write_them),
        cmocka_unit_test(a_bar_is_filled_by_its_share),
        cmocka_unit_test(a_spark_line_keeps_the_peak_of_each_column),
        cmocka_unit_test(a_table_scrolls_to_its_cursor),
        cmocka_unit_test(a_narrow_table_drops_columns_not_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
