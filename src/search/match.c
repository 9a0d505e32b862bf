// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/search/remedies.h"

// An operator's parameters are called "cells.2.normal.0-3.sep_conv_3x3.1.weight": the instance is
// what stands before the fifth dot. *op gets the operator; 0 if the name is not of this form.
static size_t instance_length(const char *name, const Space *space, const SpaceOp **op)
{
    const char *dot[5], *p = name;
    if (strncmp(name, "cells.", 6) != 0)
        return 0;
    for (int i = 0; i < 5; i++) {
        p = strchr(p, '.');
        if (!p)
            return 0;
        dot[i] = p++;
    }
    for (int i = 0; i < space->n_ops; i++) {
        size_t len = (size_t)(dot[4] - dot[3] - 1);
        *op = &space->ops[i];
        if (strlen((*op)->name) == len && strncmp((*op)->name, dot[3] + 1, len) == 0)
            return (size_t)(dot[4] - name);
    }
    return 0;
}

static void find_instances(Match *m, const Plan *plan, const Space *space)
{
    int tensors = plan_param_tensors(plan);
    for (int i = 0; i < tensors; i++) {
        const char *name = plan_param_info(plan, i)->name;
        const SpaceOp *op = NULL, *of_other;
        size_t len = instance_length(name, space, &op);
        m->of_tensor[i] = -1;
        for (int k = i - 1; k >= 0 && len > 0 && m->of_tensor[i] < 0; k--) {
            const char *other = plan_param_info(plan, k)->name;
            if (strncmp(name, other, len + 1) == 0 && m->of_tensor[k] >= 0 &&
                instance_length(other, space, &of_other) == len)
                m->of_tensor[i] = m->of_tensor[k];
        }
        if (len == 0 || m->of_tensor[i] >= 0)
            continue;
        m->conv[m->n] = op->kind == OP_CONV;
        m->of_tensor[i] = m->n++;
    }
}

bool match_init(Match *m, const Plan *plan, const Space *space)
{
    *m = (Match){ 0 };
    m->of_tensor = mem_zero((size_t)plan_param_tensors(plan) + 1, sizeof *m->of_tensor);
    m->conv = mem_zero((size_t)plan_param_tensors(plan) + 1, sizeof *m->conv);
    if (!m->of_tensor || !m->conv) {
        match_fini(m);
        return false;
    }
    find_instances(m, plan, space);
    size_t n = (size_t)m->n + 1;
    m->sum = mem_zero(n, sizeof *m->sum);
    m->last = mem_zero(n, sizeof *m->last);
    m->frozen = mem_zero(n, 1);
    m->mask = mem_zero(plan_param_count(plan) + 1, 1);
    if (!m->sum || !m->last || !m->frozen || !m->mask) {
        match_fini(m);
        return false;
    }
    for (int i = 0; i < m->n; i++)
        m->last[i] = NAN;
    return true;
}

void match_fini(Match *m)
{
    mem_free(m->of_tensor);
    mem_free(m->conv);
    mem_free(m->sum);
    mem_free(m->last);
    mem_free(m->frozen);
    mem_free(m->mask);
    *m = (Match){ 0 };
}

// PyTorch's dimension 0 is the last one stored here for convolutions, [kh][kw][in][out], and the
// channel of depthwise ones: in both cases the innermost axis. The cosine runs along it.
double match_cosine(const ParamInfo *info, const float *a, const float *b)
{
    size_t len = info->rank > 0 ? (size_t)info->shape[info->rank - 1] : 1;
    size_t rows = len > 0 ? info->count / len : 0;
    double sum = 0;
    for (size_t r = 0; r < rows; r++) {
        double ab = 0, aa = 0, bb = 0;
        for (size_t i = r * len; i < (r + 1) * len; i++) {
            ab += (double)a[i] * b[i];
            aa += (double)a[i] * a[i];
            bb += (double)b[i] * b[i];
        }
        sum += ab / fmax(sqrt(aa) * sqrt(bb), 1e-8);
    }
    return rows > 0 ? sum / (double)rows : 0;
}

static void set_mask(Match *m, const Plan *plan)
{
    for (int i = 0; i < plan_param_tensors(plan); i++) {
        const ParamInfo *info = plan_param_info(plan, i);
        if (m->of_tensor[i] >= 0)
            memset(m->mask + info->offset, m->frozen[m->of_tensor[i]], info->count);
    }
}

// Adds the mean cosine over the tensors of every instance.
static void add_cosines(Match *m, const Plan *plan, const float *valid, const float *train)
{
    int tensors = plan_param_tensors(plan);
    for (int i = 0, end; i < tensors; i = end) { // tensors of an operator are neighbours
        int instance = m->of_tensor[i];
        double cosine = 0;
        for (end = i; end < tensors && m->of_tensor[end] == instance; end++) {
            const ParamInfo *info = plan_param_info(plan, end);
            if (instance >= 0)
                cosine += match_cosine(info, valid + info->offset, train + info->offset);
        }
        if (instance >= 0)
            m->sum[instance] += cosine / (end - i);
    }
}

void match_step(Match *m, const Plan *plan, const float *valid, const float *train,
                double threshold)
{
    add_cosines(m, plan, valid, train);
    // Published: the counter starts at 0, so 21 steps are summed and divided by 20.
    if (m->count++ < MATCH_PATIENCE)
        return;
    for (int i = 0; i < m->n; i++) {
        m->last[i] = m->sum[i] / MATCH_PATIENCE;
        m->frozen[i] = m->frozen[i] || (threshold > 0 && m->last[i] < threshold);
        m->sum[i] = 0;
    }
    m->count = 0;
    set_mask(m, plan);
}

double match_share(const Match *m, double below)
{
    int n = 0, low = 0;
    for (int i = 0; i < m->n; i++) {
        n += m->conv[i] && !isnan(m->last[i]);
        low += m->conv[i] && m->last[i] < below;
    }
    return n > 0 ? (double)low / n : NAN;
}

int match_frozen(const Match *m)
{
    int n = 0;
    for (int i = 0; i < m->n; i++)
        n += m->frozen[i];
    return n;
}

void match_save(const Match *m, Book *book)
{
    book_copy(book, "match.count", SAFE_I64, &m->count, 1);
    book_put(book, "match.sum", SAFE_F64, m->sum, m->n);
    book_put(book, "match.last", SAFE_F64, m->last, m->n);
    book_put(book, "match.frozen", SAFE_U8, m->frozen, m->n);
}

Status match_load(Match *m, const Plan *plan, const SafeFile *file, bool fork, Error *err)
{
    Status status = book_get(file, "match.count", SAFE_I64, &m->count, 1, fork, err);
    if (status == STATUS_OK)
        status = book_get(file, "match.sum", SAFE_F64, m->sum, m->n, fork, err);
    if (status == STATUS_OK)
        status = book_get(file, "match.last", SAFE_F64, m->last, m->n, fork, err);
    if (status == STATUS_OK)
        status = book_get(file, "match.frozen", SAFE_U8, m->frozen, m->n, fork, err);
    if (status == STATUS_OK)
        set_mask(m, plan);
    return status;
}
