// SPDX-License-Identifier: MIT
#ifndef SEARCH_SEARCH_H
#define SEARCH_SEARCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "src/arch/arch.h"
#include "src/base/err.h"
#include "src/base/safetensors.h"
#include "src/data/dataset.h"
#include "src/data/feed.h"
#include "src/data/split.h"
#include "src/engine/plan.h"
#include "src/health/health.h"
#include "src/search/sink.h"
#include "src/space/space.h"

// Strategies. One file each behind one table (search_find). A strategy is synchronous and
// deterministic: search_step does one training step (or scores one candidate) and emits records;
// nothing else happens in between, so a test can drive it in-process and a checkpoint can be
// taken after any step. Resume from a checkpoint gives the same records, bit for bit.

typedef enum { ORDER_FIRST = 1, ORDER_SECOND = 2 } SearchOrder;
typedef enum { STEP_ALPHA_FIRST, STEP_W_FIRST } StepOrder; // original DARTS; NB201's code
typedef enum { INIT_NORMAL, INIT_ZERO } AlphaInit;

// Every constant is a setting; defaults are the published ones (SCIENCE.md 1.1). src/run fills
// this from the settings.
typedef struct {
    const char *strategy;             // darts, gdas, random, evolution, ...
    int epochs, warmup_epochs, batch; // with stages: epochs of each
    int cells;                        // of the supernet, 0: the space's; STAGES: in each stage
    SearchOrder order;
    StepOrder step_order;
    uint64_t seed;
    int threads;
    const char *isa;
    bool recompute; // see PlanOptions
    struct {
        double lr, lr_min, momentum, decay, clip;
        bool nesterov;
    } w;
    struct {
        double lr, beta1, beta2, decay, init; // init: factor on N(0,1)
        double clip;                          // 0 off
    } alpha;
    int look_steps; // alpha and signals every so many steps
    // remedies; 0 or false is off
    double beta_decay;     // final weight, linear from 0 over the epochs
    double dartsminus;     // initial weight of the auxiliary skip, linear to 0
    double skip_dropout;   // initial rate
    int skip_cap;          // at derivation
    double drop_path;      // in the search, linear from 0
    double sdarts_rs;      // final eps (0.3 published)
    bool fair;             // FairDARTS: sigmoid and its loss
    double fair_weight;    // 10
    double fair_threshold; // operators kept at derivation: sigmoid at least this (0.85); 0 off
    int partial;           // PC-DARTS K
    bool edge_weights;     // PC-DARTS: learned weights of the edges into a node
    bool pt;               // DARTS-PT: select by masking at the end
    int pdarts_stages;     // P-DARTS; 1 off
    int pdarts_cells;      // cells that each stage has more than the one before (6)
    double pdarts_dropout; // skip dropout likewise (0.3), where there is any
    double noisy_skip;     // NoisyDARTS factor
    double oles;           // OLES threshold (0.4 published)
    double gdas_tau, gdas_tau_min;
    bool sgas;
    int sgas_batch; // images that the batch grows by after each decision (8)
    // extra signals that cost passes
    int hessian_every; // epochs; 0 off
    bool gradient_match, layer_alignment, discretisation;
    // discrete search
    int trials, population, sample;
    int share_epochs;  // epochs of single-path training before scoring
    int bn_batches;    // batch-norm re-estimation before scoring
    int score_batches; // validation batches per candidate, 0 all
} SearchOptions;

// What one candidate is worth. Filled by the strategy, read by the objective.
typedef struct {
    double accuracy, loss;
    int64_t params, macs;
    double latency_ms;    // NAN until measured: see SearchObjective
    const Genotype *geno; // what it is, for objectives that measure; valid during the call
} Candidate;

// Objective: candidate -> values, in the space's order of objectives (1 value: maximised
// accuracy by default). NULL function: the default. No Lua here.
typedef struct {
    void *self;
    Status (*score)(void *self, const Candidate *c, double *values, int n, Error *err);
} SearchObjective;

typedef struct {
    const Space *space;
    const Dataset *data;
    const Split *split;                 // sealed: no test part
    FeedOptions train_feed, valid_feed; // batch and augmentation; the strategy sets seeds
    SearchOptions options;
    HealthLimits health; // limits of the detector; the strategy fills in majority rate and epochs
    SearchObjective objective;
    const Sink *sink;
    atomic_int *stop; // non-zero: stop at the next step boundary; may be NULL
} SearchContext;

typedef struct Search Search;

typedef struct {
    int epoch;     // last finished epoch, -1 before the first
    int64_t step;  // training steps done
    int64_t steps; // planned in all
    bool done;
    bool epoch_ended; // the step just done ended an epoch: a good moment for a checkpoint
    double loss, train_acc, valid_acc; // latest; NAN until known
    int64_t memory_bytes;
    Verdict verdict; // of the detector so far; VERDICT_OK for searches without alphas
    Cause cause;
} SearchProgress;

// Opens a search at its initial state; the "run" record's fields that the strategy knows (cells,
// epochs, strategy, seed) are put into `run_record` by search_describe. Emits nothing yet.
Status search_new(const SearchContext *context, Search **search, Error *err);
void search_free(Search *search);
void search_describe(const Search *search, Json *run_record);
// Emits the records of the initial state (epoch -1).
Status search_begin(Search *search, Error *err);
// One step. STATUS_STOPPED when *stop was set (state is consistent).
Status search_step(Search *search, SearchProgress *progress, Error *err);
void search_progress(const Search *search, SearchProgress *progress);
// Everything that resume needs as tensors (pointers valid until the next step). meta holds text
// state as key, value pairs. Equal states give equal bytes.
typedef struct {
    SafeTensor *tensors;
    int n_tensors;
    const char *const (*meta)[2];
    int n_meta;
} SearchState;
Status search_save(Search *search, SearchState *state, Error *err);
Status search_load(Search *search, const SafeFile *file, Error *err);
// The detector that judges this search (level, verdict, alarms so far); NULL where the strategy
// has no alphas. Restored by search_load.
const Health *search_health(const Search *search);
// Derived (or best) genotype now. Multi-objective searches: the most accurate on the front.
Status search_result(Search *search, Genotype *geno, Candidate *value, Error *err);

// The table. A strategy is one file that fills this and one line in table.c.
typedef struct SearchStrategy {
    const char *name, *summary, *paper;
    Status (*open)(const SearchContext *context, void **self, Error *err);
    void (*close)(void *self);
    void (*describe)(const void *self, Json *run_record);
    Status (*begin)(void *self, Error *err);
    Status (*step)(void *self, SearchProgress *progress, Error *err);
    void (*progress)(const void *self, SearchProgress *progress);
    Status (*save)(void *self, SearchState *state, Error *err);
    Status (*load)(void *self, const SafeFile *file, Error *err);
    Status (*result)(void *self, Genotype *geno, Candidate *value, Error *err);
    const Health *(*health)(const void *self); // may be NULL
} SearchStrategy;
const SearchStrategy *search_find(const char *name); // NULL if unknown
const SearchStrategy *search_table(int *count);

// Training of a derived network from scratch (SCIENCE.md 1.4), or of a space's fixed network (geno
// is not looked at, drop path has the layers' own rates), the same stepping shape.
typedef struct {
    int epochs, cells, channels, batch, threads;
    double lr, lr_min, momentum, decay, clip, drop_path, aux_weight, smoothing;
    bool aux;
    uint64_t seed;
    const char *isa;
    bool recompute;
} RetrainOptions;
typedef struct {
    int epoch;
    double train_loss, train_acc, test_acc; // test_acc NAN before the end
    double seconds;
} RetrainProgress;
typedef struct {
    const Space *space;
    const Genotype *geno;
    const Dataset *data;
    const Split *split; // with its sealed test part
    FeedOptions train_feed, test_feed;
    RetrainOptions options;
    void (*progress)(void *self, const RetrainProgress *p); // after every epoch; may be NULL
    void *self;
    atomic_int *stop; // may be NULL
    // Files of weights as engine/weights.h has them; may be NULL. With weights to start from,
    // options.epochs may be 0: only the test.
    const char *weights, *save;
} RetrainJob;
Status search_retrain(const RetrainJob *job, RetrainProgress *result, Error *err);

#endif
