// SPDX-License-Identifier: MIT
#ifndef NET_NET_H
#define NET_NET_H

#include "src/arch/arch.h"
#include "src/engine/graph.h"
#include "src/space/space.h"

// Networks as graphs: the supernet of a space, and the network of one architecture.

// Supernet: alpha table t is cell type t of the space, [edges][max_ops]. Batch norm without
// affine inside cells (DARTS), pools followed by batch norm. `none` adds nothing to a mix.
typedef struct {
    int channels, cells; // 0: the space's
    bool aux_skip;       // DARTS-: table "beta" [1][1] scales an extra skip on every edge
    int partial;         // PC-DARTS: only 1/partial of the channels through the ops; 0 or 1 off
    bool edge_weights;   // PC-DARTS beta: mixing weights are alpha*beta (strategy multiplies)
    float skip_noise;    // NoisyDARTS: sigma factor on the input of skips; 0 off
    bool skip_dropout;   // P-DARTS: a dropout layer after every skip (rate by PassInput)
} SupernetOptions;
Status net_supernet(const Space *space, const SupernetOptions *options, Graph **out, Error *err);

// Derived network (SCIENCE.md 1.4): affine batch norm, no BN after pools, drop path on non-skip
// ops, auxiliary head after cell 2*cells/3 where the map is at least 8x8.
typedef struct {
    int channels, cells; // 0: the space's; STAGES: cells = cells per stage
    bool aux;            // auxiliary head
    bool drop_path;      // drop-path layers, rate by PassInput
    float aux_weight;    // 0.4
    float smoothing;
} DerivedOptions;
Status net_derived(const Space *space, const Genotype *geno, const DerivedOptions *options,
                   Graph **out, Error *err);
// Parameters and multiply-adds of a derived network, without compiling it.
Status net_cost(const Space *space, const Genotype *geno, const DerivedOptions *options,
                int64_t *params, int64_t *macs, Error *err);

#endif
