// SPDX-License-Identifier: MIT
#include "src/engine/weights.h"

#include <string.h>

#include "src/base/alloc.h"
#include "src/base/arena.h"

SafeTensor weights_tensor(const Plan *plan, int index, const float *flat, float *copy)
{
    const ParamInfo *info = plan_param_info(plan, index);
    SafeTensor t = { .dtype = SAFE_F32,
                     .data = flat + info->offset,
                     .bytes = info->count * sizeof(float) };
    t.rank = plan_param_torch_shape(plan, index, t.shape);
    if (t.rank > 1) { // of one dimension both orders are the same
        plan_param_to_torch(plan, index, flat + info->offset, copy);
        t.data = copy;
    }
    return t;
}

// Values of a tensor as float32; NULL when out of memory. *made: to be freed.
static const float *as_floats(const SafeTensor *t, float **made)
{
    *made = NULL;
    if (t->dtype == SAFE_F32)
        return t->data;
    size_t n = t->bytes / sizeof(double);
    const double *from = t->data;
    float *to = *made = mem_array(n, sizeof *to);
    for (size_t i = 0; to && i < n; i++)
        to[i] = (float)from[i];
    return to;
}

static Status find(const SafeFile *file, const char *name, int rank, const int64_t *shape,
                   const SafeTensor **out, Error *err)
{
    const SafeTensor *t = safetensors_find(file, name);
    SafeType type = t && t->dtype == SAFE_F64 ? SAFE_F64 : SAFE_F32;
    return safetensors_need(file, name, type, rank, shape, out, err);
}

Status weights_take(const SafeFile *file, const char *name, const Plan *plan, int index,
                    float *flat, Error *err)
{
    int64_t shape[4];
    const SafeTensor *t;
    int rank = plan_param_torch_shape(plan, index, shape);
    Status status = find(file, name, rank, shape, &t, err);
    if (status != STATUS_OK)
        return status;
    float *made;
    const float *values = as_floats(t, &made);
    if (!values)
        return error_set(err, STATUS_NOMEM, "no memory for the weights '%s'", name);
    plan_param_from_torch(plan, index, values, flat + plan_param_info(plan, index)->offset);
    mem_free(made);
    return STATUS_OK;
}

static Status take_buffer(const SafeFile *file, Plan *plan, int index, Error *err)
{
    const ParamInfo *info = plan_buffer_info(plan, index);
    const SafeTensor *t;
    Status status = find(file, info->name, info->rank, info->shape, &t, err);
    if (status != STATUS_OK)
        return status;
    float *made;
    const float *values = as_floats(t, &made);
    if (!values)
        return error_set(err, STATUS_NOMEM, "no memory for the statistics '%s'", info->name);
    memcpy(plan_buffers(plan) + info->offset, values, info->count * sizeof(float));
    mem_free(made);
    return STATUS_OK;
}

Status weights_read(Plan *plan, const char *path, Error *err)
{
    SafeFile *file;
    Status status = safetensors_open(path, &file, err);
    if (status != STATUS_OK)
        return status;
    for (int i = 0; i < plan_param_tensors(plan) && status == STATUS_OK; i++)
        status =
            weights_take(file, plan_param_info(plan, i)->name, plan, i, plan_params(plan), err);
    for (int i = 0; i < plan_buffer_tensors(plan) && status == STATUS_OK; i++)
        status = take_buffer(file, plan, i, err);
    safetensors_close(file);
    if (status != STATUS_OK)
        return error_wrap(err, "%s", path);
    plan_params_changed(plan);
    return STATUS_OK;
}

static Status list_tensors(Plan *plan, Arena *arena, SafeTensor *t)
{
    int n = plan_param_tensors(plan);
    for (int i = 0; i < n; i++) {
        const ParamInfo *info = plan_param_info(plan, i);
        float *copy = arena_alloc(arena, info->count, sizeof *copy);
        if (!copy)
            return STATUS_NOMEM;
        t[i] = weights_tensor(plan, i, plan_params(plan), copy);
        t[i].name = info->name;
    }
    for (int i = 0; i < plan_buffer_tensors(plan); i++) {
        const ParamInfo *info = plan_buffer_info(plan, i);
        t[n + i] = (SafeTensor){ .name = info->name,
                                 .dtype = SAFE_F32,
                                 .rank = info->rank,
                                 .shape = { info->shape[0] },
                                 .data = plan_buffers(plan) + info->offset,
                                 .bytes = info->count * sizeof(float) };
    }
    return STATUS_OK;
}

Status weights_write(Plan *plan, const char *path, Error *err)
{
    Arena arena = { 0 };
    int n = plan_param_tensors(plan) + plan_buffer_tensors(plan);
    SafeTensor *t = arena_alloc(&arena, (size_t)n + 1, sizeof *t);
    Status status = t ? list_tensors(plan, &arena, t) : STATUS_NOMEM;
    static const char *const meta[][2] = { { "format", "pt" } }; // as PyTorch's own files say
    if (status == STATUS_OK)
        status = safetensors_write(path, t, n, meta, 1, err);
    else
        error_set(err, status, "no memory for a copy of the weights");
    arena_fini(&arena);
    return status;
}
