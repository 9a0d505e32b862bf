// SPDX-License-Identifier: MIT
#include "src/watch/hessians.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/json.h"
#include "src/base/unpack.h"
#include "src/watch/lines.h"

enum { SIDE = 512 };

// One rotation that makes a[p][q] zero.
static void rotate(double *a, int n, int p, int q)
{
    double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < n; k++) {
        double kp = a[k * n + p], kq = a[k * n + q];
        a[k * n + p] = c * kp - s * kq;
        a[k * n + q] = s * kp + c * kq;
    }
    for (int k = 0; k < n; k++) {
        double pk = a[p * n + k], qk = a[q * n + k];
        a[p * n + k] = c * pk - s * qk;
        a[q * n + k] = s * pk + c * qk;
    }
}

double hessian_lambda_max(double *a, int n)
{
    enum { SWEEPS = 30 };
    double norm = 0;
    for (int i = 0; i < n * n; i++)
        norm += a[i] * a[i];
    if (!isfinite(norm))
        return NAN;
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double off = 0;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                off += a[p * n + q] * a[p * n + q];
        if (off <= 1e-20 * norm)
            break;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                if (fabs(a[p * n + q]) > 1e-300)
                    rotate(a, n, p, q);
    }
    double best = -INFINITY;
    for (int i = 0; i < n; i++)
        best = a[i * n + i] > best ? a[i * n + i] : best;
    return n ? best : NAN;
}

// ---- the file -----------------------------------------------------------------------------------

typedef struct {
    Model *model;
    ModelRun *run;
} Reading;

static double lambda_of(const Json *rows, Error *err)
{
    int n = json_length(rows);
    if (n < 1 || n > SIDE) {
        error_set(err, STATUS_PARSE, "no Hessian");
        return NAN;
    }
    double *a = mem_array((size_t)n * (size_t)n, sizeof *a), lambda = NAN;
    if (!a) {
        error_set(err, STATUS_NOMEM, "not enough memory for a Hessian");
        return NAN;
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            a[i * n + k] = json_to_num(json_at(json_at(rows, i), k), NAN);
    // symmetric up to rounding; Jacobi wants it exactly
    for (int i = 0; i < n; i++)
        for (int k = i + 1; k < n; k++)
            a[i * n + k] = a[k * n + i] = (a[i * n + k] + a[k * n + i]) / 2;
    lambda = hessian_lambda_max(a, n);
    mem_free(a);
    return lambda;
}

static Status hessian_line(void *self, char *text, size_t len, int64_t line, Error *err)
{
    Reading *reading = self;
    Error why = { 0 };
    Json *record = text ? json_parse(text, len, &why) : NULL;
    LambdaRow row = { .batches = 1, .lambda_max = NAN };
    int64_t epoch = json_get_int(record, "epoch", -1);
    if (record)
        row.lambda_max = lambda_of(json_get(record, "H"), &why);
    json_free(record);
    if (why.code == STATUS_NOMEM)
        return error_set(err, STATUS_NOMEM, "%s", why.msg);
    if (epoch < 0 || epoch > INT_MAX / 2 || isnan(row.lambda_max)) {
        model_skip(reading->model, reading->run, line, "no Hessian");
        return STATUS_OK;
    }
    row.epoch = (int)epoch;
    return model_lambda(reading->run, &row, err);
}

static ModelRun *run_that_counts(Model *model)
{
    for (int i = model->n - 1; i >= 0; i--)
        if (model->runs[i]->complete)
            return model->runs[i];
    return model->n ? model->runs[model->n - 1] : NULL;
}

Status hessians_read(const char *path, Model *model, Error *err)
{
    enum { PIECE = 64 << 10, LONGEST = 16 << 20 };
    Reading reading = { model, run_that_counts(model) };
    Lines lines = { .longest = LONGEST };
    Unpack *stream = NULL;
    size_t got = 1;
    if (!reading.run)
        return STATUS_OK;
    Status status = unpack_open(path, &stream, err);
    char *piece = mem_alloc(PIECE);
    if (!status && !piece)
        status = error_set(err, STATUS_NOMEM, "not enough memory to read %s", path);
    while (!status && got) {
        status = unpack_read(stream, piece, PIECE, &got, err);
        if (!status)
            status = lines_feed(&lines, piece, got, hessian_line, &reading, err);
    }
    if (!status && *lines_rest(&lines))
        status = lines_feed(&lines, "\n", 1, hessian_line, &reading, err);
    lines_fini(&lines);
    unpack_close(stream);
    mem_free(piece);
    return status ? error_wrap(err, "hessians") : STATUS_OK;
}
