// SPDX-License-Identifier: MIT
#include "src/engine/ir.h"

#include "src/base/str.h"

// Text of a compiled plan, one op a line.

static void add_source(const Plan *plan, Str *s, const Source *src)
{
    static const char *const pre[] = { "", "relu ", "bn ", "bn+relu " };
    const Tensor *t = &plan->tensors[src->tensor];
    str_addf(s, " %st%d", pre[src->pre], src->tensor);
    if (src->off != 0 || src->c != t->shape.c)
        str_addf(s, "[%d..%d]", src->off, src->off + src->c - 1);
}

static void add_out(const Plan *plan, Str *s, int tensor)
{
    if (tensor == NONE)
        return;
    const Tensor *t = &plan->tensors[tensor];
    str_addf(s, " t%d", tensor);
    if (t->parent != NONE)
        str_addf(s, " in t%d[%d..]", t->parent, t->off);
}

static void add_op(const Plan *plan, Str *s, const Op *op)
{
    static const char *const kinds[] = { "units", "depthwise", "conv", "pool", "mix",     "copy",
                                         "act",   "layer",     "sums", "norm", "reshape", "loss" };
    str_addf(s, "%s",
             op->kind == OP_GENERIC || op->kind == OP_ACT
                 ? layer_name(plan->nodes[op->node].attr.kind)
                 : kinds[op->kind]);
    if (op->kind == OP_NORM)
        str_addf(s, " t%d", plan->norms[op->norm].tensor);
    for (int i = 0; i < op->n_src; i++)
        add_source(plan, s, &plan->sources[op->src + i]);
    if (op->out != NONE || op->out2 != NONE || op->n_units > 0)
        str_add(s, " ->");
    for (int i = 0; i < op->n_units; i++) {
        const Unit *u = &plan->units[op->unit[i]];
        add_out(plan, s, u->out);
        str_addf(s, " (%dx%d", u->k, u->k);
        if (u->dil > 1)
            str_addf(s, " dil %d", u->dil);
        str_add(s, ")");
    }
    add_out(plan, s, op->out);
    add_out(plan, s, op->out2);
    if (op->shape.oh > 0)
        str_addf(s, "  %dx%dx%d", op->shape.oh, op->shape.ow, op->shape.oc);
    str_addf(s, "  # %s\n", plan->nodes[op->node].name);
}

char *plan_describe(const Plan *plan)
{
    Str s = { 0 };
    char bytes[32];
    str_addf(&s, "%d layers in %d calls, batch %d, %s, %d threads, %s\n", plan->n_nodes,
             plan->n_ops, plan->options.batch, plan->kernels->name, plan->work.threads,
             str_bytes((double)plan->held, bytes, sizeof bytes));
    for (int i = 0; i < plan->n_ops; i++)
        add_op(plan, &s, &plan->ops[i]);
    if (!s.failed)
        return s.text;
    str_fini(&s);
    return NULL;
}
