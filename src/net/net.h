// SPDX-License-Identifier: MIT
#ifndef NET_NET_H
#define NET_NET_H

#include "src/arch/arch.h"
#include "src/engine/graph.h"
#include "src/space/space.h"

// Networks as graphs: the supernet of a space, and the network of one architecture.

// Supernet. Alpha tables, found by net_tables: one per cell type of the space, [edges][max_ops],
// named like the type (with cell_tables one per cell of the network); then, if asked for, "beta"
// [1][1] and one "edges.TYPE" [edges][1] per cell type. Batch norm without affine inside cells
// (DARTS), pools followed by batch norm. `none` adds nothing to a mix.
typedef struct {
    int channels, cells; // 0: the space's; STAGES: cells = cells per stage
    int height, width;   // of the input, 0: the space's
    bool aux_skip;       // DARTS-: table "beta" scales an extra skip on every edge
    int partial;         // PC-DARTS: only 1/partial of the channels through the ops; 0 or 1 off
    bool edge_weights;   // PC-DARTS beta: tables "edges.TYPE" scale what each edge adds to a node
    float skip_noise;    // NoisyDARTS: sigma factor on the input of skips; 0 off
    bool skip_dropout;   // P-DARTS: dropout after every identity (rate by PassInput.mix_dropout)
    bool drop_path;      // drop path after every other operator (rate by PassInput.drop_path)
    bool cell_tables;    // a table per cell: alpha gradients of the cells kept apart
} SupernetOptions;
Status net_supernet(const Space *space, const SupernetOptions *options, Graph **out, Error *err);

// Tables of a supernet made with these options. cell c of the network mixes by table
// alpha[cell_table(c)]; -1 where there is no such table.
enum { NET_CELLS = 128 };
typedef struct {
    int cells;                 // cells of the network
    int type[NET_CELLS];       // their cell types
    int n_alpha;               // tables 0 .. n_alpha-1 are alphas
    int alpha_type[NET_CELLS]; // cell type of each alpha table
    int beta;                  // "beta"
    int edges[GENO_CELLS];     // "edges.TYPE"
} NetTables;
void net_tables(const Space *space, const SupernetOptions *options, NetTables *tables);

// Derived network (SCIENCE.md 1.4): affine batch norm, no BN after pools, drop path on non-skip
// ops, auxiliary head after cell 2*cells/3 where the map is at least 8x8.
typedef struct {
    int channels, cells; // 0: the space's; STAGES: cells = cells per stage
    int height, width;   // of the input, 0: the space's
    bool aux;            // auxiliary head
    bool drop_path;      // drop-path layers, rate by PassInput
    float aux_weight;    // 0.4
    float smoothing;
} DerivedOptions;
Status net_derived(const Space *space, const Genotype *geno, const DerivedOptions *options,
                   Graph **out, Error *err);
// The network of a script that wrote it out (space->layers), with its loss.
Status net_fixed(const Space *space, float smoothing, Graph **out, Error *err);
// Parameters and multiply-adds of a derived network, without compiling it.
Status net_cost(const Space *space, const Genotype *geno, const DerivedOptions *options,
                int64_t *params, int64_t *macs, Error *err);

#endif
