// SPDX-License-Identifier: MIT
#ifndef CMD_BENCH_H
#define CMD_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/json.h"
#include "src/cmd/bench_child.h"
#include "src/net/net.h"

// `dartboard bench`: what the machine can do, what each kernel and a whole search step make of it,
// and PyTorch beside it. Everything is measured in children, so that thread pools and peaks of
// memory do not mix; results are JSON records, the tables are printed from these.

typedef struct {
    bool quick, json;
    int threads;
    int cores;         // this process may use
    const char *isa;   // NULL: the best
    const char *only;  // "machine", "kernels", "steps"; NULL: all
    const char *net;   // only this one; NULL: all
    const char *torch; // Python that has PyTorch; NULL: without
} BenchOptions;

// ---- progress: one line on stderr, with the time left ------------------------------------------
// Costs are rough seconds; only their ratio matters.
typedef struct {
    double total, done, began;
    bool is_terminal;
    char what[96];
} BenchProgress;
void bench_progress_start(BenchProgress *p, double total);
void bench_progress_show(BenchProgress *p, const char *what);
void bench_progress_add(BenchProgress *p, double cost);
void bench_progress_end(BenchProgress *p);

// Seconds that nothing freezes (base/clock may be frozen by the environment).
double bench_now(void);
// Processor seconds of this process, all threads.
double bench_cpu(void);
// Median, smallest and largest of n values; the order of the array changes.
typedef struct {
    double median, min, max, mean;
} BenchSpread;
BenchSpread bench_spread(double *values, int n);
// Free memory of the machine in bytes; 0 if unknown.
double bench_free_memory(void);

// ---- machine -----------------------------------------------------------------------------------
enum { BENCH_READS = 6 };
typedef struct {
    double peak;              // GMAC/s at `threads`, best instruction set
    double triad;             // GB/s
    size_t size[BENCH_READS]; // working sets of all threads together, in bytes
    double read[BENCH_READS]; // GB/s
} BenchMachine;
double bench_machine_cost(const BenchOptions *o);
Status bench_machine(const BenchOptions *o, BenchProgress *p, BenchMachine *machine, Json **record,
                     Error *err);
// GB/s at which a working set of so many bytes is read.
double bench_bandwidth(const BenchMachine *machine, double bytes);

// ---- kernels -----------------------------------------------------------------------------------
double bench_kernels_cost(const BenchOptions *o);
Status bench_kernels(const BenchOptions *o, BenchProgress *p, const BenchMachine *machine,
                     Json **records, Error *err);

// What OpenBLAS serves, beside the plain loops.
Status bench_blas(const BenchOptions *o, BenchProgress *p, Json **records, Error *err);

// ---- steps -------------------------------------------------------------------------------------
typedef struct {
    const char *name;    // also in tests/reference/torch_steps.py
    const char *space;   // shipped space
    SupernetOptions net; // what differs from the space's
    int channels;        // of the input, 0: the space's
    bool sampled;        // one operator an edge
    bool large;          // not with --quick
    double cost;         // seconds of a step, roughly
    double torch_cost, torch_bytes;
} BenchNet;
enum { BENCH_BATCH = 64 };
const BenchNet *bench_nets(int *n);
// Job of a child: compiles the net, says so, then makes a step for every line it reads.
typedef struct {
    const BenchNet *net;
    const BenchOptions *options;
} BenchStepJob;
Status bench_step_job(void *self, FILE *in, FILE *out, Error *err);
double bench_steps_cost(const BenchOptions *o);
Status bench_steps(const BenchOptions *o, BenchProgress *p, const BenchMachine *machine,
                   Json **records, Error *err);
// Starts the PyTorch side of a net and waits until it is warm; *ready is what it says then.
Status bench_torch_start(const BenchOptions *o, const BenchNet *net, const char *format,
                         BenchChild *child, Json **ready, Error *err);

// ---- tables ------------------------------------------------------------------------------------
void bench_print_machine(const Json *machine);
void bench_print_kernels(const Json *kernels);
void bench_print_blas(const Json *blas);
void bench_print_steps(const Json *steps);
void bench_print_ratios(const Json *steps);

#endif
