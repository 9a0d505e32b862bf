// SPDX-License-Identifier: MIT
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The table of kernels that a backend fills. Every entry is one parallel region: over images
// (forward), or over KERNEL_GROUPS fixed groups of images (backward). Tensors are NHWC float32;
// a pixel is `ld` floats apart from the next (ld >= channels), so that channel slices and
// concatenations need no copy. Pixels of an image and images follow each other without gaps.
//
// Bits must not depend on the number of threads: per-image results are written by whoever does
// the image, sums over images are finished in index order (kernel_finish), weight gradients are
// accumulated per group in image order and the groups are added in order. Kernels that take several
// images at a time (how many depends on the shape and the batch only) may have fewer groups, and
// leave the sums of such images in the row of the first, zeros in the rows of the others.
//
// IEEE rules: relu(x) = x < 0 ? 0 : x and its gradient is x <= 0 ? 0 : g, so NaN stays NaN; a max
// pool that meets NaN gives NaN.

enum { KERNEL_GROUPS = 32, KERNEL_MAX_SRC = 16 };

// Images of group g of a batch of n: [kernel_group(n, g), kernel_group(n, g + 1)).
static inline int kernel_group(int n, int g)
{
    return (int)((int64_t)n * g / KERNEL_GROUPS);
}

// Scratch of a call. tile: per thread, thread t has [t * tile_floats, (t+1) * tile_floats); its
// contents are undefined at entry. group: KERNEL_GROUPS * (sum over the weight tensors of the
// call of the count rounded up to 16) floats; the entry zeroes what it uses. 64-byte aligned.
typedef struct {
    int threads;
    float *tile;
    size_t tile_floats;
    float *group;
} KernelWork;

typedef struct {
    int n;              // images
    int h, w, c;        // input
    int oh, ow, oc;     // output
    int k, stride, dil; // square window
    int pad_y, pad_x;   // rows, columns before the first; may be negative (shifted reading)
    int groups;         // conv
} KernelShape;

// What a kernel does to its input while reading it.
typedef enum {
    PRE_NONE = 0,
    PRE_RELU,
    PRE_AFFINE,     // a[c] * x + b[c]: a folded batch norm
    PRE_AFFINE_RELU // relu of that
} KernelPre;

typedef struct {
    const float *x; // raw tensor
    int c, ld;
    KernelPre pre;
    const float *a, *b; // [c], PRE_AFFINE*
} KernelSrc;

// One term w * g of a gradient.
typedef struct {
    const float *g;
    int ld;
    float w;
} KernelTerm;

// The gradient dy with respect to a raw output y, made row by row inside the backward kernel:
//   dy[c] = A[c] * (sum_i w_i * g_i[c]) + B[c] * y[c] + K[c]      A NULL: dy = sum_i w_i * g_i
// B and K NULL with A: zero.
typedef struct {
    const KernelTerm *term;
    int n;
    const float *A, *B, *K; // [channels of y]
    const float *y;         // read when B is not NULL
    int y_ld;
} KernelGrad;

// Where the gradient of an input goes. With a prologue it is the gradient of what enters the relu,
// that is masked by (a*x+b or x) > 0, and not multiplied by a: the batch norm's own backward does.
//   dx = (add ? dx : 0) + masked gradient + sum_i plus_i.w * plus_i.g
// stat, if not NULL: [n][2][stat_ld], per image sums of the values left in dx and of them times
// the raw input x.
typedef struct {
    float *dx; // NULL: not wanted
    int ld;
    bool add;
    const KernelTerm *plus;
    int n_plus;
    float *stat;
    int stat_ld;
} KernelDst;

// ---- units: depthwise + pointwise, several on one input -----------------------------------------
// y = pointwise(depthwise(pre(x))). All units of a call share the input, stride and output size;
// the bordered input is made once an image and the input gradients are summed in the tile.
// dw_fwd and dw_bwd take the same struct with pw == NULL and oc == c: depthwise alone.
typedef struct {
    int k, dil, pad_y, pad_x;
    const float *dw;   // [k*k][c]
    const float *pw;   // [c][oc]
    const float *pw_t; // [oc][c], the transposed copy
    float *y;          // forward output
    int y_ld;
    float *stat; // forward: [n][2][stat_ld], sums of y and of y*y per image or per images that
                 // were made together, see above; NULL: not wanted
    int stat_ld;
    KernelGrad grad;    // backward: dy (grad.y is y)
    float *g_dw, *g_pw; // backward: overwritten; both NULL: skip all weight work
} KernelUnit;

typedef struct {
    KernelShape shape; // k, dil, pad of the shape are unused
    KernelSrc src;
    const KernelUnit *unit;
    int n_units;
    KernelDst dst; // backward
    const KernelWork *work;
} KernelUnits;

// ---- dense convolution --------------------------------------------------------------------------
// Several sources (their channels one after the other) only with k = 1, groups = 1: a
// concatenation that is never made.
typedef struct {
    KernelShape shape;
    const KernelSrc *src;
    int n_src;
    const float *w;    // [k*k][c/groups][oc]
    const float *w_t;  // [k*k][oc][c] if groups == 1, else NULL
    const float *bias; // [oc] or NULL
    float *y;
    int y_ld;
    float *stat;
    int stat_ld;
    KernelGrad grad;
    float *g_w, *g_bias;  // NULL: skip
    const KernelDst *dst; // [n_src]
    const KernelWork *work;
} KernelConv;

// ---- pools --------------------------------------------------------------------------------------
// Max and average over one window of one input, either may be absent. Padding is -inf for the
// maximum; the average divides by the pixels inside the image, or by k*k if count_pad. Backward of
// the maximum goes to the first equal pixel in scan order.
typedef struct {
    KernelShape shape;
    KernelSrc src;
    bool count_pad;
    float *max, *avg;           // outputs, dense; read in backward
    float *max_stat, *avg_stat; // [n][2][c] or NULL
    KernelGrad max_grad, avg_grad;
    KernelDst dst;
    const KernelWork *work;
} KernelPool;

// ---- mixes --------------------------------------------------------------------------------------
// mix_fwd:    out[c] = (add ? out[c] : 0) + b[c] + sum_s a_s[c] * x_s[c], relu of it if `relu`
// mix_reduce: with g = sum_i w_i * g_i, per image: sums[n][s][c] = sum over pixels of g * x_s,
//             sums[n][n_streams][c] = sum of g
// mix_fwd is also affine, copy, add and "materialise a gradient".
typedef struct {
    const float *x;
    int ld;
    const float *a; // [c]; NULL: ones
} KernelStream;

typedef struct {
    int n, hw, c; // images, pixels an image, channels
    const KernelStream *stream;
    int n_streams;
    const float *b; // [c] or NULL
    float *out;
    int out_ld;
    bool add, relu;
    const KernelTerm *term; // mix_reduce
    int n_terms;
    float *sums; // mix_reduce: [n][n_streams + 1][c]
    const KernelWork *work;
} KernelMix;

// ---- elementwise --------------------------------------------------------------------------------
typedef enum { ACT_RELU, ACT_RELU6, ACT_HSWISH, ACT_SWISH, ACT_SIGMOID, ACT_GELU } KernelAct;

// fwd: y = act(pre(x)); bwd: dst gets the gradient (src.x read).
typedef struct {
    int n, hw, c;
    KernelAct act;
    KernelSrc src;
    float *y;
    int y_ld;
    KernelGrad grad;
    KernelDst dst;
    const KernelWork *work;
} KernelActArgs;

// ---- rarely used layers: one plain implementation serves every instruction set ------------------
typedef enum {
    GEN_GLOBAL_POOL, // y [n][oc] = mean over pixels
    GEN_LINEAR,      // y [n][oc] = x [n][c] w [c][oc] + bias; c = h*w*channels, dense input
    GEN_SCALE,       // y = x * src2 (src2: [n][c])
    GEN_SHUFFLE,     // channel shuffle: y[j * groups + i] = x[i * (c/groups) + j]
    GEN_SHIFT,       // y[r][q] = x[r+1][q+1], zero in the last row and column
    GEN_SUBSAMPLE,   // y[r][q] = 0, for a strided LAYER_ZERO
    GEN_DROPOUT,     // per element: keep with 1 - rate, divided by it
    GEN_DROP_PATH,   // per image
    GEN_NOISE,       // y = (replace ? 0 : x) + rate * N(0,1)
    GEN_LAYER_NORM,  // over the channels of a pixel; w gamma, bias beta, may be NULL
    GEN_ATTENTION,   // w: [c][3c] q,k,v; bias [3c]; w2 [c][c]; bias2 [c]
    GEN_COUNT
} KernelGeneric;

typedef struct {
    KernelGeneric kind;
    KernelShape shape;
    KernelSrc src; // pre honoured by all
    const float *src2;
    int src2_ld;
    const float *w, *bias, *w2, *bias2;
    float *y;
    int y_ld;
    float eps, rate;
    bool replace;
    int heads;
    uint64_t seed, step, salt; // random layers: a pure function of these and the image
    KernelGrad grad;           // backward
    KernelDst dst, dst2;
    float *g_w, *g_bias, *g_w2, *g_bias2; // NULL: skip
    const KernelWork *work;
} KernelGenericArgs;

// Softmax cross-entropy. loss[n], hit[n] (1 if the largest logit is the label) per image;
// d_logits (may be NULL): scale * dL/dlogits. label NULL: target [n][c] probabilities.
typedef struct {
    int n, c;
    const float *logits;
    const int *label;
    const float *target;
    float smoothing;
    double scale;
    double *loss;
    int *hit;
    float *d_logits;
    const KernelWork *work;
} KernelLoss;

// ---- the table ----------------------------------------------------------------------------------
typedef enum {
    ENTRY_UNIT,
    ENTRY_DW,
    ENTRY_CONV,
    ENTRY_POOL,
    ENTRY_MIX,
    ENTRY_ACT,
    ENTRY_GENERIC
} KernelEntry;

typedef struct {
    const char *name; // "reference", "base", "avx2", "avx512"
    // Floats of tile scratch a thread needs for forward and backward of an entry. Attention asks
    // with k = 0. For ENTRY_UNIT and ENTRY_DW it is called with k, dil, pad of every unit of a call
    // and the largest counts.
    size_t (*tile_floats)(KernelEntry entry, const KernelShape *shape);
    void (*unit_fwd)(const KernelUnits *u);
    void (*unit_bwd)(const KernelUnits *u);
    void (*dw_fwd)(const KernelUnits *u);
    void (*dw_bwd)(const KernelUnits *u);
    void (*conv_fwd)(const KernelConv *v);
    void (*conv_bwd)(const KernelConv *v);
    void (*pool_fwd)(const KernelPool *p);
    void (*pool_bwd)(const KernelPool *p);
    void (*mix_fwd)(const KernelMix *m);
    void (*mix_reduce)(const KernelMix *m);
    void (*act_fwd)(const KernelActArgs *a);
    void (*act_bwd)(const KernelActArgs *a);
    void (*generic_fwd)(const KernelGenericArgs *a);
    void (*generic_bwd)(const KernelGenericArgs *a);
    void (*loss)(const KernelLoss *l);
} Kernels;

// Each instruction set exports its set; NULL entries (tile_floats too) are taken from the
// reference.
const Kernels *kernels_reference(void);
const Kernels *kernels_base(void);
#if defined(__x86_64__)
const Kernels *kernels_avx2(void);
const Kernels *kernels_avx512(void);
#endif

// Completed set by name: NULL takes $DARTBOARD_ISA or the best one this CPU runs. NULL if the name
// is unknown or the CPU lacks it; *why (may be NULL) then says so.
const Kernels *kernels_get(const char *name, const char **why);

// ---- finishing on the host ----------------------------------------------------------------------
// sums[rows][c] (double) = sum over images in index order of part[image][rows][ld], c <= ld used.
void kernel_finish(const float *part, int n, int rows, int c, int ld, double *sums);

// For kernel implementations: adds the groups in order, out[i] = sum_g group[g * stride + i].
void kernel_sum_groups(const float *group, size_t stride, size_t count, float *out, int threads);
// Rounds a weight count up to 16 floats: the layout unit of group scratch.
static inline size_t kernel_round(size_t count)
{
    return (count + 15) & ~(size_t)15;
}

#endif
