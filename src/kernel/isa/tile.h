// SPDX-License-Identifier: MIT
#ifndef KERNEL_ISA_TILE_H
#define KERNEL_ISA_TILE_H

#include "src/kernel/isa/vec.h"
#include "src/kernel/kernel.h"

// Microkernels on one image. The image is the tile: a zero-bordered copy in a thread's scratch,
// stored as blocks of `vw` channels, [blocks][rows][cols][vw], so that neighbouring pixels are a
// constant distance apart whatever the number of channels, every load is aligned and no kernel has
// border code. Lanes beyond the last channel are zero or ignored.

typedef struct {
    float *data;
    int vw, c, blocks;
    int h, w;       // the image
    int top, left;  // border before it
    int rows, cols; // with borders
    size_t px;      // floats from a pixel to the next: vw, or more where images are interleaved
    int n;          // images, vw floats apart
} Tile;

// Borders on the four sides of an image.
typedef struct {
    int top, left, bottom, right;
} Border;

static inline size_t tile_row(const Tile *t)
{
    return (size_t)t->cols * t->px;
}

static inline size_t tile_plane(const Tile *t)
{
    return (size_t)t->rows * tile_row(t);
}

static inline size_t tile_size(const Tile *t)
{
    return (size_t)t->blocks * tile_plane(t);
}

// First pixel of the image in block b.
static inline float *tile_at(const Tile *t, int b)
{
    return t->data + (size_t)b * tile_plane(t) + (size_t)t->top * tile_row(t) +
           (size_t)t->left * t->px;
}

// Windows up to this size run on tiles, larger ones in the reference.
enum { TAP_MAX = 15 };

// The taps of a window along both axes, source = output * step + row (col), both ascending. Row i
// is row ky[i] of the weights.
typedef struct {
    int k, step;
    int n_ky, n_kx;
    int row[TAP_MAX], col[TAP_MAX];
    int ky[TAP_MAX], kx[TAP_MAX];
} Taps;

// Which way to walk a window, and its geometry.
typedef struct {
    int k, dil, stride, pad_y, pad_x;
    int h, w, oh, ow;
} Window;

// out[y][x][c] (+)= sum over taps of in[y*step + row][x*step + col][c] * w[tap][c]
typedef struct {
    const Tile *in, *out;
    const Taps *taps;
    const float *w; // [k*k][w_ld]
    size_t w_ld;
    int y0, x0, stride; // output pixel (y, x) is stored at (y0 + y*stride, x0 + x*stride)
    int from;           // the source of output row y is that of row from + y of the whole image
    int ny, nx;
    bool add;
} DepthJob;

// gw[tap][c] += sum over pixels of d[y][x][c] * in[y*step + row][x*step + col][c]
typedef struct {
    const Tile *in, *d;
    const Taps *taps;
    int dil;
    float *gw;  // [k*k][c]
    bool fresh; // overwrites gw instead of adding
} DepthGradJob;

// Channels of a tile that are `c` rows of the weights from row `row0` on.
typedef struct {
    int block0, c, row0;
} Segment;

// out[y][x][co] (+)= bias[co] + sum over taps, ci of in[...][ci] * w[tap][ci][co]
typedef struct {
    const Tile *in;
    const Segment *seg; // several only with a single tap
    int n_seg;
    const Taps *taps;
    const float *w; // tap t, row ci: w + t*w_tap + ci*w_ld; readable to a whole vector
    size_t w_tap, w_ld;
    const float *bias; // [oc] or NULL
    int oc;
    int ny, nx;
    float *out;
    size_t px, row, block; // distances in floats of output pixels, rows and channel blocks
    bool whole;            // whole vectors may be stored, even when oc is not a multiple
    bool stream;           // past the caches: only whole vectors, all aligned
    float *sum, *sum_sq;   // [oc] overwritten with the sums over the image; NULL: not wanted
} ConvJob;

// gw[tap][ci][co] += sum over pixels of in[...][ci] * d[y][x][co]
typedef struct {
    const Tile *in, *d;
    const Segment *seg;
    int n_seg;
    const Taps *taps;
    float *gw; // tap t, row ci: gw + t*w_tap + ci*w_ld
    size_t w_tap, w_ld;
    int oc;
    bool fresh; // overwrites gw instead of adding
} ConvGradJob;

typedef struct {
    const Tile *in; // ordered keys (max) or values (avg)
    const Taps *taps;
    int ny, nx;
    float *out; // dense NHWC
    int c;
    float *sum, *sum_sq;  // [c] or NULL
    const float *inverse; // avg: [ny*nx] factors
} PoolJob;

typedef struct {
    const Tile *key, *dx; // dx: bordered like key, added to
    const Taps *taps;
    int ny, nx;
    const float *max;          // dense NHWC output of the forward pass; NULL: no maximum
    const Tile *d_max, *d_avg; // dense; NULL: absent
    const float *inverse;
} PoolGradJob;

#define tile_load KERNEL_NAME(tile_load)
#define tile_keys KERNEL_NAME(tile_keys)
#define tile_grad KERNEL_NAME(tile_grad)
#define tile_store_dx KERNEL_NAME(tile_store_dx)
#define tile_sum KERNEL_NAME(tile_sum)
#define tile_moments KERNEL_NAME(tile_moments)
#define tile_set KERNEL_NAME(tile_set)
#define taps_forward KERNEL_NAME(taps_forward)
#define taps_backward KERNEL_NAME(taps_backward)
#define taps_border KERNEL_NAME(taps_border)
#define depth_run KERNEL_NAME(depth_run)
#define depth_grad KERNEL_NAME(depth_grad)
#define conv_run KERNEL_NAME(conv_run)
#define conv_grad KERNEL_NAME(conv_grad)
#define pool_max KERNEL_NAME(pool_max)
#define pool_avg KERNEL_NAME(pool_avg)
#define pool_grad KERNEL_NAME(pool_grad)
#define weights_pad KERNEL_NAME(weights_pad)

// Describes a tile at data; returns the first float after it.
float *tile_set(Tile *t, float *data, int vw, int c, int h, int w, Border border);
// Copies the tile's images, `image` the first of them, with src's prologue into blocks from block0
// on. The border is the caller's.
void tile_load(const Tile *t, const KernelSrc *src, int block0, int image);
// The same as ordered integers (for maxima).
void tile_keys(const Tile *t, const KernelSrc *src, int image);
// Makes dy of the tile's rows, which begin at pixel `first` of the tensors; h*w pixels an image.
void tile_grad(const Tile *t, const KernelGrad *grad, int channel0, size_t first);
// Masks blocks from block0 on by the prologue of src, adds what dst wants, writes dst.dx and stat.
void tile_store_dx(const Tile *t, int block0, const KernelSrc *src, const KernelDst *dst,
                   int image);
// sum[c] += sum over the image.
void tile_sum(const Tile *t, float *sum);
// Overwrites sum[c] and sum_sq[c] with the sums of values and squares over the image.
void tile_moments(const Tile *t, float *sum, float *sum_sq);

void taps_forward(Taps *taps, const Window *win);
// Taps of the gradient of the input for input pixels (y*stride + py, x*stride + px).
void taps_backward(Taps *taps, const Window *win, int py, int px);
// Widens *border so that every tap of ny x nx outputs reads inside a tile of h x w.
void taps_border(Border *border, const Taps *taps, int ny, int nx, int h, int w);

void depth_run(const DepthJob *job);
void depth_grad(const DepthGradJob *job);
void conv_run(const ConvJob *job);
void conv_grad(const ConvGradJob *job);
void pool_max(const PoolJob *job);
void pool_avg(const PoolJob *job);
void pool_grad(const PoolGradJob *job);

// Rows of c floats, ld apart, as rows a whole number of vectors long: w itself if it already is
// that, else a copy in `room`. Returns the distance of rows in *out_ld.
const float *weights_pad(const float *w, size_t rows, int c, size_t ld, int vw, float *room,
                         size_t *out_ld);

#endif
