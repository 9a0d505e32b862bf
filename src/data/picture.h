// SPDX-License-Identifier: MIT
#ifndef DATA_PICTURE_H
#define DATA_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/err.h"

// A decoded PNG or JPEG. The only place that knows libpng and libjpeg-turbo.
typedef struct {
    int height, width, channels; // channels: 1 or 3
    unsigned char *pixels;       // H W C; mem_free
} Picture;

bool picture_can_decode(void); // false if built without the libraries
// Transparent pixels are laid over black. Sides over DATA_MAX_SIDE are errors.
Status picture_decode(const void *data, size_t len, int channels, const char *name,
                      Picture *picture, Error *err);

#endif
