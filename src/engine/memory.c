// SPDX-License-Identifier: MIT
#include "src/engine/ir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "src/base/alloc.h"
#include "src/base/str.h"

// Offsets in one arena. Tensors of a training plan live from their making to the end of the
// backward pass; those of a forward-only plan, those that are made again for the backward pass
// (which live twice), and gradients share memory by lifetime: largest first, each at the lowest
// offset that is free during its life.

typedef struct {
    size_t size, offset;
    int first, last; // life, in times of grads.c
    int again, end;  // second life; again < 0: none
    size_t *where;
} Block;

typedef struct {
    Block *block;
    int n, cap;
} Blocks;

static size_t floats(const Plan *plan, Shape s)
{
    return kernel_round((size_t)plan->options.batch * s.h * s.w * s.c);
}

static void add_block(Plan *plan, Blocks *blocks, Block block)
{
    if (block.size == 0 || block.first > block.last)
        return;
    if (ir_reserve(plan, (void **)&blocks->block, blocks->n, &blocks->cap, sizeof block))
        blocks->block[blocks->n++] = block;
}

// ---- lifetimes of tensors -----------------------------------------------------------------------

static void touch_tensor(Plan *plan, int tensor, int time)
{
    if (tensor == NONE)
        return;
    Tensor *t = &plan->tensors[tensor_root(plan, tensor)];
    t->first = time < t->first ? time : t->first;
    t->last = time > t->last ? time : t->last;
    if (t->reshaped != NONE)
        touch_tensor(plan, t->reshaped, time);
}

// Whether a tensor of a forward pass shares memory with others.
static bool is_shared(const Plan *plan, const Tensor *t)
{
    return plan->options.forward_only || t->again;
}

static void touch_op(Plan *plan, const Op *op, int time, int end)
{
    touch_tensor(plan, op->out, time);
    touch_tensor(plan, op->out2, time);
    for (int k = 0; k < op->n_units; k++)
        touch_tensor(plan, plan->units[op->unit[k]].out, time);
    for (int k = 0; k < op->n_src; k++)
        touch_tensor(plan, plan->sources[op->src + k].tensor,
                     op->kind == OP_LOSS ? end : time); // losses are summed at the end
    if (op->kind == OP_NORM)
        touch_tensor(plan, plan->norms[op->norm].tensor, time);
}

static void tensor_lives(Plan *plan)
{
    int end = 2 * plan->n_ops;
    for (int i = 0; i < plan->n_tensors; i++) {
        Tensor *t = &plan->tensors[i];
        t->first = is_shared(plan, t) ? end : 0;
        t->last = is_shared(plan, t) ? 0 : end;
    }
    for (int i = 0; i < plan->n_ops; i++)
        touch_op(plan, &plan->ops[i], i, end);
    touch_tensor(plan, 0, 0);
    touch_tensor(plan, plan->logits, end);
}

// ---- packing ------------------------------------------------------------------------------------

static int by_size(const void *a, const void *b)
{
    const Block *x = a, *y = b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    return x->first != y->first ? x->first - y->first : x->last - y->last;
}

static bool meet(int first, int last, const Block *b)
{
    return (first <= b->last && last >= b->first) ||
           (b->again >= 0 && first <= b->end && last >= b->again);
}

static bool live_together(const Block *a, const Block *b)
{
    return meet(a->first, a->last, b) || (a->again >= 0 && meet(a->again, a->end, b));
}

// `placed` is sorted by offset; returns where the block goes in it.
static int place(Block *placed[], int n, Block *b)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const Block *p = placed[i];
        if (!live_together(p, b))
            continue;
        if (p->offset >= at + b->size)
            break;
        if (p->offset + p->size > at)
            at = p->offset + p->size;
    }
    b->offset = at;
    int k = n;
    for (; k > 0 && placed[k - 1]->offset > at; k--)
        placed[k] = placed[k - 1];
    placed[k] = b;
    return k;
}

static size_t pack(Plan *plan, Blocks *blocks)
{
    size_t top = 0;
    Block **placed = mem_array((size_t)blocks->n + 1, sizeof(Block *));
    if (!placed) {
        plan->failed = true;
        return 0;
    }
    if (blocks->n > 0)
        qsort(blocks->block, (size_t)blocks->n, sizeof(Block), by_size);
    for (int i = 0; i < blocks->n; i++) {
        Block *b = &blocks->block[i];
        place(placed, i, b);
        *b->where = b->offset;
        top = b->offset + b->size > top ? b->offset + b->size : top;
    }
    mem_free(placed);
    return top;
}

static void collect_tensors(Plan *plan, Blocks *shared, size_t *fixed)
{
    for (int i = 0; i < plan->n_tensors; i++) {
        Tensor *t = &plan->tensors[i];
        if (t->parent != NONE)
            continue;
        size_t stat = t->want_stat ? kernel_round((size_t)plan->options.batch * 2 * t->shape.c) : 0;
        size_t size = t->reshaped != NONE ? 0 : floats(plan, t->shape);
        if (is_shared(plan, t)) {
            int again = t->again ? t->again_first : NONE;
            Block b = { size, 0, t->first, t->last, again, t->again_last, &t->data };
            Block s = { stat, 0, t->first, t->last, again, t->again_last, &t->stat };
            add_block(plan, shared, b);
            add_block(plan, shared, s);
            continue;
        }
        t->data = *fixed;
        t->stat = *fixed + size;
        *fixed += size + stat;
    }
}

static void collect_grads(Plan *plan, Blocks *shared)
{
    for (int i = 0; i < plan->n_grads; i++) {
        Grad *g = &plan->grads[i];
        if (!g->buffer)
            continue;
        size_t stat =
            g->stat_wanted ? kernel_round((size_t)plan->options.batch * 2 * g->shape.c) : 0;
        Block b = { floats(plan, g->shape), 0, g->first, g->last, NONE, NONE, &g->data };
        Block s = { stat, 0, g->first, g->last, NONE, NONE, &g->stat };
        add_block(plan, shared, b);
        add_block(plan, shared, s);
    }
}

// ---- scratch ------------------------------------------------------------------------------------

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t unit_tile(const Plan *plan, const Op *op)
{
    size_t most = 0;
    KernelEntry entry = op->kind == OP_DW ? ENTRY_DW : ENTRY_UNIT;
    for (int i = 0; i < op->n_units; i++) {
        const Unit *u = &plan->units[op->unit[i]];
        KernelShape s = op->shape;
        s.k = u->k;
        s.dil = u->dil;
        s.pad_y = u->pad_y;
        s.pad_x = u->pad_x;
        most = larger(most, plan->kernels->tile_floats(entry, &s));
    }
    return most;
}

static size_t op_tile(const Plan *plan, const Op *op)
{
    static const KernelEntry entry[] = {
        [OP_CONV] = ENTRY_CONV, [OP_POOL] = ENTRY_POOL,       [OP_MIX] = ENTRY_MIX,
        [OP_ACT] = ENTRY_ACT,   [OP_GENERIC] = ENTRY_GENERIC, [OP_STAT] = ENTRY_MIX
    };
    switch (op->kind) {
    case OP_UNITS:
    case OP_DW: return unit_tile(plan, op);
    case OP_COPY:
        return larger(plan->kernels->tile_floats(ENTRY_MIX, &op->shape),
                      plan->kernels->tile_floats(ENTRY_ACT, &op->shape));
    case OP_NORM: {
        const Norm *n = &plan->norms[op->norm];
        Shape s = plan->tensors[n->tensor].shape;
        KernelShape k = { .n = plan->options.batch,
                          .h = s.h,
                          .w = s.w,
                          .c = n->c,
                          .oh = s.h,
                          .ow = s.w,
                          .oc = n->c,
                          .k = 1,
                          .stride = 1,
                          .dil = 1,
                          .groups = 1 };
        return plan->kernels->tile_floats(ENTRY_MIX, &k);
    }
    case OP_RESHAPE:
    case OP_LOSS: return 0;
    default: return plan->kernels->tile_floats(entry[op->kind], &op->shape);
    }
}

static size_t generic_group(const Op *op)
{
    size_t c = (size_t)op->shape.c, oc = (size_t)op->shape.oc;
    if (op->generic == GEN_LINEAR)
        return kernel_round((size_t)op->shape.h * op->shape.w * c * oc) + kernel_round(oc);
    if (op->generic == GEN_LAYER_NORM)
        return 2 * kernel_round(c);
    if (op->generic == GEN_ATTENTION)
        return kernel_round(3 * c * c) + kernel_round(3 * c) + kernel_round(c * c) +
               kernel_round(c);
    return 0;
}

static size_t op_group(const Plan *plan, const Op *op)
{
    const KernelShape *s = &op->shape;
    size_t sum = 0;
    if (op->kind == OP_GENERIC)
        return generic_group(op);
    if (op->kind == OP_CONV)
        return kernel_round((size_t)s->k * s->k * (size_t)(s->c / s->groups) * s->oc) +
               kernel_round((size_t)s->oc);
    for (int i = 0; i < op->n_units; i++) {
        const Unit *u = &plan->units[op->unit[i]];
        sum += kernel_round((size_t)u->k * u->k * s->c);
        if (u->pw != NO_PARAM)
            sum += kernel_round((size_t)s->c * s->oc);
    }
    return sum;
}

static void scratch_sizes(Plan *plan)
{
    size_t batch = (size_t)plan->options.batch;
    plan->max_streams = MAX_TERMS + 2;
    for (int i = 0; i < plan->n_ops; i++) {
        const Op *op = &plan->ops[i];
        int widest = op->shape.c > op->shape.oc ? op->shape.c : op->shape.oc;
        size_t rows = op->kind == OP_MIX ? (size_t)op->n_src + 1 : 2;
        if (op->kind == OP_NORM)
            widest = plan->norms[op->norm].c;
        if (op->kind == OP_LOSS)
            widest = plan->tensors[plan->logits].shape.c;
        if (op->kind == OP_MIX && op->n_src + 1 > plan->max_streams)
            plan->max_streams = op->n_src + 1;
        plan->max_channels = widest > plan->max_channels ? widest : plan->max_channels;
        plan->sums_floats = larger(plan->sums_floats, batch * rows * (size_t)widest);
        plan->work.tile_floats = larger(plan->work.tile_floats, op_tile(plan, op));
        if (!plan->options.forward_only)
            plan->group_floats = larger(plan->group_floats, KERNEL_GROUPS * op_group(plan, op));
    }
    for (int i = 0; i < plan->n_tensors; i++)
        if (plan->tensors[i].shape.c > plan->max_channels)
            plan->max_channels = plan->tensors[i].shape.c;
    for (int i = 0; i < plan->n_ops; i++)
        if (plan->ops[i].kind == OP_LOSS)
            plan->sums_floats = larger(
                plan->sums_floats,
                batch * (size_t)plan->tensors[plan->sources[plan->ops[i].src].tensor].shape.c);
    plan->work.tile_floats = kernel_round(plan->work.tile_floats) + 64;
}

// ---- bytes --------------------------------------------------------------------------------------

static void alloc_norms(Plan *plan)
{
    for (int i = 0; i < plan->n_norms; i++) {
        Norm *n = &plan->norms[i];
        size_t c = (size_t)n->c;
        float *f = ir_alloc(plan, 5 * c, sizeof *f);
        double *d = ir_alloc(plan, 4 * c, sizeof *d);
        if (!f || !d)
            return;
        n->a = f;
        n->b = f + c;
        n->A = f + 2 * c;
        n->B = f + 3 * c;
        n->K = f + 4 * c;
        n->mean = d;
        n->rstd = d + c;
        n->s1 = d + 2 * c;
        n->s2 = d + 3 * c;
    }
}

static void alloc_args(Plan *plan)
{
    size_t streams = (size_t)plan->max_streams, batch = (size_t)plan->options.batch;
    plan->term_cap = (MAX_UNITS + 2 * KERNEL_MAX_SRC + 4) * (MAX_TERMS + 1);
    plan->unit_args = ir_alloc(plan, MAX_UNITS, sizeof *plan->unit_args);
    plan->stream_args = ir_alloc(plan, streams, sizeof *plan->stream_args);
    plan->src_args = ir_alloc(plan, KERNEL_MAX_SRC, sizeof *plan->src_args);
    plan->dst_args = ir_alloc(plan, KERNEL_MAX_SRC, sizeof *plan->dst_args);
    plan->term_args = ir_alloc(plan, (size_t)plan->term_cap, sizeof *plan->term_args);
    plan->loss = ir_alloc(plan, batch, sizeof *plan->loss);
    plan->hit = ir_alloc(plan, batch, sizeof *plan->hit);
    plan->labels = ir_alloc(plan, batch, sizeof *plan->labels);
}

void memory_run(Plan *plan)
{
    Blocks shared = { 0 };
    size_t fixed = 0;
    tensor_lives(plan);
    collect_tensors(plan, &shared, &fixed);
    collect_grads(plan, &shared);
    size_t top = plan->failed ? 0 : pack(plan, &shared);
    for (int i = 0; i < shared.n && !plan->failed; i++)
        *shared.block[i].where += fixed;
    plan->data_floats = fixed + top;
    mem_free(shared.block);
    scratch_sizes(plan);
    alloc_norms(plan); // small: part of the prediction by being there
    alloc_args(plan);
}

// The big blocks. Activations are not zeroed: pages come as they are touched, and everything is
// written before it is read.
typedef struct {
    float **where;
    size_t floats;
} Need;

enum { NEEDS = 8 };

static void list_needs(Plan *plan, Need need[NEEDS])
{
    size_t grads = plan->options.forward_only ? 0 : plan->param_count;
    const Need list[NEEDS] = {
        { &plan->param, plan->param_count },
        { &plan->grad, grads },
        { &plan->buffer, plan->buffer_count },
        { &plan->trans_data, plan->trans_count },
        { &plan->work.tile, plan->work.tile_floats * (size_t)plan->work.threads },
        { &plan->work.group, plan->group_floats },
        { &plan->sums, plan->sums_floats },
        { &plan->term_vec, (size_t)(MAX_TERMS + 2) * (size_t)plan->max_channels },
    };
    memcpy(need, list, sizeof list);
}

static size_t data_bytes(const Plan *plan)
{
    return plan->data_floats * sizeof(float) + 64;
}

static size_t list_bytes(const Plan *plan)
{
    return (size_t)plan->cap_ops * sizeof(Op) + (size_t)plan->cap_grads * sizeof(Grad) +
           (size_t)plan->cap_tensors * sizeof(Tensor) + (size_t)plan->cap_norms * sizeof(Norm) +
           (size_t)plan->cap_units * sizeof(Unit) + (size_t)plan->cap_sources * sizeof(Source) +
           (size_t)plan->cap_refs * sizeof(MixRef) + (size_t)plan->cap_redo * sizeof(Redo) +
           (size_t)plan->cap_trans * sizeof(Transposed) +
           (size_t)(plan->cap_params + plan->cap_buffers) * sizeof(Tagged);
}

size_t memory_predict(Plan *plan)
{
    Need need[NEEDS];
    size_t sum = data_bytes(plan) + plan->arena.used + list_bytes(plan);
    list_needs(plan, need);
    for (int i = 0; i < NEEDS; i++)
        sum += need[i].floats * sizeof(float);
    return sum;
}

// Activations are read as many streams megabytes apart: on small pages the tables of pages take a
// good part of the time. Where the system gives large ones on request, ask.
static void ask_large_pages(void *block, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t page = 4096, from = ((uintptr_t)block + page - 1) & ~(page - 1);
    const uintptr_t to = ((uintptr_t)block + bytes) & ~(page - 1);
    if (to > from)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
    (void)block;
    (void)bytes;
#endif
}

Status memory_alloc(Plan *plan, Error *err)
{
    Need need[NEEDS];
    list_needs(plan, need);
    plan->data_block = mem_alloc(data_bytes(plan));
    bool failed = !plan->data_block;
    if (!failed) {
        ask_large_pages(plan->data_block, data_bytes(plan));
        plan->data = (float *)((char *)plan->data_block + (-(uintptr_t)plan->data_block & 63));
    }
    plan->held = data_bytes(plan) + plan->arena.used + list_bytes(plan);
    for (int i = 0; i < NEEDS && !failed; i++) {
        size_t bytes = need[i].floats * sizeof(float);
        *need[i].where = mem_aligned(bytes);
        failed = !*need[i].where;
        plan->held += bytes;
    }
    if (!failed)
        return STATUS_OK;
    char text[32];
    return error_set(err, STATUS_NOMEM,
                     "the network needs %s for a batch of %d, which the system does not give; use "
                     "a smaller batch, fewer channels or recomputation (run.recompute)",
                     str_bytes((double)memory_predict(plan), text, sizeof text),
                     plan->options.batch);
}
