// SPDX-License-Identifier: MIT
// The formula that defines each remedy, on numbers that the network really computes: small nets
// whose output can be worked out by hand.
#include "tests/search/toy_darts.h"

#define NEAR(a, b, tolerance)                                                                      \
    do {                                                                                           \
        if (!(fabs((double)(a) - (double)(b)) <= (tolerance)))                                     \
            fail_msg("%s: %g, expected %g", #a, (double)(a), (double)(b));                         \
    } while (0)

// ---- one random layer ---------------------------------------------------------------------------

// Image, the layer, a linear layer that hands every element on, loss.
enum { BATCH = 64, SIDE = 4, SIZE = SIDE * SIDE };
typedef struct {
    float in[BATCH * SIZE], out[BATCH * SIZE];
} Passed;

static void pass_layer(LayerAttr attr, PassInput input, Passed *io)
{
    Error err = { 0 };
    Graph *g = graph_new((Shape){ SIDE, SIDE, 1 });
    LayerAttr linear = { .kind = LAYER_LINEAR, .channels = SIZE }, loss = { .kind = LAYER_LOSS };
    int x = 0;
    x = graph_add(g, "layer", &attr, &x, 1, &err);
    x = graph_add(g, "linear", &linear, &x, 1, &err);
    graph_add(g, "loss", &loss, &x, 1, &err);
    Plan *plan = NULL;
    PlanOptions options = { .batch = BATCH, .threads = 1 };
    assert_int_equal(plan_compile(g, &options, &plan, &err), STATUS_OK);
    float *w = plan_params(plan);
    for (int i = 0; i < SIZE * SIZE; i++)
        w[i] = i / SIZE == i % SIZE ? 1 : 0;
    plan_params_changed(plan);
    int labels[BATCH] = { 0 };
    Rng rng = rng_new(4);
    for (int i = 0; i < BATCH * SIZE; i++)
        io->in[i] = (float)(3 + 2 * rng_normal(&rng));
    input.images = io->in;
    input.labels = labels;
    input.n = BATCH;
    PassResult result;
    assert_int_equal(plan_forward(plan, &input, &result, &err), STATUS_OK);
    memcpy(io->out, plan_logits(plan), sizeof io->out);
    plan_free(plan);
    graph_free(g);
}

static double deviation(const float *x, const float *minus, int n)
{
    double mean = 0, square = 0;
    for (int i = 0; i < n; i++)
        mean += ((double)x[i] - (minus ? (double)minus[i] : 0)) / n;
    for (int i = 0; i < n; i++)
        square += pow((double)x[i] - (minus ? (double)minus[i] : 0) - mean, 2);
    return sqrt(square / (n - 1));
}

// NoisyDARTS: x + N(0, (f std(x))^2) in training, x otherwise.
static void noisy_skips_add_a_share_of_their_deviation(void **state)
{
    (void)state;
    Passed io;
    const int n = BATCH * SIZE;
    LayerAttr noise = { .kind = LAYER_NOISE, .rate = -0.2f };
    pass_layer(noise, (PassInput){ .mode = PASS_TRAIN, .seed = 3, .step = 7 }, &io);
    double std = 0.2 * deviation(io.in, NULL, n), mean = 0;
    NEAR(deviation(io.out, io.in, n), std, 5 * std / sqrt(2.0 * n));
    for (int i = 0; i < n; i++)
        mean += ((double)io.out[i] - (double)io.in[i]) / n;
    NEAR(mean, 0, 5 * std / sqrt(n));
    pass_layer(noise, (PassInput){ .mode = PASS_EVAL, .seed = 3, .step = 7 }, &io);
    assert_memory_equal(io.out, io.in, sizeof io.in);
}

// R-DARTS: a whole image is dropped with probability p, else scaled by 1 / (1 - p).
static void drop_path_drops_images_and_scales_the_others(void **state)
{
    (void)state;
    const double p = 0.3;
    int dropped = 0, images = 0;
    for (uint64_t step = 0; step < 20; step++) {
        Passed io;
        pass_layer((LayerAttr){ .kind = LAYER_DROP_PATH },
                   (PassInput){ .mode = PASS_TRAIN, .seed = 3, .step = step, .drop_path = 0.3f },
                   &io);
        for (int b = 0; b < BATCH; b++, images++) {
            const float *in = io.in + b * SIZE, *out = io.out + b * SIZE;
            double factor = out[0] == 0 ? 0 : 1 / (1 - p);
            dropped += out[0] == 0;
            for (int i = 0; i < SIZE; i++)
                NEAR(out[i], in[i] * factor, 1e-4);
        }
    }
    NEAR(dropped / (double)images, p, 5 * sqrt(p * (1 - p) / images));
}

// P-DARTS: single elements behind an identity.
static void skip_dropout_drops_elements(void **state)
{
    (void)state;
    const double p = 0.4;
    Passed io;
    pass_layer((LayerAttr){ .kind = LAYER_DROPOUT },
               (PassInput){ .mode = PASS_TRAIN, .seed = 3, .mix_dropout = 0.4f }, &io);
    int dropped = 0, mixed = 0;
    for (int b = 0; b < BATCH; b++) {
        int here = 0;
        for (int i = b * SIZE; i < (b + 1) * SIZE; i++) {
            here += io.out[i] == 0;
            NEAR(io.out[i], io.out[i] == 0 ? 0 : io.in[i] / (1 - p), 1e-4);
        }
        dropped += here;
        mixed += here > 0 && here < SIZE;
    }
    NEAR(dropped / (double)(BATCH * SIZE), p, 5 * sqrt(p * (1 - p) / (BATCH * SIZE)));
    assert_true(mixed > BATCH / 2);
}

// ---- one edge -----------------------------------------------------------------------------------

// One cell with one edge on which none and skip compete. The stem copies the image, times 1, 2, 3
// and 4, to four channels; running statistics are at their start; the head hands the pooled
// channels on.
enum { EDGE_CHANNELS = 4 };
typedef struct {
    Toy toy;
    SpaceEdge edge;
    int ops[2];
    Darts *d;
} OneEdge;

static void one_edge(OneEdge *r, void (*set)(SearchOptions *))
{
    toy_init(&r->toy, "darts");
    tiny_nb201(&r->toy.tiny);
    Space *space = &r->toy.tiny.space;
    r->ops[0] = 0;
    r->ops[1] = 2;
    r->edge = (SpaceEdge){ .from = 0, .to = 1, .n_ops = 2, .ops = r->ops };
    r->toy.tiny.cells[0].edges = &r->edge;
    r->toy.tiny.cells[0].n_edges = r->toy.tiny.cells[0].nodes = 1;
    r->toy.tiny.cells[0].max_ops = 2;
    space->net.stages = 1;
    space->classes = EDGE_CHANNELS;
    set(&r->toy.ctx.options);
    r->d = toy_darts(&r->toy);
    Plan *plan = r->d->t.plan;
    float *w = plan_params(plan);
    for (int i = 0; i < plan_param_tensors(plan); i++) {
        const ParamInfo *info = plan_param_info(plan, i);
        float *t = w + info->offset;
        bool linear = strcmp(info->name, "head.linear.weight") == 0;
        bool stem = strcmp(info->name, "stem.conv.weight") == 0;
        for (size_t k = 0; k < info->count && (linear || stem); k++)
            t[k] = linear ? (k / EDGE_CHANNELS == k % EDGE_CHANNELS ? 1 : 0) : 0;
        for (int c = 0; c < EDGE_CHANNELS && stem; c++)
            t[4 * EDGE_CHANNELS + c] = (float)(c + 1); // the middle of 3 x 3
        if (strcmp(info->name, "head.linear.bias") == 0)
            memset(t, 0, info->count * sizeof *t);
    }
    plan_params_changed(plan);
    r->d->alpha.value[0] = 0.4f;
    r->d->alpha.value[1] = -0.7f;
}

static void one_edge_close(OneEdge *r)
{
    toy_darts_close(&r->toy, r->d);
}

// Pooled channels of an image of ones; every one went through two batch norms.
static void one_edge_output(OneEdge *r, double out[EDGE_CHANNELS])
{
    float image[TOY_SIDE * TOY_SIDE];
    Error err = { 0 };
    PassResult result;
    PassInput input = { .images = image, .n = 1, .mode = PASS_EVAL };
    for (int i = 0; i < TOY_SIDE * TOY_SIDE; i++)
        image[i] = 1;
    darts_mix(r->d, MIX_FOR_ALPHA);
    assert_int_equal(plan_forward(r->d->t.plan, &input, &result, &err), STATUS_OK);
    for (int c = 0; c < EDGE_CHANNELS; c++)
        out[c] = (double)plan_logits(r->d->t.plan)[c] * (1 + 1e-5);
}

static double skip_weight(const OneEdge *r)
{
    double none = exp(r->d->alpha.value[0]), skip = exp(r->d->alpha.value[1]);
    return skip / (none + skip);
}

static void leave(SearchOptions *o)
{
    (void)o;
}

static void an_edge_is_the_softmax_weighted_sum(void **state)
{
    (void)state;
    OneEdge r;
    double out[EDGE_CHANNELS];
    one_edge(&r, leave);
    one_edge_output(&r, out);
    for (int c = 0; c < EDGE_CHANNELS; c++)
        NEAR(out[c], skip_weight(&r) * (c + 1), 1e-5);
    one_edge_close(&r);
}

// DARTS-: beta(e) x beside the mix, beta falling from its start to 0; alpha does not see it.
static void set_dartsminus(SearchOptions *o)
{
    o->dartsminus = 0.8;
    o->epochs = 4;
}

static void the_auxiliary_skip_is_added_outside_the_softmax(void **state)
{
    (void)state;
    OneEdge r;
    double out[EDGE_CHANNELS];
    one_edge(&r, set_dartsminus);
    for (int e = 0; e < 4; e++) {
        r.d->t.epoch = e - 1;
        one_edge_output(&r, out);
        for (int c = 0; c < EDGE_CHANNELS; c++)
            NEAR(out[c], (skip_weight(&r) + 0.8 * (4 - e) / 4) * (c + 1), 1e-5);
    }
    darts_update_effective(r.d);
    NEAR(r.d->effective[1], skip_weight(&r), 1e-6);
    one_edge_close(&r);
}

// PC-DARTS: the first C / K channels through the operators, the others past them, concatenated,
// then shuffled: channel g C/K + i goes to i K + g.
static void set_partial(SearchOptions *o)
{
    o->partial = 2;
}

static void partial_channels_are_mixed_and_shuffled(void **state)
{
    (void)state;
    OneEdge r;
    double out[EDGE_CHANNELS];
    one_edge(&r, set_partial);
    one_edge_output(&r, out);
    double p = skip_weight(&r), concat[EDGE_CHANNELS] = { p * 1, p * 2, 3, 4 };
    for (int g = 0; g < 2; g++)
        for (int i = 0; i < 2; i++)
            NEAR(out[i * 2 + g], concat[g * 2 + i], 1e-5);
    one_edge_close(&r);
}

// Edge weights are softmaxed over the edges into a node.
static void edge_weights_are_normalised_by_node(void **state)
{
    (void)state;
    TinySpace tiny;
    Alpha a;
    double p[64];
    tiny_darts(&tiny);
    assert_true(alpha_init(&a, &tiny.space, true, 1.0, 5));
    weights_forward(&a, WEIGHT_SOFTMAX, p);
    for (int t = 0; t < 2; t++)
        for (int e = 0; e < 5; e++) {
            double sum = 0;
            for (int k = 0; k < 5; k++)
                if (tiny.edges[k].to == tiny.edges[e].to)
                    sum += exp(a.value[a.edge_offset[t] + k]);
            NEAR(p[a.edge_offset[t] + e], exp(a.value[a.edge_offset[t] + e]) / sum, 1e-6);
        }
    alpha_fini(&a);
}

// FairDARTS: every operator by its own sigmoid, none left out of the mix.
static void set_fair(SearchOptions *o)
{
    o->fair = true;
}

static void fair_edges_are_weighted_by_sigmoids(void **state)
{
    (void)state;
    OneEdge r;
    double out[EDGE_CHANNELS];
    one_edge(&r, set_fair);
    one_edge_output(&r, out);
    for (int c = 0; c < EDGE_CHANNELS; c++)
        NEAR(out[c], (c + 1) / (1 + exp(0.7)), 1e-5);
    one_edge_close(&r);
}

// ---- schedules that the search follows ----------------------------------------------------------

// Linear from 0 to rate * (E - 1) / E, off in validation.
static void drop_path_rises_linearly(void **state)
{
    (void)state;
    Toy toy;
    SearchProgress p;
    toy_init(&toy, "darts");
    toy.ctx.options.drop_path = 0.6;
    toy.ctx.options.epochs = 4;
    Darts *d = toy_darts(&toy);
    for (int e = 0; e < 4; e++)
        do {
            p = toy_darts_step(d);
            NEAR(d->t.drop_path, 0.6 * e / 4, 1e-6);
        } while (!p.epoch_ended);
    assert_int_equal(d->t.epoch, 3);
    toy_darts_close(&toy, d);
}

// ---- decisions ----------------------------------------------------------------------------------

// OLES: 21 steps are summed and divided by 20, then what is under the threshold freezes for good.
static void oles_divides_twenty_one_steps_by_twenty(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        Toy toy;
        toy_init(&toy, "darts");
        toy.ctx.options.oles = 0.4;
        Darts *d = toy_darts(&toy);
        float *g = mem_array(d->t.n_w, sizeof *g);
        for (size_t k = 0; k < d->t.n_w; k++)
            g[k] = (float)(1 + k % 7);
        for (int step = 0; step <= MATCH_PATIENCE; step++) {
            assert_int_equal(match_frozen(&d->match), 0);
            match_step(&d->match, d->t.plan, g, g, i == 0 ? 1.049 : 1.051);
        }
        NEAR(d->match.last[0], 1.05, 1e-6); // every cosine is 1
        assert_int_equal(match_frozen(&d->match), i == 0 ? 0 : d->match.n);
        for (int step = 0; step <= MATCH_PATIENCE; step++)
            match_step(&d->match, d->t.plan, g, g, 0.1);
        assert_int_equal(match_frozen(&d->match), i == 0 ? 0 : d->match.n);
        mem_free(g);
        toy_darts_close(&toy, d);
    }
}

static double accuracy_without(Darts *d, int entry)
{
    double loss, acc;
    Error err = { 0 };
    darts_mix(d, MIX_FOR_EVAL);
    d->p[entry] = 0;
    darts_mix_exact(d, d->p, NULL);
    feed_seek(d->t.eval, 0);
    assert_int_equal(trainer_evaluate(&d->t, PASS_EVAL, 0, &loss, &acc, &err), STATUS_OK);
    return acc;
}

// DARTS-PT: the operator stays whose masking costs most accuracy; none is no candidate.
static void masking_keeps_what_costs_most(void **state)
{
    (void)state;
    Toy toy;
    toy_init(&toy, "darts");
    toy.ctx.options.pt = true;
    toy.ctx.options.epochs = 3;
    Darts *d = toy_darts(&toy);
    toy_darts_run(d, 2, 0);
    double acc[40];
    for (int i = 0; i < 40; i++)
        acc[i] = i % 4 == 0 ? INFINITY : accuracy_without(d, i);
    toy_darts_step(d);
    int decided = 0;
    for (int e = 0; e < 10; e++) {
        int choice = d->sgas.choice[e];
        if (choice < 0)
            continue;
        decided++;
        for (int k = 1; k < 4; k++)
            assert_true(acc[4 * e + choice] < acc[4 * e + k] ||
                        (acc[4 * e + choice] == acc[4 * e + k] && choice <= k));
    }
    assert_int_equal(decided, 2); // one edge of each cell type
    toy_darts_close(&toy, d);
}

// ---- SGAS ---------------------------------------------------------------------------------------

static void min_max(double *x, int n)
{
    double low = x[0], high = x[0];
    for (int i = 1; i < n; i++) {
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
    }
    for (int i = 0; i < n; i++)
        x[i] = (x[i] - low) / (high - low);
}

// importance * certainty * stability, each to 0 .. 1 over all edges of the cell, decided ones too.
static void sgas_scores_are_normalised_over_the_cell(void **state)
{
    (void)state;
    TinySpace tiny;
    Alpha a;
    Sgas s;
    double score[8], part[3][5], q[5][4] = { { 0 } };
    tiny_darts(&tiny);
    assert_true(alpha_init(&a, &tiny.space, false, 1.5, 9));
    assert_true(sgas_init(&s, &a));
    sgas_epoch(&s, &a, 0); // what stability is measured against
    double past[20];
    memcpy(past, s.past, sizeof past);
    for (int e = 0; e < 5; e++) // without none
        for (int k = 3; k >= 0; k--)
            past[4 * e + k] = k == 0 ? 0 : past[4 * e + k] / (1 - past[4 * e]);
    for (int i = 0; i < 20; i++)
        a.value[i] += 0.3f * (float)(i % 5);
    s.choice[2] = 1;
    for (int e = 0; e < 5; e++) {
        double sum = 0, entropy = 0;
        part[0][e] = part[2][e] = 0;
        for (int k = 0; k < 4; k++)
            sum += exp(a.value[4 * e + k]);
        for (int k = 1; k < 4; k++)
            part[0][e] += exp(a.value[4 * e + k]) / sum;
        for (int k = 1; k < 4; k++) {
            q[e][k] = exp(a.value[4 * e + k]) / sum / part[0][e];
            entropy -= q[e][k] * log(q[e][k]);
            part[2][e] += fmin(q[e][k], past[4 * e + k]);
        }
        part[1][e] = 1 - entropy / log(3);
    }
    for (int i = 0; i < 3; i++)
        min_max(part[i], 5);
    sgas_scores(&s, &a, 0, score);
    for (int e = 0; e < 5; e++)
        NEAR(score[e], e == 2 ? -1 : part[0][e] * part[1][e] * part[2][e], 1e-5);
    sgas_fini(&s);
    alpha_fini(&a);
}

static void sgas_search(Toy *toy, int epochs)
{
    toy_init(toy, "darts");
    SearchOptions *o = &toy->ctx.options;
    o->sgas = true;
    o->sgas_batch = 8;
    o->epochs = epochs;
    o->alpha.lr = 0.05;
    o->look_steps = 5;
}

// 8 images more after every decision, as many as there are at most; decided alphas stand still.
static void the_batch_of_sgas_grows_and_decided_alphas_stand_still(void **state)
{
    (void)state;
    Toy toy;
    SearchProgress p;
    assert_int_equal(sgas_batch(64, 8, 7, 25000), 120);
    assert_int_equal(sgas_batch(64, 8, 7, 100), 100);
    assert_int_equal(sgas_batch(64, 0, 7, 100), 64);
    sgas_search(&toy, 27);
    Darts *d = toy_darts(&toy);
    float then[40] = { 0 };
    while (d->t.epoch < 26) {
        p = toy_darts_step(d);
        int at = p.epoch_ended ? d->t.epoch : d->t.epoch + 1;
        int decisions = at <= SGAS_FIRST ? 0 : (at - 1 - SGAS_FIRST) / SGAS_EVERY + 1;
        int batch = 16 + 8 * decisions, most = toy.split.n_valid;
        batch = batch < most ? batch : most;
        assert_int_equal(d->t.ctx.options.batch, batch);
        assert_int_equal(trainer_epoch_steps(&d->t), (toy.split.n_train + batch - 1) / batch);
        for (int i = 0; i < 40; i++) {
            if (d->alpha.fixed[i] && then[i] != 0)
                assert_true(then[i] == d->alpha.value[i]);
            then[i] = d->alpha.fixed[i] ? d->alpha.value[i] : 0;
        }
    }
    int open = 0;
    for (int e = 0; e < 10; e++)
        open += d->sgas.choice[e] == -1;
    assert_true(open <= 2); // four decisions of each type, up to two edges removed with them
    assert_true(p.steps >= d->t.step);
    toy_darts_close(&toy, d);
}

static void it_resumes_across_a_larger_batch(void **state)
{
    (void)state;
    Toy toy;
    sgas_search(&toy, 16);
    toy.ctx.options.oles = 0.3;
    toy_check_resume(&toy);
    toy_fini(&toy);
}

static void memory_that_runs_out_for_a_larger_batch_is_an_error(void **state)
{
    (void)state;
    Toy toy;
    sgas_search(&toy, 12);
    toy_darts_starve(&toy, SGAS_FIRST);
    toy_fini(&toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noisy_skips_add_a_share_of_their_deviation),
        cmocka_unit_test(drop_path_drops_images_and_scales_the_others),
        cmocka_unit_test(skip_dropout_drops_elements),
        cmocka_unit_test(an_edge_is_the_softmax_weighted_sum),
        cmocka_unit_test(the_auxiliary_skip_is_added_outside_the_softmax),
        cmocka_unit_test(partial_channels_are_mixed_and_shuffled),
        cmocka_unit_test(edge_weights_are_normalised_by_node),
        cmocka_unit_test(fair_edges_are_weighted_by_sigmoids),
        cmocka_unit_test(drop_path_rises_linearly),
        cmocka_unit_test(oles_divides_twenty_one_steps_by_twenty),
        cmocka_unit_test(masking_keeps_what_costs_most),
        cmocka_unit_test(sgas_scores_are_normalised_over_the_cell),
        cmocka_unit_test(the_batch_of_sgas_grows_and_decided_alphas_stand_still),
        cmocka_unit_test(it_resumes_across_a_larger_batch),
        cmocka_unit_test(memory_that_runs_out_for_a_larger_batch_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
