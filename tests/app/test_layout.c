// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ui/app/layout.h"

// Properties of layout_compute for every size a terminal may have.

enum { ROWS = 60, COLS = 200, PARTS = 8 };

static void parts_of(const Layout *l, Rect out[PARTS])
{
    const Rect parts[PARTS] = { l->message, l->header, l->tabs,  l->list,
                                l->main,    l->side,   l->alert, l->footer };
    for (int i = 0; i < PARTS; i++)
        out[i] = parts[i];
}

static bool inside(Rect r, int rows, int cols)
{
    return r.rows == 0 || (r.rows > 0 && r.cols > 0 && r.row >= 0 && r.col >= 0 &&
                           r.row + r.rows <= rows && r.col + r.cols <= cols);
}

static void check(const Layout *l, int rows, int cols)
{
    Rect parts[PARTS];
    parts_of(l, parts);
    for (int i = 0; i < PARTS; i++) {
        assert_true(inside(parts[i], rows, cols));
        for (int j = i + 1; j < PARTS; j++) {
            Rect both = rect_common(parts[i], parts[j]);
            assert_true(both.rows == 0 || both.cols == 0);
        }
    }
}

static void for_all(void (*visit)(const Layout *, int rows, int cols, LayoutFlags flags))
{
    for (int rows = 1; rows <= ROWS; rows++)
        for (int cols = 1; cols <= COLS; cols++)
            for (int bits = 0; bits < 8; bits++) {
                LayoutFlags flags = { .alert = bits & 1, .zoom = bits & 2, .no_side = bits & 4 };
                Layout l = layout_compute(rows, cols, flags);
                visit(&l, rows, cols, flags);
            }
}

static void visit_inside(const Layout *l, int rows, int cols, LayoutFlags flags)
{
    (void)flags;
    check(l, rows, cols);
}

static void rects_stay_inside_and_apart_at_every_size(void **state)
{
    (void)state;
    for_all(visit_inside);
}

static void visit_main(const Layout *l, int rows, int cols, LayoutFlags flags)
{
    bool small = rows < LAYOUT_MIN_ROWS || cols < LAYOUT_MIN_COLS;
    assert_int_equal(l->too_small, small);
    if (small) {
        assert_int_equal(l->message.rows, 1);
        return;
    }
    assert_true(l->main.rows >= 5 && l->main.cols >= 40);
    assert_int_equal(l->alert.rows, flags.alert ? 1 : 0);
    if (l->side.rows)
        assert_true(l->side.cols >= 20);
}

static void the_main_pane_is_never_empty_from_40x10_on(void **state)
{
    (void)state;
    for_all(visit_main);
}

static void visit_cover(const Layout *l, int rows, int cols, LayoutFlags flags)
{
    Rect parts[PARTS];
    int cells = 0;
    (void)flags;
    if (l->too_small)
        return;
    parts_of(l, parts);
    for (int i = 0; i < PARTS; i++)
        cells += parts[i].rows * parts[i].cols;
    if (l->side.rows) // the lines between panes
        cells += l->side.rows;
    if (l->list.rows)
        cells += l->list.rows;
    assert_int_equal(cells, rows * cols);
}

static void no_cell_of_the_screen_is_left_over(void **state)
{
    (void)state;
    for_all(visit_cover);
}

static void panes_come_by_width(void **state)
{
    (void)state;
    LayoutFlags none = { 0 }, zoom = { .zoom = true }, alone = { .no_side = true };
    assert_int_equal(layout_compute(24, 79, none).side.rows, 0);
    assert_true(layout_compute(24, 80, none).side.rows > 0);
    assert_int_equal(layout_compute(24, 119, none).list.rows, 0);
    assert_true(layout_compute(24, 120, none).list.rows > 0);
    assert_int_equal(layout_compute(24, 200, zoom).main.cols, 200);
    assert_int_equal(layout_compute(24, 120, alone).side.rows, 0);
    assert_true(layout_compute(24, 120, alone).list.rows > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rects_stay_inside_and_apart_at_every_size),
        cmocka_unit_test(the_main_pane_is_never_empty_from_40x10_on),
        cmocka_unit_test(no_cell_of_the_screen_is_left_over),
        cmocka_unit_test(panes_come_by_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
