// SPDX-License-Identifier: MIT
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

// Bump allocator in linked blocks: many small things with one life. Never freed piecewise.
// Memory is zeroed and aligned to 16 bytes. Not thread-safe.
typedef struct ArenaBlock ArenaBlock;
typedef struct {
    ArenaBlock *first, *current;
    size_t used; // bytes handed out since the last reset
} Arena;

void *arena_alloc(Arena *arena, size_t count, size_t size); // NULL when out of memory
char *arena_strdup(Arena *arena, const char *text);
char *arena_strndup(Arena *arena, const char *text, size_t n);
char *arena_printf(Arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_reset(Arena *arena); // keeps the blocks
void arena_fini(Arena *arena);

#endif
