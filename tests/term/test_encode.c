// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "ui/draw/utf8.h"
#include "ui/term/encode.h"
#include "ui/term/palette.h"

// Grids to bytes and back: a small terminal of its own reads what the encoder sends.

typedef struct {
    uint32_t ch; // 0: right half of a wide character
    Look look;
} Shown;

typedef struct {
    int rows, cols, row, col;
    bool wrapped;    // a character went to the last column
    int top, bottom; // of the scrolling region
    Look look;
    Shown cell[200 * 200];
} Screen;

static Screen screen;

static const EncodeCaps xterm = {
    .address = "\033[%i%p1%d;%p2%dH",
    .clear = "\033[H\033[2J",
    .column = "\033[%i%p1%dG",
    .right = "\033[%p1%dC",
    .left = "\033[%p1%dD",
    .erase = "\033[%p1%dX",
    .erase_line = "\033[K",
    .region = "\033[%i%p1%d;%p2%dr",
    .down = "\033M",
    .up = "\n",
    .plain = "\033[m",
    .color = "\033[%?%p1%{8}%<%t3%p1%d%e38;5;%p1%d%;m",
    .bold = "\033[1m",
    .reverse = "\033[7m",
    .underline = "\033[4m",
    .dim = "\033[2m",
    .newline_is_down = true,
};
static const EncodeCaps poor = { .address = "\033[%i%p1%d;%p2%dH",
                                 .clear = "\033[H\033[2J",
                                 .plain = "\033[m",
                                 .reverse = "\033[7m" };

static void blank(int row, int from, int to)
{
    for (int c = from; c < to; c++)
        screen.cell[row * screen.cols + c] = (Shown){ ' ', { -1, 0 } };
}

static void scroll(int by)
{
    size_t row = (size_t)screen.cols, kept = (size_t)(screen.bottom - screen.top) * row;
    Shown *top = screen.cell + (size_t)screen.top * row;
    if (by > 0)
        memmove(top + row, top, kept * sizeof *top);
    else
        memmove(top, top + row, kept * sizeof *top);
    blank(by > 0 ? screen.top : screen.bottom, 0, screen.cols);
}

static void select_look(const int *arg, int n)
{
    for (int i = 0; i < n; i++) {
        static const unsigned char bit[8] = { 0, ATTR_BOLD, ATTR_DIM,    0, ATTR_UNDERLINE,
                                              0, 0,         ATTR_REVERSE };
        if (arg[i] == 0)
            screen.look = (Look){ -1, 0 };
        else if (arg[i] < 8)
            screen.look.attr |= bit[arg[i]];
        else if (arg[i] >= 30 && arg[i] < 38)
            screen.look.color = (short)(arg[i] - 30);
        else if (arg[i] == 38 && i + 2 < n) {
            screen.look.color = (short)arg[i + 2];
            i += 2;
        }
    }
}

static void sequence(char final, const int *arg, int n)
{
    int one = arg[0] > 0 ? arg[0] : 1;
    assert_false(screen.wrapped && (final == 'C' || final == 'D' || final == 'K' || final == 'X'));
    if (final == 'H') {
        screen.row = one - 1;
        screen.col = n > 1 && arg[1] > 0 ? arg[1] - 1 : 0;
    } else if (final == 'G')
        screen.col = one - 1;
    else if (final == 'C')
        screen.col += one;
    else if (final == 'D')
        screen.col -= one;
    else if (final == 'X')
        blank(screen.row, screen.col, screen.col + one);
    else if (final == 'K')
        blank(screen.row, screen.col, screen.cols);
    else if (final == 'J')
        for (int row = 0; row < screen.rows; row++)
            blank(row, 0, screen.cols);
    else if (final == 'm')
        select_look(arg, n);
    else if (final == 'r') {
        screen.top = arg[0] - 1;
        screen.bottom = arg[1] - 1;
        screen.row = screen.col = 0;
    } else
        fail_msg("a sequence that ends with '%c'", final);
    screen.wrapped = false;
    assert_in_range(screen.row, 0, screen.rows - 1);
    assert_in_range(screen.col, 0, screen.cols - 1);
}

static void show_char(uint32_t ch)
{
    int width = utf8_width(ch);
    assert_false(screen.wrapped);
    assert_true(screen.col + width <= screen.cols);
    Shown *c = &screen.cell[screen.row * screen.cols + screen.col];
    if (c->ch == 0 && screen.col > 0) // half of a wide one is overwritten
        c[-1].ch = ' ';
    if (screen.col + width < screen.cols && c[width].ch == 0)
        c[width].ch = ' ';
    *c = (Shown){ ch, screen.look };
    if (width == 2)
        c[1] = (Shown){ 0, screen.look };
    screen.col += width;
    screen.wrapped = screen.col == screen.cols;
    screen.col -= screen.wrapped;
}

static void feed(const char *bytes, size_t n)
{
    static char text[1 << 20];
    assert_true(n < sizeof text);
    memcpy(text, bytes, n);
    text[n] = '\0';
    for (const char *s = text; *s;) {
        if (*s == '\b') {
            assert_true(!screen.wrapped && screen.col > 0);
            screen.col--;
            s++;
        } else if (*s == '\n') {
            assert_true(!screen.wrapped && screen.row < screen.rows);
            if (screen.row == screen.bottom)
                scroll(-1);
            else
                screen.row++;
            s++;
        } else if (s[0] == '\033' && s[1] == 'M') {
            assert_int_equal(screen.row, screen.top);
            scroll(1);
            s += 2;
        } else if (*s == '\033') {
            int arg[8] = { 0 }, k = 0;
            assert_int_equal(s[1], '[');
            for (s += 2; (*s >= '0' && *s <= '9') || *s == ';'; s++)
                if (*s == ';')
                    assert_true(++k < 8);
                else
                    arg[k] = arg[k] * 10 + *s - '0';
            sequence(*s++, arg, k + 1);
        } else {
            show_char(utf8_next(&s));
        }
    }
    assert_int_equal(screen.look.color, -1);
    assert_int_equal(screen.look.attr, 0);
    assert_int_equal(screen.top, 0);
    assert_int_equal(screen.bottom, screen.rows - 1);
}

// ---- the encoder and its grids ------------------------------------------------------------------

static void encoder_start(Encoder *e, const EncodeCaps *caps, int rows, int cols)
{
    *e = (Encoder){ .caps = *caps, .room = encode_room(rows, cols) };
    palette_fill(e->look, caps->color ? COLOR_256 : COLOR_MONO, false);
    e->bytes = mem_alloc(e->room);
    e->other = mem_alloc(e->room);
    e->done = mem_zero((size_t)(rows * cols), sizeof *e->done);
    screen = (Screen){ .rows = rows, .cols = cols, .look = { -1, 0 }, .bottom = rows - 1 };
    for (int row = 0; row < rows; row++)
        blank(row, 0, cols);
}

static void encoder_stop(Encoder *e)
{
    mem_free(e->bytes);
    mem_free(e->other);
    mem_free(e->done);
}

static void assert_shows(const Encoder *e, const Grid *g)
{
    for (int i = 0; i < g->rows * g->cols; i++) {
        const Cell *want = &g->cells[i];
        Look look = e->look[want->role];
        look.attr |= want->attr;
        if (!e->caps.bold)
            look.attr &= ATTR_REVERSE;
        if (i == g->rows * g->cols - 1 && e->caps.no_corner)
            continue;
        assert_int_equal(screen.cell[i].ch, want->ch);
        if (want->ch == ' ' && !(look.attr & (ATTR_REVERSE | ATTR_UNDERLINE))) {
            assert_false(screen.cell[i].look.attr & (ATTR_REVERSE | ATTR_UNDERLINE));
            continue; // of any colour
        }
        assert_int_equal(screen.cell[i].look.color, look.color);
        assert_int_equal(screen.cell[i].look.attr, look.attr);
    }
}

static void scribble(Rng *rng, Grid *g, int changes)
{
    static const char *const words[] = { "a", "loss", "日本", "───", "⣀⣤", "          ", "e > 3" };
    for (int i = 0; i < changes; i++) {
        int row = (int)rng_below(rng, (uint64_t)g->rows);
        int col = (int)rng_below(rng, (uint64_t)g->cols);
        Role role = (Role)rng_below(rng, ROLE_COUNT);
        int attr = rng_below(rng, 3) ? 0 : (int)rng_below(rng, 16);
        if (rng_below(rng, 6) == 0 && row + 2 < g->rows) // lines go up or down together
            memmove(g->cells + (rng_below(rng, 2) ? (row + 1) * g->cols : 0),
                    g->cells + (rng_below(rng, 2) ? row * g->cols : 0),
                    (size_t)(g->rows - row - 1) * (size_t)g->cols * sizeof *g->cells);
        else if (rng_below(rng, 8) == 0)
            grid_fill(g, (Rect){ row, col, 2, 30 }, ' ', ROLE_TEXT, 0);
        else
            grid_text(g, row, col, -1, role, attr, words[rng_below(rng, 7)]);
    }
}

static void walk(const EncodeCaps *caps, int rows, int cols)
{
    Encoder e;
    Grid from = { 0 }, to = { 0 };
    Rng rng = rng_new((uint64_t)(rows * 1000 + cols));
    encoder_start(&e, caps, rows, cols);
    assert_true(grid_resize(&from, rows, cols) && grid_resize(&to, rows, cols));
    for (int frame = 0; frame < 60; frame++) {
        bool clear = frame % 20 == 0;
        scribble(&rng, &to, frame % 3 ? 3 : rows * cols / 20 + 1);
        if (clear)
            grid_clear(&from);
        feed(e.bytes, encode_frame(&e, &from, &to, clear));
        assert_shows(&e, &to);
        memcpy(from.cells, to.cells, (size_t)(rows * cols) * sizeof *to.cells);
        assert_int_equal(encode_frame(&e, &from, &to, false), 0);
    }
    grid_fini(&from);
    grid_fini(&to);
    encoder_stop(&e);
}

static void what_is_sent_stands_on_the_screen_at_any_size(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 24, 80 }, { 60, 200 }, { 1, 1 }, { 2, 3 }, { 10, 40 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        walk(&xterm, sizes[i][0], sizes[i][1]);
        walk(&poor, sizes[i][0], sizes[i][1]);
    }
    EncodeCaps corner = xterm;
    corner.no_corner = true;
    walk(&corner, 24, 80);
}

static size_t bytes_of(Encoder *e, Grid *from, const Grid *to)
{
    size_t n = encode_frame(e, from, to, false);
    e->bytes[n] = '\0';
    return n;
}

static void cells_that_look_alike_are_sent_together(void **state)
{
    (void)state;
    Encoder e;
    Grid from = { 0 }, to = { 0 };
    encoder_start(&e, &xterm, 24, 80);
    assert_true(grid_resize(&from, 24, 80) && grid_resize(&to, 24, 80));
    for (int row = 3; row < 9; row++)
        for (int k = 0; k < 4; k++)
            grid_put(&to, row, 10 + k, '*', k % 2 ? ROLE_BAD : ROLE_OK, 0);
    bytes_of(&e, &from, &to);
    int colors = 0;
    for (const char *s = e.bytes; (s = strstr(s, "38;5;")) != NULL; s++)
        colors++;
    assert_int_equal(colors, 2);
    grid_fini(&from);
    grid_fini(&to);
    encoder_stop(&e);
}

static void one_change_is_a_motion_and_a_character(void **state)
{
    (void)state;
    Encoder e;
    Grid from = { 0 }, to = { 0 };
    encoder_start(&e, &xterm, 24, 80);
    assert_true(grid_resize(&from, 24, 80) && grid_resize(&to, 24, 80));
    grid_text(&to, 4, 9, -1, ROLE_TEXT, 0, "7");
    assert_int_equal(bytes_of(&e, &from, &to), 8);
    assert_string_equal(e.bytes, "\033[5;10H7");
    grid_text(&to, 5, 9, -1, ROLE_TEXT, 0, "8"); // one below: down and back is shorter
    bytes_of(&e, &from, &to);
    assert_string_equal(e.bytes, "\033[5;10H7\n\b8");
    grid_clear(&to);
    grid_text(&from, 4, 0, -1, ROLE_BAD, ATTR_BOLD, "a whole line of words that goes away");
    assert_in_range(bytes_of(&e, &from, &to), 1, 12);
    grid_fini(&from);
    grid_fini(&to);
    encoder_stop(&e);
}

static void lines_that_move_are_not_sent_again(void **state)
{
    (void)state;
    for (int by = -2; by <= 2; by += 4) {
        Encoder e;
        Grid from = { 0 }, to = { 0 };
        encoder_start(&e, &xterm, 24, 80);
        assert_true(grid_resize(&from, 24, 80) && grid_resize(&to, 24, 80));
        for (int row = 0; row < 24; row++) {
            bool list = row >= 5 && row < 20;
            grid_printf(&from, row, 0, -1, ROLE_TEXT, 0, "%s %d of many words", list ? "event" : "",
                        row);
            grid_printf(&to, row, 0, -1, ROLE_TEXT, 0, "%s %d of many words", list ? "event" : "",
                        list ? row - by : row);
        }
        for (int i = 0; i < from.rows * from.cols; i++)
            screen.cell[i] = (Shown){ from.cells[i].ch, { -1, 0 } };
        assert_in_range(bytes_of(&e, &from, &to), 1, 90);
        feed(e.bytes, strlen(e.bytes));
        assert_shows(&e, &to);
        grid_fini(&from);
        grid_fini(&to);
        encoder_stop(&e);
    }
}

static void a_blank_has_no_colour(void **state)
{
    (void)state;
    Encoder e;
    Grid from = { 0 }, to = { 0 };
    encoder_start(&e, &xterm, 3, 20);
    assert_true(grid_resize(&from, 3, 20) && grid_resize(&to, 3, 20));
    grid_fill(&to, (Rect){ 0, 0, 3, 20 }, ' ', ROLE_BAD, ATTR_BOLD);
    assert_int_equal(bytes_of(&e, &from, &to), 0);
    grid_fill(&to, (Rect){ 0, 0, 1, 20 }, ' ', ROLE_BAD, ATTR_REVERSE); // but this shows
    assert_true(bytes_of(&e, &from, &to) > 20);
    grid_fini(&from);
    grid_fini(&to);
    encoder_stop(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_stands_on_the_screen_at_any_size),
        cmocka_unit_test(cells_that_look_alike_are_sent_together),
        cmocka_unit_test(one_change_is_a_motion_and_a_character),
        cmocka_unit_test(lines_that_move_are_not_sent_again),
        cmocka_unit_test(a_blank_has_no_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
