// SPDX-License-Identifier: MIT
// The gradient of GDAS: what operators get that did not run. By a formula on a net of one mix, and
// on the supernet of tiny_space.h against PyTorch running the published cell
// (tests/reference/gdas_gradient.py); DARTBOARD_GDAS_DUMP=FILE makes this program write what that
// script starts from instead of testing.
#include "tests/search/toy_darts.h"

enum { BATCH = 8, EDGES = 6, OPS = 4, ALPHAS = EDGES * OPS, SAMPLES = 3, CLASSES = 3 };
static const double taus[SAMPLES] = { 10, 1, 0.5 };
static const char start_path[] = "tests/reference/goldens/gdas_start.safetensors";
static const char golden_path[] = "tests/reference/goldens/gdas.safetensors";

// ---- one mix ------------------------------------------------------------------------------------

// Two edges of two convolutions into one node, global pool, linear, loss. With `shuffled`, every
// operator ends in a shuffle of a concatenation, which the engine sums part by part.
enum { WIDTH = 8, SIDE = 4 };
typedef struct {
    Graph *graph;
    Plan *plan;
    float images[BATCH * SIDE * SIDE * 2];
    int labels[BATCH];
} OneMix;

static int layer(Graph *g, const char *name, LayerAttr attr, int input)
{
    Error err = { 0 };
    int node = graph_add(g, name, &attr, &input, 1, &err);
    if (node < 0)
        fail_msg("%s", err.msg);
    return node;
}

static int operator_of(Graph *g, const char *name, bool shuffled, int input)
{
    char part[64];
    Error err = { 0 };
    LayerAttr conv = { .kind = LAYER_CONV, .kernel = 1, .channels = shuffled ? WIDTH / 2 : WIDTH };
    int half[2];
    for (int i = 0; i < (shuffled ? 2 : 1); i++) {
        snprintf(part, sizeof part, "%s.%d", name, i);
        half[i] = layer(g, part, conv, input);
    }
    if (!shuffled)
        return half[0];
    LayerAttr concat = { .kind = LAYER_CONCAT };
    int both = graph_add(g, name, &concat, half, 2, &err);
    return layer(g, name, (LayerAttr){ .kind = LAYER_SHUFFLE, .groups = 2 }, both);
}

static void one_mix(OneMix *m, bool shuffled, const char *isa)
{
    static const MixRef refs[4] = { { 0, 0, 0 }, { 0, 0, 1 }, { 0, 1, 0 }, { 0, 1, 1 } };
    Error err = { 0 };
    PlanOptions options = { .batch = BATCH, .threads = 1, .isa = isa };
    Graph *g = m->graph = graph_new((Shape){ SIDE, SIDE, 2 });
    int ops[4];
    graph_add_table(g, "cell", 2, 3, &err);
    int stem = layer(g, "stem", (LayerAttr){ .kind = LAYER_CONV, .kernel = 1, .channels = 4 }, 0);
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "op%d", i);
        ops[i] = operator_of(g, name, shuffled, stem);
    }
    int x = graph_add_mix(g, "node", (Shape){ SIDE, SIDE, WIDTH }, ops, refs, 4, &err);
    x = layer(g, "pool", (LayerAttr){ .kind = LAYER_GLOBAL_POOL }, x);
    x = layer(g, "linear", (LayerAttr){ .kind = LAYER_LINEAR, .channels = CLASSES, .bias = 1 }, x);
    layer(g, "loss", (LayerAttr){ .kind = LAYER_LOSS }, x);
    assert_int_equal(plan_compile(g, &options, &m->plan, &err), STATUS_OK);
    plan_init_params(m->plan, 3);
    plan_params_changed(m->plan);
    Rng rng = rng_new(8);
    for (size_t i = 0; i < sizeof m->images / sizeof *m->images; i++)
        m->images[i] = (float)rng_normal(&rng);
    for (int i = 0; i < BATCH; i++)
        m->labels[i] = i % CLASSES;
}

static const float *linear_weight(const Plan *plan)
{
    for (int i = 0; i < plan_param_tensors(plan); i++)
        if (strcmp(plan_param_info(plan, i)->name, "linear.weight") == 0)
            return plan_params((Plan *)(uintptr_t)plan) + plan_param_info(plan, i)->offset;
    fail_msg("the net has no linear.weight");
    return NULL;
}

// Sum over images and channels of dL/d(pooled) = (softmax - one hot) / N W^T: pooling divides the
// gradient by as many pixels as the sum runs over.
static double rest_of(const OneMix *m)
{
    const float *logits = plan_logits(m->plan), *w = linear_weight(m->plan);
    double sum = 0;
    for (int n = 0; n < BATCH; n++) {
        double p[OPS];
        weights_softmax(logits + n * CLASSES, NULL, CLASSES, 1, p);
        for (int k = 0; k < CLASSES; k++)
            for (int c = 0; c < WIDTH; c++)
                sum += (p[k] - (k == m->labels[n])) / BATCH * (double)w[c * CLASSES + k];
    }
    return sum;
}

static void check_rest(OneMix *m, const bool active[6])
{
    Error err = { 0 };
    PassResult result = { 0 };
    float weights[6];
    PassInput input = { .images = m->images, .labels = m->labels, .n = BATCH, .mode = PASS_TRAIN };
    for (int i = 0; i < 6; i++)
        weights[i] = active[i] ? 1 : 0;
    plan_set_mix(m->plan, 0, weights, active);
    assert_int_equal(plan_forward(m->plan, &input, &result, &err), STATUS_OK);
    assert_int_equal(plan_backward(m->plan, GRAD_MIX, &err), STATUS_OK);
    const double *rest = plan_mix_rest(m->plan, 0), expected = rest_of(m);
    assert_true(fabs(expected) > 1e-3);
    for (int row = 0; row < 2; row++)
        if (fabs(rest[row] - expected) > 1e-5 * fabs(expected) + 1e-7)
            fail_msg("row %d: %g, by the formula %g", row, rest[row], expected);
}

static void the_rest_of_a_row_is_the_sum_of_its_maps_gradient(void **state)
{
    (void)state;
    // columns 0 and 1 run something, column 2 is none
    static const bool active[4][6] = { { true, false, false, false, true, false },
                                       { false, false, true, true, false, false },
                                       { false, false, true, false, false, true }, // nothing runs
                                       { true, true, true, true, true, true } };
    static const char *const isa[2] = { NULL, "reference" };
    for (int i = 0; i < 16; i++) {
        OneMix m;
        one_mix(&m, i % 2 == 1, isa[i / 2 % 2]);
        check_rest(&m, active[i / 4]);
        plan_free(m.plan);
        graph_free(m.graph);
    }
}

// ---- the supernet against PyTorch ---------------------------------------------------------------

static Toy toy;
static Darts *d;

static void open_search(void)
{
    toy_init(&toy, "gdas");
    tiny_nb201(&toy.tiny);
    toy.ctx.options.batch = BATCH;
    toy.ctx.options.alpha.init = 0.7;
    d = toy_darts(&toy);
    assert_int_equal(d->alpha.n, ALPHAS);
}

// Operator k leads on an edge, but not by so much that the gradient vanishes.
static void favour(float *noise, int edge, int k)
{
    for (int i = edge * OPS; i < (edge + 1) * OPS; i++)
        noise[i] = i == edge * OPS + k ? 4 : 0.3f * noise[i];
}

// Gumbel noise; the second sample takes `none` on both edges into node 2, so that nothing runs
// there, the third into node 1 too, and reads both by skips. (All of a cell would say nothing: a
// batch norm reads its sum.)
static void make_noise(float noise[SAMPLES][ALPHAS])
{
    static const int favourite[SAMPLES][EDGES] = { { -1, -1, -1, -1, -1, -1 },
                                                   { -1, 0, 0, -1, -1, 2 },
                                                   { 0, 0, 0, 3, 2, 2 } };
    Rng rng = rng_new(31);
    for (int i = 0; i < SAMPLES * ALPHAS; i++)
        noise[i / ALPHAS][i % ALPHAS] = (float)-log(-log(rng_uniform(&rng)));
    for (int s = 0; s < SAMPLES; s++)
        for (int e = 0; e < EDGES; e++)
            if (favourite[s][e] >= 0)
                favour(noise[s], e, favourite[s][e]);
}

static int dump(const char *path)
{
    Book book = { 0 };
    SearchState state;
    Error err = { 0 };
    float noise[SAMPLES][ALPHAS];
    int32_t labels[BATCH];
    open_search();
    const Plan *plan = d->t.plan;
    const Batch *batch = feed_next(d->t.valid);
    for (int i = 0; i < plan_param_tensors(plan); i++) {
        const ParamInfo *info = plan_param_info(plan, i);
        char name[200];
        float *torch = arena_alloc(&book.arena, info->count, sizeof *torch);
        snprintf(name, sizeof name, "w.%s", info->name);
        plan_param_to_torch(plan, i, plan_params(d->t.plan) + info->offset, torch);
        book_put(&book, name, SAFE_F32, torch, (int64_t)info->count);
        SafeTensor *t = &book.tensors[book.n - 1];
        t->rank = plan_param_torch_shape(plan, i, t->shape);
    }
    for (int i = 0; i < BATCH; i++)
        labels[i] = batch->labels[i];
    make_noise(noise);
    book_put(&book, "images", SAFE_F32, batch->images, BATCH * TOY_SIDE * TOY_SIDE);
    book_put(&book, "labels", SAFE_I32, labels, BATCH);
    book_put(&book, "alpha", SAFE_F32, d->alpha.value, ALPHAS);
    book_put(&book, "noise", SAFE_F32, noise, SAMPLES * ALPHAS);
    book_copy(&book, "tau", SAFE_F64, taus, SAMPLES);
    Status status = book_finish(&book, &state, &err);
    if (status == STATUS_OK)
        status = safetensors_write(path, state.tensors, state.n_tensors, NULL, 0, &err);
    if (status != STATUS_OK)
        fprintf(stderr, "%s\n", err.msg);
    book_fini(&book);
    toy_darts_close(&toy, d);
    return status != STATUS_OK;
}

static SafeFile *open_file(const char *path)
{
    Error err = { 0 };
    SafeFile *file = NULL;
    if (safetensors_open(path, &file, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    return file;
}

static const void *tensor(const SafeFile *file, const char *name, size_t bytes)
{
    const SafeTensor *t = safetensors_find(file, name);
    if (!t || t->bytes != bytes)
        fail_msg("no tensor '%s' of %d bytes in the goldens", name, (int)bytes);
    return t->data;
}

static void take_start(const SafeFile *start)
{
    Plan *plan = d->t.plan;
    for (int i = 0; i < plan_param_tensors(plan); i++) {
        const ParamInfo *info = plan_param_info(plan, i);
        char name[200];
        snprintf(name, sizeof name, "w.%s", info->name);
        const float *w = tensor(start, name, info->count * sizeof *w);
        plan_param_from_torch(plan, i, w, plan_params(plan) + info->offset);
    }
    plan_params_changed(plan);
    memcpy(d->alpha.value, tensor(start, "alpha", ALPHAS * sizeof(float)), ALPHAS * sizeof(float));
}

// Softmax of (alpha + noise) / tau and its one-hot.
static void take_sample(const float *noise, double tau)
{
    for (int e = 0; e < EDGES; e++) {
        float noisy[OPS];
        int best = 0;
        for (int k = 0; k < OPS; k++) {
            noisy[k] = d->alpha.value[e * OPS + k] + noise[e * OPS + k];
            best = noisy[k] > noisy[best] ? k : best;
        }
        weights_softmax(noisy, NULL, OPS, 1 / tau, d->soft + e * OPS);
        for (int k = 0; k < OPS; k++) {
            d->p[e * OPS + k] = k == best;
            d->active[e * OPS + k] = k == best;
        }
    }
    darts_mix_exact(d, d->p, d->active);
}

static void check_sample(const SafeFile *start, const SafeFile *golden, int sample)
{
    Error err = { 0 };
    PassResult result = { 0 };
    const float *noise = tensor(start, "noise", SAMPLES * ALPHAS * sizeof *noise);
    const double *loss = tensor(golden, "loss", SAMPLES * sizeof *loss);
    const double *expected = tensor(golden, "gradient", SAMPLES * ALPHAS * sizeof *expected);
    PassInput input = { .images =
                            tensor(start, "images", sizeof(float) * BATCH * TOY_SIDE * TOY_SIDE),
                        .labels = tensor(start, "labels", BATCH * sizeof(int32_t)),
                        .n = BATCH,
                        .mode = PASS_BATCH };
    double grad[ALPHAS], scale = 0;
    take_sample(noise + sample * ALPHAS, taus[sample]);
    assert_int_equal(plan_forward(d->t.plan, &input, &result, &err), STATUS_OK);
    assert_int_equal(plan_backward(d->t.plan, GRAD_MIX, &err), STATUS_OK);
    assert_true(fabs(result.loss - loss[sample]) < 1e-5);
    darts_read_mix(d, d->raw);
    gdas_backward(&d->alpha, taus[sample], d->soft, d->raw, grad);
    for (int i = 0; i < ALPHAS; i++)
        scale = fmax(scale, fabs(expected[sample * ALPHAS + i]));
    assert_true(scale > 1e-6);
    for (int i = 0; i < ALPHAS; i++)
        if (fabs(grad[i] - expected[sample * ALPHAS + i]) > 2e-5 * scale)
            fail_msg("sample %d, entry %d: %g, PyTorch %g (largest %g)", sample, i, grad[i],
                     expected[sample * ALPHAS + i], scale);
}

static void the_gradient_is_that_of_the_published_cell(void **state)
{
    (void)state;
    SafeFile *start = open_file(start_path), *golden = open_file(golden_path);
    open_search();
    take_start(start);
    for (int s = 0; s < SAMPLES; s++)
        check_sample(start, golden, s);
    toy_darts_close(&toy, d);
    safetensors_close(start);
    safetensors_close(golden);
}

// In cells of the other skeleton the published code leaves operators out that were not sampled.
static void cells_in_a_chain_give_nothing_to_what_did_not_run(void **state)
{
    (void)state;
    Error err = { 0 };
    PassResult result = { 0 };
    toy_init(&toy, "gdas");
    d = toy_darts(&toy);
    darts_mix(d, MIX_FOR_ALPHA);
    assert_int_equal(
        trainer_forward(&d->t, feed_next(d->t.valid), PASS_TRAIN, PASS_STREAM_VALID, &result, &err),
        STATUS_OK);
    assert_int_equal(plan_backward(d->t.plan, GRAD_MIX, &err), STATUS_OK);
    darts_read_mix(d, d->raw);
    int ran = 0;
    for (int i = 0; i < d->alpha.n; i++) {
        ran += d->active[i] && d->raw[i] != 0;
        assert_true(d->active[i] || d->raw[i] == 0);
    }
    assert_true(ran > 3);
    toy_darts_close(&toy, d);
}

int main(void)
{
    const char *path = getenv("DARTBOARD_GDAS_DUMP");
    if (path)
        return dump(path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_of_a_row_is_the_sum_of_its_maps_gradient),
        cmocka_unit_test(the_gradient_is_that_of_the_published_cell),
        cmocka_unit_test(cells_in_a_chain_give_nothing_to_what_did_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
