// SPDX-License-Identifier: MIT
#ifndef KERNEL_ISA_PACK_H
#define KERNEL_ISA_PACK_H

#include "src/kernel/isa/tile.h"

// Depthwise convolution of several small or narrow images at once. The images of a packed tile are
// interleaved: [blocks][h*w][images][vw], so that what is done to a pixel of one image is done to
// the same pixel of all of them in one run of vectors. Where a block of channels is narrower than
// the widest vector, that vector holds several images. There is no border: a window is clipped to
// the image by the axes below, which costs nothing per image.

enum { PACK_SIDE = 64 }; // longest side of a packed image

// Outputs along one axis that see the same taps, each a constant number of inputs further.
typedef struct {
    int at, n; // the first one, how many
    int from;  // first tap
    int taps;  // taps inside the image
    int src;   // input of output `at` under the first tap
} PackRun;

typedef struct {
    PackRun run[PACK_SIDE];
    int n;
    int every, step;     // outputs, inputs from one output of a run to the next
    int tap, src;        // taps and inputs from one tap of a run to the next
    int in_size, k, dil; // of the window
    int pad, stride;
} PackAxis;

// Both axes of a window for tiles with `vectors` widest vectors a pixel.
typedef struct {
    PackAxis y, x;
    int k, vectors;
    bool backward;
    int in_w, out_w; // pixels in a row
} PackWindow;

// out[y][x] (+)= sum over taps of in * w; one block of channels.
typedef struct {
    const PackWindow *win;
    const float *in, *w; // w: [k*k][w_ld], a widest vector is read
    size_t w_ld;
    float *out;
    bool add;
} PackJob;

#define pack_forward KERNEL_NAME(pack_forward)
#define pack_backward KERNEL_NAME(pack_backward)
#define pack_depth KERNEL_NAME(pack_depth)
#define pack_grad KERNEL_NAME(pack_grad)
#define pack_spread KERNEL_NAME(pack_spread)
#define pack_fold KERNEL_NAME(pack_fold)

// The window from inputs to outputs, and from the outputs' gradients to the inputs'.
void pack_forward(PackWindow *p, const Window *win, int vectors);
void pack_backward(PackWindow *p, const Window *win, int vectors);
void pack_depth(const PackJob *job);
// acc[tap] (overwritten, one widest vector each) = sum over outputs of d * in; p is a forward one.
void pack_grad(const PackWindow *p, const float *in, const float *d, float *acc);

// A widest vector of the c values of `from` and zeros up to vw, again and again.
void pack_spread(const float *from, int c, int vw, float *to);
// to[q] = (fresh ? 0 : to[q]) + sum over the parts of vw lanes of `wide`, for q < c and q < vw.
void pack_fold(const float *wide, int vw, float *to, int c, bool fresh);

#endif
