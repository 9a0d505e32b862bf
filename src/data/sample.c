// SPDX-License-Identifier: MIT
#include "src/data/sample.h"

#include <string.h>

#include "src/data/reader.h"
#include "src/data/resize.h"

static size_t resized_items(const Sampler *s)
{
    return (size_t)s->height * (size_t)s->width * (size_t)s->data->channels;
}

size_t sample_scratch(const Sampler *s)
{
    return dataset_image_items(s->data) + resized_items(s);
}

static void load(const Dataset *d, int image, float *out)
{
    size_t n = dataset_image_items(d);
    if (d->type == PIXEL_U8) {
        const unsigned char *bytes = dataset_u8(d, image);
        for (size_t k = 0; k < n; k++)
            out[k] = (float)bytes[k] * d->scale;
    } else {
        const float *floats = dataset_f32(d, image);
        for (size_t k = 0; k < n; k++)
            out[k] = floats[k] * d->scale;
    }
}

// Copies the image moved by (dx, dy), mirrored if asked, normalised; what lies outside is a
// pixel of 0 before mean and deviation, as in torchvision's RandomCrop(padding).
static void place(const Sampler *s, const float *src, int dx, int dy, bool mirror, float *out)
{
    int c_in = s->data->channels, c_out = s->channels;
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            int sy = y + dy, sx = (mirror ? s->width - 1 - x : x) + dx;
            bool inside = sy >= 0 && sy < s->height && sx >= 0 && sx < s->width;
            const float *pixel =
                inside ? src + ((size_t)sy * (size_t)s->width + (size_t)sx) * (size_t)c_in : NULL;
            for (int c = 0; c < c_out; c++) {
                int from = c_in == c_out ? c : 0;
                *out++ = ((pixel ? pixel[from] : 0) - s->mean[from]) / s->std[from];
            }
        }
}

// A square around a point anywhere in the image, cut at the edges (DeVries, Taylor 2017).
static void cut_out(const Sampler *s, Rng *rng, float *out)
{
    int cy = (int)rng_below(rng, (uint64_t)s->height), cx = (int)rng_below(rng, (uint64_t)s->width);
    int y0 = cy - s->cutout / 2, x0 = cx - s->cutout / 2;
    for (int y = y0 < 0 ? 0 : y0; y < y0 + s->cutout && y < s->height; y++) {
        int from = x0 < 0 ? 0 : x0, to = x0 + s->cutout < s->width ? x0 + s->cutout : s->width;
        size_t at = ((size_t)y * (size_t)s->width + (size_t)from) * (size_t)s->channels;
        for (size_t k = 0; k < (size_t)(to - from) * (size_t)s->channels; k++)
            out[at + k] = 0;
    }
}

void sample_make(const Sampler *s, int image, Rng *rng, float *scratch, float *out)
{
    const Dataset *d = s->data;
    float *raw = scratch, *sized = raw;
    load(d, image, raw);
    if (d->height != s->height || d->width != s->width) {
        sized = scratch + dataset_image_items(d);
        resize_bilinear(raw, d->height, d->width, d->channels, sized, s->height, s->width);
    }
    int dx = 0, dy = 0;
    if (s->crop > 0) {
        dy = (int)rng_below(rng, 2 * (uint64_t)s->crop + 1) - s->crop;
        dx = (int)rng_below(rng, 2 * (uint64_t)s->crop + 1) - s->crop;
    }
    bool mirror = s->flip && rng_u64(rng) >> 63;
    place(s, sized, dx, dy, mirror, out);
    if (s->cutout > 0)
        cut_out(s, rng, out);
}
