// SPDX-License-Identifier: MIT
// Weights in checkpoints: PyTorch's shapes now, the engine's in older files; both load.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/alloc.h"
#include "src/search/book.h"

static Plan *small_plan(uint64_t seed)
{
    Error err = { 0 };
    Plan *plan = NULL;
    Graph *g = graph_new((Shape){ 4, 4, 2 });
    int x = 0;
    const struct {
        const char *name;
        LayerAttr attr;
    } layers[] = {
        { "conv", { .kind = LAYER_CONV, .channels = 3, .kernel = 3, .pad = PAD_SAME } },
        { "dw", { .kind = LAYER_DEPTHWISE, .kernel = 3, .pad = PAD_SAME } },
        { "bn", { .kind = LAYER_BATCH_NORM, .affine = 1 } },
        { "fc", { .kind = LAYER_LINEAR, .channels = 5 } },
        { "loss", { .kind = LAYER_LOSS } },
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        x = graph_add(g, layers[i].name, &layers[i].attr, &x, 1, &err);
    PlanOptions o = { .batch = 1, .threads = 1 };
    if (plan_compile(g, &o, &plan, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    graph_free(g);
    plan_init_params(plan, seed);
    return plan;
}

static SafeFile *packed(const SearchState *state)
{
    Error err = { 0 };
    Str bytes = { 0 };
    SafeFile *file = NULL;
    assert_int_equal(safetensors_pack(state->tensors, state->n_tensors, state->meta, state->n_meta,
                                      &bytes, &err),
                     STATUS_OK);
    assert_int_equal(safetensors_parse(bytes.text, bytes.len, "test", &file, &err), STATUS_OK);
    str_fini(&bytes);
    return file;
}

static void expect_shape(const SafeFile *file, const char *name, int rank, const int64_t *shape)
{
    Error err = { 0 };
    const SafeTensor *t;
    if (safetensors_need(file, name, SAFE_F32, rank, shape, &t, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
}

static void expect_loads(const SafeFile *file, Plan *from, Plan *to)
{
    Error err = { 0 };
    if (book_get_params(file, "w", to, false, plan_params(to), false, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    assert_memory_equal(plan_params(from), plan_params(to), plan_param_count(from) * sizeof(float));
}

static void checkpoints_have_the_shapes_of_pytorch(void **state)
{
    (void)state;
    Plan *from = small_plan(1), *to = small_plan(2);
    Book book = { 0 };
    SearchState saved;
    Error err = { 0 };
    book_params(&book, "w", from, false, plan_params(from));
    book_params(&book, "buffer", from, true, plan_buffers(from));
    assert_int_equal(book_finish(&book, &saved, &err), STATUS_OK);
    SafeFile *file = packed(&saved);
    expect_shape(file, "w.conv.weight", 4, (int64_t[]){ 3, 2, 3, 3 });
    expect_shape(file, "w.dw.weight", 4, (int64_t[]){ 3, 1, 3, 3 });
    expect_shape(file, "w.fc.weight", 2, (int64_t[]){ 5, 48 });
    expect_shape(file, "buffer.bn.running_var", 1, (int64_t[]){ 3 });
    expect_loads(file, from, to);
    safetensors_close(file);
    book_fini(&book);
    plan_free(from);
    plan_free(to);
}

static void older_checkpoints_load(void **state)
{
    (void)state;
    Plan *from = small_plan(1), *to = small_plan(2);
    SafeTensor t[16];
    char name[16][64];
    int n = plan_param_tensors(from);
    for (int i = 0; i < n; i++) {
        const ParamInfo *info = plan_param_info(from, i);
        snprintf(name[i], sizeof name[i], "w.%s", info->name);
        t[i] = (SafeTensor){ .name = name[i],
                             .dtype = SAFE_F32,
                             .rank = info->rank,
                             .data = plan_params(from) + info->offset,
                             .bytes = info->count * sizeof(float) };
        memcpy(t[i].shape, info->shape, sizeof info->shape);
    }
    SafeFile *file = packed(&(SearchState){ t, n, NULL, 0 });
    expect_loads(file, from, to);
    safetensors_close(file);
    plan_free(from);
    plan_free(to);
}

static void memory_that_runs_out_is_an_error(void **state)
{
    (void)state;
    Plan *plan = small_plan(1);
    SearchState saved;
    Status status = STATUS_NOMEM;
    int64_t n = 0;
    for (; status != STATUS_OK; n++) {
        Book book = { 0 };
        Error err = { 0 };
        alloc_fail_after(n);
        book_params(&book, "w", plan, false, plan_params(plan));
        status = book_finish(&book, &saved, &err);
        alloc_fail_after(-1);
        assert_true(status == STATUS_OK || status == STATUS_NOMEM);
        book_fini(&book);
    }
    assert_true(n > 1);
    plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_have_the_shapes_of_pytorch),
        cmocka_unit_test(older_checkpoints_load),
        cmocka_unit_test(memory_that_runs_out_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
