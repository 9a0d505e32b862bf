// SPDX-License-Identifier: MIT
#include "src/engine/plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <omp.h>
#include <unistd.h>

#include "src/base/alloc.h"
#include "src/base/str.h"
#include "src/engine/ir.h"

// ---- compiling ----------------------------------------------------------------------------------

static Status check_options(const Graph *g, const PlanOptions *o, Error *err)
{
    Shape in = graph_shape(g, 0);
    if (o->batch < 1 || o->batch > 1 << 20)
        return error_set(err, STATUS_ARG, "batch is %d, expected 1 or more", o->batch);
    if (in.h < 1 || in.w < 1 || in.c < 1)
        return error_set(err, STATUS_ARG, "input of the network is %d x %d x %d", in.h, in.w, in.c);
    return STATUS_OK;
}

static Status choose_kernels(Plan *plan, Error *err)
{
    const char *why = "";
    plan->kernels = kernels_get(plan->options.isa, &why);
    if (!plan->kernels)
        return error_set(err, STATUS_ARG, "kernel set '%s': %s",
                         plan->options.isa ? plan->options.isa : "DARTBOARD_ISA", why);
    int threads = plan->options.threads;
    plan->work.threads = threads > 0 ? threads : omp_get_num_procs();
    if (plan->work.threads > KERNEL_GROUPS)
        plan->work.threads = KERNEL_GROUPS;
    return STATUS_OK;
}

static Status build(const Graph *g, const PlanOptions *options, Plan **out, Error *err)
{
    Status status = check_options(g, options, err);
    if (status != STATUS_OK)
        return status;
    Plan *plan = mem_zero(1, sizeof *plan);
    if (!plan)
        return error_set(err, STATUS_NOMEM, "no memory to compile the plan");
    plan->options = *options;
    status = choose_kernels(plan, err);
    if (status == STATUS_OK)
        status = cse_run(plan, g, err);
    if (status == STATUS_OK) {
        params_layout(plan);
        status = fuse_run(plan, err);
    }
    if (status == STATUS_OK) {
        grads_run(plan);
        if (!plan->failed)
            recompute_run(plan);
        if (!plan->failed)
            memory_run(plan);
        if (plan->failed)
            status = error_set(err, STATUS_NOMEM, "no memory to compile the plan");
    }
    if (status == STATUS_OK)
        *out = plan;
    else
        plan_free(plan);
    return status;
}

Status plan_bytes(const Graph *g, const PlanOptions *options, size_t *bytes, Error *err)
{
    Plan *plan = NULL;
    Status status = build(g, options, &plan, err);
    if (status != STATUS_OK)
        return status;
    *bytes = memory_predict(plan);
    plan_free(plan);
    return STATUS_OK;
}

// Bytes the machine can give without swapping; 0 if unknown.
static size_t machine_free(void)
{
    FILE *f = fopen("/proc/meminfo", "r");
    if (!f)
        return 0;
    char line[128];
    unsigned long long kib = 0;
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            break;
    fclose(f);
    return (size_t)kib * 1024;
}

// What recomputation would need; 0 if that is already on or does not help.
static size_t recomputed_bytes(const Graph *g, const Plan *plan, size_t need)
{
    PlanOptions o = plan->options;
    size_t bytes;
    if (o.recompute || o.forward_only)
        return 0;
    o.recompute = true;
    if (plan_bytes(g, &o, &bytes, NULL) != STATUS_OK || bytes > need - need / 20)
        return 0;
    return bytes;
}

static Status check_memory(const Graph *g, Plan *plan, Error *err)
{
    size_t limit = plan->options.memory_limit ? plan->options.memory_limit : machine_free();
    size_t need = memory_predict(plan);
    if (limit == 0 || need <= limit)
        return STATUS_OK;
    size_t less = recomputed_bytes(g, plan, need);
    char a[32], b[32], c[32], advice[96] = "or fewer channels";
    if (less > 0)
        snprintf(advice, sizeof advice, "fewer channels or run.recompute=true, which needs %s",
                 str_bytes((double)less, c, sizeof c));
    return error_set(err, STATUS_NOMEM,
                     "the network needs %s for a batch of %d, %s is %s; use a smaller batch%s %s",
                     str_bytes((double)need, a, sizeof a), plan->options.batch,
                     plan->options.memory_limit ? "the limit" : "free memory",
                     str_bytes((double)limit, b, sizeof b), less > 0 ? "," : "", advice);
}

Status plan_compile(const Graph *g, const PlanOptions *options, Plan **out, Error *err)
{
    Plan *plan = NULL;
    Status status = build(g, options, &plan, err);
    if (status != STATUS_OK)
        return status;
    status = check_memory(g, plan, err);
    if (status == STATUS_OK)
        status = memory_alloc(plan, err);
    if (status != STATUS_OK) {
        plan_free(plan);
        return status;
    }
    *out = plan;
    return STATUS_OK;
}

void plan_free(Plan *plan)
{
    if (!plan)
        return;
    void *const blocks[] = { plan->tensors,   plan->norms,      plan->grads,   plan->ops,
                             plan->units,     plan->sources,    plan->refs,    plan->trans,
                             plan->redo,      plan->params,     plan->buffers, plan->data_block,
                             plan->param,     plan->grad,       plan->buffer,  plan->trans_data,
                             plan->work.tile, plan->work.group, plan->sums,    plan->term_vec };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        mem_free(blocks[i]);
    arena_fini(&plan->arena);
    mem_free(plan);
}

// ---- passes -------------------------------------------------------------------------------------

static Status check_input(const Plan *plan, const PassInput *in, Error *err)
{
    if (in->n < 1 || in->n > plan->options.batch)
        return error_set(err, STATUS_ARG, "pass over %d images, the plan is for 1 to %d", in->n,
                         plan->options.batch);
    if (!in->images)
        return error_set(err, STATUS_ARG, "pass without images");
    int classes = plan->tensors[plan->logits].shape.c;
    for (int i = 0; in->labels && plan->main_loss >= 0 && i < in->n; i++)
        if (in->labels[i] < 0 || in->labels[i] >= classes)
            return error_set(err, STATUS_ARG,
                             "label of image %d is %d, the network has %d "
                             "classes",
                             i, in->labels[i], classes);
    return STATUS_OK;
}

static void sum_losses(Plan *plan, PassResult *result)
{
    *result = (PassResult){ 0 };
    if (!plan->input.labels && !plan->input.targets)
        return;
    for (int i = 0; i < plan->n_ops; i++) {
        const Op *op = &plan->ops[i];
        if (op->kind != OP_LOSS || !op->live)
            continue;
        const Source *s = &plan->sources[op->src];
        const LayerAttr *attr = &plan->nodes[op->node].attr;
        KernelLoss l = { .n = plan->input.n,
                         .c = s->c,
                         .logits = tensor_data(plan, s->tensor),
                         .label = plan->input.labels,
                         .target = plan->input.targets,
                         .smoothing = attr->smoothing,
                         .loss = plan->loss,
                         .hit = plan->hit,
                         .work = &plan->work };
        plan->kernels->loss(&l);
        double sum = 0;
        int hits = 0;
        for (int k = 0; k < plan->input.n; k++) {
            sum += plan->loss[k];
            hits += plan->hit[k];
        }
        sum /= plan->input.n;
        result->loss += sum * (attr->weight == 0 ? 1 : (double)attr->weight);
        if (op->node == plan->main_loss) {
            result->main_loss = sum;
            result->correct = hits;
        }
    }
}

Status plan_forward(Plan *plan, const PassInput *input, PassResult *result, Error *err)
{
    Status status = check_input(plan, input, err);
    if (status != STATUS_OK)
        return status;
    Shape s = plan->nodes[0].shape;
    PassResult none;
    plan->input = *input;
    plan->ran = true;
    if (input->labels) {
        memcpy(plan->labels, input->labels, (size_t)input->n * sizeof *plan->labels);
        plan->input.labels = plan->labels;
    }
    if (plan->bn_estimate && input->mode == PASS_TRAIN)
        plan->bn_count++;
    memcpy(tensor_data(plan, 0), input->images,
           (size_t)input->n * (size_t)(s.h * s.w) * (size_t)s.c * sizeof(float));
    live_forward(plan);
    for (int i = 0; i < plan->n_ops; i++)
        if (plan->ops[i].live)
            forward_op(plan, &plan->ops[i]);
    sum_losses(plan, result ? result : &none);
    return STATUS_OK;
}

Status plan_backward(Plan *plan, int what, Error *err)
{
    if (plan->options.forward_only)
        return error_set(err, STATUS_ARG, "backward pass of a plan compiled for forward only");
    if (!plan->ran || (!plan->input.labels && !plan->input.targets) || plan->main_loss < 0)
        return error_set(err, STATUS_ARG, "backward pass without a forward pass with a loss");
    plan->what = what;
    if (what & GRAD_WEIGHTS)
        memset(plan->grad, 0, plan->param_count * sizeof *plan->grad);
    for (int t = 0; t < plan->n_tables; t++) {
        const Table *table = &plan->tables[t];
        size_t rows = (size_t)table->rows;
        memset(table->grad, 0, rows * (size_t)table->cols * sizeof *table->grad);
        memset(table->rest, 0, rows * sizeof *table->rest);
    }
    live_backward(plan);
    int again = 0;
    for (int i = plan->n_ops - 1; i >= 0; i--) {
        recompute_before(plan, i, &again);
        if (plan->ops[i].back)
            backward_op(plan, &plan->ops[i]);
    }
    return STATUS_OK;
}

const float *plan_logits(const Plan *plan)
{
    return tensor_data(plan, plan->logits);
}

void plan_bn_begin(Plan *plan)
{
    plan->bn_estimate = true;
    plan->bn_count = 0;
}

void plan_bn_end(Plan *plan)
{
    plan->bn_estimate = false;
}

// ---- mixing weights -----------------------------------------------------------------------------

void plan_set_mix(Plan *plan, int table, const float *weights, const bool *active)
{
    Table *t = &plan->tables[table];
    for (int i = 0; i < t->rows * t->cols; i++) {
        t->weight[i] = weights[i];
        t->active[i] = !active || active[i];
    }
}

const double *plan_mix_grad(const Plan *plan, int table)
{
    return plan->tables[table].grad;
}

const double *plan_mix_rest(const Plan *plan, int table)
{
    return plan->tables[table].rest;
}

// ---- reading ------------------------------------------------------------------------------------

size_t plan_param_count(const Plan *plan)
{
    return plan->param_count;
}

float *plan_params(Plan *plan)
{
    return plan->param;
}

const float *plan_grads(const Plan *plan)
{
    return plan->grad;
}

void plan_params_changed(Plan *plan)
{
    params_refresh(plan);
}

int plan_param_tensors(const Plan *plan)
{
    return plan->n_params;
}

const ParamInfo *plan_param_info(const Plan *plan, int index)
{
    return &plan->params[index].info;
}

size_t plan_buffer_count(const Plan *plan)
{
    return plan->buffer_count;
}

float *plan_buffers(Plan *plan)
{
    return plan->buffer;
}

int plan_buffer_tensors(const Plan *plan)
{
    return plan->n_buffers;
}

const ParamInfo *plan_buffer_info(const Plan *plan, int index)
{
    return &plan->buffers[index].info;
}

size_t plan_memory(const Plan *plan)
{
    return plan->held;
}

const char *plan_isa(const Plan *plan)
{
    return plan->kernels->name;
}

int plan_threads(const Plan *plan)
{
    return plan->work.threads;
}
