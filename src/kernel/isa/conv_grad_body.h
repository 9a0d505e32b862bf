// SPDX-License-Identifier: MIT
// Gradient of dense and pointwise weights over one image, at one vector width. Included by conv.c
// once a width.

#include "src/kernel/isa/tap.h"
#include "src/kernel/isa/width.h"

// What one call accumulates: L input channels from `in` by NB vectors of output channels.
typedef struct {
    const ConvGradJob *job;
    const float *in, *d; // of pixel 0 of row 0
    float *gw;           // [lanes][w_ld]
    int lanes, co;       // lanes that exist
    int row;             // source row of output row 0
} AT_WIDTH(GradBlock);

INLINE void AT_WIDTH(conv_grad_block)(const AT_WIDTH(GradBlock) * g, const int L, const int NB,
                                      const int IS)
{
    const ConvGradJob *job = g->job;
    const size_t plane = tile_plane(job->d), step = (size_t)job->taps->step;
    const int w = job->d->w;
    V acc[16];
    UNROLL(16)
    for (int i = 0; i < L * NB; i++)
        acc[i] = (V){ 0 };
    for (int y = 0; y < job->d->h; y++) {
        int from = g->row + y * (int)step;
        if (from < 0 || from >= job->in->h)
            continue;
        const float *in = g->in + (size_t)y * step * tile_row(job->in);
        const float *d = g->d + (size_t)y * tile_row(job->d);
        UNROLL(2)
        for (int x = 0; x < w; x++, in += IS * VW, d += VW) {
            V dv[2];
            UNROLL(2)
            for (int v = 0; v < NB; v++)
                dv[v] = AT_WIDTH(load)(d + (size_t)v * plane);
            UNROLL(16)
            for (int i = 0; i < L * NB; i++)
                acc[i] += dv[i % NB] * in[i / NB];
        }
    }
    UNROLL(16)
    for (int i = 0; i < L * NB; i++) {
        int n = job->oc - g->co - i % NB * VW;
        if (i / NB >= g->lanes)
            continue;
        float *to = g->gw + (size_t)(i / NB) * job->w_ld + i % NB * VW;
        if (!job->fresh)
            acc[i] += AT_WIDTH(load_part)(to, n);
        AT_WIDTH(store_part)(to, acc[i], n);
    }
}

#define BLOCK(L, NB)                                                                               \
    static void AT_WIDTH(conv_grad_##L##_n##NB)(const AT_WIDTH(GradBlock) * g)                     \
    {                                                                                              \
        if (g->job->taps->step == 1)                                                               \
            AT_WIDTH(conv_grad_block)(g, L, NB, 1);                                                \
        else                                                                                       \
            AT_WIDTH(conv_grad_block)(g, L, NB, g->job->taps->step);                               \
    }
BLOCK(4, 1)
BLOCK(4, 2)
#if VW >= 8
BLOCK(8, 1)
#endif
#if VW >= 16
BLOCK(8, 2)
BLOCK(16, 1)
#endif
#undef BLOCK

// Splits `n` lanes from g->in on into blocks that the registers hold. Blocks may be longer than
// the lanes that exist: the tile has the lanes.
static void AT_WIDTH(conv_grad_lanes)(AT_WIDTH(GradBlock) g, int n, int nb)
{
    for (int l = 0; l < n;) {
        int block = 4;
        g.lanes = n - l;
#if VW >= 16
        if (nb == 1 && n - l > 8)
            block = 16;
        else if (n - l > 4)
            block = 8;
        if (block == 16)
            AT_WIDTH(conv_grad_16_n1)(&g);
        else if (block == 8 && nb == 2)
            AT_WIDTH(conv_grad_8_n2)(&g);
        else if (block == 8)
            AT_WIDTH(conv_grad_8_n1)(&g);
#elif VW >= 8
        if (nb == 1 && n - l > 4)
            block = 8;
        if (block == 8)
            AT_WIDTH(conv_grad_8_n1)(&g);
#endif
        if (block == 4 && nb == 2)
            AT_WIDTH(conv_grad_4_n2)(&g);
        else if (block == 4)
            AT_WIDTH(conv_grad_4_n1)(&g);
        l += block;
        g.in += block;
        g.gw += (size_t)block * g.job->w_ld;
    }
}

static void AT_WIDTH(conv_grad_tap)(const ConvGradJob *job, int i, int j, int co, int nb)
{
    const Taps *taps = job->taps;
    const size_t plane = tile_plane(job->in);
    ptrdiff_t off =
        (ptrdiff_t)taps->row[i] * (ptrdiff_t)tile_row(job->in) + (ptrdiff_t)taps->col[j] * VW;
    size_t tap = (size_t)(taps->ky[i] * taps->k + taps->kx[j]) * job->w_tap;
    for (int s = 0; s < job->n_seg; s++) {
        const Segment *seg = &job->seg[s];
        for (int c = 0; c < seg->c; c += VW) {
            AT_WIDTH(GradBlock)
            g = {
                .job = job,
                .in = tile_at(job->in, seg->block0) + (size_t)(c / VW) * plane + off,
                .d = tile_at(job->d, 0) + (size_t)(co / VW) * tile_plane(job->d),
                .gw = job->gw + tap + (size_t)(seg->row0 + c) * job->w_ld + co,
                .co = co,
                .row = taps->row[i],
            };
            AT_WIDTH(conv_grad_lanes)(g, seg->c - c < VW ? seg->c - c : VW, nb);
        }
    }
}

static void AT_WIDTH(conv_grad_image)(const ConvGradJob *job)
{
    for (int co = 0; co < job->oc;) {
        int nb = job->oc - co > VW ? 2 : 1;
        for (int i = 0; i < job->taps->n_ky; i++)
            for (int j = 0; j < job->taps->n_kx; j++)
                AT_WIDTH(conv_grad_tap)(job, i, j, co, nb);
        co += nb * VW;
    }
}
