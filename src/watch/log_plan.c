// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "src/watch/log.h"

// How long a search is to be, and what health has to know of that.

// lr_e = lr_min + (lr_0 - lr_min) (1 + cos(pi e / T)) / 2, printed at e or, by programs that step
// the scheduler first, at e + 1.
int log_cosine_epochs(const double *lr, int n)
{
    static const double minima[] = { 0.001, 0.0, 0.0001, 0.0025 };
    static const double starts[] = { 0, 0.025, 0.1, 0.05, 0.2, 0.01, 0.005 };
    for (int shift = 0; shift < 2; shift++)
        for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
            for (size_t m = 0; m < sizeof minima / sizeof *minima; m++) {
                double first = s == 0 ? lr[0] : starts[s];
                if ((s == 0) == (shift == 1))
                    continue;
                for (int T = 5; T <= 1000; T++) {
                    bool fits = true;
                    for (int e = 0; e < n && fits; e++) {
                        double want = minima[m] + (first - minima[m]) *
                                                      (1 + cos(acos(-1) * (e + shift) / T)) / 2;
                        fits = fabs(want - lr[e]) <= 1e-6 * want;
                    }
                    if (fits)
                        return T;
                }
            }
    return 0;
}

void log_guess_plan(LogReader *log)
{
    double lr[8];
    ModelRun *run = log->now.run;
    if (run->epochs > 0 || run->n_rows < 8 || run->n_rows > 64)
        return;
    for (int i = 0; i < 8; i++) {
        if (run->rows[i].epoch != i)
            return;
        lr[i] = run->rows[i].lr;
    }
    run->epochs = log_cosine_epochs(lr, 8);
}

// What health has to know of the run. Where the cell is told only at the end of a stage, one
// telling stands for many epochs: it is enough for a look, and a rise is one since the last.
void log_sync_limits(LogReader *log)
{
    enum { STAGE_EPOCHS = 100 };
    ModelRun *run = log->now.run;
    HealthLimits limits = run->limits;
    bool staged = log->stages > 0;
    if (limits.epochs == run->epochs && limits.warmup_epochs == log->settings.warmup &&
        (!staged || limits.looks == 1))
        return;
    limits.epochs = run->epochs;
    limits.warmup_epochs = log->settings.warmup;
    if (staged) {
        limits.looks = limits.depth_epochs = limits.slow_hold = 1;
        limits.rise_epochs = STAGE_EPOCHS;
    }
    model_limits(run, &limits, NULL);
}
