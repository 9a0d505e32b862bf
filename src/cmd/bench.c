// SPDX-License-Identifier: MIT
#include "src/cmd/bench.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cmd/cmd.h"
#include "src/kernel/kernel.h"

static const CmdOption options[] = {
    { "--quick", 0, NULL, "fewer repeats, without the largest supernets" },
    { "--threads", 0, "N", "threads of everything measured, 0 for all processors (1)" },
    { "--only", 0, "PART", "machine, kernels or steps" },
    { "--net", 0, "NAME", "steps of this supernet alone" },
    { "--isa", 0, "NAME", "kernels for base, avx2, avx512, or the reference" },
    { "--torch", 0, "PYTHON", "the same steps in PyTorch, in turn ($DARTBOARD_TORCH)" },
    { NULL, 0, NULL, NULL },
};
const Command command_bench = {
    .name = "bench",
    .args = "",
    .summary = "how fast machine, kernels and search steps are",
    .details = "Measures arithmetic peak and bandwidth, each kernel against its roofline, and one\n"
               "first-order search step (alpha pass and w pass, batch 64) of several supernets:\n"
               "seconds, peak memory, multiply-adds a second. With --torch PYTHON the same steps\n"
               "run in PyTorch in both memory formats and the ratios are printed.",
    .options = options,
};

static int count_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? n : 1;
}

static bool is_part(const char *only)
{
    return !only || strcmp(only, "machine") == 0 || strcmp(only, "kernels") == 0 ||
           strcmp(only, "steps") == 0;
}

static Status check_net(const char *name, Error *err)
{
    int n;
    const BenchNet *nets = bench_nets(&n);
    Str known = { 0 };
    for (int i = 0; i < n; i++) {
        if (!name || strcmp(nets[i].name, name) == 0) {
            str_fini(&known);
            return STATUS_OK;
        }
        str_addf(&known, "%s%s", i ? ", " : "", nets[i].name);
    }
    error_set(err, STATUS_ARG, "--net: unknown supernet '%s'; expected one of %s", name,
              str_text(&known));
    str_fini(&known);
    return STATUS_ARG;
}

static Status read_options(const CmdArgs *args, int64_t threads, BenchOptions *o, Error *err)
{
    const char *why = NULL, *env = getenv("DARTBOARD_TORCH");
    *o = (BenchOptions){
        .quick = cmd_has(args, "--quick"),
        .json = cmd_has(args, "--json"),
        .cores = count_cores(),
        .isa = cmd_value(args, "--isa"),
        .only = cmd_value(args, "--only"),
        .net = cmd_value(args, "--net"),
        .torch = cmd_value(args, "--torch"),
    };
    if (!o->torch && env && *env)
        o->torch = env;
    if (o->net && !o->only)
        o->only = "steps";
    o->threads = threads > 0 ? (int)threads : o->cores;
    if (!is_part(o->only))
        return error_set(err, STATUS_ARG, "--only: expected machine, kernels or steps, got '%s'",
                         o->only);
    if (!kernels_get(o->isa, &why))
        return error_set(err, STATUS_ARG, "instruction set '%s': %s",
                         o->isa ? o->isa : getenv("DARTBOARD_ISA"), why);
    return check_net(o->net, err);
}

static bool wanted(const BenchOptions *o, const char *part)
{
    return !o->only || strcmp(o->only, part) == 0;
}

static Status measure(const BenchOptions *o, Json *doc, Error *err)
{
    BenchProgress p;
    BenchMachine machine;
    Json *part = NULL;
    bool kernels = wanted(o, "kernels"), steps = wanted(o, "steps");
    bench_progress_start(&p, bench_machine_cost(o) + (kernels ? bench_kernels_cost(o) : 0) +
                                 (steps ? bench_steps_cost(o) : 0));
    Status status = bench_machine(o, &p, &machine, &part, err);
    if (status == STATUS_OK)
        json_put(doc, "machine", part);
    if (status == STATUS_OK && kernels) {
        status = bench_kernels(o, &p, &machine, &part, err);
        json_put(doc, "kernels", part);
    }
    if (status == STATUS_OK && kernels) {
        status = bench_blas(o, &p, &part, err);
        json_put(doc, "blas", part);
    }
    if (status == STATUS_OK && steps) {
        status = bench_steps(o, &p, &machine, &part, err);
        json_put(doc, "steps", part);
    }
    bench_progress_end(&p);
    return status;
}

static void print(const BenchOptions *o, const Json *doc)
{
    Str out = { 0 };
    if (o->json) {
        json_write_pretty(doc, &out, NULL);
        puts(str_text(&out));
        str_fini(&out);
        return;
    }
    if (json_get(doc, "machine"))
        bench_print_machine(json_get(doc, "machine"));
    if (json_length(json_get(doc, "kernels")))
        bench_print_kernels(json_get(doc, "kernels"));
    if (json_length(json_get(doc, "blas")))
        bench_print_blas(json_get(doc, "blas"));
    if (json_length(json_get(doc, "steps"))) {
        bench_print_steps(json_get(doc, "steps"));
        if (o->torch)
            bench_print_ratios(json_get(doc, "steps"));
    }
}

static bool any_failed(const Json *steps)
{
    static const char *const formats[] = { "nchw", "channels_last" };
    for (int i = 0; i < json_length(steps); i++) {
        const Json *r = json_at(steps, i), *torch = json_get(r, "torch");
        if (json_get(r, "error"))
            return true;
        for (int f = 0; torch && f < 2; f++)
            if (json_get(json_get(torch, formats[f]), "error"))
                return true;
    }
    return false;
}

int cmd_bench(int argc, char **argv)
{
    CmdArgs args;
    BenchOptions o;
    Error err;
    int64_t threads = 1;
    int code;
    if (!cmd_parse(&command_bench, argc, argv, &args, &code))
        return code;
    if (!cmd_int(&args, "--threads", 0, 1024, &threads))
        return 2;
    Status status = read_options(&args, threads, &o, &err);
    if (status != STATUS_OK)
        return cmd_fail(&command_bench, &err);
    signal(SIGPIPE, SIG_IGN); // a child that ended shows at the next read
    Json *doc = json_new_object();
    status = measure(&o, doc, &err);
    print(&o, doc);
    code =
        status != STATUS_OK ? cmd_fail(&command_bench, &err) : any_failed(json_get(doc, "steps"));
    json_free(doc);
    return code;
}
