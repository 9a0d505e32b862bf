// SPDX-License-Identifier: MIT
// Weights from PyTorch and back: tests/reference/weights.py made the golden file.
#include "tests/engine/nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/alloc.h"
#include "src/engine/weights.h"

enum { IMAGES = 4, CLASSES = 7 };
static const char golden[] = "tests/reference/goldens/weights.safetensors";

// The network of weights.py.
static Graph *reference_net(void)
{
    Graph *g = graph_new((Shape){ 9, 8, 3 });
    int x =
        add1(g, "conv1", ATTR(.kind = LAYER_CONV, .channels = 8, .kernel = 3, .pad = PAD_SAME), 0);
    x = add1(g, "bn1", ATTR(.kind = LAYER_BATCH_NORM, .affine = 1), x);
    x = add1(g, "relu", ATTR(.kind = LAYER_RELU), x);
    x = add1(g, "dw", ATTR(.kind = LAYER_DEPTHWISE, .kernel = 5, .stride = 2, .pad = 2), x);
    x = add1(g, "pw", ATTR(.kind = LAYER_CONV, .channels = 12, .kernel = 1, .groups = 2, .bias = 1),
             x);
    x = add1(g, "norm", ATTR(.kind = LAYER_LAYER_NORM, .affine = 1), x);
    x = add1(g, "attn", ATTR(.kind = LAYER_ATTENTION, .heads = 3), x);
    x = add1(g, "flat", ATTR(.kind = LAYER_FLATTEN), x);
    x = add1(g, "fc", ATTR(.kind = LAYER_LINEAR, .channels = CLASSES), x);
    add1(g, "loss", ATTR(.kind = LAYER_LOSS), x);
    return g;
}

static Plan *loaded_plan(Error *err)
{
    Graph *g = reference_net();
    Plan *plan = NULL;
    PlanOptions o = { .batch = IMAGES, .threads = 1 };
    if (plan_compile(g, &o, &plan, err) != STATUS_OK)
        fail_msg("%s", err->msg);
    graph_free(g);
    return plan;
}

static void weights_of_pytorch_give_its_logits(void **state)
{
    (void)state;
    Error err = { 0 };
    SafeFile *file;
    Plan *plan = loaded_plan(&err);
    if (weights_read(plan, golden, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(safetensors_open(golden, &file, &err), STATUS_OK);
    PassInput in = { .images = safetensors_find(file, "test.input")->data,
                     .n = IMAGES,
                     .mode = PASS_EVAL };
    assert_int_equal(plan_forward(plan, &in, NULL, &err), STATUS_OK);
    const float *expected = safetensors_find(file, "test.logits")->data;
    for (int i = 0; i < IMAGES * CLASSES; i++)
        if (!(fabsf(plan_logits(plan)[i] - expected[i]) < 2e-5f))
            fail_msg("logit %d: %g, PyTorch has %g", i, (double)plan_logits(plan)[i],
                     (double)expected[i]);
    safetensors_close(file);
    plan_free(plan);
}

// Written again, every tensor has PyTorch's name, shape and bytes.
static void what_is_written_is_what_pytorch_wrote(void **state)
{
    (void)state;
    Error err = { 0 };
    SafeFile *theirs, *ours;
    const char *dump = getenv("DARTBOARD_WEIGHTS_DUMP");
    char path[256] = "/tmp/dartboard-weights-XXXXXX";
    int fd = dump ? -1 : mkstemp(path);
    Plan *plan = loaded_plan(&err);
    assert_int_equal(weights_read(plan, golden, &err), STATUS_OK);
    if (weights_write(plan, dump ? dump : path, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(safetensors_open(golden, &theirs, &err), STATUS_OK);
    assert_int_equal(safetensors_open(dump ? dump : path, &ours, &err), STATUS_OK);
    assert_int_equal(safetensors_count(ours), plan_param_tensors(plan) + plan_buffer_tensors(plan));
    for (int i = 0; i < safetensors_count(ours); i++) {
        const SafeTensor *a = safetensors_at(ours, i), *b = safetensors_find(theirs, a->name);
        if (!b || a->rank != b->rank || a->bytes != b->bytes ||
            memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) != 0 ||
            memcmp(a->data, b->data, a->bytes) != 0)
            fail_msg("%s is not what PyTorch wrote", a->name);
    }
    safetensors_close(theirs);
    safetensors_close(ours);
    plan_free(plan);
    if (!dump) {
        close(fd);
        unlink(path);
    }
}

static void what_does_not_fit_is_named(void **state)
{
    (void)state;
    Error err = { 0 };
    Plan *plan = NULL;
    Graph *g = graph_new((Shape){ 9, 8, 3 });
    int x = add1(g, "conv1", ATTR(.kind = LAYER_CONV, .channels = 8, .kernel = 5), 0);
    head(g, "head", x, CLASSES, 1);
    PlanOptions o = { .batch = 1, .threads = 1 };
    assert_int_equal(plan_compile(g, &o, &plan, &err), STATUS_OK);
    assert_int_not_equal(weights_read(plan, golden, &err), STATUS_OK);
    assert_non_null(strstr(err.msg, "conv1.weight"));
    assert_non_null(strstr(err.msg, golden));
    plan_free(plan);
    graph_free(g);
}

static void an_allocation_that_fails_is_an_error(void **state)
{
    (void)state;
    Error err = { 0 };
    char path[64] = "/tmp/dartboard-weights-XXXXXX";
    int fd = mkstemp(path), failures = 0;
    Plan *plan = loaded_plan(&err);
    Status status = STATUS_NOMEM;
    for (int64_t n = 0; status != STATUS_OK; n++, failures++) {
        alloc_fail_after(n);
        status = weights_read(plan, golden, &err);
        alloc_fail_after(-1);
        assert_true(status == STATUS_OK || status == STATUS_NOMEM);
    }
    status = STATUS_NOMEM;
    for (int64_t n = 0; status != STATUS_OK; n++, failures++) {
        alloc_fail_after(n);
        status = weights_write(plan, path, &err);
        alloc_fail_after(-1);
        assert_true(status == STATUS_OK || status == STATUS_NOMEM);
    }
    assert_true(failures > 5);
    plan_free(plan);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_of_pytorch_give_its_logits),
        cmocka_unit_test(what_is_written_is_what_pytorch_wrote),
        cmocka_unit_test(what_does_not_fit_is_named),
        cmocka_unit_test(an_allocation_that_fails_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
