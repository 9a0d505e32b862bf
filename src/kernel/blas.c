// SPDX-License-Identifier: MIT
#include "src/kernel/blas.h"

// Built with WITHOUT_BLAS the products are plain loops, for machines that have no OpenBLAS.
#ifdef WITHOUT_BLAS

void blas_start(void)
{
}

static float element(const float *x, int ld, bool turned, int row, int col)
{
    return turned ? x[(size_t)col * ld + row] : x[(size_t)row * ld + col];
}

void blas_product(const BlasProduct *p)
{
    float scale = p->scale == 0 ? 1 : p->scale;
    for (int i = 0; i < p->m; i++) {
        float *c = p->c + (size_t)i * p->c_ld;
        for (int j = 0; j < p->n && !p->add; j++)
            c[j] = 0;
        for (int k = 0; k < p->k; k++) {
            float a = scale * element(p->a, p->a_ld, p->a_turned, i, k);
            for (int j = 0; j < p->n; j++)
                c[j] += a * element(p->b, p->b_ld, p->b_turned, k, j);
        }
    }
}

#else

#include <cblas.h>

void blas_start(void)
{
    openblas_set_num_threads(1);
}

void blas_product(const BlasProduct *p)
{
    if (p->m < 1 || p->n < 1)
        return;
    cblas_sgemm(CblasRowMajor, p->a_turned ? CblasTrans : CblasNoTrans,
                p->b_turned ? CblasTrans : CblasNoTrans, p->m, p->n, p->k,
                p->scale == 0 ? 1 : p->scale, p->a, p->a_ld, p->b, p->b_ld, p->add ? 1 : 0, p->c,
                p->c_ld);
}

#endif
