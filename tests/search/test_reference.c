// SPDX-License-Identifier: MIT
// DARTS against PyTorch, step for step: the same supernet, weights and batches, 20 steps of first
// and second order. tests/reference/supernet_steps.py makes the numbers; DARTBOARD_STEPS_DUMP=FILE
// makes this program write what that script starts from instead of testing.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "src/base/alloc.h"
#include "src/search/darts.h"
#include "src/search/table.h"
#include "tests/reference/steps_space.h"

enum { STEPS = 20, BATCH = 16, EPOCHS = 2, SEED = 1, PROJECTIONS = 64 };
enum { STRICT_FIRST = 10, STRICT_SECOND = 5 }; // steps before flips
enum { ALPHAS = 2 * STEPS_EDGES * STEPS_OPS };

// How far a run may be from PyTorch's float64 run: as far as PyTorch's float32 run is, times
// SLACK, plus what rounding alone makes of numbers of this size.
static const double slack = 3, least = 1e-6;
// Gradients from equal weights, where no ReLU and no pooling window decides differently.
// (Half of the 1e-5 asked for: leaving weight decay out of the unrolled step makes 8e-6.)
static const double gradient_limit = 5e-6;

typedef struct {
    StepsSpace space;
    Dataset *data;
    Split split;
    SearchContext ctx;
    Darts *d;
    SafeFile *start, *expected;
} Rig;

static Rig rig;

// ---- the search ---------------------------------------------------------------------------------

static void set_options(SearchOptions *o, SearchOrder order, const char *isa)
{
    *o = (SearchOptions){ .strategy = "darts",
                          .epochs = EPOCHS,
                          .batch = BATCH,
                          .order = order,
                          .step_order = STEP_ALPHA_FIRST,
                          .seed = SEED,
                          .threads = 1,
                          .isa = isa,
                          .w = { 0.025, 0.001, 0.9, 3e-4, 5, false },
                          .alpha = { 3e-4, 0.5, 0.999, 1e-3, 1e-3, 0 },
                          .partial = 1,
                          .pdarts_stages = 1 };
}

static void open_search(SearchOrder order, const char *isa)
{
    Error err = { 0 };
    void *self = NULL;
    DataSpec spec = { .name = "digits", .share_dir = "." };
    SplitOptions split = split_defaults();
    split.subset = 2 * STEPS / EPOCHS * BATCH;
    steps_space(&rig.space);
    if (data_open(&spec, &rig.data, &err) != STATUS_OK ||
        split_new(rig.data, &split, &rig.split, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    rig.ctx = (SearchContext){ .space = &rig.space.space, .data = rig.data, .split = &rig.split };
    health_limits_default(&rig.ctx.health);
    set_options(&rig.ctx.options, order, isa);
    if (strategy_darts.open(&rig.ctx, &self, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    rig.d = self;
}

static void close_search(void)
{
    strategy_darts.close(rig.d);
    split_fini(&rig.split);
    data_free(rig.data);
    safetensors_close(rig.start);
    safetensors_close(rig.expected);
    rig = (Rig){ 0 };
}

// Which images the next STEPS batches hold; the feed is put back.
static void read_indices(Feed *feed, int *out)
{
    for (int b = 0; b < STEPS; b++) {
        const Batch *batch = feed_next(feed);
        assert_int_equal(batch->n, BATCH);
        memcpy(out + b * BATCH, batch->indices, BATCH * sizeof *out);
    }
    feed_seek(feed, 0);
}

// All parameters, or running statistics, one after the other in PyTorch's order of elements.
static float *flat_params(const float *stored)
{
    const Plan *plan = rig.d->t.plan;
    float *flat = mem_array(rig.d->t.n_w, sizeof *flat);
    for (int i = 0; i < plan_param_tensors(plan); i++) {
        const ParamInfo *info = plan_param_info(plan, i);
        plan_param_to_torch(plan, i, stored + info->offset, flat + info->offset);
    }
    return flat;
}

static float *flat_buffers(size_t *count)
{
    Plan *plan = rig.d->t.plan;
    size_t n = 0, at = 0;
    for (int i = 0; i < plan_buffer_tensors(plan); i++)
        n += plan_buffer_info(plan, i)->count;
    float *flat = mem_array(n, sizeof *flat);
    for (int i = 0; i < plan_buffer_tensors(plan); i++) {
        const ParamInfo *info = plan_buffer_info(plan, i);
        memcpy(flat + at, plan_buffers(plan) + info->offset, info->count * sizeof *flat);
        at += info->count;
    }
    *count = n;
    return flat;
}

// ---- what the script starts from ----------------------------------------------------------------

static void put(Book *book, const char *prefix, int index)
{
    const Plan *plan = rig.d->t.plan;
    const ParamInfo *info = plan_param_info(plan, index);
    char name[256];
    float *torch = arena_alloc(&book->arena, info->count, sizeof *torch);
    snprintf(name, sizeof name, "%s.%s", prefix, info->name);
    plan_param_to_torch(plan, index, plan_params(rig.d->t.plan) + info->offset, torch);
    book_put(book, name, SAFE_F32, torch, (int64_t)info->count);
    SafeTensor *t = &book->tensors[book->n - 1];
    t->rank = plan_param_torch_shape(plan, index, t->shape);
}

static int dump(const char *path)
{
    static int train[STEPS * BATCH], valid[STEPS * BATCH];
    Book book = { 0 };
    SearchState state;
    Error err = { 0 };
    open_search(ORDER_FIRST, NULL);
    Darts *d = rig.d;
    for (int i = 0; i < plan_param_tensors(d->t.plan); i++)
        put(&book, "w", i);
    book_params(&book, "buffer", d->t.plan, true, plan_buffers(d->t.plan));
    book_put(&book, "alpha", SAFE_F32, d->alpha.value, d->alpha.n);
    read_indices(d->t.train, train);
    read_indices(d->t.valid, valid);
    book_put(&book, "train", SAFE_I32, train, STEPS * BATCH);
    book_put(&book, "valid", SAFE_I32, valid, STEPS * BATCH);
    book_copy(&book, "probe", SAFE_I32, feed_next(d->t.eval)->indices, BATCH);
    book_copy(&book, "scale", SAFE_F32, &rig.data->scale, 1);
    Status status = book_finish(&book, &state, &err);
    if (status == STATUS_OK)
        status = safetensors_write(path, state.tensors, state.n_tensors, NULL, 0, &err);
    if (status != STATUS_OK)
        fprintf(stderr, "%s\n", err.msg);
    book_fini(&book);
    close_search();
    return status != STATUS_OK;
}

// ---- the same start here ------------------------------------------------------------------------

static const void *tensor(const SafeFile *file, SafeType type, int64_t count, const char *format,
                          ...)
{
    char name[256];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const SafeTensor *t = safetensors_find(file, name);
    if (!t || t->dtype != type || t->bytes != (size_t)count * safetensors_item_size(type))
        fail_msg("no tensor '%s' of %d numbers in the goldens", name, (int)count);
    return t->data;
}

static void check_batches(Feed *feed, const char *name)
{
    int indices[STEPS * BATCH];
    const void *expected = tensor(rig.start, SAFE_I32, STEPS * BATCH, "%s", name);
    read_indices(feed, indices);
    if (memcmp(indices, expected, sizeof indices) != 0)
        fail_msg("the %s batches are not those of the goldens: make these again", name);
}

static void start_like_pytorch(SearchOrder order, const char *isa)
{
    Error err = { 0 };
    open_search(order, isa);
    if (safetensors_open("tests/reference/goldens/steps_start.safetensors", &rig.start, &err) !=
            STATUS_OK ||
        safetensors_open("tests/reference/goldens/steps.safetensors", &rig.expected, &err) !=
            STATUS_OK)
        fail_msg("%s", err.msg);
    Darts *d = rig.d;
    Plan *plan = d->t.plan;
    for (int i = 0; i < plan_param_tensors(plan); i++) {
        const ParamInfo *info = plan_param_info(plan, i);
        const float *w = tensor(rig.start, SAFE_F32, (int64_t)info->count, "w.%s", info->name);
        plan_param_from_torch(plan, i, w, plan_params(plan) + info->offset);
    }
    plan_params_changed(plan);
    assert_int_equal(d->alpha.n, ALPHAS);
    memcpy(d->alpha.value, tensor(rig.start, SAFE_F32, ALPHAS, "alpha"), ALPHAS * sizeof(float));
    check_batches(d->t.train, "train");
    check_batches(d->t.valid, "valid");
}

// ---- distances ----------------------------------------------------------------------------------

// Signs of element i in all projections, one a bit: equal bits in the script.
static uint64_t signs_of(size_t i)
{
    uint64_t bits = 0;
    for (size_t k = 0; k < PROJECTIONS; k++) {
        uint32_t h = (uint32_t)(i * PROJECTIONS + k) * 2654435761u;
        h = (h ^ h >> 15) * 0x85ebca6bu;
        h = (h ^ h >> 13) * 0xc2b2ae35u;
        bits |= (uint64_t)((h ^ h >> 16) & 1) << k;
    }
    return bits;
}

// Sums with random signs: the length of a difference of two such vectors is, but for about a
// tenth, PROJECTIONS^1/2 times that of the difference itself.
static void project(const float *x, size_t n, double out[PROJECTIONS])
{
    static uint64_t *signs;
    static size_t known;
    if (n > known) {
        signs = mem_grow(signs, n, sizeof *signs);
        assert_non_null(signs);
        for (; known < n; known++)
            signs[known] = signs_of(known);
    }
    for (int k = 0; k < PROJECTIONS; k++)
        out[k] = 0;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < PROJECTIONS; k++)
            out[k] += signs[i] >> k & 1 ? (double)x[i] : -(double)x[i];
}

static double distance(const double *x, const double *expected, int n)
{
    double off = 0, size = 0;
    for (int i = 0; i < n; i++) {
        off += (x[i] - expected[i]) * (x[i] - expected[i]);
        size += expected[i] * expected[i];
    }
    return sqrt(off / size);
}

typedef struct {
    const char *order;
    int step;
    int compared;
} Look;

// In the first steps as close as PyTorch's float32 usually is. Sooner or later a decision flips,
// in every run in another step, and alphas of second order jump by the division by a small eps:
// from then on as close as the farthest of PyTorch's runs comes to be.
static double allowed(const Look *look, const char *what)
{
    bool first = strcmp(look->order, "first") == 0;
    bool strict = look->step < (first ? STRICT_FIRST : STRICT_SECOND);
    const double *theirs = tensor(rig.expected, SAFE_F64, STEPS, "%s.%s.%s", look->order, what,
                                  strict ? "median" : "largest");
    return slack * theirs[strict ? look->step : STEPS - 1] + least;
}

static void compare(Look *look, const char *what, const double *x, int n)
{
    const double *all =
        tensor(rig.expected, SAFE_F64, (int64_t)STEPS * n, "%s.%s", look->order, what);
    double ours = distance(x, all + (ptrdiff_t)look->step * n, n), limit = allowed(look, what);
    if (getenv("DARTBOARD_STEPS_SHOW"))
        print_message("%s %2d %-10s %.2e of %.2e\n", look->order, look->step, what, ours, limit);
    look->compared++;
    if (!(ours <= limit))
        fail_msg("%s order, step %d, %s kernels: %s is %.3g from float64, PyTorch's float32 allows "
                 "%.3g",
                 look->order, look->step, plan_isa(rig.d->t.plan), what, ours, limit);
}

// ---- 20 steps -----------------------------------------------------------------------------------

// Loss on one validation batch with the weights and alphas as they are.
static double probe_loss(void)
{
    Darts *d = rig.d;
    PassResult result = { 0 };
    Error err = { 0 };
    const Batch *batch = feed_next(d->t.eval);
    darts_mix(d, MIX_FOR_ALPHA);
    assert_int_equal(trainer_forward(&d->t, batch, PASS_BATCH, PASS_STREAM_PROBE, &result, &err),
                     STATUS_OK);
    feed_seek(d->t.eval, 0);
    return result.loss;
}

// One step; returns the training loss in it.
static double one_step(void)
{
    Darts *d = rig.d;
    SearchProgress p;
    Error err = { 0 };
    double before = d->t.loss_sum;
    if (strategy_darts.step(d, &p, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    double sum = p.epoch_ended ? d->t.train_loss * BATCH * (double)trainer_epoch_steps(&d->t)
                               : d->t.loss_sum;
    return (sum - before) / BATCH;
}

static void compare_step(Look *look, double train_loss)
{
    Darts *d = rig.d;
    double alpha[ALPHAS], sums[PROJECTIONS], probe = probe_loss();
    size_t n;
    compare(look, "train", &train_loss, 1);
    compare(look, "probe", &probe, 1);
    for (int i = 0; i < ALPHAS; i++)
        alpha[i] = (double)d->alpha.value[i];
    compare(look, "alpha", alpha, ALPHAS);
    float *w = flat_params(plan_params(d->t.plan)), *buffers = flat_buffers(&n);
    project(w, d->t.n_w, sums);
    compare(look, "weights", sums, PROJECTIONS);
    project(buffers, n, sums);
    compare(look, "statistics", sums, PROJECTIONS);
    mem_free(w);
    mem_free(buffers);
}

static void check_steps(SearchOrder order, const char *isa)
{
    Look look = { .order = order == ORDER_FIRST ? "first" : "second" };
    start_like_pytorch(order, isa);
    assert_int_equal(trainer_epoch_steps(&rig.d->t), STEPS / EPOCHS);
    for (; look.step < STEPS; look.step++)
        compare_step(&look, one_step());
    assert_int_equal(rig.d->t.epoch, EPOCHS - 1);
    assert_int_equal(look.compared, 5 * STEPS);
    close_search();
}

static void first_order_steps_stay_as_close_as_pytorch(void **state)
{
    (void)state;
    check_steps(ORDER_FIRST, NULL);
}

static void second_order_steps_stay_as_close_as_pytorch(void **state)
{
    (void)state;
    check_steps(ORDER_SECOND, NULL);
}

static void so_do_steps_of_the_portable_kernels(void **state)
{
    (void)state;
    check_steps(ORDER_FIRST, "base");
    check_steps(ORDER_SECOND, "base");
}

// ---- gradients from equal weights ---------------------------------------------------------------

static void compare_gradient(const char *name, const double *x, int n)
{
    double off = distance(x, tensor(rig.expected, SAFE_F64, n, "gradient.%s", name), n);
    if (getenv("DARTBOARD_STEPS_SHOW"))
        print_message("gradient %-8s ours %.2e\n", name, off);
    if (!(off <= gradient_limit))
        fail_msg("gradient of %s is %.3g from float64", name, off);
}

static void compare_alpha_gradient(const char *name)
{
    Darts *d = rig.d;
    darts_alpha_gradient(d, d->raw, d->grad);
    compare_gradient(name, d->grad, ALPHAS);
}

static void weight_gradient(const Batch *train)
{
    Darts *d = rig.d;
    Error err = { 0 };
    PassResult result = { 0 };
    assert_int_equal(trainer_forward(&d->t, train, PASS_BATCH, PASS_STREAM_TRAIN, &result, &err),
                     STATUS_OK);
    assert_int_equal(plan_backward(d->t.plan, GRAD_WEIGHTS, &err), STATUS_OK);
    float *g = flat_params(plan_grads(d->t.plan));
    const float *kept = tensor(rig.expected, SAFE_F32, (int64_t)d->t.n_w, "gradient.weights");
    double off = 0, size = 0;
    for (size_t i = 0; i < d->t.n_w; i++) {
        off += ((double)g[i] - (double)kept[i]) * ((double)g[i] - (double)kept[i]);
        size += (double)kept[i] * (double)kept[i];
    }
    if (!(sqrt(off / size) <= gradient_limit))
        fail_msg("gradient of the weights is %.3g from float64", sqrt(off / size));
    mem_free(g);
}

static void check_gradients(const char *isa)
{
    Error err = { 0 };
    PassResult result = { 0 };
    start_like_pytorch(ORDER_SECOND, isa);
    Darts *d = rig.d;
    const Batch *train = feed_next(d->t.train), *valid = feed_next(d->t.valid);
    darts_mix(d, MIX_FOR_ALPHA);
    assert_int_equal(trainer_forward(&d->t, valid, PASS_BATCH, PASS_STREAM_VALID, &result, &err),
                     STATUS_OK);
    assert_int_equal(plan_backward(d->t.plan, GRAD_MIX, &err), STATUS_OK);
    darts_read_mix(d, d->raw);
    compare_alpha_gradient("first");
    assert_int_equal(darts_second_order(d, train, valid, &err), STATUS_OK);
    compare_alpha_gradient("second");
    weight_gradient(train);
    close_search();
}

static void gradients_from_equal_weights_agree_with_float64(void **state)
{
    (void)state;
    check_gradients(NULL);
    check_gradients("reference");
}

int main(void)
{
    const char *path = getenv("DARTBOARD_STEPS_DUMP");
    if (path)
        return dump(path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_from_equal_weights_agree_with_float64),
        cmocka_unit_test(first_order_steps_stay_as_close_as_pytorch),
        cmocka_unit_test(second_order_steps_stay_as_close_as_pytorch),
        cmocka_unit_test(so_do_steps_of_the_portable_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
