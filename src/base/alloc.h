// SPDX-License-Identifier: MIT
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

// Allocation with checked sizes. All return NULL when memory or the size type runs out.
// Everything that a test may want to fail goes through here: alloc_fail_after(n) makes the
// n-th call from now return NULL (n = 0: the next one), once; a negative n switches that off.

void *mem_alloc(size_t size);                       // uninitialised
void *mem_zero(size_t count, size_t size);          // zeroed, overflow checked
void *mem_array(size_t count, size_t size);         // uninitialised, overflow checked
void *mem_grow(void *p, size_t count, size_t size); // realloc, overflow checked
void *mem_aligned(size_t size);                     // 64-byte aligned, zeroed; free with mem_free
void mem_free(void *p);
char *mem_strdup(const char *text);

void alloc_fail_after(int64_t calls);
int64_t alloc_calls(void); // calls so far, for "for n until success" loops

#endif
