// SPDX-License-Identifier: MIT
#ifndef LAYER_LAYER_H
#define LAYER_LAYER_H

#include <stdint.h>

#include "src/base/err.h"

// Kinds of layers: attributes, shapes, parameters, multiply-adds. Pure descriptions: no data,
// no kernels. Shapes are those of one image; tensors are NHWC, vectors are 1 x 1 x c.

typedef struct {
    int h, w, c;
} Shape;

typedef enum {
    LAYER_INPUT = 0,
    LAYER_CONV,       // dense or grouped convolution, no bias unless `bias`
    LAYER_DEPTHWISE,  // groups = channels, `kernel` x `kernel`
    LAYER_BATCH_NORM, // affine or not
    LAYER_RELU,
    LAYER_RELU6,
    LAYER_HSWISH,
    LAYER_SWISH,
    LAYER_SIGMOID,
    LAYER_GELU,
    LAYER_MAX_POOL,
    LAYER_AVG_POOL,    // padding is not counted in the average unless `count_pad`
    LAYER_GLOBAL_POOL, // global average, h x w x c -> 1 x 1 x c
    LAYER_LINEAR,      // on the flattened input, with bias
    LAYER_FLATTEN,
    LAYER_ADD,     // 2 or more inputs of one shape
    LAYER_SCALE,   // input 0 times input 1 (1 x 1 x c): squeeze-and-excitation
    LAYER_CONCAT,  // along channels
    LAYER_SLICE,   // channels [slice_from, slice_from + channels)
    LAYER_SHUFFLE, // channel shuffle with `groups` groups
    LAYER_IDENTITY,
    LAYER_ZERO,      // zeros of the input's shape (strided: of the strided shape)
    LAYER_SHIFT,     // drops the first row and column, zero row and column at the end:
                     // the second path of a factorised reduction
    LAYER_DROPOUT,   // per element, probability from the run-time knob `rate` scales
    LAYER_DROP_PATH, // per image
    LAYER_NOISE,     // Gaussian: adds sigma * N(0,1) to the input, or replaces it (`replace`)
    LAYER_ATTENTION, // multi-head self-attention over the h*w positions
    LAYER_LAYER_NORM,
    LAYER_MIX,  // weighted sum of inputs, weights from outside (alphas): the mixed edge
    LAYER_LOSS, // softmax cross-entropy over 1 x 1 x classes
    LAYER_KIND_COUNT
} LayerKind;

// One struct for all kinds; a kind ignores what it does not name. Zero means the default.
typedef struct {
    LayerKind kind;
    int channels;    // conv, linear: output channels; slice: width
    int kernel;      // square window
    int stride;      // 0 means 1
    int pad;         // symmetric; PAD_SAME and PAD_TF_SAME below
    int dilation;    // 0 means 1
    int groups;      // 0 means 1
    int bias;        // conv only
    int affine;      // batch norm, layer norm: learned scale and shift
    int count_pad;   // avg pool
    int replace;     // noise
    int heads;       // attention
    int slice_from;  // slice
    float eps;       // batch norm, layer norm; 0 means 1e-5
    float momentum;  // batch norm running statistics; 0 means 0.1
    float rate;      // dropout, drop path: probability; noise: sigma (of the input's std if rate<0)
    float smoothing; // loss: label smoothing
    float weight;    // loss: factor (auxiliary heads); 0 means 1
} LayerAttr;

enum {
    PAD_SAME = -1,   // dilation * (kernel - 1) / 2 on each side
    PAD_TF_SAME = -2 // TensorFlow's SAME: out = ceil(n / stride), smaller half first
};

// Name as scripts and messages use it ("conv", "batch_norm", ...); NULL outside the range.
const char *layer_name(LayerKind kind);
// Kind of a name, -1 if unknown.
int layer_kind(const char *name);
// Output shape from n input shapes. The message names the layer and what it expected.
Status layer_shape(const LayerAttr *attr, const Shape *in, int n, Shape *out, Error *err);
// Number of learned parameters and of multiply-adds per image (groups counted; convolutions,
// linear and attention only). Shapes as given to layer_shape.
int64_t layer_params(const LayerAttr *attr, const Shape *in, int n);
int64_t layer_macs(const LayerAttr *attr, const Shape *in, int n);
// Padding before the first row/column, and output size, along one axis.
int layer_pad_before(const LayerAttr *attr, int size);
int layer_out_size(const LayerAttr *attr, int size);

#endif
