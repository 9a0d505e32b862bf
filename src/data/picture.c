// SPDX-License-Identifier: MIT
#include "src/data/picture.h"

#include "src/base/alloc.h"
#include "src/data/dataset.h"

#ifdef WITH_IMAGES

#include <string.h>

#include <png.h>
#include <turbojpeg.h>

bool picture_can_decode(void)
{
    return true;
}

static Status make_room(long width, long height, int channels, const char *name, Picture *p,
                        Error *err)
{
    if (width < 1 || height < 1 || width > DATA_MAX_SIDE || height > DATA_MAX_SIDE)
        return error_set(err, STATUS_PARSE, "%s: an image of %ld x %ld, expected sides of 1 to %d",
                         name, height, width, DATA_MAX_SIDE);
    *p = (Picture){ (int)height, (int)width, channels, NULL };
    p->pixels = mem_zero((size_t)height * (size_t)width, (size_t)channels);
    if (!p->pixels)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", name);
    return STATUS_OK;
}

static Status decode_png(const void *data, size_t len, int channels, const char *name, Picture *p,
                         Error *err)
{
    png_image image = { .version = PNG_IMAGE_VERSION };
    const png_color black = { 0, 0, 0 };
    if (!png_image_begin_read_from_memory(&image, data, len))
        return error_set(err, STATUS_PARSE, "%s: not a readable PNG: %s", name, image.message);
    image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    Status status = make_room((long)image.width, (long)image.height, channels, name, p, err);
    if (status == STATUS_OK && !png_image_finish_read(&image, &black, p->pixels, 0, NULL))
        status = error_set(err, STATUS_PARSE, "%s: damaged PNG: %s", name, image.message);
    png_image_free(&image);
    return status;
}

static Status decode_jpeg(const void *data, size_t len, int channels, const char *name, Picture *p,
                          Error *err)
{
    // The library says yes to some broken headers and leaves these as they are.
    int width = 0, height = 0, subsampling = 0, space = 0;
    tjhandle jpeg = tjInitDecompress();
    if (!jpeg)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", name);
    Status status;
    if (tjDecompressHeader3(jpeg, data, (unsigned long)len, &width, &height, &subsampling,
                            &space) != 0 ||
        width < 1 || height < 1)
        status =
            error_set(err, STATUS_PARSE, "%s: not a readable JPEG: %s", name, tjGetErrorStr2(jpeg));
    else
        status = make_room(width, height, channels, name, p, err);
    if (status == STATUS_OK &&
        tjDecompress2(jpeg, data, (unsigned long)len, p->pixels, 0, 0, 0,
                      channels == 1 ? TJPF_GRAY : TJPF_RGB, TJFLAG_ACCURATEDCT) != 0)
        status = error_set(err, STATUS_PARSE, "%s: damaged JPEG: %s", name, tjGetErrorStr2(jpeg));
    tjDestroy(jpeg);
    return status;
}

Status picture_decode(const void *data, size_t len, int channels, const char *name,
                      Picture *picture, Error *err)
{
    Status status;
    *picture = (Picture){ 0 };
    if (len >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0)
        status = decode_png(data, len, channels, name, picture, err);
    else if (len >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
        status = decode_jpeg(data, len, channels, name, picture, err);
    else
        status = error_set(err, STATUS_PARSE, "%s is neither a PNG nor a JPEG", name);
    if (status != STATUS_OK) {
        mem_free(picture->pixels);
        *picture = (Picture){ 0 };
    }
    return status;
}

#else

bool picture_can_decode(void)
{
    return false;
}

Status picture_decode(const void *data, size_t len, int channels, const char *name,
                      Picture *picture, Error *err)
{
    (void)data;
    (void)len;
    (void)channels;
    *picture = (Picture){ 0 };
    return error_set(err, STATUS_ARG, "%s: built without PNG and JPEG", name);
}

#endif
