// SPDX-License-Identifier: MIT
#ifndef CMD_HEALTH_SGAS_H
#define CMD_HEALTH_SGAS_H

#include "src/watch/model.h"

// What SGAS (rule_sgas) says of the edges of a cell at its newest alphas, stability over the epochs
// before. score: [HEALTH_EDGES]; false where the record has no alphas. *best: the edge that it
// would decide next, -1 if none has a score.
bool health_sgas(const ModelRun *run, int cell, double *score, int *best);

#endif
