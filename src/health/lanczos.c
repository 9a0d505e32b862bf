// SPDX-License-Identifier: MIT
#include "src/health/lanczos.h"

#include <math.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"

// H is projected on an orthonormal basis q_0, q_1, ... of the Krylov space; the projection is
// tridiagonal with diagonal alpha and off-diagonal beta.
typedef struct {
    int n, m;             // dimension, basis vectors so far
    double *basis;        // [steps][n]
    double *alpha, *beta; // [steps]; beta[j] couples j and j + 1
    double *w;            // [n]
} Krylov;

static double dot(const double *a, const double *b, int n)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

// Takes the parts along all basis vectors out of w, twice, so that rounding cannot bring one
// back; returns the length of what is left.
static double orthogonalise(Krylov *k)
{
    for (int pass = 0; pass < 2; pass++)
        for (int j = 0; j < k->m; j++) {
            const double *q = k->basis + (size_t)j * (size_t)k->n;
            double along = dot(k->w, q, k->n);
            for (int i = 0; i < k->n; i++)
                k->w[i] -= along * q[i];
        }
    return sqrt(dot(k->w, k->w, k->n));
}

static void push_basis(Krylov *k, double length)
{
    double *q = k->basis + (size_t)k->m * (size_t)k->n;
    for (int i = 0; i < k->n; i++)
        q[i] = k->w[i] / length;
    k->m++;
}

// Number of eigenvalues of the m x m tridiagonal above x (Sturm sequence).
static int count_above(const Krylov *k, double x)
{
    int above = 0;
    double d = 1.0;
    for (int i = 0; i < k->m; i++) {
        double b = i > 0 ? k->beta[i - 1] : 0.0;
        d = k->alpha[i] - x - b * b / d;
        if (d == 0.0)
            d = -1e-300;
        above += d > 0.0;
    }
    return above;
}

static double largest_tridiagonal(const Krylov *k)
{
    double low = INFINITY, high = -INFINITY; // Gershgorin
    for (int i = 0; i < k->m; i++) {
        double r = (i > 0 ? fabs(k->beta[i - 1]) : 0.0) + (i + 1 < k->m ? fabs(k->beta[i]) : 0.0);
        low = fmin(low, k->alpha[i] - r);
        high = fmax(high, k->alpha[i] + r);
    }
    for (int i = 0; i < 200 && high - low > 1e-14 * (fabs(low) + fabs(high)); i++) {
        double mid = 0.5 * (low + high);
        if (count_above(k, mid) > 0)
            low = mid;
        else
            high = mid;
    }
    return 0.5 * (low + high);
}

// Ritz vector: the eigenvector s of the tridiagonal by its recurrence, then basis * s.
// beta_j s_{j+1} = (value - alpha_j) s_j - beta_{j-1} s_{j-1}.
static void ritz_vector(const Krylov *k, double value, double *vector)
{
    double before = 0.0, s = 1.0;
    for (int i = 0; i < k->n; i++)
        vector[i] = 0.0;
    for (int j = 0; j < k->m; j++) {
        const double *q = k->basis + (size_t)j * (size_t)k->n;
        for (int i = 0; i < k->n; i++)
            vector[i] += s * q[i];
        if (j + 1 == k->m)
            break;
        double next = (value - k->alpha[j]) * s - (j > 0 ? k->beta[j - 1] : 0.0) * before;
        before = s;
        s = next / k->beta[j];
    }
    double length = sqrt(dot(vector, vector, k->n));
    for (int i = 0; i < k->n; i++)
        vector[i] /= length;
}

static Status iterate(const LanczosTask *task, Krylov *k, int steps, Error *err)
{
    Rng rng = rng_new(task->seed);
    for (int i = 0; i < k->n; i++)
        k->w[i] = rng_normal(&rng);
    push_basis(k, sqrt(dot(k->w, k->w, k->n)));
    double scale = 0.0;
    for (int j = 0; j < steps; j++) {
        const double *q = k->basis + (size_t)j * (size_t)k->n;
        Status status = task->apply(task->self, q, k->w, err);
        if (status != STATUS_OK)
            return status;
        k->alpha[j] = dot(k->w, q, k->n);
        double norm = sqrt(dot(k->w, k->w, k->n));
        if (!isfinite(norm))
            return error_set(err, STATUS_NUMERIC, "hessian product %d is not finite: no eigenvalue",
                             j);
        scale = fmax(scale, norm);
        k->beta[j] = orthogonalise(k);
        if (j + 1 == steps || k->beta[j] <= 1e-12 * scale)
            break;
        push_basis(k, k->beta[j]);
    }
    return STATUS_OK;
}

Status lanczos_largest(const LanczosTask *task, double *value, double *vector, Error *err)
{
    *value = NAN;
    if (task->n <= 0 || task->steps <= 0)
        return error_set(err, STATUS_ARG,
                         "eigenvalue of a matrix of size %d in %d steps: both "
                         "must be positive",
                         task->n, task->steps);
    int steps = task->steps < task->n ? task->steps : task->n;
    size_t n = (size_t)task->n, m = (size_t)steps;
    Krylov k = { .n = task->n,
                 .basis = mem_zero(n * m, sizeof(double)),
                 .alpha = mem_zero(m, sizeof(double)),
                 .beta = mem_zero(m, sizeof(double)),
                 .w = mem_zero(n, sizeof(double)) };
    Status status;
    if (!k.basis || !k.alpha || !k.beta || !k.w) {
        status =
            error_set(err, STATUS_NOMEM, "not enough memory for %d vectors of %d", steps, task->n);
        goto done;
    }
    status = iterate(task, &k, steps, err);
    if (status != STATUS_OK)
        goto done;
    *value = largest_tridiagonal(&k);
    if (vector)
        ritz_vector(&k, *value, vector);
done:
    mem_free(k.basis);
    mem_free(k.alpha);
    mem_free(k.beta);
    mem_free(k.w);
    return status;
}

typedef struct {
    const double *h;
    int n;
} Dense;

static Status apply_dense(void *self, const double *v, double *out, Error *err)
{
    const Dense *dense = self;
    (void)err;
    size_t n = (size_t)dense->n;
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < n; j++)
            sum += 0.5 * (dense->h[i * n + j] + dense->h[j * n + i]) * v[j];
        out[i] = sum;
    }
    return STATUS_OK;
}

Status lanczos_dense(const double *h, int n, double *value, Error *err)
{
    Dense dense = { h, n };
    LanczosTask task = { .apply = apply_dense, .self = &dense, .n = n, .steps = n, .seed = 1 };
    return lanczos_largest(&task, value, NULL, err);
}
