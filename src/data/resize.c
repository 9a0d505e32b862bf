// SPDX-License-Identifier: MIT
#include "src/data/resize.h"

#include <stddef.h>

// Where output position i of an axis falls: between lo and hi, w of the way.
typedef struct {
    int lo, hi;
    float w;
} Tap;

static Tap tap_at(int i, int in, int out)
{
    float scale = (float)in / (float)out;
    float f = ((float)i + 0.5f) * scale - 0.5f;
    if (f < 0)
        f = 0;
    int lo = (int)f;
    if (lo > in - 1)
        lo = in - 1;
    return (Tap){ lo, lo + 1 < in ? lo + 1 : in - 1, f - (float)lo };
}

void resize_bilinear(const float *src, int h, int w, int c, float *dst, int oh, int ow)
{
    for (int y = 0; y < oh; y++) {
        Tap v = tap_at(y, h, oh);
        const float *top = src + (size_t)v.lo * (size_t)w * (size_t)c;
        const float *low = src + (size_t)v.hi * (size_t)w * (size_t)c;
        for (int x = 0; x < ow; x++) {
            Tap u = tap_at(x, w, ow);
            for (int k = 0; k < c; k++) {
                float a = top[u.lo * c + k], b = top[u.hi * c + k];
                float d = low[u.lo * c + k], e = low[u.hi * c + k];
                float above = (1 - u.w) * a + u.w * b, below = (1 - u.w) * d + u.w * e;
                *dst++ = (1 - v.w) * above + v.w * below;
            }
        }
    }
}
