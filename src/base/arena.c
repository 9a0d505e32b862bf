// SPDX-License-Identifier: MIT
#include "src/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"

enum { BLOCK_BYTES = 16384, ALIGN = 16 };

struct ArenaBlock {
    ArenaBlock *next;
    size_t size, used;
    _Alignas(16) char data[];
};

static ArenaBlock *block_new(size_t size)
{
    ArenaBlock *block = mem_alloc(sizeof *block + size);
    if (block)
        *block = (ArenaBlock){ .size = size };
    return block;
}

// First block from the current one on that has room; appends one if none has.
static ArenaBlock *block_with_room(Arena *arena, size_t bytes)
{
    ArenaBlock *last = NULL;
    for (ArenaBlock *b = arena->current; b; b = b->next) {
        if (b->size - b->used >= bytes)
            return b;
        last = b;
    }
    ArenaBlock *fresh = block_new(bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES);
    if (!fresh)
        return NULL;
    if (last)
        last->next = fresh;
    else
        arena->first = fresh;
    return fresh;
}

void *arena_alloc(Arena *arena, size_t count, size_t size)
{
    if (size && count > (SIZE_MAX / 2 - ALIGN) / size)
        return NULL;
    size_t bytes = (count * size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    ArenaBlock *b = block_with_room(arena, bytes);
    if (!b)
        return NULL;
    arena->current = b;
    void *p = b->data + b->used;
    b->used += bytes;
    arena->used += bytes;
    memset(p, 0, bytes);
    return p;
}

char *arena_strndup(Arena *arena, const char *text, size_t n)
{
    char *copy = arena_alloc(arena, n + 1, 1);
    if (copy)
        memcpy(copy, text, n);
    return copy;
}

char *arena_strdup(Arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(Arena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1, 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

void arena_reset(Arena *arena)
{
    for (ArenaBlock *b = arena->first; b; b = b->next)
        b->used = 0;
    arena->current = arena->first;
    arena->used = 0;
}

void arena_fini(Arena *arena)
{
    ArenaBlock *b = arena->first;
    while (b) {
        ArenaBlock *next = b->next;
        mem_free(b);
        b = next;
    }
    *arena = (Arena){ 0 };
}
