// SPDX-License-Identifier: MIT
#ifndef SEARCH_DARTS_H
#define SEARCH_DARTS_H

#include "src/net/net.h"
#include "src/search/judge.h"
#include "src/search/remedies.h"
#include "src/search/trainer.h"
#include "src/search/weights.h"

// The differentiable search: DARTS of first and second order, GDAS, and every remedy that works
// on alphas. One step is an alpha step and a step of the weights, in either order.
typedef struct {
    Trainer t;
    Alpha alpha;
    NetTables tables;
    WeightKind kind;
    Judge judge;
    int stage;       // of P-DARTS: which net this is; 0 without stages
    float *carried;  // effective weights that the stage before left, until alpha moves again
    int first_batch; // before SGAS makes it grow
    Sgas sgas;       // decided edges: of SGAS and of DARTS-PT
    bool deciding;   // there are such edges
    Match match;
    bool matching; // gradient match is computed, for the signal or for OLES
    // entries, in the layout of Alpha
    double *p, *soft, *raw, *grad;
    bool *active;
    float *effective;
    double *table_grad; // [alpha tables][most entries of a type]
    int table_stride;
    float *w0, *direction; // [weights]: second order; direction also holds validation gradients
    double alpha_norm;     // of the last alpha gradient
    double alignment_sum;  // layer alignment since the last look
    int64_t alignment_n;
    double lead[SPACE_CELLS]; // skip gradient lead: running mean, NAN before the first alpha step
    double drop;              // discretisation drop of the epoch that ends, until it is recorded
    Book book;
} Darts;

typedef enum { MIX_FOR_ALPHA, MIX_FOR_WEIGHTS, MIX_FOR_EVAL } MixPurpose;

// darts_net.c: the network of a stage and what is as long as its weights or tables.
Status darts_open_net(Darts *d, const SearchContext *ctx, Error *err); // of a new search
// The network of a stage (P-DARTS), with the operators that alpha->used still names.
Status darts_change_net(Darts *d, int stage, Error *err);
void darts_close_net(Darts *d);

// darts_stage.c: what changes between epochs, called before a step: the next stage of P-DARTS, the
// next batch size of SGAS.
Status darts_advance(Darts *d, Error *err);
// Epoch in progress, counted from the start of its stage; schedules follow it.
int darts_epoch(const Darts *d);
// Alpha has not moved in this stage, which is not the first: the cell is as the last one left it.
bool darts_carries(const Darts *d);

// darts_state.c: checkpoints.
Status darts_save(void *self, SearchState *state, Error *err);
Status darts_load(void *self, const SafeFile *file, Error *err);

// darts_mix.c: mixing weights into the plan, their gradients out of it.
void darts_mix(Darts *d, MixPurpose purpose);
void darts_mix_exact(Darts *d, const double *p, const bool *active);
// dL/d(mixing weight) per entry of the last backward, cells of one type added up.
void darts_read_mix(const Darts *d, double *raw);
// The same in alpha.
void darts_alpha_gradient(const Darts *d, const double *raw, double *grad);
// mean_e(-g_skip + mean over convolutions of g) / RMS of g of one cell type: positive when the
// gradient pushes skip ahead of the convolutions (signal G).
double darts_skip_lead(const Darts *d, int type, const double *grad);
double darts_alignment(const Darts *d); // of the last backward; NAN without cell tables

// darts_step.c: one alpha step; one step of the weights.
Status darts_step_alpha(Darts *d, const Batch *train, Error *err);
Status darts_step_weights(Darts *d, const Batch *train, Error *err);

// Leaves d - eta h of SCIENCE.md 1.3 in raw (as mixing-weight gradient) and the weights as they
// were.
Status darts_second_order(Darts *d, const Batch *train, const Batch *valid, Error *err);

// darts_epoch.c: records of a look and of the end of an epoch.
// d->effective: what operators count for, NAN for those that were removed.
void darts_update_effective(Darts *d);
void darts_genotype(Darts *d, Genotype *geno);
Status darts_look(Darts *d, int epoch, Error *err);
Status darts_end_epoch(Darts *d, Error *err);

// pt.c: DARTS-PT (Wang et al. 2021). After the search, decision by decision: of one edge, taken at
// random among the open ones, the operator stays whose masking costs most validation accuracy;
// then of one node, taken at random, the edges likewise. After each decision the weights are
// trained for PT_TUNE epochs at a tenth of the learning rate. Cell types go side by side.
enum { PT_TUNE = 5 };
int pt_decisions(const Space *space);
Status pt_step(Darts *d, Error *err); // decides when it is time; call before a step of the weights
int darts_epochs(const Darts *d);     // of the search and of what follows it

// darts_probe.c: signals that cost passes. They leave the state of the search as it was.
Status darts_lambda(Darts *d, double *lambda, Error *err);
Status darts_discretisation(Darts *d, const Genotype *geno, double *drop, Error *err);
enum { PROBE_BATCHES = 4, PROBE_PRODUCTS = 6, DROP_BATCHES = 5 };

#endif
