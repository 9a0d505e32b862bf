// SPDX-License-Identifier: MIT
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

// xoshiro256** (Blackman, Vigna 2018). State is plain bytes and goes into checkpoints.
// rng_at gives an independent stream for (seed, a, b), so that noise can be a pure function
// of what it belongs to (image, step) and resume and threads cannot change it.
typedef struct {
    uint64_t s[4];
} Rng;

Rng rng_new(uint64_t seed);
Rng rng_at(uint64_t seed, uint64_t a, uint64_t b);
uint64_t rng_u64(Rng *rng);
double rng_uniform(Rng *rng);             // [0, 1)
double rng_normal(Rng *rng);              // N(0, 1), Box-Muller, no hidden state
uint64_t rng_below(Rng *rng, uint64_t n); // 0 .. n-1, unbiased; n > 0
void rng_shuffle(Rng *rng, int *items, int n);

#endif
