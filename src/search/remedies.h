// SPDX-License-Identifier: MIT
#ifndef SEARCH_REMEDIES_H
#define SEARCH_REMEDIES_H

#include "src/arch/arch.h"
#include "src/base/rng.h"
#include "src/engine/plan.h"
#include "src/health/signals.h"
#include "src/net/net.h"
#include "src/search/book.h"
#include "src/search/weights.h"

// What keeps a search from collapsing (SCIENCE.md 3), one file each, all combinable. E is the
// number of epochs of the search, e the epoch, from 0.

// ---- beta-decay (beta_decay.c) ------------------------------------------------------------------
// L_alpha = L_val + lam * mean_e logsumexp_o(alpha_eo), per cell type; lam = final * e / E.
double beta_decay_weight(double final, int e, int E);
void beta_decay_add(const Alpha *alpha, double lam, double *grad);

// ---- DARTS- (dartsminus.c) ----------------------------------------------------------------------
// Weight of the auxiliary skip: initial * (E - e) / E.
double dartsminus_weight(double initial, int e, int E);

// ---- SDARTS-RS (sdarts.c) -----------------------------------------------------------------------
// eps = 0.03 + (final - 0.03) * e / E; p + U(-eps, eps), clipped to [0, 1], rows renormalised.
double sdarts_eps(double final, int e, int E);
void sdarts_perturb(const Alpha *alpha, double eps, Rng *rng, double *p);

// ---- skip dropout (skip_dropout.c) --------------------------------------------------------------
// While only weights learn (e < warmup): p0 * (E - e - 1) / E; then p0 * exp(-0.2 (e - warmup)).
double skip_dropout_rate(double p0, int e, int warmup, int E);

// ---- skip cap (skip_cap.c) ----------------------------------------------------------------------
// Derives the cell; while it has more than `most` skips, zeroes the smallest selected skip weight
// and derives again. p [edges][max_ops] of the cell type is used up.
void skip_cap_derive(const Space *space, int cell, float *p, int most, GenoCell *out);

// ---- FairDARTS (fair.c) -------------------------------------------------------------------------
// Zero-one loss -w * mean((sigmoid(alpha) - 0.5)^2) over all operators but none.
double fair_loss(const Alpha *alpha, double w);
void fair_add(const Alpha *alpha, double w, double *grad);
// Genes under the threshold are left out; a node keeps at least its strongest one.
void fair_prune(const Space *space, int cell, const float *p, double threshold, GenoCell *geno);

// ---- GDAS (gdas.c) ------------------------------------------------------------------------------
// tau linear from first to last over the epochs.
double gdas_tau(double first, double last, int e, int E);
// One operator an edge: argmax of (log softmax(alpha) + Gumbel) / tau. soft: the softmax of that;
// hard: one-hot; active: what runs.
void gdas_sample(const Alpha *alpha, double tau, Rng *rng, double *soft, double *hard,
                 bool *active);
// Straight through: g, the gradient in the one-hot weights, taken as that in soft. The published
// code runs the sampled operator and adds, in the cells of NAS-Bench-201, the weight (a zero) of
// every other one to the map as a number, so that its gradient is the sum of the map's
// (plan_mix_rest); in its NASNet-like cells the others are not there and their gradient is 0.
void gdas_backward(const Alpha *alpha, double tau, const double *soft, const double *g,
                   double *out);
// The strongest operator of every edge, for the validation pass.
void gdas_argmax(const Alpha *alpha, double *hard, bool *active);

// ---- P-DARTS stages (pdarts.c) ------------------------------------------------------------------
// Operators that an edge of n keeps after stage s of S, from 0: floor(n - (s + 1) (n - 1) / S), 5
// and 3 of 8 in three stages as published, two at least where it had them.
int pdarts_keep(int n, int s, int S);
// Takes the weakest operators of every edge out of alpha->used. p: mixing weights.
void pdarts_drop(Alpha *alpha, const double *p, int s, int S);
// Rate of the skip dropout at the start of stage s: first + s * step; 0 stays off.
double pdarts_dropout(double first, double step, int s);
// The space as a supernet of it is built: what is not used gives way to an operator that adds
// nothing, so that alphas keep their places. Points into the alphas' space; freed by _fini.
typedef struct {
    Space space;
    SpaceCell cells[SPACE_CELLS];
    SpaceEdge *edges;
    SpaceOp *ops;
    int *lists;
} PrunedSpace;
bool pdarts_space(const Alpha *alpha, PrunedSpace *out);
void pdarts_space_fini(PrunedSpace *pruned);

// ---- SGAS (sgas.c) ------------------------------------------------------------------------------
// From epoch 9 on one edge of each cell type is decided every 5 epochs, by
// minmax(importance) * minmax(certainty) * minmax(stability over 4 epochs), each to 0 .. 1 over the
// edges of the cell. Alphas of decided edges stand still; the batch grows with every decision.
enum { SGAS_HISTORY = 4, SGAS_FIRST = 9, SGAS_EVERY = 5 };
typedef struct {
    HealthCell cell[SPACE_CELLS];
    int32_t *choice; // [edges of all types]: -1 open, -2 removed, else column
    double *past;    // [SGAS_HISTORY][n_alpha] softmax of the last epochs, newest first
    int64_t n_past;
    int64_t decisions; // epochs after which something was decided
} Sgas;
bool sgas_init(Sgas *s, const Alpha *alpha);
void sgas_fini(Sgas *s);
// Score of every edge of a type (rule_sgas), decided ones -1.
void sgas_scores(const Sgas *s, const Alpha *alpha, int type, double *score);
// Takes the state after epoch e; decides when it is time.
void sgas_epoch(Sgas *s, const Alpha *alpha, int e);
// Decided edges become one-hot (or nothing) in p and active.
void sgas_apply(const Sgas *s, const Alpha *alpha, double *p, bool *active);
// Decided edges no longer learn.
void sgas_fix(const Sgas *s, Alpha *alpha);
// Batch after n decisions: first + n * step, at most the images there are.
int sgas_batch(int first, int step, int64_t n, int images);
void sgas_save(const Sgas *s, const Alpha *alpha, Book *book);
Status sgas_load(Sgas *s, const Alpha *alpha, const SafeFile *file, bool fork, Error *err);

// ---- gradient match and OLES (match.c) ----------------------------------------------------------
// Cosine of the weight gradients of one operator instance (cell, edge, operator) on a validation
// batch and on the training batch before it: along the output channels of each weight tensor,
// averaged over the rest and over its tensors; accumulated over steps.
enum { MATCH_PATIENCE = 20 };
typedef struct {
    int n;                 // operator instances with weights
    int32_t *of_tensor;    // [param tensors] instance, -1: none
    bool *conv;            // [n] its operator is a convolution
    double *sum;           // [n] of the running window
    double *last;          // [n] mean of the last full window, NAN before
    unsigned char *frozen; // [n]
    unsigned char *mask;   // [weights]
    int64_t count;         // steps in the running window
} Match;
bool match_init(Match *m, const Plan *plan, const Space *space);
void match_fini(Match *m);
// One step: gradients of all weights on both batches. Every MATCH_PATIENCE + 1 steps the window
// closes; then operators below `threshold` freeze for good (0: none).
void match_step(Match *m, const Plan *plan, const float *valid, const float *train,
                double threshold);
double match_share(const Match *m, double below); // of convolutions whose last mean is lower; NAN
int match_frozen(const Match *m);
void match_save(const Match *m, Book *book);
Status match_load(Match *m, const Plan *plan, const SafeFile *file, bool fork, Error *err);
// Mean cosine of two gradients of one tensor along its output channels.
double match_cosine(const ParamInfo *info, const float *a, const float *b);

#endif
