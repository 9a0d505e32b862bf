// SPDX-License-Identifier: MIT
// Memory that runs out at any point of a search is an error: opening, steps, saving, loading.
#include "tests/search/toy.h"

static Status emit(void *self, Json *record, Error *err)
{
    (void)self;
    Str text = { 0 };
    Status status = json_write(record, &text, err);
    str_fini(&text);
    json_free(record);
    return status;
}

static Status reload(const SearchContext *ctx, const SearchState *state, Error *err)
{
    Str bytes = { 0 };
    SafeFile *file = NULL;
    Search *search = NULL;
    Status status =
        safetensors_pack(state->tensors, state->n_tensors, state->meta, state->n_meta, &bytes, err);
    if (status == STATUS_OK)
        status = safetensors_parse(bytes.text, bytes.len, "state", &file, err);
    if (status == STATUS_OK)
        status = search_new(ctx, &search, err);
    if (status == STATUS_OK)
        status = search_load(search, file, err);
    search_free(search);
    safetensors_close(file);
    str_fini(&bytes);
    return status;
}

// Opens a search, makes steps, saves its state and loads it into another one.
static Status live(const SearchContext *ctx, int steps, Error *err)
{
    Search *search = NULL;
    SearchState state;
    SearchProgress p;
    Status status = search_new(ctx, &search, err);
    if (status != STATUS_OK)
        return status;
    status = search_begin(search, err);
    for (int i = 0; i < steps && status == STATUS_OK; i++)
        status = search_step(search, &p, err);
    if (status == STATUS_OK)
        status = search_save(search, &state, err);
    if (status == STATUS_OK)
        status = reload(ctx, &state, err);
    search_free(search);
    return status;
}

static void check(const char *strategy, int steps)
{
    Toy toy;
    Error err = { 0 };
    toy_init(&toy, strategy);
    toy.sink = (Sink){ &toy, emit };
    toy.ctx.options.batch = 8;
    toy.ctx.options.isa = "base";
    int64_t before = alloc_calls();
    if (live(&toy.ctx, steps, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    int64_t calls = alloc_calls() - before, failed = 0, tried = 0;
    // The last ones too: about 40 points of the search.
    for (int64_t n = 0; n < calls; n += 1 + calls / 40, tried++) {
        err = (Error){ 0 };
        alloc_fail_after(n);
        Status status = live(&toy.ctx, steps, &err);
        alloc_fail_after(-1);
        if (status != STATUS_OK && status != STATUS_NOMEM)
            fail_msg("%s, allocation %d of %d: status %d: %s", strategy, (int)n, (int)calls,
                     (int)status, err.msg);
        assert_true(status == STATUS_OK || err.msg[0]);
        failed += status != STATUS_OK;
    }
    // Few allocations may fail without harm: what is only shown may be left out.
    assert_true(failed * 10 > tried * 9);
    toy_fini(&toy);
}

static void darts_says_so(void **state)
{
    (void)state;
    check("darts", 3);
}

static void gdas_says_so(void **state)
{
    (void)state;
    check("gdas", 3);
}

static void discrete_searches_say_so(void **state)
{
    (void)state;
    check("random", 8);
    check("evolution", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(darts_says_so),
        cmocka_unit_test(gdas_says_so),
        cmocka_unit_test(discrete_searches_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
