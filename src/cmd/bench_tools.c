// SPDX-License-Identifier: MIT
// Clocks, spreads, free memory and the progress line of the benchmark.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "src/cmd/bench.h"

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double bench_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

BenchSpread bench_spread(double *values, int n)
{
    if (n < 1)
        return (BenchSpread){ NAN, NAN, NAN, NAN };
    double sum = 0;
    qsort(values, (size_t)n, sizeof *values, by_value);
    for (int i = 0; i < n; i++)
        sum += values[i];
    double median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    return (BenchSpread){ median, values[0], values[n - 1], sum / n };
}

double bench_free_memory(void)
{
    char line[256];
    long long kb = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %lld kB", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return (double)kb * 1024;
}

// ---- progress ----------------------------------------------------------------------------------

void bench_progress_start(BenchProgress *p, double total)
{
    *p = (BenchProgress){ .total = total, .began = bench_now() };
    p->is_terminal = isatty(STDERR_FILENO);
}

static void draw(BenchProgress *p)
{
    char left[48] = "", line[160];
    double share = p->total > 0 ? p->done / p->total : 1, spent = bench_now() - p->began;
    if (share > 0.02 && spent > 1) {
        char text[32];
        double rest = share < 1 ? spent * (1 - share) / share : 0;
        snprintf(left, sizeof left, ", about %s left", str_duration(rest, text, sizeof text));
    }
    snprintf(line, sizeof line, "bench: %3.0f%% %s%s", 100 * (share < 1 ? share : 1), p->what,
             left);
    if (p->is_terminal)
        fprintf(stderr, "\r%s\033[K", line);
    else
        fprintf(stderr, "%s\n", line);
}

void bench_progress_show(BenchProgress *p, const char *what)
{
    snprintf(p->what, sizeof p->what, "%s", what);
    draw(p);
}

void bench_progress_add(BenchProgress *p, double cost)
{
    p->done += cost;
    if (p->is_terminal)
        draw(p);
}

void bench_progress_end(BenchProgress *p)
{
    if (p->is_terminal)
        fprintf(stderr, "\r\033[K");
}
