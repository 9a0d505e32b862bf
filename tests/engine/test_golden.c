// SPDX-License-Identifier: MIT
#include "tests/engine/net_text.h"

#include <glob.h>
#include <math.h>

// Values and all gradients against PyTorch in float64 (tests/reference/make_goldens.py).

enum { BATCH = 5 };
static const double limit = 2e-4;

static uint32_t hash_name(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}

static void fill_param(Plan *plan, int index)
{
    const ParamInfo *p = plan_param_info(plan, index);
    float *torch = malloc(p->count * sizeof *torch);
    int64_t shape[4];
    int rank = plan_param_torch_shape(plan, index, shape);
    test_fill(torch, p->count, hash_name(p->name));
    float scale = (float)sqrt(3.0 / ((double)p->count / (double)shape[0]));
    size_t len = strlen(p->name);
    bool weight = len > 7 && strcmp(p->name + len - 7, ".weight") == 0;
    for (size_t i = 0; i < p->count; i++)
        torch[i] = rank > 1 ? torch[i] * scale : weight ? 1 + 0.3f * torch[i] : 0.2f * torch[i];
    plan_param_from_torch(plan, index, torch, plan_params(plan) + p->offset);
    free(torch);
}

static void fill_plan(Plan *plan, const Graph *g)
{
    for (int i = 0; i < plan_param_tensors(plan); i++)
        fill_param(plan, i);
    plan_params_changed(plan);
    for (int i = 0; i < plan_buffer_tensors(plan); i++) {
        const ParamInfo *b = plan_buffer_info(plan, i);
        float *x = plan_buffers(plan) + b->offset, one = i % 2 ? 1 : 0;
        test_fill(x, b->count, i % 2 ? 12 : 11);
        for (size_t k = 0; k < b->count; k++)
            x[k] = one + 0.3f * x[k];
    }
    for (int t = 0; t < graph_tables(g); t++) {
        int rows, cols;
        graph_table_size(g, t, &rows, &cols);
        float *w = malloc((size_t)(rows * cols) * sizeof *w);
        test_fill(w, (size_t)(rows * cols), 7 + (uint32_t)t);
        plan_set_mix(plan, t, w, NULL);
        free(w);
    }
}

typedef struct {
    const char *path, *name;
    double norm, dot; // expected
} Golden;

static void compare(const Golden *e, const float *x, size_t n)
{
    double norm = 0, dot = 0;
    uint32_t state = hash_name(e->name) ^ 12345;
    for (size_t i = 0; i < n; i++) {
        norm += (double)x[i] * x[i];
        dot += (double)x[i] * (double)test_uniform(&state);
    }
    norm = sqrt(norm);
    // What is zero in exact arithmetic (a bias before a batch norm) is a sum of roundings here.
    double scale = e->norm > 1e-3 ? e->norm : 1e-3;
    if (!(fabs(norm - e->norm) <= limit * scale) || !(fabs(dot - e->dot) <= 3 * limit * scale))
        fail_msg("%s: %s has norm %.9g and projection %.9g, expected %.9g and %.9g", e->path,
                 e->name, norm, dot, e->norm, e->dot);
}

static bool compare_param(const Plan *plan, const Golden *e)
{
    for (int i = 0; i < plan_param_tensors(plan); i++) {
        const ParamInfo *p = plan_param_info(plan, i);
        if (strcmp(p->name, e->name) != 0)
            continue;
        float *torch = malloc(p->count * sizeof *torch);
        plan_param_to_torch(plan, i, plan_grads(plan) + p->offset, torch);
        compare(e, torch, p->count);
        free(torch);
        return true;
    }
    return false;
}

static bool compare_buffer(Plan *plan, const Golden *e)
{
    for (int i = 0; i < plan_buffer_tensors(plan); i++) {
        const ParamInfo *p = plan_buffer_info(plan, i);
        if (strcmp(p->name, e->name) == 0) {
            compare(e, plan_buffers(plan) + p->offset, p->count);
            return true;
        }
    }
    return false;
}

static void compare_table(const Plan *plan, const Graph *g, const Golden *e)
{
    int rows, cols, t = atoi(e->name + 5);
    graph_table_size(g, t, &rows, &cols);
    float *x = malloc((size_t)(rows * cols) * sizeof *x);
    for (int i = 0; i < rows * cols; i++)
        x[i] = (float)plan_mix_grad(plan, t)[i];
    compare(e, x, (size_t)(rows * cols));
    free(x);
}

static int class_count(const Graph *g)
{
    const int *in;
    graph_inputs(g, graph_main_loss(g), &in);
    return graph_shape(g, in[0]).c;
}

static void compare_line(Plan *plan, const Graph *g, const PassResult *r, const Golden *e)
{
    if (strcmp(e->name, "loss") == 0) {
        if (!(fabs(r->loss - e->norm) <= 1e-5 * fabs(e->norm)))
            fail_msg("%s: loss %.9g, expected %.9g", e->path, r->loss, e->norm);
    } else if (strcmp(e->name, "logits") == 0) {
        compare(e, plan_logits(plan), (size_t)(BATCH * class_count(g)));
    } else if (strncmp(e->name, "table", 5) == 0) {
        compare_table(plan, g, e);
    } else if (!compare_param(plan, e) && !compare_buffer(plan, e)) {
        fail_msg("%s: no tensor '%s'", e->path, e->name);
    }
}

static void run_pass(Plan *plan, const Graph *g, PassMode mode, PassResult *result)
{
    Error err = { 0 };
    Shape in = graph_shape(g, 0);
    int labels[BATCH];
    float *images = malloc((size_t)(BATCH * in.h * in.w * in.c) * sizeof *images);
    test_fill(images, (size_t)(BATCH * in.h * in.w * in.c), 100);
    for (int i = 0; i < BATCH; i++)
        labels[i] = i * 5 % class_count(g);
    PassInput input = { .images = images, .labels = labels, .n = BATCH, .mode = mode };
    assert_int_equal(plan_forward(plan, &input, result, &err), STATUS_OK);
    assert_int_equal(plan_backward(plan, GRAD_WEIGHTS | GRAD_MIX, &err), STATUS_OK);
    free(images);
}

static void check_net(const char *path, const char *isa, bool train)
{
    char golden[512], text[512], mode[8], name[128];
    snprintf(golden, sizeof golden, "%.*s.golden", (int)strlen(path) - 4, path);
    Graph *g = read_net(path);
    Plan *plan;
    Error err = { 0 };
    PassResult result;
    PlanOptions options = { .batch = BATCH, .threads = 2, .isa = isa };
    if (plan_compile(g, &options, &plan, &err) != STATUS_OK)
        fail_msg("%s: %s", path, err.msg);
    fill_plan(plan, g);
    run_pass(plan, g, train ? PASS_TRAIN : PASS_EVAL, &result);
    FILE *f = fopen(golden, "r");
    if (!f)
        fail_msg("cannot open %s", golden);
    int lines = 0;
    while (fgets(text, sizeof text, f)) {
        Golden e = { .path = path, .name = name };
        if (sscanf(text, "%7s %127s %lf %lf", mode, name, &e.norm, &e.dot) < 3 ||
            (strcmp(mode, "train") == 0) != train)
            continue;
        compare_line(plan, g, &result, &e);
        lines++;
    }
    assert_true(lines > 3);
    fclose(f);
    plan_free(plan);
    graph_free(g);
}

static void check_all(const char *isa, bool train)
{
    glob_t found;
    assert_int_equal(glob("tests/reference/goldens/*.net", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_net(found.gl_pathv[i], isa, train);
    assert_true(found.gl_pathc > 20);
    globfree(&found);
}

static void training_passes_agree_with_pytorch(void **state)
{
    (void)state;
    check_all("reference", true);
}

static void passes_with_running_statistics_agree_with_pytorch(void **state)
{
    (void)state;
    check_all("reference", false);
}

static void the_fast_kernels_agree_with_pytorch(void **state)
{
    (void)state;
    check_all(NULL, true);
    check_all(NULL, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_passes_agree_with_pytorch),
        cmocka_unit_test(passes_with_running_statistics_agree_with_pytorch),
        cmocka_unit_test(the_fast_kernels_agree_with_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
