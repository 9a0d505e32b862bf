// SPDX-License-Identifier: MIT
#include "src/kernel/blas.h"

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
