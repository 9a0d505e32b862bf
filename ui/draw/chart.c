// SPDX-License-Identifier: MIT
#include "ui/draw/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ui/draw/dots.h"
#include "ui/draw/text.h"
#include "ui/draw/utf8.h"

// 1.0 |        .-- o valid    plot: the dots; axis_row: ticks and '!' marks; then x labels.
// 0.5 |  .--''
// 0.0 +----+----+----
//     0    10   20  epoch
typedef struct {
    Grid *grid;
    const ChartSpec *spec;
    Rect plot;
    int axis_row, axis_col, label_row; // -1: not drawn
    double x0, x1, y0, y1;             // y in log10 when log_y
    Dots dots;
} Chart;

double chart_step(double lo, double hi, int most)
{
    double span = hi - lo;
    if (!(span > 0) || !isfinite(span))
        return 1;
    double raw = span / (most > 1 ? most : 1), base = pow(10, floor(log10(raw)));
    static const double nice[] = { 1, 2, 5, 10 };
    for (int i = 0; i < 4; i++)
        if (nice[i] * base >= raw * (1 - 1e-9))
            return nice[i] * base;
    return 10 * base;
}

int chart_decimals(double step)
{
    int d = (int)ceil(-log10(step) - 1e-9);
    return d < 0 ? 0 : d > 6 ? 6 : d;
}

double chart_tick(double lo, double step, int i)
{
    return (ceil(lo / step - 1e-9) + i) * step;
}

int chart_ticks(double lo, double hi, double step)
{
    enum { MOST = 100 };
    double n = floor(hi / step + 1e-9) - ceil(lo / step - 1e-9) + 1;
    return n > 0 && n < MOST ? (int)n : n >= MOST ? MOST : 0; // NAN: none
}

static double to_axis(const ChartSpec *spec, double y)
{
    if (!(fabs(y) <= CHART_MOST)) // so that spans stay finite
        return NAN;
    if (!spec->log_y)
        return y;
    return y > 0 ? log10(y) : NAN;
}

static void grow(double v, double *lo, double *hi)
{
    if (isnan(v))
        return;
    if (!(*lo <= v))
        *lo = v;
    if (!(*hi >= v))
        *hi = v;
}

static bool find_ranges(Chart *c)
{
    const ChartSpec *s = c->spec;
    double xlo = NAN, xhi = NAN, ylo = NAN, yhi = NAN;
    for (int k = 0; k < s->n_series; k++)
        for (int i = 0; i < s->series[k].n; i++) {
            double x, y = to_axis(s, s->series[k].value(s->series[k].data, i, &x));
            grow(x, &xlo, &xhi);
            if (s->x_from >= s->x_to || (x >= s->x_from && x <= s->x_to))
                grow(y, &ylo, &yhi);
        }
    if (isnan(ylo))
        return false;
    for (int k = 0; k < s->n_limits; k++)
        grow(to_axis(s, s->limits[k].y), &ylo, &yhi);
    c->x0 = s->x_from < s->x_to ? s->x_from : xlo;
    c->x1 = s->x_from < s->x_to ? s->x_to : xhi;
    if (!(c->x1 > c->x0))
        c->x1 = c->x0 + 1;
    bool forced = s->y_lo < s->y_hi && !(s->log_y && s->y_lo <= 0);
    c->y0 = forced ? to_axis(s, s->y_lo) : ylo;
    c->y1 = forced ? to_axis(s, s->y_hi) : yhi;
    if (!(c->y1 > c->y0)) {
        double pad = fabs(c->y0) > 1e-12 ? fabs(c->y0) * 0.1 : 0.5;
        c->y0 -= pad;
        c->y1 += pad;
    } else if (!forced) {
        // Rounded outwards to nice numbers: a new sample seldom moves the whole picture.
        double step = chart_step(c->y0, c->y1, 8);
        c->y0 = floor(c->y0 / step + 1e-9) * step;
        c->y1 = ceil(c->y1 / step - 1e-9) * step;
    }
    return true;
}

static void tick_text(const Chart *c, double v, double step, char *buf, size_t size)
{
    if (c->spec->log_y) {
        double y = pow(10, v);
        snprintf(buf, size, y >= 0.001 && y < 1e5 ? "%.3g" : "%.0e", y);
    } else if (c->spec->percent) {
        snprintf(buf, size, "%.*f%%", chart_decimals(step * 100), v * 100);
    } else if (fabs(v) >= 1e6) {
        snprintf(buf, size, "%.1e", v);
    } else {
        snprintf(buf, size, "%.*f", chart_decimals(step), v + 0.0);
    }
}

static double y_step(const Chart *c, int rows)
{
    int most = rows / 3 < 3 ? 3 : rows / 3;
    double step = chart_step(c->y0, c->y1, most);
    return c->spec->log_y && step > 0.3 && step < 1 ? 1 : step;
}

static int y_label_width(const Chart *c, int rows)
{
    double step = y_step(c, rows);
    int width = 0;
    for (int i = 0, n = chart_ticks(c->y0, c->y1, step); i < n; i++) {
        double v = chart_tick(c->y0, step, i);
        char buf[32];
        tick_text(c, v, step, buf, sizeof buf);
        int w = utf8_cols(buf);
        width = w > width ? w : width;
    }
    return width;
}

static int end_label_width(const Chart *c, int cols)
{
    int width = 0;
    for (int k = 0; k < c->spec->n_series; k++) {
        int w = utf8_cols(c->spec->series[k].label) + 3;
        width = w > width ? w : width;
    }
    if (c->spec->n_series < 2 || cols < 28)
        return 0;
    return width > cols * 2 / 5 ? cols * 2 / 5 : width;
}

static void place(Chart *c, Rect area)
{
    int bottom = area.rows >= 6 ? 2 : area.rows >= 4 ? 1 : 0;
    int left = area.cols >= 20 ? y_label_width(c, area.rows - bottom) + 2 : 0;
    int right = end_label_width(c, area.cols);
    c->plot = (Rect){ area.row, area.col + left, area.rows - bottom, area.cols - left - right };
    c->axis_row = bottom > 0 ? area.row + c->plot.rows : -1;
    c->label_row = bottom > 1 ? c->axis_row + 1 : -1;
    c->axis_col = left > 0 ? area.col + left - 1 : -1;
}

static int x_dot(const Chart *c, double x)
{
    double t = (x - c->x0) / (c->x1 - c->x0);
    return t < -1 || t > 2 ? (t < 0 ? -1 : c->dots.width) : (int)lround(t * (c->dots.width - 1));
}

static int y_dot(const Chart *c, double y)
{
    double t = (c->y1 - y) / (c->y1 - c->y0);
    t = fmin(fmax(t, -0.5), 1.5);
    return (int)lround(t * (c->dots.height - 1));
}

static int y_row(const Chart *c, double y)
{
    int dot = y_dot(c, y);
    return dot < 0 || dot >= c->dots.height ? -1 : c->plot.row + dot / c->dots.per_row;
}

static void draw_y_axis(Chart *c, Rect area)
{
    if (c->axis_col < 0)
        return;
    grid_vline(c->grid, c->plot.row, c->axis_col, c->plot.rows + (c->axis_row >= 0), ROLE_AXIS);
    double step = y_step(c, c->plot.rows);
    int last = -10;
    for (int i = 0, n = chart_ticks(c->y0, c->y1, step); i < n; i++) {
        double v = chart_tick(c->y0, step, i);
        char buf[32];
        int row = y_row(c, v);
        if (row < 0 || row == last)
            continue;
        last = row;
        tick_text(c, fabs(v) < step * 1e-6 ? 0 : v, step, buf, sizeof buf);
        int width = c->axis_col - area.col - 1, used = utf8_cols(buf);
        grid_text(c->grid, row, area.col + (used < width ? width - used : 0), width, ROLE_AXIS, 0,
                  buf);
        grid_line(c->grid, row, c->axis_col, 8, ROLE_AXIS);
    }
}

// Numbers under the ticks; the unit stands left of the last one, or at the right end.
static void draw_x_labels(Chart *c, double step)
{
    const char *unit = c->spec->x_unit ? c->spec->x_unit : "";
    int right = c->plot.col + c->plot.cols, used_to = c->plot.col - 1, before = used_to;
    int last_at = right, unit_cols = utf8_cols(unit);
    for (int i = 0, n = chart_ticks(c->x0, c->x1, step); i < n; i++) {
        double v = chart_tick(c->x0, step, i);
        char buf[32];
        snprintf(buf, sizeof buf, "%.*f", chart_decimals(step), v + 0.0);
        int w = utf8_cols(buf), at = c->plot.col + x_dot(c, v) / c->dots.per_col - w / 2;
        at = at < c->plot.col ? c->plot.col : at + w > right ? right - w : at;
        if (at <= used_to)
            continue;
        grid_text(c->grid, c->label_row, at, w, ROLE_AXIS, 0, buf);
        before = used_to;
        used_to = at + w;
        last_at = at;
    }
    int unit_at = right - unit_cols;
    if (unit_at <= used_to) {
        unit_at = last_at - unit_cols - 1;
        used_to = before;
    }
    if (unit_at > used_to)
        grid_text(c->grid, c->label_row, unit_at, unit_cols, ROLE_AXIS, 0, unit);
}

static void draw_x_axis(Chart *c)
{
    if (c->axis_row < 0)
        return;
    int from = c->axis_col >= 0 ? c->axis_col : c->plot.col;
    grid_hline(c->grid, c->axis_row, from, c->plot.col + c->plot.cols - from, ROLE_AXIS);
    double step = chart_step(c->x0, c->x1, c->plot.cols / 7 < 3 ? 3 : c->plot.cols / 7);
    if (step < 1)
        step = 1; // epochs are whole
    for (int i = 0, n = chart_ticks(c->x0, c->x1, step); i < n; i++)
        grid_line(c->grid, c->axis_row,
                  c->plot.col + x_dot(c, chart_tick(c->x0, step, i)) / c->dots.per_col, 4,
                  ROLE_AXIS);
    if (c->label_row >= 0)
        draw_x_labels(c, step);
}

static void draw_limits(Chart *c)
{
    for (int k = 0; k < c->spec->n_limits; k++) {
        const ChartLimit *limit = &c->spec->limits[k];
        int row = y_row(c, to_axis(c->spec, limit->y));
        if (row < 0)
            continue;
        for (int i = 0; i < c->plot.cols; i += 2)
            grid_put(c->grid, row, c->plot.col + i, '-', limit->role, 0);
    }
}

// Whether a label with a blank on each side covers nothing but the line of its limit.
static bool label_fits(const Chart *c, int row, int col, int cols)
{
    for (int i = col; i < col + cols; i++) {
        const Cell *cell = grid_at(c->grid, row, i);
        if (!cell || i >= c->plot.col + c->plot.cols || (cell->ch != ' ' && cell->ch != '-'))
            return false;
    }
    return true;
}

// Labels of limits are written after the lines, where these leave room; limits of one row share a
// label.
static void draw_limit_labels(Chart *c)
{
    char text[64];
    for (int k = 0; k < c->spec->n_limits; k++) {
        const ChartLimit *limit = &c->spec->limits[k];
        int row = y_row(c, to_axis(c->spec, limit->y)), used = 0;
        bool said = row < 0 || c->plot.cols <= 24;
        for (int j = 0; j < c->spec->n_limits && !said; j++) {
            const ChartLimit *other = &c->spec->limits[j];
            if (!other->label || y_row(c, to_axis(c->spec, other->y)) != row)
                continue;
            said = j < k;
            used += snprintf(text + used, sizeof text - (size_t)used, "%s%.20s", used ? ", " : "",
                             other->label);
            used = used < (int)sizeof text ? used : (int)sizeof text - 1;
        }
        int cols = used ? utf8_cols(text) + 2 : 0, col = c->plot.col;
        while (col + cols <= c->plot.col + c->plot.cols && !label_fits(c, row, col, cols))
            col++;
        if (said || used == 0 || col + cols > c->plot.col + c->plot.cols)
            continue;
        grid_fill(c->grid, (Rect){ row, col, 1, cols }, ' ', ROLE_TEXT, 0);
        grid_text(c->grid, row, col + 1, cols - 1, limit->role, 0, text);
    }
}

static void draw_cursor(Chart *c)
{
    if (isnan(c->spec->cursor_x))
        return;
    int x = x_dot(c, c->spec->cursor_x);
    if (x < 0 || x >= c->dots.width)
        return;
    for (int i = 0; i < c->plot.rows; i++)
        grid_put(c->grid, c->plot.row + i, c->plot.col + x / c->dots.per_col, ':', ROLE_FOCUS, 0);
}

// Samples that fall into one column of dots.
typedef struct {
    int x; // -1: none yet
    double lo, hi, first, last;
    int prev_x, prev_y; // end of the line so far, prev_x -1: a gap before
} Bucket;

static void bucket_flush(Chart *c, Bucket *b, Role role)
{
    if (b->x < 0)
        return;
    int lo = y_dot(c, b->lo), hi = y_dot(c, b->hi), first = y_dot(c, b->first);
    if (b->prev_x >= 0)
        dots_line(&c->dots, b->prev_x, b->prev_y, b->x, first, role);
    dots_line(&c->dots, b->x, hi, b->x, lo, role);
    b->prev_x = b->x;
    b->prev_y = y_dot(c, b->last);
    b->x = -1;
}

static void mark_gap(Chart *c, double x)
{
    int dot = x_dot(c, x);
    if (c->axis_row >= 0 && dot >= 0 && dot < c->dots.width)
        grid_put(c->grid, c->axis_row, c->plot.col + dot / c->dots.per_col, '!', ROLE_BAD,
                 ATTR_BOLD);
}

// NaN as "no reading" (a column the producer never wrote) is no gap to mark: only samples after
// a finite one and infinities are.
static void draw_series(Chart *c, const ChartSeries *s, int *end_row)
{
    Bucket b = { .x = -1, .prev_x = -1 };
    bool seen = false;
    *end_row = -1;
    for (int i = 0; i < s->n; i++) {
        double x, raw = s->value(s->data, i, &x), y = to_axis(c->spec, raw);
        int dot = x_dot(c, x);
        if (dot < -1 || dot > c->dots.width || x < c->x0 || x > c->x1)
            continue;
        if (isnan(y)) {
            bucket_flush(c, &b, s->role);
            b.prev_x = -1;
            if (seen || isinf(raw))
                mark_gap(c, x);
            continue;
        }
        seen = true;
        if (dot != b.x) {
            bucket_flush(c, &b, s->role);
            b = (Bucket){ dot, y, y, y, y, b.prev_x, b.prev_y };
        }
        b.lo = fmin(b.lo, y);
        b.hi = fmax(b.hi, y);
        b.last = y;
        *end_row = y_row(c, y);
    }
    bucket_flush(c, &b, s->role);
}

// In the free row nearest to `want`: below, above, below ...
static void put_end_label(Chart *c, const ChartSeries *s, int want, int rows, int col, int width,
                          bool *taken)
{
    for (int d = 0; d < 2 * rows; d++) {
        int row = want + (d % 2 ? (d + 1) / 2 : -d / 2);
        if (row < 0 || row >= rows || taken[row])
            continue;
        taken[row] = true;
        grid_put(c->grid, c->plot.row + row, col, (unsigned char)s->mark, s->role, 0);
        grid_text(c->grid, c->plot.row + row, col + 2, width - 2, s->role, 0, s->label);
        return;
    }
}

static void draw_end_labels(Chart *c, Rect area, const int *end_row)
{
    int col = c->plot.col + c->plot.cols + 1, width = area.col + area.cols - col;
    bool taken[128] = { false };
    if (c->spec->n_series < 2 || width < 3)
        return;
    int rows = c->plot.rows < 128 ? c->plot.rows : 128, n = c->spec->n_series;
    for (int row = 0; row < rows; row++) // from the top, so that the highest keep their label
        for (int k = 0; k < n && k < CHART_SERIES; k++)
            if (end_row[k] == c->plot.row + row)
                put_end_label(c, &c->spec->series[k], row, rows, col, width, taken);
}

void chart_draw(Grid *g, Rect area, const ChartSpec *spec)
{
    Chart c = { .grid = g, .spec = spec };
    if (area.rows < 1 || area.cols < 4)
        return;
    Rect old = grid_clip(g, area);
    if (!find_ranges(&c)) {
        text_empty(g, area, spec->empty ? spec->empty : "no values yet", "");
        g->clip = old;
        return;
    }
    place(&c, area);
    c.dots = dots_open(g, c.plot, 0);
    draw_y_axis(&c, area);
    draw_x_axis(&c);
    draw_limits(&c);
    draw_cursor(&c);
    int end_row[CHART_SERIES];
    int n = spec->n_series < CHART_SERIES ? spec->n_series : CHART_SERIES;
    for (int k = 0; k < n; k++) {
        // With marks a cell is one dot; axes keep the finer grid of single series.
        c.dots = dots_open(g, c.plot, n > 1 ? spec->series[k].mark : 0);
        draw_series(&c, &spec->series[k], &end_row[k]);
    }
    draw_limit_labels(&c);
    draw_end_labels(&c, area, end_row);
    g->clip = old;
}
