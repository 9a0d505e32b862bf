// SPDX-License-Identifier: MIT
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/rng.h"
#include "src/base/str.h"
#include "src/space/space.h"

// An architecture: per cell the kept edges with their operators. Two shapes of the same thing:
// Arch refers to a Space by indices; Genotype is free of any space (names), for foreign logs.

enum { GENO_EDGES = 40, GENO_CELLS = 4, GENO_NAME = 32 };

typedef struct {
    int from, to; // nodes; inputs first
    char op[GENO_NAME];
} GenoEdge;

typedef struct {
    char name[GENO_NAME]; // "normal", "reduction", "cell"
    int inputs, nodes;
    CombineRule combine;
    int n_concat, concat[16]; // nodes of the output, for COMBINE_CONCAT
    int n_edges;
    GenoEdge edges[GENO_EDGES]; // in text order: by `to`, then by strength
} GenoCell;

typedef struct {
    int n_cells;
    GenoCell cells[GENO_CELLS];
} Genotype;

// Text forms. DARTS: Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=range(2, 6),
// reduce=[...], reduce_concat=...), also nested per node (pt.darts) and with list concat; NB201:
// |op~0|+|op~0|op~1|+|...|. The reader recognises the form; any operator name is accepted.
// *used (may be NULL) gets the bytes consumed, so that text may follow.
Status genotype_parse(const char *text, Genotype *out, int *used, Error *err);
void genotype_write(const Genotype *geno, Str *out);
bool genotype_equal(const Genotype *a, const Genotype *b);
bool geno_cell_equal(const GenoCell *a, const GenoCell *b);
const GenoCell *genotype_cell(const Genotype *geno, const char *name); // NULL if absent

// Class of an operator known by name only (skip_connect, none, *_pool_*, noise, else conv).
OpClass op_class_of_name(const char *name);
// Four-letter code of an operator name: sep3, dil5, max3, skip, none, or the first four letters.
void op_code_of_name(const char *name, char code[5]);

typedef struct {
    int skips, parameter_free; // skip; skip + pool + none (+ other parameter-free)
    int kept;                  // operators in the cell
    int conv_depth;            // most convs on any input-output path without none; -1: no path
} CellCount;
CellCount geno_cell_count(const GenoCell *cell);
// Same with the classes that the space gives its operators.
CellCount arch_cell_count(const Space *space, const GenoCell *cell);

// Derivation (SCIENCE.md 1.2). p: [edges][max_ops] probabilities of one cell type, columns as the
// edge's operator list. TOP: per node the `keep` strongest edges by max over ops except none, the
// best op except none on each; ties to the lower edge and the first op; genes in order of edge
// strength. ARGMAX: best op on every edge, none allowed.
// Columns that are NaN (removed operators) never win.
void arch_derive_cell(const Space *space, int cell, const float *p, GenoCell *out);
// Same from names only, for foreign logs: ops[k] names of the columns, edges in node order.
void geno_derive(const GenoCell *shape, const float *p, int n_edges, const char *const *ops,
                 int n_ops, DeriveRule rule, int keep, GenoCell *out);

// Discrete architectures for one-shot baselines: an Arch picks per cell the kept edges and ops.
typedef struct {
    int n_cells;
    struct ArchCell {
        int n_edges;
        struct {
            int edge, op; // edge index in SpaceCell.edges, column in its operator list
        } pick[GENO_EDGES];
    } cell[GENO_CELLS];
} Arch;
void arch_random(const Space *space, Rng *rng, Arch *out); // uniform over TOP/ARGMAX choices
void arch_mutate(const Space *space, const Arch *parent, Rng *rng, Arch *child); // SCIENCE.md 5.2
Status arch_from_genotype(const Space *space, const Genotype *geno, Arch *out, Error *err);
void arch_to_genotype(const Space *space, const Arch *arch, Genotype *out);
// Name, inputs, nodes and output of a cell of the space, without edges.
void arch_cell_shape(const Space *space, int cell, GenoCell *out);
bool arch_equal(const Arch *a, const Arch *b);
// active[edges][max_ops] of one cell: what the architecture keeps.
void arch_mask(const Space *space, const Arch *arch, int cell, bool *active);

#endif
