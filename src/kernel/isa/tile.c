// SPDX-License-Identifier: MIT
#include "src/kernel/isa/tap.h"

#define VW 4
#include "src/kernel/isa/tile_body.h"
#if KERNEL_VL >= 8
#undef VW
#define VW 8
#include "src/kernel/isa/tile_body.h"
#endif
#if KERNEL_VL >= 16
#undef VW
#define VW 16
#include "src/kernel/isa/tile_body.h"
#endif

float *tile_set(Tile *t, float *data, int vw, int c, int h, int w, Border border)
{
    *t = (Tile){
        .data = data,
        .vw = vw,
        .c = c,
        .blocks = (c + vw - 1) / vw,
        .h = h,
        .w = w,
        .top = border.top,
        .left = border.left,
        .rows = h + border.top + border.bottom,
        .cols = w + border.left + border.right,
        .px = (size_t)vw,
        .n = 1,
    };
    return data + kernel_round(tile_size(t));
}

void tile_load(const Tile *t, const KernelSrc *src, int block0, int image)
{
    WIDTH_CALL(t->vw, load_image, t, src, block0, image);
}

void tile_keys(const Tile *t, const KernelSrc *src, int image)
{
    WIDTH_CALL(t->vw, load_keys, t, src, image);
}

void tile_grad(const Tile *t, const KernelGrad *grad, int channel0, size_t first)
{
    WIDTH_CALL(t->vw, fill_grad, t, grad, channel0, first);
}

void tile_store_dx(const Tile *t, int block0, const KernelSrc *src, const KernelDst *dst, int image)
{
    WIDTH_CALL(t->vw, store_dx, t, block0, src, dst, image);
}

void tile_sum(const Tile *t, float *sum)
{
    WIDTH_CALL(t->vw, sum_image, t, sum);
}

void tile_moments(const Tile *t, float *sum, float *sum_sq)
{
    WIDTH_CALL(t->vw, moments_image, t, sum, sum_sq);
}

void taps_forward(Taps *taps, const Window *win)
{
    *taps = (Taps){ .k = win->k, .step = win->stride, .n_ky = win->k, .n_kx = win->k };
    for (int i = 0; i < win->k; i++) {
        taps->row[i] = i * win->dil - win->pad_y;
        taps->col[i] = i * win->dil - win->pad_x;
        taps->ky[i] = taps->kx[i] = i;
    }
}

// Weight positions i with (at + pad - i*dil) a multiple of the stride, and the source each reads,
// in ascending order of the sources.
static int axis_backward(int *pos, int *index, const Window *win, int at, int pad)
{
    int n = 0;
    for (int i = win->k - 1; i >= 0; i--) {
        int from = at + pad - i * win->dil;
        if (from % win->stride != 0)
            continue;
        pos[n] = from / win->stride;
        index[n++] = i;
    }
    return n;
}

void taps_backward(Taps *taps, const Window *win, int py, int px)
{
    *taps = (Taps){ .k = win->k, .step = 1 };
    taps->n_ky = axis_backward(taps->row, taps->ky, win, py, win->pad_y);
    taps->n_kx = axis_backward(taps->col, taps->kx, win, px, win->pad_x);
}

static void axis_border(int *before, int *after, const int *pos, int n, int last, int size)
{
    for (int i = 0; i < n; i++) {
        int end = last + pos[i] + 1 - size;
        *before = -pos[i] > *before ? -pos[i] : *before;
        *after = end > *after ? end : *after;
    }
}

void taps_border(Border *border, const Taps *taps, int ny, int nx, int h, int w)
{
    axis_border(&border->top, &border->bottom, taps->row, taps->n_ky, (ny - 1) * taps->step, h);
    axis_border(&border->left, &border->right, taps->col, taps->n_kx, (nx - 1) * taps->step, w);
}

TapRange tap_rows(const Taps *taps, int h, int y, int rows)
{
    int first = y * taps->step, last = (y + rows - 1) * taps->step;
    int from = 0, to = taps->n_ky;
    while (from < to && (last + taps->row[from] < 0 || first + taps->row[from] >= h))
        from++;
    while (to > from && (last + taps->row[to - 1] < 0 || first + taps->row[to - 1] >= h))
        to--;
    return (TapRange){ from * taps->n_kx, to * taps->n_kx };
}

const float *weights_pad(const float *w, size_t rows, int c, size_t ld, int vw, float *room,
                         size_t *out_ld)
{
    if (c % vw == 0) {
        *out_ld = ld;
        return w;
    }
    size_t width = (size_t)((c + vw - 1) / vw * vw);
    for (size_t r = 0; r < rows; r++) {
        memcpy(room + r * width, w + r * ld, (size_t)c * sizeof(float));
        memset(room + r * width + c, 0, (width - (size_t)c) * sizeof(float));
    }
    *out_ld = width;
    return room;
}
