// SPDX-License-Identifier: MIT
#ifndef DATA_RESIZE_H
#define DATA_RESIZE_H

// Bilinear, half-pixel centres, no antialiasing: torch.nn.functional.interpolate(mode="bilinear",
// align_corners=False). src is h w c, dst is oh ow c.
void resize_bilinear(const float *src, int h, int w, int c, float *dst, int oh, int ow);

#endif
