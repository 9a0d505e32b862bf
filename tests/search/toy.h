// SPDX-License-Identifier: MIT
#ifndef TESTS_SEARCH_TOY_H
#define TESTS_SEARCH_TOY_H

#include "tests/support/tiny_space.h"

#include <math.h>
#include <stdio.h>

#include "src/base/alloc.h"
#include "src/search/search.h"

// A toy problem in memory: 8 x 8 images of three textures (rows, columns, squares of two pixels)
// with noise and random phase; and a sink that keeps records as text, times aside.

enum { TOY_IMAGES = 96, TOY_SIDE = 8 };

typedef struct {
    TinySpace tiny;
    Dataset data;
    float pixels[TOY_IMAGES * TOY_SIDE * TOY_SIDE];
    int labels[TOY_IMAGES], train[TOY_IMAGES], valid[TOY_IMAGES], test[TOY_IMAGES];
    Split split;
    Str log;
    Sink sink;
    atomic_int stop;
    SearchContext ctx;
} Toy;

static inline Status toy_emit(void *self, Json *record, Error *err)
{
    Toy *toy = self;
    const char *t = json_get_str(record, "t", "");
    if (strcmp(t, "device") != 0) {
        if (json_get(record, "seconds"))
            json_put_num(record, "seconds", 0);
        json_write(record, &toy->log, err);
        str_addc(&toy->log, '\n');
    }
    json_free(record);
    return STATUS_OK;
}

static inline void toy_image(Toy *toy, int i)
{
    Rng rng = rng_at(4, 2, (uint64_t)i);
    int label = i % 3, phase = (int)rng_below(&rng, 4);
    toy->labels[i] = label;
    for (int y = 0; y < TOY_SIDE; y++)
        for (int x = 0; x < TOY_SIDE; x++) {
            int bit = label == 0   ? (y + phase) / 2 % 2
                      : label == 1 ? (x + phase) / 2 % 2
                                   : ((x + phase) / 2 + (y + phase / 2) / 2) % 2;
            toy->pixels[(i * TOY_SIDE + y) * TOY_SIDE + x] =
                (float)(bit - 0.5 + 0.4 * rng_normal(&rng));
        }
}

static inline void toy_options(SearchOptions *o, const char *strategy)
{
    *o = (SearchOptions){ .strategy = strategy,
                          .epochs = 2,
                          .batch = 16,
                          .order = ORDER_FIRST,
                          .step_order = STEP_ALPHA_FIRST,
                          .seed = 5,
                          .threads = 1,
                          .w = { 0.05, 0.001, 0.9, 3e-4, 5, false },
                          .alpha = { 3e-3, 0.5, 0.999, 1e-3, 1e-3, 0 },
                          .look_steps = 2,
                          .gdas_tau = 10,
                          .gdas_tau_min = 0.1,
                          .fair_weight = 10,
                          .partial = 1,
                          .pdarts_stages = 1,
                          .trials = 6,
                          .population = 3,
                          .sample = 2,
                          .share_epochs = 1,
                          .bn_batches = 2 };
}

static inline void toy_init(Toy *toy, const char *strategy)
{
    memset(toy, 0, sizeof *toy);
    tiny_darts(&toy->tiny);
    for (int i = 0; i < TOY_IMAGES; i++)
        toy_image(toy, i);
    int *part[] = { toy->train, toy->valid, toy->test };
    int *count[] = { &toy->split.n_train, &toy->split.n_valid, &toy->split.n_test };
    for (int i = 0; i < TOY_IMAGES; i++) { // 40, 40, 16
        int k = i % 6 == 5 ? 2 : i % 2;
        part[k][(*count[k])++] = i;
    }
    toy->split.train = toy->train;
    toy->split.valid = toy->valid;
    toy->split.test = NULL;
    snprintf(toy->data.name, sizeof toy->data.name, "toy");
    toy->data.n = toy->data.n_train = TOY_IMAGES;
    toy->data.height = toy->data.width = TOY_SIDE;
    toy->data.channels = 1;
    toy->data.classes = 3;
    toy->data.type = PIXEL_F32;
    toy->data.pixels = toy->pixels;
    toy->data.scale = 1;
    toy->data.labels = toy->labels;
    toy->sink = (Sink){ toy, toy_emit };
    toy->ctx = (SearchContext){ .space = &toy->tiny.space,
                                .data = &toy->data,
                                .split = &toy->split,
                                .sink = &toy->sink,
                                .stop = &toy->stop };
    health_limits_default(&toy->ctx.health);
    toy_options(&toy->ctx.options, strategy);
    toy->split.n_test = 0;
}

static inline void toy_fini(Toy *toy)
{
    str_fini(&toy->log);
}

static inline Search *toy_open(Toy *toy)
{
    Search *search = NULL;
    Error err = { 0 };
    if (search_new(&toy->ctx, &search, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return search;
}

static inline bool toy_step(Search *search)
{
    SearchProgress p;
    Error err = { 0 };
    if (search_step(search, &p, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return !p.done;
}

static inline void toy_begin(Search *search)
{
    Error err = { 0 };
    if (search_begin(search, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
}

// A whole search; returns its records (caller frees with mem_free).
static inline char *toy_run(Toy *toy)
{
    Search *search = toy_open(toy);
    toy_begin(search);
    while (toy_step(search))
        ;
    search_free(search);
    return mem_strdup(str_text(&toy->log));
}

static inline int toy_count(const char *text, const char *part)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p++)
        n++;
    return n;
}

// The same records with one thread and with four.
static inline void toy_check_threads(Toy *toy)
{
    char *one = toy_run(toy);
    str_clear(&toy->log);
    toy->ctx.options.threads = 4;
    char *four = toy_run(toy);
    assert_string_equal(one, four);
    mem_free(one);
    mem_free(four);
}

static inline Str toy_pack(Search *search)
{
    SearchState state;
    Str bytes = { 0 };
    Error err = { 0 };
    if (search_save(search, &state, &err) != STATUS_OK ||
        safetensors_pack(state.tensors, state.n_tensors, state.meta, state.n_meta, &bytes, &err) !=
            STATUS_OK)
        fail_msg("%s", err.msg);
    return bytes;
}

static inline void toy_unpack(Search *search, const Str *bytes)
{
    SafeFile *file = NULL;
    Error err = { 0 };
    if (safetensors_parse(bytes->text, bytes->len, "state", &file, &err) != STATUS_OK ||
        search_load(search, file, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    safetensors_close(file);
}

// Runs the search, and at every step another one from the saved state to the end of that state's
// next step: the same records and the same bytes.
static inline void toy_check_resume(Toy *toy)
{
    Search *whole = toy_open(toy);
    toy_begin(whole);
    for (bool more = true; more;) {
        Str before = toy_pack(whole);
        Search *again = toy_open(toy);
        toy_unpack(again, &before);
        Str same = toy_pack(again);
        assert_int_equal(same.len, before.len);
        assert_memory_equal(same.text, before.text, before.len);
        str_clear(&toy->log);
        more = toy_step(whole);
        char *expected = mem_strdup(str_text(&toy->log));
        str_clear(&toy->log);
        toy_step(again);
        assert_string_equal(str_text(&toy->log), expected);
        Str a = toy_pack(whole), b = toy_pack(again);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.text, b.text, a.len);
        search_free(again);
        mem_free(expected);
        str_fini(&before);
        str_fini(&same);
        str_fini(&a);
        str_fini(&b);
    }
    search_free(whole);
}

#endif
