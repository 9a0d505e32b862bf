// SPDX-License-Identifier: MIT
// What the machine can do: arithmetic peak, bandwidth, and what it is.
#include <dlfcn.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/cmd/bench.h"
#include "src/cmd/bench_loops.h"
#include "src/kernel/kernel.h"

enum { TRIES = 9, BLOCK = 128 };

// Where results of loops go, so that no compiler leaves a loop out.
static _Thread_local volatile float kept;

static double multiply_seconds(const BenchLoops *loops, int64_t rounds)
{
    double began = bench_now();
    kept = loops->multiply(rounds);
    return bench_now() - began;
}

// Sum over threads that run at the same time of the best of many short runs of each: other load
// can only slow them, and nothing waits for a thread that is not running.
static double peak_gmacs(const BenchLoops *loops, int threads, double seconds)
{
    int64_t rounds = 1 << 12;
    double rate = 0;
    while (rounds < (int64_t)1 << 40 && multiply_seconds(loops, rounds) < 1e-3)
        rounds *= 2;
#pragma omp parallel num_threads(threads) reduction(+ : rate)
    {
        double best = 1e30, began = bench_now();
        for (int i = 0; i < TRIES || bench_now() - began < seconds; i++) {
            double t = multiply_seconds(loops, rounds);
            best = t < best ? t : best;
        }
        rate += (double)rounds / best;
    }
    return rate * loops->macs / 1e9;
}

// Each thread reads its own part again and again, at the same time as the others.
static double read_gbs(const BenchLoops *loops, const float *x, size_t bytes, int threads,
                       bool quick)
{
    size_t part = bytes / sizeof *x / (size_t)threads / BLOCK * BLOCK;
    int64_t times = (int64_t)((quick ? 32e6 : 128e6) / (double)bytes) + 1;
    double rate = 0;
#pragma omp parallel num_threads(threads) reduction(+ : rate)
    {
        const float *own = x + (size_t)omp_get_thread_num() * part;
        double best = 1e30;
        for (int i = 0; i < TRIES; i++) {
            double began = bench_now();
            for (int64_t k = 0; k < times; k++)
                kept = loops->read(own, part);
            double s = bench_now() - began;
            best = s < best ? s : best;
        }
        rate += (double)times / best;
    }
    return rate * (double)part * sizeof *x / 1e9;
}

// a = b + s * c, counted as three streams.
static double triad_gbs(float *a, size_t n, int threads)
{
    float *b = a + n, *c = b + n, s = 0.5F;
    double best = 1e30;
    for (int i = 0; i < TRIES; i++) {
        double began = bench_now();
#pragma omp parallel for num_threads(threads) schedule(static)
        for (size_t k = 0; k < n; k++)
            a[k] = b[k] + s * c[k];
        double t = bench_now() - began;
        best = t < best ? t : best;
    }
    kept = a[n / 2];
    return 3.0 * (double)n * sizeof *a / best / 1e9;
}

static const BenchLoops *best_loops(void)
{
    int n;
    const BenchLoops *loops = bench_loops(&n), *best = loops;
    for (int i = 0; i < n; i++)
        if (loops[i].has())
            best = &loops[i];
    return best;
}

static void put_peaks(Json *o, int threads, double seconds)
{
    int n;
    const BenchLoops *loops = bench_loops(&n);
    Json *peaks = json_new_object();
    for (int i = 0; i < n; i++)
        if (loops[i].has())
            json_put_num(peaks, loops[i].name, peak_gmacs(&loops[i], threads, seconds));
    json_put(o, "peak_gmacs", peaks);
}

static void put_reads(Json *o, float *x, size_t room, const BenchOptions *options)
{
    Json *reads = json_new_array();
    for (size_t bytes = 256 << 10; bytes <= 256U << 20; bytes *= 4) {
        if (bytes > room)
            break;
        Json *r = json_new_object();
        json_put_num(r, "bytes", (double)bytes);
        json_put_num(r, "gbs", read_gbs(best_loops(), x, bytes, options->threads, options->quick));
        json_add(reads, r);
    }
    json_put(o, "read", reads);
}

// 768 MB as three streams, less where memory is short or haste asked for.
static float *take_memory(bool quick, size_t *bytes)
{
    size_t want = (size_t)(quick ? 192 : 768) << 20;
    double room = bench_free_memory();
    while (want > 4U << 20 && room > 0 && (double)want > room / 2)
        want /= 2;
    float *x = NULL;
    for (; want > 1U << 20 && !x; want /= 2) {
        x = mem_aligned(want);
        *bytes = want;
    }
    return x;
}

static Status measure(void *self, FILE *in, FILE *out, Error *err)
{
    (void)in;
    const BenchOptions *o = self;
    size_t bytes = 0;
    float *x = take_memory(o->quick, &bytes);
    if (!x)
        return error_set(err, STATUS_NOMEM, "no memory to measure bandwidth");
#pragma omp parallel for num_threads(o->threads) schedule(static)
    for (size_t i = 0; i < bytes / sizeof *x; i++)
        x[i] = 1;
    Json *r = json_new_object();
    put_peaks(r, o->threads, o->quick ? 0.15 : 0.5);
    put_reads(r, x, bytes, o);
    json_put_num(r, "triad_gbs", triad_gbs(x, bytes / sizeof *x / 3 / 16 * 16, o->threads));
    json_put_num(r, "triad_bytes", (double)bytes);
    mem_free(x);
    bench_child_say(out, r);
    return STATUS_OK;
}

static void put_cpu_name(Json *o)
{
    char line[512], *text;
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (!str_starts(line, "model name") || !(text = strchr(line, ':')))
            continue;
        text += 1 + strspn(text + 1, " \t");
        text[strcspn(text, "\n")] = '\0';
        json_put_str(o, "cpu", text);
        break;
    }
    if (f)
        fclose(f);
}

// The BLAS that this process has, if it says its name.
static void put_blas_name(Json *o)
{
    char *(*name)(void) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "openblas_get_corename");
    memcpy(&name, &symbol, sizeof name);
    if (name)
        json_put_str(o, "openblas_core", name());
}

static void read_back(const Json *o, BenchMachine *machine)
{
    *machine = (BenchMachine){ .triad = json_get_num(o, "triad_gbs", 0) };
    const Json *peaks = json_get(o, "peak_gmacs"), *reads = json_get(o, "read");
    int n;
    const BenchLoops *loops = bench_loops(&n);
    for (int i = 0; i < n; i++) {
        double peak = json_get_num(peaks, loops[i].name, 0);
        machine->peak = peak > machine->peak ? peak : machine->peak;
    }
    for (int i = 0; i < json_length(reads) && i < BENCH_READS; i++) {
        machine->size[i] = (size_t)json_get_num(json_at(reads, i), "bytes", 0);
        machine->read[i] = json_get_num(json_at(reads, i), "gbs", 0);
    }
}

double bench_bandwidth(const BenchMachine *machine, double bytes)
{
    double gbs = 0;
    for (int i = 0; i < BENCH_READS && machine->size[i]; i++) {
        gbs = machine->read[i];
        if ((double)machine->size[i] >= bytes)
            break;
    }
    // The larger of two measurements of memory: load disturbs each alone.
    return gbs > machine->triad ? gbs : machine->triad;
}

double bench_machine_cost(const BenchOptions *o)
{
    return o->quick ? 2 : 8;
}

Status bench_machine(const BenchOptions *o, BenchProgress *p, BenchMachine *machine, Json **record,
                     Error *err)
{
    BenchChild child;
    BenchOptions copy = *o;
    bench_progress_show(p, "machine");
    Status status = bench_child_fork(measure, &copy, &child, err);
    if (status != STATUS_OK)
        return status;
    status = bench_child_read(&child, record, err);
    bench_child_end(&child);
    if (status != STATUS_OK || !*record)
        return status != STATUS_OK ? status
                                   : error_set(err, STATUS_IO, "the machine was not measured");
    const Kernels *kernels = kernels_get(o->isa, NULL);
    put_cpu_name(*record);
    json_put_int(*record, "cores", o->cores);
    json_put_int(*record, "threads", o->threads);
    json_put_str(*record, "isa", kernels ? kernels->name : "none");
    put_blas_name(*record);
    read_back(*record, machine);
    bench_progress_add(p, bench_machine_cost(o));
    return STATUS_OK;
}
