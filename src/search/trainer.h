// SPDX-License-Identifier: MIT
#ifndef SEARCH_TRAINER_H
#define SEARCH_TRAINER_H

#include "src/engine/plan.h"
#include "src/net/net.h"
#include "src/search/book.h"
#include "src/search/search.h"

// What every strategy that trains shared weights needs: the compiled network, its feeds, SGD with
// momentum and clipping, the running sums of an epoch, the validation pass, and all of this in
// and out of a checkpoint.
typedef struct {
    SearchContext ctx;
    Graph *graph;
    Plan *plan;
    Feed *train, *eval; // weights; validation in order
    Feed *valid;        // alphas, drawn with replacement; NULL: none
    size_t n_w;
    int round;                    // each has other initial weights
    float *momentum, *grad;       // of the weights
    const unsigned char *frozen;  // [n_w]: 1 where a weight must not move; NULL: none
    float drop_path, mix_dropout; // knobs of the next training passes
    // counters and sums, all of them state
    int64_t step, epoch_step, w_steps, bad_steps;
    int epoch; // last finished, -1 before the first
    double loss_sum;
    int64_t correct, seen;
    double train_loss, train_acc, valid_loss, valid_acc; // of the last epoch; NAN until known
    double lr;
    // clocks, not state
    double wall, cpu;
} Trainer;

// Which noise a pass draws: passes of one step that must see the same noise share a stream.
enum { PASS_STREAM_TRAIN, PASS_STREAM_VALID, PASS_STREAM_PROBE, PASS_STREAMS };

// Takes the graph over, also on failure. `tables` of a supernet must be mixed by the caller.
Status trainer_open(Trainer *t, const SearchContext *ctx, Graph *graph, Error *err);
// The feed of alphas, for strategies that have some.
Status trainer_open_alpha_feed(Trainer *t, Error *err);
void trainer_close(Trainer *t);
// Another network from here on, its weights at the start that belongs to `round`. Takes the graph
// over, also on failure.
Status trainer_set_graph(Trainer *t, Graph *graph, int round, Error *err);
// Another batch size from the start of the next epoch on; weights and everything else stay.
Status trainer_set_batch(Trainer *t, int batch, Error *err);

Status trainer_forward(Trainer *t, const Batch *batch, PassMode mode, int stream,
                       PassResult *result, Error *err);
// Gradient of the weights from the plan, clipped, then one step of SGD. A gradient that is not
// finite is left out and counted; too many of them in a row are an error.
Status trainer_descend(Trainer *t, Error *err);
// Writes new weights into the plan: w = base + factor * direction (direction may be NULL).
void trainer_set_weights(Trainer *t, const float *base, double factor, const float *direction);
void trainer_count(Trainer *t, const PassResult *result, int n);

// Loss and accuracy over `batches` batches of the validation part, 0: all of it. mode: PASS_EVAL,
// or PASS_BATCH where running statistics belong to no one network; both without dropout.
Status trainer_evaluate(Trainer *t, PassMode mode, int batches, double *loss, double *acc,
                        Error *err);
int64_t trainer_epoch_steps(const Trainer *t);
bool trainer_stopped(const Trainer *t);
// Closes the epoch: means of the sums into train_loss and train_acc, counters to the next epoch.
void trainer_end_epoch(Trainer *t);
Status trainer_emit_epoch(Trainer *t, Error *err); // `epoch` and `device` records
void trainer_fill_progress(const Trainer *t, SearchProgress *progress);
// Images of a feed as the network takes them; size of derived networks for their cost.
void trainer_fit_feed(const Trainer *t, FeedOptions *feed);
DerivedOptions trainer_derived(const Trainer *t);
double trainer_majority(const Trainer *t); // share of the most frequent class in the train part

void trainer_save(Trainer *t, Book *book);
Status trainer_load(Trainer *t, const SafeFile *file, bool fork, Error *err);

#endif
