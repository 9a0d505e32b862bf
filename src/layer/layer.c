// SPDX-License-Identifier: MIT
#include "src/layer/layer.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *const names[LAYER_KIND_COUNT] = {
    "input",     "conv",   "depthwise", "batch_norm", "relu",        "relu6",  "hswish",  "swish",
    "sigmoid",   "gelu",   "max_pool",  "avg_pool",   "global_pool", "linear", "flatten", "add",
    "scale",     "concat", "slice",     "shuffle",    "identity",    "zero",   "shift",   "dropout",
    "drop_path", "noise",  "attention", "layer_norm", "mix",         "loss",
};

const char *layer_name(LayerKind kind)
{
    return (int)kind >= 0 && kind < LAYER_KIND_COUNT ? names[kind] : NULL;
}

int layer_kind(const char *name)
{
    for (int i = 0; i < LAYER_KIND_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static int or_one(int value)
{
    return value == 0 ? 1 : value;
}

// Extent of the dilated window.
static int window(const LayerAttr *attr)
{
    return or_one(attr->dilation) * (or_one(attr->kernel) - 1) + 1;
}

int layer_out_size(const LayerAttr *attr, int size)
{
    int stride = or_one(attr->stride);
    if (attr->pad == PAD_TF_SAME)
        return (size + stride - 1) / stride;
    int pad = layer_pad_before(attr, size);
    int room = size + 2 * pad - window(attr);
    return room < 0 ? 0 : room / stride + 1;
}

int layer_pad_before(const LayerAttr *attr, int size)
{
    if (attr->pad == PAD_SAME)
        return (window(attr) - 1) / 2;
    if (attr->pad != PAD_TF_SAME)
        return attr->pad;
    int stride = or_one(attr->stride);
    int total = ((size + stride - 1) / stride - 1) * stride + window(attr) - size;
    return total > 0 ? total / 2 : 0;
}

// ---- shapes -------------------------------------------------------------------------------------

static Status fail_inputs(const LayerAttr *attr, int want, int n, Error *err)
{
    return error_set(err, STATUS_ARG, "%s takes %d input%s, got %d", names[attr->kind], want,
                     want == 1 ? "" : "s", n);
}

static Status check_numbers(const LayerAttr *attr, Error *err)
{
    const char *name = names[attr->kind];
    if (attr->kernel < 0 || attr->kernel > 255)
        return error_set(err, STATUS_ARG, "%s: kernel %d, expected 1 to 255", name, attr->kernel);
    if (attr->stride < 0 || attr->stride > 64)
        return error_set(err, STATUS_ARG, "%s: stride %d, expected 1 to 64", name, attr->stride);
    if (attr->dilation < 0 || attr->dilation > 64)
        return error_set(err, STATUS_ARG, "%s: dilation %d, expected 1 to 64", name,
                         attr->dilation);
    if (attr->pad < PAD_TF_SAME || attr->pad > 1024)
        return error_set(err, STATUS_ARG, "%s: pad %d, expected 0 to 1024, same or tf_same", name,
                         attr->pad);
    if (attr->groups < 0 || attr->channels < 0)
        return error_set(err, STATUS_ARG, "%s: groups and channels cannot be negative", name);
    return STATUS_OK;
}

static Status windowed(const LayerAttr *attr, Shape in, Shape *out, Error *err)
{
    const char *name = names[attr->kind];
    bool pool = attr->kind == LAYER_MAX_POOL || attr->kind == LAYER_AVG_POOL;
    if (attr->kernel == 0 && attr->kind != LAYER_CONV)
        return error_set(err, STATUS_ARG, "%s: kernel is missing", name);
    out->h = layer_out_size(attr, in.h);
    out->w = layer_out_size(attr, in.w);
    if (out->h < 1 || out->w < 1)
        return error_set(err, STATUS_ARG,
                         "%s: window of %d (kernel %d, dilation %d) does not fit "
                         "into %d x %d; add padding or a smaller kernel",
                         name, window(attr), or_one(attr->kernel), or_one(attr->dilation), in.h,
                         in.w);
    if (pool && attr->pad >= 0 && attr->pad * 2 > or_one(attr->kernel))
        return error_set(err, STATUS_ARG, "%s: pad %d is more than half the kernel %d", name,
                         attr->pad, attr->kernel);
    out->c = in.c;
    return STATUS_OK;
}

static Status conv_shape(const LayerAttr *attr, Shape in, Shape *out, Error *err)
{
    int groups = or_one(attr->groups);
    if (attr->channels < 1)
        return error_set(err, STATUS_ARG, "conv: channels is missing");
    if (in.c % groups != 0 || attr->channels % groups != 0)
        return error_set(err, STATUS_ARG,
                         "conv: %d groups do not divide %d input and %d output "
                         "channels",
                         groups, in.c, attr->channels);
    Status status = windowed(attr, in, out, err);
    out->c = attr->channels;
    return status;
}

static bool same_shape(Shape a, Shape b)
{
    return a.h == b.h && a.w == b.w && a.c == b.c;
}

static Status add_shape(const LayerAttr *attr, const Shape *in, int n, Error *err)
{
    for (int i = 1; i < n; i++)
        if (!same_shape(in[0], in[i]))
            return error_set(err, STATUS_ARG,
                             "%s: input %d is %d x %d x %d, expected %d x %d x %d "
                             "like input 0",
                             names[attr->kind], i, in[i].h, in[i].w, in[i].c, in[0].h, in[0].w,
                             in[0].c);
    return STATUS_OK;
}

static Status concat_shape(const Shape *in, int n, Shape *out, Error *err)
{
    *out = in[0];
    for (int i = 1; i < n; i++) {
        if (in[i].h != in[0].h || in[i].w != in[0].w)
            return error_set(err, STATUS_ARG,
                             "concat: input %d is %d x %d, expected %d x %d like "
                             "input 0",
                             i, in[i].h, in[i].w, in[0].h, in[0].w);
        out->c += in[i].c;
    }
    return STATUS_OK;
}

static Status slice_shape(const LayerAttr *attr, Shape in, Shape *out, Error *err)
{
    if (attr->channels < 1 || attr->slice_from < 0 || attr->slice_from + attr->channels > in.c)
        return error_set(err, STATUS_ARG, "slice: channels %d to %d of %d", attr->slice_from,
                         attr->slice_from + attr->channels - 1, in.c);
    *out = (Shape){ in.h, in.w, attr->channels };
    return STATUS_OK;
}

// Layers whose output has the input's shape, but for a stride.
static Status plain_shape(const LayerAttr *attr, Shape in, Shape *out, Error *err)
{
    int groups = or_one(attr->groups), heads = or_one(attr->heads);
    *out = in;
    if (attr->kind == LAYER_SHUFFLE && in.c % groups != 0)
        return error_set(err, STATUS_ARG, "shuffle: %d groups do not divide %d channels", groups,
                         in.c);
    if (attr->kind == LAYER_ATTENTION && (heads < 1 || in.c % heads != 0))
        return error_set(err, STATUS_ARG, "attention: %d heads do not divide %d channels", heads,
                         in.c);
    if (attr->kind == LAYER_ZERO || attr->kind == LAYER_NOISE) {
        int stride = or_one(attr->stride);
        out->h = (in.h + stride - 1) / stride;
        out->w = (in.w + stride - 1) / stride;
    }
    if ((attr->kind == LAYER_DROPOUT || attr->kind == LAYER_DROP_PATH) &&
        !(attr->rate >= 0 && attr->rate < 1))
        return error_set(err, STATUS_ARG, "%s: rate %g, expected 0 or more and below 1",
                         names[attr->kind], (double)attr->rate);
    if (attr->kind == LAYER_NOISE && or_one(attr->stride) != 1 && !attr->replace)
        return error_set(err, STATUS_ARG, "noise: a stride needs replace");
    return STATUS_OK;
}

static Status one_input(const LayerAttr *attr, Shape in, Shape *out, Error *err)
{
    switch (attr->kind) {
    case LAYER_CONV: return conv_shape(attr, in, out, err);
    case LAYER_DEPTHWISE:
    case LAYER_MAX_POOL:
    case LAYER_AVG_POOL: return windowed(attr, in, out, err);
    case LAYER_SLICE: return slice_shape(attr, in, out, err);
    case LAYER_GLOBAL_POOL: *out = (Shape){ 1, 1, in.c }; return STATUS_OK;
    case LAYER_FLATTEN: *out = (Shape){ 1, 1, in.h * in.w * in.c }; return STATUS_OK;
    case LAYER_LINEAR:
        if (attr->channels < 1)
            return error_set(err, STATUS_ARG, "linear: channels is missing");
        *out = (Shape){ 1, 1, attr->channels };
        return STATUS_OK;
    case LAYER_LOSS:
        if (in.h != 1 || in.w != 1)
            return error_set(err, STATUS_ARG,
                             "loss: input is %d x %d x %d, expected 1 x 1 x "
                             "classes",
                             in.h, in.w, in.c);
        *out = (Shape){ 1, 1, 1 };
        return STATUS_OK;
    default: return plain_shape(attr, in, out, err);
    }
}

static Status scale_shape(const Shape *in, Shape *out, Error *err)
{
    *out = in[0];
    if (in[1].h != 1 || in[1].w != 1 || in[1].c != in[0].c)
        return error_set(err, STATUS_ARG, "scale: input 1 is %d x %d x %d, expected 1 x 1 x %d",
                         in[1].h, in[1].w, in[1].c, in[0].c);
    return STATUS_OK;
}

Status layer_shape(const LayerAttr *attr, const Shape *in, int n, Shape *out, Error *err)
{
    if (!layer_name(attr->kind))
        return error_set(err, STATUS_ARG, "unknown kind of layer %d", (int)attr->kind);
    if (attr->kind == LAYER_INPUT || attr->kind == LAYER_MIX)
        return error_set(err, STATUS_ARG, "%s is not added as a plain layer", names[attr->kind]);
    Status status = check_numbers(attr, err);
    if (status != STATUS_OK)
        return status;
    if (n < 1)
        return error_set(err, STATUS_ARG, "%s has no input", names[attr->kind]);
    for (int i = 0; i < n; i++)
        if (in[i].h < 1 || in[i].w < 1 || in[i].c < 1 ||
            (int64_t)in[i].h * in[i].w * in[i].c > (1 << 30))
            return error_set(err, STATUS_ARG, "%s: input %d is %d x %d x %d", names[attr->kind], i,
                             in[i].h, in[i].w, in[i].c);
    if (attr->kind == LAYER_ADD) {
        *out = in[0];
        return n < 2 ? fail_inputs(attr, 2, n, err) : add_shape(attr, in, n, err);
    }
    if (attr->kind == LAYER_CONCAT)
        return concat_shape(in, n, out, err);
    if (attr->kind == LAYER_SCALE)
        return n != 2 ? fail_inputs(attr, 2, n, err) : scale_shape(in, out, err);
    if (n != 1)
        return fail_inputs(attr, 1, n, err);
    status = one_input(attr, in[0], out, err);
    if (status == STATUS_OK && (int64_t)out->h * out->w * out->c > (1 << 30))
        return error_set(err, STATUS_ARG, "%s: output of %d x %d x %d is too large",
                         names[attr->kind], out->h, out->w, out->c);
    return status;
}

// ---- costs --------------------------------------------------------------------------------------

int64_t layer_params(const LayerAttr *attr, const Shape *in, int n)
{
    if (n < 1)
        return 0;
    int64_t c = in[0].c, k2 = (int64_t)or_one(attr->kernel) * or_one(attr->kernel);
    int64_t out = attr->channels;
    switch (attr->kind) {
    case LAYER_CONV: return k2 * (c / or_one(attr->groups)) * out + (attr->bias ? out : 0);
    case LAYER_DEPTHWISE: return k2 * c;
    case LAYER_BATCH_NORM:
    case LAYER_LAYER_NORM: return attr->affine ? 2 * c : 0;
    case LAYER_LINEAR: return (int64_t)in[0].h * in[0].w * c * out + out;
    case LAYER_ATTENTION: return 4 * c * c + 4 * c;
    default: return 0;
    }
}

int64_t layer_macs(const LayerAttr *attr, const Shape *in, int n)
{
    Shape out;
    if (n < 1 || layer_shape(attr, in, n, &out, NULL) != STATUS_OK)
        return 0;
    int64_t c = in[0].c, k2 = (int64_t)or_one(attr->kernel) * or_one(attr->kernel);
    int64_t hw = (int64_t)in[0].h * in[0].w, pixels = (int64_t)out.h * out.w;
    switch (attr->kind) {
    case LAYER_CONV: return pixels * out.c * k2 * (c / or_one(attr->groups));
    case LAYER_DEPTHWISE: return pixels * k2 * c;
    case LAYER_LINEAR: return hw * c * out.c;
    case LAYER_ATTENTION: return 4 * hw * c * c + 2 * hw * hw * c;
    default: return 0;
    }
}
