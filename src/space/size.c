// SPDX-License-Identifier: MIT
// Number of distinct genotypes, as a double and exactly.
#include "src/space/space.h"

#include <inttypes.h>
#include <string.h>

// Unsigned integer in base 1e9, lowest limb first. 120 limbs hold what the limits of a space
// allow: 4 cells, 40 edges, 64 operators give fewer than 330 digits.
enum { LIMBS = 120 };
#define LIMB_BASE 1000000000u

typedef struct {
    int n;
    uint32_t limb[LIMBS];
} Big;

static Big big_from(uint32_t value)
{
    return (Big){ .n = value ? 1 : 0, .limb = { value } };
}

static void big_trim(Big *a)
{
    while (a->n > 0 && a->limb[a->n - 1] == 0)
        a->n--;
}

static void big_add(Big *a, const Big *b)
{
    uint32_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint32_t x = carry + (i < a->n ? a->limb[i] : 0) + (i < b->n ? b->limb[i] : 0);
        a->limb[i] = x % LIMB_BASE;
        carry = x / LIMB_BASE;
    }
    a->n = LIMBS;
    big_trim(a);
}

static Big big_mul(const Big *a, const Big *b)
{
    Big out = { .n = LIMBS };
    for (int i = 0; i < a->n; i++) {
        uint64_t carry = 0;
        for (int k = 0; i + k < LIMBS && (k < b->n || carry); k++) {
            uint64_t x =
                (uint64_t)a->limb[i] * (k < b->n ? b->limb[k] : 0) + out.limb[i + k] + carry;
            out.limb[i + k] = (uint32_t)(x % LIMB_BASE);
            carry = x / LIMB_BASE;
        }
    }
    big_trim(&out);
    return out;
}

static int without_none(const Space *space, const SpaceEdge *edge)
{
    int n = 0;
    for (int i = 0; i < edge->n_ops; i++)
        n += space->ops[edge->ops[i]].kind != OP_NONE;
    return n;
}

// Ways to choose `keep` edges into `node` and an operator on each: the elementary symmetric
// polynomial of degree keep of the operator counts, built up one edge at a time.
static Big node_choices(const Space *space, const SpaceCell *cell, int node)
{
    Big e[SPACE_NODES + 1] = { big_from(1) };
    int seen = 0;
    for (int i = 0; i < cell->n_edges; i++) {
        if (cell->edges[i].to != node)
            continue;
        Big ops = big_from((uint32_t)without_none(space, &cell->edges[i]));
        seen++;
        for (int k = seen < cell->keep ? seen : cell->keep; k > 0; k--) {
            Big with = big_mul(&e[k - 1], &ops);
            big_add(&e[k], &with);
        }
    }
    return e[seen < cell->keep ? seen : cell->keep];
}

static Big cell_size(const Space *space, const SpaceCell *cell)
{
    Big size = big_from(1);
    if (cell->derive == DERIVE_ARGMAX) {
        for (int i = 0; i < cell->n_edges; i++) {
            Big ops = big_from((uint32_t)cell->edges[i].n_ops);
            size = big_mul(&size, &ops);
        }
        return size;
    }
    for (int node = cell->inputs; node < cell->inputs + cell->nodes; node++) {
        Big ways = node_choices(space, cell, node);
        size = big_mul(&size, &ways);
    }
    return size;
}

static Big whole_size(const Space *space)
{
    Big size = big_from(1);
    for (int i = 0; i < space->n_cells; i++) {
        Big one = cell_size(space, &space->cells[i]);
        size = big_mul(&size, &one);
    }
    return size;
}

double space_size(const Space *space)
{
    Big size = whole_size(space);
    double value = 0;
    for (int i = size.n - 1; i >= 0; i--)
        value = value * LIMB_BASE + size.limb[i];
    return value;
}

Status space_size_text(const Space *space, Str *out, Error *err)
{
    Big size = whole_size(space);
    str_addf(out, "%" PRIu32, size.n ? size.limb[size.n - 1] : 0);
    for (int i = size.n - 2; i >= 0; i--)
        str_addf(out, "%09" PRIu32, size.limb[i]);
    return out->failed ? error_set(err, STATUS_NOMEM, "out of memory") : STATUS_OK;
}
