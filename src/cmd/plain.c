// SPDX-License-Identifier: MIT
#include "src/cmd/plain.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/str.h"

void plain_init(Plain *p)
{
    *p = (Plain){ .first_epoch = -1, .is_terminal = isatty(STDERR_FILENO) };
}

void plain_clear(Plain *p)
{
    if (p->progress)
        fputs("\r\033[K", stderr);
    p->progress = false;
}

static void print_epoch(Plain *p, const Json *r)
{
    const Json *train = json_get(r, "train"), *valid = json_get(r, "valid");
    int epoch = (int)json_get_int(r, "epoch", -1);
    char took[32], left[48] = "";
    str_duration(json_get_num(r, "seconds", NAN), took, sizeof took);
    if (p->first_epoch < 0) {
        p->first_epoch = epoch;
        p->began = clock_mono() - fmax(0, json_get_num(r, "seconds", 0));
    }
    if (p->epochs > epoch + 1) {
        double each = (clock_mono() - p->began) / (epoch - p->first_epoch + 1);
        char eta[32];
        snprintf(left, sizeof left, "  eta %s",
                 str_duration(each * (p->epochs - epoch - 1), eta, sizeof eta));
    }
    printf("epoch %d/%d  train loss %.4f acc %.4f  valid loss %.4f acc %.4f  lr %.5f  %s%s\n",
           epoch, p->epochs - 1, json_get_num(train, "loss", NAN), json_get_num(train, "acc", NAN),
           json_get_num(valid, "loss", NAN), json_get_num(valid, "acc", NAN),
           json_get_num(r, "lr", NAN), took, left);
}

static void print_alarm(const Json *r)
{
    printf("%s %s in %s at epoch %d: %s; last good epoch %d\n", json_get_str(r, "level", "?"),
           json_get_str(r, "rule", "?"), json_get_str(r, "cell", "?"),
           (int)json_get_int(r, "epoch", -1), json_get_str(r, "words", ""),
           (int)json_get_int(r, "good_epoch", -1));
}

static bool print_value(void *self, const char *key, const Json *value)
{
    double x = json_to_num(value, NAN);
    (void)self;
    if (fabs(x) >= 1000 && x == floor(x))
        printf("  %s %.0f", key, x);
    else
        printf("  %s %.4g", key, x);
    return true;
}

// Before the first epoch there is nothing to count.
static void print_state(const Json *r)
{
    int epoch = (int)json_get_int(r, "epoch", -1);
    printf("state %s", json_get_str(r, "state", "?"));
    if (epoch >= 0)
        printf("  epoch %d  step %lld", epoch, (long long)json_get_int(r, "step", 0));
    printf("\n");
}

static void print_trial(const Json *r)
{
    printf("trial %d %s", (int)json_get_int(r, "number", -1), json_get_str(r, "state", "?"));
    json_each(json_get(r, "values"), print_value, NULL);
    printf("  %s\n", json_get_str(r, "arch", ""));
}

void plain_record(Plain *p, const Json *r)
{
    const char *t = json_get_str(r, "t", "");
    if (strcmp(t, "run") == 0)
        p->epochs = (int)json_get_int(r, "epochs", 0);
    static const char *const shown[] = { "run", "epoch", "alarm", "trial", "state", "note", NULL };
    int i = 0;
    while (shown[i] && strcmp(shown[i], t) != 0)
        i++;
    if (!shown[i])
        return;
    plain_clear(p);
    if (i == 0)
        printf("run %s  space %s  strategy %s  seed %lld  epochs %d\n",
               json_get_str(r, "name", "?"), json_get_str(r, "space", "?"),
               json_get_str(r, "strategy", "?"), (long long)json_get_int(r, "seed", -1), p->epochs);
    else if (i == 1)
        print_epoch(p, r);
    else if (i == 2)
        print_alarm(r);
    else if (i == 3)
        print_trial(r);
    else if (i == 4)
        print_state(r);
    else
        printf("note %s\n", json_get_str(r, "text", ""));
    fflush(stdout);
}

void plain_progress(Plain *p, int epoch, long long step, long long steps, double loss)
{
    static double last;
    double now = clock_mono();
    if (!p->is_terminal || (now - last < 0.25 && p->progress))
        return;
    static double first_time;
    static long long first_step = -1;
    if (first_step < 0 || step < first_step) {
        first_step = step;
        first_time = now;
    }
    char eta[32] = "-";
    if (step > first_step)
        str_duration((now - first_time) / (double)(step - first_step) * (double)(steps - step), eta,
                     sizeof eta);
    fprintf(stderr, "\r\033[Kepoch %d  step %lld/%lld  loss %.3f  eta %s", epoch + 1, step, steps,
            loss, eta);
    fflush(stderr);
    last = now;
    p->progress = true;
}
