// SPDX-License-Identifier: MIT
#include "src/proto/event.h"

#ifdef WITH_PROTOBUF

#include <string.h>

#include "src/proto/tensorboard.pb-c.h"

enum { TYPE_FLOAT = 1, TYPE_DOUBLE = 2, TYPE_INT32 = 3, TYPE_INT64 = 9 };

static bool read_shape(const Tb__Shape *shape, EventValue *out)
{
    int64_t n = 1;
    out->n_dims = 0;
    for (size_t i = 0; shape && i < shape->n_dim; i++) {
        int64_t size = shape->dim[i]->size;
        if (size < 1 || size > EVENT_VALUES || i >= 4)
            return false;
        out->dims[out->n_dims++] = (int)size;
        n *= size;
        if (n > EVENT_VALUES)
            return false;
    }
    out->n = (int)n;
    return true;
}

static size_t item_size(int32_t dtype)
{
    return dtype == TYPE_FLOAT || dtype == TYPE_INT32    ? 4
           : dtype == TYPE_DOUBLE || dtype == TYPE_INT64 ? 8
                                                         : 0;
}

// Little-endian items side by side, as on every machine that writes these files.
static double content_item(const uint8_t *at, int32_t dtype)
{
    float f;
    double d;
    int32_t i;
    int64_t l;
    switch (dtype) {
    case TYPE_FLOAT: memcpy(&f, at, sizeof f); return f;
    case TYPE_DOUBLE: memcpy(&d, at, sizeof d); return d;
    case TYPE_INT32: memcpy(&i, at, sizeof i); return i;
    default: memcpy(&l, at, sizeof l); return (double)l;
    }
}

// A list of values may be shorter than the tensor: its last value then stands for the rest.
static bool read_tensor(const Tb__Tensor *t, EventValue *out, double *values)
{
    if (!read_shape(t->tensor_shape, out))
        return false;
    size_t each = item_size(t->dtype), n = (size_t)out->n;
    if (t->has_tensor_content && t->tensor_content.len > 0) {
        if (!each || t->tensor_content.len != n * each)
            return false;
        for (size_t i = 0; i < n; i++)
            values[i] = content_item(t->tensor_content.data + i * each, t->dtype);
        return true;
    }
    size_t have = t->n_float_val    ? t->n_float_val
                  : t->n_double_val ? t->n_double_val
                                    : t->n_int_val;
    if (!have || have > n)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t at = i < have ? i : have - 1;
        values[i] = t->n_float_val    ? (double)t->float_val[at]
                    : t->n_double_val ? t->double_val[at]
                                      : t->int_val[at];
    }
    return true;
}

static Status read_value(const Tb__Event *event, const Tb__Value *from, EventVisit *visit,
                         void *self, Error *err)
{
    double values[EVENT_VALUES];
    EventValue value = {
        .tag = from->tag, .wall = event->wall_time, .step = event->step, .value = values, .n = 1
    };
    if (!from->tag)
        return STATUS_OK;
    if (from->has_simple_value)
        values[0] = from->simple_value;
    else if (!from->tensor || !read_tensor(from->tensor, &value, values))
        return STATUS_OK;
    return visit(self, &value, err);
}

Status event_decode(const void *data, size_t len, EventVisit *visit, void *self, Error *err)
{
    Tb__Event *event = tb__event__unpack(NULL, len, data);
    if (!event)
        return error_set(err, STATUS_PARSE, "not an event");
    Status status = STATUS_OK;
    for (size_t i = 0; event->summary && i < event->summary->n_value && !status; i++)
        status = read_value(event, event->summary->value[i], visit, self, err);
    tb__event__free_unpacked(event, NULL);
    return status;
}

#else

Status event_decode(const void *data, size_t len, EventVisit *visit, void *self, Error *err)
{
    (void)data;
    (void)len;
    (void)visit;
    (void)self;
    return error_set(err, STATUS_ARG,
                     "event files need a build with libprotobuf-c-dev and protobuf-c-compiler");
}

#endif
