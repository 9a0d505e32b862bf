// SPDX-License-Identifier: MIT
#include "ui/term/encode.h"

#include <string.h>

#include <curses.h>
#include <term.h>

#include "ui/draw/utf8.h"

enum {
    CELL_BYTES = 64, // a motion, a look and a character
    LOOKS = 64,      // that one frame sends together; what is left goes in reading order
    WAY_BYTES = 64,  // of a motion
    NEAR_BYTES = 5,  // of a motion to the right
    REACH = 8,       // blanks before a cell are sent with it if they are not farther away
};

static const Look plain = { -1, 0 };

// One way to send a frame.
typedef struct {
    Encoder *e;
    const Grid *from, *to;
    char *bytes;
    size_t used, room;
    int row, col; // of the cursor; row -1: unknown
    Look look;    // the terminal's
} Pass;

static bool same_look(Look a, Look b)
{
    return a.color == b.color && a.attr == b.attr;
}

static Look look_of(const Pass *p, const Cell *c)
{
    Look look = p->e->look[c->role];
    look.attr |= c->attr;
    return look;
}

// A blank looks the same in every colour; only what shows behind a character matters.
static bool is_bare(const Pass *p, const Cell *c)
{
    return c->ch == ' ' && !(look_of(p, c).attr & (ATTR_REVERSE | ATTR_UNDERLINE));
}

static bool is_bare_look(Look look)
{
    return !(look.attr & (ATTR_REVERSE | ATTR_UNDERLINE));
}

static const Cell *cell_of(const Pass *p, int row, int col)
{
    return &p->to->cells[row * p->to->cols + col];
}

static bool same_picture(const Pass *p, const Cell *a, const Cell *b)
{
    if (is_bare(p, a) && is_bare(p, b))
        return true;
    return a->ch == b->ch && same_look(look_of(p, a), look_of(p, b));
}

// The right half of a wide character is sent with its left half, so the left is due if it is.
static bool is_due(const Pass *p, int row, int col)
{
    int at = row * p->to->cols + col;
    bool wide = col + 1 < p->to->cols && p->to->cells[at + 1].ch == 0;
    if (p->e->done[at] || p->to->cells[at].ch == 0)
        return false;
    return !same_picture(p, &p->to->cells[at], &p->from->cells[at]) ||
           (wide && !same_picture(p, &p->to->cells[at + 1], &p->from->cells[at + 1]));
}

// ---- bytes --------------------------------------------------------------------------------------

// tputs takes a function without an argument; the dashboard has one thread.
static struct {
    char *at, *end;
} sink;

static int put_byte(int byte)
{
    if (sink.at < sink.end)
        *sink.at++ = (char)byte;
    return byte;
}

static size_t string_bytes(char *out, size_t room, const char *string)
{
    sink.at = out;
    sink.end = out + room;
    if (string)
        tputs(string, 1, put_byte); // takes padding out
    size_t n = (size_t)(sink.at - out);
    sink.at = sink.end = NULL;
    return n;
}

static void put_string(Pass *p, const char *string)
{
    p->used += string_bytes(p->bytes + p->used, p->room - p->used, string);
}

static void put_look(Pass *p, Look want)
{
    const EncodeCaps *c = &p->e->caps;
    const struct {
        int bit;
        const char *on;
    } attrs[] = { { ATTR_BOLD, c->bold },
                  { ATTR_REVERSE, c->reverse },
                  { ATTR_UNDERLINE, c->underline },
                  { ATTR_DIM, c->dim } };
    if (same_look(want, p->look))
        return;
    bool off = (p->look.attr & ~want.attr) || (want.color < 0 && p->look.color >= 0);
    if (off) {
        put_string(p, c->plain);
        p->look = plain;
    }
    for (size_t i = 0; i < sizeof attrs / sizeof attrs[0]; i++)
        if ((want.attr & ~p->look.attr) & attrs[i].bit)
            put_string(p, attrs[i].on);
    if (want.color != p->look.color && c->color)
        put_string(p, tiparm(c->color, want.color));
    p->look = want;
}

static void put_char(Pass *p, const Cell *c)
{
    char text[5] = { 0 };
    int n = utf8_encode(c->ch, text), width = utf8_width(c->ch);
    if (p->used + 4 < p->room)
        memcpy(p->bytes + p->used, text, (size_t)n);
    p->used += p->used + 4 < p->room ? (size_t)n : 0;
    p->col += width;
    if (p->col >= p->to->cols) // whether the cursor has wrapped depends on the terminal
        p->row = -1;
}

// ---- motion -------------------------------------------------------------------------------------

// Whether the cells between the cursor and `col` can be sent again instead of a motion.
static bool can_print(const Pass *p, int col, size_t less_than)
{
    size_t cost = 0;
    for (int c = p->col; c < col; c++) {
        const Cell *cell = cell_of(p, p->row, c);
        bool bare = is_bare(p, cell) && is_bare_look(p->look);
        if (cell->ch == 0 || utf8_width(cell->ch) != 1)
            return false;
        if (!bare && !same_look(look_of(p, cell), p->look))
            return false;
        cost += cell->ch < 0x80 ? 1 : cell->ch < 0x800 ? 2 : 3;
    }
    return cost < less_than;
}

static void print_until(Pass *p, int col)
{
    while (p->col < col) {
        p->e->done[p->row * p->to->cols + p->col] = true;
        put_char(p, cell_of(p, p->row, p->col));
    }
}

// Bytes of the shortest way along a row, without printing.
static size_t along_row(const EncodeCaps *c, int from, int to, char *out, size_t room)
{
    char other[WAY_BYTES];
    size_t best = room;
    if (from == to)
        return 0;
    if (to < from && (size_t)(from - to) < room) {
        best = (size_t)(from - to);
        memset(out, '\b', best);
    }
    for (int i = 0; i < 3; i++) {
        const char *way = i == 0 && c->column               ? tiparm(c->column, to)
                          : i == 1 && c->right && to > from ? tiparm(c->right, to - from)
                          : i == 2 && c->left && to < from  ? tiparm(c->left, from - to)
                                                            : NULL;
        size_t n = string_bytes(other, sizeof other, way);
        if (n > 0 && n < best) {
            memcpy(out, other, n);
            best = n;
        }
    }
    return best;
}

static void move_to(Pass *p, int row, int col)
{
    const EncodeCaps *c = &p->e->caps;
    char best[WAY_BYTES], way[WAY_BYTES];
    if (p->row == row && p->col == col)
        return;
    size_t n = string_bytes(best, sizeof best, tiparm(c->address, row, col));
    int down = row - p->row;
    if (p->row >= 0 && (down == 0 || (down > 0 && down < 4 && c->newline_is_down))) {
        size_t m = along_row(c, p->col, col, way, sizeof way);
        if (m + (size_t)down < n) {
            memset(best, '\n', (size_t)down);
            memcpy(best + down, way, m);
            n = m + (size_t)down;
        }
        if (down == 0 && col > p->col && can_print(p, col, n)) {
            print_until(p, col);
            return;
        }
    }
    if (p->used + n < p->room) {
        memcpy(p->bytes + p->used, best, n);
        p->used += n;
    }
    p->row = row;
    p->col = col;
}

// ---- cells --------------------------------------------------------------------------------------

static void send_cell(Pass *p, int row, int col)
{
    const Cell *c = cell_of(p, row, col);
    if (p->row == row && p->col < col && can_print(p, col, NEAR_BYTES))
        print_until(p, col); // what is between looks as the last cell sent
    if (!is_bare(p, c))
        put_look(p, look_of(p, c));
    else if (!is_bare_look(p->look))
        put_look(p, plain);
    move_to(p, row, col);
    p->e->done[row * p->to->cols + col] = true;
    put_char(p, c);
}

// A run of blanks from here; erased where that is shorter. Returns the column behind it.
static int send_blanks(Pass *p, int row, int col)
{
    const EncodeCaps *caps = &p->e->caps;
    int cols = p->to->cols, end = col, last = col;
    for (; end < cols && is_bare(p, cell_of(p, row, end)); end++)
        if (is_due(p, row, end))
            last = end + 1;
    int n = last - col;
    bool to_edge = end == cols && caps->erase_line && n > 3;
    if (!to_edge && (!caps->erase || n <= 9)) {
        for (int c = col; c < last; c++)
            send_cell(p, row, c);
        return last;
    }
    if (!is_bare_look(p->look))
        put_look(p, plain);
    move_to(p, row, col);
    put_string(p, to_edge ? caps->erase_line : tiparm(caps->erase, n));
    memset(p->e->done + row * cols + col, true, (size_t)(last - col) * sizeof *p->e->done);
    return last;
}

// Whether blanks that are due from here on lead to a cell of this look.
static bool leads_to(const Pass *p, int row, int col, Look look)
{
    for (int c = col; c < p->to->cols && c < col + REACH; c++) {
        const Cell *cell = cell_of(p, row, c);
        if (is_bare(p, cell))
            continue;
        return is_due(p, row, c) && same_look(look_of(p, cell), look);
    }
    return false;
}

// Due cells of one look. Due blanks go along where the cursor stands, and before such a cell.
static void send_look(Pass *p, Look look)
{
    for (int row = 0; row < p->to->rows; row++)
        for (int col = 0; col < p->to->cols; col++) {
            if (!is_due(p, row, col))
                continue;
            const Cell *c = cell_of(p, row, col);
            bool here = p->row == row && p->col == col;
            if (is_bare(p, c) ? (is_bare_look(look) && (here || leads_to(p, row, col, look)))
                              : same_look(look_of(p, c), look))
                send_cell(p, row, col);
        }
}

static void send_rest(Pass *p)
{
    for (int row = 0; row < p->to->rows; row++)
        for (int col = 0; col < p->to->cols; col++) {
            if (!is_due(p, row, col))
                continue;
            if (is_bare(p, cell_of(p, row, col)))
                col = send_blanks(p, row, col) - 1;
            else
                send_cell(p, row, col);
        }
}

static int find_looks(const Pass *p, Look *looks)
{
    int n = 1;
    looks[0] = plain; // first, as it is on already
    for (int i = 0; i < p->to->rows * p->to->cols; i++) {
        const Cell *c = &p->to->cells[i];
        if (n == LOOKS || is_bare(p, c) || !is_due(p, i / p->to->cols, i % p->to->cols))
            continue;
        Look look = look_of(p, c);
        int k = 0;
        while (k < n && !same_look(looks[k], look))
            k++;
        if (k == n)
            looks[n++] = look;
    }
    return n;
}

// ---- lines that move as a whole
// ------------------------------------------------------------------

// Rows top..bottom move down by `by`, up if it is negative; what comes in is blank.
typedef struct {
    int top, bottom, by;
} Shift;

static bool same_rows(const Pass *p, int to_row, int from_row)
{
    int cols = p->to->cols;
    for (int c = 0; c < cols; c++)
        if (!same_picture(p, &p->to->cells[to_row * cols + c],
                          &p->from->cells[from_row * cols + c]))
            return false;
    return true;
}

// The shift after which most rows that now differ are right; by 0: none is worth it.
static Shift find_shift(const Pass *p)
{
    enum { MOST = 3, WORTH = 4 };
    Shift best = { 0 };
    int rows = p->to->rows, most = WORTH - 1;
    for (int by = -MOST; by <= MOST; by++)
        for (int row = 0, first = 0, gain = 0; by != 0 && row < rows; row++) {
            int source = row - by;
            if (source < 0 || source >= rows || !same_rows(p, row, source)) {
                first = row + 1;
                gain = 0;
                continue;
            }
            gain += !same_rows(p, row, row);
            if (gain <= most)
                continue;
            most = gain;
            best = (Shift){ by > 0 ? first - by : first, by > 0 ? row : row - by, by };
        }
    return best;
}

static void shift_grid(Grid *g, const Shift *s)
{
    int n = s->by > 0 ? s->by : -s->by, kept = s->bottom - s->top + 1 - n;
    size_t row = (size_t)g->cols;
    Cell *top = g->cells + (size_t)s->top * row, *blank = s->by > 0 ? top : top + kept * g->cols;
    memmove(s->by > 0 ? top + n * g->cols : top, s->by > 0 ? top : top + n * g->cols,
            (size_t)kept * row * sizeof *top);
    for (int i = 0; i < n * g->cols; i++)
        blank[i] = (Cell){ .ch = ' ', .role = ROLE_TEXT };
}

static void put_shift(Pass *p, const Shift *s)
{
    const EncodeCaps *c = &p->e->caps;
    if (s->by == 0)
        return;
    put_string(p, tiparm(c->region, s->top, s->bottom));
    put_string(p, tiparm(c->address, s->by > 0 ? s->top : s->bottom, 0));
    for (int i = s->by > 0 ? s->by : -s->by; i > 0; i--)
        put_string(p, s->by > 0 ? c->down : c->up);
    put_string(p, tiparm(c->region, 0, p->to->rows - 1)); // the cursor is anywhere now
}

// ---- frames -------------------------------------------------------------------------------------

static void start(Pass *p, char *bytes, bool clear)
{
    size_t cells = (size_t)p->to->rows * (size_t)p->to->cols;
    p->bytes = bytes;
    p->used = 0;
    p->row = -1;
    p->col = 0;
    p->look = plain;
    memset(p->e->done, 0, cells * sizeof *p->e->done);
    if (cells > 0 && p->e->caps.no_corner)
        p->e->done[cells - 1] = true;
    if (!clear)
        return;
    put_string(p, p->e->caps.plain);
    put_string(p, p->e->caps.clear);
    p->row = 0;
}

static size_t finish(Pass *p)
{
    put_look(p, plain);
    return p->used;
}

size_t encode_room(int rows, int cols)
{
    return (size_t)rows * (size_t)cols * CELL_BYTES + 256;
}

// The shorter of the two ways to send what differs, into e->bytes.
static size_t encode_cells(Encoder *e, const Grid *from, const Grid *to, bool clear,
                           const Shift *shift)
{
    Look looks[LOOKS];
    Pass p = { .e = e, .from = from, .to = to, .room = e->room };
    start(&p, e->bytes, clear);
    put_shift(&p, shift);
    send_rest(&p);
    size_t in_order = finish(&p);
    start(&p, e->other, clear);
    put_shift(&p, shift);
    int n = find_looks(&p, looks);
    for (int k = 0; k < n; k++)
        send_look(&p, looks[k]);
    send_rest(&p);
    size_t by_look = finish(&p);
    if (by_look >= in_order)
        return in_order;
    char *shorter = e->other;
    e->other = e->bytes;
    e->bytes = shorter;
    return by_look;
}

size_t encode_frame(Encoder *e, Grid *from, const Grid *to, bool clear)
{
    const Pass p = { .e = e, .from = from, .to = to };
    Shift shift = { 0 };
    if (!clear && e->caps.region && e->caps.down && e->caps.up)
        shift = find_shift(&p);
    if (shift.by != 0)
        shift_grid(from, &shift);
    return encode_cells(e, from, to, clear, &shift);
}
