// SPDX-License-Identifier: MIT
#include "src/base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_llong fail_countdown = -1;
static atomic_llong call_count;

void alloc_fail_after(int64_t calls)
{
    atomic_store(&fail_countdown, calls);
}

int64_t alloc_calls(void)
{
    return atomic_load(&call_count);
}

static int must_fail(void)
{
    atomic_fetch_add(&call_count, 1);
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) < 0)
        return 0;
    return atomic_fetch_sub(&fail_countdown, 1) == 0;
}

static int overflows(size_t count, size_t size)
{
    return size && count > SIZE_MAX / 2 / size;
}

void *mem_alloc(size_t size)
{
    return must_fail() ? NULL : malloc(size ? size : 1);
}

void *mem_zero(size_t count, size_t size)
{
    if (must_fail() || overflows(count, size))
        return NULL;
    return calloc(count ? count : 1, size ? size : 1);
}

void *mem_array(size_t count, size_t size)
{
    return overflows(count, size) ? NULL : mem_alloc(count * size);
}

void *mem_grow(void *p, size_t count, size_t size)
{
    if (must_fail() || overflows(count, size))
        return NULL;
    size_t bytes = count * size;
    return realloc(p, bytes ? bytes : 1);
}

void *mem_aligned(size_t size)
{
    if (must_fail() || size > SIZE_MAX / 2)
        return NULL;
    size_t rounded = (size + 63) & ~(size_t)63;
    void *p = aligned_alloc(64, rounded ? rounded : 64);
    if (p)
        memset(p, 0, rounded);
    return p;
}

void mem_free(void *p)
{
    free(p);
}

char *mem_strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = mem_alloc(n);
    if (copy)
        memcpy(copy, text, n);
    return copy;
}
