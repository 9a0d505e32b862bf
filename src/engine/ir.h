// SPDX-License-Identifier: MIT
#ifndef ENGINE_IR_H
#define ENGINE_IR_H

#include "src/base/arena.h"
#include "src/engine/plan.h"
#include "src/kernel/kernel.h"

// Inside of a plan, shared by the passes of src/engine only. The passes in order:
//   cse.c     equal parameter-free layers become one; layers that nothing needs are dropped
//   params.c  offsets of parameters and buffers
//   fuse.c    layers become ops over tensors; batch norms, relus, slices and concatenations
//             become the way an op reads its source
//   grads.c   which gradients need memory, and when
//   recompute.c what runs again before its backward pass instead of being kept
//   memory.c  lifetimes to offsets
// and while running: live.c (what a pass runs), forward.c, norm.c, backward.c.

#define NO_PARAM ((size_t)-1)
enum { NONE = -1, MAX_UNITS = 32, MAX_TERMS = 16 };

// How an op reads a channel range of a tensor. With norm >= 0 the prologue's a, b are that batch
// norm's. `shift`: reads one row and column further (second path of a factorised reduction).
typedef struct {
    int tensor, off, c;
    KernelPre pre;
    int norm;
    bool shift;
} Source;

typedef struct {
    LayerAttr attr;
    Shape shape;
    const char *name;
    const int *inputs;
    const MixRef *refs;
    int n_inputs;
    int same; // earlier equal node, or itself
    bool used;
    int uses;                  // by used nodes, after merging
    int only_user;             // when uses == 1
    int home, home_off;        // concat node whose memory this node's output is written into
    size_t w, bias, w2, bias2; // parameters
    size_t buffer;             // running mean, then variance
    // Result of lowering: n_src sources side by side (a concatenation that is never made).
    int src, n_src;
    bool zero;     // contributes nothing to a mix
    int copy;      // tensor of the materialised value, or NONE
    bool real_use; // shift: read by more than pointwise convolutions; zero: by more than sums
    bool folded;   // depthwise in its pointwise, shuffle and concatenation in their sum
    bool split;    // sum of shuffled concatenations: summed in parts, then shuffled
} Node;

typedef struct {
    Shape shape;
    int parent, off; // a channel range of a wider tensor (concatenation in place)
    int reshaped;    // same memory as this tensor in another shape, or NONE
    int op;          // producer, NONE for the image
    bool want_stat;
    int grad;
    int norm; // the batch norm that is its only reader, or NONE
    int raw_uses, norms;
    bool has_params, has_mix; // upstream, itself included: a gradient is wanted
    size_t data, stat;        // float offsets in the arena
    int first, last;          // lifetime; of the forward pass if it is made again
    bool live;
    // recompute.c: read by sums and inner ops, by others; made again, from when to when
    bool inner, outer, again, made_again;
    int again_first, again_last;
} Tensor;

typedef struct {
    int tensor, off, c, op;
    size_t gamma, beta; // NO_PARAM: not affine
    size_t buffer;
    float eps, momentum;
    int grad;
    bool live, has_grad;
    double *mean, *rstd; // of the last forward
    float *a, *b;        // prologue of the readers
    float *A, *B, *K;    // backward, see KernelGrad
    double *s1, *s2;     // scratch sums
} Norm;

// A term w * g of a gradient. The mix that handed it on knows the batch's sums of its own gradient
// and of that times y: sum_w * g1 and sum_w * gy are those of the term (NULL: unknown).
typedef struct {
    const float *g;
    int ld;
    float w, sum_w;
    const double *g1, *gy;
} Term;

// Gradient with respect to a tensor or to a batch norm's output: either memory that kernels
// write and add to, or a short list of weighted terms that the reader sums on the fly.
typedef struct {
    Shape shape;
    int off;     // first channel of the tensor (batch norms of a part)
    int writers; // kernels that write it when everything is active
    int lazies;  // terms when everything is active
    bool buffer, partial, stat_wanted;
    size_t data, stat;
    int first, last;
    int bases[MAX_TERMS], n_bases; // grads whose memory the terms read
    // while running
    bool filled, stat_valid;
    int remaining; // writers still to come in this pass
    Term term[MAX_TERMS];
    int n_terms;
} Grad;

typedef struct {
    int out;
    int node; // of the pointwise, or of the depthwise alone
    int k, dil, pad_y, pad_x;
    size_t dw, pw, pw_t;
} Unit;

typedef enum {
    OP_UNITS,
    OP_DW,
    OP_CONV,
    OP_POOL,
    OP_MIX,
    OP_COPY,
    OP_ACT,
    OP_GENERIC,
    OP_STAT,
    OP_NORM,
    OP_RESHAPE,
    OP_LOSS
} OpKind;

typedef struct {
    OpKind kind;
    int node;
    int src, n_src; // into Plan.sources
    int out, out2;  // tensors; pool: max and avg
    int norm;       // OP_NORM
    int unit[MAX_UNITS], n_units;
    KernelShape shape;
    KernelGeneric generic;
    KernelAct act;
    size_t w, bias, w2, bias2, w_t;
    int refs;           // OP_MIX: first entry of Plan.refs
    float *avec, *bvec; // OP_MIX: [n_src][c], [c]
    double *gy;         // OP_MIX: [n_src + 1][c], sums of the last backward
    int *sum_row;       // OP_MIX: row of gy of a stream, NONE if not reduced
    bool count_pad;
    float rate; // of the last forward
    bool live, back;
    bool has_params, has_mix;
    bool inner, repeated; // recompute.c: runs again before the backward pass; planned so
} Op;

// Op that runs again before the backward pass of op `before`.
typedef struct {
    int op, before;
} Redo;

typedef struct {
    int rows, cols;
    float *weight;
    bool *active;
    double *grad, *rest; // [rows][cols]; [rows]: see plan_mix_rest
} Table;

// Derived copy of a weight: [a][b] blocks transposed to [b][a].
typedef struct {
    size_t w, w_t;
    int blocks, a, b;
} Transposed;

typedef struct {
    ParamInfo info;
    int node;
    int spatial; // linear on h x w x c features: h*w, so that PyTorch's order can be made
} Tagged;

struct Plan {
    Arena arena;
    PlanOptions options;
    const Kernels *kernels;
    bool failed; // out of memory while compiling
    Error *err;

    Node *nodes;
    int n_nodes, main_loss, logits; // logits: tensor
    Table *tables;
    int n_tables;

    Tensor *tensors;
    int n_tensors, cap_tensors;
    Norm *norms;
    int n_norms, cap_norms;
    Grad *grads;
    int n_grads, cap_grads;
    Op *ops;
    int n_ops, cap_ops;
    Unit *units;
    int n_units, cap_units;
    Source *sources;
    int n_sources, cap_sources;
    MixRef *refs;
    int n_refs, cap_refs;
    Transposed *trans;
    int n_trans, cap_trans;
    Redo *redo; // in the order of running
    int n_redo, cap_redo;

    Tagged *params, *buffers;
    int n_params, cap_params, n_buffers, cap_buffers;
    size_t param_count, buffer_count, trans_count;
    float *param, *grad, *buffer, *trans_data;

    void *data_block;
    float *data; // arena of tensors and gradients, in data_block
    size_t data_floats;
    size_t held; // bytes really taken
    KernelWork work;
    size_t group_floats;
    float *sums; // [images][rows][c] of reductions
    size_t sums_floats;
    float *ones;
    double *loss;
    int *hit, *labels;

    // scratch of a call, no allocation while running
    KernelUnit *unit_args;
    KernelStream *stream_args;
    KernelSrc *src_args;
    KernelDst *dst_args;
    KernelTerm *term_args;
    float *term_vec; // [MAX_TERMS + 1][widest]
    int term_cap, term_used, max_streams, max_channels;

    // state of the last forward
    PassInput input;
    bool ran;
    int what; // of the running backward
    bool bn_estimate;
    int bn_count;
};

// Sticky failure: returns false and sets plan->failed when out of memory.
bool ir_reserve(Plan *plan, void **items, int count, int *cap, size_t size);
void *ir_alloc(Plan *plan, size_t count, size_t size);
#define IR_PUSH(plan, name)                                                                        \
    (ir_reserve(plan, (void **)&(plan)->name, (plan)->n_##name, &(plan)->cap_##name,               \
                sizeof *(plan)->name)                                                              \
         ? (plan)->n_##name++                                                                      \
         : NONE)

Status cse_run(Plan *plan, const Graph *g, Error *err);
void params_layout(Plan *plan);
void params_refresh(Plan *plan);
Status fuse_run(Plan *plan, Error *err);
void grads_run(Plan *plan);
void recompute_run(Plan *plan);
// Runs what the backward pass of op `index` needs anew; cursor: 0 at the start of a pass.
void recompute_before(Plan *plan, int index, int *cursor);
void memory_run(Plan *plan);
size_t memory_predict(Plan *plan); // bytes; exact once the passes are done
Status memory_alloc(Plan *plan, Error *err);

void live_forward(Plan *plan);
void live_backward(Plan *plan);
bool live_stream(const Plan *plan, const Op *op, int stream);
float mix_weight(const Plan *plan, const Op *op, int stream);

void norm_forward(Plan *plan, Norm *norm);
void forward_op(Plan *plan, Op *op);
void backward_op(Plan *plan, Op *op);
KernelShape call_shape(const Plan *plan, const Op *op);
// What forward and backward share of a call of units without any of them, and of its unit i; false
// if this one does not run.
KernelUnits units_args(const Plan *plan, const Op *op);
bool unit_args(const Plan *plan, const Op *op, int i, KernelUnit *args);
KernelGenericArgs generic_args(const Plan *plan, const Op *op, int part);
void norm_backward(Plan *plan, int index);

// Reading and writing by index.
static inline int tensor_root(const Plan *plan, int tensor)
{
    while (plan->tensors[tensor].parent != NONE)
        tensor = plan->tensors[tensor].parent;
    return tensor;
}
float *tensor_data(const Plan *plan, int tensor);
float *tensor_stat(const Plan *plan, int tensor); // NULL if nobody wants it
int tensor_ld(const Plan *plan, int tensor);
int tensor_offset(const Plan *plan, int tensor);
int tensor_stat_ld(const Plan *plan, int tensor);
KernelSrc source_args(const Plan *plan, const Source *source);
int source_grad(const Plan *plan, const Source *source); // index of the gradient it feeds
bool source_full(const Plan *plan, const Source *source);
// A source that hands its gradient on as terms instead of writing it.
bool source_lazy(const Plan *plan, const Op *op, const Source *source);
bool source_wanted(const Plan *plan, const Source *source, int what);

// Gradients while running (gradrun.c).
bool grad_settle(Plan *plan, Grad *grad); // true if there is any gradient
KernelTerm *grad_terms(Plan *plan, const Grad *grad, int off, int *n);
void grad_push(Plan *plan, const Source *source, Term term);
KernelDst grad_dst(Plan *plan, const Source *source);
KernelGrad grad_of_tensor(Plan *plan, int tensor);

#endif
