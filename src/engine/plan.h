// SPDX-License-Identifier: MIT
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/engine/graph.h"

// A graph compiled for a batch size: fused units, planned memory, forward and backward over the
// kernel table. The plan owns all tensors: parameters, gradients, buffers, activations. One
// compute thread calls; kernels run parallel regions over images. Results have the same bits
// for any number of threads: sums over images are finished in index order, weight gradients in
// 32 fixed groups of images.
typedef struct Plan Plan;

typedef struct {
    int batch;           // largest batch
    int threads;         // 0: all processors this process may use
    bool unfused;        // no fusion: every layer by its own reference-like kernel, for comparison
    bool forward_only;   // no gradients: activations are reused at once
    bool recompute;      // less memory, more time: what lies between the sums of a network (the
                         // operators of mixed edges) runs again in the backward pass instead of
                         // being kept. The same bits
    const char *isa;     // NULL: $DARTBOARD_ISA or the best; "reference": the naive kernels
    size_t memory_limit; // bytes; 0: what the machine has free. Over it: STATUS_NOMEM that says
                         // how much is needed and what to change
} PlanOptions;

// Predicts without allocating: peak bytes of a training step.
Status plan_bytes(const Graph *g, const PlanOptions *options, size_t *bytes, Error *err);
Status plan_compile(const Graph *g, const PlanOptions *options, Plan **out, Error *err);
void plan_free(Plan *plan);
// Text of the compiled steps, one a line, for --verbose and tests. Caller frees.
char *plan_describe(const Plan *plan);

// ---- one pass ----------------------------------------------------------------------------------
typedef enum {
    PASS_TRAIN, // batch statistics in batch norm, running statistics updated, dropout on
    PASS_BATCH, // batch statistics, nothing updated, dropout on: perturbed passes, Hessians
    PASS_EVAL   // running statistics, dropout off
} PassMode;

typedef struct {
    const float *images;  // [n][h][w][c]
    const int *labels;    // [n]; NULL: `targets`, or no loss
    const float *targets; // [n][classes] probabilities when labels is NULL (soft targets);
                          // not copied: must stay until the backward pass
    int n;                // 1 .. batch
    PassMode mode;
    uint64_t seed, step; // noise, dropout and drop path are a pure function of (seed, step, image)
    float drop_path;     // drop-path probability of this pass (overrides attr.rate when >= 0)
    float mix_dropout;   // reserved knob for skip dropout inside mixes, 0 off
} PassInput;

typedef struct {
    double loss; // mean over the batch, main loss plus weighted auxiliary losses
    double main_loss;
    int correct; // top-1 hits
} PassResult;

// Forward. Non-finite values are data: they come out in the loss.
Status plan_forward(Plan *plan, const PassInput *input, PassResult *result, Error *err);
enum { GRAD_WEIGHTS = 1, GRAD_MIX = 2 };
// Backward of the last forward; fills (does not add to) the gradients asked for in `what`.
Status plan_backward(Plan *plan, int what, Error *err);
// Output of the network before the loss, [n][classes], of the last forward.
const float *plan_logits(const Plan *plan);

// ---- mixing weights ----------------------------------------------------------------------------
// weights: [rows][cols] of table; copied. A weight of exactly 0 with `active` false is not run
// at all (sampled paths); active NULL: all run.
void plan_set_mix(Plan *plan, int table, const float *weights, const bool *active);
// dL/dweight [rows][cols] of the last backward with GRAD_MIX; 0 for what did not run.
const double *plan_mix_grad(const Plan *plan, int table);
// [rows]: dL/dweight of an operator of the row whose output is 1 everywhere (its sum of the map's
// gradient), also of rows of which nothing ran.
const double *plan_mix_rest(const Plan *plan, int table);

// ---- parameters --------------------------------------------------------------------------------
// All learned parameters lie in one flat float array (host copies on a CPU backend), gradients
// in another of the same layout; buffers (running mean and variance) in a third.
typedef struct {
    const char *name; // "stem.conv.weight"; PyTorch names: weight, bias, running_mean, running_var
    int rank;
    int64_t shape[4];     // as stored: conv [kh][kw][cin/groups][cout], depthwise [kh][kw][c],
                          // linear [in][out]; plan_param_torch gives PyTorch's order
    size_t offset, count; // floats into the flat array
} ParamInfo;

size_t plan_param_count(const Plan *plan); // floats
float *plan_params(Plan *plan);            // after writing: plan_params_changed
const float *plan_grads(const Plan *plan);
void plan_params_changed(Plan *plan); // refreshes derived copies (transposed weights)
int plan_param_tensors(const Plan *plan);
const ParamInfo *plan_param_info(const Plan *plan, int index);
// PyTorch's order of a parameter ([out][in][kh][kw], [c][1][kh][kw], [out][in] with a flattened map
// as c, h, w): rank and shape, and copies of `count` floats in both directions.
int plan_param_torch_shape(const Plan *plan, int index, int64_t shape[4]);
void plan_param_to_torch(const Plan *plan, int index, const float *stored, float *torch);
void plan_param_from_torch(const Plan *plan, int index, const float *torch, float *stored);
size_t plan_buffer_count(const Plan *plan);
float *plan_buffers(Plan *plan);
int plan_buffer_tensors(const Plan *plan);
const ParamInfo *plan_buffer_info(const Plan *plan, int index);
// PyTorch's default initialisation (kaiming-uniform with a = sqrt 5 for conv and linear, 1 and 0
// for batch norm), a pure function of seed and parameter name.
void plan_init_params(Plan *plan, uint64_t seed);
// Start of a re-estimation of batch-norm statistics: running mean and variance become the plain
// average over the PASS_TRAIN forwards until plan_bn_end.
void plan_bn_begin(Plan *plan);
void plan_bn_end(Plan *plan);

size_t plan_memory(const Plan *plan);   // bytes held
const char *plan_isa(const Plan *plan); // kernel set that runs
int plan_threads(const Plan *plan);

#endif
