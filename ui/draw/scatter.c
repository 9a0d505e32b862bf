// SPDX-License-Identifier: MIT
#include "ui/draw/scatter.h"

#include <math.h>
#include <stdio.h>

#include "ui/draw/chart.h"
#include "ui/draw/dots.h"
#include "ui/draw/text.h"
#include "ui/draw/utf8.h"

enum { FRONT = 512 };

// Signed so that more is better.
static double better_x(const ScatterSpec *s, int i)
{
    double v = s->x(s->data, i);
    return s->x_maximize ? v : -v;
}

static double better_y(const ScatterSpec *s, int i)
{
    double v = s->y(s->data, i);
    return s->y_maximize ? v : -v;
}

static bool usable(const ScatterSpec *s, int i)
{
    return fabs(s->x(s->data, i)) <= CHART_MOST && fabs(s->y(s->data, i)) <= CHART_MOST;
}

// Keeps front[0..n) sorted by x, best first, y then rises strictly: each point goes in where it
// belongs, and those it dominates leave.
static int front_add(const ScatterSpec *s, int *front, int n, int cap, int point)
{
    double x = better_x(s, point), y = better_y(s, point);
    int at = 0;
    while (at < n && better_x(s, front[at]) > x)
        at++;
    if (at > 0 && better_y(s, front[at - 1]) >= y)
        return n;
    if (at < n && better_x(s, front[at]) == x && better_y(s, front[at]) >= y)
        return n;
    int end = at;
    while (end < n && better_y(s, front[end]) <= y)
        end++;
    int shift = 1 - (end - at);
    if (n + shift > cap)
        return n;
    if (shift > 0)
        for (int i = n - 1; i >= end; i--)
            front[i + shift] = front[i];
    else
        for (int i = end; i < n; i++)
            front[i + shift] = front[i];
    front[at] = point;
    return n + shift;
}

int scatter_front(const ScatterSpec *spec, int *front, int cap)
{
    int n = 0;
    for (int i = 0; i < spec->n; i++)
        if (usable(spec, i))
            n = front_add(spec, front, n, cap, i);
    return n;
}

typedef struct {
    Grid *grid;
    const ScatterSpec *spec;
    Rect plot;
    double x0, x1, y0, y1;
    Dots dots;
} Scatter;

static double x_axis(const ScatterSpec *s, double x)
{
    return s->log_x && x > 0 ? log10(x) : x;
}

static bool ranges(Scatter *c)
{
    const ScatterSpec *s = c->spec;
    int used = 0;
    for (int i = 0; i < s->n; i++) {
        if (!usable(s, i))
            continue;
        double x = x_axis(s, s->x(s->data, i)), y = s->y(s->data, i);
        c->x0 = used ? fmin(c->x0, x) : x;
        c->x1 = used ? fmax(c->x1, x) : x;
        c->y0 = used ? fmin(c->y0, y) : y;
        c->y1 = used ? fmax(c->y1, y) : y;
        used++;
    }
    double px = (c->x1 - c->x0) * 0.05, py = (c->y1 - c->y0) * 0.06;
    px = px > 0 ? px : fabs(c->x0) * 0.1 + 1e-9;
    py = py > 0 ? py : fabs(c->y0) * 0.1 + 1e-9;
    c->x0 -= px;
    c->x1 += px;
    c->y0 -= py;
    c->y1 += py;
    return used > 0;
}

static int x_dot(const Scatter *c, double x)
{
    return (int)lround((x_axis(c->spec, x) - c->x0) / (c->x1 - c->x0) * (c->dots.width - 1));
}

static int y_dot(const Scatter *c, double y)
{
    return (int)lround((c->y1 - y) / (c->y1 - c->y0) * (c->dots.height - 1));
}

static void number(double v, double step, bool percent, char *buf, size_t size)
{
    if (percent)
        snprintf(buf, size, "%.*f%%", chart_decimals(100 * step), 100 * v);
    else if (fabs(v) >= 1e4)
        text_count(v, buf, size);
    else
        snprintf(buf, size, "%.*f", chart_decimals(step), v);
}

static void draw_x_ticks(Scatter *c)
{
    int row = c->plot.row + c->plot.rows, used_to = c->plot.col - 2;
    int most = c->plot.cols / 14 < 2 ? 2 : c->plot.cols / 14;
    double step = chart_step(c->x0, c->x1, most);
    grid_hline(c->grid, row, c->plot.col - 1, c->plot.cols + 1, ROLE_AXIS);
    for (int i = 0, n = chart_ticks(c->x0, c->x1, step); i < n; i++) {
        double v = chart_tick(c->x0, step, i);
        char buf[32];
        double shown = c->spec->log_x ? pow(10, v) : v;
        number(shown, c->spec->log_x ? 1 : step, c->spec->x_percent, buf, sizeof buf);
        int dot = (int)lround((v - c->x0) / (c->x1 - c->x0) * (c->dots.width - 1));
        int col = c->plot.col + dot / c->dots.per_col, w = utf8_cols(buf), at = col - w / 2;
        int right = c->plot.col + c->plot.cols;
        grid_line(c->grid, row, col, 4, ROLE_AXIS);
        at = at + w > right ? right - w : at;
        if (at <= used_to)
            continue;
        grid_text(c->grid, row + 1, at, w, ROLE_AXIS, 0, buf);
        used_to = at + w;
    }
}

static void draw_y_ticks(Scatter *c, int left)
{
    double step = chart_step(c->y0, c->y1, c->plot.rows / 3 < 2 ? 2 : c->plot.rows / 3);
    grid_vline(c->grid, c->plot.row, c->plot.col - 1, c->plot.rows + 1, ROLE_AXIS);
    for (int i = 0, n = chart_ticks(c->y0, c->y1, step); i < n; i++) {
        double v = chart_tick(c->y0, step, i);
        char buf[32];
        number(fabs(v) < step * 1e-6 ? 0 : v, step, c->spec->y_percent, buf, sizeof buf);
        int row = c->plot.row + y_dot(c, v) / c->dots.per_row;
        int width = c->plot.col - 2 - left, w = utf8_cols(buf);
        grid_text(c->grid, row, left + (w < width ? width - w : 0), width, ROLE_AXIS, 0, buf);
        grid_line(c->grid, row, c->plot.col - 1, 8, ROLE_AXIS);
    }
}

// Between neighbours a, b of the front the corner has the worse x and the worse y of the two:
// everything behind it is dominated.
static void draw_front(Scatter *c, const int *front, int n)
{
    const ScatterSpec *s = c->spec;
    for (int i = 0; i + 1 < n; i++) {
        int ax = x_dot(c, s->x(s->data, front[i])), ay = y_dot(c, s->y(s->data, front[i]));
        int bx = x_dot(c, s->x(s->data, front[i + 1]));
        int by = y_dot(c, s->y(s->data, front[i + 1]));
        dots_line(&c->dots, ax, ay, bx, ay, ROLE_OK); // front[i] has the better x, worse y
        dots_line(&c->dots, bx, ay, bx, by, ROLE_OK);
    }
}

static void put_point(Scatter *c, int i, uint32_t ch, Role role, int attr)
{
    int x = x_dot(c, c->spec->x(c->spec->data, i)), y = y_dot(c, c->spec->y(c->spec->data, i));
    grid_put(c->grid, c->plot.row + y / c->dots.per_row, c->plot.col + x / c->dots.per_col, ch,
             role, attr);
}

static void draw_points(Scatter *c, const int *front, int n)
{
    for (int i = 0; i < c->spec->n; i++)
        if (usable(c->spec, i))
            put_point(c, i, 'x', ROLE_DIM, 0);
    draw_front(c, front, n);
    for (int i = 0; i < n; i++)
        put_point(c, front[i], 'O', ROLE_OK, ATTR_BOLD);
    if (c->spec->cursor >= 0 && c->spec->cursor < c->spec->n && usable(c->spec, c->spec->cursor))
        put_point(c, c->spec->cursor, '@', ROLE_SELECT, ATTR_REVERSE | ATTR_BOLD);
}

void scatter_draw(Grid *g, Rect area, const ScatterSpec *spec)
{
    int front[FRONT];
    Scatter c = { .grid = g, .spec = spec };
    Rect old = grid_clip(g, area);
    if (area.rows >= 4 && area.cols >= 16 && ranges(&c)) {
        int left = area.cols >= 40 ? 10 : 7;
        c.plot = (Rect){ area.row + 1, area.col + left, area.rows - 3, area.cols - left };
        c.dots = dots_open(g, c.plot, 0);
        draw_y_ticks(&c, area.col);
        draw_x_ticks(&c);
        draw_points(&c, front, scatter_front(spec, front, FRONT));
        grid_printf(g, area.row, area.col, area.cols, ROLE_AXIS, 0, "%s up, %s across%s",
                    spec->y_name, spec->x_name,
                    area.cols >= 64 ? "   O front  x dominated  @ cursor" : "");
    }
    g->clip = old;
}
