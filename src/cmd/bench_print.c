// SPDX-License-Identifier: MIT
// Tables of the benchmark, from its records.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/cmd/bench.h"
#include "src/cmd/bench_case.h"

static bool print_peak(void *self, const char *name, const Json *value)
{
    bool *first = self;
    printf("%s%s %.1f", *first ? "" : ", ", name, json_to_num(value, 0));
    *first = false;
    return true;
}

void bench_print_machine(const Json *m)
{
    char text[32];
    int threads = (int)json_get_int(m, "threads", 1);
    bool first = true;
    printf("machine\n  processor   %s, %d cores for this process\n",
           json_get_str(m, "cpu", "unknown"), (int)json_get_int(m, "cores", 0));
    printf("  kernels     %s; OpenBLAS %s\n", json_get_str(m, "isa", "?"),
           json_get_str(m, "openblas_core", "not there"));
    printf("  multiply    ");
    json_each(json_get(m, "peak_gmacs"), print_peak, &first);
    printf(" GMAC/s, %d thread%s\n", threads, threads == 1 ? "" : "s");
    printf("  triad       %.1f GB/s over %s\n", json_get_num(m, "triad_gbs", 0),
           str_bytes(json_get_num(m, "triad_bytes", 0), text, sizeof text));
    printf("  read        ");
    const Json *reads = json_get(m, "read");
    for (int i = 0; i < json_length(reads); i++)
        printf("%s%.0f KB %.0f", i ? ", " : "", json_get_num(json_at(reads, i), "bytes", 0) / 1024,
               json_get_num(json_at(reads, i), "gbs", 0));
    printf(" GB/s\n");
}

static const Json *find_row(const Json *kernels, const char *name, const CaseSize *size)
{
    for (int i = 0; i < json_length(kernels); i++) {
        const Json *r = json_at(kernels, i);
        if (strcmp(json_get_str(r, "name", ""), name) == 0 &&
            json_get_int(r, "channels", 0) == size->c && json_get_int(r, "side", 0) == size->side)
            return r;
    }
    return NULL;
}

// Rate, share of the arithmetic peak (nothing where nothing is multiplied), share of the roofline:
// of the peak or of the bandwidth, whichever is the lower bound.
static void print_rate(const Json *r, bool counts)
{
    char peak[16] = "";
    if (counts)
        snprintf(peak, sizeof peak, "%.0f%%", 100 * json_get_num(r, "peak_share", NAN));
    printf("  %7.1f %4s %4.0f%%", json_get_num(r, counts ? "gmacs" : "gbs", NAN), peak,
           100 * json_get_num(r, "roof_share", NAN));
}

static void print_kernel(const Json *kernels, const CaseKind *kind, const CaseSize *sizes, int n)
{
    bool counts = kind->entry == CASE_UNIT || kind->entry == CASE_CONV;
    printf("  %-22s %-7s", kind->name, counts ? "GMAC/s" : "GB/s");
    for (int s = 0; s < n; s++) {
        const Json *r = find_row(kernels, kind->name, &sizes[s]);
        if (r)
            print_rate(r, counts);
        else
            printf("  %7s %4s %5s", "-", "", "");
    }
    printf("\n");
}

void bench_print_kernels(const Json *kernels)
{
    int n_kinds, n_sizes;
    const CaseKind *kinds = case_kinds(&n_kinds);
    const CaseSize *sizes = case_sizes(&n_sizes);
    const Json *first = json_at(kernels, 0);
    printf("\nkernels: batch %d, threads %d, %s; best rate, share of the multiply-add peak,\n"
           "  share of the roofline (that peak or the bandwidth for its bytes, what is lower)\n  "
           "%-30s",
           (int)json_get_int(first, "batch", 0), (int)json_get_int(first, "threads", 0),
           json_get_str(first, "isa", "?"), "");
    for (int s = 0; s < n_sizes; s++) {
        char head[32];
        snprintf(head, sizeof head, "C=%d %dx%d", sizes[s].c, sizes[s].side, sizes[s].side);
        printf("  %18s", head);
    }
    printf("\n");
    for (int k = 0; k < n_kinds; k++)
        print_kernel(kernels, &kinds[k], sizes, n_sizes);
}

static void print_step(const Json *r)
{
    char rss[32], predicted[32];
    const char *failed = json_get_str(r, "error", NULL);
    printf("  %-18s ", json_get_str(r, "name", ""));
    if (failed) {
        printf("%s\n", failed);
        return;
    }
    bool sampled = json_to_bool(json_get(r, "sampled"), false);
    printf("%8.4f  %8.4f %8.4f  %8.4f %8.4f  %9s %9s  %6.1f %4.0f%%\n",
           json_get_num(r, sampled ? "mean" : "median", NAN), json_get_num(r, "min", NAN),
           json_get_num(r, "max", NAN), json_get_num(r, "alpha_median", NAN),
           json_get_num(r, sampled ? "cpu_mean" : "cpu_median", NAN),
           str_bytes(json_get_num(r, "peak_rss", 0), rss, sizeof rss),
           str_bytes(json_get_num(r, "predicted_bytes", 0), predicted, sizeof predicted),
           json_get_num(r, "gmacs", NAN), 100 * json_get_num(r, "peak_share", NAN));
}

static const Json *named(const Json *steps, const char *name)
{
    for (int i = 0; i < json_length(steps); i++)
        if (strcmp(json_get_str(json_at(steps, i), "name", ""), name) == 0)
            return json_at(steps, i);
    return NULL;
}

// "gdas..." against "darts...": a sampled path should cost a quarter at most. On a machine that
// others use too only processor time can tell.
static void print_sampled(const Json *steps, const Json *r)
{
    char name[64];
    if (!json_to_bool(json_get(r, "sampled"), false))
        return;
    snprintf(name, sizeof name, "darts%s", json_get_str(r, "name", "gdas") + strlen("gdas"));
    const Json *all = named(steps, name);
    double wall = json_get_num(r, "mean", NAN) / json_get_num(all, "median", NAN);
    double cpu = json_get_num(r, "cpu_mean", NAN) / json_get_num(all, "cpu_median", NAN);
    if (isfinite(wall))
        printf("  %s costs %.2f of %s, in processor time %.2f (a quarter at most)\n",
               json_get_str(r, "name", ""), wall, name, cpu);
}

// Wall clock far over processor time: something else ran. Says nothing of several threads, which
// also wait for each other.
static bool was_shared(const Json *steps)
{
    for (int i = 0; i < json_length(steps); i++) {
        const Json *r = json_at(steps, i);
        double wall = json_get_num(r, "mean", 0), cpu = json_get_num(r, "cpu_mean", 0);
        if (json_get_int(r, "threads", 0) == 1 && wall > 1.15 * cpu)
            return true;
    }
    return false;
}

void bench_print_steps(const Json *steps)
{
    printf(
        "\nsteps: batch %d; seconds of a first-order step (sampled paths: the mean of a cycle)\n",
        BENCH_BATCH);
    printf("  %-18s %8s  %8s %8s  %8s %8s  %9s %9s  %6s %5s\n", "supernet", "step", "min", "max",
           "alpha", "cpu", "peak", "predicted", "GMAC/s", "peak");
    for (int i = 0; i < json_length(steps); i++)
        print_step(json_at(steps, i));
    for (int i = 0; i < json_length(steps); i++)
        print_sampled(steps, json_at(steps, i));
    if (was_shared(steps))
        printf("  other programs ran meanwhile: wall-clock times are too long, processor time says "
               "more\n");
}

// ---- beside PyTorch ----------------------------------------------------------------------------

static const char *const formats[] = { "nchw", "channels_last" };

typedef struct {
    double seconds, cpu, rss, base;
} Side;

static Side side_of(const Json *r, bool sampled)
{
    return (Side){ json_get_num(r, sampled ? "mean" : "median", NAN),
                   json_get_num(r, sampled ? "cpu_mean" : "cpu_median", NAN),
                   json_get_num(r, "peak_rss", NAN), json_get_num(r, "base_rss", NAN) };
}

static void print_ratio(const Json *r)
{
    const Json *torch = json_get(r, "torch");
    if (!torch)
        return;
    bool sampled = json_to_bool(json_get(r, "sampled"), false);
    Side ours = side_of(r, sampled), side[2];
    for (int f = 0; f < 2; f++)
        side[f] = side_of(json_get(torch, formats[f]), sampled);
    const Side *best =
        side[1].seconds < side[0].seconds || isnan(side[0].seconds) ? &side[1] : &side[0];
    printf("  %-18s %9.4f %9.4f %9.4f %8.1fx %8.1fx %8.1fx %8.1fx %9.2f %9.2f\n",
           json_get_str(r, "name", ""), ours.seconds, side[0].seconds, side[1].seconds,
           best->seconds / ours.seconds, side[0].seconds / ours.seconds, best->cpu / ours.cpu,
           side[0].cpu / ours.cpu, ours.rss / best->rss,
           (ours.rss - ours.base) / (best->rss - best->base));
    for (int f = 0; f < 2; f++) {
        const char *failed = json_get_str(json_get(torch, formats[f]), "error", NULL);
        if (failed)
            printf("    %s: %s\n", formats[f], failed);
    }
}

void bench_print_ratios(const Json *steps)
{
    const Json *about = NULL;
    for (int i = 0; i < json_length(steps) && !about; i++)
        about = json_get(json_get(json_at(steps, i), "torch"), formats[0]);
    printf("\nbeside PyTorch %s (oneDNN %s, %s), threads %d; ratios of time, shares of memory\n",
           json_get_str(about, "torch", "?"), json_get_str(about, "onednn", "?"),
           json_get_str(about, "capability", "?"), (int)json_get_int(about, "threads", 0));
    printf("  %-18s %9s %9s %9s %9s %9s %9s %9s %9s %9s\n", "", "ours", "PyTorch", "PyTorch",
           "to its", "to its", "cpu: to", "cpu: to", "peak", "less the");
    printf("  %-18s %9s %9s %9s %9s %9s %9s %9s %9s %9s\n", "supernet", "s", "nchw s", "ch.last s",
           "better", "default", "better", "default", "memory", "library");
    for (int i = 0; i < json_length(steps); i++)
        print_ratio(json_at(steps, i));
}
