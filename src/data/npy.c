// SPDX-License-Identifier: MIT
#include "src/data/npy.h"

#include <stdbool.h>
#include <string.h>

#include "src/base/alloc.h"

static Status bad(Error *err, const char *name, const char *what)
{
    return error_set(err, STATUS_PARSE, "%s: %s", name, what);
}

// The text after 'key': in the header, blanks skipped; NULL if the key is not there.
static const char *header_value(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at)
        return NULL;
    at += strlen(key);
    while (*at == ' ')
        at++;
    if (*at++ != ':')
        return NULL;
    while (*at == ' ')
        at++;
    return at;
}

static Status read_descr(const char *header, const char *name, NpyArray *a, Error *err)
{
    const char *v = header_value(header, "'descr'");
    if (!v || *v != '\'' || !v[1] || !v[2] || !v[3] || v[4] != '\'')
        return bad(err, name, "expected a 'descr' of one plain type, like '<f4' or '|u1'");
    char order = v[1];
    a->kind = v[2];
    a->size = v[3] - '0';
    bool known = a->kind == 'f' ? a->size == 4 || a->size == 8
                 : a->kind == 'b'
                     ? a->size == 1
                     : (a->kind == 'u' || a->kind == 'i') &&
                           (a->size == 1 || a->size == 2 || a->size == 4 || a->size == 8);
    if (!known || (order != '<' && order != '|' && order != '='))
        return error_set(err, STATUS_PARSE,
                         "%s: items of type '%.3s', expected little-endian u1 to u8, i1 to i8, f4 "
                         "or f8",
                         name, v + 1);
    return STATUS_OK;
}

static Status read_shape(const char *header, const char *name, NpyArray *a, Error *err)
{
    const char *v = header_value(header, "'shape'");
    if (!v || *v++ != '(')
        return bad(err, name, "the header has no shape");
    a->count = 1;
    for (a->rank = 0;; a->rank++) {
        while (*v == ' ' || *v == ',')
            v++;
        if (*v == ')')
            break;
        if (a->rank == NPY_RANK)
            return bad(err, name, "expected an array of at most 4 dimensions");
        int64_t n = 0;
        const char *digits = v;
        for (; *v >= '0' && *v <= '9' && n < (int64_t)1 << 40; v++)
            n = 10 * n + (*v - '0');
        if (v == digits || (*v != ',' && *v != ')' && *v != ' '))
            return bad(err, name, "the shape is not a list of whole numbers");
        if (n && a->count > ((int64_t)1 << 40) / n)
            return bad(err, name, "the shape is out of range");
        a->dim[a->rank] = n;
        a->count *= n;
    }
    return STATUS_OK;
}

static Status read_header(const char *header, const char *name, NpyArray *a, Error *err)
{
    const char *order = header_value(header, "'fortran_order'");
    if (!order || strncmp(order, "False", 5) != 0)
        return bad(err, name, "expected C order (save numpy.ascontiguousarray(x))");
    Status status = read_descr(header, name, a, err);
    return status == STATUS_OK ? read_shape(header, name, a, err) : status;
}

Status npy_parse(const void *data, size_t len, const char *name, NpyArray *a, Error *err)
{
    enum { HEADER_MAX = 65536 };
    const unsigned char *p = data;
    *a = (NpyArray){ .dim = { 1, 1, 1, 1 } };
    if (len < 12 || memcmp(p, "\x93NUMPY", 6) != 0 || p[6] < 1 || p[6] > 3)
        return bad(err, name, "not a .npy file (it must begin with \\x93NUMPY and version 1 to 3)");
    size_t start = p[6] == 1 ? 10 : 12;
    size_t header = p[8] | (size_t)p[9] << 8;
    if (p[6] > 1)
        header |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (header > HEADER_MAX || header > len - start)
        return bad(err, name, "the file is cut off in its header");
    char *text = mem_alloc(header + 1);
    if (!text)
        return error_set(err, STATUS_NOMEM, "%s: out of memory", name);
    memcpy(text, p + start, header);
    text[header] = '\0';
    Status status = read_header(text, name, a, err);
    mem_free(text);
    if (status != STATUS_OK)
        return status;
    a->items = p + start + header;
    uint64_t want = (uint64_t)a->count * (uint64_t)a->size;
    if (want != len - start - header)
        return error_set(err, STATUS_PARSE,
                         "%s: the header promises %llu bytes of items, the file has %zu", name,
                         (unsigned long long)want, len - start - header);
    return STATUS_OK;
}

static double float_item(uint64_t bits, int size)
{
    if (size == 4) {
        uint32_t low = (uint32_t)bits;
        float f;
        memcpy(&f, &low, sizeof f);
        return (double)f;
    }
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

double npy_number(const NpyArray *a, int64_t i)
{
    const unsigned char *p = a->items + i * a->size;
    uint64_t bits = 0;
    for (int k = a->size - 1; k >= 0; k--)
        bits = bits << 8 | p[k];
    if (a->kind == 'f')
        return float_item(bits, a->size);
    if (a->kind != 'i')
        return (double)bits;
    uint64_t sign = (uint64_t)1 << (8 * a->size - 1);
    return bits & sign ? -(double)(sign - (bits & (sign - 1))) : (double)bits;
}
