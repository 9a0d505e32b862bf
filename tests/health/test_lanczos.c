// SPDX-License-Identifier: MIT
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/base/json.h"
#include "src/health/lanczos.h"

typedef struct {
    const double *h;
    int n, calls;
} Matrix;

static Status multiply(void *self, const double *v, double *out, Error *err)
{
    Matrix *m = self;
    (void)err;
    for (int i = 0; i < m->n; i++) {
        out[i] = 0.0;
        for (int j = 0; j < m->n; j++)
            out[i] += m->h[i * m->n + j] * v[j];
    }
    m->calls++;
    return STATUS_OK;
}

static void the_largest_signed_eigenvalue_not_the_largest_modulus(void **state)
{
    (void)state;
    const double h[] = { -9.0, 0.0, 0.0, 0.0, 2.0, 1.0, 0.0, 1.0, 2.0 }; // -9, 1, 3
    double value;
    Error err;
    assert_int_equal(lanczos_dense(h, 3, &value, &err), STATUS_OK);
    assert_true(fabs(value - 3.0) < 1e-12);
    const double negative[] = { -1.0, 0.0, 0.0, -2.0 };
    assert_int_equal(lanczos_dense(negative, 2, &value, &err), STATUS_OK);
    assert_true(fabs(value + 1.0) < 1e-12);
}

static void small_and_degenerate_matrices(void **state)
{
    (void)state;
    const double one[] = { -4.0 };
    const double same[] = { 0.001, 0.0, 0.0, 0.0, 0.001, 0.0, 0.0, 0.0, 0.001 };
    const double zero[9] = { 0.0 };
    double value;
    assert_int_equal(lanczos_dense(one, 1, &value, NULL), STATUS_OK);
    assert_true(fabs(value + 4.0) < 1e-12);
    assert_int_equal(lanczos_dense(same, 3, &value, NULL), STATUS_OK);
    assert_true(fabs(value - 0.001) < 1e-15); // a dead supernet: the weight decay alone
    assert_int_equal(lanczos_dense(zero, 3, &value, NULL), STATUS_OK);
    assert_true(value == 0.0);
}

static void bad_input_is_an_error_and_the_value_is_nan(void **state)
{
    (void)state;
    const double h[] = { 1.0, NAN, NAN, 1.0 };
    double value = 0.0;
    Error err;
    assert_int_equal(lanczos_dense(h, 2, &value, &err), STATUS_NUMERIC);
    assert_true(isnan(value));
    assert_int_equal(lanczos_dense(h, 0, &value, &err), STATUS_ARG);
    const double good[] = { 1.0, 0.0, 0.0, 1.0 };
    for (int n = 0; n < 4; n++) {
        alloc_fail_after(n);
        assert_int_equal(lanczos_dense(good, 2, &value, &err), STATUS_NOMEM);
        assert_true(isnan(value));
    }
    alloc_fail_after(-1);
}

static void the_ritz_vector_belongs_to_the_value(void **state)
{
    (void)state;
    const double h[] = { 2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0 };
    Matrix m = { h, 3, 0 };
    LanczosTask task = { .apply = multiply, .self = &m, .n = 3, .steps = 6, .seed = 5 };
    double value, v[3], hv[3];
    assert_int_equal(lanczos_largest(&task, &value, v, NULL), STATUS_OK);
    assert_true(fabs(value - (2.0 + sqrt(2.0))) < 1e-12);
    assert_int_equal(m.calls, 3); // never more than the dimension
    multiply(&m, v, hv, NULL);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(hv[i] - value * v[i]) < 1e-10);
}

#define HESSIAN "../shared/data/logs/hessian/"

// Published value of an epoch; NAN if absent.
static double published(const char *csv, int epoch)
{
    char mark[80];
    snprintf(mark, sizeof mark, "\nrobustdarts-s1-2516843-1.txt,%d,", epoch);
    const char *p = strstr(csv, mark);
    double value = NAN;
    if (p)
        sscanf(p + strlen(mark), "%lf", &value);
    return value;
}

static int read_matrix(const Json *rows, double **h)
{
    int n = json_length(rows);
    *h = mem_array((size_t)n * (size_t)n, sizeof **h);
    assert_non_null(*h);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            (*h)[i * n + j] = json_to_num(json_at(json_at(rows, i), j), NAN);
    return n;
}

static void check_matrix(const double *h, int n, double want)
{
    double value;
    Error err;
    assert_int_equal(lanczos_dense(h, n, &value, &err), STATUS_OK);
    assert_true(fabs(value - want) < 2e-6);
    Matrix m = { h, n, 0 };
    LanczosTask task = { .apply = multiply, .self = &m, .n = n, .steps = 8, .seed = 1 };
    assert_int_equal(lanczos_largest(&task, &value, NULL, &err), STATUS_OK);
    assert_int_equal(m.calls, 8);
    assert_true(value <= want + 2e-6); // a projection never exceeds the spectrum
    assert_true(fabs(value / want - 1.0) < 0.02);
}

static void published_hessians(void **state)
{
    (void)state;
    char *text, *csv;
    size_t len, csv_len;
    if (file_read(HESSIAN "robustdarts-s1-2516843-1.derivatives-excerpt.jsonl", 1 << 24, &text,
                  &len, NULL) != STATUS_OK)
        skip();
    assert_int_equal(file_read(HESSIAN "lambda_max.csv", 1 << 24, &csv, &csv_len, NULL), STATUS_OK);
    int matrices = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        Json *record = json_parse(line, strlen(line), NULL);
        assert_non_null(record);
        double *h;
        int n = read_matrix(json_get(record, "H"), &h);
        assert_int_equal(n, 56);
        check_matrix(h, n, published(csv, (int)json_get_int(record, "epoch", -1)));
        mem_free(h);
        json_free(record);
        matrices++;
    }
    assert_int_equal(matrices, 6);
    mem_free(text);
    mem_free(csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_signed_eigenvalue_not_the_largest_modulus),
        cmocka_unit_test(small_and_degenerate_matrices),
        cmocka_unit_test(bad_input_is_an_error_and_the_value_is_nan),
        cmocka_unit_test(the_ritz_vector_belongs_to_the_value),
        cmocka_unit_test(published_hessians),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
