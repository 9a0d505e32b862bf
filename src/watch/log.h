// SPDX-License-Identifier: MIT
#ifndef WATCH_LOG_H
#define WATCH_LOG_H

#include "src/watch/effective.h"
#include "src/watch/lines.h"
#include "src/watch/log_line.h"
#include "src/watch/log_tensor.h"
#include "src/watch/reader.h"

// Reader of the text logs of the DARTS family. A line goes through a table of recognisers, one
// file a dialect; these say what happened (an epoch began, an accuracy, a cell, alphas) and
// log_run.c keeps the state:
//
//   epoch e begins ----> things said now belong to index e
//     same e again        nothing (second "epoch" line); with a learning rate, after its
//                         accuracies: resumed, the epoch counts anew
//     later e             epoch e-1 is done
//     0 again             a new run, or the same one if it had not finished an epoch
//     earlier e           resumed: what is later than e-1 is dropped
//     that of the search  two writers: the readings go to the search whose epoch has lacked them
//     before this one     for longer
//     no lr, had lr       AFTER: the search is over (projection of DARTS-PT); nothing counts
//
// Index e is the number of the genotype from 0. What comes first in an epoch counts; a second
// genotype is that of the next epoch if none comes there.

enum { LOG_ALPHAS = 16, LOG_ALPHA_VALUES = 4096, LOG_RECENT = 16 };

typedef struct {
    int64_t seed; // -1 unknown
    int epochs;   // 0 unknown
    int warmup;
    char strategy[32], space[64];
} LogSettings;

typedef struct {
    char label[GENO_NAME]; // cell, "" unknown
    int rows, cols, at;    // place in alpha_value
} LogAlpha;

// How an accuracy is printed.
typedef enum { ACC_UNKNOWN, ACC_FRACTION, ACC_PERCENT, ACC_ERROR } LogAccForm;
typedef enum { METRIC_TRAIN, METRIC_VALID, METRIC_TEST } LogSplit;

// One search of the file and where it stands.
typedef struct {
    ModelRun *run;    // NULL until something belongs to one
    int current;      // index of the epoch now, -1 before the first
    int64_t began;    // line of its beginning
    double heard;     // time of the last reading or beginning; NAN unknown
    int step[3];      // last one of the epoch, by LogSplit; -1 none
    double mean[3];   // accuracy so far that this step says, as printed; NAN unknown
    bool gaps;        // an epoch has been left out
    bool weak_geno;   // the genotype of the current epoch was said before it began
    bool has_pending; // a genotype that may be that of the next epoch
    Genotype pending;
    int clock_epoch; // stamps inside lines: the epoch of the first one, and the time of that
    double clock_time;
    double epoch_time; // of the start of the epoch; NAN unknown
    double max_acc;
    int n_acc;
    bool fractions;   // accuracies are printed as fractions
    bool percent;     // ... or with a percent sign
    bool errors;      // error rates are printed instead
    bool running[3];  // the accuracy of the epoch is a running mean so far, by LogSplit
    bool zero_based;  // "epoch [0/50]" was seen
    bool after_style; // genotypes come after the epoch
    int ended;        // last epoch that the log says has ended, -1 none
} LogTrack;

typedef struct {
    Model *model;
    const SourceOptions *options;
    char path[512], name[128];
    Lines lines;
    int64_t line;
    bool wide; // UTF-16

    LogTrack now;
    LogTrack other;   // a search that had not come to its end when the next began
    bool interleaved; // it goes on: two writers
    int last_step[3]; // of any epoch, by LogSplit
    bool from_zero;   // steps count from 0
    bool doubled;     // epochs begin twice: writers in step, or every line twice
    int n_runs;
    ModelRun *recent[LOG_RECENT]; // the newest runs; older ones are over
    bool full;                    // too many searches: lines are only counted
    int base;                     // index of printed epoch 0 (stages of P-DARTS)
    bool has_header;              // epochs are announced
    bool had_lr;                  // ... with a learning rate
    bool after;                   // the search is over
    bool start_hint;              // a program has started since the last epoch line
    bool summary;                 // the line about the epoch holds its results
    LogSettings settings;

    double time; // of the line
    bool has_year;
    bool one_based; // "[001-050]" is the first epoch
    bool retrain;   // the program trains one given architecture

    LogTensor tensor;
    bool beside; // the tensor is beside another one: what goes into a softmax, not what comes out
    char label[GENO_NAME];
    LogAlpha alpha[LOG_ALPHAS];
    int n_alphas, n_alpha_values;
    double alpha_value[LOG_ALPHA_VALUES];
    EffectiveHint hint;
    char op[HEALTH_OPS][GENO_NAME]; // operators as printed, n_op 0: not printed
    int n_op;
    bool none_last;

    bool in_weights; // NASLib: rows of architecture weights are being read, into `tensor`

    // P-DARTS
    int stages;
    char genes[2][1024];
    bool in_final;
} LogReader;

// A recogniser returns true if the line is one of its own. *status: lack of memory only.
typedef bool LogRecognise(LogReader *log, const LogLine *line, Status *status, Error *err);
LogRecognise log_step_line, log_darts_line, log_ptdarts_line, log_pdarts_line, log_nb201_line,
    log_alpha_line, log_frame_line, log_event_line, log_settings_line, log_chatter_line;

// ---- what recognisers say (log_run.c) -----------------------------------------------------------
void log_skip(LogReader *log, const char *reason);
void log_clock(LogReader *log, double time);     // a time stamp with a year; NAN: none
void log_apply_settings(LogReader *log);         // what was printed, to the run that begins
Status log_need_run(LogReader *log, Error *err); // run stays NULL where there are too many
void log_started(LogReader *log);                // a program has started
// Epoch `printed` (from 0 in its stage) begins; lr NAN and total 0 if not said.
Status log_epoch(LogReader *log, int printed, double lr, int total, Error *err);
// Epoch of "epoch [e/total]", which most programs count from 1.
Status log_epoch_of_total(LogReader *log, int printed, double lr, int total, Error *err);
// Accuracy as printed; what is of unknown form is in percent unless none of the run is above 1.
Status log_accuracy(LogReader *log, LogSplit split, double value, LogAccForm form, Error *err);
// The mean so far: counts until the epoch says better or ends.
Status log_running(LogReader *log, LogSplit split, double value, LogAccForm form, Error *err);
Status log_loss(LogReader *log, LogSplit split, double value, bool exact, Error *err);
Status log_seconds(LogReader *log, double seconds, Error *err);
Status log_genotype(LogReader *log, const char *text, Error *err); // counts what is unreadable
// Genotype in any of the forms of the family (log_genotype.c); false if it is none.
bool log_genotype_read(const char *text, Genotype *out);
Status log_lambda(LogReader *log, double lambda, Error *err); // largest eigenvalue, one batch
void log_epoch_ended(LogReader *log);
void log_roll_back(LogReader *log, int printed); // goes on after this epoch
void log_next_stage(LogReader *log);             // epochs begin with 0 again, of the same search
// What comes is no part of a search: the choice of operators after it (DARTS-PT).
void log_selection(LogReader *log);
void log_dialect(LogReader *log, const char *name);
Status log_finish(LogReader *log, bool last, Error *err); // nothing more for now

// ---- two writers (log_writers.c) ----------------------------------------------------------------
// Step of an epoch with the accuracy so far (NAN: not said): tells whose the readings are.
void log_step(LogReader *log, LogSplit split, int step, double accuracy);
// Before an epoch, an accuracy, a genotype is taken: makes the search `now` to which it belongs.
void log_writers_epoch(LogReader *log, int index);
void log_writers_accuracy(LogReader *log, LogSplit split, double percent);
void log_writers_genotype(LogReader *log, const Genotype *geno);
void log_writers_swap(LogReader *log);
// What the searches of a file hold (log_run.c): a row or NULL, a field of it, a logged cell.
const EpochRow *log_row(const ModelRun *run, int epoch);
double *log_acc_field(EpochRow *row, LogSplit split);
bool log_has_genotype(const LogTrack *track, int epoch);

// ---- alphas (log_alpha.c) -----------------------------------------------------------------------
void log_alpha_label(LogReader *log, const char *text); // cell named in a heading
void log_alpha_add(LogReader *log, const double *value, int rows, int cols);
Status log_alpha_flush(LogReader *log, Error *err);
bool log_ops_read(LogReader *log, const char *text); // ['none', 'skip_connect', ...]

// ---- the plan (log_plan.c) ----------------------------------------------------------------------
void log_guess_plan(LogReader *log);
void log_sync_limits(LogReader *log);
// Planned epochs from the first learning rates of a cosine schedule, 0 if they fit none.
int log_cosine_epochs(const double *lr, int n);

#endif
