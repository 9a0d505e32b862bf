// SPDX-License-Identifier: MIT
#ifndef WATCH_MODEL_H
#define WATCH_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "src/arch/arch.h"
#include "src/health/health.h"

// The read model of one run: what every view draws and `health` prints. Built record by record
// by a source (journal, foreign log, event file); judged by src/health. Views read only this.
// Open structs: plain data to be read. Arrays grow; indices stay valid until model_rewind.
// Missing numbers are NAN (a reading that is absent is not zero).

typedef enum {
    RUN_UNKNOWN,
    RUN_RUNNING,
    RUN_PAUSED,
    RUN_DONE,
    RUN_STOPPED,
    RUN_FAILED,
    RUN_LOST // journal silent too long
} RunState;
const char *run_state_name(RunState state);

typedef struct {
    int epoch;
    double train_loss, train_acc, valid_loss, valid_acc, lr, seconds, test_acc;
    double wall; // Unix time of the record, NAN unknown
    bool done;   // judged: model_epoch_done was called
} EpochRow;

// One look at the alphas of one cell type.
typedef struct {
    int epoch;
    int64_t step;
    float *p; // [edges][ops], owned by the model
    Signals signals;
} AlphaLook;

typedef struct {
    int epoch; // genotype index in foreign logs
    GenoCell geno;
    int skips, parameter_free, conv_depth;
    bool logged; // false: derived here from alpha
} GenoRow;

typedef struct {
    HealthCell shape;
    // [edges] operators before any was removed, for a roll-back to before; NULL: none was
    char (*declared)[HEALTH_OPS][GENO_NAME];
    AlphaLook *looks;
    int n_looks, cap_looks;
    GenoRow *genos;
    int n_genos, cap_genos;
    int health; // index in ModelRun.health
} ModelCell;

typedef struct {
    int number;
    char state[12];   // COMPLETE PRUNED FAIL RUNNING
    char *arch;       // text
    double values[8]; // by ModelRun.objective
    double seconds;
    bool on_front;
} TrialRow;

typedef struct {
    int epoch;
    double lambda_max;
    int batches;
} LambdaRow;

typedef struct {
    double wall;
    char *text;
} LogRow;

typedef struct {
    int epoch;
    int64_t step;
    double match, alignment, norm; // NAN if absent
    double discretisation;         // accuracy drop
} GradientRow;

typedef struct ModelRun {
    char name[128];
    char path[512];   // run directory, journal or log
    char dialect[32]; // "journal", "robustdarts", "pt.darts", ...
    char strategy[32], space[64];
    char producer[64];       // host or program, if known
    int64_t seed;            // -1 unknown
    int epochs;              // planned, 0 unknown
    int64_t steps_per_epoch; // 0 unknown
    RunState state;
    int epoch; // last finished, -1 none
    int64_t step;
    bool complete;            // reached its planned end
    bool retrain;             // trains one given architecture: no search, nothing to judge
    double started, last;     // Unix time, NAN unknown
    double seconds_per_epoch; // median of the last ones, NAN unknown
    EpochRow *rows;
    int n_rows, cap_rows;
    ModelCell *cells;
    int n_cells, cap_cells;
    TrialRow *trials;
    int n_trials, cap_trials;
    int n_objectives;
    struct {
        char name[32];
        bool maximize;
    } objective[8];
    LambdaRow *lambdas;
    int n_lambdas, cap_lambdas;
    GradientRow *gradients;
    int n_gradients, cap_gradients;
    LogRow *log;
    int n_log, cap_log;
    int last_checkpoint;     // epoch, -1 none
    char genotype[2048];     // latest, text
    int64_t params, macs;    // of the derived network, 0 unknown
    double rss_bytes, cpu;   // of the search process, NAN unknown
    struct ModelRun *parent; // unused by sources: set for side-by-side of forks
    char fork_of[128];
    int fork_epoch;
    Health *health; // judged as it grows
    HealthLimits limits;
    int64_t skipped;  // lines or records not understood
    uint64_t version; // rises with every change: views redraw when it moved
    EpochRow beyond;  // where readings of dropped epochs go
    struct Model *owner;
    int judged;  // newest epoch that health has seen, -1 none
    int stale;   // something changed for this epoch after it was judged; INT_MAX none
    bool closed; // over, or emptied: it is not judged again
} ModelRun;

// Where input was skipped, for messages: the first and the last places.
typedef struct {
    int64_t line; // from 1; for event files the byte offset of the record
    char reason[48];
} SkipPlace;
enum { MODEL_SKIPS = 16, MODEL_LOG_ROWS = 2000 };

typedef struct Model {
    ModelRun **runs;
    int n, cap;
    ModelRun *spare; // where readings go once there are too many runs: nobody sees it
    int64_t skipped_lines;
    char dialect[32];
    SkipPlace skips[MODEL_SKIPS]; // the first half stays, the second is a ring of the last ones
    int n_skips;
    size_t bytes;       // held by runs; capped, so that no log however long fills the memory
    int n_emptied;      // oldest runs that gave up their looks and genotypes but the newest
    double majority;    // for runs made from now on; 0 unknown
    char no_search[96]; // what the input is instead of a search, "" unknown
    struct EventRun *event_runs; // what event files of one directory share
    bool has_until;              // what belongs to epochs after `until` is dropped
    int until;
} Model;

ModelRun *model_add(Model *model, const char *name, Error *err); // NULL when out of memory
void model_free(Model *model);
// Building blocks for sources; all keep order and tell health. STATUS_NOMEM only.
Status model_cell(ModelRun *run, const HealthCell *cell, int *index, Error *err);
Status model_alpha(ModelRun *run, int cell, int epoch, int64_t step, const double *p, Error *err);
Status model_genotype(ModelRun *run, int epoch, const Genotype *geno, Error *err);
// Finds or appends; NULL when out of memory. A row that is not kept (beyond `until`, or the model
// is full) is &run->beyond.
EpochRow *model_epoch(ModelRun *run, int epoch, Error *err);
Status model_trial(ModelRun *run, const TrialRow *trial, Error *err); // copies, keeps the front
Status model_log(ModelRun *run, double wall, const char *text, Error *err);
Status model_lambda(ModelRun *run, const LambdaRow *row, Error *err);     // tells health
Status model_gradient(ModelRun *run, const GradientRow *row, Error *err); // finds or appends
// Drops what is later than epoch and step (roll-back, resume).
void model_rewind(ModelRun *run, int epoch, int64_t step);
// New limits: everything is judged again from the first epoch.
Status model_limits(ModelRun *run, const HealthLimits *limits, Error *err);
// Counts what was not understood, and where.
void model_skip(Model *model, ModelRun *run, int64_t line, const char *reason);
// Call when everything known about `epoch` is in: health looks at it. What comes later for an
// epoch already judged (a genotype line after it) makes health judge again from there, at the
// next model_settle; sources settle at the end of every poll.
void model_epoch_done(ModelRun *run, int epoch);
void model_settle(ModelRun *run);
// Remaining seconds, NAN unknown.
double model_eta(const ModelRun *run);
// Latest look of a cell at or before `epoch` (INT_MAX: the newest); NULL if none.
// Name of an operator at a look (NULL: at any), "" where there is none or it was removed before.
const char *model_op(const ModelCell *cell, const AlphaLook *look, int edge, int col);
const AlphaLook *model_look(const ModelRun *run, int cell, int epoch);
const GenoRow *model_geno(const ModelRun *run, int cell, int epoch);
int model_cell_index(const ModelRun *run, const char *name); // -1 if absent
// Shape of a cell known by its genotype only, and of a cell of a space.
void model_shape_of_genotype(const GenoCell *geno, HealthCell *out);
// Shape of a cell from its alpha table alone: the DAG with that many edges (14: two inputs, four
// nodes; 6: one input, three nodes), operators by the number of columns where it is a known one.
bool model_shape_guess(const char *name, int n_edges, int n_ops, HealthCell *out);
Status model_shape_of_space(const Space *space, int cell, HealthCell *out, Error *err);

#endif
