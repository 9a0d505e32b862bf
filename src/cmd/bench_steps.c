// SPDX-License-Identifier: MIT
// Search steps of the supernets, ours and PyTorch's taking turns.
#include <limits.h>
#include <string.h>

#include "src/base/file.h"
#include "src/cmd/bench.h"

enum { STEPS = 64 };
static const char *const formats[] = { "nchw", "channels_last" };
enum { FORMATS = 2 };

// What one side's steps gave.
typedef struct {
    double seconds[STEPS], cpu[STEPS], alpha[STEPS], peak_rss;
    int n;
} Taken;

typedef struct {
    const BenchOptions *o;
    BenchProgress *p;
    const BenchMachine *machine;
    const BenchNet *net;
    BenchChild ours;
    int cycle; // steps that belong together: a sample of every operator
    Taken taken;
} Bout;

static bool picked(const BenchOptions *o, const BenchNet *net)
{
    if (o->net)
        return strcmp(o->net, net->name) == 0;
    return !(o->quick && net->large);
}

// Rounds at least and at most; between them a budget of seconds decides.
static int fewest_rounds(const BenchNet *net)
{
    return net->sampled ? 8 : 3;
}

static int most_rounds(const BenchOptions *o, const BenchNet *net)
{
    return net->sampled || o->quick ? fewest_rounds(net) : 9;
}

static double budget(const BenchOptions *o)
{
    return o->quick ? 5 : 20;
}

static double expected_rounds(const BenchOptions *o, const BenchNet *net)
{
    double step = net->cost + (o->torch ? net->torch_cost : 0), n = budget(o) / step;
    double low = fewest_rounds(net), high = most_rounds(o, net);
    return n < low ? low : n > high ? high : n;
}

static double net_cost_seconds(const BenchOptions *o, const BenchNet *net)
{
    double rounds = expected_rounds(o, net);
    if (!o->torch)
        return net->cost * (rounds + 1);
    return net->cost + FORMATS * (rounds * net->cost + (rounds + 1) * net->torch_cost + 6);
}

double bench_steps_cost(const BenchOptions *o)
{
    int n;
    const BenchNet *nets = bench_nets(&n);
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += picked(o, &nets[i]) ? net_cost_seconds(o, &nets[i]) : 0;
    return sum;
}

// ---- PyTorch -----------------------------------------------------------------------------------

static Status find_script(char *path, Error *err)
{
    static const char name[] = "tests/reference/torch_steps.py";
    snprintf(path, PATH_MAX, "%s/%s", file_share_dir(), name);
    if (!file_exists(path))
        snprintf(path, PATH_MAX, "%s", name);
    if (file_exists(path))
        return STATUS_OK;
    return error_set(err, STATUS_IO, "%s is not here; --torch needs a clone of the sources", name);
}

Status bench_torch_start(const BenchOptions *o, const BenchNet *net, const char *format,
                         BenchChild *child, Json **ready, Error *err)
{
    char path[PATH_MAX], threads[16];
    double room = bench_free_memory();
    Status status = find_script(path, err);
    if (status != STATUS_OK)
        return status;
    if (room > 0 && room < net->torch_bytes)
        return error_set(err, STATUS_NOMEM, "PyTorch needs about %.0f GB here; %.1f GB are free",
                         net->torch_bytes / 1e9, room / 1e9);
    snprintf(threads, sizeof threads, "%d", o->threads);
    const char *argv[] = { o->torch,    path,    "--serve",  "--net", net->name,
                           "--threads", threads, "--format", format,  NULL };
    status = bench_child_exec((char *const *)argv, child, err);
    if (status != STATUS_OK)
        return status;
    status = bench_child_read(child, ready, err);
    if (status == STATUS_OK && !*ready)
        status = error_set(err, STATUS_IO, "it ended without an answer");
    if (status != STATUS_OK)
        error_wrap(err, "%s", o->torch);
    return status;
}

// ---- rounds ------------------------------------------------------------------------------------

static Status take(BenchChild *child, Taken *taken, Error *err)
{
    Json *r = NULL;
    Status status = bench_child_ask(child, &r, err);
    if (status != STATUS_OK)
        return status;
    if (taken->n < STEPS) {
        taken->seconds[taken->n] = json_get_num(r, "seconds", 0);
        taken->cpu[taken->n] = json_get_num(r, "cpu", 0);
        taken->alpha[taken->n] = json_get_num(r, "alpha_seconds", 0);
        taken->n++;
    }
    taken->peak_rss = json_get_num(r, "peak_rss", 0);
    json_free(r);
    return STATUS_OK;
}

// Steps of the other side (if there is one) and of ours in turn.
static Status play(Bout *b, BenchChild *other, Taken *theirs, Error *err)
{
    double began = bench_now();
    int most = most_rounds(b->o, b->net), fewest = fewest_rounds(b->net);
    if (b->cycle > 1)
        most = fewest = b->cycle;
    for (int round = 0; round < most; round++) {
        if (round >= fewest && bench_now() - began > budget(b->o))
            break;
        Status status = other ? take(other, theirs, err) : STATUS_OK;
        if (status != STATUS_OK)
            return error_wrap(err, "%s", b->o->torch);
        status = take(&b->ours, &b->taken, err);
        if (status != STATUS_OK)
            return status;
        bench_progress_add(b->p, b->net->cost + (other ? b->net->torch_cost : 0));
    }
    return STATUS_OK;
}

static void put_taken(Json *o, const Taken *taken)
{
    Json *seconds = json_new_array(), *cpu = json_new_array();
    for (int i = 0; i < taken->n; i++) {
        json_add(seconds, json_new_num(taken->seconds[i]));
        json_add(cpu, json_new_num(taken->cpu[i]));
    }
    json_put(o, "seconds", seconds);
    json_put(o, "cpu", cpu);
    Taken sorted = *taken;
    BenchSpread wall = bench_spread(sorted.seconds, sorted.n);
    json_put_num(o, "median", wall.median);
    json_put_num(o, "min", wall.min);
    json_put_num(o, "max", wall.max);
    json_put_num(o, "mean", wall.mean);
    BenchSpread processor = bench_spread(sorted.cpu, sorted.n);
    json_put_num(o, "cpu_median", processor.median);
    json_put_num(o, "cpu_mean", processor.mean);
    json_put_num(o, "peak_rss", taken->peak_rss);
}

static void put_error(Json *o, const Error *err)
{
    char text[1024];
    json_put_str(o, "error", error_text(err, text, sizeof text));
}

// Another number of weights is another net: a space was changed on one side only.
static Status same_net(const Json *ours, const Json *theirs, Error *err)
{
    int64_t a = json_get_int(ours, "params", 0), b = json_get_int(theirs, "params", 0);
    if (a == b)
        return STATUS_OK;
    return error_set(err, STATUS_ARG,
                     "PyTorch's net has %lld weights, ours %lld; torch_steps.py must follow the "
                     "space",
                     (long long)b, (long long)a);
}

static Json *against(Bout *b, const Json *ours, const char *format)
{
    BenchChild child = { 0 };
    Taken theirs = { 0 };
    Error err = { 0 };
    Json *ready = NULL;
    char what[128];
    snprintf(what, sizeof what, "%s beside PyTorch %s", b->net->name, format);
    bench_progress_show(b->p, what);
    Status status = bench_torch_start(b->o, b->net, format, &child, &ready, &err);
    if (status == STATUS_OK) {
        bench_progress_add(b->p, b->net->torch_cost + 6);
        status = same_net(ours, ready, &err);
    }
    if (status == STATUS_OK)
        status = play(b, &child, &theirs, &err);
    bench_child_end(&child);
    if (!ready)
        ready = json_new_object();
    if (status == STATUS_OK)
        put_taken(ready, &theirs);
    else
        put_error(ready, &err);
    return ready;
}

static void put_rates(Json *o, const Bout *b)
{
    Taken sorted = b->taken;
    BenchSpread alpha = bench_spread(sorted.alpha, sorted.n);
    json_put_num(o, "alpha_median", alpha.median);
    // Samples cost differently: their mean is what a search pays.
    double seconds = json_get_num(o, b->net->sampled ? "mean" : "median", 0);
    double rate = json_get_num(o, "step_macs", 0) / seconds / 1e9;
    json_put_num(o, "gmacs", rate);
    json_put_num(o, "peak_share", rate / b->machine->peak);
}

static Status bout(Bout *b, Json **record, Error *err)
{
    BenchStepJob job = { b->net, b->o };
    bench_progress_show(b->p, b->net->name);
    Status status = bench_child_fork(bench_step_job, &job, &b->ours, err);
    if (status != STATUS_OK)
        return status;
    status = bench_child_read(&b->ours, record, err);
    if (status == STATUS_OK && !*record)
        status = error_set(err, STATUS_IO, "the measuring process ended without an answer");
    if (status != STATUS_OK)
        return status;
    bench_progress_add(b->p, b->net->cost);
    b->cycle = (int)json_get_int(*record, "cycle", 1);
    Json *torch = b->o->torch ? json_new_object() : NULL;
    for (int f = 0; torch && f < FORMATS; f++)
        json_put(torch, formats[f], against(b, *record, formats[f]));
    if (torch)
        json_put(*record, "torch", torch);
    if (b->taken.n == 0)
        status = play(b, NULL, NULL, err);
    if (status == STATUS_OK) {
        put_taken(*record, &b->taken);
        put_rates(*record, b);
    }
    return status;
}

Status bench_steps(const BenchOptions *o, BenchProgress *p, const BenchMachine *machine,
                   Json **records, Error *err)
{
    int n, found = 0;
    const BenchNet *nets = bench_nets(&n);
    *records = json_new_array();
    for (int i = 0; i < n; i++) {
        if (!picked(o, &nets[i]))
            continue;
        Bout b = { .o = o, .p = p, .machine = machine, .net = &nets[i] };
        Json *record = NULL;
        Error failed = { 0 };
        found++;
        Status status = bout(&b, &record, &failed);
        bench_child_end(&b.ours);
        if (!record)
            record = json_new_object();
        json_put_str(record, "name", nets[i].name);
        if (status != STATUS_OK)
            put_error(record, &failed);
        json_add(*records, record);
    }
    return found ? STATUS_OK : error_set(err, STATUS_ARG, "no supernet '%s'", o->net);
}
