// SPDX-License-Identifier: MIT
#include "src/kernel/attention.h"

#include <math.h>
#include <string.h>

// Multi-head self-attention over the L = h*w pixels of an image, as torch.nn.MultiheadAttention:
// q, k, v = x W + b; P = softmax(q k^T / sqrt(d)); y = (P v of all heads) W2 + b2, d = c / heads.
// Everything but x is recomputed in backward, one head's L x L matrix at a time.

size_t ref_attention_floats(const KernelShape *s)
{
    // The plan marks attention by k = 0; the other layers need no square of the pixels.
    size_t len = (size_t)s->h * s->w, c = (size_t)s->c;
    return s->k == 0 ? 8 * len * c + 2 * len * len : 0;
}

Attention attention_layout(const RefImage *r)
{
    const KernelShape *s = &r->a->shape;
    Attention t = { .len = s->h * s->w, .c = s->c, .heads = r->a->heads, .d = s->c / r->a->heads };
    size_t lc = (size_t)t.len * t.c, ll = (size_t)t.len * t.len;
    t.scale = 1 / sqrtf((float)t.d);
    t.qkv = r->tmp;
    t.ctx = t.qkv + 3 * lc;
    t.prob = t.ctx + lc;
    t.d_qkv = t.prob + ll;
    t.d_ctx = t.d_qkv + 3 * lc;
    t.d_prob = t.d_ctx + lc;
    return t;
}

// out [m][b] = in [m][a] w [a][b] + bias
static void affine(const float *in, const float *w, const float *bias, float *out,
                   const int m_a_b[3])
{
    int m = m_a_b[0], a = m_a_b[1], b = m_a_b[2];
    for (int p = 0; p < m; p++) {
        float *o = out + (size_t)p * b;
        for (int q = 0; q < b; q++)
            o[q] = bias ? bias[q] : 0;
        for (int i = 0; i < a; i++)
            for (int q = 0; q < b; q++)
                o[q] += in[(size_t)p * a + i] * w[(size_t)i * b + q];
    }
}

// din [m][a] = d [m][b] w^T; gw [a][b] += in^T d; gb += sum d
static void affine_bwd(const float *in, const float *w, const float *d, float *din, float *gw,
                       float *gb, const int m_a_b[3])
{
    int m = m_a_b[0], a = m_a_b[1], b = m_a_b[2];
    for (int p = 0; p < m; p++) {
        const float *dp = d + (size_t)p * b;
        for (int i = 0; i < a; i++) {
            float sum = 0, x = in[(size_t)p * a + i];
            for (int q = 0; q < b; q++)
                sum += dp[q] * w[(size_t)i * b + q];
            din[(size_t)p * a + i] = sum;
            for (int q = 0; gw && q < b; q++)
                gw[(size_t)i * b + q] += x * dp[q];
        }
        for (int q = 0; gb && q < b; q++)
            gb[q] += dp[q];
    }
}

void attention_softmax(float *row, int n)
{
    float top = row[0], sum = 0;
    for (int i = 1; i < n; i++)
        top = row[i] > top ? row[i] : top;
    for (int i = 0; i < n; i++)
        sum += row[i] = expf(row[i] - top);
    for (int i = 0; i < n; i++)
        row[i] /= sum;
}

static float dot(const float *a, const float *b, int n)
{
    float sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add_scaled(float *out, const float *x, float f, int n)
{
    for (int i = 0; i < n; i++)
        out[i] += f * x[i];
}

static void head_prob(const Attention *t, int head)
{
    int ld = 3 * t->c, at = head * t->d;
    for (int i = 0; i < t->len; i++) {
        float *row = t->prob + (size_t)i * t->len;
        for (int j = 0; j < t->len; j++)
            row[j] = t->scale *
                     dot(t->qkv + (size_t)i * ld + at, t->qkv + (size_t)j * ld + t->c + at, t->d);
        attention_softmax(row, t->len);
    }
}

static void head_context(const Attention *t, int head)
{
    int ld = 3 * t->c, at = head * t->d;
    for (int i = 0; i < t->len; i++) {
        float *out = t->ctx + (size_t)i * t->c + at;
        memset(out, 0, (size_t)t->d * sizeof *out);
        for (int j = 0; j < t->len; j++)
            add_scaled(out, t->qkv + (size_t)j * ld + 2 * t->c + at,
                       t->prob[(size_t)i * t->len + j], t->d);
    }
}

static void contexts(const Attention *t, const RefImage *r)
{
    affine(r->x, r->a->w, r->a->bias, t->qkv, (int[]){ t->len, t->c, 3 * t->c });
    for (int h = 0; h < t->heads; h++) {
        head_prob(t, h);
        head_context(t, h);
    }
}

void ref_attention_fwd(const RefImage *r)
{
    Attention t = attention_layout(r);
    contexts(&t, r);
    affine(t.ctx, r->a->w2, r->a->bias2, r->y, (int[]){ t.len, t.c, t.c });
}

static void head_bwd(const Attention *t, int head)
{
    int ld = 3 * t->c, at = head * t->d;
    head_prob(t, head);
    for (int i = 0; i < t->len; i++) {
        const float *p = t->prob + (size_t)i * t->len, *dc = t->d_ctx + (size_t)i * t->c + at;
        float *dp = t->d_prob + (size_t)i * t->len;
        for (int j = 0; j < t->len; j++) {
            dp[j] = dot(dc, t->qkv + (size_t)j * ld + 2 * t->c + at, t->d);
            add_scaled(t->d_qkv + (size_t)j * ld + 2 * t->c + at, dc, p[j], t->d);
        }
        float sum = dot(p, dp, t->len);
        for (int j = 0; j < t->len; j++) {
            float ds = p[j] * (dp[j] - sum) * t->scale;
            add_scaled(t->d_qkv + (size_t)i * ld + at, t->qkv + (size_t)j * ld + t->c + at, ds,
                       t->d);
            add_scaled(t->d_qkv + (size_t)j * ld + t->c + at, t->qkv + (size_t)i * ld + at, ds,
                       t->d);
        }
    }
}

void ref_attention_bwd(const RefImage *r)
{
    Attention t = attention_layout(r);
    contexts(&t, r);
    affine_bwd(t.ctx, r->a->w2, r->dy, t.d_ctx, r->g_w2, r->g_bias2, (int[]){ t.len, t.c, t.c });
    memset(t.d_qkv, 0, (size_t)t.len * 3 * t.c * sizeof *t.d_qkv);
    for (int h = 0; h < t.heads; h++)
        head_bwd(&t, h);
    affine_bwd(r->x, r->a->w, t.d_qkv, r->dx, r->g_w, r->g_bias, (int[]){ t.len, t.c, 3 * t.c });
}
