// SPDX-License-Identifier: MIT
#include "src/run/objective.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/clock.h"
#include "src/net/net.h"
#include "src/script/script.h"

struct Objective {
    ScriptObjective *script;
    const Session *session;
    const Candidate *candidate; // of the call in progress
};

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Median milliseconds of a forward pass of one image.
static Status time_plan(Plan *plan, Shape in, double *ms, Error *err)
{
    enum { WARM = 2, RUNS = 9 };
    double times[RUNS];
    int label = 0;
    float *image = mem_zero((size_t)in.h * (size_t)in.w * (size_t)in.c, sizeof *image);
    if (!image)
        return error_set(err, STATUS_NOMEM, "out of memory while measuring latency");
    PassInput pass = { .images = image, .labels = &label, .n = 1, .mode = PASS_EVAL };
    PassResult result;
    Status status = STATUS_OK;
    for (int i = -WARM; i < RUNS && status == STATUS_OK; i++) {
        double begin = clock_mono();
        status = plan_forward(plan, &pass, &result, err);
        if (i >= 0)
            times[i] = 1000 * (clock_mono() - begin);
    }
    mem_free(image);
    if (status == STATUS_OK) {
        qsort(times, RUNS, sizeof *times, compare_doubles);
        *ms = times[RUNS / 2];
    }
    return status;
}

static Status measure_latency(void *self, double *ms, Error *err)
{
    Objective *o = self;
    const Space *space = o->session->space;
    if (!o->candidate->geno)
        return error_set(err, STATUS_ARG, "latency_ms: not known for this candidate");
    Graph *graph;
    Status status = net_derived(space, o->candidate->geno, &(DerivedOptions){ 0 }, &graph, err);
    if (status != STATUS_OK)
        return status;
    PlanOptions options = { .batch = 1, .threads = 1, .forward_only = true };
    Plan *plan = NULL;
    status = plan_compile(graph, &options, &plan, err);
    if (status == STATUS_OK)
        status = time_plan(plan, (Shape){ space->height, space->width, space->channels }, ms, err);
    plan_free(plan);
    graph_free(graph);
    return status;
}

Status objective_open(const char *script, const char *lua_dir, const Session *session,
                      Objective **out, Error *err)
{
    *out = NULL;
    Objective *o = mem_zero(1, sizeof *o);
    if (!o)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", script);
    ScriptOptions options = { .lua_dir = lua_dir, .seed = (uint64_t)session->settings.search.seed };
    Status status = script_objective_open(script, &options, &o->script, err);
    if (status != STATUS_OK) {
        mem_free(o);
        return status;
    }
    o->session = session;
    *out = o;
    return STATUS_OK;
}

void objective_close(Objective *o)
{
    if (!o)
        return;
    script_objective_free(o->script);
    mem_free(o);
}

static Status score(void *self, const Candidate *c, double *values, int n, Error *err)
{
    Objective *o = self;
    ScriptMetrics metrics = {
        .accuracy = c->accuracy, .loss = c->loss, .params = c->params, .macs = c->macs
    };
    ScriptHost host = { .self = o, .measure_latency = measure_latency };
    if (n != script_objective_count(o->script))
        return error_set(err, STATUS_ARG, "objective: expected %d values, the script gives %d", n,
                         script_objective_count(o->script));
    o->candidate = c;
    return script_objective_call(o->script, &metrics, &host, values, err);
}

SearchObjective objective_as_search(Objective *o)
{
    return (SearchObjective){ .self = o, .score = score };
}
