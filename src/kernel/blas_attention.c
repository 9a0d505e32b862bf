// SPDX-License-Identifier: MIT
#include "src/kernel/blas.h"

#include <string.h>

#include "src/kernel/attention.h"

// generic_attention.c with every product by OpenBLAS. L pixels, c channels, heads of d channels.

// out [m][b] = in [m][a] w [a][b] + bias
static void affine(const float *in, const float *w, const float *bias, float *out,
                   const int m_a_b[3])
{
    int m = m_a_b[0], a = m_a_b[1], b = m_a_b[2];
    for (int p = 0; p < m && bias; p++)
        memcpy(out + (size_t)p * b, bias, (size_t)b * sizeof *out);
    blas_product(&(BlasProduct){ .m = m,
                                 .n = b,
                                 .k = a,
                                 .a = in,
                                 .a_ld = a,
                                 .b = w,
                                 .b_ld = b,
                                 .add = bias != NULL,
                                 .c = out,
                                 .c_ld = b });
}

// din [m][a] = d [m][b] w^T; gw [a][b] += in^T d; gb += sum d
static void affine_bwd(const float *in, const float *w, const float *d, float *din, float *gw,
                       float *gb, const int m_a_b[3])
{
    int m = m_a_b[0], a = m_a_b[1], b = m_a_b[2];
    BlasProduct p = { .m = m, .n = a, .k = b, .a = d, .a_ld = b, .b = w, .b_ld = b };
    p.b_turned = true;
    p.c = din;
    p.c_ld = a;
    blas_product(&p);
    for (int i = 0; i < m && gb; i++)
        for (int q = 0; q < b; q++)
            gb[q] += d[(size_t)i * b + q];
    if (!gw)
        return;
    p = (BlasProduct){ .m = a, .n = b, .k = m, .a = in, .a_ld = a, .b = d, .b_ld = b };
    p.a_turned = p.add = true;
    p.c = gw;
    p.c_ld = b;
    blas_product(&p);
}

// One head's product of two matrices of L rows: which parts, where to.
typedef struct {
    const float *a, *b;
    int a_ld, b_ld;
    float *c;
    int c_ld;
} HeadPart;

// c [L][L] = scale * a [L][d] b [L][d]^T
static void outer(const Attention *t, HeadPart h, float scale)
{
    blas_product(&(BlasProduct){ .m = t->len,
                                 .n = t->len,
                                 .k = t->d,
                                 .a = h.a,
                                 .a_ld = h.a_ld,
                                 .b = h.b,
                                 .b_ld = h.b_ld,
                                 .b_turned = true,
                                 .scale = scale,
                                 .c = h.c,
                                 .c_ld = h.c_ld });
}

// c [L][d] = a [L][L] b [L][d], or a^T b
static void inner(const Attention *t, HeadPart h, bool turned)
{
    blas_product(&(BlasProduct){ .m = t->len,
                                 .n = t->d,
                                 .k = t->len,
                                 .a = h.a,
                                 .a_ld = h.a_ld,
                                 .a_turned = turned,
                                 .b = h.b,
                                 .b_ld = h.b_ld,
                                 .c = h.c,
                                 .c_ld = h.c_ld });
}

static void head_prob(const Attention *t, int head)
{
    int ld = 3 * t->c, at = head * t->d;
    outer(t, (HeadPart){ t->qkv + at, t->qkv + t->c + at, ld, ld, t->prob, t->len }, t->scale);
    for (int i = 0; i < t->len; i++)
        attention_softmax(t->prob + (size_t)i * t->len, t->len);
}

static void contexts(const Attention *t, const RefImage *r)
{
    affine(r->x, r->a->w, r->a->bias, t->qkv, (int[]){ t->len, t->c, 3 * t->c });
    for (int h = 0; h < t->heads; h++) {
        int at = h * t->d;
        head_prob(t, h);
        inner(t, (HeadPart){ t->prob, t->qkv + 2 * t->c + at, t->len, 3 * t->c, t->ctx + at, t->c },
              false);
    }
}

void blas_attention_fwd(const RefImage *r)
{
    Attention t = attention_layout(r);
    contexts(&t, r);
    affine(t.ctx, r->a->w2, r->a->bias2, r->y, (int[]){ t.len, t.c, t.c });
}

// dS = P * (dP - sum of P * dP over the row) * scale, in place of dP.
static void softmax_back(const Attention *t)
{
    for (int i = 0; i < t->len; i++) {
        const float *p = t->prob + (size_t)i * t->len;
        float *dp = t->d_prob + (size_t)i * t->len, sum = 0;
        for (int j = 0; j < t->len; j++)
            sum += p[j] * dp[j];
        for (int j = 0; j < t->len; j++)
            dp[j] = p[j] * (dp[j] - sum) * t->scale;
    }
}

static void head_bwd(const Attention *t, int head)
{
    int ld = 3 * t->c, at = head * t->d;
    const float *q = t->qkv + at, *k = q + t->c, *v = k + t->c, *d_ctx = t->d_ctx + at;
    float *dq = t->d_qkv + at, *dk = dq + t->c, *dv = dk + t->c;
    head_prob(t, head);
    outer(t, (HeadPart){ d_ctx, v, t->c, ld, t->d_prob, t->len }, 1);
    inner(t, (HeadPart){ t->prob, d_ctx, t->len, t->c, dv, ld }, true);
    softmax_back(t);
    inner(t, (HeadPart){ t->d_prob, k, t->len, ld, dq, ld }, false);
    inner(t, (HeadPart){ t->d_prob, q, t->len, ld, dk, ld }, true);
}

void blas_attention_bwd(const RefImage *r)
{
    Attention t = attention_layout(r);
    contexts(&t, r);
    affine_bwd(t.ctx, r->a->w2, r->dy, t.d_ctx, r->g_w2, r->g_bias2, (int[]){ t.len, t.c, t.c });
    for (int h = 0; h < t.heads; h++)
        head_bwd(&t, h);
    affine_bwd(r->x, r->a->w, t.d_qkv, r->dx, r->g_w, r->g_bias, (int[]){ t.len, t.c, 3 * t.c });
}
