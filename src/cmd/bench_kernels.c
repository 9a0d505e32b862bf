// SPDX-License-Identifier: MIT
// Each entry of the kernel table against its roofline.
#include "src/cmd/bench.h"
#include "src/cmd/bench_case.h"

enum { SAMPLES = 9 };

typedef struct {
    const BenchOptions *options;
    const BenchMachine *machine;
} Job;

static double seconds_of(const Case *c, int times)
{
    double began = bench_now();
    for (int i = 0; i < times; i++)
        case_run(c);
    return (bench_now() - began) / times;
}

// Seconds of a call, of samples long enough for the clock.
static BenchSpread measure(const Case *c, bool quick)
{
    double samples[SAMPLES], length = quick ? 0.004 : 0.015;
    int n = quick ? 3 : SAMPLES, times = 1;
    double first = seconds_of(c, 1); // warm
    first = seconds_of(c, 1);
    if (first < length)
        times = (int)(length / (first > 1e-7 ? first : 1e-7)) + 1;
    for (int i = 0; i < n; i++)
        samples[i] = seconds_of(c, times);
    return bench_spread(samples, n);
}

// The larger of what arithmetic and memory need at least, over what it took.
static double roof_share(const Case *c, const BenchMachine *m, double seconds)
{
    double bandwidth = bench_bandwidth(m, c->bytes);
    double arithmetic = m->peak > 0 ? c->macs / m->peak / 1e9 : 0;
    double memory = bandwidth > 0 ? c->bytes / bandwidth / 1e9 : 0;
    return (arithmetic > memory ? arithmetic : memory) / seconds;
}

// Rates are of the fastest sample, as peak and bandwidth are: other load can only slow it.
static Json *describe(const Case *c, const CaseSize *size, const Job *job, BenchSpread t)
{
    Json *r = json_new_object();
    json_put_str(r, "name", c->kind.name);
    json_put_int(r, "channels", size->c);
    json_put_int(r, "side", size->side);
    json_put_int(r, "batch", BENCH_BATCH);
    json_put_int(r, "threads", job->options->threads);
    json_put_str(r, "isa", c->kernels->name);
    json_put_num(r, "seconds", t.median);
    json_put_num(r, "seconds_min", t.min);
    json_put_num(r, "macs", c->macs);
    json_put_num(r, "bytes", c->bytes);
    if (c->macs > 0) {
        json_put_num(r, "gmacs", c->macs / t.min / 1e9);
        json_put_num(r, "peak_share", c->macs / t.min / 1e9 / job->machine->peak);
    }
    json_put_num(r, "gbs", c->bytes / t.min / 1e9);
    json_put_num(r, "roof_share", roof_share(c, job->machine, t.min));
    return r;
}

static Status measure_all(void *self, FILE *in, FILE *out, Error *err)
{
    (void)in;
    const Job *job = self;
    const char *why = NULL;
    const Kernels *kernels = kernels_get(job->options->isa, &why);
    if (!kernels)
        return error_set(err, STATUS_ARG, "instruction set '%s': %s", job->options->isa, why);
    int n_kinds, n_sizes;
    const CaseKind *kinds = case_kinds(&n_kinds);
    const CaseSize *sizes = case_sizes(&n_sizes);
    for (int k = 0; k < n_kinds; k++)
        for (int s = 0; s < n_sizes; s++) {
            Case c;
            Status status = case_open(&c, kernels, &kinds[k], &sizes[s], BENCH_BATCH,
                                      job->options->threads, err);
            if (status != STATUS_OK)
                return status;
            bench_child_say(out, describe(&c, &sizes[s], job, measure(&c, job->options->quick)));
            case_close(&c);
        }
    return STATUS_OK;
}

static double row_cost(const BenchOptions *o)
{
    return o->quick ? 0.03 : 0.2;
}

double bench_kernels_cost(const BenchOptions *o)
{
    int n_kinds, n_sizes;
    case_kinds(&n_kinds);
    case_sizes(&n_sizes);
    return row_cost(o) * n_kinds * n_sizes;
}

Status bench_kernels(const BenchOptions *o, BenchProgress *p, const BenchMachine *machine,
                     Json **records, Error *err)
{
    Job job = { o, machine };
    BenchChild child;
    Json *record = NULL, *all = json_new_array();
    *records = all;
    bench_progress_show(p, "kernels");
    Status status = bench_child_fork(measure_all, &job, &child, err);
    if (status != STATUS_OK)
        return status;
    while ((status = bench_child_read(&child, &record, err)) == STATUS_OK && record) {
        bench_progress_add(p, row_cost(o));
        json_add(all, record);
    }
    bench_child_end(&child);
    return status;
}
