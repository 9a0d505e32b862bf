// SPDX-License-Identifier: MIT
#ifndef CMD_HEALTH_REPORT_H
#define CMD_HEALTH_REPORT_H

#include "src/base/json.h"
#include "src/watch/model.h"

// What `health` says of a model: the stable JSON document, and the same for people. Runs without
// a finished epoch and without a genotype are left out, and those that train one given network.

Json *health_report_json(const Model *model, const char *source); // NULL when out of memory
void health_report_text(const Model *model, const char *source, Str *out);
// Runs that are reported; *worst: the worst verdict among them.
int health_report_runs(const Model *model, Verdict *worst);

// A rule of the literature (or a fixed form of ours) over one run.
typedef struct {
    const char *rule, *cell;
    int epoch, returned; // -1: never
    bool returns;        // the rule names an epoch to go back to
    // the same as numbers of genotypes of that cell from 0, which JSON counts by; -1: never
    int genotype, returned_genotype;
} RuleResult;
enum { HEALTH_RULES = 5 };
int health_report_rules(const ModelRun *run, RuleResult results[HEALTH_RULES]);

#endif
