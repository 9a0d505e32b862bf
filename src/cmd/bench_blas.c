// SPDX-License-Identifier: MIT
// What OpenBLAS is used for, beside the plain loops that every instruction set would take instead.
#include <stdio.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "src/cmd/bench.h"
#include "src/kernel/kernel.h"

enum { SAMPLES = 7, BLOCKS = 20 };

typedef struct {
    const char *name;
    KernelGeneric kind;
    int side, c, oc, heads;
} Row;

static const Row rows[] = {
    { "linear 256 to 10", GEN_LINEAR, 1, 256, 10, 1 },
    { "linear 4x4x128 to 128", GEN_LINEAR, 4, 128, 128, 1 },
    { "attention 8x8x16, 1 head", GEN_ATTENTION, 8, 16, 16, 1 },
    { "attention 8x8x64, 4 heads", GEN_ATTENTION, 8, 64, 64, 4 },
};
enum { ROWS = sizeof rows / sizeof *rows };

typedef struct {
    KernelGenericArgs args;
    KernelTerm term;
    KernelWork work;
    void *block[BLOCKS];
    int n_blocks;
    bool failed;
} Call;

static float *take(Call *call, size_t count)
{
    Rng rng = rng_at(1, (uint64_t)call->n_blocks, count);
    float *x = call->n_blocks < BLOCKS ? mem_aligned((count + 16) * sizeof *x) : NULL;
    if (!x) {
        call->failed = true;
        return NULL;
    }
    call->block[call->n_blocks++] = x;
    for (size_t i = 0; i < count; i++)
        x[i] = 0.1F * (2 * (float)rng_uniform(&rng) - 1);
    return x;
}

static void take_weights(Call *call, const Row *row)
{
    KernelGenericArgs *a = &call->args;
    size_t c = (size_t)row->c, in = (size_t)(row->side * row->side) * c, oc = (size_t)row->oc;
    bool linear = row->kind == GEN_LINEAR;
    size_t w = linear ? in * oc : 3 * c * c, bias = linear ? oc : 3 * c;
    a->w = take(call, w);
    a->bias = take(call, bias);
    a->g_w = take(call, w);
    a->g_bias = take(call, bias);
    if (!linear) {
        a->w2 = take(call, c * c);
        a->bias2 = take(call, c);
        a->g_w2 = take(call, c * c);
        a->g_bias2 = take(call, c);
    }
    size_t group = kernel_round(w) + kernel_round(bias) + kernel_round(c * c) + kernel_round(c);
    call->work.group = take(call, KERNEL_GROUPS * group);
}

static void open_call(Call *call, const Row *row, int threads)
{
    KernelGenericArgs *a = &call->args;
    bool linear = row->kind == GEN_LINEAR;
    int out_side = linear ? 1 : row->side;
    a->kind = row->kind;
    a->heads = row->heads;
    a->shape = (KernelShape){ .n = BENCH_BATCH,
                              .h = row->side,
                              .w = row->side,
                              .c = row->c,
                              .oh = out_side,
                              .ow = out_side,
                              .oc = row->oc,
                              .k = linear ? 1 : 0,
                              .stride = 1,
                              .dil = 1,
                              .groups = 1 };
    size_t in = (size_t)(BENCH_BATCH * row->side * row->side) * (size_t)row->c;
    size_t out = (size_t)(BENCH_BATCH * out_side * out_side) * (size_t)row->oc;
    a->src = (KernelSrc){ .x = take(call, in), .c = row->c, .ld = row->c };
    a->dst = (KernelDst){ .dx = take(call, in), .ld = row->c };
    a->y = take(call, out);
    a->y_ld = row->oc;
    call->term = (KernelTerm){ take(call, out), row->oc, 1 };
    a->grad = (KernelGrad){ .term = &call->term, .n = 1 };
    call->work.threads = threads;
    call->work.tile_floats =
        kernel_round(kernels_reference()->tile_floats(ENTRY_GENERIC, &a->shape));
    call->work.tile = take(call, call->work.tile_floats * (size_t)threads);
    take_weights(call, row);
    a->work = &call->work;
}

static void close_call(Call *call)
{
    while (call->n_blocks > 0)
        mem_free(call->block[--call->n_blocks]);
}

// Best seconds of a forward and a backward pass.
static void measure(const Call *call, const Kernels *set, double *fwd, double *bwd)
{
    *fwd = *bwd = 1e9;
    for (int i = 0; i < SAMPLES; i++) {
        double began = bench_now();
        set->generic_fwd(&call->args);
        double middle = bench_now();
        set->generic_bwd(&call->args);
        double ended = bench_now();
        *fwd = middle - began < *fwd ? middle - began : *fwd;
        *bwd = ended - middle < *bwd ? ended - middle : *bwd;
    }
}

static Status measure_all(void *self, FILE *in, FILE *out, Error *err)
{
    (void)in;
    const BenchOptions *o = self;
    const Kernels *set = kernels_get(o->isa, NULL);
    for (int i = 0; i < ROWS; i++) {
        Call call = { 0 };
        double loops[2], blas[2];
        open_call(&call, &rows[i], o->threads);
        if (call.failed) {
            close_call(&call);
            return error_set(err, STATUS_NOMEM, "no memory for '%s'", rows[i].name);
        }
        measure(&call, kernels_reference(), &loops[0], &loops[1]);
        measure(&call, set, &blas[0], &blas[1]);
        close_call(&call);
        Json *r = json_new_object();
        json_put_str(r, "name", rows[i].name);
        json_put_num(r, "loops_fwd", loops[0]);
        json_put_num(r, "loops_bwd", loops[1]);
        json_put_num(r, "blas_fwd", blas[0]);
        json_put_num(r, "blas_bwd", blas[1]);
        bench_child_say(out, r);
    }
    return STATUS_OK;
}

Status bench_blas(const BenchOptions *o, BenchProgress *p, Json **records, Error *err)
{
    BenchChild child;
    BenchOptions copy = *o;
    Json *record = NULL, *all = json_new_array();
    *records = all;
    bench_progress_show(p, "OpenBLAS");
    Status status = bench_child_fork(measure_all, &copy, &child, err);
    if (status != STATUS_OK)
        return status;
    while ((status = bench_child_read(&child, &record, err)) == STATUS_OK && record)
        json_add(all, record);
    bench_child_end(&child);
    return status;
}

void bench_print_blas(const Json *records)
{
    printf("\nOpenBLAS beside plain loops: batch %d, microseconds forward and backward\n",
           BENCH_BATCH);
    for (int i = 0; i < json_length(records); i++) {
        const Json *r = json_at(records, i);
        double lf = json_get_num(r, "loops_fwd", 0), lb = json_get_num(r, "loops_bwd", 0);
        double bf = json_get_num(r, "blas_fwd", 1), bb = json_get_num(r, "blas_bwd", 1);
        printf("  %-26s loops %9.1f %9.1f   OpenBLAS %9.1f %9.1f   %5.1fx %5.1fx\n",
               json_get_str(r, "name", ""), 1e6 * lf, 1e6 * lb, 1e6 * bf, 1e6 * bb, lf / bf,
               lb / bb);
    }
}
